//! What a layer sees while it is lowered, and what it asks for.

use super::{Dispatch, Limits, Plan, SlotId, Threads, grid};
use crate::fusion::{Affine, Fused};
use crate::kernel::Kernel;
use crate::ops;
use crate::tensor::TensorType;

/// One call of a kernel as a layer asks for it, before its grid is folded.
pub(crate) struct Launch<'a> {
    pub(crate) kernel: &'static Kernel,
    pub(crate) constants: &'a [(&'static str, f64)],
    pub(crate) params: &'a [u8],
    pub(crate) reads: &'a [SlotId],
    pub(crate) writes: &'a [SlotId],
    pub(crate) threads: Threads,
}

/// What a kernel does besides its layer: the slots that it binds for that, its first one where it does nothing, and its
/// `override`s.
pub(crate) struct Ways {
    /// Affine functions on the way in.
    pub(crate) way_in: SlotId,
    /// Affine functions on the way out.
    pub(crate) way_out: SlotId,
    /// The tensor that is added on the way out.
    pub(crate) skip: SlotId,
    pub(crate) constants: Vec<(&'static str, f64)>,
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

    /// Memory between two dispatches of one node.
    pub(crate) fn scratch(&mut self, label: &str, bytes: usize) -> SlotId {
        let label = format!("{} {label}", self.node);
        self.plan.temporary(label, bytes)
    }

    /// What the layer's kernel does besides; the tables of affine functions are launched.
    pub(crate) fn ways(&mut self) -> Ways {
        let fused = self.fused;
        let channels = |ty: &TensorType| ty.shape.get(1).copied().unwrap_or(1);
        let (input, output) = (channels(self.inputs[0]), channels(self.outputs[0]));
        let nothing = self.reads[0];
        let mut table = |affine: &Option<Affine>, channels| {
            affine.as_ref().map(|Affine { layer, inputs }| {
                let inputs: Vec<SlotId> = inputs.iter().map(|value| value.index).collect();
                ops::affine_table(layer, self, &inputs, channels)
            })
        };
        let way_in = table(&fused.way_in.affine, input);
        let way_out = table(&fused.way_out.affine, output);
        let skip = fused.way_out.skip.map(|value| value.index);
        let flags = [
            ("IN_AFFINE", way_in.is_some()),
            ("IN_RELU", fused.way_in.relu),
            ("OUT_AFFINE", way_out.is_some()),
            ("OUT_SKIP", skip.is_some()),
            ("OUT_RELU", fused.way_out.relu),
        ];
        let set = flags.into_iter().filter(|(_, set)| *set);
        Ways {
            way_in: way_in.unwrap_or(nothing),
            way_out: way_out.unwrap_or(nothing),
            skip: skip.unwrap_or(nothing),
            constants: set.map(|(name, _)| (name, 1.0)).collect(),
        }
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
        let max = self.limits.max_compute_workgroups_per_dimension;
        for part in grid::fold(launch.threads.workgroups(), max) {
            let mut params = launch.params.to_vec();
            params[..12].copy_from_slice(bytemuck::cast_slice(&part.origin));
            let workgroup = launch.threads.workgroup.map(f64::from);
            let sizes = ["WX", "WY", "WZ"].into_iter().zip(workgroup);
            self.plan.dispatches.push(Dispatch {
                node: self.node.to_owned(),
                kernel: launch.kernel,
                constants: sizes.chain(launch.constants.iter().copied()).collect(),
                params,
                reads: launch.reads.to_vec(),
                writes: launch.writes.to_vec(),
                grid: part.size,
                part: bytes,
            });
        }
    }
}
