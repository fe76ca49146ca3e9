//! Cases of [`Sigmoid`](crate::ops::Sigmoid).

use super::{Case, elementwise};
use crate::error::Result;
use crate::graph::Graph;
use fastrand::Rng;

pub(super) fn cases() -> Vec<Case> {
    elementwise::cases("sigmoid", Graph::sigmoid)
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    elementwise::random(rng, Graph::sigmoid)
}
