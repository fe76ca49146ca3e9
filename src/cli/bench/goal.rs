//! What a row is to reach, and which do.

use super::baseline::reach;
use super::overhead::Overhead;
use super::parts;
use super::report::Row;
use serde::{Deserialize, Serialize};
use wgcnn::bench::Kind;
use wgcnn::cases::Case;

/// Of the copy, where rows are whole lanes and where they begin anywhere.
const ALIGNED: f64 = 0.9;
const ODD: f64 = 0.75;
/// Of the f32 peak, of convolutions on a GPU.
const PEAK: f64 = 0.5;
/// Of the CPU path's speed, of convolutions on a software driver.
const CPU: f64 = 1.0 / 3.0;
/// Of the time of its three kernels, of batch norm, ReLU and pooling in one: on a software driver, and on a GPU.
const FUSION: [f64; 2] = [3.0, 4.0];

/// Layers that have a goal of their own on a GPU, whatever their rows.
struct Own {
    name: &'static str,
    layers: &'static [&'static str],
    /// How the names of their cases end, before the type.
    ending: &'static str,
    /// Of the copy.
    least: f64,
}

const OWN: [Own; 5] = [
    own("2x2 pools", &["avg_pool", "max_pool"], "_2x2", 1.0),
    own("3x3 pools", &["avg_pool", "max_pool"], "_3x3", 0.95),
    own("batch norm eval", &["batch_norm"], "_eval", 0.98),
    // Of the 12 bytes an element in f32 that its two passes stream: what the kernels read and write.
    own("batch norm train", &["batch_norm"], "_train", 0.95),
    own("nearest x2", &["interpolate"], "_x2", 0.97),
];

const fn own(
    name: &'static str,
    layers: &'static [&'static str],
    ending: &'static str,
    least: f64,
) -> Own {
    Own {
        name,
        layers,
        ending,
        least,
    }
}

impl Own {
    fn has(&self, case: &Case) -> bool {
        let name = case.name.trim_end_matches("+f16");
        self.layers.contains(&case.layer()) && name.ends_with(self.ending)
    }
}

/// A figure of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Figure {
    CopyRatio,
    PeakRatio,
    Speedup,
    Fusion,
}

impl Figure {
    /// Of a row, and its median deviation.
    pub(super) fn of(self, row: &Row) -> Option<(f64, f64)> {
        let (value, mad) = match self {
            Self::CopyRatio => (row.copy_ratio, row.copy_ratio_mad),
            Self::PeakRatio => (row.peak_ratio, row.peak_ratio_mad),
            Self::Speedup => (row.speedup, row.speedup_mad),
            Self::Fusion => (row.fusion, row.fusion_mad),
        };
        Some((value?, mad.unwrap_or_default()))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::CopyRatio => "ratio",
            Self::PeakRatio => "peak",
            Self::Speedup => "speed-up",
            Self::Fusion => "fusion",
        }
    }
}

/// The least that a figure is to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Goal {
    pub(super) figure: Figure,
    pub(super) least: f64,
}

impl Goal {
    /// Of a case; the sizes of the sweep have none, nor does the copy, which others are held against.
    pub(super) fn of(case: &Case, software: bool) -> Option<Self> {
        let own = OWN.iter().find(|own| !software && own.has(case));
        let (figure, least) = match Kind::of(&case.graph) {
            _ if case.name.starts_with("fusion/large_norm-relu-") => {
                (Figure::Fusion, FUSION[usize::from(!software)])
            }
            Kind::Aligned | Kind::Odd if let Some(own) = own => (Figure::CopyRatio, own.least),
            Kind::Aligned => (Figure::CopyRatio, ALIGNED),
            Kind::Odd => (Figure::CopyRatio, ODD),
            Kind::Convolution if software => (Figure::Speedup, CPU),
            Kind::Convolution => (Figure::PeakRatio, PEAK),
        };
        let has_goal = !case.name.contains("/size_") && case.layer() != "copy";
        has_goal.then_some(Self { figure, least })
    }

    /// Whether a row reaches it; `None` without a time.
    pub(super) fn is_met(self, row: &Row) -> Option<bool> {
        Some(self.figure.of(row)?.0 >= self.least)
    }
}

/// What the goals are, on a software driver or a GPU.
pub(super) fn legend(software: bool) -> String {
    let own = OWN.map(|own| format!("{:.2} of {}, ", own.least, own.name));
    let (own, convolution) = match software {
        true => (String::new(), format!("speed-up {CPU:.2}")),
        false => (own.concat() + "of others ", format!("peak {PEAK:.2}")),
    };
    format!(
        "goals: ratio {own}{ALIGNED:.2} where rows of input and output are whole lanes of 16 bytes, {ODD:.2} elsewhere; \
         of convolutions, {convolution}; of batch norm, ReLU and pooling in one, fusion {:.2}; none for the copy itself and \
         for the sweep, size_*",
        FUSION[usize::from(!software)]
    )
}

/// How the rows of the copy differ from the copy of as many bytes that each row is held against; `None` without such rows. They
/// are of the same kernel over the same bytes: what they differ by is what a figure of this run may be off by.
fn copies_against_copies(rows: &[Row]) -> Option<String> {
    let copies = rows.iter().filter(|row| row.op == "copy");
    let ratios = copies.filter_map(|row| Some((row, Figure::CopyRatio.of(row)?)));
    let ratios: Vec<_> = ratios.collect();
    let is_off = |(_, (value, mad)): &&(&Row, (f64, f64))| (value - 1.0).abs() > reach(*mad);
    let off = ratios.iter().filter(is_off);
    let off = off.map(|(row, (value, mad))| format!("{} {value:.3} +-{mad:.3}", row.case));
    let off: Vec<_> = off.collect();
    let (all, same) = (ratios.len(), ratios.len() - off.len());
    let names = match off.is_empty() {
        true => String::new(),
        false => format!("; not {}", off.join(", ")),
    };
    (all > 0).then(|| {
        format!("copies against copies: {same} of {all} rows have 1 within their spread{names}")
    })
}

/// How many rows reach their goals, whether a dispatch does, and a line for each row that does not, or whose parts are known.
pub(super) fn summary(rows: &[Row], overhead: Option<&Overhead>) -> Vec<String> {
    let is_met = |row: &Row| row.goal?.is_met(row);
    let judged: Vec<bool> = rows.iter().filter_map(is_met).collect();
    let mut lines = Vec::new();
    if !judged.is_empty() || overhead.is_some() {
        let reached = judged.iter().filter(|met| **met).count();
        let dispatch = match overhead.map(Overhead::goal_is_met) {
            None => "",
            Some(true) => "; CPU per dispatch reaches its own",
            Some(false) => "; CPU per dispatch misses its own",
        };
        let of = judged.len();
        lines.push(format!(
            "goals: {reached} of {of} rows reach theirs{dispatch}"
        ));
    }
    lines.extend(copies_against_copies(rows));
    let listed = |row: &&Row| is_met(row) == Some(false) || !row.parts.is_empty();
    let listed: Vec<&Row> = rows.iter().filter(listed).collect();
    let width = listed.iter().map(|row| row.case.chars().count()).max();
    let width = width.unwrap_or_default();
    lines.extend(listed.into_iter().filter_map(|row| {
        let figure = row.goal.map_or(Figure::CopyRatio, |goal| goal.figure);
        let (value, mad) = figure.of(row)?;
        let goal = row.goal.map_or_else(String::new, |goal| {
            let near = match value + reach(mad) >= goal.least {
                _ if value >= goal.least => ", reached",
                true => ", which the spread reaches",
                false => "",
            };
            format!(", goal {:.2}{near}", goal.least)
        });
        Some(format!(
            "  {:<width$} {} {value:.3} +-{mad:.3}{goal}{}",
            row.case,
            figure.name(),
            parts::line(row, figure)
        ))
    }));
    if rows.iter().any(|row| !row.parts.is_empty()) {
        lines.push(parts::LEGEND.to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice;
    use wgcnn::bench::Spread;
    use wgcnn::{Result, cases};

    #[test]
    fn goals_are_by_kind_layer_and_driver() -> Result<()> {
        let copy = |least| Some((Figure::CopyRatio, least));
        // On a software driver, and on a GPU.
        for (case, software, gpu) in [
            ("relu/large", copy(ALIGNED), copy(ALIGNED)),
            ("relu/odd+f16", copy(ODD), copy(ODD)),
            ("max_pool/large_2x2", copy(ALIGNED), copy(1.0)),
            ("avg_pool/odd_2x2+f16", copy(ODD), copy(1.0)),
            ("max_pool/picture_3x3", copy(ODD), copy(0.95)),
            ("avg_pool/large_3x3", copy(ALIGNED), copy(0.95)),
            ("batch_norm/few_channels_eval", copy(ALIGNED), copy(0.98)),
            ("batch_norm/odd_eval+f16", copy(ODD), copy(0.98)),
            ("batch_norm/large_train", copy(ALIGNED), copy(0.95)),
            ("interpolate/tiny_planes_x2", copy(ODD), copy(0.97)),
            ("conv/large_depthwise", copy(ALIGNED), copy(ALIGNED)),
            (
                "conv/large_3x3",
                Some((Figure::Speedup, CPU)),
                Some((Figure::PeakRatio, PEAK)),
            ),
            (
                "fusion/large_norm-relu-avg_pool+f16",
                Some((Figure::Fusion, 3.0)),
                Some((Figure::Fusion, 4.0)),
            ),
            ("copy/odd", None, None),
            ("relu/size_1MiB", None, None),
            ("max_pool/size_1MiB", None, None),
        ] {
            let found = cases::find(case)?;
            for (software, goal) in [(true, software), (false, gpu)] {
                let goal = goal.map(|(figure, least)| Goal { figure, least });
                assert_eq!(Goal::of(&found, software), goal, "{case} {software}");
            }
        }
        Ok(())
    }

    #[test]
    fn goals_of_layers_are_of_all_their_shapes_and_types() {
        let timed: Vec<_> = cases::named()
            .into_iter()
            .filter(|case| case.bench)
            .collect();
        for own in &OWN {
            for &layer in own.layers {
                let cases = timed
                    .iter()
                    .filter(|case| own.has(case) && case.layer() == layer);
                // Four shapes, of batch norm two more, in f32 and f16.
                let expected = if layer == "batch_norm" { 12 } else { 8 };
                assert_eq!(cases.count(), expected, "{layer}: {}", own.name);
            }
        }
    }

    #[test]
    fn the_legend_has_the_goals_of_its_adapter_alone() {
        let (software, gpu) = (legend(true), legend(false));
        for (goal, of_software, of_gpu) in [
            ("ratio 0.90 where", true, false),
            ("speed-up 0.33", true, false),
            ("fusion 3.00", true, false),
            ("ratio 1.00 of 2x2 pools, 0.95 of 3x3 pools", false, true),
            ("0.98 of batch norm eval", false, true),
            ("others 0.90 where", false, true),
            ("peak 0.50", false, true),
            ("fusion 4.00", false, true),
            ("0.75 elsewhere", true, true),
        ] {
            assert_eq!(software.contains(goal), of_software, "{goal}: {software}");
            assert_eq!(gpu.contains(goal), of_gpu, "{goal}: {gpu}");
        }
        let mut without_a_device = crate::cli::bench::report::legend(None).into_iter();
        assert!(without_a_device.all(|line| !line.contains("goals")));
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
        assert_eq!(summary(&rows, None), expected);
        let none = Row {
            goal: None,
            ..row("a", 0.1, 0.0)
        };
        assert!(
            summary(slice::from_ref(&none), None).is_empty(),
            "no goal, no summary"
        );
        let part = serde_json::json!({ "without": "loads", "kernel": false, "gain": 2.0, "gain_mad": 0.0 });
        let part =
            serde_json::from_value(part).unwrap_or_else(|error| unreachable!("a part: {error}"));
        let copy = Row {
            parts: vec![part],
            ..none
        };
        let lines = summary(&[copy], None);
        assert_eq!(lines[0], "  a ratio 0.100 +-0.000; without loads 0.20");
        assert_eq!(lines.len(), 2, "and what that means: {lines:?}");
    }

    #[test]
    fn the_summary_says_which_copies_are_not_as_fast_as_copies() {
        let copy = |case: &str, ratio, mad| Row {
            op: "copy".to_owned(),
            goal: None,
            ..row(case, ratio, mad)
        };
        let same = copy("copy/a", 0.98, 0.01);
        let line = "copies against copies: 1 of 1 rows have 1 within their spread";
        assert_eq!(summary(slice::from_ref(&same), None), [line]);
        let lines = summary(&[same, copy("copy/b", 1.19, 0.04)], None);
        let line = "copies against copies: 1 of 2 rows have 1 within their spread; not copy/b 1.190 +-0.040";
        assert_eq!(lines, [line]);
    }

    #[test]
    fn the_summary_counts_rows_and_judges_a_dispatch_beside_them() {
        let overhead = |us: f64| Overhead::new(Spread::of(&[us * 1e-6]), Vec::new());
        let rows = [row("a", 0.9, 0.0), row("b", 0.8, 0.01)];
        for (us, dispatch) in [(1.5, "reaches"), (2.5, "misses")] {
            let lines = summary(&rows, Some(&overhead(us)));
            let first =
                format!("goals: 1 of 2 rows reach theirs; CPU per dispatch {dispatch} its own");
            assert_eq!(lines[0], first);
            assert_eq!(lines.len(), 2, "{lines:?}");
        }
    }
}
