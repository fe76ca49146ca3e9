//! A graph made ready to run on a device.
//!
//! [`Session::new`] plans, builds pipelines, places buffers and uploads constants once. A run writes the inputs,
//! records one compute pass, submits once, and reads the outputs back or copies them to the caller's buffers.

mod feed;
mod memory;
mod timing;

pub use feed::{Feed, Outputs};
pub use timing::{Doubt, Timer, Timing};

use crate::device::{Device, Pipeline, lock};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::plan::{Options, Place, Plan, SlotId};
use crate::tensor::{Tensor, TensorType};
use crate::variables::{Changes, Variables, count_change};
use memory::Memory;
use std::collections::BTreeSet;
use std::future::Future;
use std::ops::Range;
use std::sync::{Arc, Mutex};

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
    /// Kept between runs; taken while a run reads from it.
    staging: Option<wgpu::Buffer>,
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
            plan,
            memory,
            steps,
            changes: variables.changes(),
            prepared: Mutex::new(None),
            staging: None,
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
        let device = self.device.clone();
        let (submission, reading) = self.begin(inputs)?;
        device.wait(submission)?;
        pollster::block_on(reading)
    }

    /// As [`run`](Self::run), without blocking: the run is submitted by the call, the future waits for its outputs.
    /// A thread polls the device until then.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_async<'a, F: Into<Feed<'a>>>(
        &mut self,
        inputs: impl IntoIterator<Item = (&'a str, F)>,
    ) -> impl Future<Output = Result<Outputs>> {
        let device = self.device.clone();
        let begun = self.begin(inputs);
        async move {
            let (submission, reading) = begun?;
            let poller = std::thread::spawn(move || device.wait(submission));
            let outputs = reading.await;
            match poller.join() {
                Ok(waited) => waited.and(outputs),
                Err(_) => Err(Error::DeviceLost("the polling thread died".to_owned())),
            }
        }
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
    fn begin<'a, F: Into<Feed<'a>>>(
        &mut self,
        inputs: impl IntoIterator<Item = (&'a str, F)>,
    ) -> Result<(wgpu::SubmissionIndex, impl Future<Output = Result<Outputs>>)> {
        let feeds = feed::resolve(&self.plan, inputs)?;
        let sizes = self.plan.outputs.iter();
        let sizes = sizes.map(|(_, _, ty)| (ty.bytes() as u64).next_multiple_of(4));
        let bytes: u64 = sizes.clone().sum();
        let staging = match self.staging.take() {
            Some(staging) => staging,
            None => {
                let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
                self.device.buffer("outputs", bytes, usage)?
            }
        };
        let submission = self.submit(&feeds, |encoder| {
            let mut end = 0;
            for ((_, slot, _), bytes) in self.plan.outputs.iter().zip(sizes) {
                let (source, offset) = self.memory.locate(&self.plan, *slot);
                encoder.copy_buffer_to_buffer(source, offset, &staging, end, bytes);
                end += bytes;
            }
        })?;
        let mapped = self.device.map(staging.clone());
        Ok((submission, self.read_outputs(staging, mapped)))
    }

    /// Submits a run, with the prologue if it has to run again; `copy` records where the outputs go.
    fn submit(
        &self,
        feeds: &[(SlotId, &TensorType, Feed<'_>)],
        copy: impl FnOnce(&mut wgpu::CommandEncoder),
    ) -> Result<wgpu::SubmissionIndex> {
        // Held until the submission, so that no other session changes a variable between prologue and run.
        let mut changes = lock(&self.changes);
        let stale = self.stale(&changes);
        let submission = self.device.scoped(|| {
            let descriptor = wgpu::CommandEncoderDescriptor::default();
            let mut encoder = self.device.wgpu().create_command_encoder(&descriptor);
            self.write_inputs(feeds, &mut encoder);
            let first = if stale.is_some() {
                0
            } else {
                self.plan.prologue
            };
            self.encode(&mut encoder, first..self.steps.len(), 1, None);
            copy(&mut encoder);
            self.encode_updates(&mut encoder);
            self.device.queue().submit([encoder.finish()])
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

    async fn read_outputs(
        &mut self,
        staging: wgpu::Buffer,
        mapped: impl Future<Output = Result<Vec<u8>>>,
    ) -> Result<Outputs> {
        let bytes = mapped.await?;
        self.staging = Some(staging);
        let mut rest = bytes.as_slice();
        let mut tensors = Vec::with_capacity(self.plan.outputs.len());
        for (name, _, ty) in &self.plan.outputs {
            let (tensor, behind) = rest.split_at(ty.bytes().next_multiple_of(4));
            tensors.push((name.clone(), Tensor::from_bytes(ty, tensor)));
            rest = behind;
        }
        Ok(Outputs::new(tensors))
    }

    fn write_inputs(
        &self,
        feeds: &[(SlotId, &TensorType, Feed<'_>)],
        encoder: &mut wgpu::CommandEncoder,
    ) {
        for (slot, ty, feed) in feeds {
            let (target, offset) = self.memory.locate(&self.plan, *slot);
            match feed {
                Feed::Tensor(tensor) => self.device.write(target, offset, tensor.bytes()),
                Feed::Buffer(buffer) => {
                    let bytes = (ty.bytes() as u64).next_multiple_of(4);
                    encoder.copy_buffer_to_buffer(buffer, 0, target, offset, bytes);
                }
            }
        }
    }

    /// Some of the dispatches, `repetitions` times over, in one pass.
    fn encode(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        steps: Range<usize>,
        repetitions: u32,
        timestamps: Option<wgpu::ComputePassTimestampWrites<'_>>,
    ) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("wgcnn"),
            timestamp_writes: timestamps,
        });
        for _ in 0..repetitions {
            let mut set: Option<&Arc<Pipeline>> = None;
            for step in &self.steps[steps.clone()] {
                if set.is_none_or(|set| !Arc::ptr_eq(set, &step.pipeline)) {
                    pass.set_pipeline(&step.pipeline.pipeline);
                    set = Some(&step.pipeline);
                }
                pass.set_bind_group(0, &step.bindings, &[]);
                let [x, y, z] = step.grid;
                pass.dispatch_workgroups(x, y, z);
            }
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
