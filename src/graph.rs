//! The graph: an append-only list of nodes over typed values.
//!
//! A node can only name values that exist, so insertion order is execution order: there is nothing to sort and no
//! cycle to find. Shapes are inferred by the call that adds a node, so a wrong shape is an error at the line that
//! caused it. One method per layer lives beside that layer, in [`ops`](crate::ops).

use crate::error::{Error, Result};
use crate::fusion::Fused;
use crate::ops::Op;
use crate::tensor::{DType, Tensor, TensorType};
use std::sync::atomic::{AtomicU32, Ordering};

/// Handle of a value of one [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Value {
    graph: u32,
    pub(crate) index: usize,
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Given at each run.
    Input(String),
    /// Part of the graph.
    Constant(Tensor),
    /// Named, persistent, updated by [`Graph::assign`].
    Variable { name: String, initial: Tensor },
    /// Computed by the node of this index.
    Node(usize),
}

/// One value: its type and its source.
#[derive(Clone, Debug)]
pub(crate) struct ValueInfo {
    pub(crate) ty: TensorType,
    pub(crate) source: Source,
}

/// One layer applied to values.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// `max_pool.3`: the layer and the node's index.
    pub(crate) name: String,
    pub(crate) op: Op,
    pub(crate) inputs: Vec<Value>,
    pub(crate) outputs: Vec<Value>,
    /// Of the nodes that a plan has put into this one; nothing in a graph that a user makes.
    pub(crate) fused: Fused,
}

/// At the end of a run, `variable` takes the value of `value`.
#[derive(Clone, Debug)]
pub(crate) struct Assign {
    pub(crate) variable: Value,
    pub(crate) value: Value,
}

/// A block of CNN layers: build it once, run it on a GPU through [`Session`](crate::Session) or on the CPU through
/// [`cpu::run`](crate::cpu::run).
///
/// A clone has the values of the original, and from then on each has its own.
#[derive(Debug)]
pub struct Graph {
    id: u32,
    /// Graphs of which this is a clone, with the values that each had by then.
    origins: Vec<(u32, usize)>,
    pub(crate) values: Vec<ValueInfo>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) assigns: Vec<Assign>,
    pub(crate) outputs: Vec<(String, Value)>,
}

impl Default for Graph {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Graph {
    fn clone(&self) -> Self {
        let origin = (self.id, self.values.len());
        Self {
            id: next_id(),
            origins: self.origins.iter().copied().chain([origin]).collect(),
            values: self.values.clone(),
            nodes: self.nodes.clone(),
            assigns: self.assigns.clone(),
            outputs: self.outputs.clone(),
        }
    }
}

fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Graph {
    /// An empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self {
            id: next_id(),
            origins: Vec::new(),
            values: Vec::new(),
            nodes: Vec::new(),
            assigns: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// A tensor given at each run.
    ///
    /// # Errors
    /// [`Error::DuplicateName`] if an input has that name, [`Error::Shape`] if the tensor overflows the address space.
    pub fn input(
        &mut self,
        name: impl Into<String>,
        shape: impl Into<Vec<usize>>,
        dtype: DType,
    ) -> Result<Value> {
        let name = name.into();
        if self.inputs().any(|(taken, _)| taken == name) {
            return Err(Error::DuplicateName {
                kind: "input",
                name,
            });
        }
        let shape = shape.into();
        let ty = TensorType { shape, dtype };
        ty.check_size(&format!("input {name:?}"))?;
        Ok(self.push(ty, Source::Input(name)))
    }

    /// A tensor that is part of the graph.
    pub fn constant(&mut self, tensor: Tensor) -> Value {
        self.push(tensor.ty(), Source::Constant(tensor))
    }

    /// A named tensor that outlives a run: weights, running statistics. Its type is that of `initial`, the value it
    /// has in [`Variables::initial`](crate::Variables::initial).
    ///
    /// # Errors
    /// [`Error::DuplicateName`] if a variable has that name.
    pub fn variable(&mut self, name: impl Into<String>, initial: Tensor) -> Result<Value> {
        let name = name.into();
        if self.variables().any(|(taken, _, _)| taken == name) {
            return Err(Error::DuplicateName {
                kind: "variable",
                name,
            });
        }
        Ok(self.push(initial.ty(), Source::Variable { name, initial }))
    }

    /// Makes a run update `variable` to `value` when all nodes have run; until then every node reads the old value.
    ///
    /// # Errors
    /// [`Error::Shape`] if the types differ or the target is no variable, [`Error::DuplicateName`] if it is assigned
    /// already, [`Error::ForeignValue`].
    pub fn assign(&mut self, variable: Value, value: Value) -> Result<()> {
        self.own("assign", &[variable, value])?;
        let target = &self.values[variable.index];
        let Source::Variable { name, .. } = &target.source else {
            return Err(Error::shape("assign", "a variable", "another value"));
        };
        let new = &self.values[value.index].ty;
        if target.ty != *new {
            let node = format!("assign to {name:?}");
            return Err(Error::shape(&node, target.ty.to_string(), new.to_string()));
        }
        if self
            .assigns
            .iter()
            .any(|assign| assign.variable.index == variable.index)
        {
            return Err(Error::DuplicateName {
                kind: "assigned variable",
                name: name.clone(),
            });
        }
        self.assigns.push(Assign { variable, value });
        Ok(())
    }

    /// Makes `value` an output of every run, under `name`.
    ///
    /// # Errors
    /// [`Error::DuplicateName`] if an output has that name, [`Error::ForeignValue`].
    pub fn output(&mut self, name: impl Into<String>, value: Value) -> Result<()> {
        let name = name.into();
        self.own(&format!("output {name:?}"), &[value])?;
        if self.outputs.iter().any(|(taken, _)| *taken == name) {
            return Err(Error::DuplicateName {
                kind: "output",
                name,
            });
        }
        self.outputs.push((name, value));
        Ok(())
    }

    /// Shape and dtype of a value.
    ///
    /// # Errors
    /// [`Error::ForeignValue`].
    pub fn ty(&self, value: Value) -> Result<&TensorType> {
        self.own("graph", &[value])?;
        Ok(&self.values[value.index].ty)
    }

    /// Adds a node; its outputs, in the layer's order.
    pub(crate) fn apply(&mut self, op: Op, inputs: &[Value]) -> Result<Vec<Value>> {
        let layer = op.layer();
        let name = format!("{}.{}", layer.name(), self.nodes.len());
        self.own(&name, inputs)?;
        let types: Vec<_> = inputs.iter().map(|x| &self.values[x.index].ty).collect();
        let output_types = layer.infer(&name, &types)?;
        for ty in &output_types {
            ty.check_size(&name)?;
        }
        let node = self.nodes.len();
        let outputs: Vec<_> = output_types
            .into_iter()
            .map(|ty| self.push(ty, Source::Node(node)))
            .collect();
        self.nodes.push(Node {
            name,
            op,
            inputs: inputs.to_vec(),
            outputs: outputs.clone(),
            fused: Fused::default(),
        });
        Ok(outputs)
    }

    /// Adds a node with a single output.
    pub(crate) fn apply_one(&mut self, op: Op, inputs: &[Value]) -> Result<Value> {
        let outputs = self.apply(op, inputs)?;
        assert_eq!(outputs.len(), 1, "a layer with one output");
        Ok(outputs[0])
    }

    /// Name and value of every input.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = (&str, Value)> {
        self.values
            .iter()
            .enumerate()
            .filter_map(|(index, info)| match &info.source {
                Source::Input(name) => Some((name.as_str(), self.value(index))),
                _ => None,
            })
    }

    /// Name, value and initial tensor of every variable.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, Value, &Tensor)> {
        self.values
            .iter()
            .enumerate()
            .filter_map(|(index, info)| match &info.source {
                Source::Variable { name, initial } => {
                    Some((name.as_str(), self.value(index), initial))
                }
                _ => None,
            })
    }

    /// Gives every value that something reads or makes the index that `new` says.
    pub(crate) fn rename(&mut self, new: impl Fn(Value) -> usize) {
        let nodes = self.nodes.iter_mut();
        let of_nodes = nodes.flat_map(|node| {
            let own = node.inputs.iter_mut().chain(&mut node.outputs);
            own.chain(node.fused.values_mut())
        });
        let ends = self.outputs.iter_mut().map(|(_, value)| value);
        let assigns = self.assigns.iter_mut();
        let assigned = assigns.flat_map(|assign| [&mut assign.variable, &mut assign.value]);
        for value in of_nodes.chain(ends).chain(assigned) {
            value.index = new(*value);
        }
    }

    pub(crate) const fn value(&self, index: usize) -> Value {
        Value {
            graph: self.id,
            index,
        }
    }

    fn push(&mut self, ty: TensorType, source: Source) -> Value {
        self.values.push(ValueInfo { ty, source });
        self.value(self.values.len() - 1)
    }

    fn own(&self, node: &str, values: &[Value]) -> Result<()> {
        let here = (self.id, self.values.len());
        let known = |value: &Value| {
            let mut graphs = self.origins.iter().copied().chain([here]);
            graphs.any(|(graph, length)| value.graph == graph && value.index < length)
        };
        if values.iter().all(known) {
            Ok(())
        } else {
            let node = node.to_owned();
            Err(Error::ForeignValue { node })
        }
    }
}
