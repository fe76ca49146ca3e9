//! What goes wrong while a device works: it is lost, or nobody waits for it any more.

use super::session::{check, ramp};
use super::{failed, limited};
use libtest_mimic::{Failed, Trial};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};
use wgcnn::check::on_device;
use wgcnn::ops::{AvgPool, Conv, Interpolate};
use wgcnn::plan::{Options, Plan};
use wgcnn::{
    DType, Device, Error, Feed, Graph, Kind, Result, Running, Selection, Session, Tensor,
    Variables, cases,
};

type Test = Box<dyn FnOnce(&Device) -> Result<(), Failed> + Send>;

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let backend = device.adapter().backend.to_lowercase();
    let trial = |name: &str, test: Test| {
        let device = device.clone();
        Trial::test(format!("{backend}/trouble/{name}"), move || test(&device))
    };
    let lost = CALLS.map(|(name, call)| {
        let name = format!("a_lost_device_says_so_to/{name}");
        trial(&name, Box::new(move |device| says_so(device, call)))
    });
    let mut trials: Vec<Trial> = lost.into();
    trials.push(trial(
        "a_device_lost_in_flight_says_so",
        Box::new(lost_in_flight),
    ));
    for (name, waits) in [("at_once", false), ("while_it_waits", true)] {
        let name = format!("a_run_in_flight_is_dropped/{name}");
        trials.push(trial(&name, Box::new(move |device| dropped(device, waits))));
    }
    trials
}

/// A device of its own of the same adapter.
fn another(device: &Device) -> Result<Device> {
    let adapter = device.adapter();
    Device::open(&Selection {
        device: Some(adapter.name.clone()),
        backend: Some(adapter.backend.clone()),
    })
}

/// A device of an instance of its own: on GL those of one have one context, and nothing may keep that for long.
fn apart(device: &Device) -> Result<Device, Failed> {
    limited(device, |_| {})
}

/// What a caller has when its device is lost.
struct Held {
    device: Device,
    graph: Graph,
    variables: Variables,
    session: Session,
    x: Tensor,
    buffer: wgpu::Buffer,
}

/// A call after the loss.
type Call = fn(&mut Held) -> Result<()>;

const CALLS: [(&str, Call); 17] = [
    ("run", |held| held.session.run([("x", &held.x)]).map(drop)),
    ("run_of_a_buffer", |held| {
        held.session.run([("x", &held.buffer)]).map(drop)
    }),
    ("run_async", |held| {
        pollster::block_on(held.session.run_async([("x", &held.x)])).map(drop)
    }),
    ("run_to_buffers", |held| {
        held.session
            .run_to_buffers([("x", &held.x)], &[("y", &held.buffer)])
    }),
    ("run_from_and_to_buffers", |held| {
        let feed = Feed::Buffer(&held.buffer);
        held.session.run_to_buffers([("x", feed)], &[])
    }),
    ("time", |held| held.session.time(1).map(drop)),
    ("trace", |held| held.session.trace().map(drop)),
    ("poison", |held| held.session.poison()),
    ("stray_stores", |held| held.session.stray_stores().map(drop)),
    ("get", |held| held.variables.get("weight").map(drop)),
    ("set", |held| {
        held.variables.set("weight", Tensor::filled(9, 2.0)?)
    }),
    ("new", |held| {
        Session::new(&held.device, &held.graph, &held.variables).map(drop)
    }),
    ("new_of_nothing", |held| {
        Session::new(&held.device, &Graph::new(), &Variables::new()).map(drop)
    }),
    ("new_with_variables_of_the_host", |held| {
        let variables = Variables::initial(&held.graph);
        Session::new(&held.device, &held.graph, &variables).map(drop)
    }),
    ("prepare", |held| {
        let plan = Plan::new(&held.graph, held.device.limits(), Options::CHECKED)?;
        Session::prepare(&held.device, plan, &held.variables, |_, _| ()).map(drop)
    }),
    ("prepare_with_other_pipelines", |held| {
        let case = cases::find("conv/groups")?;
        let plan = Plan::new(&case.graph, held.device.limits(), Options::default())?;
        Session::prepare(&held.device, plan, &case.variables(), |_, _| ()).map(drop)
    }),
    ("save_pipelines", |held| {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("saved-lost");
        held.device.save_pipelines(&folder).map(drop)
    }),
];

/// A session that has run, on a device of its own.
fn held(device: &Device) -> Result<Held> {
    let device = another(device)?;
    let mut graph = Graph::new();
    let x = graph.input("x", [9], DType::F32)?;
    let weight = graph.variable("weight", Tensor::filled(9, 1.0)?)?;
    let y = graph.add(x, weight)?;
    graph.output("y", y)?;
    // Of the prologue.
    let rectified = graph.relu(weight)?;
    graph.output("rectified", rectified)?;
    let variables = Variables::initial(&graph);
    let x = ramp(9)?;
    let mut session = Session::new(&device, &graph, &variables)?;
    session.run([("x", &x)])?;
    let buffer = device.wgpu().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 36,
        usage: wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    Ok(Held {
        device,
        graph,
        variables,
        session,
        x,
        buffer,
    })
}

/// The call is the first one after the loss, and is made again.
fn says_so(device: &Device, call: Call) -> Result<(), Failed> {
    let mut lost = held(device).map_err(failed)?;
    lost.device.wgpu().destroy();
    for _ in 0..2 {
        is_lost(call(&mut lost))?;
    }
    // What fails anyway tells nothing about the loss; and the next device works.
    let mut whole = held(device).map_err(failed)?;
    call(&mut whole).map_err(failed)
}

fn is_lost(result: Result<()>) -> Result<(), Failed> {
    check(
        matches!(result, Err(Error::DeviceLost(_))),
        format!("{result:?}"),
    )
}

/// A graph whose run takes a hundred times as long as a run of next to nothing, its input, and seconds of a run.
fn long(device: &Device) -> Result<(Graph, Tensor, f64)> {
    let x = Tensor::new([1, 64, 1, 1], vec![0.5; 64])?;
    let filters = Tensor::new([64, 64, 3, 3], vec![1.0 / 576.0; 64 * 64 * 9])?;
    let build = |layers: usize, extent: usize| -> Result<Graph> {
        let mut graph = Graph::new();
        let filters = graph.constant(filters.clone());
        let x = graph.input("x", [1, 64, 1, 1], DType::F32)?;
        let mut y = graph.interpolate(x, Interpolate::size([extent, extent]))?;
        for _ in 0..layers {
            y = graph.conv(y, filters, None, Conv::new(2).padding([1, 1]))?;
        }
        y = graph.avg_pool(y, AvgPool::new([extent, extent]))?;
        graph.output("y", y)?;
        Ok(graph)
    };
    // The shortest of some, which other work of the machine holds up least.
    let seconds = |graph: &Graph| -> Result<f64> {
        let mut session = Session::new(device, graph, &Variables::new())?;
        let mut shortest = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            session.run([("x", &x)])?;
            shortest = shortest.min(start.elapsed().as_secs_f64());
        }
        Ok(shortest)
    };
    let nothing = seconds(&build(0, 1)?)?;
    let mut layers = 1;
    loop {
        let graph = build(layers, 64)?;
        let seconds = seconds(&graph)?;
        if seconds > 100.0 * nothing {
            return Ok((graph, x, seconds));
        }
        layers *= 2;
    }
}

/// The driver of this backend works within the calls that submit.
fn submits_wait(device: &Device) -> bool {
    device.adapter().backend == "Gl" && device.adapter().kind == Kind::Software
}

/// Whether the device has work left.
fn is_busy(device: &Device) -> Result<bool, Failed> {
    let polled = device.wgpu().poll(wgpu::PollType::Poll);
    let polled = polled.map_err(|error| error.to_string())?;
    Ok(!polled.is_queue_empty())
}

/// Begins to wait for a run.
fn begin_to_wait(run: &mut Running) {
    let _ = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
}

/// Whether a run was in flight when its future had been dropped: one that waits for it never sees that.
fn dropped_in_flight(
    device: &Device,
    graph: &Graph,
    x: &Tensor,
    seconds: f64,
    waits: bool,
) -> Result<bool, Failed> {
    let mut session = Session::new(device, graph, &Variables::new()).map_err(failed)?;
    session.run([("x", x)]).map_err(failed)?;
    let before = device.memory_in_use();
    let mut run = session.run_async([("x", x)]);
    if waits {
        begin_to_wait(&mut run);
    }
    let start = Instant::now();
    drop(run);
    let took = start.elapsed().as_secs_f64();
    let busy = is_busy(device)?;
    let left = device.memory_in_use();
    check(
        left <= before,
        format!("{left} bytes in use, {before} before"),
    )?;
    drop(session);
    let polled = device.wgpu().poll(wgpu::PollType::wait_indefinitely());
    polled.map_err(|error| error.to_string())?;
    // The thread that polled for the future ends in its own time.
    let end = Instant::now() + Duration::from_secs(10);
    while device.memory_in_use() > 0 && Instant::now() < end {
        std::thread::yield_now();
    }
    let left = device.memory_in_use();
    check(left == 0, format!("{left} bytes are left"))?;
    Ok(took < seconds && (busy || submits_wait(device)))
}

/// Dropping a run returns while it runs, and gives back what it had. `waits`: behind the first poll of the future.
fn dropped(device: &Device, waits: bool) -> Result<(), Failed> {
    let device = apart(device)?;
    let (graph, x, seconds) = long(&device).map_err(failed)?;
    // Other work of the machine may hold this thread up until the run has ended, but not each time.
    for _ in 0..8 {
        if dropped_in_flight(&device, &graph, &x, seconds, waits)? {
            return Ok(());
        }
    }
    Err(Failed::from(format!(
        "no drop returned before its run of {seconds} s ended"
    )))
}

/// A device that is lost while it works: the run in flight ends, one way or the other, and no other begins.
fn lost_in_flight(device: &Device) -> Result<(), Failed> {
    for waits in [false, true] {
        let held = apart(device)?;
        let (graph, x, _) = long(&held).map_err(failed)?;
        let mut session = Session::new(&held, &graph, &Variables::new()).map_err(failed)?;
        let expected = session.run([("x", &x)]).map_err(failed)?;
        let mut run = session.run_async([("x", &x)]);
        if waits {
            begin_to_wait(&mut run);
        }
        held.wgpu().destroy();
        is_lost(session.run([("x", &x)]).map(drop))?;
        is_lost(pollster::block_on(session.run_async([("x", &x)])).map(drop))?;
        is_lost(Session::new(&held, &graph, &Variables::new()).map(drop))?;
        match pollster::block_on(run) {
            Ok(outputs) => check(outputs == expected, "the outputs of the run in flight")?,
            Err(error) => is_lost(Err(error))?,
        }
    }
    let next = another(device).map_err(failed)?;
    let case = cases::find("conv/groups").map_err(failed)?;
    let comparison = on_device(&next, &case).map_err(failed)?;
    check(
        comparison.wrong.is_none(),
        format!("{:?}", comparison.wrong),
    )
}
