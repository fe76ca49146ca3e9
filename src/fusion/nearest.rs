//! A nearest-neighbour interpolation that repeats rows and columns, inside the loader of the convolution that follows.
//!
//! before: `a = interpolate(x)`, `y = conv(a, w)`
//! after:  `y = conv(x, w)`, which repeats what it loads

use super::Fusion;
use crate::graph::Node;
use crate::ops::Op;

pub(super) fn fuse(fusion: &mut Fusion) {
    fusion.each(fuse_into);
    for node in 0..fusion.graph.nodes.len() {
        let this = &fusion.graph.nodes[node];
        let y = this.outputs[0];
        let reads = |reader: &&Node| reader.inputs.contains(&y);
        let mut readers = fusion.graph.nodes.iter().filter(reads);
        if matches!(this.op, Op::Interpolate(_))
            && readers.all(|reader| !matches!(reader.op, Op::Conv(_)))
        {
            fusion.left(
                node,
                "its result goes to no convolution, in whose loader it could be",
            );
        }
    }
}

/// Whether the node has taken its input's interpolation.
fn fuse_into(fusion: &mut Fusion, conv: usize) -> bool {
    let graph = &fusion.graph;
    let node = &graph.nodes[conv];
    let Op::Conv(layer) = &node.op else {
        return false;
    };
    let Some(nearest) = fusion.producer(node.inputs[0]) else {
        return false;
    };
    let Op::Interpolate(interpolate) = &graph.nodes[nearest].op else {
        return false;
    };
    let ty = |value: crate::graph::Value| &graph.values[value.index].ty;
    let source = ty(graph.nodes[nearest].inputs[0]);
    let types = [node.inputs[0], node.inputs[1], node.outputs[0]].map(ty);
    let repeat = interpolate.repetitions(source, types[0]);
    let why = match repeat {
        _ if fusion.uses(node.inputs[0]) > 1 => "several nodes read it",
        None => "it does not repeat every row and column equally often",
        Some(repeat) if !layer.repeats(types, repeat) => {
            "the convolution's threads do not begin at repetitions, or its windows are too long"
        }
        Some(repeat) => {
            fusion.graph.nodes[conv].fused.repeat = Some(repeat);
            fusion.absorb_input(nearest, conv, 0);
            return true;
        }
    };
    fusion.left(nearest, why);
    false
}
