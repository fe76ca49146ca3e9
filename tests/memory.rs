//! Dropped sessions and devices give their memory back. A process of its own, whose memory nothing else changes.
//!
//! Without an adapter the tests are *ignored*, never passed; with `REQUIRE_GPU=1` that is a failure.

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use wgcnn::plan::{Limits, Options, Plan};
use wgcnn::{Adapter, DType, Device, Graph, Result, Selection, Session, Tensor, Variables};

type Test = fn(&Selection) -> std::result::Result<(), Failed>;

const TESTS: [(&str, Test); 2] = [
    ("a_thousand_sessions_leave_nothing", sessions),
    ("dropped_devices_leave_nothing", devices),
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

/// Repeats what takes the memory of `graph` `count` times, behind some to warm up: less than a tenth of all may stay, where
/// what is never given back would be all.
fn leaves_nothing(
    count: u64,
    graph: &Graph,
    repeat: impl Fn() -> Result<()>,
) -> std::result::Result<(), Failed> {
    let plan = Plan::new(graph, &Limits::default(), Options::default());
    let bytes = plan.map_err(|error| error.to_string())?.peak_bytes();
    let repeated = |count| (0..count).try_for_each(|_| repeat());
    repeated(count / 10).map_err(|error| error.to_string())?;
    let before = resident_bytes().ok_or("no memory to see")?;
    repeated(count).map_err(|error| error.to_string())?;
    let after = resident_bytes().ok_or("no memory to see")?;
    let grown = after.saturating_sub(before);
    if grown < count * bytes / 10 {
        return Ok(());
    }
    let what = format!("{grown} bytes stay of {count} times {bytes}");
    Err(Failed::from(what))
}

fn sessions(selection: &Selection) -> std::result::Result<(), Failed> {
    let device = Device::open(selection).map_err(|error| error.to_string())?;
    let (graph, tensor) = relu(1 << 17).map_err(|error| error.to_string())?;
    leaves_nothing(1000, &graph, || {
        let mut session = Session::new(&device, &graph, &Variables::new())?;
        session.run([("x", &tensor)]).map(drop)
    })
}

fn devices(selection: &Selection) -> std::result::Result<(), Failed> {
    let (graph, tensor) = relu(1 << 20).map_err(|error| error.to_string())?;
    leaves_nothing(100, &graph, || {
        let device = Device::open(selection)?;
        let mut session = Session::new(&device, &graph, &Variables::new())?;
        session.run([("x", &tensor)]).map(drop)
    })
}
