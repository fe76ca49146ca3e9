//! The report as one page: no scripts, no files beside it, fit for printing.

use super::chart::{Bars, Point, Series, bars, escape, plot, put, short};
use super::goal::{self, ALIGNED, ODD, PEAK};
use super::report::{Report, Row, legend};
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
    put!(page, "wgcnn {}</p>", escape(&header.version));
    if header.software == Some(true) {
        put!(
            page,
            "<p><b>A software driver: these figures are of a CPU behind a GPU interface, and say nothing about a GPU.</b></p>"
        );
    }
    let goals = goal::summary(&report.rows);
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

/// The case in f32, and in f16 if there is one.
fn pairs(rows: &[Row]) -> impl Iterator<Item = (&Row, Option<&Row>)> {
    let singles = rows.iter().filter(|row| !row.case.ends_with("+f16"));
    singles.map(|row| {
        let half = format!("{}+f16", row.case);
        (row, rows.iter().find(|row| row.case == half))
    })
}

/// Bars of the cases for which `value` is something, f32 beside f16.
fn paired(rows: &[Row], value: impl Fn(&Row) -> Option<f64>) -> Vec<Bars> {
    let bar = |row: &Row| {
        let value = value(row)?;
        let ms = row.gpu_ms.unwrap_or_default();
        Some((
            value,
            format!("{} {:?}: {value:.3}, {ms:.3} ms", row.case, row.shape),
        ))
    };
    let rows = pairs(rows).map(|(row, half)| Bars {
        label: row.case.clone(),
        values: vec![bar(row), half.and_then(&bar)],
    });
    rows.filter(|bars| bars.values.iter().any(Option::is_some))
        .collect()
}

fn ratios(page: &mut String, rows: &[Row]) {
    put!(page, "<h2>Speed, in copies</h2>");
    put!(
        page,
        "<p>Bytes per second of the layer over those of a copy kernel over as many bytes, sampled in turn: 1 is as fast as a \
        copy of that size. Bytes are what the kernels read and write if they touch each element once. Left out are \
        convolutions but for depthwise ones: operations take their time, not bytes. The dashed lines are the goals: {ODD} where \
        rows begin anywhere, {ALIGNED} where they are whole lanes of 16 bytes.</p>"
    );
    let ratio = |row: &Row| row.copy_ratio.filter(|_| row.peak_ratio.is_none());
    put!(
        page,
        "{}",
        bars(
            &["f32", "f16"],
            &paired(rows, ratio),
            false,
            &[ODD, ALIGNED]
        )
    );
}

fn operations(page: &mut String, report: &Report) {
    let peak = paired(&report.rows, |row| row.peak_ratio);
    if peak.is_empty() {
        return;
    }
    put!(page, "<h2>Operations, as a fraction of the peak</h2>");
    let (goal, marks) = match report.header.software {
        Some(false) => ("; the goal is the dashed line", &[PEAK][..]),
        _ => ("", &[][..]),
    };
    put!(
        page,
        "<p>Of convolutions but for depthwise ones, which memory bounds{goal}. The peak is measured once, before the cases.</p>"
    );
    put!(page, "{}", bars(&["f32", "f16"], &peak, false, marks));
}

fn roofline(page: &mut String, report: &Report) {
    let copies = report.rows.iter().filter_map(|row| row.copy_gbps);
    let memory = copies.fold(0.0, f64::max);
    let Some(peak) = report.header.peak_gflops.filter(|_| memory > 0.0) else {
        return;
    };
    put!(page, "<h2>Roofline</h2>");
    put!(
        page,
        "<p>Operations of f32, by the layers' definition, for each byte that is moved, and a second. The roof is \
        the fastest copy of this run ({} GB/s) on the left, the measured peak ({} GFLOP/s) on the right: what is near it has \
        nothing left to win. Layers that only move elements have no operations.</p>",
        short(memory),
        short(peak)
    );
    let points = |half: bool| {
        let rows = report.rows.iter();
        let rows = rows.filter(move |row| row.case.ends_with("+f16") == half);
        let points = rows.filter_map(move |row| {
            let (operations, bytes) = (row.operations? as f64, row.bytes? as f64);
            let shown = row.case.contains("/large") && !half;
            Some(Point {
                x: operations / bytes,
                y: row.gflops?,
                label: if shown {
                    row.case.replace("/large_", " ").replace("/large", "")
                } else {
                    String::new()
                },
                shown: format!(
                    "{}: {} operations a byte, {} GFLOP/s",
                    row.case,
                    short(operations / bytes),
                    short(row.gflops?)
                ),
            })
        });
        points.filter(|point| point.x > 0.0).collect::<Vec<_>>()
    };
    let (single, half) = (points(false), points(true));
    let xs = single.iter().chain(&half).map(|point| point.x);
    let (low, high) = (
        xs.clone().fold(f64::INFINITY, f64::min),
        xs.fold(0.0, f64::max),
    );
    let ridge = peak / memory;
    let roof = [low.min(ridge), ridge, high.max(ridge)].map(|x| Point {
        x,
        y: (x * memory).min(peak),
        label: String::new(),
        shown: format!("the roof at {} operations a byte", short(x)),
    });
    let series = [
        Series {
            name: "f32",
            points: single,
            line: false,
        },
        Series {
            name: "f16",
            points: half,
            line: false,
        },
        Series {
            name: "roof",
            points: roof.into(),
            line: true,
        },
    ];
    put!(page, "{}", plot(["operations a byte", "GFLOP/s"], &series));
}

fn sizes(page: &mut String, rows: &[Row]) {
    let sweep = |layer: &str, half: bool| {
        let rows = rows.iter().filter(|row| {
            row.case.starts_with(&format!("{layer}/size_")) && row.case.ends_with("+f16") == half
        });
        let points = rows.filter_map(|row| {
            Some(Point {
                x: row.bytes? as f64 / 1024.0,
                y: row.gpu_ms? * 1e3,
                label: String::new(),
                shown: format!("{}: {} us", row.case, short(row.gpu_ms? * 1e3)),
            })
        });
        points.collect::<Vec<_>>()
    };
    let layers = [
        ("relu", "ReLU"),
        ("max_pool", "max pool 2x2"),
        ("interpolate", "nearest x2"),
        ("batch_norm", "batch norm, training"),
        ("conv", "conv 3x3"),
    ];
    let plots = [false, true].map(|half| {
        let series = layers.map(|(layer, name)| Series {
            name,
            points: sweep(layer, half),
            line: true,
        });
        let series = series
            .into_iter()
            .filter(|series| !series.points.is_empty());
        (half, series.collect::<Vec<_>>())
    });
    if plots.iter().all(|(_, series)| series.is_empty()) {
        return;
    }
    put!(page, "<h2>Time against size</h2>");
    put!(
        page,
        "<p>Small tensors take the time that a dispatch takes to begin; large ones that of their bytes, or operations.</p>"
    );
    for (half, series) in &plots {
        let names = [
            if *half {
                "KiB moved, f16"
            } else {
                "KiB moved, f32"
            },
            "us",
        ];
        put!(page, "{}", plot(names, series));
    }
}

fn speed_ups(page: &mut String, rows: &[Row]) {
    put!(page, "<h2>Device against CPU path</h2>");
    put!(
        page,
        "<p>Time of the CPU path, on all threads, over the time of the device; right of the dashed line the device is faster.</p>"
    );
    put!(
        page,
        "{}",
        bars(
            &["f32", "f16"],
            &paired(rows, |row| row.speedup),
            true,
            &[1.0]
        )
    );
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
        for line in legend() {
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
