//! The plan: what a graph becomes before a GPU is involved.
//!
//! Pure data: dispatches over slots, and slots placed in buffers. It can be printed, compared and tested on a machine
//! without an adapter, against the [`Limits`] of any.

mod arena;
mod cut;
mod grid;
mod limits;
mod lowering;
mod print;
mod prologue;

use crate::error::{Error, Result};
use crate::fusion::{self, Fused};
use crate::graph::{Graph, Node, Source};
use crate::kernel::Kernel;
use crate::ops;
use crate::tensor::TensorType;
use std::borrow::Cow;
use std::ops::Range;

pub(crate) use cut::{Block, Touches, Weights, span};
pub(crate) use grid::Threads;
pub use limits::Limits;
pub(crate) use limits::{CPU_RATES, GPU_RATES};
pub(crate) use lowering::{Launch, Lowering, Made, Ways};

/// What a plan may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Memory of a value that is no longer needed serves later values.
    pub reuse: bool,
    /// Bytes behind each tensor that belong to its binding and must not change.
    pub guard: u64,
    /// One kernel may do the work of several nodes.
    pub fuse: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            reuse: true,
            guard: 0,
            fuse: true,
        }
    }
}

impl Options {
    /// For checking: no memory is shared, and 64 bytes behind each tensor are a sentinel.
    pub const CHECKED: Self = Self {
        reuse: false,
        guard: 64,
        fuse: true,
    };
}

/// Index of a slot in [`Plan::slots`].
pub type SlotId = usize;

/// One tensor in device memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Who it belongs to.
    pub label: String,
    /// Bytes of the dense tensor.
    pub bytes: u64,
    /// Bytes that its binding has at least.
    pub room: u64,
    /// Where it lies.
    pub place: Place,
}

impl Slot {
    /// Bytes of a binding of this slot: whole 16-byte accesses, and never empty.
    #[must_use]
    pub fn padded(&self) -> u64 {
        self.bytes.max(self.room).max(1).next_multiple_of(16)
    }
}

/// Where a slot lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In an arena, at a byte offset.
    Arena {
        /// Index in [`Plan::arenas`].
        arena: usize,
        /// Bytes.
        offset: u64,
    },
    /// In the buffer of constants, at a byte offset.
    Constant {
        /// Bytes.
        offset: u64,
    },
    /// In the buffer of the variable of that name.
    Variable(String),
}

/// One call of a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// Name of the node.
    pub node: String,
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Values of its `override`s.
    pub constants: Vec<(&'static str, f64)>,
    /// Bytes of its `Params`.
    pub params: Vec<u8>,
    /// Slots bound read-only, in binding order.
    pub reads: Vec<SlotId>,
    /// Slots bound for writing, behind the reads.
    pub writes: Vec<SlotId>,
    /// Workgroups.
    pub grid: [u32; 3],
    /// Bytes read and written, where that is not each element of its slots once.
    pub part: Option<[u64; 2]>,
    /// Of bindings that are not all of their slot, which bytes they are; reads are counted first, then writes.
    pub slices: Vec<(usize, Range<u64>)>,
}

/// At the end of a run, `variable` takes the contents of `value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Slot of the variable.
    pub variable: SlotId,
    /// Slot of its new value.
    pub value: SlotId,
}

/// Everything a session needs to know about a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// All tensors in device memory.
    pub slots: Vec<Slot>,
    /// The calls, in order.
    pub dispatches: Vec<Dispatch>,
    /// So many of the first dispatches depend on nothing but variables and constants: they run when a variable that they
    /// read has changed, and what they write stays.
    pub prologue: usize,
    /// Bytes of each arena.
    pub arenas: Vec<u64>,
    /// Contents of the buffer of constants: constants of the graph and index tables.
    pub constants: Vec<u8>,
    /// Name, slot and type of each input.
    pub inputs: Vec<(String, SlotId, TensorType)>,
    /// Name, slot and type of each output.
    pub outputs: Vec<(String, SlotId, TensorType)>,
    /// Name, slot and type of each variable.
    pub variables: Vec<(String, SlotId, TensorType)>,
    /// Updates of variables, after the last dispatch.
    pub updates: Vec<Update>,
    /// What of the graph went into other kernels, and what did not and why, a line each.
    pub fusions: Vec<String>,
    /// The options it was made with.
    pub options: Options,
}

impl Plan {
    /// Plans `graph` for an adapter with `limits`: without fusion, which [`fusions`](Self::fusions) says, if that needs less.
    ///
    /// # Errors
    /// [`Error::Limit`], naming the limit, what was needed and the adapter. Nothing has been allocated by then.
    pub fn new(graph: &Graph, limits: &Limits, options: Options) -> Result<Self> {
        let unfused = Options {
            fuse: false,
            ..options
        };
        match Self::once(graph, limits, options) {
            Err(error @ Error::Limit { .. }) if options.fuse => {
                let Ok(plan) = Self::once(graph, limits, unfused) else {
                    return Err(error);
                };
                let reason = format!("not fused: anything: {error}");
                Ok(Self {
                    fusions: vec![reason],
                    options,
                    ..plan
                })
            }
            plan => plan,
        }
    }

    fn once(graph: &Graph, limits: &Limits, options: Options) -> Result<Self> {
        let (graph, fusions) = if options.fuse {
            let (graph, fusions) = fusion::fuse(graph);
            (Cow::Owned(graph), fusions)
        } else {
            (Cow::Borrowed(graph), Vec::new())
        };
        let graph = graph.as_ref();
        let mut plan = Self {
            slots: Vec::new(),
            dispatches: Vec::new(),
            prologue: 0,
            arenas: Vec::new(),
            constants: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            variables: Vec::new(),
            updates: Vec::new(),
            fusions,
            options,
        };
        // The slots of the graph's values come first: a value's index is its slot.
        for (index, value) in graph.values.iter().enumerate() {
            let slot = plan.value_slot(graph, index, limits);
            assert_eq!(slot, index, "one slot per value, in order");
            match &value.source {
                Source::Input(name) => plan.inputs.push((name.clone(), slot, value.ty.clone())),
                Source::Variable { name, .. } => {
                    plan.variables.push((name.clone(), slot, value.ty.clone()));
                }
                Source::Constant(_) | Source::Node(_) => {}
            }
        }
        if limits.max_compute_workgroups_per_dimension == 0 {
            return Err(Error::Limit {
                node: "plan".to_owned(),
                limit: "max_compute_workgroups_per_dimension",
                needed: 1,
                available: 0,
                adapter: limits.adapter.clone(),
            });
        }
        // Before any layer makes a table as long as an output that cannot be.
        plan.check_bindings(limits)?;
        let mut made = Vec::new();
        for node in &graph.nodes {
            let mut lowering = plan.lowering(graph, node, &mut made, limits);
            node.op.layer().lower(&mut lowering);
        }
        for (name, value) in &graph.outputs {
            let ty = graph.values[value.index].ty.clone();
            plan.outputs.push((name.clone(), value.index, ty));
        }
        plan.add_updates(graph, limits);
        plan.check_bindings(limits)?;
        prologue::split(&mut plan);
        arena::place(&mut plan, limits)?;
        Ok(plan)
    }

    fn value_slot(&mut self, graph: &Graph, index: usize, limits: &Limits) -> SlotId {
        let value = &graph.values[index];
        match &value.source {
            Source::Constant(tensor) => {
                self.constant(format!("constant {index}"), tensor.bytes(), limits)
            }
            Source::Variable { name, .. } => {
                let place = Place::Variable(name.clone());
                self.slot(format!("variable {name:?}"), value.ty.bytes(), place)
            }
            Source::Input(name) => self.temporary(format!("input {name:?}"), value.ty.bytes()),
            Source::Node(node) => self.temporary(graph.nodes[*node].name.clone(), value.ty.bytes()),
        }
    }

    fn slot(&mut self, label: String, bytes: usize, place: Place) -> SlotId {
        let bytes = bytes as u64;
        self.slots.push(Slot {
            label,
            bytes,
            room: 0,
            place,
        });
        self.slots.len() - 1
    }

    /// A slot whose place in the arenas is found when all live ranges are known.
    fn temporary(&mut self, label: String, bytes: usize) -> SlotId {
        let place = Place::Arena {
            arena: usize::MAX,
            offset: 0,
        };
        self.slot(label, bytes, place)
    }

    /// A slot without contents, for bindings that a kernel does not use.
    fn nothing(&mut self, limits: &Limits) -> SlotId {
        const LABEL: &str = "nothing";
        let mut slots = self.slots.iter();
        let found = slots.position(|slot| slot.label == LABEL);
        found.unwrap_or_else(|| self.constant(LABEL.to_owned(), &[], limits))
    }

    fn constant(&mut self, label: String, bytes: &[u8], limits: &Limits) -> SlotId {
        let alignment = limits.min_storage_buffer_offset_alignment.max(16) as usize;
        let offset = self.constants.len().next_multiple_of(alignment);
        self.constants.resize(offset, 0);
        self.constants.extend_from_slice(bytes);
        let end = offset + bytes.len().max(1).next_multiple_of(16);
        self.constants.resize(end, 0);
        let offset = offset as u64;
        self.slot(label, bytes.len(), Place::Constant { offset })
    }

    fn lowering<'a>(
        &'a mut self,
        graph: &'a Graph,
        node: &'a Node,
        made: &'a mut Vec<Made>,
        limits: &'a Limits,
    ) -> Lowering<'a> {
        let ty = |value: &crate::graph::Value| &graph.values[value.index].ty;
        Lowering {
            inputs: node.inputs.iter().map(ty).collect(),
            outputs: node.outputs.iter().map(ty).collect(),
            reads: node.inputs.iter().map(|value| value.index).collect(),
            writes: node.outputs.iter().map(|value| value.index).collect(),
            fused: &node.fused,
            skip: node.fused.way_out.skip.map(|value| value.index),
            moments: node.fused.moments,
            made,
            node: &node.name,
            plan: self,
            limits,
        }
    }

    /// A variable that takes the value of another variable goes through a copy: by the time of the update the other
    /// one may have been updated itself.
    fn add_updates(&mut self, graph: &Graph, limits: &Limits) {
        for assign in &graph.assigns {
            let (variable, mut value) = (assign.variable.index, assign.value.index);
            if let Source::Variable { name, .. } = &graph.values[value].source {
                let bytes = graph.values[value].ty.bytes();
                let old = self.temporary(format!("old {name:?}"), bytes);
                let mut lowering = Lowering {
                    inputs: Vec::new(),
                    outputs: Vec::new(),
                    reads: vec![value],
                    writes: vec![old],
                    fused: &Fused::default(),
                    skip: None,
                    moments: false,
                    made: &mut Vec::new(),
                    node: "assign",
                    plan: self,
                    limits,
                };
                ops::copy_bytes(&mut lowering, bytes);
                value = old;
            }
            self.updates.push(Update { variable, value });
        }
    }

    /// Bytes that a dispatch reads and writes if it touches every element of its slots, or of its part of them, once.
    #[must_use]
    pub fn traffic(&self, dispatch: &Dispatch) -> (u64, u64) {
        if let Some([read, written]) = dispatch.part {
            return (read, written);
        }
        let bytes = |slots: &[SlotId]| {
            // A kernel that does not use one of its bindings has another one's slot there.
            let first = |&(at, slot): &(usize, &SlotId)| !slots[..at].contains(slot);
            let slots = slots.iter().enumerate().filter(first);
            slots.map(|(_, &slot)| self.slots[slot].bytes).sum()
        };
        (bytes(&dispatch.reads), bytes(&dispatch.writes))
    }

    /// Slots and bytes of the bindings of a dispatch, in their order.
    pub(crate) fn bindings<'a>(
        &'a self,
        dispatch: &'a Dispatch,
    ) -> impl Iterator<Item = (SlotId, Range<u64>)> + 'a {
        let slots = dispatch.reads.iter().chain(&dispatch.writes);
        slots.enumerate().map(|(binding, &slot)| {
            let mut slices = dispatch.slices.iter();
            let slice = slices.find(|(sliced, _)| *sliced == binding);
            let all = || 0..self.slots[slot].padded() + self.guard_of(slot);
            (slot, slice.map_or_else(all, |(_, bytes)| bytes.clone()))
        })
    }

    /// Bytes behind a slot that its binding includes.
    fn guard_of(&self, slot: SlotId) -> u64 {
        match self.slots[slot].place {
            Place::Arena { .. } => self.options.guard,
            Place::Constant { .. } | Place::Variable(_) => 0,
        }
    }

    /// Bytes of all arenas: the most memory that temporaries take.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        self.arenas.iter().sum()
    }

    /// Bytes of the temporaries that live at one time, where they are most: no placement needs fewer.
    #[must_use]
    pub fn lower_bound_bytes(&self) -> u64 {
        arena::largest_live_set(self)
    }

    /// Distinct pipelines: pairs of kernel and constants.
    #[must_use]
    pub fn pipelines(&self) -> usize {
        let mut keys: Vec<_> = self.dispatches.iter().map(Dispatch::pipeline_key).collect();
        keys.sort();
        keys.dedup();
        keys.len()
    }
}

/// What identifies a pipeline: kernel, variant, and the bits of each constant.
pub(crate) type PipelineKey = (&'static str, &'static str, Vec<(&'static str, u64)>);

impl Dispatch {
    pub(crate) fn pipeline_key(&self) -> PipelineKey {
        let constants = self.constants.iter();
        let constants = constants.map(|&(name, value)| (name, value.to_bits()));
        (self.kernel.name, self.kernel.variant, constants.collect())
    }
}
