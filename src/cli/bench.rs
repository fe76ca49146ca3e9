//! `wgcnn bench`.

mod baseline;
mod chart;
mod copies;
pub(crate) mod first_result;
mod goal;
mod html;
mod overhead;
mod parts;
mod report;

use indicatif::{ProgressBar, ProgressStyle};
use overhead::Overhead;
use parts::Less;
use report::{Header, Report, Row, Table};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wgcnn::bench::{measure, measure_copies, measure_cpu, measure_parts, peak_rate};
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
    pub(crate) parts: bool,
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

    /// Whether a row of another run is of a case that is asked for.
    fn covers(&self, row: &Row) -> bool {
        let op = self.op.as_ref().is_none_or(|op| *op == row.op);
        op && self.case.as_ref().is_none_or(|case| *case == row.case)
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
    let baseline = request
        .baseline
        .as_deref()
        .map(baseline::read)
        .transpose()?;
    super::check_writable(&[json, request.html.as_deref()])?;
    let device = super::device_or_cpu(selection)?;
    let peak = device.as_ref().map(peak_rate).transpose()?;
    let copies = device.as_ref().map(measure_copies).transpose()?;
    let header = Header::new(device.as_ref(), peak, copies);
    let (quiet, table) = (json == Some(Path::new("-")), Table::new(&cases));
    let whole = request.is_whole() && device.is_some();
    let print = |lines: &[String]| {
        lines
            .iter()
            .filter(|_| !quiet)
            .for_each(|line| say!("{line}"))
    };
    if !quiet {
        header.print();
        header.print_work(cases.len());
    }
    print(&report::legend(header.software));
    if !quiet {
        table.print_names();
    }
    let bar = progress(cases.len() + usize::from(whole));
    let mut rows = Vec::new();
    for case in &cases {
        bar.set_message(case.name.clone());
        let mut row = row(device.as_ref(), case, &header, &bar)?;
        if !quiet {
            bar.suspend(|| table.print(&row));
        }
        let misses = row
            .goal
            .is_some_and(|goal| goal.is_met(&row) == Some(false));
        // A copy has loads and stores, too: what others are without them is held against it.
        let wanted = request.parts && (misses || row.op == "copy");
        if let Some(device) = device.as_ref().filter(|_| wanted) {
            match measure_parts(device, case) {
                Err(error @ Error::DeviceLost(_)) => return Err(error),
                // No reason to lose the row.
                Err(error) => bar.suspend(|| complain!("error: parts of {}: {error}", case.name)),
                Ok(gains) => row.parts = gains.iter().map(Less::of).collect(),
            }
        }
        rows.push(row);
        bar.inc(1);
    }
    bar.set_message("dispatches and first results");
    let overhead = match &device {
        Some(device) if whole => match Overhead::measure(device, selection) {
            Err(error @ Error::DeviceLost(_)) => return Err(error),
            // No reason to lose the rows.
            Err(error) => {
                bar.suspend(|| complain!("error: {error}"));
                None
            }
            Ok(overhead) => Some(overhead),
        },
        _ => None,
    };
    bar.finish_and_clear();
    print(&goal::summary(&rows, overhead.as_ref()));
    print(&overhead.as_ref().map(Overhead::lines).unwrap_or_default());
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
        let comparison = baseline::compare(&baseline, &report, |row| request.covers(row));
        comparison.print(quiet);
        comparison.slower()
    });
    Ok(match report.rows.iter().all(|row| row.checked) {
        false => ExitCode::FAILURE,
        true if slower => ExitCode::from(SLOWER),
        true => ExitCode::SUCCESS,
    })
}

/// How far the run is, on standard error where that is a terminal.
fn progress(steps: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}, {eta} left: {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps as u64).with_style(style)
}

/// Checks and times one case.
fn row(device: Option<&Device>, case: &Case, header: &Header, bar: &ProgressBar) -> Result<Row> {
    let (compared, device) = match device.map(|device| (on_device(device, case), device)) {
        None => (on_cpu(case)?, None),
        Some((Ok(comparison), device)) => (comparison, Some(device)),
        Some((Err(error @ Error::DeviceLost(_)), _)) => return Err(error),
        // What this device cannot run is a row without a time, and no reason to leave out the others.
        Some((Err(error), _)) => (Comparison::failed(&error), None),
    };
    if let Some(wrong) = &compared.wrong {
        bar.suspend(|| complain!("WRONG {}: {wrong}", case.name));
    }
    let cpu = measure_cpu(case)?;
    let measured = device.map(|device| measure(device, case)).transpose()?;
    let checked = compared.wrong.is_none();
    Ok(Row::new(header, case, cpu, measured.as_ref(), checked))
}
