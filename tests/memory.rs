//! Dropped sessions and devices give their memory back. A process of its own, whose memory nothing else changes.
//!
//! Without an adapter the tests are *ignored*, never passed; with `REQUIRE_GPU=1` that is a failure.

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use wgcnn::{Adapter, DType, Device, Graph, Result, Selection, Session, Tensor, Variables};

type Test = fn(&Selection) -> std::result::Result<(), Failed>;

const TESTS: [(&str, Test); 2] = [
    ("a_thousand_sessions_leave_nothing", sessions),
    ("a_thousand_devices_leave_nothing", devices),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let adapters = Adapter::all().into_iter().enumerate();
    let usable: Vec<_> = adapters.filter(|(_, adapter)| adapter.usable).collect();
    if usable.is_empty() && std::env::var_os("REQUIRE_GPU").is_some_and(|value| value == "1") {
        eprintln!("REQUIRE_GPU=1, and there is no usable adapter");
        return ExitCode::FAILURE;
    }
    let mut trials = Vec::new();
    for (index, adapter) in &usable {
        let selection = Selection {
            device: Some(index.to_string()),
            backend: None,
        };
        // The memory of a GPU is not this process's.
        let shown = resident_bytes().is_some() && adapter.kind == wgcnn::Kind::Software;
        for (name, test) in TESTS {
            let selection = selection.clone();
            let name = format!("{}/{name}", adapter.backend.to_lowercase());
            let trial = Trial::test(name, move || test(&selection));
            trials.push(trial.with_ignored_flag(!shown));
        }
    }
    if usable.is_empty() {
        let ignored = |(name, _)| Trial::test(name, || Ok(())).with_ignored_flag(true);
        trials.extend(TESTS.map(ignored));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Bytes of memory that this process has; `None` where the system does not tell.
fn resident_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// ReLU of a vector: the graph, and its input.
fn relu(elements: usize) -> Result<(Graph, Tensor)> {
    let mut graph = Graph::new();
    let x = graph.input("x", [elements], DType::F32)?;
    let y = graph.relu(x)?;
    graph.output("y", y)?;
    Ok((graph, Tensor::filled(elements, 0.5)?))
}

/// Repeats a thousand times what makes something, drops it, and returns the bytes of buffers that it had: of the second half
/// less may stay than one of them had. What an allocator or a driver keeps for the next one is there by then.
fn leave_nothing(repeat: impl Fn() -> Result<u64>) -> std::result::Result<(), Failed> {
    let bytes = repeat().map_err(|error| error.to_string())?;
    let half = || -> std::result::Result<u64, Failed> {
        let before = resident_bytes().ok_or("no memory to see")?;
        let repeated = (0..500).try_for_each(|_| repeat().map(drop));
        repeated.map_err(|error| error.to_string())?;
        let after = resident_bytes().ok_or("no memory to see")?;
        Ok(after.saturating_sub(before))
    };
    let (first, second) = (half()?, half()?);
    if second < bytes {
        return Ok(());
    }
    let what = format!("{bytes} bytes each: of 500 {first} bytes stay, of 500 more {second}");
    Err(Failed::from(what))
}

/// Bytes of a session that has run.
fn run(device: &Device, graph: &Graph, x: &Tensor) -> Result<u64> {
    let mut session = Session::new(device, graph, &Variables::new())?;
    session.run([("x", x)])?;
    Ok(device.memory_in_use())
}

fn sessions(selection: &Selection) -> std::result::Result<(), Failed> {
    let device = Device::open(selection).map_err(|error| error.to_string())?;
    let (graph, x) = relu(1 << 17).map_err(|error| error.to_string())?;
    leave_nothing(|| run(&device, &graph, &x))
}

fn devices(selection: &Selection) -> std::result::Result<(), Failed> {
    let (graph, x) = relu(1 << 17).map_err(|error| error.to_string())?;
    leave_nothing(|| run(&Device::open(selection)?, &graph, &x))
}
