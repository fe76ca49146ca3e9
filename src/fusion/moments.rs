//! Moments for a batch norm in training, made by the convolution that computes its input while it has that in registers.
//!
//! before: `y = conv(x, w)`, `m = moments(y)`, `z = normalize(y, m)`
//! after:  `y, m = conv(x, w)`, `z = normalize(y, m)`: `y` is read once less
//!
//! The kernels can where a workgroup fits into a plane of the output; the lowering says whether it has been done.

use super::{Fusion, Way};
use crate::ops::{Mode, Op};

pub(super) fn fuse(fusion: &mut Fusion) {
    for node in 0..fusion.graph.nodes.len() {
        let this = &fusion.graph.nodes[node];
        let Op::BatchNorm(layer) = &this.op else {
            continue;
        };
        if layer.mode == Mode::Eval {
            continue;
        }
        let x = this.inputs[0];
        let Some(producer) = fusion.producer(x) else {
            fusion.left(node, "its moments: no kernel computes its input");
            continue;
        };
        let producer = &mut fusion.graph.nodes[producer];
        let name = &producer.name;
        let why = match producer.op {
            Op::Conv(_) if producer.fused.way_out == Way::default() => {
                producer.fused.moments = true;
                continue;
            }
            Op::Conv(_) => format!("its moments: {name} does more on its way out"),
            _ => format!("its moments: {name} is no convolution"),
        };
        fusion.left(node, why);
    }
}
