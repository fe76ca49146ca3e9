//! Device memory of a session: arenas, constants, parameters, and the buffers of variables.

use crate::device::Device;
use crate::error::Result;
use crate::plan::{Place, Plan, Slot, SlotId};
use crate::variables::Variables;
use std::collections::HashMap;
use std::num::NonZeroU64;
use wgpu::BufferUsages as Usage;

/// The buffers behind the slots of a plan.
pub(super) struct Memory {
    arenas: Vec<wgpu::Buffer>,
    constants: wgpu::Buffer,
    params: wgpu::Buffer,
    /// Bytes from the parameters of one dispatch to those of the next.
    params_stride: u64,
    variables: HashMap<String, wgpu::Buffer>,
}

impl Memory {
    pub(super) fn new(device: &Device, plan: &Plan, variables: &Variables) -> Result<Self> {
        let resident = plan
            .variables
            .iter()
            .map(|(name, _, ty)| Ok((name.clone(), variables.resident(device, name, ty)?)));
        let variables = resident.collect::<Result<_>>()?;
        let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        let arenas = plan.arenas.iter().enumerate();
        let arenas = arenas
            .map(|(index, &bytes)| device.buffer(&format!("arena {index}"), bytes, usage))
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
    pub(super) fn locate(&self, plan: &Plan, slot: SlotId) -> (&wgpu::Buffer, u64) {
        match &plan.slots[slot].place {
            Place::Arena { arena, offset } => (&self.arenas[*arena], *offset),
            Place::Constant { offset } => (&self.constants, *offset),
            Place::Variable(name) => (&self.variables[name], 0),
        }
    }

    /// The bindings of a dispatch: reads, writes, parameters.
    pub(super) fn bind_group(
        &self,
        device: &Device,
        plan: &Plan,
        index: usize,
        layout: &wgpu::BindGroupLayout,
    ) -> Result<wgpu::BindGroup> {
        let dispatch = &plan.dispatches[index];
        let slots = dispatch.reads.iter().chain(&dispatch.writes);
        let mut resources: Vec<wgpu::BufferBinding<'_>> = slots
            .map(|&slot| {
                let (buffer, offset) = self.locate(plan, slot);
                let guard = match plan.slots[slot].place {
                    Place::Arena { .. } => plan.options.guard,
                    Place::Constant { .. } | Place::Variable(_) => 0,
                };
                let size = NonZeroU64::new(plan.slots[slot].padded() + guard);
                wgpu::BufferBinding {
                    buffer,
                    offset,
                    size,
                }
            })
            .collect();
        resources.push(wgpu::BufferBinding {
            buffer: &self.params,
            offset: index as u64 * self.params_stride,
            // A uniform struct is as long as a multiple of its alignment, which is 16.
            size: NonZeroU64::new((dispatch.params.len() as u64).next_multiple_of(16)),
        });
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

    pub(super) fn poison(&self, device: &Device, plan: &Plan, word: u32) -> Result<()> {
        // In pieces, so that the host does not hold a copy of device memory.
        let piece = word.to_le_bytes().repeat(1 << 18);
        device.scoped(|| {
            for (arena, &bytes) in self.arenas.iter().zip(&plan.arenas) {
                for offset in (0..bytes).step_by(piece.len()) {
                    let left = usize::try_from(bytes - offset).unwrap_or(usize::MAX);
                    device.write(arena, offset, &piece[..piece.len().min(left)]);
                }
            }
        })
    }

    pub(super) fn guards(&self, device: &Device, plan: &Plan) -> Result<Vec<(String, Vec<u8>)>> {
        let arenas = self.arenas.iter().zip(&plan.arenas);
        let contents = arenas
            .map(|(arena, &bytes)| device.read(arena, bytes))
            .collect::<Result<Vec<_>>>()?;
        let guard = |slot: &Slot| match slot.place {
            Place::Arena { arena, offset } if arena < contents.len() => {
                let from = usize::try_from(offset + slot.padded()).unwrap_or(usize::MAX);
                let length = usize::try_from(plan.options.guard).unwrap_or(usize::MAX);
                let bytes = &contents[arena][from..from + length];
                Some((slot.label.clone(), bytes.to_vec()))
            }
            _ => None,
        };
        Ok(plan.slots.iter().filter_map(guard).collect())
    }
}
