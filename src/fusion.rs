//! What a plan makes of a graph before it lowers it: fewer nodes that compute the same.
//!
//! Each pass is a file, with what it finds and what it leaves in its first lines. They run once, in this order:
//! [`equal`], [`dead`], [`relu_behind_pool`], [`nearest`], [`way_out`], [`way_in`], [`moments`]. What a kernel does besides its own
//! layer is in its node's [`Fused`]: nothing is lost that a node said, only the memory between two nodes.
//!
//! A fused kernel computes what the single ones do, operation by operation, without rounding to storage in between. So
//! in f32 its results differ only where a compiler contracts a product and a sum, and in f16 it rounds less. Moments are the
//! exception: a convolution sums them in another order. Checks hold both plans of every case against the oracle.

mod dead;
mod equal;
mod moments;
mod nearest;
mod relu_behind_pool;
mod way_in;
mod way_out;

use crate::graph::{Graph, Node, Source, Value, ValueInfo};
use crate::ops::{BatchNorm, Mode, Op};
use crate::tensor::TensorType;

/// What a node's kernel does besides its own layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fused {
    /// How often rows and columns of the input are repeated as they are loaded.
    pub(crate) repeat: Option<[usize; 2]>,
    /// To each element of the first input, behind that; of a layer that takes it on the way in of each, of the inputs in their
    /// order. None for those that it is too short for.
    pub(crate) ways_in: Vec<Way>,
    /// To each element of the first output.
    pub(crate) way_out: Way,
    /// A batch norm in training takes the first output: its moments are made with it.
    pub(crate) moments: bool,
    /// The first output of a batch norm in training is the table of its affine functions, f32 [C, 4], by which another kernel
    /// normalises on its way in or, of nearest, on its way out.
    pub(crate) table: bool,
}

/// What is done on a kernel's way in or out, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Way {
    pub(crate) affine: Option<Affine>,
    /// Another tensor is added; on the way out only.
    pub(crate) skip: Option<Value>,
    pub(crate) relu: bool,
}

/// A batch norm, which is an affine function of each channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Affine {
    /// In evaluation, and its inputs behind the first.
    Eval(BatchNorm, Vec<Value>),
    /// In training: the table that it makes, [`Fused::table`].
    Train(Value),
}

impl Affine {
    /// The values that it reads.
    pub(crate) fn inputs(&self) -> &[Value] {
        match self {
            Self::Eval(_, inputs) => inputs,
            Self::Train(table) => std::slice::from_ref(table),
        }
    }

    fn inputs_mut(&mut self) -> &mut [Value] {
        match self {
            Self::Eval(_, inputs) => inputs,
            Self::Train(table) => std::slice::from_mut(table),
        }
    }
}

impl Fused {
    /// What is done to each element of an input.
    pub(crate) fn way_in(&self, input: usize) -> Option<&Way> {
        let way = self.ways_in.get(input);
        way.filter(|way| **way != Way::default())
    }

    /// The values that the node reads besides its inputs.
    pub(crate) fn reads(&self) -> impl Iterator<Item = Value> {
        self.ways_in.iter().chain([&self.way_out]).flat_map(|way| {
            let affine = way.affine.iter().flat_map(Affine::inputs);
            affine.chain(&way.skip).copied()
        })
    }

    /// The same, to be renamed.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        let ways = self.ways_in.iter_mut().chain([&mut self.way_out]);
        ways.flat_map(|way| {
            let affine = way.affine.iter_mut();
            let affine = affine.flat_map(Affine::inputs_mut);
            affine.chain(way.skip.iter_mut())
        })
    }
}

/// What a layer's kernels can do besides the layer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Takes {
    /// An affine function of each channel and ReLU on the way in.
    pub(crate) way_in: bool,
    /// The same of each input, not of the first only.
    pub(crate) each: bool,
    /// Its elements are those of its input, so that what would be on the way in may be on the way out.
    pub(crate) moves: bool,
    /// An affine function of each channel on the way out.
    pub(crate) affine: bool,
    /// The sum with another tensor on the way out.
    pub(crate) skip: bool,
    /// ReLU on the way out.
    pub(crate) relu: bool,
}

impl Takes {
    /// The sum and ReLU.
    pub(crate) const SUM: Self = Self {
        way_in: false,
        each: false,
        moves: false,
        affine: false,
        skip: true,
        relu: true,
    };
    /// Everything on the way out.
    pub(crate) const WAY_OUT: Self = Self {
        affine: true,
        ..Self::SUM
    };
    /// The same, of what would be on the way in too.
    pub(crate) const MOVES: Self = Self {
        moves: true,
        ..Self::WAY_OUT
    };
    /// Everything.
    pub(crate) const ALL: Self = Self {
        way_in: true,
        ..Self::WAY_OUT
    };
    /// The same, on the way in of each input.
    pub(crate) const EACH: Self = Self {
        each: true,
        ..Self::ALL
    };
}

/// The graph as kernels compute it, and what became of the nodes that other kernels might have done.
pub(crate) fn fuse(graph: &Graph) -> (Graph, Vec<String>) {
    let mut fusion = Fusion {
        graph: graph.clone(),
        numbers: (0..graph.nodes.len()).collect(),
        log: Vec::new(),
    };
    equal::merge(&mut fusion);
    dead::remove(&mut fusion);
    relu_behind_pool::swap(&mut fusion);
    nearest::fuse(&mut fusion);
    way_out::fuse(&mut fusion);
    way_in::fuse(&mut fusion);
    moments::fuse(&mut fusion);
    fusion.finish()
}

/// What happened to a node, or why nothing did.
enum Note {
    Done(String),
    /// The number of a node, its name at the time, and why it stays.
    Left(usize, String, String),
}

/// A graph on its way through the passes.
struct Fusion {
    graph: Graph,
    /// Of the nodes, in the order of the graph before: names change.
    numbers: Vec<usize>,
    log: Vec<Note>,
}

impl Fusion {
    fn done(&mut self, what: String) {
        self.log.push(Note::Done(what));
    }

    fn left(&mut self, node: usize, why: impl Into<String>) {
        let name = self.graph.nodes[node].name.clone();
        self.log
            .push(Note::Left(self.numbers[node], name, why.into()));
    }

    /// How often a value is read, by nodes, outputs and updates.
    fn uses(&self, value: Value) -> usize {
        let graph = &self.graph;
        let nodes = graph.nodes.iter();
        let reads = nodes.flat_map(|node| node.inputs.iter().copied().chain(node.fused.reads()));
        let outputs = graph.outputs.iter().map(|(_, value)| *value);
        let assigned = graph.assigns.iter().map(|assign| assign.value);
        let all = reads.chain(outputs).chain(assigned);
        all.filter(|read| read.index == value.index).count()
    }

    /// The node that computes a value.
    fn producer(&self, value: Value) -> Option<usize> {
        let nodes = &self.graph.nodes;
        let makes = |node: &Node| node.outputs.iter().any(|made| made.index == value.index);
        nodes.iter().position(makes)
    }

    /// Whether a node is a batch norm in training.
    fn trains(&self, node: usize) -> bool {
        let op = &self.graph.nodes[node].op;
        matches!(op, Op::BatchNorm(layer) if layer.mode != Mode::Eval)
    }

    /// The node whose first output is a value: a batch norm in training has others, which are not what it normalises.
    fn first_producer(&self, value: Value) -> Option<usize> {
        let node = self.producer(value)?;
        let first = self.graph.nodes[node].outputs[0];
        (first.index == value.index).then_some(node)
    }

    /// The node that may take over the next one: it computes `value`, first of its outputs, and nothing else reads that.
    fn only_producer(&self, value: Value) -> Result<usize, String> {
        let Some(producer) = self.producer(value) else {
            return Err("no kernel computes its input".to_owned());
        };
        let name = &self.graph.nodes[producer].name;
        match self.uses(value) {
            _ if self.first_producer(value).is_none() => {
                Err(format!("its input is not the result of {name}"))
            }
            1 => Ok(producer),
            uses => Err(format!("what {name} computes has {uses} uses")),
        }
    }

    /// Tries every node: `fuse` says whether a node has gone, and those behind it have moved.
    fn each(&mut self, fuse: fn(&mut Self, usize) -> bool) {
        let mut node = 0;
        while node < self.graph.nodes.len() {
            node += usize::from(!fuse(self, node));
        }
    }

    fn remove(&mut self, node: usize) -> Node {
        self.numbers.remove(node);
        self.graph.nodes.remove(node)
    }

    /// Takes a node out of the graph; `into` computes its output from now on.
    fn absorb(&mut self, node: usize, into: usize) {
        let gone = self.graph.nodes[node].clone();
        let kept = &mut self.graph.nodes[into];
        kept.outputs[0] = gone.outputs[0];
        self.done(format!(
            "{} into {}",
            gone.name, self.graph.nodes[into].name
        ));
        let kept = &mut self.graph.nodes[into];
        kept.name = format!("{}+{}", kept.name, gone.name);
        self.remove(node);
    }

    /// Takes a node out of the graph; `into`, of which it computes an input, computes what it did from the node's input.
    fn absorb_input(&mut self, node: usize, into: usize, input: usize) {
        let gone = self.graph.nodes[node].clone();
        self.done(format!(
            "{} into {}",
            gone.name, self.graph.nodes[into].name
        ));
        let kept = &mut self.graph.nodes[into];
        kept.inputs[input] = gone.inputs[0];
        kept.name = format!("{}+{}", gone.name, kept.name);
        self.remove(node);
    }

    /// Has a batch norm in training make the table of its affine functions instead of its result, by which `into` normalises the
    /// node's input on its way in or out.
    fn tabulate(&mut self, node: usize, into: usize, input: usize) {
        let this = &mut self.graph.nodes[node];
        let (name, x, table) = (this.name.clone(), this.inputs[0], this.outputs[0]);
        this.fused.table = true;
        this.fused.way_out = Way::default();
        let channels = self.graph.values[x.index].ty.shape[1];
        self.graph.values[table.index].ty = TensorType::f32([channels, 4]);
        let kept = &mut self.graph.nodes[into];
        let line = format!("normalization of {name} into {}", kept.name);
        kept.inputs[input] = x;
        kept.name = format!("{name}+{}", kept.name);
        self.done(line);
    }

    /// The graph without the values that nothing computes any more, and the log without the reasons of nodes that went
    /// in a later pass.
    fn finish(self) -> (Graph, Vec<String>) {
        let Self {
            mut graph,
            numbers,
            log,
        } = self;
        let mut lines: Vec<String> = Vec::new();
        for note in log {
            let line = match note {
                Note::Done(what) => format!("fused: {what}"),
                Note::Left(node, name, why) if numbers.contains(&node) => {
                    format!("not fused: {name}: {why}")
                }
                Note::Left(..) => continue,
            };
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        compact(&mut graph);
        (graph, lines)
    }
}

/// Drops constants that nothing reads and values that nothing computes, and numbers the others anew.
fn compact(graph: &mut Graph) {
    let mut source: Vec<Option<Source>> = vec![None; graph.values.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        for value in node.inputs.iter().copied().chain(node.fused.reads()) {
            if let Source::Constant(_) = graph.values[value.index].source {
                source[value.index] = Some(graph.values[value.index].source.clone());
            }
        }
        for value in &node.outputs {
            source[value.index] = Some(Source::Node(index));
        }
    }
    let ends = graph.outputs.iter().map(|(_, value)| *value);
    let ends = ends.chain(graph.assigns.iter().map(|assign| assign.value));
    for value in ends {
        let known = &graph.values[value.index].source;
        source[value.index].get_or_insert_with(|| known.clone());
    }
    let mut values = Vec::new();
    let mut new_index = vec![usize::MAX; graph.values.len()];
    for (index, info) in std::mem::take(&mut graph.values).into_iter().enumerate() {
        let kept = match info.source {
            Source::Input(_) | Source::Variable { .. } => Some(info.source),
            Source::Constant(_) | Source::Node(_) => source[index].take(),
        };
        if let Some(source) = kept {
            new_index[index] = values.len();
            values.push(ValueInfo {
                ty: info.ty,
                source,
            });
        }
    }
    graph.values = values;
    graph.rename(|value| new_index[value.index]);
}
