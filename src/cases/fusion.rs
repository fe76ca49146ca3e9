//! Cases of layers that one kernel does together: their plans differ from those without fusion, and both are checked.

use super::{Case, pick, random_shape};
use crate::error::Result;
use crate::graph::{Graph, Value};
use crate::ops::{AvgPool, BatchNorm, BatchNormState, Conv, Interpolate, MaxPool};
use crate::tensor::{DType, Tensor};
use fastrand::Rng;

/// A layer of a chain. Filters, states and the other term of a sum are inputs and variables of its own.
#[derive(Clone, Debug)]
enum Step {
    Add,
    AvgPool(AvgPool),
    Conv {
        filters: usize,
        kernel: [usize; 2],
        attributes: Conv,
    },
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
        Self::Conv {
            filters: channels,
            kernel: [3, 3],
            attributes: Conv::new(2).padding([1, 1]).groups(channels),
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
        let shape = graph.ty(x)?.shape.clone();
        match self {
            Self::Add => {
                let other = graph.input(format!("skip{index}"), shape, DType::F32)?;
                graph.add(x, other)
            }
            Self::AvgPool(layer) => graph.avg_pool(x, layer.clone()),
            Self::Conv {
                filters,
                kernel,
                attributes,
            } => {
                let channels = shape[1] / attributes.groups.max(1);
                let weight = [*filters, channels, kernel[0], kernel[1]];
                let weight = graph.input(format!("weight{index}"), weight, DType::F32)?;
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
    let x = graph.input("x", [2, 3, 12, 10], DType::F32)?;
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
fn two_norms(graph: &mut Graph) -> Result<()> {
    let x = graph.input("x", [2, 3, 24, 40], DType::F32)?;
    let weight = graph.input("weight", [3, 1, 3, 3], DType::F32)?;
    let bias = graph.variable("bias", Tensor::filled(3, 1e4)?)?;
    let conv = graph.conv(x, weight, Some(bias), Conv::new(2).groups(3))?;
    let train = Step::Norm(BatchNorm::train());
    let (a, b) = (train.add(graph, conv, 0)?, train.add(graph, conv, 1)?);
    graph.output("conv", conv)?;
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

pub(super) fn cases() -> Vec<Case> {
    use Step::{Add, Relu, Sigmoid};
    let norm = Step::norm;
    let train = || Step::Norm(BatchNorm::train());
    let overlapping = || Step::MaxPool(MaxPool::new([3, 3]).stride([2, 2]).padding([1, 1]));
    let dilated = || Step::MaxPool(MaxPool::new([3, 2]).padding([1, 1]).dilation([2, 3]));
    let strided = || Step::Conv {
        filters: 5,
        kernel: [3, 3],
        attributes: Conv::new(2).padding([1, 1]).stride([2, 2]),
    };
    let odd = || Step::Interpolate(Interpolate::size([9, 11]));
    let aligned = [2, 3, 12, 16];
    let unaligned = [2, 3, 9, 11];
    let chains: [(&str, &'static str, &[usize], &[Step]); 25] = [
        (
            "norm-relu-max_pool",
            "in one kernel",
            &aligned,
            &[norm(), Relu, Step::pool(2)],
        ),
        (
            "norm-relu-overlapping",
            "padding comes behind what is done on the way in",
            &unaligned,
            &[norm(), Relu, overlapping()],
        ),
        (
            "norm-relu-dilated",
            "windows wholly in padding, which ReLU may not see",
            &[2, 3, 3, 2],
            &[norm(), Relu, dilated()],
        ),
        (
            "relu-max_pool",
            "ReLU on the way in",
            &unaligned,
            &[Relu, Step::pool(2)],
        ),
        (
            "norm-relu-avg_pool",
            "in one kernel",
            &aligned,
            &[norm(), Relu, Step::mean(2)],
        ),
        (
            "max_pool-norm-add-relu",
            "on the way out of a pool",
            &unaligned,
            &[Step::pool(2), norm(), Add, Relu],
        ),
        (
            "avg_pool-norm-add-relu",
            "on the way out of a pool",
            &aligned,
            &[Step::mean(2), norm(), Add, Relu],
        ),
        (
            "conv-norm-add-relu",
            "the block of a residual network",
            &aligned,
            &[Step::conv(9, 3), norm(), Add, Relu],
        ),
        (
            "conv-add-norm-relu",
            "an affine function behind a sum, which has no place",
            &unaligned,
            &[Step::conv(9, 3), Add, norm(), Relu],
        ),
        (
            "norm-relu-conv-norm-relu-conv",
            "a network that normalises first",
            &aligned,
            &[
                norm(),
                Relu,
                Step::conv(5, 1),
                norm(),
                Relu,
                Step::conv(4, 3),
            ],
        ),
        (
            "depthwise-norm-relu-pointwise",
            "a block of a mobile network",
            &[2, 8, 9, 11],
            &[
                norm(),
                Step::depthwise(8),
                norm(),
                Relu,
                Step::conv(16, 1),
                norm(),
                Relu,
            ],
        ),
        (
            "norm-relu-long",
            "the kernel for any filter",
            &[1, 2, 9, 45],
            &[norm(), Relu, Step::conv(2, 9), norm(), Add, Relu],
        ),
        (
            "strided",
            "a filter that skips",
            &aligned,
            &[norm(), Relu, strided(), norm(), Relu],
        ),
        (
            "train-add-relu",
            "a sum on the way out of the batch's own statistics",
            &unaligned,
            &[train(), Add, Relu],
        ),
        (
            "norm-add-relu",
            "a sum on the way out of an affine function",
            &[2, 9, 1, 3],
            &[norm(), Add, Relu],
        ),
        (
            "nearest-norm-add-relu",
            "on the way out of a gather",
            &unaligned,
            &[odd(), norm(), Add, Relu],
        ),
        (
            "nearest-conv",
            "repetitions in the loader of a filter, in front of them an affine function",
            &aligned,
            &[
                norm(),
                Relu,
                Step::nearest([2, 2]),
                Step::conv(5, 3),
                norm(),
                Relu,
            ],
        ),
        (
            "nearest-4x1-conv",
            "rows repeated, columns not; then columns three times",
            &unaligned,
            &[
                Step::nearest([4, 1]),
                Step::conv(3, 5),
                Step::nearest([1, 3]),
                strided(),
            ],
        ),
        (
            "nearest-depthwise",
            "repetitions in the loader of the kernel that rolls",
            &[2, 8, 9, 11],
            &[Step::nearest([2, 2]), Step::depthwise(8), Sigmoid],
        ),
        (
            "nearest-long",
            "repetitions that the kernel for any filter does not load",
            &[1, 2, 9, 20],
            &[Step::nearest([2, 2]), Step::conv(2, 33)],
        ),
        (
            "depthwise-train",
            "moments made with what they are of, by workgroups that planes do not fill",
            &[3, 7, 40, 65],
            &[norm(), Relu, Step::depthwise(7), train(), Relu],
        ),
        (
            "depthwise-train-aligned",
            "the same where rows are whole lanes, of an interpolation",
            &[2, 5, 33, 20],
            &[Step::nearest([1, 2]), Step::depthwise(5), train()],
        ),
        (
            "depthwise-train-few",
            "planes with too few threads for moments",
            &unaligned,
            &[Step::depthwise(3), train()],
        ),
        (
            "depthwise-train-nobody",
            "moments of no picture",
            &[0, 3, 16, 20],
            &[Step::depthwise(3), train()],
        ),
        (
            "conv-train",
            "moments that the convolution does not make",
            &unaligned,
            &[Step::conv(5, 3), train(), Relu],
        ),
    ];
    let mut cases: Vec<Case> = chains
        .into_iter()
        .map(|(name, why, shape, steps)| {
            Case::new(format!("fusion/{name}"), why, |g| chain(g, shape, steps))
        })
        .collect();
    cases.extend([
        Case::new(
            "fusion/concat-add-relu",
            "on the way out of each part",
            wide,
        ),
        Case::new("fusion/idle", "equal nodes and dead ones", idle),
        Case::new(
            "fusion/shared",
            "values that stay because others read them",
            shared,
        ),
        Case::new(
            "fusion/two-trains",
            "moments that two batch norms take, of values far from 0",
            two_norms,
        ),
        Case::new("fusion/residual", "a shortcut with its own kernel", |g| {
            residual(g, &[2, 3, 12, 10])
        }),
    ]);
    let large = [8, 64, 112, 112];
    let bench: [(&str, &[usize], &[Step]); 5] = [
        (
            "large_norm-relu-max_pool",
            &large,
            &[norm(), Relu, Step::pool(2)],
        ),
        (
            "large_norm-relu-avg_pool",
            &large,
            &[norm(), Relu, Step::mean(2)],
        ),
        (
            "large_conv-norm-add-relu",
            &large,
            &[Step::conv(64, 1), norm(), Add, Relu],
        ),
        (
            "large_depthwise-train-relu",
            &large,
            &[Step::depthwise(64), train(), Relu],
        ),
        (
            "large_nearest-conv",
            &[2, 32, 56, 56],
            &[Step::nearest([2, 2]), Step::conv(32, 3)],
        ),
    ];
    let bench = bench.into_iter().map(|(name, shape, steps)| {
        let name = format!("fusion/{name}");
        Case::new(name, "one kernel instead of several", |g| {
            chain(g, shape, steps)
        })
        .bench()
    });
    cases.extend(bench);
    cases
}

fn random_step(rng: &mut Rng, channels: usize) -> Step {
    match rng.u8(0..14) {
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
        10 => Step::depthwise(channels),
        11 => Step::conv(rng.usize(1..=9), 1),
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
