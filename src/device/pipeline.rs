//! Compute pipelines: one of a kind, and all of a plan on several threads.

use super::{Device, lock};
use crate::error::{Error, Result};
use crate::plan::{Dispatch, PipelineKey};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// A pipeline and the layout of its bind group.
pub(crate) struct Pipeline {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
}

impl Pipeline {
    pub(super) fn new(
        device: &wgpu::Device,
        dispatch: &Dispatch,
        cache: Option<&wgpu::PipelineCache>,
    ) -> Self {
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
            cache,
        });
        Self { pipeline, layout }
    }
}

/// Where the pipeline of a key is, once a thread has built it.
struct Place<T> {
    built: OnceLock<Arc<T>>,
    building: Mutex<()>,
}

impl<T> Place<T> {
    fn is_built(&self) -> bool {
        self.built.get().is_some()
    }
}

/// The pipelines of a device, one of a kind.
pub(super) struct Pipelines<T = Pipeline>(Mutex<HashMap<PipelineKey, Arc<Place<T>>>>);

impl<T> Pipelines<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// How many are built.
    pub(super) fn len(&self) -> usize {
        let places = lock(&self.0);
        let built = places.values().filter(|place| place.is_built());
        built.count()
    }

    fn has(&self, key: &PipelineKey) -> bool {
        lock(&self.0).get(key).is_some_and(|place| place.is_built())
    }

    /// The pipeline of a key, built at its first use. Other threads that want it meanwhile wait for it: a driver would compile
    /// it for each of them, and again at its first run.
    fn get(&self, key: PipelineKey, build: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        let empty = || {
            Arc::new(Place {
                built: OnceLock::new(),
                building: Mutex::new(()),
            })
        };
        let place = Arc::clone(lock(&self.0).entry(key).or_insert_with(empty));
        let _building = lock(&place.building);
        if let Some(pipeline) = place.built.get() {
            return Ok(Arc::clone(pipeline));
        }
        let pipeline = Arc::new(build()?);
        Ok(Arc::clone(place.built.get_or_init(|| pipeline)))
    }
}

impl Device {
    /// The pipeline of a dispatch, built at its first use.
    pub(crate) fn pipeline(&self, dispatch: &Dispatch) -> Result<Arc<Pipeline>> {
        let (device, cache) = (&self.shared.device, self.shared.cache.as_ref());
        let build = || self.scoped(|| Pipeline::new(device, dispatch, cache));
        self.shared.pipelines.get(dispatch.pipeline_key(), build)
    }

    /// Builds the pipelines of these dispatches that are not there yet, on several threads, and tells how many of how many
    /// are.
    pub(crate) fn build(
        &self,
        dispatches: &[Dispatch],
        progress: impl Fn(usize, usize) + Sync,
    ) -> Result<()> {
        let mut keys = HashSet::new();
        let mut wanted: Vec<&Dispatch> = dispatches.iter().collect();
        wanted.retain(|dispatch| {
            let key = dispatch.pipeline_key();
            !self.shared.pipelines.has(&key) && keys.insert(key)
        });
        let cores = match self.has_one_context() {
            true => 1,
            false => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let (next, built) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            while let Some(dispatch) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = self.pipeline(dispatch) {
                    // Nobody begins another one.
                    next.store(wanted.len(), Ordering::Relaxed);
                    return Err(error);
                }
                progress(built.fetch_add(1, Ordering::Relaxed) + 1, wanted.len());
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let others = (1..cores.min(wanted.len())).map(|_| scope.spawn(work));
            let others: Vec<_> = others.collect();
            let own = work();
            let panicked = || {
                Err(Error::Validation(
                    "a thread that builds pipelines died".to_owned(),
                ))
            };
            let others = others.into_iter();
            let mut results = others.map(|thread| thread.join().unwrap_or_else(|_| panicked()));
            own.and(results.find(Result::is_err).unwrap_or(Ok(())))
        })
    }
}

/// Inputs, outputs, parameters: the order of every kernel's bindings, but for those outputs that are behind the parameters.
fn entries(dispatch: &Dispatch) -> Vec<wgpu::BindGroupLayoutEntry> {
    let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
    let reads = (0..dispatch.reads.len()).map(|read| match dispatch.kernel.uniform {
        Some(uniform) if uniform == read => wgpu::BufferBindingType::Uniform,
        _ => storage(true),
    });
    let writes = std::iter::repeat_n(storage(false), dispatch.writes.len());
    let mut types: Vec<_> = reads.chain(writes).collect();
    types.insert(
        types.len() - dispatch.kernel.behind,
        wgpu::BufferBindingType::Uniform,
    );
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
    // loops end, and the suite runs them with sentinels behind every tensor, which a stray store would change. Those without a
    // part (bench::Part) have the indices of the whole ones, or no access.
    unsafe {
        device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    const KEY: PipelineKey = ("kernel", "", Vec::new());

    #[test]
    fn threads_that_want_a_pipeline_at_a_time_build_it_once() {
        let pipelines = Pipelines::new();
        let (begin, count) = (Barrier::new(4), AtomicUsize::new(0));
        let get = || {
            begin.wait();
            pipelines.get(KEY, || {
                // Long enough for the others to come.
                std::thread::sleep(std::time::Duration::from_millis(20));
                Ok(count.fetch_add(1, Ordering::Relaxed))
            })
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(get)).collect();
            for thread in threads {
                assert!(matches!(thread.join(), Ok(Ok(pipeline)) if *pipeline == 0));
            }
        });
        assert_eq!((pipelines.len(), count.load(Ordering::Relaxed)), (1, 1));
    }

    #[test]
    fn a_pipeline_that_could_not_be_built_is_none() -> Result<()> {
        let pipelines = Pipelines::new();
        let broken = pipelines.get(KEY, || Err(Error::Validation("broken".to_owned())));
        assert!(broken.is_err() && pipelines.len() == 0);
        assert_eq!(*pipelines.get(KEY, || Ok(7))?, 7);
        Ok(())
    }
}
