//! Cases of [`Add`](crate::ops::Add).

use super::{BENCH_SHAPES, Case, at_bench_shapes, random_shape};
use crate::error::Result;
use crate::graph::Graph;
use crate::tensor::DType;
use fastrand::Rng;

fn graph(graph: &mut Graph, shape: &[usize]) -> Result<()> {
    let a = graph.input("a", shape, DType::F32)?;
    let b = graph.input("b", shape, DType::F32)?;
    let y = graph.add(a, b)?;
    graph.output("y", y)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, why, shape: &'static [usize]| {
        Case::new(format!("add/{name}"), why, move |g| graph(g, shape))
    };
    let mut cases = vec![
        case("skip", "a skip connection", &[2, 16, 7, 7]),
        case("below_a_lane", "fewer elements than a 16-byte lane", &[3]),
        case(
            "one_above_small",
            "33 lanes, which rows of threads share out",
            &[129],
        ),
        case("workgroups", "several workgroups", &[3, 41, 23, 29]),
        case("nobody", "a batch of 0", &[0, 3, 4]),
    ];
    cases.extend(at_bench_shapes("add", "", &BENCH_SHAPES, graph));
    cases
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    let dims = rng.usize(0..=3);
    let shape = random_shape(rng, dims, 30);
    let mut made = Graph::new();
    graph(&mut made, &shape)?;
    Ok(made)
}
