//! The cases of layers that see a tensor as a row of elements.

use super::{BENCH_SHAPES, Case, Values, at_bench_shapes, random_shape};
use crate::error::Result;
use crate::graph::{Graph, Value};
use crate::tensor::DType;
use fastrand::Rng;

/// The layer: a method of the graph.
pub(super) type Method = fn(&mut Graph, Value) -> Result<Value>;

pub(super) fn graph(graph: &mut Graph, shape: &[usize], layer: Method) -> Result<()> {
    let x = graph.input("x", shape, DType::F32)?;
    let y = layer(graph, x)?;
    graph.output("y", y)
}

pub(super) fn cases(name: &str, layer: Method) -> Vec<Case> {
    let case = |what: &str, why, shape: &'static [usize]| {
        Case::new(format!("{name}/{what}"), why, move |g| {
            graph(g, shape, layer)
        })
    };
    let mut cases = vec![
        case("plane", "a feature map", &[2, 16, 7, 7]),
        case("scalar", "rank 0", &[]),
        case("below_a_lane", "fewer elements than a 16-byte lane", &[3]),
        case(
            "workgroup",
            "1024 elements are a workgroup of a copy",
            &[1024],
        ),
        case("one_below_a_workgroup", "the last lane is partial", &[1023]),
        case(
            "one_above_a_workgroup",
            "a second workgroup of one lane, of a copy",
            &[1025],
        ),
        case("small", "32 lanes, of which a thread has one", &[128]),
        case(
            "one_above_small",
            "33 lanes, which rows of threads share out",
            &[129],
        ),
        case(
            "one_above_a_row",
            "a second row of threads for one lane, where loads are dear",
            &[257],
        ),
        case("workgroups", "several workgroups", &[3, 41, 23, 29]),
        case("specials", "NaN, infinities and -0.0", &[2, 3, 50]).with(Values::Specials),
        case("nobody", "a batch of 0", &[0, 3, 4]),
    ];
    cases.extend(at_bench_shapes(name, "", &BENCH_SHAPES, |g, shape| {
        graph(g, shape, layer)
    }));
    cases
}

pub(super) fn random(rng: &mut Rng, layer: Method) -> Result<Graph> {
    let dims = rng.usize(0..=3);
    let shape = random_shape(rng, dims, 30);
    let mut made = Graph::new();
    graph(&mut made, &shape, layer)?;
    Ok(made)
}
