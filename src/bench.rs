//! Measuring a case: device time against a copy of the same bytes in the same run, and against the CPU path.

mod copies;
mod edit;
mod kind;
mod part;
mod parts;
mod peak;
mod timed;

pub use copies::{Copies, measure_copies};
pub use kind::Kind;
pub use part::Part;
pub use parts::{Gain, Without, measure_parts};
pub(crate) use peak::KERNELS as PEAK_KERNELS;
pub use peak::{operations, peak_plan, peak_rate};
use timed::{Timed, WARM_UP, by_one_clock, repetitions, warm_up};

use crate::cases::Case;
use crate::device::Device;
use crate::error::Result;
use crate::graph::Graph;
use crate::plan::{Options, Plan};
use crate::session::{Session, Timer};
use crate::tensor::{DType, Tensor};
use crate::variables::Variables;
use std::ops::Range;
use std::time::Instant;

/// Fewest and most samples of a time.
pub const SAMPLES: (usize, usize) = (5, 21);
/// Seconds after which no more samples than the fewest are taken.
pub const BUDGET: f64 = 40.0;
/// Most bytes that the copy reads: beyond every cache, within every binding.
const COPY_BYTES: u64 = 64 << 20;

/// Median and spread of several samples, of seconds unless something else is said.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Median.
    pub median: f64,
    /// Median absolute deviation from it.
    pub mad: f64,
    /// How many samples.
    pub samples: usize,
}

impl Spread {
    /// Of at least one sample.
    #[must_use]
    pub fn of(samples: &[f64]) -> Self {
        let median = median(samples.to_vec());
        let deviations = samples.iter().map(|sample| (sample - median).abs());
        Self {
            median,
            mad: median_of(deviations),
            samples: samples.len(),
        }
    }

    /// The quotient of two medians, and how far it deviates, to the first order.
    #[must_use]
    pub fn over(self, other: Self) -> Self {
        let median = self.median / other.median;
        Self {
            median,
            mad: median * (self.mad / self.median + other.mad / other.median),
            samples: self.samples.min(other.samples),
        }
    }
}

fn median_of(samples: impl Iterator<Item = f64>) -> f64 {
    median(samples.collect())
}

fn median(mut samples: Vec<f64>) -> f64 {
    assert!(!samples.is_empty(), "a median needs a sample");
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    if samples.len().is_multiple_of(2) {
        f64::midpoint(samples[middle - 1], samples[middle])
    } else {
        samples[middle]
    }
}

/// What a case costs on a device.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// Time of one run on the device, without uploads and read-back.
    pub time: Spread,
    /// Clock of `time`.
    pub timer: Timer,
    /// Time of the copy kernel over `copy_bytes`, sampled in turn with `time`.
    pub copy: Spread,
    /// Bytes that the copy reads and writes.
    pub copy_bytes: u64,
    /// Bytes per second over those of the copy, of each sample and the copy's behind it: what disturbs both cancels.
    pub ratio: Spread,
    /// Bytes that the case's dispatches read and write if each touches its tensors once.
    pub bytes: u64,
    /// Operations of f32 that its layers are: see [`operations`].
    pub operations: u64,
    /// Time of one run without fusion, sampled in turn with `time`; `None` where the plan fuses nothing.
    pub unfused: Option<Spread>,
}

impl Measurement {
    /// Bytes per second of the case.
    #[must_use]
    pub fn rate(&self) -> f64 {
        rate(self.bytes, self.time.median)
    }

    /// How much longer one run takes without fusion; `None` where the plan fuses nothing.
    #[must_use]
    pub fn fusion(&self) -> Option<Spread> {
        Some(self.unfused?.over(self.time))
    }

    /// Operations of f32 per second.
    #[must_use]
    pub fn operation_rate(&self) -> f64 {
        rate(self.operations, self.time.median)
    }

    /// Bytes per second of the copy.
    #[must_use]
    pub fn copy_rate(&self) -> f64 {
        rate(self.copy_bytes, self.copy.median)
    }
}

/// Bytes per second over those of the copy, sample by sample.
fn ratio(bytes: u64, times: &[f64], copy_bytes: u64, copies: &[f64]) -> Spread {
    let ratios = times.iter().zip(copies);
    let ratios = ratios.map(|(&time, &copy)| rate(bytes, time) / rate(copy_bytes, copy));
    Spread::of(&ratios.collect::<Vec<_>>())
}

#[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
fn rate(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 / seconds
}

/// As many samples as take so many seconds, of [`SAMPLES`] the fewest at least and the most at most.
fn samples<T>(seconds: f64, mut sample: impl FnMut() -> Result<T>) -> Result<Vec<T>> {
    let mut samples = Vec::new();
    let start = Instant::now();
    while samples.len() < SAMPLES.0
        || (samples.len() < SAMPLES.1 && start.elapsed().as_secs_f64() < seconds)
    {
        samples.push(sample()?);
    }
    Ok(samples)
}

/// A plan whose inputs stay as they are.
fn plan(device: &Device, graph: &Graph, fuse: bool) -> Result<Plan> {
    let options = Options {
        reuse: false,
        fuse,
        ..Options::default()
    };
    Plan::new(graph, device.limits(), options)
}

/// Bytes that the dispatches of a run read and write if each touches its tensors once.
fn traffic(plan: &Plan) -> u64 {
    let dispatches = plan.dispatches[plan.prologue..].iter();
    dispatches
        .map(|dispatch| {
            let (read, written) = plan.traffic(dispatch);
            read + written
        })
        .sum()
}

/// A copy of `bytes / 2` bytes from one buffer to another.
fn copy(device: &Device, bytes: u64) -> Result<(Timed, u64)> {
    let elements = usize::try_from((bytes / 2).clamp(16, COPY_BYTES) / 4).unwrap_or(4);
    let mut graph = Graph::new();
    let x = graph.input("x", [elements], DType::F32)?;
    let y = graph.copy(x)?;
    graph.output("y", y)?;
    let mut rng = fastrand::Rng::with_seed(1);
    let random: Vec<f32> = (0..elements).map(|_| rng.f32()).collect();
    let inputs = [("x".to_owned(), Tensor::new([elements], random)?)];
    let plan = plan(device, &graph, true)?;
    let timed = Timed::new(device, &plan, &Variables::new(), &inputs)?;
    Ok((timed, elements as u64 * 8))
}

/// Bytes per second of a copy kernel on a device, read and written, far beyond its caches.
///
/// # Errors
/// What preparing or running it reports.
pub fn copy_rate(device: &Device) -> Result<f64> {
    let (mut copy, bytes) = copy(device, 2 * COPY_BYTES)?;
    warm_up(&mut [&mut copy])?;
    let samples = (0..SAMPLES.1).map(|_| Ok(copy.sample()?.0));
    let samples = samples.collect::<Result<Vec<_>>>()?;
    Ok(rate(bytes, Spread::of(&samples).median))
}

/// Times a case and a copy of as many bytes in turn, after a warm-up.
///
/// # Errors
/// What preparing or running the case reports.
pub fn measure(device: &Device, case: &Case) -> Result<Measurement> {
    let variables = case.variables();
    let plans = [
        plan(device, &case.graph, true)?,
        plan(device, &case.graph, false)?,
    ];
    let (inputs, bytes) = (case.inputs(), traffic(&plans[0]));
    let timed = |plan| Timed::new(device, plan, &variables, &inputs);
    let mut fused = timed(&plans[0])?;
    let (mut copy, copy_bytes) = copy(device, bytes)?;
    let fuses = plans[0].dispatches != plans[1].dispatches;
    let mut unfused = fuses.then(|| timed(&plans[1])).transpose()?;
    let mut all = vec![&mut fused, &mut copy];
    all.extend(&mut unfused);
    warm_up(&mut all)?;
    let (samples, timer) = by_one_clock(BUDGET, &mut all)?;
    let times = |of: usize| samples.iter().filter_map(move |all| all.get(of).copied());
    let [times, copies, unfused] = [0, 1, 2].map(|of| times(of).collect::<Vec<f64>>());
    Ok(Measurement {
        time: Spread::of(&times),
        timer,
        copy: Spread::of(&copies),
        copy_bytes,
        ratio: ratio(bytes, &times, copy_bytes, &copies),
        bytes,
        operations: operations(&case.graph),
        unfused: (!unfused.is_empty()).then(|| Spread::of(&unfused)),
    })
}

/// Dispatches of the graph by which the cost of one to the CPU is measured.
pub const DISPATCHES: usize = 50;

/// Seconds of CPU that one dispatch costs in a run of [`DISPATCHES`] on tensors of a few elements: from the call of
/// [`Session::run_to_buffers`] until it returns, with the input in a buffer, after a warm-up.
///
/// # Errors
/// What preparing or running it reports.
pub fn measure_dispatch(device: &Device) -> Result<Spread> {
    let mut graph = Graph::new();
    let x = graph.input("x", [64], DType::F32)?;
    let mut y = x;
    for _ in 0..DISPATCHES {
        y = graph.sigmoid(y)?;
    }
    graph.output("y", y)?;
    let mut session = Session::new(device, &graph, &Variables::new())?;
    let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    let (input, output) = (
        device.buffer("input", 256, usage)?,
        device.buffer("output", 256, usage)?,
    );
    let mut samples = Vec::new();
    for sample in 0..200 {
        let start = Instant::now();
        session.run_to_buffers([("x", &*input)], &[("y", &*output)])?;
        let seconds = start.elapsed().as_secs_f64();
        // The call does not wait: the next one shall find an idle device.
        device.read(&output, 4)?;
        if sample >= 20 {
            samples.push(seconds / DISPATCHES as f64);
        }
    }
    Ok(Spread::of(&samples))
}

/// Seconds from a device that is open to the first result of a graph: plan, pipelines, memory, one run. For one that is cold the
/// device must have built nothing, and its driver must have kept nothing: a process of its own, with the driver's cache off.
///
/// # Errors
/// What preparing or running reports.
pub fn measure_first_result(device: &Device, graph: &Graph) -> Result<f64> {
    let (variables, inputs) = (Variables::initial(graph), Case::of(graph.clone()).inputs());
    let feeds = inputs.iter().map(|(name, x)| (name.as_str(), x));
    let start = Instant::now();
    let mut session = Session::new(device, graph, &variables)?;
    session.run(feeds)?;
    Ok(start.elapsed().as_secs_f64())
}

/// When each dispatch of a run of a graph began and ended, on random inputs, after a warm-up: see [`Session::trace`]. Of those
/// that run every time, in the order of the plan.
///
/// # Errors
/// What preparing or running it reports.
pub fn trace(device: &Device, graph: &Graph, options: Options) -> Result<Vec<Range<f64>>> {
    // A second run needs inputs that the first has not overwritten.
    let options = Options {
        reuse: false,
        ..options
    };
    let mut session = Session::with_options(device, graph, &Variables::initial(graph), options)?;
    let inputs = Case::of(graph.clone()).inputs();
    session.run(inputs.iter().map(|(name, x)| (name.as_str(), x)))?;
    session.trace()?;
    session.trace()
}

/// Times a case on the CPU path, after a warm-up as on a device: threads that have waited begin to share the work by and by, so that
/// the first runs of a millisecond take twice as long.
///
/// # Errors
/// What running the case reports.
pub fn measure_cpu(case: &Case) -> Result<Spread> {
    let (inputs, variables) = (case.inputs(), case.variables());
    let run = || {
        let begin = Instant::now();
        let feeds = inputs.iter().map(|(name, tensor)| (name.as_str(), tensor));
        crate::cpu::run(&case.graph, &variables, feeds)?;
        Ok(begin.elapsed().as_secs_f64())
    };
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < WARM_UP {
        run()?;
    }
    Ok(Spread::of(&samples(BUDGET / 8.0, run)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_its_spread_ignore_an_outlier() {
        let spread = Spread::of(&[1.0, 2.0, 3.0, 4.0, 1000.0]);
        assert!((spread.median - 3.0).abs() < 1e-12);
        assert!((spread.mad - 1.0).abs() < 1e-12);
        assert!((Spread::of(&[1.0, 2.0]).median - 1.5).abs() < 1e-12);
    }

    #[test]
    fn samples_end_with_their_time_or_their_number() -> Result<()> {
        assert_eq!(samples(0.0, || Ok(()))?.len(), SAMPLES.0);
        assert_eq!(samples(1e9, || Ok(()))?.len(), SAMPLES.1);
        Ok(())
    }

    #[test]
    fn what_disturbs_case_and_copy_leaves_their_ratio() {
        // The machine is slower by and by; each sample takes half of its copy's time for half of its bytes.
        let spread = ratio(8, &[1.0, 2.0, 4.0, 9.0], 16, &[2.0, 4.0, 8.0, 18.0]);
        assert!((spread.median - 1.0).abs() < 1e-12, "{spread:?}");
        assert!(spread.mad < 1e-12, "{spread:?}");
        let varied = ratio(8, &[1.0, 1.0, 1.0], 8, &[1.0, 2.0, 4.0]);
        assert!((varied.median - 2.0).abs() < 1e-12, "{varied:?}");
        assert!((varied.mad - 1.0).abs() < 1e-12, "{varied:?}");
    }
}
