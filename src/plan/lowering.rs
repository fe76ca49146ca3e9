//! What a layer sees while it is lowered, and what it asks for.

use super::{Dispatch, Limits, Plan, SlotId, Threads, grid};
use crate::kernel::Kernel;
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

    /// Appends a call; nothing if it has no threads.
    pub(crate) fn launch(&mut self, launch: &Launch<'_>) {
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
            });
        }
    }
}
