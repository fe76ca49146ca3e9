//! Horizontal bars.

use super::{Axis, COLOURS, LABELS, WIDTH, escape, legend, put, short};
use std::fmt::Write as _;

/// A row of bars.
pub(crate) struct Bars {
    pub(crate) label: String,
    /// One for each series, if it has one here.
    pub(crate) values: Vec<Option<Bar>>,
}

/// A bar.
pub(crate) struct Bar {
    pub(crate) value: f64,
    /// Shown on it.
    pub(crate) shown: String,
    /// A line across it.
    pub(crate) goal: Option<f64>,
}

/// Pixels from a bar to the one beside it.
const THICK: f64 = 9.0;

/// Horizontal bars, `series` beside each other in each row, and lines at `marks`. Logarithmic bars begin at 1.
pub(crate) fn bars(series: &[&str], rows: &[Bars], log: bool, marks: &[f64]) -> String {
    let values = || {
        let bars = rows.iter().flat_map(|row| row.values.iter().flatten());
        let values = bars.flat_map(|bar| [Some(bar.value), bar.goal]).flatten();
        values.chain(marks.iter().copied())
    };
    let (high, low) = (values().fold(0.1, f64::max), values().fold(1.0, f64::min));
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
        for (at, (bar, colour)) in row.values.iter().zip(COLOURS).enumerate() {
            let Some(bar) = bar else {
                continue;
            };
            let (end, y) = (axis.at(bar.value), top + THICK * at as f64);
            let (left, width) = (start.min(end), (end - start).abs().max(1.0));
            put!(
                svg,
                r#"<rect x="{left:.1}" y="{y:.1}" width="{width:.1}" height="{}" fill="{colour}"><title>{}</title></rect>"#,
                THICK - 1.0,
                escape(&bar.shown)
            );
            let beside = if end < start { start } else { end } + 4.0;
            put!(
                svg,
                r#"<text class="value" x="{beside:.1}" y="{:.1}">{}</text>"#,
                y + 7.5,
                short(bar.value)
            );
            if let Some(goal) = bar.goal {
                line(&mut svg, axis.at(goal), [y, y + THICK - 1.0]);
            }
        }
    }
    for &mark in marks {
        line(&mut svg, axis.at(mark), [30.0, height]);
    }
    put!(svg, "</svg>");
    svg
}

/// A dashed line down the chart.
fn line(svg: &mut String, x: f64, [top, bottom]: [f64; 2]) {
    put!(
        svg,
        r#"<line class="mark" x1="{x:.1}" x2="{x:.1}" y1="{top:.1}" y2="{bottom:.1}"/>"#
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_a_line_across_its_bar_within_the_chart() {
        let row = |goal| Bars {
            label: "a case".to_owned(),
            values: vec![Some(Bar {
                value: 0.5,
                shown: String::new(),
                goal,
            })],
        };
        let svg = bars(&["f32"], &[row(Some(1.0)), row(None)], false, &[]);
        // Of 600 pixels behind the names, for 1.05.
        let line = r#"<line class="mark" x1="821.4" x2="821.4" y1="34.0" y2="42.0"/>"#;
        assert!(svg.contains(line), "{svg}");
        assert_eq!(svg.matches(r#"class="mark""#).count(), 1, "{svg}");
    }
}
