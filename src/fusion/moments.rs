//! Moments for a batch norm in training, made by the depthwise convolution that computes its input, while it has that in
//! registers.
//!
//! before: `y = depthwise(x, w)`, `m = moments(y)`, `z = normalize(y, m)`
//! after:  `y, m = depthwise(x, w)`, `z = normalize(y, m)`: `y` is read once less
//!
//! The kernel can where planes have threads enough; the lowering says whether it has been done. Other convolutions take long
//! for a value, beside which the reading is little, and their threads have few values of a filter, so that to reduce them
//! costs more than to read them: on llvmpipe 3x3 of 64 channels lost 6 %, 1x1 2 %, 3x3 of 3 channels a third and more.

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
        let channels = fusion.graph.values[x.index].ty.shape[1];
        let Some(producer) = fusion.producer(x) else {
            fusion.left(node, "its moments: no kernel computes its input");
            continue;
        };
        if fusion.graph.nodes[node].fused.way_in != Way::default() {
            fusion.left(node, "its moments: they are of what is behind its way in");
            continue;
        }
        let producer = &mut fusion.graph.nodes[producer];
        let name = &producer.name;
        let why = match &producer.op {
            // As many groups as channels of the output.
            Op::Conv(layer) if layer.groups > 1 && layer.groups == channels => {
                if producer.fused.way_out == Way::default() {
                    producer.fused.moments = true;
                    continue;
                }
                format!("its moments: {name} does more on its way out")
            }
            _ => format!("its moments: {name} is no depthwise convolution"),
        };
        fusion.left(node, why);
    }
}
