//! The session and the device, beyond single results.

use super::failed;
use libtest_mimic::{Failed, Trial};
use wgcnn::ops::{BatchNorm, BatchNormState, Conv, MaxPool};
use wgcnn::plan::Options;
use wgcnn::{
    DType, Device, Doubt, Error, Feed, Graph, Result, Selection, Session, Tensor, Timer, Variables,
    cases,
};

pub(crate) type Test = fn(&Device) -> Result<(), Failed>;

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let tests: [(&str, Test); 14] = [
        (
            "what_depends_on_variables_alone_follows_them",
            prologue_follows_variables,
        ),
        ("a_deep_network_gives_numbers", deep_network),
        ("buffers_in_and_out", buffers_in_and_out),
        (
            "an_evaluation_sees_what_a_training_updated",
            shared_variables,
        ),
        ("swapped_variables", swapped_variables),
        ("pool_and_relu_commute", pool_and_relu_commute),
        ("statistics_without_rounding", statistics_without_rounding),
        ("stray_feeds_are_errors", stray_feeds),
        ("a_buffer_too_short_is_an_error", short_buffers),
        ("a_buffer_of_another_device_is_an_error", foreign_buffers),
        ("a_variable_of_another_type_is_an_error", foreign_variable),
        ("a_run_to_buffers_updates_variables", updates_of_buffer_runs),
        ("a_time_is_positive", a_time_is_positive),
        ("repetitions_take_turns", repetitions_take_turns),
    ];
    named(device, "session", &tests)
}

/// The tests of a module.
pub(crate) fn named(device: &Device, module: &str, tests: &[(&str, Test)]) -> Vec<Trial> {
    let backend = device.adapter().backend.to_lowercase();
    tests
        .iter()
        .map(|&(name, test)| {
            let device = device.clone();
            Trial::test(format!("{backend}/{module}/{name}"), move || test(&device))
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

/// One max pool.
pub(crate) fn pooled() -> Result<Graph> {
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

/// A batch norm in training of elements that are 3 and 1 by fours: the mean is 2 and the variance 1, and so are those of all blocks
/// and parts, so that nothing is rounded before the last steps. The bounds of other cases count as many roundings as there may
/// be, a thousand times those that there are; here results are held to the last digits.
fn statistics_without_rounding(device: &Device) -> Result<(), Failed> {
    for shape in [[3, 5, 16, 40], [2, 2, 640, 900], [64, 70, 4, 8]] {
        let [batch, channels, height, width] = shape;
        let mut graph = Graph::new();
        let build = |graph: &mut Graph| -> Result<()> {
            let x = graph.input("x", shape, DType::F32)?;
            let state = BatchNormState::variables(graph, "bn", channels, false)?;
            let (y, saved) = graph.batch_norm_saving(x, &state, BatchNorm::train())?;
            graph.output("y", y)?;
            graph.output("mean", saved.mean)?;
            graph.output("invstd", saved.invstd)
        };
        build(&mut graph).map_err(failed)?;
        let variables = Variables::initial(&graph);
        let mut session = Session::new(device, &graph, &variables).map_err(failed)?;
        let elements = batch * channels * height * width;
        let data = (0..elements).map(|i| if i / 4 % 2 == 0 { 3.0f32 } else { 1.0 });
        let x = Tensor::new(shape, data.collect::<Vec<_>>()).map_err(failed)?;
        let outputs = session.run([("x", &x)]).map_err(failed)?;
        #[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
        let count = (batch * height * width) as f64;
        let invstd = 1.0 / (1.0f64 + 1e-5).sqrt();
        let variance = 0.9 + 0.1 * count / (count - 1.0);
        // inverseSqrt has 2 units in the last place (WGSL), a quotient two and a half, every other operation half of one.
        let close = |tensor: &Tensor, expected: f64, units: f64| {
            let values = tensor.as_f32().unwrap_or_default();
            let unit = f64::from(f32::EPSILON) * expected.abs();
            let far = |value: &&f32| (f64::from(value.abs()) - expected).abs() > units * unit;
            let wrong = values.iter().find(far);
            match wrong {
                None if !values.is_empty() => Ok(()),
                _ => Err(Failed::from(format!("{shape:?}: {wrong:?} for {expected}"))),
            }
        };
        close(&outputs["mean"], 2.0, 0.0)?;
        close(&outputs["invstd"], invstd, 3.0)?;
        close(&outputs["y"], invstd, 4.0)?;
        let state = |name| variables.get(name).map_err(failed);
        close(&state("bn.running_mean")?, 0.2, 2.0)?;
        close(&state("bn.running_var")?, variance, 5.0)?;
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

/// Half of the repetitions are another session's, which has so much more to do that nothing else explains what they take.
fn repetitions_take_turns(device: &Device) -> Result<(), Failed> {
    let session = |elements| {
        let graph = relu(elements).map_err(failed)?;
        let options = Options {
            reuse: false,
            ..Options::default()
        };
        Session::with_options(device, &graph, &Variables::new(), options).map_err(failed)
    };
    let (small, large) = (session(64)?, [session(16_000_000)?]);
    let timed = |others: &[Session], repetitions| {
        let timing = small.time_in_turn(others, repetitions).map_err(failed)?;
        Ok::<f64, Failed>(timing.wall * f64::from(repetitions))
    };
    // The first runs fill caches, and memory. A time is the difference of two, between which others may begin to work, or end.
    timed(&large, 2)?;
    let (mut found, mut most) = (String::new(), 0);
    for _ in 0..3 {
        let [alone, first, both] = [timed(&[], 100)?, timed(&large, 1)?, timed(&large, 100)?];
        found += &format!("{alone} s alone, {first} s of the first, {both} s of both; ");
        most += u32::from(both > 2.0 * alone && both > 2.0 * first);
    }
    check(most > 1, found)
}
