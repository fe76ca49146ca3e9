//! The session and the device, beyond single results.

use super::checker::patch;
use super::{failed, limited};
use libtest_mimic::{Failed, Trial};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use wgcnn::ops::{BatchNorm, BatchNormState, Conv, MaxPool};
use wgcnn::plan::{Options, Plan};
use wgcnn::{
    DType, Device, Doubt, Error, Feed, Graph, Outputs, Result, Running, Selection, Session, Tensor,
    Timer, Variables, cases,
};

type Test = fn(&Device) -> Result<(), Failed>;

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let tests: [(&str, Test); 25] = [
        ("preparing_reports_progress", progress),
        ("a_broken_shader_is_an_error", broken_shader),
        (
            "what_depends_on_variables_alone_follows_them",
            prologue_follows_variables,
        ),
        ("a_deep_network_gives_numbers", deep_network),
        ("buffers_in_and_out", buffers_in_and_out),
        ("asynchronous_runs", asynchronous_runs),
        ("a_dropped_future_leaves_the_session_usable", dropped_future),
        ("pipelines_are_shared", pipelines_are_shared),
        (
            "an_evaluation_sees_what_a_training_updated",
            shared_variables,
        ),
        ("swapped_variables", swapped_variables),
        ("pool_and_relu_commute", pool_and_relu_commute),
        ("stray_feeds_are_errors", stray_feeds),
        ("a_buffer_too_short_is_an_error", short_buffers),
        ("a_buffer_of_another_device_is_an_error", foreign_buffers),
        ("a_variable_of_another_type_is_an_error", foreign_variable),
        ("a_run_to_buffers_updates_variables", updates_of_buffer_runs),
        (
            "outputs_may_be_more_than_a_buffer_together",
            beyond_a_buffer,
        ),
        ("two_runs_in_flight", two_in_flight),
        ("pipelines_are_saved_and_found_again", saved_pipelines),
        ("runs_make_no_buffers", steady_state),
        ("a_budget_is_kept_at_creation_and_at_submission", budget),
        ("dropped_futures_leave_nothing", dropped_futures),
        ("an_application_shares_its_device", shared_device),
        ("two_threads_share_a_device", two_threads),
        ("a_time_is_positive", a_time_is_positive),
    ];
    let backend = device.adapter().backend.to_lowercase();
    tests
        .into_iter()
        .map(|(name, test)| {
            let device = device.clone();
            Trial::test(format!("{backend}/session/{name}"), move || test(&device))
        })
        .collect()
}

pub(crate) fn check(condition: bool, message: impl Into<String>) -> Result<(), Failed> {
    if condition {
        Ok(())
    } else {
        Err(Failed::from(message.into()))
    }
}

/// x -> relu -> y over `elements`.
pub(crate) fn relu(elements: usize) -> Result<Graph> {
    let mut graph = Graph::new();
    let x = graph.input("x", [elements], DType::F32)?;
    let y = graph.relu(x)?;
    graph.output("y", y)?;
    Ok(graph)
}

pub(crate) fn ramp(elements: i16) -> Result<Tensor> {
    let data: Vec<f32> = (0..elements).map(|i| f32::from(i) - 3.0).collect();
    Tensor::new([data.len()], data)
}

fn buffers_in_and_out(device: &Device) -> Result<(), Failed> {
    use wgpu::BufferUsages as Usage;
    let tensor = ramp(7).map_err(failed)?;
    let graph = relu(7).map_err(failed)?;
    let mut session = Session::new(device, &graph, &Variables::new()).map_err(failed)?;
    let buffer = |usage| {
        device.wgpu().create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 28,
            usage,
            mapped_at_creation: false,
        })
    };
    let x = buffer(Usage::COPY_SRC | Usage::COPY_DST);
    device.queue().write_buffer(&x, 0, tensor.bytes());
    let y = buffer(Usage::COPY_SRC | Usage::COPY_DST);
    session
        .run_to_buffers([("x", &x)], &[("y", &y)])
        .map_err(failed)?;
    // The output buffer is the input of a second run: relu(relu(x)) = relu(x).
    let outputs = session.run([("x", &y)]).map_err(failed)?;
    let expected = [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0];
    check(
        outputs["y"].as_f32() == Some(&expected),
        format!("{:?}", outputs["y"]),
    )?;
    let error = session.run_to_buffers([("x", &x)], &[("z", &y)]);
    check(
        matches!(error, Err(Error::Unknown { .. })),
        format!("{error:?}"),
    )?;
    let unreadable = buffer(Usage::COPY_DST);
    let error = session.run([("x", &unreadable)]);
    check(
        matches!(error, Err(Error::Shape { .. })),
        format!("{error:?}"),
    )
}

fn asynchronous_runs(device: &Device) -> Result<(), Failed> {
    let tensor = ramp(9).map_err(failed)?;
    let graph = relu(9).map_err(failed)?;
    let mut session = Session::new(device, &graph, &Variables::new()).map_err(failed)?;
    let blocking = session.run([("x", &tensor)]).map_err(failed)?;
    for _ in 0..3 {
        let outputs = pollster::block_on(session.run_async([("x", &tensor)])).map_err(failed)?;
        check(outputs == blocking, "run_async differs from run")?;
    }
    Ok(())
}

fn dropped_future(device: &Device) -> Result<(), Failed> {
    let tensor = ramp(9).map_err(failed)?;
    let graph = relu(9).map_err(failed)?;
    let mut session = Session::new(device, &graph, &Variables::new()).map_err(failed)?;
    drop(session.run_async([("x", &tensor)]));
    let outputs = session.run([("x", &tensor)]).map_err(failed)?;
    check(
        outputs["y"].as_f32().is_some_and(|y| y.len() == 9),
        "no output",
    )
}

fn pipelines_are_shared(device: &Device) -> Result<(), Failed> {
    // A handle of its own has a cache of its own, which no other test fills.
    let device = Device::from_wgpu(device.wgpu().clone(), device.queue().clone());
    let mut chain = Graph::new();
    let build = |graph: &mut Graph| -> Result<()> {
        let mut x = graph.input("x", [5000], DType::F32)?;
        for _ in 0..4 {
            x = graph.relu(x)?;
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
    let other = relu(5000).map_err(failed)?;
    Session::new(&device, &other, &Variables::new()).map_err(failed)?;
    check(device.pipelines() == 1, "another graph of the same layer")?;
    let pool = pooled().map_err(failed)?;
    Session::new(&device, &pool, &Variables::new()).map_err(failed)?;
    check(
        device.pipelines() == 2,
        "another layer has another pipeline",
    )
}

/// One max pool.
fn pooled() -> Result<Graph> {
    let mut graph = Graph::new();
    let x = graph.input("x", [1, 2, 6, 8], DType::F32)?;
    let y = graph.max_pool(x, MaxPool::new([2, 2]))?;
    graph.output("y", y)?;
    Ok(graph)
}

/// A batch norm over [4, 2, 3] whose state has the name `bn`.
fn batch_norm(layer: BatchNorm) -> Result<Graph> {
    let mut graph = Graph::new();
    let x = graph.input("x", [4, 2, 3], DType::F32)?;
    let state = BatchNormState::variables(&mut graph, "bn", 2, true)?;
    let y = graph.batch_norm(x, &state, layer)?;
    graph.output("y", y)?;
    Ok(graph)
}

fn shared_variables(device: &Device) -> Result<(), Failed> {
    let train = batch_norm(BatchNorm::train()).map_err(failed)?;
    let eval = batch_norm(BatchNorm::eval()).map_err(failed)?;
    let x = Tensor::new([4, 2, 3], (0..24u8).map(f32::from).collect::<Vec<_>>()).map_err(failed)?;
    let on_device = Variables::initial(&train);
    let mut training = Session::new(device, &train, &on_device).map_err(failed)?;
    let mut evaluation = Session::new(device, &eval, &on_device).map_err(failed)?;
    let before = evaluation.run([("x", &x)]).map_err(failed)?;
    for _ in 0..3 {
        training.run([("x", &x)]).map_err(failed)?;
    }
    let after = evaluation.run([("x", &x)]).map_err(failed)?;
    check(before != after, "the running statistics did not move")?;
    let counter = on_device.get("bn.num_batches_tracked").map_err(failed)?;
    check(counter.as_i64() == Some(&[3]), format!("{counter:?}"))?;

    let on_cpu = Variables::initial(&train);
    for _ in 0..3 {
        wgcnn::cpu::run(&train, &on_cpu, [("x", &x)]).map_err(failed)?;
    }
    for name in ["bn.running_mean", "bn.running_var"] {
        let (gpu, cpu) = (on_device.get(name), on_cpu.get(name));
        let (gpu, cpu) = (gpu.map_err(failed)?, cpu.map_err(failed)?);
        let pairs = gpu
            .as_f32()
            .unwrap_or_default()
            .iter()
            .zip(cpu.as_f32().unwrap_or_default());
        // Three updates of five roundings each on either side.
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 60.0 * f32::EPSILON * b.abs();
        check(
            pairs.len() == 2 && pairs.clone().all(near),
            format!("{name}: {gpu:?} {cpu:?}"),
        )?;
    }
    // A value set by the host is seen by both.
    on_device
        .set("bn.bias", Tensor::filled(2, 100.0).map_err(failed)?)
        .map_err(failed)?;
    let shifted = evaluation.run([("x", &x)]).map_err(failed)?;
    check(
        shifted["y"]
            .as_f32()
            .is_some_and(|y| y.iter().all(|&y| y > 50.0)),
        "bias not seen",
    )
}

/// `a <- b` and `b <- a` in one run, with `a` an output: everything reads the old values.
fn swapped_variables(device: &Device) -> Result<(), Failed> {
    let build = || -> Result<Graph> {
        let mut graph = Graph::new();
        let a = graph.variable("a", Tensor::filled(5, 1.0)?)?;
        let b = graph.variable("b", Tensor::filled(5, 2.0)?)?;
        graph.assign(a, b)?;
        graph.assign(b, a)?;
        graph.output("old", a)?;
        Ok(graph)
    };
    let graph = build().map_err(failed)?;
    let variables = Variables::initial(&graph);
    let mut session = Session::new(device, &graph, &variables).map_err(failed)?;
    let none: [(&str, &Tensor); 0] = [];
    let outputs = session.run(none).map_err(failed)?;
    check(
        outputs["old"] == Tensor::filled(5, 1.0).map_err(failed)?,
        "the output is the old value",
    )?;
    check(
        variables.get("a").map_err(failed)? == Tensor::filled(5, 2.0).map_err(failed)?,
        "a",
    )?;
    check(
        variables.get("b").map_err(failed)? == Tensor::filled(5, 1.0).map_err(failed)?,
        "b",
    )
}

/// Swapping max pooling and `ReLU` where they are neighbours in the unit changes nothing, on the device and on the CPU.
fn pool_and_relu_commute(device: &Device) -> Result<(), Failed> {
    let swaps = [
        ["batch_norm-max_pool-relu", "batch_norm-relu-max_pool"],
        ["max_pool-relu-batch_norm", "relu-max_pool-batch_norm"],
    ];
    for (swap, mode) in swaps
        .iter()
        .flat_map(|swap| [(swap, "eval"), (swap, "train")])
    {
        let mut results = Vec::new();
        for order in swap {
            let case = cases::find(&format!("unit/conv-{order}-{mode}")).map_err(failed)?;
            let inputs = case.inputs();
            let feeds = || inputs.iter().map(|(name, tensor)| (name.as_str(), tensor));
            let (on_device, on_cpu) = (case.variables(), case.variables());
            let mut session = Session::new(device, &case.graph, &on_device).map_err(failed)?;
            let outputs = session.run(feeds()).map_err(failed)?;
            let cpu = wgcnn::cpu::run(&case.graph, &on_cpu, feeds()).map_err(failed)?;
            let mut states = Vec::new();
            for name in on_device.names() {
                states.push(on_device.get(&name).map_err(failed)?);
                states.push(on_cpu.get(&name).map_err(failed)?);
            }
            results.push((inputs, outputs, cpu, states));
        }
        let y = &results[0].1["y"];
        let varied = y
            .as_f32()
            .is_some_and(|y| y.iter().any(|&element| element > y[0]));
        check(varied, "all outputs are equal: the test shows nothing")?;
        check(
            results[0] == results[1],
            format!("{swap:?} in {mode} differ"),
        )?;
    }
    Ok(())
}

fn stray_feeds(device: &Device) -> Result<(), Failed> {
    let (tensor, short) = (ramp(9).map_err(failed)?, ramp(8).map_err(failed)?);
    let graph = relu(9).map_err(failed)?;
    let mut session = Session::new(device, &graph, &Variables::new()).map_err(failed)?;
    let none: [(&str, &Tensor); 0] = [];
    let missing = session.run(none);
    check(
        matches!(missing, Err(Error::Missing { .. })),
        format!("{missing:?}"),
    )?;
    let unknown = session.run([("x", &tensor), ("z", &tensor)]);
    check(
        matches!(unknown, Err(Error::Unknown { .. })),
        format!("{unknown:?}"),
    )?;
    let twice = session.run([("x", &tensor), ("x", &tensor)]);
    check(
        matches!(twice, Err(Error::DuplicateName { .. })),
        format!("{twice:?}"),
    )?;
    let other = session.run([("x", &short)]);
    check(
        matches!(other, Err(Error::Shape { .. })),
        format!("{other:?}"),
    )?;
    session
        .run([("x", Feed::Tensor(&tensor))])
        .map_err(failed)?;
    Ok(())
}

fn short_buffers(device: &Device) -> Result<(), Failed> {
    let graph = relu(9).map_err(failed)?;
    let mut session = Session::new(device, &graph, &Variables::new()).map_err(failed)?;
    let buffer = |size| {
        let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        device.wgpu().create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage,
            mapped_at_creation: false,
        })
    };
    let (short, whole) = (buffer(32), buffer(36));
    let as_input = session.run([("x", &short)]);
    let as_output = session.run_to_buffers([("x", &whole)], &[("y", &short)]);
    check(
        matches!(&as_input, Err(Error::Shape { node, .. }) if node.contains("\"x\"")),
        format!("{as_input:?}"),
    )?;
    check(
        matches!(&as_output, Err(Error::Shape { node, .. }) if node.contains("\"y\"")),
        format!("{as_output:?}"),
    )?;
    session.run([("x", &whole)]).map(drop).map_err(failed)
}

/// Buffers of two devices of one process are told apart.
fn foreign_buffers(device: &Device) -> Result<(), Failed> {
    let adapter = device.adapter();
    let selection = Selection {
        device: Some(adapter.name.clone()),
        backend: Some(adapter.backend.clone()),
    };
    let open = || Device::open(&selection).map_err(failed);
    let (device, other) = (open()?, open()?);
    let graph = relu(9).map_err(failed)?;
    let tensor = ramp(9).map_err(failed)?;
    let mut session = Session::new(&device, &graph, &Variables::new()).map_err(failed)?;
    session.run([("x", &tensor)]).map_err(failed)?;
    for _ in 0..8 {
        let buffer = other.wgpu().create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 36,
            usage: wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let as_input = session.run([("x", &buffer)]).map(drop);
        let as_output = session.run_to_buffers([("x", &tensor)], &[("y", &buffer)]);
        for result in [as_input, as_output] {
            check(
                matches!(result, Err(Error::Validation(_))),
                format!("{result:?}"),
            )?;
        }
    }
    let outputs = session.run([("x", &tensor)]).map_err(failed)?;
    check(outputs["y"].as_f32().is_some(), "the session is spoilt")
}

fn foreign_variable(device: &Device) -> Result<(), Failed> {
    let mut graph = Graph::new();
    let build = |graph: &mut Graph| -> Result<()> {
        let v = graph.variable("v", Tensor::filled(5, 1.0)?)?;
        let y = graph.relu(v)?;
        graph.output("y", y)
    };
    build(&mut graph).map_err(failed)?;
    let variables = Variables::new();
    variables
        .set("v", Tensor::filled(4, 1.0).map_err(failed)?)
        .map_err(failed)?;
    let session = Session::new(device, &graph, &variables).map(drop);
    check(
        matches!(&session, Err(Error::Shape { node, .. }) if node.contains("\"v\"")),
        format!("{session:?}"),
    )
}

fn updates_of_buffer_runs(device: &Device) -> Result<(), Failed> {
    let case = cases::find("batch_norm/2d_train").map_err(failed)?;
    let inputs = case.inputs();
    let feeds = || inputs.iter().map(|(name, tensor)| (name.as_str(), tensor));
    let (read_back, kept) = (case.variables(), case.variables());
    let session = |variables| Session::new(device, &case.graph, variables);
    let mut reading = session(&read_back).map_err(failed)?;
    reading.run(feeds()).map_err(failed)?;
    let mut keeping = session(&kept).map_err(failed)?;
    keeping.run_to_buffers(feeds(), &[]).map_err(failed)?;
    for name in kept.names() {
        let (a, b) = (read_back.get(&name), kept.get(&name));
        let (a, b) = (a.map_err(failed)?, b.map_err(failed)?);
        check(a == b, format!("{name}: {a:?} {b:?}"))?;
    }
    let moved = case.variables().get("bn.running_mean");
    let moved = moved.map_err(failed)? != kept.get("bn.running_mean").map_err(failed)?;
    check(moved, "nothing was updated: the test shows nothing")
}

/// Each output fits a buffer, and all of them together do not.
fn beyond_a_buffer(device: &Device) -> Result<(), Failed> {
    let device = limited(device, |limits| {
        limits.max_buffer_size = 1 << 20;
        limits.max_storage_buffer_binding_size = 1 << 20;
    })?;
    let mut graph = Graph::new();
    let build = |graph: &mut Graph| -> Result<()> {
        for name in ["a", "b"] {
            let x = graph.input(name, [150_000], DType::F32)?;
            let y = graph.relu(x)?;
            graph.output(name, y)?;
        }
        Ok(())
    };
    build(&mut graph).map_err(failed)?;
    let x = Tensor::filled(150_000, 1.0).map_err(failed)?;
    let mut session = Session::new(&device, &graph, &Variables::new()).map_err(failed)?;
    let outputs = session.run([("a", &x), ("b", &x)]).map_err(failed)?;
    check(outputs["a"] == x && outputs["b"] == x, "the outputs")
}

/// Whether a submission waits for the one before, whoever submits: copies that take a while are done when one of nothing is
/// behind them.
fn driver_waits(device: &Device) -> Result<bool, Failed> {
    const BYTES: u64 = 64 << 20;
    let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    let buffer = || {
        device.wgpu().create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: BYTES,
            usage,
            mapped_at_creation: false,
        })
    };
    let (from, to) = (buffer(), buffer());
    let encoder = || {
        device
            .wgpu()
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    };
    let mut copies = encoder();
    for _ in 0..50 {
        copies.copy_buffer_to_buffer(&from, 0, &to, 0, BYTES);
    }
    device.queue().submit([copies.finish()]);
    let done = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&done);
    device
        .queue()
        .on_submitted_work_done(move || tell.store(true, Ordering::SeqCst));
    device.queue().submit([encoder().finish()]);
    let polled = device.wgpu().poll(wgpu::PollType::Poll);
    polled.map_err(|error| Failed::from(error.to_string()))?;
    Ok(done.load(Ordering::SeqCst))
}

/// Two runs of a graph that takes a while: when the second call has returned, the first run is not done, so the second was
/// submitted behind it without waiting. Where the driver does that itself, as Mesa's on CPUs, each has its own outputs, and no
/// more is to be seen.
fn two_in_flight(device: &Device) -> Result<(), Failed> {
    const ELEMENTS: usize = 1 << 20;
    let build = || -> Result<Graph> {
        let mut graph = Graph::new();
        let x = graph.input("x", [ELEMENTS], DType::F32)?;
        let mut y = x;
        for _ in 0..100 {
            y = graph.add(y, x)?;
        }
        graph.output("y", y)?;
        Ok(graph)
    };
    let mut session =
        Session::new(device, &build().map_err(failed)?, &Variables::new()).map_err(failed)?;
    let filled = |value| Tensor::filled(ELEMENTS, value).map_err(failed);
    let [a, b] = [filled(1.0)?, filled(2.0)?];
    let polled = |run: &mut Running| run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let outputs = |polled: Poll<Result<Outputs>>, run: Running| match polled {
        Poll::Ready(outputs) => outputs.map_err(failed),
        Poll::Pending => pollster::block_on(run).map_err(failed),
    };
    let driver_waits = driver_waits(device)?;
    for _ in 0..3 {
        let mut first = session.run_async([("x", &a)]);
        let mut second = session.run_async([("x", &b)]);
        let ended = [polled(&mut first), polled(&mut second)];
        check(
            driver_waits || ended.iter().all(Poll::is_pending),
            "neither is done when both are submitted",
        )?;
        let [first_ended, second_ended] = ended;
        let second = outputs(second_ended, second)?;
        let first = outputs(first_ended, first)?;
        check(
            first["y"] == filled(101.0)? && second["y"] == filled(202.0)?,
            "each has its own outputs",
        )?;
    }
    Ok(())
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

/// A device of its own, whose buffers no other test counts.
fn own_device(device: &Device) -> Result<Device, Failed> {
    limited(device, |_| {})
}

/// Buffers of wgpu, those that it makes for itself too.
fn wgpu_buffers(device: &Device) -> isize {
    device.wgpu().get_internal_counters().hal.buffers.read()
}

fn steady_state(device: &Device) -> Result<(), Failed> {
    let device = own_device(device)?;
    let graph = relu(1001).map_err(failed)?;
    let mut session = Session::new(&device, &graph, &Variables::new()).map_err(failed)?;
    let x = Tensor::filled(1001, 1.0).map_err(failed)?;
    let usage = wgpu::BufferUsages::COPY_DST;
    let target = device.wgpu().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 4004,
        usage,
        mapped_at_creation: false,
    });
    let mut counts = Vec::new();
    for run in 0..12 {
        session.run([("x", &x)]).map_err(failed)?;
        let count = || (device.memory_in_use(), wgpu_buffers(&device));
        let before = count();
        session
            .run_to_buffers([("x", &x)], &[("y", &target)])
            .map_err(failed)?;
        // Before anybody has polled: what the run made is there still.
        if run >= 2 {
            counts.extend([before, count()]);
        }
        let polled = device.wgpu().poll(wgpu::PollType::wait_indefinitely());
        polled.map_err(|error| Failed::from(error.to_string()))?;
    }
    let same = counts.iter().all(|count| *count == counts[0]);
    check(
        same && counts[0].1 > 0,
        format!("bytes and buffers: {counts:?}"),
    )
}

fn budget(device: &Device) -> Result<(), Failed> {
    let device = own_device(device)?;
    let graph = relu(1 << 16).map_err(failed)?;
    let x = Tensor::filled(1 << 16, 1.0).map_err(failed)?;
    let new = || Session::new(&device, &graph, &Variables::new());
    let out_of_memory = |result: Result<()>| match result {
        Err(Error::OutOfMemory(message)) => {
            let says = message.contains("budget") && message.contains("262144 bytes");
            check(says, message)
        }
        other => Err(Failed::from(format!("{other:?}"))),
    };
    // Two arenas of 256 KiB do not fit.
    device.set_memory_budget(Some(400_000));
    out_of_memory(new().map(drop))?;
    check(
        device.memory_in_use() == 0,
        "what failed has given everything back",
    )?;
    // The session does; not what a run needs for its input and its output.
    device.set_memory_budget(Some(700_000));
    let mut session = new().map_err(failed)?;
    let before = device.memory_in_use();
    for _ in 0..2 {
        out_of_memory(session.run([("x", &x)]).map(drop))?;
        out_of_memory(pollster::block_on(session.run_async([("x", &x)])).map(drop))?;
    }
    check(device.memory_in_use() == before, "and so have the runs")?;
    device.set_memory_budget(None);
    let outputs = session.run([("x", &x)]).map_err(failed)?;
    check(outputs["y"] == x, "the session works")?;
    drop(session);
    let left = device.memory_in_use();
    check(left == 0, format!("{left} bytes are left"))
}

/// Futures that are dropped at once, and after they have begun to wait.
fn dropped_futures(device: &Device) -> Result<(), Failed> {
    let device = own_device(device)?;
    let graph = relu(1001).map_err(failed)?;
    let mut session = Session::new(&device, &graph, &Variables::new()).map_err(failed)?;
    let x = Tensor::filled(1001, 1.0).map_err(failed)?;
    session.run([("x", &x)]).map_err(failed)?;
    let before = device.memory_in_use();
    for run in 0..100 {
        let mut future = session.run_async([("x", &x)]);
        if run % 2 == 1 {
            let waker = std::task::Waker::noop();
            let _ = future
                .as_mut()
                .poll(&mut std::task::Context::from_waker(waker));
        }
    }
    let outputs = session.run([("x", &x)]).map_err(failed)?;
    check(outputs["y"] == x, "the session works")?;
    // Uploads of runs in flight at one time are kept; nothing else is.
    let kept = device.memory_in_use() - before;
    check(kept <= 100 * 4008, format!("{kept} bytes are kept"))?;
    drop(session);
    let polled = device.wgpu().poll(wgpu::PollType::wait_indefinitely());
    polled.map_err(|error| Failed::from(error.to_string()))?;
    // The threads that polled for the futures end in their own time.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while device.memory_in_use() > 0 && std::time::Instant::now() < end {
        std::thread::yield_now();
    }
    let left = device.memory_in_use();
    check(left == 0, format!("{left} bytes are left"))
}

fn shared_device(device: &Device) -> Result<(), Failed> {
    let other = Device::from_wgpu(device.wgpu().clone(), device.queue().clone());
    let graph = relu(9).map_err(failed)?;
    let tensor = ramp(9).map_err(failed)?;
    let mut session = Session::new(&other, &graph, &Variables::new()).map_err(failed)?;
    let outputs = session.run([("x", &tensor)]).map_err(failed)?;
    check(
        other.adapter().name == device.adapter().name,
        "another adapter",
    )?;
    check(
        outputs["y"]
            .as_f32()
            .is_some_and(|y| y[8].to_bits() == 5f32.to_bits()),
        "result",
    )
}

fn two_threads(device: &Device) -> Result<(), Failed> {
    let work = || -> Result<()> {
        let (graph, tensor) = (relu(1000)?, ramp(1000)?);
        let mut session = Session::new(device, &graph, &Variables::new())?;
        let first = session.run([("x", &tensor)])?;
        for _ in 0..10 {
            assert_eq!(session.run([("x", &tensor)])?, first);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        for thread in threads {
            thread
                .join()
                .map_err(|_| Failed::from("a thread panicked"))?
                .map_err(failed)?;
        }
        Ok(())
    })
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

/// relu, conv with a variable weight, batch norm in one kernel: packed filters and an affine function are made once.
fn folded(layer: BatchNorm) -> wgcnn::Result<Graph> {
    let mut graph = Graph::new();
    let x = graph.input("x", [4, 2, 5, 6], DType::F32)?;
    let weight = graph.variable("weight", Tensor::new([2, 2, 3, 3], vec![0.5f32; 36])?)?;
    let state = BatchNormState::variables(&mut graph, "bn", 2, true)?;
    let y = graph.conv(x, weight, None, Conv::new(2))?;
    let y = graph.batch_norm(y, &state, layer)?;
    graph.output("y", y)?;
    Ok(graph)
}

fn prologue_follows_variables(device: &Device) -> Result<(), Failed> {
    let train = folded(BatchNorm::train()).map_err(failed)?;
    let eval = folded(BatchNorm::eval()).map_err(failed)?;
    let data: Vec<f32> = (0..240u8).map(|i| f32::from(i % 13) - 3.0).collect();
    let x = Tensor::new([4, 2, 5, 6], data).map_err(failed)?;
    let variables = Variables::initial(&train);
    let mut training = Session::new(device, &train, &variables).map_err(failed)?;
    let mut evaluation = Session::new(device, &eval, &variables).map_err(failed)?;
    let plan = evaluation.plan();
    check(
        [plan.prologue, plan.dispatches.len()] == [2, 3],
        plan.to_string(),
    )?;
    // What a session says that has never run anything, with the variables as they are.
    let fresh = || -> wgcnn::Result<wgcnn::Outputs> {
        let copy = Variables::new();
        for name in variables.names() {
            copy.set(&name, variables.get(&name)?)?;
        }
        Session::new(device, &eval, &copy)?.run([("x", &x)])
    };
    let mut seen = Vec::new();
    let mut compare = |what: &str, outputs: wgcnn::Outputs| {
        check(outputs == fresh().map_err(failed)?, what)?;
        let moved = seen.iter().all(|earlier| *earlier != outputs);
        seen.push(outputs);
        check(moved, format!("{what}: nothing has changed"))
    };
    compare("first", evaluation.run([("x", &x)]).map_err(failed)?)?;
    let weight = Tensor::new([2, 2, 3, 3], vec![0.25f32; 36]).map_err(failed)?;
    variables.set("weight", weight).map_err(failed)?;
    compare(
        "set by the host",
        evaluation.run([("x", &x)]).map_err(failed)?,
    )?;
    training.run([("x", &x)]).map_err(failed)?;
    compare(
        "updated by another session",
        evaluation.run([("x", &x)]).map_err(failed)?,
    )?;
    training.run([("x", &x)]).map_err(failed)?;
    evaluation.time(2).map_err(failed)?;
    compare(
        "timed in between",
        evaluation.run([("x", &x)]).map_err(failed)?,
    )?;
    training.run([("x", &x)]).map_err(failed)?;
    evaluation.poison().map_err(failed)?;
    compare("poisoned", evaluation.run([("x", &x)]).map_err(failed)?)?;
    let again = evaluation.run([("x", &x)]).map_err(failed)?;
    check(again == fresh().map_err(failed)?, "a second run")
}

fn deep_network(device: &Device) -> Result<(), Failed> {
    let graph = wgcnn::networks::resnet18(1, [32, 32], 10).map_err(failed)?;
    let variables = Variables::initial(&graph);
    let count = 3 * 32 * 32;
    let picture: Vec<f32> = (0..count).map(|i| (i % 17) as f32 / 8.0 - 1.0).collect();
    let x = Tensor::new([1, 3, 32, 32], picture).map_err(failed)?;
    let mut session = Session::new(device, &graph, &variables).map_err(failed)?;
    let outputs = session.run([("x", &x)]).map_err(failed)?;
    let logits = outputs["logits"].as_f32().unwrap_or_default();
    let numbers = logits.len() == 10 && logits.iter().all(|logit| logit.is_finite());
    let differ = logits
        .iter()
        .any(|logit| logit.to_bits() != logits[0].to_bits());
    check(numbers && differ, format!("{logits:?}"))
}

fn a_time_is_positive(device: &Device) -> Result<(), Failed> {
    let graph = relu(100_000).map_err(failed)?;
    let options = Options {
        reuse: false,
        ..Options::default()
    };
    let session =
        Session::with_options(device, &graph, &Variables::new(), options).map_err(failed)?;
    let timing = session.time(5).map_err(failed)?;
    check(
        timing.seconds > 0.0 && timing.seconds < 60.0,
        format!("{timing:?}"),
    )?;
    let may = device.adapter().timestamps || timing.timer == Timer::Wall(Doubt::Absent);
    check(may, "a device without timestamps has no device clock")
}
