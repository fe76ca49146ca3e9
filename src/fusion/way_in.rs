//! Batch norm and ReLU on the way in of the kernel that reads their result; of one that only moves elements, on the way
//! out. Of a sum, on the way in of one of its terms; of tensors side by side, of each. A batch norm in training stays, to make
//! its statistics and a table of its affine functions, and normalises nothing.
//!
//! before: `a = batch_norm(x)`, `b = relu(a)`, `y = max_pool(b)`
//! after:  `y = max_pool(x)`, which does both as it loads
//!
//! before: `m = moments(x)`, `a = normalize(x, m)`, `y = max_pool(a)`
//! after:  `m = moments(x)`, `t = table(m)`, `y = max_pool(x, t)`: `a` is neither written nor read

use super::{Affine, Fusion, Takes, Way};
use crate::graph::Value;
use crate::ops::{Mode, Op};

pub(super) fn fuse(fusion: &mut Fusion) {
    let mut node = 0;
    while node < fusion.graph.nodes.len() {
        // Those in front that have gone have moved it.
        node = node + 1 - fuse_into(fusion, node);
    }
}

/// How many nodes in front the node has taken.
fn fuse_into(fusion: &mut Fusion, mut node: usize) -> usize {
    swap_terms(fusion, node);
    let graph = &fusion.graph;
    let this = &graph.nodes[node];
    let types = this.inputs.iter();
    let types: Vec<_> = types.map(|value| &graph.values[value.index].ty).collect();
    let takes = this.op.layer().takes(&types);
    let inputs = if takes.each { this.inputs.len() } else { 1 };
    let worth = !takes.each || outweighs(fusion, node);
    let mut gone = 0;
    for input in 0..inputs {
        let taken = fuse_input(fusion, node, input, takes, worth);
        gone += usize::from(taken);
        node -= usize::from(taken);
    }
    gone
}

/// Whether what would go on the ways in of a node is at least half of all that it reads: its kernel with a way in takes longer for
/// each of its inputs, which else may be those of the fastest kernels.
fn outweighs(fusion: &Fusion, node: usize) -> bool {
    let bytes = |entering: bool| -> usize {
        let inputs = fusion.graph.nodes[node].inputs.iter();
        let inputs = inputs.filter(|&&input| may_enter(fusion, input) == entering);
        let bytes = inputs.map(|input| fusion.graph.values[input.index].ty.bytes());
        bytes.sum()
    };
    bytes(true) >= bytes(false)
}

/// A sum has its way in at its first term, and either may be that.
fn swap_terms(fusion: &mut Fusion, node: usize) {
    let terms = &fusion.graph.nodes[node].inputs;
    if let (Op::Add(_), &[a, b]) = (&fusion.graph.nodes[node].op, &terms[..])
        && may_enter(fusion, b)
    {
        if !may_enter(fusion, a) {
            fusion.graph.nodes[node].inputs.swap(0, 1);
        } else if let Some(front) = fusion.producer(b) {
            let name = fusion.graph.nodes[node].name.clone();
            fusion.left(front, format!("{name} has its other term's on its way in"));
        }
    }
}

/// Whether the node that computes the input of this number has gone into this one, if that is worth it.
fn fuse_input(fusion: &mut Fusion, node: usize, input: usize, takes: Takes, worth: bool) -> bool {
    let this = &fusion.graph.nodes[node];
    let Some(&x) = this.inputs.get(input) else {
        return false;
    };
    let Some(front) = fusion.first_producer(x) else {
        return false;
    };
    let Some(way) = way_of(fusion, front) else {
        let made = &fusion.graph.nodes[front];
        let is_way = matches!(made.op, Op::BatchNorm(_) | Op::Relu(_));
        if is_way && (takes.way_in || takes.moves) {
            let why = format!("{} has no place for what it does besides", this.name);
            fusion.left(front, why);
        }
        return false;
    };
    let why = match () {
        () if !takes.way_in && !takes.moves => "has no place for it on its way in",
        () if this.inputs.iter().filter(|&&read| read == x).count() > 1 => {
            "reads it more than once"
        }
        () if fusion.uses(x) > 1 => "is not the only one that reads it",
        () if !worth => "has more beside it, which would take longer",
        () if takes.moves => match before(&way, &this.fused.way_out) {
            Some(way_out) => {
                fusion.graph.nodes[node].fused.way_out = way_out;
                return take(fusion, front, node, input);
            }
            None => "has no place for it before what is on its way out",
        },
        () => {
            let ways_in = &mut fusion.graph.nodes[node].fused.ways_in;
            ways_in.resize(ways_in.len().max(input + 1), Way::default());
            ways_in[input] = way;
            return take(fusion, front, node, input);
        }
    };
    let why = format!("{} {why}", this.name);
    fusion.left(front, why);
    false
}

/// Puts the node in front into this one, and says whether it is gone: of a batch norm in training the statistics stay.
fn take(fusion: &mut Fusion, front: usize, node: usize, input: usize) -> bool {
    if fusion.trains(front) {
        fusion.tabulate(front, node, input);
        return false;
    }
    fusion.absorb_input(front, node, input);
    true
}

/// Whether what computes the value may go on the way in of the only node that reads it.
pub(super) fn may_enter(fusion: &Fusion, value: Value) -> bool {
    let front = fusion.first_producer(value);
    fusion.uses(value) == 1 && front.is_some_and(|front| way_of(fusion, front).is_some())
}

/// Both ways as one, if they are in its order.
fn before(first: &Way, then: &Way) -> Option<Way> {
    let in_order = then.affine.is_none() && (!first.relu || then.skip.is_none());
    in_order.then(|| Way {
        affine: first.affine.clone(),
        skip: then.skip,
        relu: first.relu || then.relu,
    })
}

/// What a node does, as steps on a way in, if it is nothing else.
fn way_of(fusion: &Fusion, node: usize) -> Option<Way> {
    let node = &fusion.graph.nodes[node];
    if node.fused.way_in(0).is_some()
        || node.fused.repeat.is_some()
        || node.fused.way_out.skip.is_some()
        || node.fused.way_out.affine.is_some()
    {
        return None;
    }
    match &node.op {
        Op::Relu(_) => Some(Way {
            relu: true,
            ..Way::default()
        }),
        Op::BatchNorm(layer) => Some(Way {
            affine: Some(match layer.mode {
                Mode::Eval => Affine::Eval(*layer, node.inputs[1..].to_vec()),
                Mode::Train { .. } => Affine::Train(node.outputs[0]),
            }),
            relu: node.fused.way_out.relu,
            skip: None,
        }),
        _ => None,
    }
}
