//! Nodes that compute the same are one.
//!
//! before: `a = relu(x)`, `b = relu(x)`, `y = add(a, b)`
//! after:  `a = relu(x)`, `y = add(a, a)`

use super::Fusion;
use crate::graph::Node;

pub(super) fn merge(fusion: &mut Fusion) {
    let mut node = 0;
    while node < fusion.graph.nodes.len() {
        let nodes = &fusion.graph.nodes;
        let this = &nodes[node];
        let inputs = |node: &Node| {
            node.inputs
                .iter()
                .map(|value| value.index)
                .collect::<Vec<_>>()
        };
        let same = |other: &Node| other.op == this.op && inputs(other) == inputs(this);
        let Some(earlier) = nodes[..node].iter().position(same) else {
            node += 1;
            continue;
        };
        let kept = nodes[earlier].clone();
        let gone = fusion.remove(node);
        fusion.done(format!("{}, which is {}", gone.name, kept.name));
        fusion.graph.rename(|value| {
            let output = gone
                .outputs
                .iter()
                .position(|made| made.index == value.index);
            output.map_or(value.index, |output| kept.outputs[output].index)
        });
    }
}
