//! Cases of [`Relu`](crate::ops::Relu).

use super::{Case, elementwise};
use crate::error::Result;
use crate::graph::Graph;
use fastrand::Rng;

pub(super) fn cases() -> Vec<Case> {
    elementwise::cases("relu", Graph::relu)
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    elementwise::random(rng, Graph::relu)
}
