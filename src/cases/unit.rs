//! Cases of layers together.

use super::{Case, Values, pick, random_shape};
use crate::error::Result;
use crate::graph::{Graph, Value};
use crate::networks;
use crate::ops::{AvgPool, BatchNorm, BatchNormState, Conv, Interpolate, MaxPool, Normalize};
use crate::tensor::{DType, Tensor};
use fastrand::Rng;

/// What follows the convolution of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    BatchNorm,
    MaxPool,
    AvgPool,
    Relu,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::BatchNorm => "batch_norm",
            Self::MaxPool => "max_pool",
            Self::AvgPool => "avg_pool",
            Self::Relu => "relu",
        }
    }

    fn add(self, graph: &mut Graph, x: Value, layer: BatchNorm) -> Result<Value> {
        match self {
            Self::BatchNorm => {
                let channels = graph.ty(x)?.shape[1];
                let state = BatchNormState::variables(graph, "bn", channels, true)?;
                graph.batch_norm(x, &state, layer)
            }
            Self::MaxPool => graph.max_pool(x, MaxPool::new([2, 2])),
            Self::AvgPool => graph.avg_pool(x, AvgPool::new([2, 2])),
            Self::Relu => graph.relu(x),
        }
    }
}

/// conv 3x3, then the parts in order.
fn unit(
    graph: &mut Graph,
    shape: &[usize],
    filters: usize,
    layer: BatchNorm,
    parts: &[Part],
) -> Result<()> {
    let x = graph.input("x", shape, DType::F32)?;
    let weight = graph.input("weight", [filters, shape[1], 3, 3], DType::F32)?;
    let bias = graph.variable("conv.bias", Tensor::filled(filters, 0.0)?)?;
    let mut y = graph.conv(x, weight, Some(bias), Conv::new(2).padding([1, 1]))?;
    for part in parts {
        y = part.add(graph, y, layer)?;
    }
    graph.output("y", y)
}

/// Two convolutions around a skip connection, down and up again.
fn skip(graph: &mut Graph, shape: &[usize], values: [usize; 2]) -> Result<()> {
    let channels = shape[1];
    let x = graph.input("x", shape, DType::F32)?;
    let mut weight = |name: &str| graph.input(name, [channels, channels, 3, 3], DType::F32);
    let (first, second) = (weight("first")?, weight("second")?);
    let same = || Conv::new(2).padding([1, 1]);
    let a = graph.conv(x, first, None, same())?;
    let a = graph.relu(a)?;
    let down = graph.max_pool(a, MaxPool::new([2, 2]))?;
    let b = graph.conv(down, second, None, same())?;
    let up = graph.interpolate(b, Interpolate::size(values))?;
    let sum = graph.add(a, up)?;
    let y = graph.sigmoid(sum)?;
    graph.output("down", down)?;
    graph.output("y", y)
}

/// normalise -> conv 3x3 -> batch norm -> max pool 2 -> ReLU -> nearest x2.
fn picture(graph: &mut Graph) -> Result<()> {
    let x = graph.input("x", [8, 300, 452, 3], DType::U8)?;
    let weight = graph.input("weight", [16, 3, 3, 3], DType::F32)?;
    let y = graph.normalize(x, Normalize::imagenet())?;
    let y = graph.conv(y, weight, None, Conv::new(2).padding([1, 1]))?;
    let y = Part::BatchNorm.add(graph, y, BatchNorm::train())?;
    let y = Part::MaxPool.add(graph, y, BatchNorm::train())?;
    let y = graph.relu(y)?;
    let y = graph.interpolate(y, Interpolate::scale_factor([2.0, 2.0]))?;
    graph.output("y", y)
}

pub(super) fn cases() -> Vec<Case> {
    use Part::{AvgPool, BatchNorm as Norm, MaxPool, Relu};
    let orders = [
        [Norm, MaxPool, Relu],
        [Norm, Relu, MaxPool],
        [MaxPool, Norm, Relu],
        [MaxPool, Relu, Norm],
        [Relu, Norm, MaxPool],
        [Relu, MaxPool, Norm],
    ];
    let mut cases = Vec::new();
    for (mode, layer) in [("eval", BatchNorm::eval()), ("train", BatchNorm::train())] {
        for order in orders {
            let name = order.map(Part::name).join("-");
            cases.push(Case::new(
                format!("unit/conv-{name}-{mode}"),
                "conv, then batch norm, pool and ReLU in every order",
                |g| unit(g, &[2, 3, 14, 10], 5, layer, &order),
            ));
        }
    }
    let eval = BatchNorm::eval();
    cases.push(Case::new(
        "unit/conv-avg_pool-relu",
        "average pooling in a unit",
        |g| unit(g, &[2, 3, 14, 10], 5, eval, &[AvgPool, Relu]),
    ));
    cases.push(Case::new(
        "unit/conv-max_pool-relu",
        "no rounding but the convolution's",
        |g| unit(g, &[2, 3, 14, 10], 5, eval, &[MaxPool, Relu]),
    ));
    cases.push(Case::new(
        "unit/skip",
        "a value is used twice, memory is not reused too early",
        |g| skip(g, &[2, 3, 12, 10], [12, 10]),
    ));
    let why = "a network with the weights that it begins with";
    let unet = Case::new("unit/unet", why, |g| {
        *g = networks::unet(2, 3, [24, 16], 2)?;
        Ok(())
    });
    cases.push(unet.with(Values::Initial));
    cases.push(
        Case::new(
            "unit/picture",
            "the unit of `wgcnn run`, on eight pictures",
            picture,
        )
        .bench(),
    );
    cases.push(
        Case::new("unit/large", "conv, batch norm, max pool, ReLU", |g| {
            unit(g, &[8, 64, 112, 112], 64, eval, &[Norm, MaxPool, Relu])
        })
        .bench(),
    );
    cases
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    let mut shape = random_shape(rng, 2, 20);
    shape[2] += 4;
    shape[3] += 4;
    let mut made = Graph::new();
    if rng.bool() {
        let size = [shape[2], shape[3]];
        skip(&mut made, &shape, size)?;
    } else {
        let mut parts = [
            Part::BatchNorm,
            pick(rng, &[Part::MaxPool, Part::AvgPool]),
            Part::Relu,
        ];
        rng.shuffle(&mut parts);
        let layer = pick(rng, &[BatchNorm::eval(), BatchNorm::train()]);
        let filters = rng.usize(1..=9);
        unit(&mut made, &shape, filters, layer, &parts)?;
    }
    Ok(made)
}
