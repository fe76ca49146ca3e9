//! What an adapter can hold, and what a plan needs of it.

use super::Plan;
use crate::error::{Error, Result};

/// The limits of an adapter that a plan depends on, by their WebGPU names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Name of the adapter, for errors.
    pub adapter: String,
    /// Bytes of one storage binding.
    pub max_storage_buffer_binding_size: u64,
    /// Bytes of one buffer.
    pub max_buffer_size: u64,
    /// Bytes of one uniform binding.
    pub max_uniform_buffer_binding_size: u64,
    /// Workgroups per dispatch and dimension.
    pub max_compute_workgroups_per_dimension: u32,
    /// Storage buffers of one kernel.
    pub max_storage_buffers_per_shader_stage: u32,
    /// Alignment of a storage binding's offset, bytes.
    pub min_storage_buffer_offset_alignment: u32,
    /// Alignment of a uniform binding's offset, bytes.
    pub min_uniform_buffer_offset_alignment: u32,
    /// Sums that one thread best keeps at a time: as many as its registers hold on a GPU; on a CPU, where loads cost more
    /// than sums, as many as the nearest cache does. Not a limit of WebGPU's.
    pub thread_sums: usize,
    /// Operations of f32 that a slow device of its kind makes in a second, by which the time of a dispatch is predicted before
    /// it is cut. Not a limit of WebGPU's.
    pub operations_per_second: u64,
    /// Bytes that such a one moves in a second.
    pub bytes_per_second: u64,
}

impl Default for Limits {
    /// The limits that every WebGPU implementation has.
    fn default() -> Self {
        Self {
            adapter: "the WebGPU default".to_owned(),
            max_storage_buffer_binding_size: 128 << 20,
            max_buffer_size: 256 << 20,
            max_uniform_buffer_binding_size: 64 << 10,
            max_compute_workgroups_per_dimension: 65_535,
            max_storage_buffers_per_shader_stage: 8,
            min_storage_buffer_offset_alignment: 256,
            min_uniform_buffer_offset_alignment: 256,
            thread_sums: 64,
            operations_per_second: GPU_RATES[0],
            bytes_per_second: GPU_RATES[1],
        }
    }
}

/// Operations and bytes a second of slow devices: a small integrated GPU with a poor kernel, and a driver on few cores of a
/// CPU, where kernels that load or store element by element take up to three times as long.
pub(crate) const GPU_RATES: [u64; 2] = [50_000_000_000, 10_000_000_000];
pub(crate) const CPU_RATES: [u64; 2] = [10_000_000_000, 1_000_000_000];

/// Kernels compute element and byte positions in 32 bits, some of them signed.
const MAX_TENSOR_BYTES: u64 = 1 << 31;

impl Plan {
    /// `Err` for what the adapter cannot bind.
    pub(super) fn check_bindings(&self, limits: &Limits) -> Result<()> {
        let limit = |node: &str, limit, needed, available| Error::Limit {
            node: node.to_owned(),
            limit,
            needed,
            available,
            adapter: limits.adapter.clone(),
        };
        for slot in &self.slots {
            let needed = slot.padded().saturating_add(self.options.guard);
            let available = limits.max_buffer_size;
            if needed > available {
                let name = "max_buffer_size (bytes)";
                return Err(limit(&slot.label, name, needed, available));
            }
            if needed > MAX_TENSOR_BYTES {
                let name = "the bytes of a tensor that a kernel can number";
                return Err(limit(&slot.label, name, needed, MAX_TENSOR_BYTES));
            }
        }
        for dispatch in &self.dispatches {
            let available = limits.max_storage_buffer_binding_size;
            for (slot, bytes) in self.bindings(dispatch) {
                let needed = bytes.end - bytes.start;
                if needed > available {
                    let name = "max_storage_buffer_binding_size (bytes)";
                    let node = format!("{}: {}", dispatch.node, self.slots[slot].label);
                    return Err(limit(&node, name, needed, available));
                }
            }
            let needed = (dispatch.reads.len() + dispatch.writes.len()) as u64;
            let available = u64::from(limits.max_storage_buffers_per_shader_stage);
            if needed > available {
                let name = "max_storage_buffers_per_shader_stage";
                return Err(limit(&dispatch.node, name, needed, available));
            }
        }
        let (needed, available) = (self.constants.len() as u64, limits.max_buffer_size);
        if needed > available {
            return Err(limit(
                "constants",
                "max_buffer_size (bytes)",
                needed,
                available,
            ));
        }
        Ok(())
    }

    /// Bytes of the largest storage binding.
    #[must_use]
    pub fn largest_binding(&self) -> u64 {
        let dispatches = self.dispatches.iter();
        let bindings = dispatches.flat_map(|dispatch| self.bindings(dispatch));
        bindings.fold(0, |most, (_, bytes)| most.max(bytes.end - bytes.start))
    }

    /// Bytes of the largest buffer: an arena, the constants, or a variable.
    #[must_use]
    pub fn largest_buffer(&self) -> u64 {
        let variables = self.variables.iter();
        let variables = variables.map(|(_, slot, _)| self.slots[*slot].padded());
        let constants = self.constants.len() as u64;
        let arenas = self.arenas.iter().copied();
        arenas.chain(variables).fold(constants, u64::max)
    }

    /// The most storage buffers that a kernel binds.
    #[must_use]
    pub fn storage_buffers(&self) -> usize {
        let dispatches = self.dispatches.iter();
        let counts = dispatches.map(|dispatch| dispatch.reads.len() + dispatch.writes.len());
        counts.max().unwrap_or(0)
    }
}
