//! The graph of a case with f16 where it has f32.

use crate::graph::{Graph, Node, Source, Value};
use crate::ops::Op;
use crate::tensor::{DType, Tensor};

/// Whether the value is an activation or a filter of some node: what may be f16.
fn narrows(nodes: &[Node], value: usize) -> bool {
    nodes.iter().any(|node| {
        let mut inputs = node.inputs.iter().enumerate();
        inputs.any(|(input, other)| {
            let statistic = input > 0 && matches!(node.op, Op::BatchNorm(_));
            other.index == value && !statistic
        })
    })
}

/// The same layers over f16 activations and filters; the state of batch norms stays f32. `None` if nothing is f32 then,
/// or if the graph casts.
pub(super) fn graph(old: &Graph) -> Option<Graph> {
    if old.nodes.iter().any(|node| matches!(node.op, Op::Cast(_))) {
        return None;
    }
    let mut graph = Graph::new();
    let mut values: Vec<Value> = Vec::with_capacity(old.values.len());
    let mut changed = false;
    for (index, info) in old.values.iter().enumerate() {
        let half = info.ty.dtype == DType::F32 && narrows(&old.nodes, index);
        let tensor = |tensor: &Tensor| match half {
            true => tensor.cast(DType::F16),
            false => Some(tensor.clone()),
        };
        match &info.source {
            Source::Input(name) => {
                let dtype = if half { DType::F16 } else { info.ty.dtype };
                values.push(graph.input(name, info.ty.shape.clone(), dtype).ok()?);
            }
            Source::Constant(constant) => values.push(graph.constant(tensor(constant)?)),
            Source::Variable { name, initial } => {
                values.push(graph.variable(name, tensor(initial)?).ok()?);
            }
            Source::Node(node) => {
                let node = &old.nodes[*node];
                if node.outputs[0].index == index {
                    let inputs: Vec<_> = node.inputs.iter().map(|x| values[x.index]).collect();
                    values.extend(graph.apply(narrowed(&node.op), &inputs).ok()?);
                }
                continue;
            }
        }
        changed |= half;
    }
    for assign in &old.assigns {
        let [variable, value] = [assign.variable, assign.value].map(|x| values[x.index]);
        graph.assign(variable, value).ok()?;
    }
    for (name, value) in &old.outputs {
        graph.output(name, values[value.index]).ok()?;
    }
    let normalizes = |node: &Node| matches!(node.op, Op::Normalize(_));
    (changed || old.nodes.iter().any(normalizes)).then_some(graph)
}

/// The layer, with an output of f16 where it names the type.
fn narrowed(op: &Op) -> Op {
    match op {
        Op::Normalize(layer) => Op::Normalize(layer.clone().dtype(DType::F16)),
        op => op.clone(),
    }
}
