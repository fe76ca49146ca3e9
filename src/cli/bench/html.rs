//! The report as one page: no scripts, no files beside it, fit for printing.

mod charts;

use super::chart::{escape, put, short};
use super::goal;
use super::report::{Report, legend};
use charts::{operations, ratios, roofline, sizes, speed_ups};
use std::fmt::Write as _;
use wgcnn::plan::{Limits, Options, Plan};
use wgcnn::{Device, Result, networks};

const STYLE: &str = "
body { font: 15px/1.45 system-ui, sans-serif; max-width: 960px; margin: 2em auto; padding: 0 1em; color: #222; background: #fff }
h1 { margin-bottom: 0 } h2 { margin-top: 2em }
svg { width: 100%; height: auto; font: 10px system-ui, sans-serif }
svg .grid { stroke: #ddd } svg .mark { stroke: #222; stroke-dasharray: 4 3 }
svg .tick { text-anchor: middle; fill: #555 } svg .label { text-anchor: end } svg .value { fill: #333; font-size: 8.5px }
pre, table { font-size: 11px } pre { overflow-x: auto; background: #f6f6f6; padding: 1em }
table { border-collapse: collapse } td, th { padding: 1px 6px; text-align: right; border-bottom: 1px solid #eee }
td:first-child, th:first-child, td:nth-child(2), th:nth-child(2) { text-align: left }
.wrong { color: #b00; font-weight: bold }
@media print { body { max-width: none; margin: 0; font-size: 11px } h2, svg { break-inside: avoid-page } h2 { break-after: avoid }
  pre { white-space: pre-wrap; background: none; border: 1px solid #ccc } }
";

/// The page of a report; with a device, planned for its limits.
pub(super) fn page(report: &Report, device: Option<&Device>) -> Result<String> {
    let mut page = String::new();
    put!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"
    );
    put!(
        page,
        "<title>wgcnn bench</title>\n<style>{STYLE}</style>\n</head>\n<body>"
    );
    header(&mut page, report);
    if device.is_some() {
        ratios(&mut page, &report.rows);
        operations(&mut page, report);
        roofline(&mut page, report);
        sizes(&mut page, &report.rows);
        speed_ups(&mut page, &report.rows);
    }
    plan(&mut page, device)?;
    table(&mut page, report);
    put!(page, "</body>\n</html>");
    Ok(page)
}

fn header(page: &mut String, report: &Report) {
    let header = &report.header;
    put!(page, "<h1>wgcnn bench</h1>");
    let adapter = header
        .adapter
        .as_deref()
        .unwrap_or("no adapter, CPU path only");
    put!(page, "<p>Device: {}<br>", escape(adapter));
    put!(
        page,
        "CPU path: {}, {} threads<br>",
        escape(&header.cpu),
        header.threads
    );
    if let Some(peak) = header.peak_gflops {
        put!(
            page,
            "f32 peak of the device, measured: {} GFLOP/s<br>",
            short(peak)
        );
    }
    if let Some(copies) = &header.copies {
        put!(page, "Memory: {}<br>", escape(&copies.line()));
    }
    put!(page, "wgcnn {}</p>", escape(&header.version));
    if header.software == Some(true) {
        put!(
            page,
            "<p><b>A software driver: these figures are of a CPU behind a GPU interface, and say nothing about a GPU.</b></p>"
        );
    }
    let goals = goal::summary(&report.rows, report.overhead.as_ref());
    if !goals.is_empty() {
        put!(page, "<pre>{}</pre>", escape(&goals.join("\n")));
    }
    let wrong = report.rows.iter().filter(|row| !row.checked);
    let wrong: Vec<&str> = wrong.map(|row| row.case.as_str()).collect();
    let (count, all) = (report.rows.len() - wrong.len(), report.rows.len());
    put!(
        page,
        "<p>{count} of {all} cases agree with the f64 oracle: equal to the bit, or within the computed bound.</p>"
    );
    if !wrong.is_empty() {
        put!(
            page,
            "<p class=\"wrong\">WRONG: {}</p>",
            escape(&wrong.join(", "))
        );
    }
}

/// The plan of the unit: what a block is made of, and costs before it runs.
fn plan(page: &mut String, device: Option<&Device>) -> Result<()> {
    let limits = device.map_or_else(Limits::default, |device| device.limits().clone());
    let plan = Plan::new(&networks::build("unit")?, &limits, Options::default())?;
    put!(page, "<h2>The plan of a block</h2>");
    put!(
        page,
        "<p>Normalise, 3x3 convolution, batch norm, max pool, ReLU, nearest x2 on a photograph, as it runs on {}: \
        temporaries take {} bytes at the peak; {} live at one time, so no plan needs fewer.</p>",
        escape(&limits.adapter),
        plan.peak_bytes(),
        plan.lower_bound_bytes()
    );
    put!(page, "<pre>{}</pre>", escape(&plan.to_string()));
    Ok(())
}

fn table(page: &mut String, report: &Report) {
    put!(page, "<h2>All figures</h2>");
    if !report.rows.iter().all(|row| row.gpu_ms.is_none()) {
        put!(page, "<ul>");
        for line in legend(report.header.software) {
            put!(page, "<li>{}", escape(&line));
        }
        put!(page, "</ul>");
    }
    put!(page, "<table>");
    put!(
        page,
        "<tr><th>case<th>input<th>device ms<th>+-mad<th>clock<th>GB/s<th>copy GB/s<th>ratio<th>+-mad\
        <th>of peak<th>fusion<th>CPU ms<th>speed-up<th>kind<th>goal<th></tr>"
    );
    let number =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    for row in &report.rows {
        let goal = row.goal.and_then(|goal| {
            let word = if goal.is_met(row)? {
                "reached"
            } else {
                "missed"
            };
            Some(format!("{:.2} {word}", goal.least))
        });
        let clock = match &row.timer_doubt {
            Some(doubt) => format!("wall: {doubt}"),
            None => row.timer.clone().unwrap_or_default(),
        };
        put!(
            page,
            "<tr><td>{}<td>{:?}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            escape(&row.case),
            row.shape,
            number(row.gpu_ms),
            number(row.gpu_ms_mad),
            escape(&clock),
            number(row.gbps),
            number(row.copy_gbps),
            number(row.copy_ratio),
            number(row.copy_ratio_mad),
            number(row.peak_ratio),
            number(row.fusion),
            number(Some(row.cpu_ms)),
            number(row.speedup),
            row.kind.as_deref().unwrap_or_default(),
            goal.unwrap_or_default(),
            if row.checked {
                ""
            } else {
                "<span class=\"wrong\">WRONG</span>"
            }
        );
    }
    put!(page, "</table>");
    if let Some(overhead) = &report.overhead {
        put!(page, "<ul>");
        for line in overhead.lines() {
            put!(page, "<li>{}", escape(&line));
        }
        put!(page, "</ul>");
    }
}
