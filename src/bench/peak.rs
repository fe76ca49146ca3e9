//! The f32 peak of a device, measured: a kernel of fused multiply-adds and nothing else.

use super::{Spread, Timed, rate, samples, warm_up};
use crate::device::Device;
use crate::error::Result;
use crate::graph::Graph;
use crate::kernel::{Kernel, Start, params};
use crate::ops::Op;
use crate::plan::{Dispatch, Limits, Options, Plan};
use crate::session::Session;
use crate::tensor::{DType, Tensor};
use crate::variables::Variables;

params! {
    /// Parameters of the kernel.
    Params {
        /// Threads that store their sums.
        threads: u32,
    }
}

pub(crate) const KERNELS: [Kernel; 1] = [Kernel::new(
    "peak",
    include_str!("../../shaders/peak.wgsl"),
    Params::FIELDS,
)];

/// Workgroups of 256 threads: some for each core of the largest GPU.
const WORKGROUPS: u32 = 2048;
/// Turns of the loop, of 4 x 16 multiply-adds each.
const TURNS: u32 = 256;

/// Threads of the kernel.
const THREADS: u32 = WORKGROUPS * 256;

/// What [`peak_rate`] runs: an input `x`, of which it reads four numbers, and room for the sums of each thread.
///
/// # Errors
/// [`Error::Limit`](crate::Error::Limit).
pub fn peak_plan(limits: &Limits) -> Result<Plan> {
    // A copy of as many bytes as the sums makes the slots; its dispatch is replaced.
    let mut graph = Graph::new();
    let x = graph.input("x", [THREADS as usize * 4], DType::F32)?;
    let y = graph.copy(x)?;
    graph.output("y", y)?;
    let options = Options {
        reuse: false,
        ..Options::default()
    };
    let mut plan = Plan::new(&graph, limits, options)?;
    let params = Params {
        start: Start::default(),
        threads: THREADS,
    };
    for dispatch in &mut plan.dispatches {
        *dispatch = Dispatch {
            kernel: &KERNELS[0],
            constants: vec![
                ("WX", 256.0),
                ("WY", 1.0),
                ("WZ", 1.0),
                ("TURNS", f64::from(TURNS)),
            ],
            params: bytemuck::bytes_of(&params).to_vec(),
            grid: [WORKGROUPS, 1, 1],
            ..dispatch.clone()
        };
    }
    Ok(plan)
}

/// Seconds of samples, unless they are the fewest.
const SECONDS: f64 = 1.0;

/// Operations of f32 a second, a fused multiply-add being two: by several samples, after a warm-up.
///
/// # Errors
/// What preparing or running it reports.
pub fn peak_rate(device: &Device) -> Result<Spread> {
    let plan = peak_plan(device.limits())?;
    let mut session = Session::with_plan(device, plan, &Variables::new())?;
    let elements = THREADS as usize * 4;
    let x = Tensor::new([elements], vec![-1e-6f32; elements])?;
    session.run([("x", &x)])?;
    let mut timed = Timed::of(session);
    warm_up(&mut [&mut timed])?;
    let operations = u64::from(THREADS) * u64::from(TURNS) * 4 * 16 * 2;
    let rates = samples(SECONDS, || Ok(rate(operations, timed.sample()?.0)))?;
    Ok(Spread::of(&rates))
}

/// Operations of f32 that the layers of a graph are by their definition: two for each product of a convolution, one for each
/// element of a window, three for each element of a batch norm, eight if it trains, and one for each element that is added or
/// compared. Layers that move elements have none.
#[must_use]
pub fn operations(graph: &Graph) -> u64 {
    let elements = |value: crate::graph::Value| graph.values[value.index].ty.elements() as u64;
    let window = |kernel: &[usize]| kernel.iter().product::<usize>() as u64;
    let nodes = graph.nodes.iter().map(|node| {
        let (x, y) = (node.inputs.first(), node.outputs.first());
        let (x, y) = (x.map_or(0, |&x| elements(x)), y.map_or(0, |&y| elements(y)));
        match &node.op {
            Op::Conv(_) => {
                let weight = &graph.values[node.inputs[1].index].ty;
                2 * y * (weight.elements() / weight.shape[0].max(1)) as u64
            }
            Op::AvgPool(layer) => y * window(&layer.kernel),
            Op::MaxPool(layer) => y * window(&layer.kernel),
            Op::BatchNorm(layer) => match layer.mode {
                crate::ops::Mode::Eval => 3 * x,
                crate::ops::Mode::Train { .. } => 8 * x,
            },
            Op::Add(_) | Op::Relu(_) => y,
            Op::Sigmoid(_) => 4 * y,
            Op::Normalize(_) => 2 * y,
            Op::Cast(_) | Op::Concat(_) | Op::Copy(_) | Op::Interpolate(_) => 0,
        }
    });
    nodes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Conv;

    #[test]
    fn a_convolution_is_two_operations_for_each_product() -> Result<()> {
        let mut graph = Graph::new();
        let x = graph.input("x", [2, 6, 5, 4], DType::F32)?;
        let weight = graph.constant(Tensor::new([8, 3, 3, 3], vec![0.0f32; 216])?);
        let y = graph.conv(x, weight, None, Conv::new(2).padding([1, 1]).groups(2))?;
        graph.output("y", y)?;
        assert_eq!(operations(&graph), 2 * (2 * 8 * 5 * 4) * (3 * 3 * 3));
        Ok(())
    }
}
