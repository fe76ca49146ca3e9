//! Batch norm in evaluation and ReLU on the way in of the kernel that reads their result; of one that only moves elements, on the way
//! out. Of a sum, on the way in of one of its terms.
//!
//! before: `a = batch_norm(x)`, `b = relu(a)`, `y = max_pool(b)`
//! after:  `y = max_pool(x)`, which does both as it loads

use super::{Affine, Fusion, Way};
use crate::graph::Value;
use crate::ops::{Mode, Op};

pub(super) fn fuse(fusion: &mut Fusion) {
    fusion.each(fuse_into);
}

/// Whether the node has taken the one in front.
fn fuse_into(fusion: &mut Fusion, node: usize) -> bool {
    // A sum has its way in at its first term, and either may be that.
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
    let graph = &fusion.graph;
    let this = &graph.nodes[node];
    let types = this.inputs.iter();
    let types: Vec<_> = types.map(|value| &graph.values[value.index].ty).collect();
    let takes = this.op.layer().takes(&types);
    let Some(front) = this.inputs.first().and_then(|&x| fusion.producer(x)) else {
        return false;
    };
    let Some(way) = way_of(fusion, front) else {
        return false;
    };
    let why = match () {
        () if !takes.way_in && !takes.moves => "has no place for it on its way in",
        () if fusion.uses(this.inputs[0]) > 1 => "is not the only one that reads it",
        () if takes.moves => match before(&way, &this.fused.way_out) {
            Some(way_out) => {
                fusion.graph.nodes[node].fused.way_out = way_out;
                fusion.absorb_input(front, node);
                return true;
            }
            None => "has no place for it before what is on its way out",
        },
        () => {
            fusion.graph.nodes[node].fused.way_in = way;
            fusion.absorb_input(front, node);
            return true;
        }
    };
    let why = format!("{} {why}", this.name);
    fusion.left(front, why);
    false
}

/// Whether what computes the value may go on the way in of the only node that reads it.
fn may_enter(fusion: &Fusion, value: Value) -> bool {
    let front = fusion.producer(value);
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
    if node.fused.way_in != Way::default()
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
        Op::BatchNorm(layer) if layer.mode == Mode::Eval => Some(Way {
            affine: Some(Affine {
                layer: *layer,
                inputs: node.inputs[1..].to_vec(),
            }),
            relu: node.fused.way_out.relu,
            skip: None,
        }),
        _ => None,
    }
}
