//! Moments for a batch norm in training, made by the convolution that computes its input, while it has that in registers.
//!
//! before: `y = conv(x, w)`, `m = moments(y)`, `z = normalize(y, m)`
//! after:  `y, m = conv(x, w)`, `z = normalize(y, m)`: `y` is read once less
//!
//! The kernels of depthwise convolutions can where planes have threads enough, and on a GPU that of products in the memory of
//! workgroups; the lowering says whether it has been done. On a CPU other convolutions take long
//! for a value, beside which the reading is little, and their threads have few values of a filter, so that to reduce them
//! costs more than to read them: on llvmpipe 3x3 of 64 channels lost 6 %, 1x1 2 %, 3x3 of 3 channels a third and more.

use super::Fusion;
use crate::ops::Op;

pub(super) fn fuse(fusion: &mut Fusion) {
    for node in 0..fusion.graph.nodes.len() {
        if !fusion.trains(node) {
            continue;
        }
        let x = fusion.graph.nodes[node].inputs[0];
        let Some(producer) = fusion.producer(x) else {
            fusion.left(node, "its moments: no kernel computes its input");
            continue;
        };
        if fusion.graph.nodes[node].fused.way_in(0).is_some() {
            fusion.left(node, "its moments: they are of what is behind its way in");
            continue;
        }
        let producer = &mut fusion.graph.nodes[producer];
        let name = &producer.name;
        if let Op::Conv(_) = &producer.op {
            producer.fused.moments = true;
            continue;
        }
        let why = format!("its moments: {name} is no convolution");
        fusion.left(node, why);
    }
}
