//! A graph made ready to run on a device.
//!
//! [`Session::new`] plans, builds pipelines, places buffers and uploads constants once. A run writes the inputs,
//! records one compute pass, submits once (on GL once a dispatch), and reads the outputs back or copies them to the caller's buffers.

mod feed;
mod memory;
mod staging;
mod timing;

pub use feed::{Feed, Outputs};
pub(crate) use timing::wall;
pub use timing::{Doubt, Timer, Timing};

use crate::device::{Buffer, Device, Pipeline, lock};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::plan::{Options, Place, Plan, SlotId};
use crate::tensor::{Tensor, TensorType};
use crate::variables::{Changes, Variables, count_change};
use feed::Fed;
use memory::Memory;
use staging::Pool;
use std::collections::BTreeSet;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

/// A run that has been submitted: completes with its outputs.
pub type Running = Pin<Box<dyn Future<Output = Result<Outputs>> + Send>>;

/// A graph on a device: pipelines, bind groups and memory, reused by every run.
pub struct Session {
    device: Device,
    plan: Plan,
    memory: Memory,
    steps: Vec<Step>,
    changes: Arc<Mutex<Changes>>,
    /// Names of the variables that the prologue reads.
    watched: Vec<String>,
    /// How often each of them had changed when the prologue last ran; `None` before that.
    prepared: Mutex<Option<Vec<u64>>>,
    /// For each input and each output of the plan, in its order.
    uploads: Vec<Pool>,
    downloads: Vec<Pool>,
}

/// A dispatch ready to record.
struct Step {
    pipeline: Arc<Pipeline>,
    bindings: wgpu::BindGroup,
    grid: [u32; 3],
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("device", &self.device)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Prepares `graph` for `device`. Its variables are taken from `variables` and stay shared with it.
    ///
    /// # Errors
    /// [`Error::Limit`] if the adapter cannot hold the graph, [`Error::Missing`] or [`Error::Shape`] for a variable that
    /// is missing or of another type, [`Error::OutOfMemory`], [`Error::Validation`], [`Error::DeviceLost`].
    pub fn new(device: &Device, graph: &Graph, variables: &Variables) -> Result<Self> {
        Self::with_options(device, graph, variables, Options::default())
    }

    /// As [`new`](Self::new), with other options for the placement of temporaries.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_options(
        device: &Device,
        graph: &Graph,
        variables: &Variables,
        options: Options,
    ) -> Result<Self> {
        let plan = Plan::new(graph, device.limits(), options)?;
        Self::with_plan(device, plan, variables)
    }

    /// A session that runs a plan as it is.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_plan(device: &Device, plan: Plan, variables: &Variables) -> Result<Self> {
        Self::prepare(device, plan, variables, |_, _| ())
    }

    /// As [`with_plan`](Self::with_plan): builds the pipelines that the device does not have yet, on as many threads as there
    /// are cores, and calls `progress` with how many of how many are there, from whichever thread.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn prepare(
        device: &Device,
        plan: Plan,
        variables: &Variables,
        progress: impl Fn(usize, usize) + Sync,
    ) -> Result<Self> {
        tracing::debug!(
            dispatches = plan.dispatches.len(),
            pipelines = plan.pipelines(),
            "planned"
        );
        // What does not fit is known before time is spent on pipelines.
        let memory = Memory::new(device, &plan, variables)?;
        device.build(&plan.dispatches, progress)?;
        let mut steps = Vec::with_capacity(plan.dispatches.len());
        for (index, dispatch) in plan.dispatches.iter().enumerate() {
            let pipeline = device.pipeline(dispatch)?;
            let bindings = memory.bind_group(device, &plan, index, &pipeline.layout)?;
            steps.push(Step {
                pipeline,
                bindings,
                grid: dispatch.grid,
            });
        }
        Ok(Self {
            device: device.clone(),
            watched: prologue_variables(&plan),
            uploads: pools(&plan.inputs, Pool::uploads),
            downloads: pools(&plan.outputs, Pool::downloads),
            plan,
            memory,
            steps,
            changes: variables.changes(),
            prepared: Mutex::new(None),
        })
    }

    /// What a run does: dispatches, grids, memory.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs the graph on these inputs and returns all outputs.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Unknown`], [`Error::DuplicateName`] or [`Error::Shape`] for inputs that do not fit the
    /// graph; [`Error::OutOfMemory`], [`Error::Validation`], [`Error::DeviceLost`].
    pub fn run<'a, F: Into<Feed<'a>>>(
        &mut self,
        inputs: impl IntoIterator<Item = (&'a str, F)>,
    ) -> Result<Outputs> {
        let (submission, reading) = self.begin(&feed::resolve(&self.plan, inputs)?)?;
        self.device.wait(submission)?;
        pollster::block_on(reading)
    }

    /// As [`run`](Self::run), without blocking: the run is submitted by the call, the future waits for its outputs.
    /// A thread polls the device until then.
    ///
    /// More runs may be begun before the first has ended: they follow one another on the device. A future that is dropped
    /// gives up the outputs of its run, and nothing else.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_async<'a, F: Into<Feed<'a>>>(
        &mut self,
        inputs: impl IntoIterator<Item = (&'a str, F)>,
    ) -> Running {
        let feeds = feed::resolve(&self.plan, inputs);
        let begun = feeds.and_then(|feeds| self.begin(&feeds));
        let device = self.device.clone();
        Box::pin(async move {
            let (submission, reading) = begun?;
            let poller = std::thread::spawn(move || device.wait(submission));
            let outputs = reading.await;
            match poller.join() {
                Ok(waited) => waited.and(outputs),
                Err(_) => Err(Error::DeviceLost("the polling thread died".to_owned())),
            }
        })
    }

    /// Runs the graph and leaves these outputs in the caller's buffers; nothing is read back, and the call does not
    /// wait. A buffer needs `COPY_DST` and the bytes of its output, rounded up to a multiple of 4.
    ///
    /// # Errors
    /// As [`run`](Self::run), and for outputs as for inputs.
    pub fn run_to_buffers<'a, F: Into<Feed<'a>>>(
        &mut self,
        inputs: impl IntoIterator<Item = (&'a str, F)>,
        outputs: &[(&str, &wgpu::Buffer)],
    ) -> Result<()> {
        let feeds = feed::resolve(&self.plan, inputs)?;
        let targets = feed::targets(&self.plan, outputs)?;
        self.submit(&feeds, |encoder| {
            for (slot, ty, buffer) in &targets {
                let (source, offset) = self.memory.locate(&self.plan, *slot);
                let bytes = (ty.bytes() as u64).next_multiple_of(4);
                encoder.copy_buffer_to_buffer(source, offset, buffer, 0, bytes);
            }
        })
        .map(drop)
    }

    /// Submits a run; the second part completes when the device has been polled past the first.
    fn begin(&self, feeds: &[Fed<'_, '_>]) -> Result<(wgpu::SubmissionIndex, Running)> {
        let targets = self.downloads.iter().map(|pool| pool.take(&self.device));
        let targets = targets.collect::<Result<Vec<_>>>()?;
        let submission = self.submit(feeds, |encoder| {
            for ((_, slot, ty), target) in self.plan.outputs.iter().zip(&targets) {
                let (source, offset) = self.memory.locate(&self.plan, *slot);
                let bytes = (ty.bytes() as u64).next_multiple_of(4);
                encoder.copy_buffer_to_buffer(source, offset, target, 0, bytes);
            }
        })?;
        let outputs = self.plan.outputs.iter().zip(&self.downloads).zip(targets);
        let reads = outputs.map(|(((name, _, ty), pool), target)| {
            let (name, ty) = (name.clone(), ty.clone());
            let read = move |bytes: &[u8]| Tensor::from_bytes(&ty, &bytes[..ty.bytes()]);
            (name, pool.read(&self.device, target, read))
        });
        let reads: Vec<_> = reads.collect();
        let reading = async move {
            let mut tensors = Vec::with_capacity(reads.len());
            for (name, read) in reads {
                tensors.push((name, read.await?));
            }
            Ok(Outputs::new(tensors))
        };
        Ok((submission, Box::pin(reading)))
    }

    /// Submits a run, with the prologue if it has to run again; `copy` records where the outputs go.
    fn submit(
        &self,
        feeds: &[Fed<'_, '_>],
        copy: impl FnOnce(&mut wgpu::CommandEncoder),
    ) -> Result<wgpu::SubmissionIndex> {
        self.device.check()?;
        let staged = self.stage(feeds)?;
        // Held until the submission, so that no other session changes a variable between prologue and run.
        let mut changes = lock(&self.changes);
        let stale = self.stale(&changes);
        let first = if stale.is_some() {
            0
        } else {
            self.plan.prologue
        };
        let submission = self.device.scoped(|| {
            let descriptor = wgpu::CommandEncoderDescriptor::default();
            let encoder = || self.device.wgpu().create_command_encoder(&descriptor);
            let mut recorder = encoder();
            self.copy_inputs(feeds, &staged, &mut recorder);
            // A submission holds the one context, in which a driver may compile each kernel at its first dispatch: then each dispatch
            // is one, or other threads would wait longer than they may.
            let last = match self.device.has_one_context() {
                true => self.steps.len().saturating_sub(1).max(first),
                false => first,
            };
            for step in first..last {
                self.encode(&mut recorder, step..step + 1, None);
                let full = std::mem::replace(&mut recorder, encoder());
                self.device.queue().submit([full.finish()]);
            }
            self.encode(&mut recorder, last..self.steps.len(), None);
            copy(&mut recorder);
            self.encode_updates(&mut recorder);
            self.device.queue().submit([recorder.finish()])
        });
        // Whatever is reported: the variables may have changed.
        for update in &self.plan.updates {
            if let Place::Variable(name) = &self.plan.slots[update.variable].place {
                count_change(&mut changes, name);
            }
        }
        if stale.is_some() {
            *lock(&self.prepared) = submission.as_ref().ok().and(stale);
        }
        if submission.is_ok() {
            for (pool, buffer) in self.uploads.iter().zip(staged) {
                buffer.into_iter().for_each(|buffer| pool.recall(buffer));
            }
        }
        submission
    }

    /// How often the variables of the prologue have changed, if it has to run again for that.
    fn stale(&self, changes: &Changes) -> Option<Vec<u64>> {
        let watched = self.watched.iter();
        let counts: Vec<u64> = watched
            .map(|name| changes.get(name).copied().unwrap_or(0))
            .collect();
        (lock(&self.prepared).as_ref() != Some(&counts)).then_some(counts)
    }

    /// Buffers with those inputs that are tensors, one for each pool.
    fn stage(&self, feeds: &[Fed<'_, '_>]) -> Result<Vec<Option<Buffer>>> {
        let staged = self.plan.inputs.iter().zip(&self.uploads);
        let staged = staged.map(|((_, slot, _), pool)| {
            let fed = feeds.iter().find(|(fed, ..)| fed == slot);
            match fed {
                Some((.., Feed::Tensor(tensor))) => {
                    pool.filled(&self.device, tensor.bytes()).map(Some)
                }
                _ => Ok(None),
            }
        });
        staged.collect()
    }

    fn copy_inputs(
        &self,
        feeds: &[Fed<'_, '_>],
        staged: &[Option<Buffer>],
        encoder: &mut wgpu::CommandEncoder,
    ) {
        for ((_, slot, ty), staged) in self.plan.inputs.iter().zip(staged) {
            let (target, offset) = self.memory.locate(&self.plan, *slot);
            let bytes = (ty.bytes() as u64).next_multiple_of(4);
            let fed = feeds.iter().find(|(fed, ..)| fed == slot);
            let source = match (staged, fed) {
                (Some(staged), _) => &**staged,
                (None, Some((.., Feed::Buffer(buffer)))) => buffer,
                (None, _) => continue,
            };
            encoder.copy_buffer_to_buffer(source, 0, target, offset, bytes);
        }
    }

    /// Some of the dispatches, in one pass.
    fn encode(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        steps: Range<usize>,
        timestamps: Option<wgpu::ComputePassTimestampWrites<'_>>,
    ) {
        self.record(&mut begin(encoder, timestamps), steps);
    }

    /// Some of the dispatches, in a pass that has begun.
    fn record(&self, pass: &mut wgpu::ComputePass<'_>, steps: Range<usize>) {
        let mut set: Option<&Arc<Pipeline>> = None;
        for step in &self.steps[steps] {
            if set.is_none_or(|set| !Arc::ptr_eq(set, &step.pipeline)) {
                pass.set_pipeline(&step.pipeline.pipeline);
                set = Some(&step.pipeline);
            }
            pass.set_bind_group(0, &step.bindings, &[]);
            let [x, y, z] = step.grid;
            pass.dispatch_workgroups(x, y, z);
        }
    }

    fn encode_updates(&self, encoder: &mut wgpu::CommandEncoder) {
        for update in &self.plan.updates {
            let (source, offset) = self.memory.locate(&self.plan, update.value);
            let (target, _) = self.memory.locate(&self.plan, update.variable);
            let bytes = self.plan.slots[update.value].bytes.next_multiple_of(4);
            encoder.copy_buffer_to_buffer(source, offset, target, 0, bytes);
        }
    }

    /// Fills the temporaries with NaNs that no computation makes: what a run leaves of them was not written.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn poison(&self) -> Result<()> {
        *lock(&self.prepared) = None;
        self.memory.poison(&self.device, &self.plan)
    }

    /// In a session made with [`Options::CHECKED`] and [poisoned](Self::poison): the label of each temporary behind
    /// which something was stored, and the bits.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn stray_stores(&self) -> Result<Vec<(String, u32)>> {
        self.memory.stray_stores(&self.device, &self.plan)
    }
}

fn begin<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    timestamps: Option<wgpu::ComputePassTimestampWrites<'_>>,
) -> wgpu::ComputePass<'a> {
    encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
        label: Some("wgcnn"),
        timestamp_writes: timestamps,
    })
}

/// One pool for each of some inputs or outputs.
fn pools(tensors: &[(String, SlotId, TensorType)], pool: fn(&str, usize) -> Pool) -> Vec<Pool> {
    let tensors = tensors.iter();
    tensors
        .map(|(name, _, ty)| pool(name, ty.bytes()))
        .collect()
}

/// Names of the variables that the prologue of a plan reads, each once.
fn prologue_variables(plan: &Plan) -> Vec<String> {
    let prologue = plan.dispatches[..plan.prologue].iter();
    let read = prologue.flat_map(|dispatch| &dispatch.reads);
    let names = read.filter_map(|&slot| match &plan.slots[slot].place {
        Place::Variable(name) => Some(name.clone()),
        Place::Arena { .. } | Place::Constant { .. } => None,
    });
    names.collect::<BTreeSet<_>>().into_iter().collect()
}
