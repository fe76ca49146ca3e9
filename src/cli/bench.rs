//! `wgcnn bench`.

use serde::Serialize;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use wgcnn::bench::{
    DISPATCHES, Measurement, measure, measure_cpu, measure_dispatch, measure_first_result,
};
use wgcnn::cases::{self, Case};
use wgcnn::check::{Comparison, on_cpu, on_device};
use wgcnn::plan::{Options, Plan};
use wgcnn::{Device, Error, Result, Selection, Timer, networks};

/// One row of the table. Times in milliseconds, rates in GB/s (10^9 bytes); absent without a device.
#[derive(Serialize)]
struct Row {
    case: String,
    op: String,
    shape: Vec<usize>,
    dtype: String,
    gpu_ms: Option<f64>,
    gpu_ms_mad: Option<f64>,
    samples: Option<usize>,
    timer: Option<String>,
    timer_doubt: Option<String>,
    bytes: Option<u64>,
    gbps: Option<f64>,
    copy_gbps: Option<f64>,
    copy_ratio: Option<f64>,
    unfused_ms: Option<f64>,
    fusion: Option<f64>,
    cpu_ms: f64,
    speedup: Option<f64>,
    checked: bool,
}

impl Row {
    fn new(case: &Case, cpu_seconds: f64, measured: Option<&Measurement>, checked: bool) -> Self {
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
            unfused_ms: measured.and_then(|m| Some(m.unfused?.median * 1e3)),
            fusion: measured.and_then(Measurement::fusion),
            cpu_ms: cpu_seconds * 1e3,
            speedup: measured.map(|m| cpu_seconds / m.time.median),
            checked,
        }
    }

    fn print(&self) {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        say!(
            "{:<31} {:<16} {:>9} {:>7} {:<6} {:>7} {:>7} {:>6} {:>6} {:>9} {:>8}  {}",
            self.case,
            format!("{:?}", self.shape).replace(' ', ""),
            number(self.gpu_ms, 3),
            number(self.gpu_ms_mad, 3),
            self.timer.as_deref().unwrap_or("-"),
            number(self.gbps, 2),
            number(self.copy_gbps, 2),
            number(self.copy_ratio, 2),
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

/// What a run costs besides its kernels.
#[derive(Serialize)]
struct Overhead {
    dispatches: usize,
    dispatch_us: f64,
    dispatch_us_mad: f64,
    first_result_ms: Vec<FirstResult>,
}

/// Milliseconds to the first result of a network.
#[derive(Serialize)]
struct FirstResult {
    network: &'static str,
    pipelines: usize,
    ms: f64,
    ms_mad: f64,
}

impl Overhead {
    fn measure(device: &Device, selection: &Selection) -> Result<Self> {
        let dispatch = measure_dispatch(device)?;
        let first = ["unit", "unet"].into_iter().map(|network| {
            let graph = networks::build(network)?;
            let plan = Plan::new(&graph, device.limits(), Options::default())?;
            let time = measure_first_result(selection, &graph)?;
            Ok(FirstResult {
                network,
                pipelines: plan.pipelines(),
                ms: time.median * 1e3,
                ms_mad: time.mad * 1e3,
            })
        });
        Ok(Self {
            dispatches: DISPATCHES,
            dispatch_us: dispatch.median * 1e6,
            dispatch_us_mad: dispatch.mad * 1e6,
            first_result_ms: first.collect::<Result<_>>()?,
        })
    }

    fn print(&self) {
        say!(
            "CPU per dispatch: {:.2} us (+-mad {:.2}), in a run of {} on a few elements, until the call returns",
            self.dispatch_us,
            self.dispatch_us_mad,
            self.dispatches
        );
        for first in &self.first_result_ms {
            say!(
                "first result of {}: {:.0} ms (+-mad {:.0}), from a device that has built none of its {} pipelines",
                first.network,
                first.ms,
                first.ms_mad,
                first.pipelines
            );
        }
    }
}

pub(crate) fn run(
    op: Option<&str>,
    json: Option<&Path>,
    selection: &Selection,
) -> Result<ExitCode> {
    super::check_op(op)?;
    super::check_json(json)?;
    let device = super::device_or_cpu(selection)?;
    let (cpu, threads) = super::cpu();
    let adapter = device.as_ref().map(|device| device.adapter().to_string());
    let quiet = json == Some(Path::new("-"));
    if !quiet {
        say!(
            "adapter: {}",
            adapter.as_deref().unwrap_or("none, CPU path only")
        );
        say!("cpu:     {cpu}, {threads} threads");
        say!(
            "{:<31} {:<16} {:>9} {:>7} {:<6} {:>7} {:>7} {:>6} {:>6} {:>9} {:>8}  checked",
            "case",
            "input",
            "device ms",
            "+-mad",
            "timer",
            "GB/s",
            "copy",
            "ratio",
            "fusion",
            "cpu ms",
            "speed-up"
        );
    }
    let cases = cases::named().into_iter();
    let cases = cases.filter(|case| case.bench && op.is_none_or(|op| op == case.layer()));
    let mut rows = Vec::new();
    for case in cases {
        let row = row(device.as_ref(), &case)?;
        if !quiet {
            row.print();
        }
        rows.push(row);
    }
    if !quiet {
        say!(
            "ratio: GB/s of the layer / GB/s of a copy kernel over as many bytes (128 MiB at most), sampled in turn, warm; \
             1.00 is the speed of memory"
        );
        say!("fusion: the time without it / the time");
    }
    let overhead = match &device {
        Some(device) if op.is_none() => Some(Overhead::measure(device, selection)?),
        _ => None,
    };
    if let Some(overhead) = overhead.as_ref().filter(|_| !quiet) {
        overhead.print();
    }
    let wrong = rows.iter().any(|row| !row.checked);
    if let Some(path) = json {
        let header = json!({
            "adapter": adapter,
            "software": device.as_ref().map(|device| device.adapter().kind == wgcnn::Kind::Software),
            "driver": device.as_ref().map(|device| device.adapter().driver.clone()),
            "backend": device.as_ref().map(|device| device.adapter().backend.clone()),
            "cpu": cpu,
            "threads": threads,
            "version": env!("CARGO_PKG_VERSION"),
        });
        super::write_json(
            path,
            &json!({ "header": header, "rows": rows, "overhead": overhead }),
        )?;
    }
    Ok(ExitCode::from(u8::from(wrong)))
}

/// Checks and times one case.
fn row(device: Option<&Device>, case: &Case) -> Result<Row> {
    let (compared, device) = match device.map(|device| (on_device(device, case), device)) {
        None => (on_cpu(case)?, None),
        Some((Ok(comparison), device)) => (comparison, Some(device)),
        Some((Err(error @ Error::DeviceLost(_)), _)) => return Err(error),
        // What this device cannot run is a row without a time, and no reason to leave out the others.
        Some((Err(error), _)) => (Comparison::failed(&error), None),
    };
    if let Some(wrong) = &compared.wrong {
        complain!("WRONG {}: {wrong}", case.name);
    }
    let cpu = measure_cpu(case)?;
    let measured = device.map(|device| measure(device, case)).transpose()?;
    let checked = compared.wrong.is_none();
    Ok(Row::new(case, cpu.median, measured.as_ref(), checked))
}
