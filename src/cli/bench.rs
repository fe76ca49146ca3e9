//! `wgcnn bench`.

mod baseline;
mod chart;
pub(crate) mod first_result;
mod html;
mod overhead;
mod report;

use overhead::Overhead;
use report::{Header, Report, Row};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wgcnn::bench::{measure, measure_cpu, peak_rate};
use wgcnn::cases::{self, Case};
use wgcnn::check::{Comparison, on_cpu, on_device};
use wgcnn::{Device, Error, Result, Selection};

/// What the command line asks for.
pub(crate) struct Request {
    pub(crate) op: Option<String>,
    pub(crate) case: Option<String>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) html: Option<PathBuf>,
    pub(crate) baseline: Option<PathBuf>,
}

impl Request {
    /// The case that is asked for, or all that are to be timed.
    fn cases(&self) -> Result<Vec<Case>> {
        if let Some(name) = &self.case {
            return Ok(vec![cases::find(name)?]);
        }
        let mut named = cases::named();
        let op = self.op.as_deref();
        named.retain(|case| case.bench && op.is_none_or(|op| op == case.layer()));
        Ok(named)
    }

    /// Whether nothing is left out.
    fn is_whole(&self) -> bool {
        self.op.is_none() && self.case.is_none()
    }
}

/// The exit status if a case is slower than in the baseline.
const SLOWER: u8 = 3;

pub(crate) fn run(request: &Request, selection: &Selection) -> Result<ExitCode> {
    super::check_op(request.op.as_deref())?;
    let cases = request.cases()?;
    let json = request.json.as_deref();
    for path in [json, request.html.as_deref()] {
        super::check_writable(path)?;
    }
    let baseline = request
        .baseline
        .as_deref()
        .map(baseline::read)
        .transpose()?;
    let device = super::device_or_cpu(selection)?;
    let peak = device.as_ref().map(peak_rate).transpose()?;
    let header = Header::new(device.as_ref(), peak);
    let quiet = json == Some(Path::new("-"));
    if !quiet {
        header.print();
        Row::print_names();
    }
    let mut rows = Vec::new();
    for case in &cases {
        let row = row(device.as_ref(), case, peak)?;
        if !quiet {
            row.print();
        }
        rows.push(row);
    }
    if !quiet {
        Row::print_legend();
    }
    let overhead = match &device {
        Some(device) if request.is_whole() => Some(Overhead::measure(device, selection)?),
        _ => None,
    };
    if let Some(overhead) = overhead.as_ref().filter(|_| !quiet) {
        overhead.print();
    }
    let report = Report {
        header,
        rows,
        overhead,
    };
    if let Some(path) = json {
        super::write_json(path, &report)?;
    }
    if let Some(path) = &request.html {
        super::write(path, &html::page(&report, device.as_ref())?)?;
    }
    let slower = baseline.is_some_and(|baseline| {
        let comparison = baseline::compare(&baseline, &report);
        comparison.print(quiet);
        comparison.slower()
    });
    Ok(match report.rows.iter().all(|row| row.checked) {
        false => ExitCode::FAILURE,
        true if slower => ExitCode::from(SLOWER),
        true => ExitCode::SUCCESS,
    })
}

/// Checks and times one case.
fn row(device: Option<&Device>, case: &Case, peak: Option<f64>) -> Result<Row> {
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
    Ok(Row::new(case, cpu.median, measured.as_ref(), peak, checked))
}
