//! `wgcnn run`: the main unit on a photograph.

use super::sheet;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use wgcnn::bench::Spread;
use wgcnn::check::Comparison;
use wgcnn::cpu::{self, Moments};
use wgcnn::networks::unit;
use wgcnn::plan::Options;
use wgcnn::{
    Device, Error, Graph, Outputs, Result, Selection, Session, Tensor, Timer, Variables, picture,
};

/// Pixels of a photograph that the oracle has room for on most machines: it takes 2 KiB a pixel.
const MOST_PIXELS: u32 = 1 << 21;

/// Timed runs on the device and on the CPU, behind one to warm up.
const RUNS: usize = 9;
pub(crate) fn run(
    image: Option<&Path>,
    out: Option<&Path>,
    selection: &Selection,
) -> Result<ExitCode> {
    let photograph = match image {
        Some(path) => picture::load(path)?,
        None => picture::built_in()?,
    };
    let full = photograph.shape().to_vec();
    let photograph = picture::reduced(photograph, MOST_PIXELS);
    if let Some(directory) = out {
        std::fs::create_dir_all(directory).map_err(|source| Error::Io {
            path: directory.to_owned(),
            source,
        })?;
    }
    let device = super::device_or_cpu(selection)?;
    let (height, width) = (photograph.shape()[0], photograph.shape()[1]);
    let bytes = photograph.as_u8().unwrap_or_default().to_vec();
    let photograph = Tensor::new([1, height, width, 3], bytes)?;
    let graph = unit(height, width, true)?;
    let feeds = [("photograph", &photograph)];
    match &device {
        Some(device) => say!("device: {}", device.adapter()),
        None => say!("device: none, CPU path only"),
    }
    say!("input:  photograph u8 {:?}", photograph.shape());
    if full[..2] != [height, width] {
        say!(
            "        reduced from {full:?}: the oracle keeps every step in f64, with the bound of each element"
        );
    }

    let (on_device, device_seconds) = match &device {
        Some(device) => Some(on_device(device, &graph, &photograph)?),
        None => None,
    }
    .unzip();
    let (on_cpu, cpu_seconds) = on_cpu(&graph, &photograph)?;
    let method = if device.is_some() {
        None
    } else {
        Some(Moments::CPU)
    };
    let (expected, _) = cpu::expect(&graph, &Variables::initial(&graph), &feeds, method)?;
    let outputs = on_device.as_ref().unwrap_or(&on_cpu);

    let mut wrong = false;
    say!(
        "{:<12} {:<18} {:>14} {:>14}",
        "step",
        "shape",
        "largest |diff|",
        "its bound"
    );
    for (name, expected) in &expected {
        let mut comparison = Comparison::default();
        comparison.add(name, expected, &outputs[name]);
        let shape = format!("{:?}", outputs[name].shape());
        let Comparison {
            largest_error,
            bound_there,
            ..
        } = comparison;
        say!("{name:<12} {shape:<18} {largest_error:>14.3e} {bound_there:>14.3e}");
        if let Some(error) = comparison.wrong {
            say!("  WRONG {error}");
            wrong = true;
        }
    }
    if let Some((seconds, timer)) = device_seconds {
        say!(
            "device: {:.3} ms (median of {RUNS}, {timer} clock, without upload and read-back)",
            seconds * 1e3
        );
    }
    say!(
        "cpu:    {:.3} ms (median of {RUNS}, {} threads)",
        cpu_seconds * 1e3,
        super::cpu().1
    );
    say!(
        "|diff| is against the same steps in f64; the bound is computed, 0 means equal to the bit"
    );
    if let Some(directory) = out {
        write_sheets(directory, outputs)?;
    }
    Ok(ExitCode::from(u8::from(wrong)))
}

fn on_device(
    device: &Device,
    graph: &Graph,
    photograph: &Tensor,
) -> Result<(Outputs, (f64, Timer))> {
    let variables = Variables::initial(graph);
    let options = Options {
        reuse: false,
        ..Options::default()
    };
    let mut session = Session::with_options(device, graph, &variables, options)?;
    let outputs = session.run([("photograph", photograph)])?;
    session.time(1)?;
    let timings = (0..RUNS).map(|_| session.time(1));
    let timings = timings.collect::<Result<Vec<_>>>()?;
    // By one clock, the host's if the device's is in doubt.
    let doubted = timings
        .iter()
        .map(|timing| timing.timer)
        .find(|timer| *timer != Timer::Device);
    let seconds = timings.iter().map(|timing| match doubted {
        None => timing.seconds,
        Some(_) => timing.wall,
    });
    let seconds = Spread::of(&seconds.collect::<Vec<_>>()).median;
    Ok((outputs, (seconds, doubted.unwrap_or(Timer::Device))))
}

fn on_cpu(graph: &Graph, photograph: &Tensor) -> Result<(Outputs, f64)> {
    let variables = Variables::initial(graph);
    let outputs = cpu::run(graph, &variables, [("photograph", photograph)])?;
    let mut samples = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        cpu::run(graph, &variables, [("photograph", photograph)])?;
        samples.push(start.elapsed().as_secs_f64());
    }
    Ok((outputs, Spread::of(&samples).median))
}

fn write_sheets(directory: &Path, outputs: &Outputs) -> Result<()> {
    for (index, (name, tensor)) in outputs.iter().enumerate() {
        let path = directory.join(format!("{}-{name}.png", index + 1));
        sheet::write(&path, tensor)?;
        say!("wrote {}", path.display());
    }
    Ok(())
}
