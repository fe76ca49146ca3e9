//! The charts of the page, a section each.

use crate::cli::bench::chart::{Bar, Bars, Point, Series, bars, plot, put, short};
use crate::cli::bench::goal::Figure;
use crate::cli::bench::report::{Report, Row};
use std::fmt::Write as _;

/// The case in f32, and in f16 if there is one.
fn pairs(rows: &[Row]) -> impl Iterator<Item = (&Row, Option<&Row>)> {
    let singles = rows.iter().filter(|row| !row.case.ends_with("+f16"));
    singles.map(|row| {
        let half = format!("{}+f16", row.case);
        (row, rows.iter().find(|row| row.case == half))
    })
}

/// Bars of the cases for which `value` is something, f32 beside f16, with the goals for that figure.
fn paired(rows: &[Row], figure: Figure, value: impl Fn(&Row) -> Option<f64>) -> Vec<Bars> {
    let bar = |row: &Row| {
        let value = value(row)?;
        let ms = row.gpu_ms.unwrap_or_default();
        let goal = row.goal.filter(|goal| goal.figure == figure);
        Some(Bar {
            value,
            shown: format!("{} {:?}: {value:.3}, {ms:.3} ms", row.case, row.shape),
            goal: goal.map(|goal| goal.least),
        })
    };
    let rows = pairs(rows).map(|(row, half)| Bars {
        label: row.case.clone(),
        values: vec![bar(row), half.and_then(&bar)],
    });
    rows.filter(|bars| bars.values.iter().any(Option::is_some))
        .collect()
}

pub(super) fn ratios(page: &mut String, rows: &[Row]) {
    put!(page, "<h2>Speed, in copies</h2>");
    put!(
        page,
        "<p>Bytes per second of the layer over those of a copy kernel over as many bytes, sampled in turn: 1 is as fast as a \
        copy of that size. Bytes are what the kernels read and write if they touch each element once. Left out are \
        convolutions but for depthwise ones: operations take their time, not bytes. The dashed line on a bar is its goal.</p>"
    );
    let ratio = |row: &Row| row.copy_ratio.filter(|_| row.peak_ratio.is_none());
    let ratios = paired(rows, Figure::CopyRatio, ratio);
    put!(page, "{}", bars(&["f32", "f16"], &ratios, false, &[]));
}

pub(super) fn operations(page: &mut String, report: &Report) {
    let peak = paired(&report.rows, Figure::PeakRatio, |row| row.peak_ratio);
    if peak.is_empty() {
        return;
    }
    put!(page, "<h2>Operations, as a fraction of the peak</h2>");
    put!(
        page,
        "<p>Of convolutions but for depthwise ones, which memory bounds. The peak is measured once, before the cases. A goal, \
        where there is one, is a dashed line on its bar.</p>"
    );
    put!(page, "{}", bars(&["f32", "f16"], &peak, false, &[]));
}

pub(super) fn roofline(page: &mut String, report: &Report) {
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

pub(super) fn sizes(page: &mut String, rows: &[Row]) {
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

pub(super) fn speed_ups(page: &mut String, rows: &[Row]) {
    put!(page, "<h2>Device against CPU path</h2>");
    put!(
        page,
        "<p>Time of the CPU path, on all threads, over the time of the device; right of the dashed line the device is faster. \
        Convolutions on a software driver have goals here, dashed lines on their bars.</p>"
    );
    let speed_ups = paired(rows, Figure::Speedup, |row| row.speedup);
    put!(page, "{}", bars(&["f32", "f16"], &speed_ups, true, &[1.0]));
}
