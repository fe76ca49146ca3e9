//! Everything that needs an adapter: each named case, and the session, on every usable adapter and backend.
//!
//! Without an adapter the tests are *ignored*, never passed; with `REQUIRE_GPU=1` that is a failure. The last line
//! before the summary says how many cases ran on a device.

#[path = "gpu/session.rs"]
mod session;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use wgcnn::cases::Case;
use wgcnn::check::on_device;
use wgcnn::{Adapter, Device, Selection, cases};

/// The larger cases belong to `bench` and `check`.
const LARGEST: usize = 1 << 21;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let devices = match devices() {
        Ok(devices) => devices,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if devices.is_empty() && std::env::var_os("REQUIRE_GPU").is_some_and(|value| value == "1") {
        eprintln!("REQUIRE_GPU=1, and there is no usable adapter");
        return ExitCode::FAILURE;
    }
    let ran = Arc::new(AtomicUsize::new(0));
    let mut trials = Vec::new();
    for device in &devices {
        trials.extend(case_trials(device, &ran));
        trials.extend(session::trials(device));
    }
    if devices.is_empty() {
        let ignored = |case: Case| Trial::test(case.name, || Ok(())).with_ignored_flag(true);
        trials.extend(small_cases().map(ignored));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    println!("GPU cases ran: {}", ran.load(Ordering::Relaxed));
    conclusion.exit_code()
}

/// One device per usable adapter and backend.
fn devices() -> wgcnn::Result<Vec<Device>> {
    let adapters = Adapter::all().into_iter().enumerate();
    let usable = adapters.filter(|(_, adapter)| adapter.usable);
    usable
        .map(|(index, _)| {
            Device::open(&Selection {
                device: Some(index.to_string()),
                backend: None,
            })
        })
        .collect()
}

fn small_cases() -> impl Iterator<Item = Case> {
    let small = |case: &Case| {
        let inputs = case.inputs();
        let elements = inputs.iter().map(|(_, tensor)| tensor.ty().elements());
        elements.sum::<usize>() < LARGEST
    };
    cases::named()
        .into_iter()
        .filter(move |case| !case.bench && small(case))
}

/// `vulkan/max_pool/overlap`, ...
fn case_trials(device: &Device, ran: &Arc<AtomicUsize>) -> Vec<Trial> {
    small_cases()
        .map(|case| {
            let (device, ran) = (device.clone(), Arc::clone(ran));
            let backend = device.adapter().backend.to_lowercase();
            Trial::test(format!("{backend}/{}", case.name), move || {
                let comparison = on_device(&device, &case).map_err(failed)?;
                ran.fetch_add(1, Ordering::Relaxed);
                match comparison.wrong {
                    Some(wrong) => Err(Failed::from(format!("{}: {wrong}", case.why))),
                    None => Ok(()),
                }
            })
        })
        .collect()
}

fn failed(error: wgcnn::Error) -> Failed {
    Failed::from(error.to_string())
}
