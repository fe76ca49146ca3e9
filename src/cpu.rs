//! The same graph on the CPU.
//!
//! One implementation per layer, written from the definition, never from the shader, and generic over the scalar: in
//! f64 it is the oracle that checks every result, in f32 it is the path that a GPU is compared with for speed. It
//! shares no extent, index or parameter code with [`ops`](crate::ops), because a shared mistake would be invisible; it
//! is pinned to PyTorch by the vectors in `tests/golden`. Of the kernels a bound takes one number: how many merges of
//! moments follow one another, which an input alone does not tell.

mod add;
mod array;
mod avg_pool;
mod batch_norm;
mod bound;
mod cast;
mod concat;
mod conv;
mod copy;
mod interpolate;
mod max_pool;
mod normalize;
mod relu;
mod sigmoid;
mod window;

pub use array::{Array, Scalar, Value};
pub use batch_norm::Moments;
pub(crate) use bound::half_error;
pub use bound::{Bounded, Expected, expect};

use crate::error::{Error, Result};
use crate::graph::{Graph, Source};
use crate::ops::Op;
use crate::session::Outputs;
use crate::tensor::Tensor;
use crate::variables::Variables;

/// Runs a graph on the CPU in f32, on all threads of the current `rayon` pool, and updates its variables.
///
/// # Errors
/// [`Error::Missing`], [`Error::Unknown`], [`Error::DuplicateName`] or [`Error::Shape`] for inputs and variables that do
/// not fit the graph, and for a tensor that the host cannot hold.
pub fn run<'a>(
    graph: &Graph,
    variables: &Variables,
    inputs: impl IntoIterator<Item = (&'a str, &'a Tensor)>,
) -> Result<Outputs> {
    let inputs: Vec<_> = inputs.into_iter().collect();
    let tensors = variable_tensors(graph, variables)?;
    let mut values = evaluate::<f32>(graph, &tensors, &inputs)?;
    for assign in &graph.assigns {
        if let Source::Variable { name, .. } = &graph.values[assign.variable.index].source {
            let index = assign.value.index;
            let tensor = values[index]
                .clone()
                .into_tensor(graph.values[index].ty.dtype);
            variables.set(name.clone(), tensor)?;
        }
    }
    let mut outputs = Vec::with_capacity(graph.outputs.len());
    for (at, (name, value)) in graph.outputs.iter().enumerate() {
        let mut others = graph.outputs[at + 1..].iter();
        let value = if others.any(|(_, other)| other == value) {
            values[value.index].clone()
        } else {
            // Nobody wants it any more.
            std::mem::replace(&mut values[value.index], Array::new([0], Vec::new()).into())
        };
        outputs.push((name.clone(), value));
    }
    drop(values);
    let outputs = outputs.into_iter().zip(&graph.outputs);
    let outputs = outputs.map(|((name, value), (_, declared))| {
        let dtype = graph.values[declared.index].ty.dtype;
        (name, value.into_tensor(dtype))
    });
    Ok(Outputs::new(outputs.collect()))
}

/// The value of each variable of the graph, by its value index.
fn variable_tensors(graph: &Graph, variables: &Variables) -> Result<Vec<(usize, Tensor)>> {
    graph
        .variables()
        .map(|(name, value, initial)| Ok((value.index, variables.typed(name, &initial.ty())?)))
        .collect()
}

/// Every value of the graph, by index.
fn evaluate<'a, T: Scalar>(
    graph: &'a Graph,
    variables: &'a [(usize, Tensor)],
    inputs: &[(&'a str, &'a Tensor)],
) -> Result<Vec<Value<'a, T>>> {
    check_inputs(graph, inputs)?;
    let mut values: Vec<Value<'a, T>> = Vec::with_capacity(graph.values.len());
    for (index, info) in graph.values.iter().enumerate() {
        let tensor = match &info.source {
            Source::Input(name) => inputs.iter().find(|(fed, _)| fed == name).map(|(_, t)| *t),
            Source::Constant(tensor) => Some(tensor),
            Source::Variable { .. } => variables
                .iter()
                .find(|(known, _)| *known == index)
                .map(|(_, tensor)| tensor),
            Source::Node(node) => {
                // The outputs of a node are neighbours: the first one computes them all.
                let node = &graph.nodes[*node];
                if node.outputs[0].index == index {
                    for output in &node.outputs {
                        let ty = &graph.values[output.index].ty;
                        ty.check_host(&node.name, size_of::<T>())?;
                    }
                    let inputs: Vec<_> = node.inputs.iter().map(|x| &values[x.index]).collect();
                    let outputs = apply(&node.op, &inputs);
                    assert_eq!(
                        outputs.len(),
                        node.outputs.len(),
                        "outputs of {}",
                        node.name
                    );
                    for (output, mut value) in node.outputs.iter().zip(outputs) {
                        value.store(graph.values[output.index].ty.dtype);
                        values.push(value);
                    }
                }
                continue;
            }
        };
        values.extend(tensor.map(Value::from_tensor));
    }
    assert_eq!(values.len(), graph.values.len(), "one value per value");
    Ok(values)
}

/// Each input of the graph is fed once, with its type, and nothing else is.
fn check_inputs(graph: &Graph, inputs: &[(&str, &Tensor)]) -> Result<()> {
    for (index, (name, tensor)) in inputs.iter().enumerate() {
        let name = (*name).to_owned();
        if inputs[..index].iter().any(|(earlier, _)| *earlier == name) {
            return Err(Error::DuplicateName {
                kind: "input",
                name,
            });
        }
        let Some((_, value)) = graph.inputs().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = graph.inputs().map(|(known, _)| known).collect();
            return Err(Error::Unknown {
                kind: "input",
                name,
                known: known.join(", "),
            });
        };
        let (expected, got) = (&graph.values[value.index].ty, tensor.ty());
        if *expected != got {
            let node = format!("input {name:?}");
            return Err(Error::shape(&node, expected.to_string(), got.to_string()));
        }
    }
    for (name, _) in graph.inputs() {
        if !inputs.iter().any(|(fed, _)| *fed == name) {
            let name = name.to_owned();
            return Err(Error::Missing {
                kind: "input",
                name,
            });
        }
    }
    Ok(())
}

/// One layer.
fn apply<T: Scalar>(op: &Op, inputs: &[&Value<'_, T>]) -> Vec<Value<'static, T>> {
    let real = |index: usize| inputs[index].real();
    match op {
        Op::Add(_) => vec![add::run(real(0), real(1)).into()],
        Op::AvgPool(layer) => vec![avg_pool::run(layer, real(0)).into()],
        Op::BatchNorm(layer) => batch_norm::run(layer, inputs),
        Op::Cast(_) => vec![cast::run(real(0)).into()],
        Op::Concat(_) => {
            let inputs: Vec<_> = (0..inputs.len()).map(real).collect();
            vec![concat::run(&inputs).into()]
        }
        Op::Conv(layer) => {
            let bias = inputs.get(2).map(|bias| bias.real());
            vec![conv::run(layer, real(0), real(1), bias).into()]
        }
        Op::Copy(_) => vec![copy::run(inputs[0])],
        Op::Interpolate(layer) => vec![interpolate::run(layer, real(0)).into()],
        Op::MaxPool(layer) => vec![max_pool::run(layer, real(0)).into()],
        Op::Normalize(layer) => vec![normalize::run(layer, inputs[0]).into()],
        Op::Relu(_) => vec![relu::run(real(0)).into()],
        Op::Sigmoid(_) => vec![sigmoid::run(real(0)).into()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::DType;

    #[test]
    fn a_value_may_be_several_outputs() -> Result<()> {
        let mut graph = Graph::new();
        let x = graph.input("x", [2], DType::F32)?;
        let y = graph.relu(x)?;
        for (name, value) in [("a", y), ("x", x), ("b", y)] {
            graph.output(name, value)?;
        }
        let x = Tensor::new([2], vec![-1.0f32, 2.0])?;
        let outputs = run(&graph, &Variables::new(), [("x", &x)])?;
        assert_eq!(outputs["x"], x);
        assert_eq!(outputs["a"].as_f32(), Some(&[0.0, 2.0][..]));
        assert_eq!(outputs["a"], outputs["b"]);
        Ok(())
    }
}
