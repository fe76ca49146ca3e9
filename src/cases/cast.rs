//! Cases of [`Cast`](crate::ops::Cast).

use super::{BENCH_SHAPES, Case, Values, at_bench_shapes, pick, random_shape};
use crate::error::Result;
use crate::graph::Graph;
use crate::ops::MaxPool;
use crate::tensor::{DType, Data, Tensor};
use fastrand::Rng;

const BOTH: [DType; 2] = [DType::F32, DType::F16];

fn graph(graph: &mut Graph, shape: &[usize], from: DType, to: DType) -> Result<()> {
    let x = graph.input("x", shape, from)?;
    let y = graph.cast(x, to)?;
    graph.output("y", y)
}

/// Two paths of different types from one input, and a sum.
fn mixed(graph: &mut Graph) -> Result<()> {
    let x = graph.input("x", [2, 5, 13, 11], DType::F32)?;
    let half = graph.cast(x, DType::F16)?;
    let pool = MaxPool::new([3, 3]).stride([2, 2]).padding([1, 1]);
    let wide = graph.max_pool(x, pool.clone())?;
    let half = graph.max_pool(half, pool)?;
    let half = graph.cast(half, DType::F32)?;
    let y = graph.add(wide, half)?;
    graph.output("y", y)
}

/// What f16 holds, the middles between its numbers and the f32 next to those: every way to round, from the smallest
/// subnormal number to what becomes infinite.
fn middles() -> Tensor {
    let positive = (0..0x7c00u16).flat_map(|bits| {
        let [this, next] = [bits, bits + 1].map(half_value);
        let middle = f32::midpoint(this, next);
        [this, middle.next_down(), middle, middle.next_up()]
    });
    let positive: Vec<f32> = positive.collect();
    let negative = positive.iter().map(|value| -value);
    let both: Vec<f32> = positive.iter().copied().chain(negative).collect();
    Tensor::dense(vec![both.len()], Data::F32(both))
}

/// The number of these bits; behind the largest the one that f16 would hold next, 65536.
fn half_value(bits: u16) -> f32 {
    match bits {
        0x7c00 => 65536.0,
        bits => ::half::f16::from_bits(bits).to_f32(),
    }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |what: &str, why, shape: &'static [usize], from, to| {
        Case::new(format!("cast/{what}"), why, move |g| {
            graph(g, shape, from, to)
        })
    };
    use DType::{F16, F32};
    let middles = Case {
        given: vec![("x".to_owned(), middles())],
        ..case(
            "middles",
            "rounding is to nearest even",
            &[253_952],
            F32,
            F16,
        )
    };
    let mut cases = vec![
        case("narrow", "a feature map", &[2, 16, 7, 7], F32, F16),
        case("widen", "back", &[2, 16, 7, 7], F16, F32),
        case("narrow_scalar", "rank 0: half a word", &[], F32, F16),
        case("widen_scalar", "rank 0 from half a word", &[], F16, F32),
        case("narrow_odd", "the last lane is partial", &[2053], F32, F16),
        case("widen_odd", "the last lane is partial", &[2053], F16, F32),
        case(
            "widen_half",
            "the f32 tensor ends in the middle of two lanes",
            &[2052],
            F16,
            F32,
        ),
        case("same", "no change is a copy", &[2, 3, 5], F16, F16),
        case("nobody", "a batch of 0", &[0, 3, 4], F32, F16),
        case(
            "specials",
            "NaN, infinities and -0.0",
            &[2, 3, 50],
            F32,
            F16,
        )
        .with(Values::Specials),
        case(
            "specials_widen",
            "NaN, infinities and -0.0",
            &[2, 3, 50],
            F16,
            F32,
        )
        .with(Values::Specials),
        case("extremes", "beyond the largest f16", &[2, 3, 50], F32, F16).with(Values::Extremes),
        middles,
        Case::new("cast/mixed", "a graph of both types", mixed),
    ];
    for (what, from, to) in [("narrow", F32, F16), ("widen", F16, F32)] {
        cases.extend(at_bench_shapes("cast", what, &BENCH_SHAPES, |g, shape| {
            graph(g, shape, from, to)
        }));
    }
    cases
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    let dims = rng.usize(0..=3);
    let shape = random_shape(rng, dims, 30);
    let mut made = Graph::new();
    graph(&mut made, &shape, pick(rng, &BOTH), pick(rng, &BOTH))?;
    Ok(made)
}
