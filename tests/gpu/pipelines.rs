//! Pipelines: how they are built, shared, saved, and what a broken one says.

use super::checker::patch;
use super::session::{Test, check, named, pooled, ramp, relu};
use super::{failed, limited};
use libtest_mimic::{Failed, Trial};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;
use wgcnn::plan::{Options, Plan};
use wgcnn::{DType, Device, Error, Graph, Result, Selection, Session, Tensor, Variables};

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let tests: [(&str, Test); 4] = [
        ("preparing_reports_progress", progress),
        ("a_broken_shader_is_an_error", broken_shader),
        ("pipelines_are_shared", pipelines_are_shared),
        ("pipelines_are_saved_and_found_again", saved_pipelines),
    ];
    named(device, "pipelines", &tests)
}

fn pipelines_are_shared(device: &Device) -> Result<(), Failed> {
    // A handle of its own has a cache of its own, which no other test fills.
    let device = Device::from_wgpu(device.wgpu().clone(), device.queue().clone());
    let mut chain = Graph::new();
    let build = |graph: &mut Graph| -> Result<()> {
        let mut x = graph.input("x", [5000], DType::F32)?;
        for _ in 0..4 {
            x = graph.sigmoid(x)?;
        }
        graph.output("y", x)
    };
    build(&mut chain).map_err(failed)?;
    for session in ["first", "second"] {
        Session::new(&device, &chain, &Variables::new()).map_err(failed)?;
        let pipelines = device.pipelines();
        check(
            pipelines == 1,
            format!("{session} session: {pipelines} pipelines for four equal layers"),
        )?;
    }
    let mut other = Graph::new();
    let build = |graph: &mut Graph| -> Result<()> {
        let x = graph.input("x", [5000], DType::F32)?;
        let y = graph.sigmoid(x)?;
        graph.output("y", y)
    };
    build(&mut other).map_err(failed)?;
    Session::new(&device, &other, &Variables::new()).map_err(failed)?;
    check(device.pipelines() == 1, "another graph of the same layer")?;
    let pool = pooled().map_err(failed)?;
    Session::new(&device, &pool, &Variables::new()).map_err(failed)?;
    check(
        device.pipelines() == 2,
        "another layer has another pipeline",
    )
}

/// Saved by one device, found by another; what is no file of pipelines is not used.
fn saved_pipelines(device: &Device) -> Result<(), Failed> {
    let backend = device.adapter().backend.clone();
    let selection = Selection {
        device: Some(device.adapter().name.clone()),
        backend: Some(backend.to_lowercase()),
    };
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("saved-{backend}"));
    let _ = std::fs::remove_dir_all(&folder);
    let graph = relu(1001).map_err(failed)?;
    let x = ramp(1001).map_err(failed)?;
    let run = |device: &Device| -> Result<Tensor> {
        let mut session = Session::new(device, &graph, &Variables::new())?;
        Ok(session.run([("x", &x)])?["y"].clone())
    };
    let open = || Device::open_cached(&selection, &folder).map_err(failed);
    let first = open()?;
    let expected = run(&first).map_err(failed)?;
    let saved = first.save_pipelines(&folder).map_err(failed)?;
    let files = || std::fs::read_dir(&folder).into_iter().flatten().flatten();
    check(saved == (files().count() == 1), "one file, if it is saved")?;
    check(backend != "Gl" || !saved, "GL has no form for pipelines")?;
    check(
        run(&open()?).map_err(failed)? == expected,
        "with what was saved",
    )?;
    for file in files() {
        std::fs::write(file.path(), b"no pipelines")?;
    }
    check(
        run(&open()?).map_err(failed)? == expected,
        "with another file",
    )?;
    let again = first.save_pipelines(&folder).map_err(failed)?;
    check(again == saved, "it is replaced")
}

fn progress(device: &Device) -> Result<(), Failed> {
    // Its own device: nothing is built yet.
    let device = limited(device, |_| ())?;
    let graph = wgcnn::networks::unet(1, 1, [16, 16], 2).map_err(failed)?;
    let plan = Plan::new(&graph, device.limits(), Options::default()).map_err(failed)?;
    let total = plan.pipelines();
    let calls = Mutex::new(Vec::new());
    let variables = Variables::initial(&graph);
    let several = device.adapter().backend != "Gl";
    let cores = std::thread::available_parallelism()?.get();
    let builders = if several { cores.min(2) } else { 1 };
    let (threads, met) = (Mutex::new(HashSet::new()), Condvar::new());
    let note = |built, of| {
        let (Ok(mut calls), Ok(mut threads)) = (calls.lock(), threads.lock()) else {
            return;
        };
        calls.push((built, of));
        drop(calls);
        // One that has built its first waits until another has, lest it build all before the other has begun.
        if threads.insert(std::thread::current().id()) {
            met.notify_all();
            let alone = |threads: &mut HashSet<_>| threads.len() < builders;
            drop(met.wait_timeout_while(threads, Duration::from_secs(10), alone));
        }
    };
    let session = Session::prepare(&device, plan.clone(), &variables, note).map_err(failed)?;
    let mut calls = calls.into_inner().map_err(|error| error.to_string())?;
    calls.sort_unstable();
    let each: Vec<_> = (1..=total).map(|built| (built, total)).collect();
    check(calls == each, format!("{calls:?}"))?;
    let threads = threads.into_inner().map_err(|error| error.to_string())?;
    let message = format!("{} threads have built, of {builders}", threads.len());
    check(threads.len() >= builders, message)?;
    check(device.pipelines() == total, "pipelines of the device")?;
    drop(session);
    let built_again = AtomicUsize::new(0);
    let count = |_, _| _ = built_again.fetch_add(1, Ordering::Relaxed);
    Session::prepare(&device, plan, &variables, count).map_err(failed)?;
    check(
        built_again.into_inner() == 0,
        "pipelines built a second time",
    )
}

fn broken_shader(device: &Device) -> Result<(), Failed> {
    let graph = wgcnn::networks::unet(1, 1, [16, 16], 2).map_err(failed)?;
    let plan = Plan::new(&graph, device.limits(), Options::default()).map_err(failed)?;
    let variables = Variables::initial(&graph);
    for (from, to) in [
        ("fn next()", "fn next("),
        ("fn next()", "fn next() { let a: u32 = 1.5; } fn other()"),
    ] {
        let mut broken = plan.clone();
        patch(&mut broken, "max_pool", from, to);
        let result = Session::prepare(device, broken, &variables, |_, _| ());
        let Err(Error::Validation(why)) = result else {
            return Err(Failed::from(format!("{result:?}")));
        };
        check(why.contains("max_pool"), format!("which shader? {why}"))?;
    }
    // The device has taken no harm.
    let mut session = Session::with_plan(device, plan, &variables).map_err(failed)?;
    let x = Tensor::new([1, 1, 16, 16], vec![0.5f32; 256]).map_err(failed)?;
    session.run([("x", &x)]).map(drop).map_err(failed)
}
