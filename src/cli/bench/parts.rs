//! What a row is without parts of its kernels.

use super::baseline::reach;
use super::goal::Figure;
use super::report::Row;
use serde::{Deserialize, Serialize};
use wgcnn::bench::{Gain, Without};

/// Without what a row is how fast.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Less {
    /// A part of its kernels, all parts, or all kernels but one.
    without: String,
    /// Whether it is all kernels but one.
    kernel: bool,
    /// Times as fast as with it, of samples in turn.
    gain: f64,
    gain_mad: f64,
}

/// What stands before the name of the kernel that remains.
const ALL_BUT: &str = "all but ";

impl Less {
    pub(super) fn of(gain: &Gain) -> Self {
        Self {
            kernel: matches!(gain.without, Without::Others(_)),
            without: match &gain.without {
                Without::Nothing => "nothing".to_owned(),
                Without::Part(part) => part.to_string(),
                Without::Parts => "all parts".to_owned(),
                Without::Products => "all parts and multiply-adds".to_owned(),
                Without::Others(label) => format!("{ALL_BUT}{label}"),
            },
            gain: gain.gain.median,
            gain_mad: gain.gain.mad,
        }
    }

    fn kernel_name(&self) -> &str {
        self.without.trim_start_matches(ALL_BUT)
    }
}

/// What is faster without it, by more than samples deviate and two of the same are from each other; the largest first.
fn differences(parts: &[Less]) -> Vec<&Less> {
    let same = parts.iter().find(|less| less.without == "nothing");
    let same = same.map_or(0.0, |same| (same.gain - 1.0).abs() + same.gain_mad);
    let differ = |less: &&Less| {
        let by = less.gain - 1.0;
        !less.kernel && less.without != "nothing" && by > reach(less.gain_mad).max(same)
    };
    let mut differences: Vec<_> = parts.iter().filter(differ).collect();
    differences.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    differences
}

/// What the figure of a row would be without each part that makes a difference, and how much of the time each kernel takes of
/// several, the largest first; empty if that has not been measured.
pub(super) fn line(row: &Row, figure: Figure) -> String {
    let Some((value, _)) = figure.of(row).filter(|_| !row.parts.is_empty()) else {
        return String::new();
    };
    let parts = differences(&row.parts).into_iter();
    let parts = parts.map(|less| format!("{} {:.2}", less.without, value * less.gain));
    let mut kernels: Vec<_> = row.parts.iter().filter(|less| less.kernel).collect();
    kernels.sort_by(|a, b| a.gain.total_cmp(&b.gain));
    let kernels = kernels.into_iter();
    let kernels = kernels.map(|less| format!("{} {:.0} %", less.kernel_name(), 100.0 / less.gain));
    let listed = |head: &str, items: Vec<String>| match items.is_empty() {
        true => String::new(),
        false => format!("; {head} {}", items.join(", ")),
    };
    let parts = match listed("without", parts.collect()) {
        none if none.is_empty() => "; no faster without any part".to_owned(),
        some => some,
    };
    parts + &listed("of its time", kernels.collect())
}

/// What [`line`] says.
pub(super) const LEGEND: &str = "without: what the figure would be if the kernels did without a part, timed in turn with them as they are, for each \
     that they are faster without by more than three standard deviations, and two of the same are from each other; results are wrong then. Loads: \
     numbers made of the place instead of what the layer computes from; tables: instead of weights, functions of channels, \
     partial moments, results by their arguments; stores: only of a number that never comes; moving: elements that begin within a lane \
     stay where they are; rounding, unpacking: bits instead of a conversion to and from f16; comparing: an operation of bits instead of a \
     maximum; edges: as if all of a window were in the input; squares: of deviations; merging: of the moments of a workgroup; all parts: \
     without any of these, so that other arithmetic, addresses and starts remain; and multiply-adds: a compiler leaves out what is for them \
     alone as well. A copy has loads and stores, too. Of its time: that of a kernel alone";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_parts_that_make_a_difference_by_what_they_cost() {
        let line = |parts: serde_json::Value| {
            let json = serde_json::json!({
                "case": "a", "op": "relu", "shape": [1], "dtype": "f32", "cpu_ms": 1.0, "checked": true,
                "copy_ratio": 0.5, "parts": parts,
            });
            let row = serde_json::from_value(json);
            line(
                &row.unwrap_or_else(|error| unreachable!("a row: {error}")),
                Figure::CopyRatio,
            )
        };
        let less = |without, kernel, gain, gain_mad| serde_json::json!({ "without": without, "kernel": kernel, "gain": gain, "gain_mad": gain_mad });
        let part = |without, gain, gain_mad| less(without, false, gain, gain_mad);
        assert_eq!(line(serde_json::json!([])), "");
        let (stores, tables) = (part("stores", 1.2, 0.02), part("tables", 1.2, 0.05));
        let parts = serde_json::json!([stores, tables, part("loads", 3.0, 0.02)]);
        assert_eq!(line(parts), "; without loads 1.50, stores 0.60");
        let (first, second) = (
            less("all but pack", true, 50.0, 0.0),
            less("all but conv", true, 1.02, 0.0),
        );
        let parts = serde_json::json!([stores, first, second]);
        assert_eq!(
            line(parts),
            "; without stores 0.60; of its time conv 98 %, pack 2 %"
        );
        assert_eq!(
            line(serde_json::json!([tables])),
            "; no faster without any part"
        );
    }
}
