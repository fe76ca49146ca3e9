//! What `wgcnn bench` reports, as it is printed and as JSON.

use super::copies::Copies;
use super::goal::{self, Goal};
use super::overhead::Overhead;
use super::parts::Less;
use serde::{Deserialize, Serialize};
use wgcnn::bench::{self, BUDGET, Kind, Measurement, SAMPLES, Spread};
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
    #[serde(default)]
    pub(super) peak_gflops_mad: Option<f64>,
    /// What memory gives.
    #[serde(default)]
    pub(super) copies: Option<Copies>,
    /// Seconds since 1970.
    #[serde(default)]
    pub(super) time: Option<u64>,
}

impl Header {
    pub(super) fn new(
        device: Option<&Device>,
        peak: Option<Spread>,
        copies: Option<bench::Copies>,
    ) -> Self {
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
            peak_gflops: peak.map(|peak| peak.median * 1e-9),
            peak_gflops_mad: peak.map(|peak| peak.mad * 1e-9),
            copies: copies.as_ref().map(Copies::new),
            time: now.ok().map(|now| now.as_secs()),
        }
    }

    pub(super) fn print(&self) {
        let adapter = self.adapter.as_deref();
        say!("adapter: {}", adapter.unwrap_or("none, CPU path only"));
        if let (Some(peak), Some(mad)) = (self.peak_gflops, self.peak_gflops_mad) {
            say!(
                "peak:    {peak:.1} GFLOP/s of f32 (+-mad {mad:.1}), measured: multiply-adds and nothing else"
            );
        }
        if let Some(copies) = &self.copies {
            say!("memory:  {}", copies.line());
        }
        say!("cpu:     {}, {} threads", self.cpu, self.threads);
    }

    /// How much there is to do.
    pub(super) fn print_work(&self, cases: usize) {
        let each = match self.adapter {
            Some(_) => format!(
                "checked, then sampled {} times, or for {BUDGET} s and {} times at least",
                SAMPLES.1, SAMPLES.0
            ),
            None => "checked, and timed on the CPU".to_owned(),
        };
        say!("cases:   {cases}, each {each}; on a terminal a line says how long the rest takes");
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
    /// By the median sample, and its spread.
    pub(super) copy_ratio: Option<f64>,
    #[serde(default)]
    pub(super) copy_ratio_mad: Option<f64>,
    /// Time of the copy, and its spread.
    #[serde(default)]
    pub(super) copy_ms: Option<f64>,
    #[serde(default)]
    pub(super) copy_ms_mad: Option<f64>,
    /// What bounds it, and what it is to reach.
    #[serde(default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) goal: Option<Goal>,
    /// Operations of f32 by the layers' definition, a second, and of convolutions as a fraction of the device's peak.
    #[serde(default)]
    pub(super) operations: Option<u64>,
    #[serde(default)]
    pub(super) gflops: Option<f64>,
    #[serde(default)]
    pub(super) peak_ratio: Option<f64>,
    #[serde(default)]
    pub(super) peak_ratio_mad: Option<f64>,
    pub(super) unfused_ms: Option<f64>,
    pub(super) fusion: Option<f64>,
    #[serde(default)]
    pub(super) fusion_mad: Option<f64>,
    pub(super) cpu_ms: f64,
    pub(super) speedup: Option<f64>,
    #[serde(default)]
    pub(super) speedup_mad: Option<f64>,
    pub(super) checked: bool,
    /// What it is without parts of its kernels, if that was asked for and it misses its goal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<Less>,
}

impl Row {
    pub(super) fn new(
        header: &Header,
        case: &Case,
        cpu: Spread,
        measured: Option<&Measurement>,
        checked: bool,
    ) -> Self {
        let (shape, dtype) = case
            .input_type()
            .map(|ty| (ty.shape.clone(), ty.dtype.to_string()))
            .unwrap_or_default();
        let kind = Kind::of(&case.graph);
        let peak = header.peak_gflops.filter(|_| kind == Kind::Convolution);
        let peak_ratio = measured.and_then(|m| Some(m.operation_rate() * 1e-9 / peak?));
        let fusion = measured.and_then(Measurement::fusion);
        let speedup = measured.map(|m| cpu.over(m.time));
        let goal = Goal::of(case, header.software == Some(true));
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
            copy_ratio: measured.map(|m| m.ratio.median),
            copy_ratio_mad: measured.map(|m| m.ratio.mad),
            kind: Some(kind.to_string()),
            goal: measured.and(goal),
            copy_ms: measured.map(|m| m.copy.median * 1e3),
            copy_ms_mad: measured.map(|m| m.copy.mad * 1e3),
            operations: measured.map(|m| m.operations),
            gflops: measured.map(|m| m.operation_rate() * 1e-9),
            peak_ratio,
            // That of the peak itself is at the head of the table.
            peak_ratio_mad: measured.and_then(|m| Some(peak_ratio? * m.time.mad / m.time.median)),
            unfused_ms: measured.and_then(|m| Some(m.unfused?.median * 1e3)),
            fusion: fusion.map(|fusion| fusion.median),
            fusion_mad: fusion.map(|fusion| fusion.mad),
            cpu_ms: cpu.median * 1e3,
            speedup: speedup.map(|speedup| speedup.median),
            speedup_mad: speedup.map(|speedup| speedup.mad),
            checked,
            parts: Vec::new(),
        }
    }
}

/// What the columns of the table mean, a line each, and on a device what its goals are.
pub(super) fn legend(software: Option<bool>) -> Vec<String> {
    let memory = match software {
        Some(false) => {
            "cold: repetitions take turns in memory of their own, so much that it is beyond 512 MiB, or 32 times that of one"
        }
        _ => "warm: repetitions in the same memory",
    };
    let time = format!(
        "device ms: median time on the device, without uploads and read-back, {memory}; +-mad: median deviation from the median"
    );
    let lines = [
        &time,
        "timer: device, its own timestamps; or wall, the host's clock, and the reason below the row",
        "GB/s: 10^9 bytes a second of what the kernels read and write if they touch each element once; copy GB/s: of a copy \
         kernel over as many bytes (128 MiB at most)",
        "ratio: GB/s over copy GB/s of samples in turn, their median; 1.00 is as fast as a copy of that size, in which the start \
         of a dispatch and the caches have their part too",
        "peak: operations a second over the device's peak, which is measured once, before the cases; of convolutions but for depthwise ones, which memory bounds as it \
         does the other layers",
        "fusion: time without fusion over device ms; below 1.00 the fused kernels are slower than the single ones",
        "cpu ms: time of the CPU path; speed-up: cpu ms over device ms; checked: against the f64 oracle",
    ];
    let lines = lines.map(str::to_owned).into_iter();
    lines.chain(software.map(goal::legend)).collect()
}

/// The printed table: columns as wide as what stands in them.
pub(super) struct Table {
    case: usize,
    input: usize,
}

/// A shape without spaces.
fn compact(shape: &[usize]) -> String {
    format!("{shape:?}").replace(' ', "")
}

impl Table {
    pub(super) fn new(cases: &[Case]) -> Self {
        let names = cases.iter().map(|case| case.name.chars().count());
        let inputs = cases.iter().filter_map(Case::input_type);
        let inputs = inputs.map(|ty| compact(&ty.shape).len());
        Self {
            case: names.max().unwrap_or_default(),
            input: inputs.max().unwrap_or_default(),
        }
    }

    fn line(&self, [case, input]: [&str; 2], figures: [&str; 11], checked: &str) {
        let [
            time,
            mad,
            timer,
            rate,
            copy,
            ratio,
            spread,
            peak,
            fusion,
            cpu,
            speed_up,
        ] = figures;
        let (case_width, input_width) = (self.case, self.input);
        say!(
            "{case:<case_width$} {input:<input_width$} {time:>9} {mad:>7} {timer:<6} {rate:>6} {copy:>9} {ratio:>6} {spread:>6} \
             {peak:>6} {fusion:>6} {cpu:>9} {speed_up:>8}  {checked}"
        );
    }

    /// The names of the columns.
    pub(super) fn print_names(&self) {
        let figures = [
            "device ms",
            "+-mad",
            "timer",
            "GB/s",
            "copy GB/s",
            "ratio",
            "+-mad",
            "peak",
            "fusion",
            "cpu ms",
            "speed-up",
        ];
        self.line(["case", "input"], figures, "checked");
    }

    pub(super) fn print(&self, row: &Row) {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let figures = [
            number(row.gpu_ms, 3),
            number(row.gpu_ms_mad, 3),
            row.timer.clone().unwrap_or_else(|| "-".to_owned()),
            number(row.gbps, 2),
            number(row.copy_gbps, 2),
            number(row.copy_ratio, 2),
            number(row.copy_ratio_mad, 2),
            number(row.peak_ratio, 2),
            number(row.fusion, 2),
            number(Some(row.cpu_ms), 3),
            number(row.speedup, 2),
        ];
        let checked = if row.checked { "ok" } else { "WRONG" };
        self.line(
            [&row.case, &compact(&row.shape)],
            figures.each_ref().map(String::as_str),
            checked,
        );
        if let Some(doubt) = &row.timer_doubt {
            say!("    by the host's clock: {doubt}");
        }
    }
}
