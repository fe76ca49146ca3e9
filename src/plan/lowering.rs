//! What a layer sees while it is lowered, and what it asks for.

use super::cut::{Cutter, PACKED, Part};
use super::{Dispatch, Limits, Plan, SlotId, Threads, Touches, grid};
use crate::fusion::{Affine, Fused, Way};
use crate::kernel::{Kernel, Start};
use crate::ops;
use crate::tensor::TensorType;

/// Sums of a thread from which on loads are dear.
const DEAR_LOADS: usize = 256;

/// One call of a kernel as a layer asks for it, before its grid is folded.
pub(crate) struct Launch<'a> {
    pub(crate) kernel: &'static Kernel,
    pub(crate) constants: &'a [(&'static str, f64)],
    pub(crate) params: &'a [u8],
    pub(crate) reads: &'a [SlotId],
    pub(crate) writes: &'a [SlotId],
    pub(crate) threads: Threads,
    /// Operations of all threads, where they are many for the bytes.
    pub(crate) operations: usize,
    /// What a part of it touches; without that, it binds all of its slots.
    pub(crate) touches: Option<Touches<'a>>,
}

/// What a kernel does besides its layer: the slots that it binds for that, an empty one where it does nothing, and its
/// `override`s.
#[derive(Clone)]
pub(crate) struct Ways {
    /// Affine functions on the way in.
    pub(crate) way_in: SlotId,
    /// Affine functions on the way out.
    pub(crate) way_out: SlotId,
    /// The tensor that is added on the way out.
    pub(crate) skip: SlotId,
    /// Whether there is one.
    pub(crate) skips: bool,
    pub(crate) constants: Vec<(&'static str, f64)>,
}

impl Ways {
    /// Whether a channel has a function of its own.
    pub(crate) fn are_affine(&self) -> bool {
        self.tables() > 0
    }

    /// On how many ways it has.
    pub(crate) fn tables(&self) -> usize {
        let affine = |(name, _): &&_| ["IN_AFFINE", "OUT_AFFINE"].contains(name);
        self.constants.iter().filter(affine).count()
    }
}

/// Moments of the parts of a tensor's channels, which the kernel that computes it has made: (count, mean, m2, pivot) each.
#[derive(Clone)]
pub(crate) struct Made {
    /// The tensor.
    pub(crate) of: SlotId,
    /// The moments, [channels, parts].
    pub(crate) slot: SlotId,
    pub(crate) parts: usize,
    /// The node that makes them.
    pub(crate) node: String,
}

/// What a layer sees while it is lowered.
pub(crate) struct Lowering<'a> {
    /// Types of the inputs.
    pub(crate) inputs: Vec<&'a TensorType>,
    /// Types of the outputs.
    pub(crate) outputs: Vec<&'a TensorType>,
    /// Slots of the inputs.
    pub(crate) reads: Vec<SlotId>,
    /// Slots of the outputs.
    pub(crate) writes: Vec<SlotId>,
    /// What its kernel does besides.
    pub(crate) fused: &'a Fused,
    /// The tensor that is added on the way out.
    pub(super) skip: Option<SlotId>,
    /// Whether the moments of the output are asked for.
    pub(super) moments: bool,
    /// Moments that kernels have made so far.
    pub(super) made: &'a mut Vec<Made>,
    pub(super) node: &'a str,
    pub(super) plan: &'a mut Plan,
    pub(super) limits: &'a Limits,
}

impl Lowering<'_> {
    /// A read-only table made on the host.
    pub(crate) fn table<T: bytemuck::NoUninit>(&mut self, label: &str, table: &[T]) -> SlotId {
        let label = format!("{} {label}", self.node);
        self.plan
            .constant(label, bytemuck::cast_slice(table), self.limits)
    }

    /// Sums that a thread keeps.
    pub(crate) const fn sums(&self) -> usize {
        self.limits.thread_sums
    }

    /// Whether loads are so dear that a thread best does much: on a CPU, where each takes a loop over threads.
    pub(crate) const fn loads_are_dear(&self) -> bool {
        self.limits.thread_sums >= DEAR_LOADS
    }

    /// Whether a tensor of so many bytes fits a binding.
    pub(crate) const fn fits(&self, bytes: usize) -> bool {
        bytes as u64 <= self.limits.max_storage_buffer_binding_size
    }

    /// The same of all bytes that may be bound for it: whole lanes, and what is behind them under test.
    pub(crate) const fn fits_whole(&self, bytes: usize) -> bool {
        let padded = bytes.next_multiple_of(16) as u64;
        padded + self.plan.options.guard <= self.limits.max_storage_buffer_binding_size
    }

    /// Most bytes of a binding.
    pub(crate) const fn binding(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size
    }

    /// Memory between two dispatches of one node.
    pub(crate) fn scratch(&mut self, label: &str, bytes: usize) -> SlotId {
        let label = format!("{} {label}", self.node);
        self.plan.temporary(label, bytes)
    }

    /// Last 16-byte lane of a slot.
    pub(crate) fn last_lane(&self, slot: SlotId) -> u32 {
        let lanes = self.plan.slots[slot].padded() / 16;
        u32::try_from(lanes - 1).unwrap_or(u32::MAX)
    }

    /// The tensor that is added on the way out.
    pub(crate) const fn skip(&self) -> Option<SlotId> {
        self.skip
    }

    /// What a kernel does besides that does nothing besides.
    pub(crate) fn no_ways(&mut self) -> Ways {
        let nothing = self.plan.nothing(self.limits);
        Ways {
            way_in: nothing,
            way_out: nothing,
            skip: nothing,
            skips: false,
            constants: Vec::new(),
        }
    }

    /// The same layer over a part of its first input and of its output, in slots of their own; `skip` too, if there is one.
    pub(crate) fn part<'b>(
        &'b mut self,
        [x, y]: [&'b TensorType; 2],
        [read, write]: [SlotId; 2],
        skip: Option<SlotId>,
    ) -> Lowering<'b> {
        let inputs = self.inputs[1..].iter().copied();
        let reads = self.reads[1..].iter().copied();
        Lowering {
            inputs: std::iter::once(x).chain(inputs).collect(),
            outputs: vec![y],
            reads: std::iter::once(read).chain(reads).collect(),
            writes: vec![write],
            fused: self.fused,
            skip,
            moments: false,
            made: self.made,
            node: self.node,
            plan: self.plan,
            limits: self.limits,
        }
    }

    /// Whether the moments of the output are asked for.
    pub(crate) const fn wants_moments(&self) -> bool {
        self.moments
    }

    /// Room for the moments that the layer's kernel makes of its output's channels, in so many parts each.
    pub(crate) fn make_moments(&mut self, parts: usize) -> SlotId {
        let slot = self.scratch("moments", self.outputs[0].shape[1] * parts * 16);
        self.made.push(Made {
            of: self.writes[0],
            slot,
            parts,
            node: self.node.to_owned(),
        });
        slot
    }

    /// The moments of the first input, if what computes it has made them; the plan says so.
    pub(crate) fn take_moments(&mut self) -> Option<Made> {
        let mut all = self.made.iter();
        let made = all.find(|made| made.of == self.reads[0])?.clone();
        let line = format!("fused: moments of {} into {}", self.node, made.node);
        self.plan.fusions.push(line);
        Some(made)
    }

    /// Says why the layer's kernel makes no moments, if they are asked for.
    pub(crate) fn no_moments(&mut self, why: &str) {
        if !self.moments {
            return;
        }
        let line = format!("not fused: moments into {}: {why}", self.node);
        self.plan.fusions.push(line);
    }

    /// As [`scratch`](Self::scratch), with bindings of `room` bytes at least.
    pub(crate) fn scratch_with_room(&mut self, label: &str, bytes: usize, room: u64) -> SlotId {
        let slot = self.scratch(label, bytes);
        self.plan.slots[slot].room = room;
        slot
    }

    /// Whether the adapter has uniform bindings of so many bytes, and storage bindings, by which they are filled.
    pub(crate) fn fits_uniform(&self, bytes: u64) -> bool {
        let needed = bytes + self.plan.options.guard;
        let limits = self.limits;
        needed <= limits.max_uniform_buffer_binding_size
            && needed <= limits.max_storage_buffer_binding_size
    }

    /// The table of affine functions, if there are any; of those in evaluation the kernel that makes it is launched.
    fn affine_table(&mut self, affine: Option<&Affine>, ty: &TensorType) -> Option<SlotId> {
        Some(match affine? {
            Affine::Eval(layer, inputs) => {
                let inputs: Vec<SlotId> = inputs.iter().map(|value| value.index).collect();
                let channels = ty.shape.get(1).copied().unwrap_or(1);
                ops::affine_table(layer, self, &inputs, channels)
            }
            Affine::Train(table) => table.index,
        })
    }

    /// What the layer's kernel does besides, on the way in of the first input; the tables of affine functions are launched.
    pub(crate) fn ways(&mut self) -> Ways {
        let ways = self.ways_out();
        self.ways_in(&ways, 0)
    }

    /// What it does on its way out.
    pub(crate) fn ways_out(&mut self) -> Ways {
        let Way { affine, relu, .. } = &self.fused.way_out;
        let way_out = self.affine_table(affine.as_ref(), self.outputs[0]);
        let nothing = self.plan.nothing(self.limits);
        let skip = self.skip;
        let flags = [
            ("OUT_AFFINE", way_out.is_some()),
            ("OUT_SKIP", skip.is_some()),
            ("OUT_RELU", *relu),
        ];
        Ways {
            way_in: nothing,
            way_out: way_out.unwrap_or(nothing),
            skip: skip.unwrap_or(nothing),
            skips: skip.is_some(),
            constants: set(&flags).collect(),
        }
    }

    /// The same, and what it does on the way in of an input.
    pub(crate) fn ways_in(&mut self, out: &Ways, input: usize) -> Ways {
        let mut ways = out.clone();
        if let Some(Way { affine, relu, .. }) = self.fused.way_in(input) {
            let table = self.affine_table(affine.as_ref(), self.inputs[input]);
            let flags = [("IN_AFFINE", table.is_some()), ("IN_RELU", *relu)];
            ways.constants.extend(set(&flags));
            ways.way_in = table.unwrap_or(ways.way_in);
        }
        ways
    }

    /// Appends a call; nothing if it has no threads.
    pub(crate) fn launch(&mut self, launch: &Launch<'_>) {
        self.append(launch, None);
    }

    /// Appends a call that reads and writes so many bytes, not each element of its slots.
    pub(crate) fn launch_part(&mut self, launch: &Launch<'_>, bytes: [usize; 2]) {
        self.append(launch, Some(bytes.map(|bytes| bytes as u64)));
    }

    fn append(&mut self, launch: &Launch<'_>, bytes: Option<[u64; 2]>) {
        let whole = Dispatch {
            node: self.node.to_owned(),
            kernel: launch.kernel,
            constants: {
                let workgroup = launch.threads.workgroup.map(f64::from);
                let sizes = ["WX", "WY", "WZ"].into_iter().zip(workgroup);
                sizes.chain(launch.constants.iter().copied()).collect()
            },
            params: launch.params.to_vec(),
            reads: launch.reads.to_vec(),
            writes: launch.writes.to_vec(),
            grid: [0; 3],
            part: bytes,
            slices: Vec::new(),
        };
        let (read, written) = self.plan.traffic(&whole);
        let cutter = Cutter {
            plan: self.plan,
            limits: self.limits,
            launch,
            bytes: read + written,
        };
        let max = self.limits.max_compute_workgroups_per_dimension;
        let parts = cutter.parts().into_iter();
        let volume = |size: [u32; 3]| size.into_iter().map(u128::from).product::<u128>();
        let whole_input = self.plan.slots[launch.reads[0]].bytes;
        let parts = parts.flat_map(
            |Part {
                 block,
                 slices,
                 input,
             }| {
                let folded = grid::fold(block, max);
                let all: u128 = folded.iter().map(|part| volume(part.size)).sum();
                let folded = folded.into_iter().map(move |part| {
                    let own = input.map(|bytes| u128::from(bytes) * volume(part.size) / all.max(1));
                    (part, slices.clone(), own)
                });
                folded.collect::<Vec<_>>()
            },
        );
        let parts: Vec<_> = parts.collect();
        let all: u128 = parts.iter().map(|(part, ..)| volume(part.size)).sum();
        let mut before = 0;
        for (part, slices, input) in &parts {
            let behind = before + volume(part.size);
            let share = |bytes: u64| {
                let up_to = |threads: u128| u128::from(bytes) * threads / all.max(1);
                u64::try_from(up_to(behind) - up_to(before)).unwrap_or(u64::MAX)
            };
            let shares = (parts.len() > 1).then(|| {
                let input = input.and_then(|input| u64::try_from(input).ok());
                let read = match input {
                    Some(input) => share(read.saturating_sub(whole_input)) + input,
                    None => share(read),
                };
                [read, share(written)]
            });
            let mut dispatch = Dispatch {
                grid: part.size,
                part: shares.or(bytes),
                slices: slices.clone(),
                ..whole.clone()
            };
            set_start(&mut dispatch, part.origin);
            self.plan.dispatches.push(dispatch);
            before = behind;
        }
    }
}

/// `override`s of those flags that are set.
fn set(flags: &[(&'static str, bool)]) -> impl Iterator<Item = (&'static str, f64)> {
    let set = flags.iter().filter(|(_, set)| *set);
    set.map(|(name, _)| (*name, 1.0))
}

/// Tells a kernel where it begins, and which lanes of its tensors are bound.
fn set_start(dispatch: &mut Dispatch, origin: [u32; 3]) {
    let word = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let slice = |binding: usize| {
        let mut slices = dispatch.slices.iter();
        slices.find(|(sliced, _)| *sliced == binding)
    };
    let base = |binding| slice(binding).map_or(0, |(_, bytes)| word(bytes.start / 16));
    let start = Start {
        origin,
        bases: [base(0), base(dispatch.reads.len())],
    };
    let last = slice(0).map(|(_, bytes)| word(bytes.end / 16 - 1));
    let packed = slice(PACKED).map(|(_, bytes)| word(bytes.start / 16));
    // Then that of the output is, too.
    if last.is_some() {
        dispatch.constants.push(("SLICED", 1.0));
    }
    dispatch.params[..size_of::<Start>()].copy_from_slice(bytemuck::bytes_of(&start));
    for (name, value) in [("last_lane", last), ("packed_base", packed)] {
        let mut fields = dispatch.kernel.params.iter();
        if let (Some(value), Some(field)) = (value, fields.find(|field| field.name == name)) {
            dispatch.params[field.offset..field.offset + 4].copy_from_slice(&value.to_ne_bytes());
        }
    }
}
