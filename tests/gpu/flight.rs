//! Runs in flight: futures, memory, threads.

use super::session::{Test, check, named, ramp, relu};
use super::{failed, limited};
use libtest_mimic::{Failed, Trial};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use wgcnn::{DType, Device, Error, Graph, Outputs, Result, Running, Session, Tensor, Variables};

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let tests: [(&str, Test); 10] = [
        ("asynchronous_runs", asynchronous_runs),
        ("a_dropped_future_leaves_the_session_usable", dropped_future),
        (
            "outputs_may_be_more_than_a_buffer_together",
            beyond_a_buffer,
        ),
        ("two_runs_in_flight", two_in_flight),
        ("runs_make_no_buffers", steady_state),
        ("an_input_is_staged_once", staged_once),
        ("a_budget_is_kept_at_creation_and_at_submission", budget),
        ("dropped_futures_leave_nothing", dropped_futures),
        ("an_application_shares_its_device", shared_device),
        ("two_threads_share_a_device", two_threads),
    ];
    named(device, "flight", &tests)
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
/// more is to be seen. Either may be missed when a thread is put aside: of some attempts one is enough.
fn two_in_flight(device: &Device) -> Result<(), Failed> {
    const ELEMENTS: usize = 1 << 20;
    const ATTEMPTS: usize = 8;
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
    for _ in 0..ATTEMPTS {
        let mut first = session.run_async([("x", &a)]);
        let mut second = session.run_async([("x", &b)]);
        let ended = [polled(&mut first), polled(&mut second)];
        let in_flight = ended.iter().all(Poll::is_pending);
        let [first_ended, second_ended] = ended;
        let second = outputs(second_ended, second)?;
        let first = outputs(first_ended, first)?;
        check(
            first["y"] == filled(101.0)? && second["y"] == filled(202.0)?,
            "each has its own outputs",
        )?;
        if in_flight || driver_waits(device)? {
            return Ok(());
        }
    }
    Err(Failed::from("a call waited for the run before"))
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

/// A run beside another makes one buffer for its input and one for its output at most, on the host's side: copies are from and to
/// these.
fn staged_once(device: &Device) -> Result<(), Failed> {
    let device = own_device(device)?;
    let graph = relu(1001).map_err(failed)?;
    let mut session = Session::new(&device, &graph, &Variables::new()).map_err(failed)?;
    let x = Tensor::filled(1001, 1.0).map_err(failed)?;
    session.run([("x", &x)]).map_err(failed)?;
    let first = session.run_async([("x", &x)]);
    let before = wgpu_buffers(&device);
    let second = session.run_async([("x", &x)]);
    let made = wgpu_buffers(&device) - before;
    check((1..=2).contains(&made), format!("{made} buffers"))?;
    pollster::block_on(first).map_err(failed)?;
    pollster::block_on(second).map(drop).map_err(failed)
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
