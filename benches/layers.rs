//! `cargo bench`: the cases of `wgcnn bench` under criterion, on the device and on the CPU path. A word on the command
//! line selects cases; `--save-baseline NAME` and `--baseline NAME` compare; `--test` runs the smallest case of each layer once.
//!
//! Device times are the device's own clock around repetitions in one pass; `wgcnn bench` says which clock that is, and
//! how far from the speed of a copy.

use criterion::{Bencher, Criterion};
use std::time::Duration;
use wgcnn::cases::{self, Case};
use wgcnn::plan::Options;
use wgcnn::{Device, Result, Session, cpu};

/// Repetitions of a case in one pass.
const IN_A_PASS: u32 = 1000;

/// A session of a case whose inputs are on the device.
fn session(device: &Device, case: &Case) -> Result<Session> {
    let options = Options {
        reuse: false,
        ..Options::default()
    };
    let mut session = Session::with_options(device, &case.graph, &case.variables(), options)?;
    let inputs = case.inputs();
    session.run(inputs.iter().map(|(name, x)| (name.as_str(), x)))?;
    Ok(session)
}

/// Time of so many repetitions by the device's clock.
fn time(session: &Session, repetitions: u64) -> Result<Duration> {
    let (mut seconds, mut left) = (0.0, repetitions);
    while left > 0 {
        let count = u32::try_from(left).map_or(IN_A_PASS, |left| left.min(IN_A_PASS));
        seconds += session.time(count)?.seconds * f64::from(count);
        left -= u64::from(count);
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Bytes of a case's inputs.
fn bytes(case: &Case) -> usize {
    let inputs = case.inputs();
    inputs.iter().map(|(_, x)| x.bytes().len()).sum()
}

/// The cases of `bench`; of a test those alone that have the fewest bytes of their layers.
fn benches(is_test: bool) -> Vec<Case> {
    let cases = cases::named().into_iter().filter(|case| case.bench);
    let cases: Vec<Case> = cases.collect();
    if !is_test {
        return cases;
    }
    let of_layers = cases.chunk_by(|a, b| a.layer() == b.layer());
    let smallest = of_layers.filter_map(|cases| cases.iter().min_by_key(|case| bytes(case)));
    smallest.cloned().collect()
}

fn main() -> Result<()> {
    let device = Device::new()?;
    println!("{}", device.adapter());
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut failed = Ok(());
    for case in benches(std::env::args().any(|argument| argument == "--test")) {
        // Made when criterion has found that the case is wanted.
        let mut ready = None;
        let mut on_device = |bencher: &mut Bencher<'_>| {
            bencher.iter_custom(|repetitions| {
                let timed = match &ready {
                    Some(session) => time(session, repetitions),
                    None => session(&device, &case)
                        .and_then(|made| time(ready.insert(made), repetitions)),
                };
                timed.unwrap_or_else(|error| {
                    failed = Err(error);
                    // Criterion asks for more and more repetitions of what takes no time.
                    Duration::from_secs(1)
                })
            });
        };
        criterion.bench_function(&format!("device/{}", case.name), &mut on_device);
        let (variables, inputs) = (case.variables(), case.inputs());
        let feeds = || inputs.iter().map(|(name, x)| (name.as_str(), x));
        criterion.bench_function(&format!("cpu/{}", case.name), |bencher| {
            bencher.iter(|| {
                if let Err(error) = cpu::run(&case.graph, &variables, feeds()) {
                    failed = Err(error);
                }
            });
        });
        if let Err(error) = std::mem::replace(&mut failed, Ok(())) {
            eprintln!("{}: {error}", case.name);
            return Err(error);
        }
    }
    criterion.final_summary();
    Ok(())
}
