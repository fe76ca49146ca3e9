//! Points and lines over two logarithmic axes.

use super::{Axis, COLOURS, LABELS, WIDTH, escape, legend, put, short};
use std::fmt::Write as _;

/// A point of a plot.
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Written beside it, unless empty.
    pub(crate) label: String,
    /// Shown on it.
    pub(crate) shown: String,
}

/// Points of one colour.
pub(crate) struct Series<'a> {
    pub(crate) name: &'a str,
    pub(crate) points: Vec<Point>,
    pub(crate) line: bool,
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
pub(crate) fn plot(names: [&str; 2], series: &[Series<'_>]) -> String {
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
    fn labels_do_not_lie_on_one_another() {
        let mut places = Places::default();
        let first = places.find(10.0, 10.0, 50.0);
        let second = places.find(30.0, 12.0, 50.0);
        assert!((first - second).abs() >= 10.0);
        assert!((places.find(90.0, 10.0, 10.0) - 10.0).abs() < 1e-9);
    }
}
