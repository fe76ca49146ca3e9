//! What a run costs besides its kernels.

use super::first_result::FirstResult;
use serde::{Deserialize, Serialize};
use wgcnn::bench::{DISPATCHES, measure_dispatch};
use wgcnn::{Device, Result, Selection};

/// CPU for a dispatch, and the time until a network has its first result.
#[derive(Serialize, Deserialize)]
pub(super) struct Overhead {
    dispatches: usize,
    dispatch_us: f64,
    dispatch_us_mad: f64,
    first_result_ms: Vec<FirstResult>,
}

impl Overhead {
    pub(super) fn measure(device: &Device, selection: &Selection) -> Result<Self> {
        let dispatch = measure_dispatch(device)?;
        let first =
            ["unit", "unet"].map(|network| FirstResult::measure(network, device, selection));
        Ok(Self {
            dispatches: DISPATCHES,
            dispatch_us: dispatch.median * 1e6,
            dispatch_us_mad: dispatch.mad * 1e6,
            first_result_ms: first.into_iter().collect::<Result<_>>()?,
        })
    }

    /// What it found, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "CPU per dispatch: {:.2} us (+-mad {:.2}), in a run of {} on a few elements, until the call returns",
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
