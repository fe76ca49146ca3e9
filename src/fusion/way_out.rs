//! Batch norm in evaluation, the sum with another tensor, and ReLU on the way out of the kernel that computes their input.
//!
//! before: `a = conv(x, w)`, `b = batch_norm(a)`, `c = add(b, s)`, `y = relu(c)`
//! after:  `y = conv(x, w)`, which does all of it before it stores

use super::way_in::may_enter;
use super::{Affine, Fusion, Takes, Way};
use crate::graph::{Node, Value};
use crate::ops::{Mode, Op};

pub(super) fn fuse(fusion: &mut Fusion) {
    fusion.each(fuse_node);
}

/// Whether the node is gone.
fn fuse_node(fusion: &mut Fusion, node: usize) -> bool {
    let inputs = fusion.graph.nodes[node].inputs.clone();
    match &fusion.graph.nodes[node].op {
        Op::BatchNorm(layer) if layer.mode == Mode::Eval => {
            let affine = Affine::Eval(*layer, inputs[1..].to_vec());
            let step = |takes: Takes, way: &mut Way| {
                let free = takes.affine && *way == Way::default();
                way.affine = Some(affine.clone());
                free
            };
            fuse_step(fusion, node, inputs[0], &[], step)
        }
        Op::Relu(_) => fuse_step(fusion, node, inputs[0], &[], |takes, way| {
            way.relu = true;
            takes.relu
        }),
        Op::Add(_) => {
            // The later of the two has the earlier one at hand.
            let mut terms = [inputs[0], inputs[1]];
            terms.sort_by_key(|&term| fusion.producer(term));
            let [other, own] = terms;
            // In evaluation, without a way in of its own, it goes on that of the sum, which has its way out for what is behind it.
            // In training its second pass has a place for the sum, and would be a kernel without it too.
            let front = fusion.producer(own);
            let trained = front.is_some_and(|front| fusion.trains(front));
            let made_of = |value| Some(fusion.graph.nodes[fusion.producer(value)?].inputs[0]);
            let has_entry = made_of(own).is_some_and(|x| may_enter(fusion, x));
            if may_enter(fusion, own) && !has_entry && !trained {
                return false;
            }
            let step = |takes: Takes, way: &mut Way| {
                let free = takes.skip && way.skip.is_none() && !way.relu;
                way.skip = Some(other);
                free
            };
            fuse_step(fusion, node, own, &[other], step)
        }
        _ => false,
    }
}

/// Adds a step to the way out of the node that computes `own`, if it can do that.
fn fuse_step(
    fusion: &mut Fusion,
    node: usize,
    own: Value,
    others: &[Value],
    step: impl FnOnce(Takes, &mut Way) -> bool,
) -> bool {
    let into = match fusion.only_producer(own) {
        Ok(into) => into,
        Err(why) => {
            fusion.left(node, why);
            return false;
        }
    };
    let graph = &fusion.graph;
    let types = graph.nodes[into].inputs.iter();
    let types: Vec<_> = types.map(|value| &graph.values[value.index].ty).collect();
    let takes = graph.nodes[into].op.layer().takes(&types);
    let mut way = graph.nodes[into].fused.way_out.clone();
    let known = |other: &Value| fusion.producer(*other).is_none_or(|made| made < into);
    if !step(takes, &mut way) || !others.iter().all(known) {
        let why = refusal(&graph.nodes[into]);
        fusion.left(node, why);
        return false;
    }
    // The variables and constants of an affine function are there from the beginning; what a node computes need not be.
    let affine = way.affine.iter().flat_map(Affine::inputs);
    if !affine.into_iter().all(known) {
        fusion.left(node, "its statistics are computed too late");
        return false;
    }
    fusion.graph.nodes[into].fused.way_out = way;
    fusion.absorb(node, into);
    true
}

fn refusal(node: &Node) -> String {
    format!("{} has no place for it on its way out", node.name)
}
