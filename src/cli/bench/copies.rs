//! The speed of memory, as the header shows it.

use serde::{Deserialize, Serialize};
use wgcnn::bench;

/// Rates of two ways to copy, in GB/s (10^9 bytes), read and written.
#[derive(Serialize, Deserialize)]
pub(super) struct Copies {
    /// Bytes that a copy reads and writes.
    bytes: u64,
    /// The clock of both.
    timer: String,
    kernel_gbps: f64,
    kernel_gbps_mad: f64,
    /// Of wgpu's `copy_buffer_to_buffer`.
    command_gbps: f64,
    command_gbps_mad: f64,
}

impl Copies {
    pub(super) fn new(measured: &bench::Copies) -> Self {
        Self {
            bytes: measured.bytes,
            timer: "wall".to_owned(),
            kernel_gbps: measured.kernel.median * 1e-9,
            kernel_gbps_mad: measured.kernel.mad * 1e-9,
            command_gbps: measured.command.median * 1e-9,
            command_gbps_mad: measured.command.mad * 1e-9,
        }
    }

    pub(super) fn line(&self) -> String {
        format!(
            "copy kernel {:.2} GB/s (+-mad {:.2}), copy_buffer_to_buffer {:.2} GB/s (+-mad {:.2}), of {} MiB, read and written; \
             by the host's clock, as the slope over R and 2R copies",
            self.kernel_gbps,
            self.kernel_gbps_mad,
            self.command_gbps,
            self.command_gbps_mad,
            self.bytes >> 21
        )
    }
}
