//! How long the cases will take, said before them where no bar shows it.

use super::report::Row;
use std::time::Instant;
use wgcnn::bench::operations;
use wgcnn::cases::Case;
use wgcnn::plan::{Limits, Options, Plan};
use wgcnn::{Device, Result};

/// Cases whose time says what any case takes, what its bytes take and what its operations take.
const PACE: [&str; 3] = ["relu/size_16KiB", "relu/large", "conv/size_4MiB"];

/// What a case is: bytes that its layers read and write, one by one, and operations.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    bytes: f64,
    operations: f64,
}

impl Work {
    /// Of a case; that of one which this device cannot plan is none.
    fn of(case: &Case, limits: &Limits) -> Self {
        let options = Options {
            fuse: false,
            ..Options::default()
        };
        let Ok(plan) = Plan::new(&case.graph, limits, options) else {
            return Self::default();
        };
        let traffic = plan.dispatches.iter().map(|step| plan.traffic(step));
        let bytes: u64 = traffic.map(|(read, written)| read + written).sum();
        Self {
            bytes: bytes as f64,
            operations: operations(&case.graph) as f64,
        }
    }
}

/// Seconds for a case, for a byte, and for an operation.
#[derive(Clone, Copy, Debug)]
struct Pace {
    case: f64,
    byte: f64,
    operation: f64,
}

impl Pace {
    /// Of cases with next to no work, with bytes, and with operations beside bytes.
    fn of([least, bytes, operations]: [(Work, f64); 3]) -> Self {
        let case = least.1;
        let byte = (bytes.1 - case).max(0.0) / bytes.0.bytes;
        let rest = operations.1 - case - byte * operations.0.bytes;
        let operation = rest.max(0.0) / operations.0.operations;
        Self {
            case,
            byte,
            operation,
        }
    }

    fn seconds(&self, work: Work) -> f64 {
        self.case + self.byte * work.bytes + self.operation * work.operations
    }
}

/// Measures a few of the cases, says on standard error how long all of them take by that, and returns their rows.
pub(super) fn announce(
    cases: &[Case],
    device: Option<&Device>,
    mut row: impl FnMut(&Case) -> Result<Row>,
) -> Result<Vec<Row>> {
    let limits = device.map_or_else(Limits::default, |device| device.limits().clone());
    let (mut rows, mut times) = (Vec::new(), Vec::new());
    for name in PACE {
        let Some(case) = cases.iter().find(|case| case.name == name) else {
            return Ok(rows);
        };
        let start = Instant::now();
        rows.push(row(case)?);
        times.push((Work::of(case, &limits), start.elapsed().as_secs_f64()));
    }
    if let Ok(times) = times.try_into() {
        let pace = Pace::of(times);
        let work = cases.iter().map(|case| Work::of(case, &limits));
        let seconds: f64 = work.map(|work| pace.seconds(work)).sum();
        crate::cli::complain!(
            "{} cases, about {:.0} minutes by what {} took; then the first results",
            cases.len(),
            (seconds / 60.0).max(1.0),
            PACE.join(", ")
        );
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgcnn::cases;

    #[test]
    fn a_pace_is_what_cases_bytes_and_operations_take() -> Result<()> {
        let limits = Limits::default();
        let truth = Pace {
            case: 0.25,
            byte: 6e-8,
            operation: 5e-9,
        };
        let timed = PACE.map(|name| {
            let case = cases::find(name).unwrap_or_else(|error| unreachable!("{error}"));
            assert!(case.bench, "{name} is timed");
            let work = Work::of(&case, &limits);
            (work, truth.seconds(work))
        });
        let pace = Pace::of(timed);
        // What little the first of them moves counts as nothing.
        for (found, true_one) in [
            (pace.case, truth.case),
            (pace.byte, truth.byte),
            (pace.operation, truth.operation),
        ] {
            let apart = (found / true_one - 1.0).abs();
            assert!(apart < 0.02, "{pace:?}");
        }
        let disturbed = Pace::of([(timed[0].0, 1e6), timed[1], timed[2]]);
        assert!(disturbed.byte >= 0.0 && disturbed.operation >= 0.0);
        Ok(())
    }
}
