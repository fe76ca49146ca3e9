//! Nodes whose results nothing reads are gone.
//!
//! before: `a = relu(x)`, `y = sigmoid(x)`, output `y`
//! after:  `y = sigmoid(x)`, output `y`

use super::Fusion;

pub(super) fn remove(fusion: &mut Fusion) {
    // From the last node on: what only a dead node reads is dead by then.
    for node in (0..fusion.graph.nodes.len()).rev() {
        let outputs = &fusion.graph.nodes[node].outputs;
        if outputs.iter().all(|&value| fusion.uses(value) == 0) {
            let gone = fusion.remove(node);
            fusion.done(format!("{}, which nothing reads", gone.name));
        }
    }
}
