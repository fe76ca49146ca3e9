//! What a row is without parts of its kernels.

use super::goal::Goal;
use super::report::Row;
use serde::{Deserialize, Serialize};
use wgcnn::bench::{Gain, Without};

/// Without what a row is how fast.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Less {
    /// A part of its kernels, all parts, or a kernel.
    without: String,
    /// Whether it is a kernel.
    kernel: bool,
    /// Times as fast as with it, of samples in turn.
    gain: f64,
    gain_mad: f64,
}

impl Less {
    pub(super) fn of(gain: &Gain) -> Self {
        Self {
            kernel: matches!(gain.without, Without::Kernel(_)),
            without: match &gain.without {
                Without::Part(part) => part.to_string(),
                Without::Parts => "all parts".to_owned(),
                Without::Kernel(label) => label.clone(),
            },
            gain: gain.gain.median,
            gain_mad: gain.gain.mad,
        }
    }

    /// Whether it is faster without, by more than samples deviate.
    fn matters(&self) -> bool {
        self.gain - self.gain_mad > 1.0
    }
}

/// What the figure of a row would be without each part that makes a difference, and how much of the time each kernel takes of
/// several, the largest first; empty if that has not been measured.
pub(super) fn line(row: &Row, goal: Goal) -> String {
    let Some((value, _)) = goal.figure.of(row).filter(|_| !row.parts.is_empty()) else {
        return String::new();
    };
    let mut less: Vec<_> = row.parts.iter().filter(|less| less.matters()).collect();
    less.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    let (kernels, parts): (Vec<_>, Vec<_>) = less.into_iter().partition(|less| less.kernel);
    let parts = parts.iter();
    let parts = parts.map(|less| format!("{} {:.2}", less.without, value * less.gain));
    let kernels = kernels.iter();
    let kernels =
        kernels.map(|less| format!("{} {:.0} %", less.without, 100.0 - 100.0 / less.gain));
    let listed = |head: &str, items: Vec<String>| match items.is_empty() {
        true => String::new(),
        false => format!("; {head} {}", items.join(", ")),
    };
    match listed("without", parts.collect()) + &listed("of its time", kernels.collect()) {
        none if none.is_empty() => "; no faster without any part".to_owned(),
        some => some,
    }
}

/// What [`line`] says.
pub(super) const LEGEND: &str = "without: what the figure would be if the kernels did without a part, timed in turn with them as they are, for each \
     that they are faster without by more than samples deviate; results are wrong then. Loads: numbers made of the place instead of what the layer computes from; tables: instead of weights, functions of \
     channels, indices, partial moments; stores: only of a number that never comes; moving: elements that begin within a lane stay \
     where they are; rounding, unpacking: bits instead of a conversion to and from f16; all parts: without any of these, so that \
     addresses, arithmetic and starts remain. Of its time: how much less it takes without a kernel, if it has several";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::goal::Figure;

    #[test]
    fn a_line_has_the_parts_that_make_a_difference_by_what_they_cost() {
        let goal = Goal {
            figure: Figure::CopyRatio,
            least: 0.9,
        };
        let line = |parts: serde_json::Value| {
            let json = serde_json::json!({
                "case": "a", "op": "relu", "shape": [1], "dtype": "f32", "cpu_ms": 1.0, "checked": true,
                "copy_ratio": 0.5, "parts": parts,
            });
            let row = serde_json::from_value(json);
            line(
                &row.unwrap_or_else(|error| unreachable!("a row: {error}")),
                goal,
            )
        };
        let less = |without, kernel, gain, gain_mad| serde_json::json!({ "without": without, "kernel": kernel, "gain": gain, "gain_mad": gain_mad });
        let part = |without, gain, gain_mad| less(without, false, gain, gain_mad);
        assert_eq!(line(serde_json::json!([])), "");
        let (stores, tables) = (part("stores", 1.2, 0.1), part("tables", 1.2, 0.2));
        let parts = serde_json::json!([stores, tables, part("loads", 3.0, 0.1)]);
        assert_eq!(line(parts), "; without loads 1.50, stores 0.60");
        let (first, second) = (less("conv", true, 4.0, 0.0), less("pack", true, 1.0, 0.0));
        let parts = serde_json::json!([stores, first, second]);
        assert_eq!(line(parts), "; without stores 0.60; of its time conv 75 %");
        assert_eq!(
            line(serde_json::json!([tables])),
            "; no faster without any part"
        );
    }
}
