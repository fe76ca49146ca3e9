//! Charts as SVG: bars, and points and lines over logarithmic axes.

use std::fmt::Write as _;

/// Colours that are told apart with any eyes, and in print (Okabe, Ito 2008, <https://jfly.uni-koeln.de/color/>).
const COLOURS: [&str; 6] = [
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9",
];

/// Text for HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// Appends to a text; writing to a `String` does not fail.
macro_rules! put {
    ($text:expr, $($argument:tt)*) => {{ let _ = writeln!($text, $($argument)*); }};
}
pub(super) use put;

/// A row of bars.
pub(super) struct Bars {
    pub(super) label: String,
    /// One for each series, if it has one here: its value, and what is shown on it.
    pub(super) values: Vec<Option<(f64, String)>>,
}

/// Pixels.
const WIDTH: f64 = 900.0;
const LABELS: f64 = 250.0;
const THICK: f64 = 9.0;

/// An axis of a chart: values to pixels.
struct Axis {
    log: bool,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn at(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let part = if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + part * (self.to - self.from)
    }

    /// Powers of ten, with 2 and 5 where there are few; or about five round numbers.
    fn ticks(&self) -> Vec<f64> {
        let within = |tick: &f64| (self.low * 0.999..=self.high * 1.001).contains(tick);
        if self.log {
            let decades = (self.high / self.low).log10();
            let steps: &[f64] = if decades > 3.0 {
                &[1.0]
            } else {
                &[1.0, 2.0, 5.0]
            };
            let first = self.low.log10().floor();
            let powers = (0..40).map(|i| 10f64.powf(first + f64::from(i)));
            let ticks = powers.flat_map(|power| steps.iter().map(move |step| step * power));
            return ticks
                .take_while(|tick| *tick <= self.high * 1.001)
                .filter(within)
                .collect();
        }
        let rough = self.high / 5.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
        let step = step
            .into_iter()
            .find(|step| *step >= rough)
            .unwrap_or(rough);
        (0..20)
            .map(|i| f64::from(i) * step)
            .filter(within)
            .collect()
    }
}

/// A number with three digits.
pub(super) fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 99.95 => return format!("{value:.0}"),
        size if size >= 9.995 => 1,
        size if size >= 0.01 || size == 0.0 => 2,
        _ => return format!("{value:.0e}"),
    };
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn legend(svg: &mut String, names: &[&str], top: f64) {
    let mut x = LABELS;
    for (name, colour) in names.iter().zip(COLOURS) {
        put!(
            svg,
            r#"<rect x="{x}" y="{}" width="10" height="10" fill="{colour}"/>"#,
            top - 9.0
        );
        put!(
            svg,
            r#"<text x="{}" y="{top}">{}</text>"#,
            x + 14.0,
            escape(name)
        );
        x += 30.0 + 7.0 * name.chars().count() as f64;
    }
}

/// Horizontal bars, `series` beside each other in each row, and lines at `marks`. Logarithmic bars begin at 1.
pub(super) fn bars(series: &[&str], rows: &[Bars], log: bool, marks: &[f64]) -> String {
    let values = || rows.iter().flat_map(|row| row.values.iter().flatten());
    let high = values()
        .map(|value| value.0)
        .chain(marks.iter().copied())
        .fold(0.1, f64::max);
    let low = values()
        .map(|value| value.0)
        .chain(marks.iter().copied())
        .fold(1.0, f64::min);
    let axis = Axis {
        log,
        low: if log { low / 1.1 } else { 0.0 },
        high: high * 1.05,
        from: LABELS,
        to: WIDTH - 50.0,
    };
    let pitch = THICK * series.len() as f64 + 5.0;
    let height = 40.0 + pitch * rows.len() as f64;
    let mut svg = String::new();
    put!(svg, r#"<svg viewBox="0 0 {WIDTH} {height}" role="img">"#);
    legend(&mut svg, series, 12.0);
    for tick in axis.ticks() {
        let x = axis.at(tick);
        put!(
            svg,
            r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="30" y2="{height}"/>"#
        );
        put!(
            svg,
            r#"<text class="tick" x="{x:.1}" y="27">{}</text>"#,
            short(tick)
        );
    }
    let start = axis.at(if log { 1.0 } else { 0.0 });
    for (index, row) in rows.iter().enumerate() {
        let top = 34.0 + pitch * index as f64;
        let middle = top + pitch / 2.0 + 1.0;
        put!(
            svg,
            r#"<text class="label" x="{}" y="{middle:.1}">{}</text>"#,
            LABELS - 8.0,
            escape(&row.label)
        );
        for (at, (value, colour)) in row.values.iter().zip(COLOURS).enumerate() {
            let Some((value, shown)) = value else {
                continue;
            };
            let (end, y) = (axis.at(*value), top + THICK * at as f64);
            let (left, width) = (start.min(end), (end - start).abs().max(1.0));
            put!(
                svg,
                r#"<rect x="{left:.1}" y="{y:.1}" width="{width:.1}" height="{}" fill="{colour}"><title>{}</title></rect>"#,
                THICK - 1.0,
                escape(shown)
            );
            let beside = if end < start { start } else { end } + 4.0;
            put!(
                svg,
                r#"<text class="value" x="{beside:.1}" y="{:.1}">{}</text>"#,
                y + 7.5,
                short(*value)
            );
        }
    }
    for &mark in marks {
        let x = axis.at(mark);
        put!(
            svg,
            r#"<line class="mark" x1="{x:.1}" x2="{x:.1}" y1="30" y2="{height}"/>"#
        );
    }
    put!(svg, "</svg>");
    svg
}

/// A point of a plot.
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Written beside it, unless empty.
    pub(super) label: String,
    /// Shown on it.
    pub(super) shown: String,
}

/// Points of one colour.
pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    pub(super) points: Vec<Point>,
    pub(super) line: bool,
}

/// Places for labels that do not lie on one another.
#[derive(Default)]
struct Places(Vec<[f64; 3]>);

impl Places {
    /// A height near `y` for a text of that width at `x`.
    fn find(&mut self, x: f64, y: f64, width: f64) -> f64 {
        let offsets =
            (0..30).map(|i| f64::from((i + 1) / 2) * if i % 2 == 0 { 10.0 } else { -10.0 });
        let free = |y: f64| {
            let apart = |&[left, top, wide]: &[f64; 3]| {
                (top - y).abs() >= 10.0 || left + wide < x || x + width < left
            };
            self.0.iter().all(apart)
        };
        let y = offsets
            .map(|offset| y + offset)
            .find(|&y| free(y))
            .unwrap_or(y);
        self.0.push([x, y, width]);
        y
    }
}

/// Points over two logarithmic axes of these names.
pub(super) fn plot(names: [&str; 2], series: &[Series<'_>]) -> String {
    const HEIGHT: f64 = 420.0;
    let points = || series.iter().flat_map(|series| &series.points);
    let range = |of: fn(&Point) -> f64| {
        let low = points().map(of).fold(f64::INFINITY, f64::min);
        let high = points().map(of).fold(0.0, f64::max);
        (low / 1.4, high * 1.4)
    };
    if points().next().is_none() {
        return "<p>nothing was measured</p>".to_owned();
    }
    let axis = |(low, high), from, to| Axis {
        log: true,
        low,
        high,
        from,
        to,
    };
    let (xs, ys) = (
        axis(range(|point| point.x), 70.0, WIDTH - 60.0),
        axis(range(|point| point.y), HEIGHT - 40.0, 30.0),
    );
    let mut svg = String::new();
    put!(svg, r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">"#);
    let all: Vec<&str> = series.iter().map(|series| series.name).collect();
    legend(&mut svg, &all, 12.0);
    for tick in xs.ticks() {
        let x = xs.at(tick);
        put!(
            svg,
            r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="30" y2="{}"/>"#,
            HEIGHT - 40.0
        );
        put!(
            svg,
            r#"<text class="tick" x="{x:.1}" y="{}">{}</text>"#,
            HEIGHT - 26.0,
            short(tick)
        );
    }
    for tick in ys.ticks() {
        let y = ys.at(tick);
        put!(
            svg,
            r#"<line class="grid" x1="70" x2="{}" y1="{y:.1}" y2="{y:.1}"/>"#,
            WIDTH - 60.0
        );
        put!(
            svg,
            r#"<text class="label" x="64" y="{:.1}">{}</text>"#,
            y + 3.0,
            short(tick)
        );
    }
    put!(
        svg,
        r#"<text class="tick" x="{}" y="{}">{}</text>"#,
        WIDTH / 2.0,
        HEIGHT - 8.0,
        escape(names[0])
    );
    put!(
        svg,
        r#"<text class="label" x="{}" y="12">{}</text>"#,
        LABELS - 20.0,
        escape(names[1])
    );
    let mut places = Places::default();
    for (series, colour) in series.iter().zip(COLOURS) {
        let at = |point: &Point| (xs.at(point.x), ys.at(point.y));
        if series.line {
            let path = series
                .points
                .iter()
                .map(at)
                .map(|(x, y)| format!("{x:.1},{y:.1}"));
            let path = path.collect::<Vec<_>>().join(" ");
            put!(
                svg,
                r#"<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>"#
            );
        }
        for point in &series.points {
            let (x, y) = at(point);
            put!(
                svg,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}"><title>{}</title></circle>"#,
                escape(&point.shown)
            );
            if !point.label.is_empty() {
                let width = 5.5 * point.label.chars().count() as f64;
                let y = places.find(x + 6.0, y + 3.0, width);
                put!(
                    svg,
                    r#"<text class="value" x="{:.1}" y="{y:.1}">{}</text>"#,
                    x + 6.0,
                    escape(&point.label)
                );
            }
        }
    }
    put!(svg, "</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let axis = |log, low, high| Axis {
            log,
            low,
            high,
            from: 0.0,
            to: 100.0,
        };
        assert_eq!(axis(false, 0.0, 1.2).ticks().len(), 3);
        assert_eq!(axis(true, 0.5, 20.0).ticks().len(), 6);
        assert!((axis(true, 1.0, 100.0).at(10.0) - 50.0).abs() < 1e-9);
        assert!(
            (axis(false, 0.0, 2.0).at(5.0) - 100.0).abs() < 1e-9,
            "at most the end"
        );
    }

    #[test]
    fn labels_do_not_lie_on_one_another() {
        let mut places = Places::default();
        let first = places.find(10.0, 10.0, 50.0);
        let second = places.find(30.0, 12.0, 50.0);
        assert!((first - second).abs() >= 10.0);
        assert!((places.find(90.0, 10.0, 10.0) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn numbers_have_three_digits_at_most() {
        let texts = [0.0, 0.001, 0.5, 1.0, 9.87, 10.0, 12.34, 100.0, 149.6].map(short);
        assert_eq!(
            texts,
            ["0", "1e-3", "0.5", "1", "9.87", "10", "12.3", "100", "150"]
        );
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("a<b>&\"c\""), "a&lt;b&gt;&amp;&quot;c&quot;");
    }
}
