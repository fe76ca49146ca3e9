//! Charts as SVG: bars, and points and lines over logarithmic axes. Here is what both have: axes, colours, numbers.

mod bars;
mod plot;

pub(super) use bars::{Bar, Bars, bars};
pub(super) use plot::{Point, Series, plot};

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

/// Pixels of a chart, and of the names at its left.
const WIDTH: f64 = 900.0;
const LABELS: f64 = 250.0;

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
