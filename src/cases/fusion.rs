//! Cases of layers that one kernel does together: their plans differ from those without fusion, and both are checked.

mod chains;
mod graphs;
mod timed;
mod trained;
mod ways;

use super::{Case, pick, random_shape};
use crate::error::Result;
use crate::graph::{Graph, Value};
use crate::ops::{AvgPool, BatchNorm, BatchNormState, Conv, Interpolate, MaxPool};
use crate::tensor::{DType, Tensor};
use fastrand::Rng;

/// The named cases.
pub(super) fn cases() -> Vec<Case> {
    let cases = [
        chains::cases(),
        graphs::cases(),
        timed::cases(),
        trained::cases(),
        ways::cases(),
    ];
    cases.concat()
}

/// A layer of a chain. Filters, states and the other term of a sum are inputs and variables of its own.
#[derive(Clone, Debug)]
enum Step {
    Add,
    AvgPool(AvgPool),
    /// f32 and f16.
    Cast(DType),
    /// With another tensor of so many channels.
    Concat(usize),
    /// Behind another tensor of so many channels, both behind ReLU.
    Rectified(usize),
    Conv {
        filters: usize,
        kernel: [usize; 2],
        attributes: Conv,
    },
    Copy,
    Interpolate(Interpolate),
    MaxPool(MaxPool),
    Norm(BatchNorm),
    Relu,
    Sigmoid,
}

impl Step {
    fn conv(filters: usize, side: usize) -> Self {
        Self::Conv {
            filters,
            kernel: [side; 2],
            attributes: Conv::new(2).padding([side / 2; 2]),
        }
    }

    fn depthwise(channels: usize) -> Self {
        Self::depthwise_of(channels, 3)
    }

    fn depthwise_of(channels: usize, side: usize) -> Self {
        Self::Conv {
            filters: channels,
            kernel: [side; 2],
            attributes: Conv::new(2).padding([side / 2; 2]).groups(channels),
        }
    }

    fn nearest(factors: [usize; 2]) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        let factors = factors.map(|factor| factor as f64);
        Self::Interpolate(Interpolate::scale_factor(factors))
    }

    const fn norm() -> Self {
        Self::Norm(BatchNorm::eval())
    }

    fn pool(side: usize) -> Self {
        Self::MaxPool(MaxPool::new([side; 2]))
    }

    fn mean(side: usize) -> Self {
        Self::AvgPool(AvgPool::new([side; 2]))
    }

    /// Adds the layer, `index`-th of its chain.
    fn add(&self, graph: &mut Graph, x: Value, index: usize) -> Result<Value> {
        let (shape, dtype) = (graph.ty(x)?.shape.clone(), graph.ty(x)?.dtype);
        match self {
            Self::Add => {
                let other = graph.input(format!("skip{index}"), shape, dtype)?;
                graph.add(x, other)
            }
            Self::Cast(dtype) => graph.cast(x, *dtype),
            Self::Concat(channels) => {
                let mut shape = shape;
                shape[1] = *channels;
                let other = graph.input(format!("beside{index}"), shape, dtype)?;
                graph.concat(&[x, other])
            }
            Self::Rectified(channels) => {
                let mut shape = shape;
                shape[1] = *channels;
                let other = graph.input(format!("beside{index}"), shape, dtype)?;
                let both = [graph.relu(other)?, graph.relu(x)?];
                graph.concat(&both)
            }
            Self::Copy => graph.copy(x),
            Self::AvgPool(layer) => graph.avg_pool(x, layer.clone()),
            Self::Conv {
                filters,
                kernel,
                attributes,
            } => {
                let channels = shape[1] / attributes.groups.max(1);
                let weight = [*filters, channels, kernel[0], kernel[1]];
                let weight = graph.input(format!("weight{index}"), weight, dtype)?;
                graph.conv(x, weight, None, attributes.clone())
            }
            Self::Interpolate(layer) => graph.interpolate(x, layer.clone()),
            Self::MaxPool(layer) => graph.max_pool(x, layer.clone()),
            Self::Norm(layer) => {
                let name = format!("bn{index}");
                let state =
                    BatchNormState::variables(graph, &name, shape[1], index.is_multiple_of(2))?;
                graph.batch_norm(x, &state, *layer)
            }
            Self::Relu => graph.relu(x),
            Self::Sigmoid => graph.sigmoid(x),
        }
    }
}

/// The steps behind one another.
fn chain(graph: &mut Graph, shape: &[usize], steps: &[Step]) -> Result<()> {
    let mut y = graph.input("x", shape, DType::F32)?;
    for (index, step) in steps.iter().enumerate() {
        y = step.add(graph, y, index)?;
    }
    graph.output("y", y)
}

/// Equal nodes, and nodes that nothing reads.
fn idle(graph: &mut Graph) -> Result<()> {
    let x = graph.input("x", [2, 3, 5, 7], DType::F32)?;
    let (a, b) = (graph.relu(x)?, graph.relu(x)?);
    let unused = graph.sigmoid(a)?;
    graph.relu(unused)?;
    let sum = graph.add(a, b)?;
    graph.output("y", sum)?;
    graph.output("z", b)
}

/// A sum and ReLU behind tensors side by side.
fn wide(graph: &mut Graph) -> Result<()> {
    let a = graph.input("a", [2, 3, 5, 7], DType::F32)?;
    let b = graph.input("b", [2, 4, 5, 7], DType::F32)?;
    let wide = graph.concat(&[a, b])?;
    let sum = Step::Add.add(graph, wide, 0)?;
    let y = graph.relu(sum)?;
    graph.output("y", y)
}

/// What a kernel could do on its way out, of a value that others read: an output, another node.
fn shared(graph: &mut Graph) -> Result<()> {
    let x = graph.input("x", [2, 3, 12, 8], DType::F32)?;
    let conv = Step::conv(3, 3).add(graph, x, 0)?;
    let norm = Step::norm().add(graph, conv, 1)?;
    let relu = graph.relu(norm)?;
    let sum = graph.add(conv, relu)?;
    let up = Step::nearest([2, 2]).add(graph, sum, 2)?;
    let last = Step::conv(4, 3).add(graph, up, 3)?;
    graph.output("norm", norm)?;
    graph.output("up", up)?;
    graph.output("y", last)
}

/// Moments of a convolution that an output and two batch norms read, and whose values are far from 0.
fn two_norms(graph: &mut Graph, filters: usize, groups: usize) -> Result<()> {
    let x = graph.input("x", [2, 3, 24, 40], DType::F32)?;
    let weight = graph.input("weight", [filters, 3 / groups, 3, 3], DType::F32)?;
    let bias = graph.variable("bias", Tensor::filled(filters, 1e4)?)?;
    let conv = graph.conv(x, weight, Some(bias), Conv::new(2).groups(groups))?;
    let train = Step::Norm(BatchNorm::train());
    let (a, b) = (train.add(graph, conv, 0)?, train.add(graph, conv, 1)?);
    graph.output("conv", conv)?;
    graph.output("a", a)?;
    graph.output("b", b)
}

/// A sum whose second term is what it takes on its way in, of two tensors that nothing computes.
fn second_term(graph: &mut Graph, shape: &[usize]) -> Result<()> {
    let x = graph.input("x", shape, DType::F32)?;
    let a = graph.input("a", shape, DType::F32)?;
    let norm = Step::norm().add(graph, x, 0)?;
    let relu = graph.relu(norm)?;
    let sum = graph.add(a, relu)?;
    let norm = Step::norm().add(graph, sum, 1)?;
    let y = graph.relu(norm)?;
    graph.output("y", y)
}

/// Three tensors side by side: an affine function and ReLU on the way in of the first, none, and ReLU.
fn entered(graph: &mut Graph, shape: &[usize]) -> Result<()> {
    let with_channels = |channels| {
        let mut shape = shape.to_vec();
        shape[1] = channels;
        shape
    };
    let a = graph.input("a", shape, DType::F32)?;
    let b = graph.input("b", with_channels(2), DType::F32)?;
    let c = graph.input("c", with_channels(4), DType::F32)?;
    let norm = Step::norm().add(graph, a, 0)?;
    let (first, last) = (graph.relu(norm)?, graph.relu(c)?);
    let mut y = graph.concat(&[first, b, last])?;
    for (index, step) in [Step::norm(), Step::Add, Step::Relu].iter().enumerate() {
        y = step.add(graph, y, index + 1)?;
    }
    graph.output("y", y)
}

/// Three tensors side by side: an affine function on the way in of the second, of more elements than the others.
fn one_entered(graph: &mut Graph, shape: &[usize]) -> Result<()> {
    let mut wide = shape.to_vec();
    wide[1] *= 3;
    let a = graph.input("a", shape, DType::F32)?;
    let b = graph.input("b", wide, DType::F32)?;
    let c = graph.input("c", shape, DType::F32)?;
    let norm = Step::norm().add(graph, b, 0)?;
    let y = graph.concat(&[a, norm, c])?;
    graph.output("y", y)
}

/// An affine function and ReLU of f16, of which f32 is made.
fn widened(graph: &mut Graph, shape: &[usize]) -> Result<()> {
    let mut y = graph.input("x", shape, DType::F16)?;
    let steps = [Step::norm(), Step::Relu, Step::Cast(DType::F32), Step::Add];
    for (index, step) in steps.iter().enumerate() {
        y = step.add(graph, y, index)?;
    }
    graph.output("y", y)
}

/// A depthwise convolution makes moments for one batch norm in training, and not those that another needs, which are of what ReLU
/// leaves.
fn two_moments(graph: &mut Graph) -> Result<()> {
    let x = graph.input("x", [2, 3, 24, 40], DType::F32)?;
    let conv = Step::depthwise(3).add(graph, x, 0)?;
    let relu = graph.relu(conv)?;
    let train = Step::Norm(BatchNorm::train());
    let (a, b) = (train.add(graph, conv, 1)?, train.add(graph, relu, 2)?);
    graph.output("a", a)?;
    graph.output("b", b)
}

/// Both terms of a sum are computed; the second takes the first.
fn residual(graph: &mut Graph, shape: &[usize]) -> Result<()> {
    let channels = shape[1];
    let x = graph.input("x", shape, DType::F32)?;
    let mut y = x;
    let steps = [
        Step::conv(channels, 3),
        Step::norm(),
        Step::Relu,
        Step::conv(channels, 3),
        Step::norm(),
    ];
    for (index, step) in steps.iter().enumerate() {
        y = step.add(graph, y, index)?;
    }
    let short = Step::conv(channels, 1).add(graph, x, 5)?;
    let short = Step::norm().add(graph, short, 6)?;
    let sum = graph.add(y, short)?;
    let y = graph.relu(sum)?;
    graph.output("y", y)
}

fn random_step(rng: &mut Rng, channels: usize) -> Step {
    match rng.u8(0..18) {
        0 => Step::Add,
        1 | 2 => Step::Norm(BatchNorm::eval()),
        3 => Step::Norm(BatchNorm::train()),
        4 | 5 => Step::Relu,
        6 => Step::AvgPool(AvgPool::new([rng.usize(1..=3), rng.usize(1..=3)])),
        7 => Step::MaxPool(
            MaxPool::new([rng.usize(1..=3), rng.usize(1..=3)]).stride([rng.usize(1..=2); 2]),
        ),
        8 => Step::nearest([rng.usize(1..=4), rng.usize(1..=4)]),
        9 => Step::Interpolate(Interpolate::size([rng.usize(1..=20), rng.usize(1..=20)])),
        10 => Step::depthwise_of(channels, if rng.bool() { 3 } else { 5 }),
        11 => Step::conv(pick(rng, &[1, 3, 5, 8, 9, 21]), 1),
        12 => Step::Sigmoid,
        13 => Step::Concat(rng.usize(1..=5)),
        14 => Step::Cast(pick(rng, &[DType::F16, DType::F32])),
        15 => Step::Copy,
        16 => Step::Rectified(rng.usize(1..=5)),
        _ => Step::Conv {
            filters: rng.usize(1..=9),
            kernel: [rng.usize(1..=9), pick(rng, &[1, 2, 3, 3, 3, 5, 7, 9])],
            attributes: Conv::new(2)
                .padding([rng.usize(0..=3), rng.usize(0..=3)])
                .stride([rng.usize(1..=3), rng.usize(1..=3)])
                .dilation([rng.usize(1..=2), rng.usize(1..=2)]),
        },
    }
}

/// A chain; now and then a value of it is added again later, or is an output.
pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    let shape = random_shape(rng, 2, 24);
    let mut graph = Graph::new();
    let mut values = vec![graph.input("x", shape, DType::F32)?];
    for index in 0..rng.usize(2..=7) {
        let x = values[values.len() - 1];
        let ty = graph.ty(x)?.clone();
        let earlier = pick(rng, &values);
        let y = if rng.u8(0..6) == 0 && graph.ty(earlier)? == &ty {
            graph.add(earlier, x)?
        } else {
            random_step(rng, ty.shape[1]).add(&mut graph, x, index)?
        };
        if rng.u8(0..12) == 0 {
            graph.output(format!("y{index}"), y)?;
        }
        values.push(y);
    }
    graph.output("y", values[values.len() - 1])?;
    Ok(graph)
}
