//! Cases of [`Copy`](crate::ops::Copy).

use super::{Case, elementwise};
use crate::error::Result;
use crate::graph::Graph;
use fastrand::Rng;

pub(super) fn cases() -> Vec<Case> {
    elementwise::cases("copy", Graph::copy)
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    elementwise::random(rng, Graph::copy)
}
