//! Horizontal bars.

use super::{Axis, COLOURS, LABELS, WIDTH, escape, legend, put, short};
use std::fmt::Write as _;

/// A row of bars.
pub(crate) struct Bars {
    pub(crate) label: String,
    /// One for each series, if it has one here: its value, and what is shown on it.
    pub(crate) values: Vec<Option<(f64, String)>>,
}

/// Pixels from a bar to the one beside it.
const THICK: f64 = 9.0;

/// Horizontal bars, `series` beside each other in each row, and lines at `marks`. Logarithmic bars begin at 1.
pub(crate) fn bars(series: &[&str], rows: &[Bars], log: bool, marks: &[f64]) -> String {
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
