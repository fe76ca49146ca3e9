//! What a run costs besides its kernels.

use super::baseline::reach;
use super::first_result::FirstResult;
use serde::{Deserialize, Serialize};
use wgcnn::bench::{DISPATCHES, Spread, measure_dispatch};
use wgcnn::{Device, Result, Selection};

/// Microseconds of CPU that a dispatch may cost, on every adapter.
const GOAL: f64 = 2.0;

/// CPU for a dispatch, and the time until a network has its first result.
#[derive(Serialize, Deserialize)]
pub(super) struct Overhead {
    dispatches: usize,
    dispatch_us: f64,
    dispatch_us_mad: f64,
    /// The most that it is to be, and whether it is not more. Absent from reports of before there was a goal.
    #[serde(default)]
    dispatch_us_goal: Option<f64>,
    #[serde(default)]
    dispatch_goal_met: Option<bool>,
    first_result_ms: Vec<FirstResult>,
}

impl Overhead {
    pub(super) fn measure(device: &Device, selection: &Selection) -> Result<Self> {
        let dispatch = measure_dispatch(device)?;
        let first =
            ["unit", "unet"].map(|network| FirstResult::measure(network, device, selection));
        let first = first.into_iter().collect::<Result<_>>()?;
        Ok(Self::new(dispatch, first))
    }

    pub(super) fn new(dispatch: Spread, first_result_ms: Vec<FirstResult>) -> Self {
        let us = dispatch.median * 1e6;
        Self {
            dispatches: DISPATCHES,
            dispatch_us: us,
            dispatch_us_mad: dispatch.mad * 1e6,
            dispatch_us_goal: Some(GOAL),
            dispatch_goal_met: Some(us <= GOAL),
            first_result_ms,
        }
    }

    /// Whether a dispatch costs no more than it may.
    pub(super) fn goal_is_met(&self) -> bool {
        self.dispatch_goal_met == Some(true)
    }

    /// What it found, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let met = match self.goal_is_met() {
            true => "reached",
            false if self.dispatch_us - reach(self.dispatch_us_mad) <= GOAL => {
                "missed, which the spread reaches"
            }
            false => "missed",
        };
        let mut lines = vec![
            format!(
                "CPU per dispatch: {:.2} us (+-mad {:.2}), in a run of {} on a few elements, until the call returns; \
                 goal {GOAL:.2} us, {met}",
                self.dispatch_us, self.dispatch_us_mad, self.dispatches
            ),
            "first result: plan, pipelines, memory and one run, on a device that is open, each in a new process; cold: \
             with the driver's cache of shaders off (Mesa, NVIDIA on Linux; other drivers may keep some)"
                .to_owned(),
        ];
        lines.extend(self.first_result_ms.iter().map(FirstResult::line));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dispatch_has_a_goal_in_its_line_and_in_json() {
        for (us, mad, met, says) in [
            (1.26, 0.0, true, "; goal 2.00 us, reached"),
            (2.0, 0.0, true, "; goal 2.00 us, reached"),
            (2.1, 0.01, false, "; goal 2.00 us, missed"),
            (
                2.1,
                0.1,
                false,
                "; goal 2.00 us, missed, which the spread reaches",
            ),
        ] {
            let dispatch = Spread {
                median: us * 1e-6,
                mad: mad * 1e-6,
                samples: 180,
            };
            let overhead = Overhead::new(dispatch, Vec::new());
            let line = overhead.lines().swap_remove(0);
            assert!(line.ends_with(says), "{us} +-{mad}: {line}");
            let json = serde_json::json!(overhead);
            assert_eq!(json["dispatch_us_goal"], 2.0, "{json}");
            assert_eq!(json["dispatch_goal_met"], met, "{json}");
        }
    }
}
