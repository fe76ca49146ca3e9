//! What a row is to reach, and which do.

use super::baseline::reach;
use super::report::Row;
use serde::{Deserialize, Serialize};
use wgcnn::bench::Kind;
use wgcnn::cases::Case;

/// Of the copy, where rows are whole lanes and where they begin anywhere.
pub(super) const ALIGNED: f64 = 0.9;
pub(super) const ODD: f64 = 0.75;
/// Of the f32 peak, of convolutions on a GPU.
pub(super) const PEAK: f64 = 0.5;
/// Of the CPU path's speed, of convolutions on a software driver.
const CPU: f64 = 1.0 / 3.0;
/// Of the time of its three kernels, of batch norm, ReLU and pooling in one: on a software driver, and on a GPU.
const FUSION: [f64; 2] = [3.0, 4.0];

/// A figure of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Figure {
    CopyRatio,
    PeakRatio,
    Speedup,
    Fusion,
}

/// The least that a figure is to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Goal {
    figure: Figure,
    pub(super) least: f64,
}

impl Goal {
    /// Of a case; the sizes of the sweep have none.
    pub(super) fn of(case: &Case, software: bool) -> Option<Self> {
        let (figure, least) = match Kind::of(&case.graph) {
            _ if case.name.starts_with("fusion/large_norm-relu-") => {
                (Figure::Fusion, FUSION[usize::from(!software)])
            }
            Kind::Aligned => (Figure::CopyRatio, ALIGNED),
            Kind::Odd => (Figure::CopyRatio, ODD),
            Kind::Convolution if software => (Figure::Speedup, CPU),
            Kind::Convolution => (Figure::PeakRatio, PEAK),
        };
        (!case.name.contains("/size_")).then_some(Self { figure, least })
    }

    /// The figure of a row, and what of it is noise.
    fn figure(self, row: &Row) -> Option<(f64, f64)> {
        let noise = reach(row.copy_ratio_mad.unwrap_or_default());
        match self.figure {
            Figure::CopyRatio => Some((row.copy_ratio?, noise)),
            Figure::PeakRatio => Some((row.peak_ratio?, 0.0)),
            Figure::Speedup => Some((row.speedup?, 0.0)),
            Figure::Fusion => Some((row.fusion?, 0.0)),
        }
    }

    /// Whether a row reaches it; `None` without a time.
    pub(super) fn is_met(self, row: &Row) -> Option<bool> {
        Some(self.figure(row)?.0 >= self.least)
    }
}

/// What the goals are.
pub(super) fn legend() -> String {
    format!(
        "goals: ratio {ALIGNED:.2} where the rows of input and output are whole lanes of 16 bytes (4 f32, 8 f16), {ODD:.2} where \
         they begin anywhere; of convolutions, peak {PEAK:.2} on a GPU, speed-up {CPU:.2} on a software driver; of batch norm, \
         ReLU and pooling in one kernel, fusion {:.2} on a GPU, {:.2} on a software driver; none for the sweep, size_*",
        FUSION[1], FUSION[0]
    )
}

/// How many rows reach their goals, and a line for each that does not.
pub(super) fn summary(rows: &[Row]) -> Vec<String> {
    let judged = rows.iter().filter_map(|row| {
        let goal = row.goal?;
        Some((row, goal, goal.is_met(row)?))
    });
    let judged: Vec<_> = judged.collect();
    if judged.is_empty() {
        return Vec::new();
    }
    let missed: Vec<_> = judged.iter().filter(|(_, _, met)| !met).collect();
    let name = |row: &Row| row.case.chars().count();
    let width = missed.iter().map(|(row, ..)| name(row)).max();
    let width = width.unwrap_or_default();
    let mut lines = vec![format!(
        "goals: {} of {} rows reach theirs",
        judged.len() - missed.len(),
        judged.len()
    )];
    lines.extend(missed.into_iter().filter_map(|(row, goal, _)| {
        let (value, noise) = goal.figure(row)?;
        let (name, spread) = match goal.figure {
            Figure::CopyRatio => ("ratio", row.copy_ratio_mad),
            Figure::PeakRatio => ("peak", None),
            Figure::Speedup => ("speed-up", None),
            Figure::Fusion => ("fusion", None),
        };
        let spread = spread.map_or_else(String::new, |mad| format!(" +-{mad:.3}"));
        let near = match value + noise >= goal.least {
            true => ", which the spread reaches",
            false => "",
        };
        Some(format!(
            "  {:<width$} {name} {value:.3}{spread}, goal {:.2}{near}",
            row.case, goal.least
        ))
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgcnn::{Result, cases};

    #[test]
    fn goals_are_by_kind_and_driver() -> Result<()> {
        for (case, software, goal) in [
            ("relu/large", true, Some((Figure::CopyRatio, ALIGNED))),
            ("relu/odd", false, Some((Figure::CopyRatio, ODD))),
            ("conv/large_3x3", false, Some((Figure::PeakRatio, PEAK))),
            ("conv/large_3x3", true, Some((Figure::Speedup, CPU))),
            (
                "fusion/large_norm-relu-max_pool",
                true,
                Some((Figure::Fusion, 3.0)),
            ),
            (
                "fusion/large_norm-relu-avg_pool+f16",
                false,
                Some((Figure::Fusion, 4.0)),
            ),
            ("relu/size_1MiB", false, None),
        ] {
            let goal = goal.map(|(figure, least)| Goal { figure, least });
            assert_eq!(Goal::of(&cases::find(case)?, software), goal, "{case}");
        }
        Ok(())
    }

    /// A row of this ratio and spread, aligned.
    fn row(case: &str, ratio: f64, mad: f64) -> Row {
        let json = serde_json::json!({
            "case": case, "op": "relu", "shape": [1], "dtype": "f32", "cpu_ms": 1.0, "checked": true,
            "copy_ratio": ratio, "copy_ratio_mad": mad, "goal": { "figure": "copy_ratio", "least": ALIGNED },
        });
        serde_json::from_value(json).unwrap_or_else(|error| unreachable!("a row: {error}"))
    }

    #[test]
    fn the_summary_names_what_misses_and_what_may_be_noise() {
        let rows = [
            row("a", 0.9, 0.0),
            row("b", 0.8, 0.01),
            row("long", 0.89, 0.02),
        ];
        let expected = [
            "goals: 1 of 3 rows reach theirs",
            "  b    ratio 0.800 +-0.010, goal 0.90",
            "  long ratio 0.890 +-0.020, goal 0.90, which the spread reaches",
        ];
        assert_eq!(summary(&rows), expected);
        let none = Row {
            goal: None,
            ..row("a", 0.1, 0.0)
        };
        assert!(summary(&[none]).is_empty(), "no goal, no summary");
    }
}
