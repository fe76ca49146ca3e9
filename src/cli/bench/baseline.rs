//! Comparison with an earlier run.

use super::report::{Report, Row};
use std::path::Path;
use wgcnn::{Error, Result};

/// Reads the JSON of an earlier run.
pub(super) fn read(path: &Path) -> Result<Report> {
    let error = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let text = std::fs::read_to_string(path).map_err(error)?;
    serde_json::from_str(&text).map_err(|cause| error(cause.into()))
}

/// A standard deviation in median absolute deviations, of a normal distribution.
const DEVIATION: f64 = 1.4826;

/// What is within the spread: three standard deviations.
pub(super) fn reach(mad: f64) -> f64 {
    3.0 * DEVIATION * mad
}

/// Median, and how far from it the spread reaches.
#[derive(Clone, Copy, Debug)]
struct Interval {
    median: f64,
    reach: f64,
}

impl Interval {
    fn new(median: f64, mad: f64) -> Self {
        let reach = reach(mad);
        Self { median, reach }
    }

    /// Of a quotient, to the first order.
    fn over(self, other: Self) -> Self {
        let relative = self.reach / self.median + other.reach / other.median;
        let median = self.median / other.median;
        Self {
            median,
            reach: median * relative,
        }
    }

    /// How many times longer, if that is beyond the spread of both.
    fn differs_from(self, earlier: Self) -> Option<f64> {
        let beyond = (self.median - earlier.median).abs() > self.reach + earlier.reach;
        beyond.then(|| self.median / earlier.median)
    }
}

/// Time, and time in copies of the same bytes, of a row with a device; none of a file that has other times than positive ones, or
/// spreads below 0.
fn intervals(row: &Row) -> Option<[Interval; 2]> {
    let time = Interval::new(row.gpu_ms?, row.gpu_ms_mad?);
    let copy = Interval::new(row.copy_ms?, row.copy_ms_mad?);
    let are_times = [time, copy]
        .iter()
        .all(|of| of.median > 0.0 && of.reach >= 0.0);
    are_times.then(|| [time, time.over(copy)])
}

/// How many times longer a case takes, if that is more than noise: by its time, and by its time in copies, which a machine
/// that is slower as a whole does not change.
fn change(earlier: &Row, now: &Row) -> Option<f64> {
    let ([time, ratio], [earlier, earlier_ratio]) = (intervals(now)?, intervals(earlier)?);
    let (by_time, by_ratio) = (
        time.differs_from(earlier)?,
        ratio.differs_from(earlier_ratio)?,
    );
    ((by_time > 1.0) == (by_ratio > 1.0)).then_some(by_time)
}

/// What changed.
pub(super) struct Comparison {
    /// Adapters, if they differ.
    adapters: Option<[String; 2]>,
    /// Cases that are slower or faster, and how many times longer they take.
    changes: Vec<(String, f64)>,
    same: usize,
    /// Cases of one run alone, or without a time.
    missing: Vec<String>,
}

/// `covers`: whether an earlier row is of a case that this run was to have.
pub(super) fn compare(earlier: &Report, now: &Report, covers: impl Fn(&Row) -> bool) -> Comparison {
    let adapter = |report: &Report| report.header.adapter.clone().unwrap_or_default();
    let adapters = [adapter(earlier), adapter(now)];
    let mut comparison = Comparison {
        adapters: (adapters[0] != adapters[1]).then_some(adapters),
        changes: Vec::new(),
        same: 0,
        missing: Vec::new(),
    };
    for row in &now.rows {
        let before = earlier.rows.iter().find(|before| before.case == row.case);
        let comparable = before.filter(|before| intervals(before).and(intervals(row)).is_some());
        match comparable.map(|before| change(before, row)) {
            None => comparison.missing.push(row.case.clone()),
            Some(None) => comparison.same += 1,
            Some(Some(times)) => comparison.changes.push((row.case.clone(), times)),
        }
    }
    let is_gone = |before: &&Row| now.rows.iter().all(|row| row.case != before.case);
    let gone = earlier.rows.iter().filter(|before| covers(before));
    let gone = gone.filter(is_gone).map(|before| before.case.clone());
    comparison.missing.extend(gone);
    comparison.changes.sort_by(|a, b| b.1.total_cmp(&a.1));
    comparison
}

impl Comparison {
    /// True if a case is.
    pub(super) fn slower(&self) -> bool {
        self.changes.iter().any(|(_, times)| *times > 1.0)
    }

    /// Prints it, on standard error where standard output has the JSON.
    pub(super) fn print(&self, quiet: bool) {
        let line = |text: String| {
            if quiet {
                crate::cli::complain!("{text}");
            } else {
                say!("{text}");
            }
        };
        if let Some([earlier, now]) = &self.adapters {
            line(format!(
                "baseline: of another adapter, {earlier}; this is {now}"
            ));
        }
        for (case, times) in &self.changes {
            let word = if *times > 1.0 { "slower" } else { "faster" };
            line(format!("{word}: {case} takes {times:.3} times as long"));
        }
        let slower = self
            .changes
            .iter()
            .filter(|(_, times)| *times > 1.0)
            .count();
        line(format!(
            "baseline: {slower} slower, {} faster, {} the same within the spread of both",
            self.changes.len() - slower,
            self.same
        ));
        if !self.missing.is_empty() {
            line(format!(
                "baseline: no two times to compare of {}",
                self.missing.join(", ")
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row whose case takes so many milliseconds, and its copy.
    fn row(time: [f64; 2], copy: [f64; 2]) -> Row {
        let json = serde_json::json!({
            "case": "relu/large", "op": "relu", "shape": [1], "dtype": "f32",
            "gpu_ms": time[0], "gpu_ms_mad": time[1], "copy_ms": copy[0], "copy_ms_mad": copy[1],
            "cpu_ms": 1.0, "checked": true,
        });
        serde_json::from_value(json).unwrap_or_else(|error| unreachable!("a row: {error}"))
    }

    /// A report of one row, as it is when it has been written to a file and read again.
    fn report(row: Row) -> Report {
        let json = serde_json::json!({
            "header": { "cpu": "a CPU", "threads": 1, "version": "1" }, "rows": [row], "overhead": null,
        });
        let read = serde_json::from_str(&json.to_string());
        read.unwrap_or_else(|error| unreachable!("a report: {error}"))
    }

    #[test]
    fn a_rerun_within_the_spread_is_neither_slower_nor_faster() {
        let earlier = report(row([10.0, 0.1], [5.0, 0.0]));
        let compared = |time| compare(&earlier, &report(row([time, 0.1], [5.0, 0.0])), |_| true);
        // Three standard deviations of 0.14826 on either side.
        let reach = 2.0 * 3.0 * 0.148_26;
        for time in [10.0, 10.0 + 0.999 * reach, 10.0 - 0.999 * reach] {
            let comparison = compared(time);
            assert!(
                !comparison.slower() && comparison.changes.is_empty(),
                "{time}"
            );
            assert_eq!(
                (comparison.same, comparison.missing.len()),
                (1, 0),
                "{time}"
            );
            assert_eq!(comparison.adapters, None, "{time}");
        }
        let slower = compared(10.0 + 1.001 * reach);
        assert!(slower.slower() && slower.changes.len() == 1, "just beyond");
        let faster = compared(10.0 - 1.001 * reach);
        assert!(!faster.slower() && faster.changes.len() == 1, "just beyond");
    }

    #[test]
    fn what_one_run_alone_has_is_named() {
        let mut earlier = report(row([10.0, 0.1], [5.0, 0.1]));
        let now = report(row([10.0, 0.1], [5.0, 0.1]));
        earlier.rows.push(Row {
            case: "relu/gone".to_owned(),
            ..row([10.0, 0.1], [5.0, 0.1])
        });
        let missing = |earlier: &Report, covers: bool| compare(earlier, &now, |_| covers).missing;
        assert_eq!(missing(&earlier, true), ["relu/gone"]);
        assert_eq!(missing(&earlier, false), [""; 0], "it was not asked for");
        earlier.rows.clear();
        assert_eq!(missing(&earlier, true), ["relu/large"]);
        for nonsense in [[0.0, 0.0], [-10.0, 0.1], [10.0, -0.1]] {
            let earlier = report(row(nonsense, [5.0, 0.1]));
            assert_eq!(missing(&earlier, true), ["relu/large"], "{nonsense:?}");
        }
    }

    #[test]
    fn only_differences_beyond_the_spread_of_both_count() {
        let earlier = row([10.0, 0.1], [10.0, 0.1]);
        let times = |time, copy| change(&earlier, &row(time, copy));
        assert_eq!(times([10.5, 0.1], [10.0, 0.1]), None, "within");
        assert!(times([12.0, 0.1], [10.0, 0.1]).is_some_and(|times| times > 1.19));
        assert!(times([8.0, 0.1], [10.0, 0.1]).is_some_and(|times| times < 0.81));
        assert_eq!(times([12.0, 0.9], [10.0, 0.1]), None, "too much spread");
        assert_eq!(
            times([20.0, 0.1], [20.0, 0.1]),
            None,
            "all of the machine is slower"
        );
        assert_eq!(
            times([8.0, 0.1], [6.0, 0.1]),
            None,
            "faster, and slower in copies"
        );
    }
}
