//! Cases of [`Concat`](crate::ops::Concat).

use super::{BENCH_SHAPES, Case, Values, at_bench_shapes, random_shape};
use crate::error::Result;
use crate::graph::Graph;
use crate::tensor::DType;
use fastrand::Rng;

/// Tensors [N, channels, *] side by side.
fn graph(graph: &mut Graph, shape: &[usize], channels: &[usize]) -> Result<()> {
    let inputs = channels.iter().enumerate().map(|(index, &channels)| {
        let mut shape = shape.to_vec();
        shape[1] = channels;
        graph.input(format!("x{index}"), shape, DType::F32)
    });
    let inputs: Vec<_> = inputs.collect::<Result<_>>()?;
    let y = graph.concat(&inputs)?;
    graph.output("y", y)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, why, shape: &'static [usize], channels: &'static [usize]| {
        Case::new(format!("concat/{name}"), why, move |g| {
            graph(g, shape, channels)
        })
    };
    let mut cases = vec![
        case("aligned", "rows of whole lanes", &[2, 0, 4, 6], &[4, 8]),
        case(
            "unaligned",
            "rows that begin within lanes",
            &[3, 0, 5, 7],
            &[3, 2],
        ),
        case("even", "rows of whole words in f16", &[2, 0, 3, 2], &[1, 3]),
        case(
            "mixed",
            "the second begins within a lane",
            &[2, 0, 4, 1],
            &[3, 4],
        ),
        case("vectors", "no spatial dimension", &[5, 0], &[1, 9, 2]),
        case("single", "one tensor", &[2, 0, 3], &[5]),
        case(
            "no_channels",
            "one without channels",
            &[2, 0, 3],
            &[2, 0, 1],
        ),
        case(
            "nothing_between",
            "one without channels between two whose lanes reach into each other",
            &[3, 0, 3, 5],
            &[3, 0, 2],
        ),
        case(
            "lanes",
            "rows as short as a lane, and longer than a thread",
            &[5, 0, 3, 3],
            &[1, 5, 1, 2],
        ),
        case("nobody", "a batch of 0", &[0, 0, 3], &[2, 1]),
        case(
            "workgroups",
            "rows of more than one",
            &[2, 0, 61, 67],
            &[1, 3],
        ),
        case("specials", "bits pass through", &[2, 0, 5, 7], &[3, 2]).with(Values::Specials),
    ];
    cases.extend(at_bench_shapes("concat", "", &BENCH_SHAPES, |g, shape| {
        graph(g, shape, &[shape[1], shape[1]])
    }));
    cases
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    let dims = rng.usize(0..=3);
    let shape = random_shape(rng, dims, 20);
    let count = rng.usize(1..=4);
    let channels: Vec<usize> = (0..count).map(|_| rng.usize(0..=9)).collect();
    let mut made = Graph::new();
    graph(&mut made, &shape, &channels)?;
    Ok(made)
}
