//! Device memory of a session: arenas, constants, parameters, and the buffers of variables.

use crate::device::{Buffer, Device};
use crate::error::Result;
use crate::plan::{Place, Plan, Slot, SlotId};
use crate::variables::Variables;
use std::collections::HashMap;
use std::num::NonZeroU64;
use wgpu::BufferUsages as Usage;

/// The buffers behind the slots of a plan.
pub(super) struct Memory {
    arenas: Vec<Buffer>,
    constants: Buffer,
    params: Buffer,
    /// Bytes from the parameters of one dispatch to those of the next.
    params_stride: u64,
    variables: HashMap<String, Buffer>,
}

impl Memory {
    pub(super) fn new(device: &Device, plan: &Plan, variables: &Variables) -> Result<Self> {
        let resident = plan
            .variables
            .iter()
            .map(|(name, _, ty)| Ok((name.clone(), variables.resident(device, name, ty)?)));
        let variables = resident.collect::<Result<_>>()?;
        let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        // Of packed weights, which some kernels bind as a uniform buffer.
        let uniform = usage | Usage::UNIFORM;
        let arenas = plan.arenas.iter().enumerate();
        let arenas = arenas
            .map(|(index, &bytes)| device.buffer(&format!("arena {index}"), bytes, uniform))
            .collect::<Result<_>>()?;
        let constants = device.buffer("constants", plan.constants.len() as u64, usage)?;
        let largest = plan
            .dispatches
            .iter()
            .map(|dispatch| dispatch.params.len() as u64);
        let alignment = u64::from(device.limits().min_uniform_buffer_offset_alignment.max(16));
        let params_stride = largest.max().unwrap_or(0).next_multiple_of(alignment);
        let bytes = params_stride * plan.dispatches.len() as u64;
        let params = device.buffer("params", bytes, Usage::UNIFORM | Usage::COPY_DST)?;
        device.scoped(|| {
            device.write(&constants, 0, &plan.constants);
            for (index, dispatch) in (0..).zip(&plan.dispatches) {
                device.write(&params, index * params_stride, &dispatch.params);
            }
        })?;
        Ok(Self {
            arenas,
            constants,
            params,
            params_stride,
            variables,
        })
    }

    /// Buffer and offset of a slot.
    pub(super) fn locate(&self, plan: &Plan, slot: SlotId) -> (&Buffer, u64) {
        match &plan.slots[slot].place {
            Place::Arena { arena, offset } => (&self.arenas[*arena], *offset),
            Place::Constant { offset } => (&self.constants, *offset),
            Place::Variable(name) => (&self.variables[name], 0),
        }
    }

    /// The bindings of a dispatch: reads, writes, and the parameters in their place.
    pub(super) fn bind_group(
        &self,
        device: &Device,
        plan: &Plan,
        index: usize,
        layout: &wgpu::BindGroupLayout,
    ) -> Result<wgpu::BindGroup> {
        let dispatch = &plan.dispatches[index];
        let bindings = plan.bindings(dispatch);
        let mut resources: Vec<wgpu::BufferBinding<'_>> = bindings
            .map(|(slot, bytes)| {
                let (buffer, offset) = self.locate(plan, slot);
                wgpu::BufferBinding {
                    buffer,
                    offset: offset + bytes.start,
                    size: NonZeroU64::new(bytes.end - bytes.start),
                }
            })
            .collect();
        let params = wgpu::BufferBinding {
            buffer: &self.params,
            offset: index as u64 * self.params_stride,
            // A uniform struct is as long as a multiple of its alignment, which is 16.
            size: NonZeroU64::new((dispatch.params.len() as u64).next_multiple_of(16)),
        };
        resources.insert(resources.len() - dispatch.kernel.behind, params);
        let entries: Vec<_> = (0..)
            .zip(resources)
            .map(|(binding, resource)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::Buffer(resource),
            })
            .collect();
        device.scoped(|| {
            device.wgpu().create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(&dispatch.node),
                layout,
                entries: &entries,
            })
        })
    }

    /// Fills the arenas with the sentinel.
    pub(super) fn poison(&self, device: &Device, plan: &Plan) -> Result<()> {
        // In pieces, so that the host does not hold a copy of device memory.
        const PIECE: usize = 1 << 18;
        device.scoped(|| {
            for (index, (arena, &bytes)) in self.arenas.iter().zip(&plan.arenas).enumerate() {
                for first in (0..bytes / 4).step_by(PIECE) {
                    let end = (first + PIECE as u64).min(bytes / 4);
                    let words: Vec<u32> = (first..end).map(|word| sentinel(index, word)).collect();
                    device.write(arena, first * 4, bytemuck::cast_slice(&words));
                }
            }
        })
    }

    /// Label of each slot behind which the sentinel has changed, and the first word there.
    pub(super) fn stray_stores(&self, device: &Device, plan: &Plan) -> Result<Vec<(String, u32)>> {
        let arenas = self.arenas.iter().zip(&plan.arenas);
        let contents = arenas
            .map(|(arena, &bytes)| device.read(arena, bytes))
            .collect::<Result<Vec<_>>>()?;
        let contents: Vec<Vec<u32>> = contents
            .iter()
            .map(|bytes| bytemuck::pod_collect_to_vec(bytes))
            .collect();
        let stray = |slot: &Slot| {
            let Place::Arena { arena, offset } = slot.place else {
                return None;
            };
            let first = (offset + slot.padded()) / 4;
            let mut guard = first..first + plan.options.guard / 4;
            let word = |word: u64| {
                contents
                    .get(arena)?
                    .get(usize::try_from(word).ok()?)
                    .copied()
            };
            guard.find_map(|at| word(at).filter(|&word| word != sentinel(arena, at)))
        };
        let slots = plan.slots.iter();
        Ok(slots
            .filter_map(|slot| Some((slot.label.clone(), stray(slot)?)))
            .collect())
    }
}

/// What a word of an arena is filled with: a NaN that no computation makes, another one for each place, so that one
/// that is copied from behind an input to behind an output shows.
fn sentinel(arena: usize, word: u64) -> u32 {
    let place = (word + 97 * arena as u64) % 65_521;
    0x7fc5_0000 | u32::try_from(place).unwrap_or_default()
}
