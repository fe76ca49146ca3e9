//! Compute pipelines.

use crate::plan::Dispatch;
use std::borrow::Cow;

/// A pipeline and the layout of its bind group.
pub(crate) struct Pipeline {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
}

impl Pipeline {
    pub(super) fn new(device: &wgpu::Device, dispatch: &Dispatch) -> Self {
        let label = Some(dispatch.kernel.name);
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label,
            entries: &entries(dispatch),
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let module = trusted_module(device, dispatch);
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &dispatch.constants,
                // No kernel reads workgroup memory that it has not written.
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        Self { pipeline, layout }
    }
}

/// Inputs, outputs, parameters: the order of every kernel's bindings.
fn entries(dispatch: &Dispatch) -> Vec<wgpu::BindGroupLayoutEntry> {
    let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
    let reads = std::iter::repeat_n(storage(true), dispatch.reads.len());
    let writes = std::iter::repeat_n(storage(false), dispatch.writes.len());
    let types = reads
        .chain(writes)
        .chain([wgpu::BufferBindingType::Uniform]);
    (0..)
        .zip(types)
        .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        })
        .collect()
}

/// A module without the runtime checks of wgpu, which cost a multiple of what a memory-bound kernel does: bounds checks
/// on every access, loop counters, division guards (gfx-rs/wgpu#7698).
#[expect(
    unsafe_code,
    reason = "the one place that turns wgpu's runtime checks off"
)]
fn trusted_module(device: &wgpu::Device, dispatch: &Dispatch) -> wgpu::ShaderModule {
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(dispatch.kernel.name),
        source: wgpu::ShaderSource::Wgsl(Cow::Owned(dispatch.kernel.wgsl())),
    };
    // SAFETY: the shaders are this crate's own. Every one compares its indices with the counts in its parameters, all
    // loops end, and the suite runs them with sentinels behind every tensor, which a stray store would change.
    unsafe {
        device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
    }
}
