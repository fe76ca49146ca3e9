//! Cases of [`Relu`](crate::ops::Relu).

use super::{Case, SIZES, at_bench_shapes, elementwise};
use crate::error::Result;
use crate::graph::Graph;
use fastrand::Rng;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = elementwise::cases("relu", Graph::relu);
    cases.extend(at_bench_shapes("relu", "", &SIZES, |g, shape| {
        elementwise::graph(g, shape, Graph::relu)
    }));
    cases
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    elementwise::random(rng, Graph::relu)
}
