//! ReLU of what a max pool leaves, not of what it reads: the same numbers, of fewer elements.
//!
//! before: `a = relu(x)`, `y = max_pool(a)`
//! after:  `a = max_pool(x)`, `y = relu(a)`
//!
//! Two things would differ. A window wholly in padding, which only a dilation makes, is -inf behind ReLU and 0 in front. And
//! of a negative number and a `-0.0` the pool takes the `-0.0`, where ReLU has made the first a `0.0`; so `x` must be
//! computed with roundings, which leave the sign of a zero open: by a convolution or a batch norm. Any other ReLU the pool
//! does on its way in.

use super::Fusion;
use crate::ops::Op;

pub(super) fn swap(fusion: &mut Fusion) {
    for pool in 0..fusion.graph.nodes.len() {
        let node = &fusion.graph.nodes[pool];
        let Op::MaxPool(layer) = &node.op else {
            continue;
        };
        let Ok(relu) = fusion.only_producer(node.inputs[0]) else {
            continue;
        };
        let Op::Relu(_) = fusion.graph.nodes[relu].op else {
            continue;
        };
        if layer.dilation.iter().any(|&dilation| dilation > 1) {
            fusion.left(relu, "a dilated window of the pool behind it may be empty");
            continue;
        }
        let x = fusion.graph.nodes[relu].inputs[0];
        let producer = fusion.producer(x).map(|node| &fusion.graph.nodes[node].op);
        if !matches!(producer, Some(Op::Conv(_) | Op::BatchNorm(_))) {
            continue;
        }
        let names = [pool, relu].map(|node| fusion.graph.nodes[node].name.clone());
        fusion.done(format!(
            "{} before {}, which keeps fewer elements",
            names[0], names[1]
        ));
        let nodes = &mut fusion.graph.nodes;
        let (between, last) = (nodes[relu].outputs[0], nodes[pool].outputs[0]);
        nodes[pool].inputs[0] = x;
        nodes[pool].outputs[0] = between;
        nodes[relu].inputs[0] = between;
        nodes[relu].outputs[0] = last;
        let moved = nodes.remove(relu);
        nodes.insert(pool, moved);
        let number = fusion.numbers.remove(relu);
        fusion.numbers.insert(pool, number);
        let ty = fusion.graph.values[last.index].ty.clone();
        fusion.graph.values[between.index].ty = ty;
    }
}
