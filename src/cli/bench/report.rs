//! What `wgcnn bench` reports, as it is printed and as JSON.

use super::overhead::Overhead;
use serde::{Deserialize, Serialize};
use wgcnn::bench::Measurement;
use wgcnn::cases::Case;
use wgcnn::{Device, Timer};

/// All that a run of `bench` found out. Rates absent without a device.
#[derive(Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) header: Header,
    pub(super) rows: Vec<Row>,
    pub(super) overhead: Option<Overhead>,
}

/// Where it ran.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) adapter: Option<String>,
    pub(super) software: Option<bool>,
    pub(super) driver: Option<String>,
    pub(super) backend: Option<String>,
    pub(super) cpu: String,
    pub(super) threads: usize,
    pub(super) version: String,
    /// Operations of f32 a second, 10^9, as a kernel of multiply-adds alone makes them.
    #[serde(default)]
    pub(super) peak_gflops: Option<f64>,
    /// Seconds since 1970.
    #[serde(default)]
    pub(super) time: Option<u64>,
}

impl Header {
    pub(super) fn new(device: Option<&Device>, peak: Option<f64>) -> Self {
        let (cpu, threads) = crate::cli::cpu();
        let adapter = device.map(Device::adapter);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            adapter: adapter.map(ToString::to_string),
            software: adapter.map(|adapter| adapter.kind == wgcnn::Kind::Software),
            driver: adapter.map(|adapter| adapter.driver.clone()),
            backend: adapter.map(|adapter| adapter.backend.clone()),
            cpu,
            threads,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            peak_gflops: peak.map(|peak| peak * 1e-9),
            time: now.ok().map(|now| now.as_secs()),
        }
    }

    pub(super) fn print(&self) {
        let adapter = self.adapter.as_deref();
        say!("adapter: {}", adapter.unwrap_or("none, CPU path only"));
        if let Some(peak) = self.peak_gflops {
            say!("peak:    {peak:.1} GFLOP/s of f32, measured: multiply-adds and nothing else");
        }
        say!("cpu:     {}, {} threads", self.cpu, self.threads);
    }
}

/// One row of the table. Times in milliseconds, rates in GB/s (10^9 bytes); absent without a device.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) case: String,
    pub(super) op: String,
    pub(super) shape: Vec<usize>,
    pub(super) dtype: String,
    pub(super) gpu_ms: Option<f64>,
    pub(super) gpu_ms_mad: Option<f64>,
    pub(super) samples: Option<usize>,
    pub(super) timer: Option<String>,
    pub(super) timer_doubt: Option<String>,
    pub(super) bytes: Option<u64>,
    pub(super) gbps: Option<f64>,
    pub(super) copy_gbps: Option<f64>,
    pub(super) copy_ratio: Option<f64>,
    /// Time of the copy, and its spread.
    #[serde(default)]
    pub(super) copy_ms: Option<f64>,
    #[serde(default)]
    pub(super) copy_ms_mad: Option<f64>,
    /// Operations of f32 by the layers' definition, a second, and as a fraction of the device's peak where the layer is
    /// bound by them.
    #[serde(default)]
    pub(super) operations: Option<u64>,
    #[serde(default)]
    pub(super) gflops: Option<f64>,
    #[serde(default)]
    pub(super) peak_ratio: Option<f64>,
    pub(super) unfused_ms: Option<f64>,
    pub(super) fusion: Option<f64>,
    pub(super) cpu_ms: f64,
    pub(super) speedup: Option<f64>,
    pub(super) checked: bool,
}

impl Row {
    /// `peak`: of the device, operations a second.
    pub(super) fn new(
        case: &Case,
        cpu_seconds: f64,
        measured: Option<&Measurement>,
        peak: Option<f64>,
        checked: bool,
    ) -> Self {
        let inputs = case.inputs();
        let (shape, dtype) = inputs
            .first()
            .map(|(_, tensor)| (tensor.shape().to_vec(), tensor.dtype().to_string()))
            .unwrap_or_default();
        Self {
            case: case.name.clone(),
            op: case.layer().to_owned(),
            shape,
            dtype,
            gpu_ms: measured.map(|m| m.time.median * 1e3),
            gpu_ms_mad: measured.map(|m| m.time.mad * 1e3),
            samples: measured.map(|m| m.time.samples),
            timer: measured.map(|m| m.timer.to_string()),
            timer_doubt: measured.and_then(|m| match m.timer {
                Timer::Device => None,
                Timer::Wall(doubt) => Some(doubt.to_string()),
            }),
            bytes: measured.map(|m| m.bytes),
            gbps: measured.map(|m| m.rate() * 1e-9),
            copy_gbps: measured.map(|m| m.copy_rate() * 1e-9),
            copy_ratio: measured.map(|m| m.rate() / m.copy_rate()),
            copy_ms: measured.map(|m| m.copy.median * 1e3),
            copy_ms_mad: measured.map(|m| m.copy.mad * 1e3),
            operations: measured.map(|m| m.operations),
            gflops: measured.map(|m| m.operation_rate() * 1e-9),
            peak_ratio: measured.and_then(|m| {
                let peak = peak.filter(|&peak| is_bound_by_operations(m, peak))?;
                Some(m.operation_rate() / peak)
            }),
            unfused_ms: measured.and_then(|m| Some(m.unfused?.median * 1e3)),
            fusion: measured.and_then(Measurement::fusion),
            cpu_ms: cpu_seconds * 1e3,
            speedup: measured.map(|m| cpu_seconds / m.time.median),
            checked,
        }
    }

    /// The names of the columns that [`print`](Self::print) fills.
    pub(super) fn print_names() {
        say!(
            "{:<31} {:<16} {:>9} {:>7} {:<6} {:>7} {:>7} {:>6} {:>6} {:>6} {:>9} {:>8}  checked",
            "case",
            "input",
            "device ms",
            "+-mad",
            "timer",
            "GB/s",
            "copy",
            "ratio",
            "peak",
            "fusion",
            "cpu ms",
            "speed-up"
        );
    }

    /// What the columns mean.
    pub(super) fn print_legend() {
        say!(
            "ratio: GB/s of the layer / GB/s of a copy kernel over as many bytes (128 MiB at most), sampled in turn, warm; \
             1.00 is the speed of memory"
        );
        say!(
            "peak: operations a second / the device's peak, of what takes longer for its operations at the peak than for its \
             bytes at the speed of the copy"
        );
        say!("fusion: the time without it / the time");
    }

    pub(super) fn print(&self) {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        say!(
            "{:<31} {:<16} {:>9} {:>7} {:<6} {:>7} {:>7} {:>6} {:>6} {:>6} {:>9} {:>8}  {}",
            self.case,
            format!("{:?}", self.shape).replace(' ', ""),
            number(self.gpu_ms, 3),
            number(self.gpu_ms_mad, 3),
            self.timer.as_deref().unwrap_or("-"),
            number(self.gbps, 2),
            number(self.copy_gbps, 2),
            number(self.copy_ratio, 2),
            number(self.peak_ratio, 2),
            number(self.fusion, 2),
            number(Some(self.cpu_ms), 3),
            number(self.speedup, 2),
            if self.checked { "ok" } else { "WRONG" },
        );
        if let Some(doubt) = &self.timer_doubt {
            say!("    wall clock: {doubt}");
        }
    }
}

/// True right of the ridge of the roofline: at the device's peak, the operations of the case take longer than its bytes at the
/// speed of the copy.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn is_bound_by_operations(measured: &Measurement, peak: f64) -> bool {
    measured.operations as f64 / peak > measured.bytes as f64 / measured.copy_rate()
}
