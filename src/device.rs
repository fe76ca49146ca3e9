//! Adapters and devices: which there are, which one to take, and what every session on it shares.

mod adapter;
mod buffer;
mod cache;
mod pipeline;

pub use adapter::{Adapter, Kind, Selection};
use buffer::Account;
pub(crate) use buffer::Buffer;
pub(crate) use pipeline::Pipeline;
use pipeline::Pipelines;

use crate::error::{Error, Result};
use crate::plan::Limits;
use futures_intrusive::channel::shared::oneshot_channel;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A GPU (or its software stand-in) that sessions run on. Clones are handles of the same device.
#[derive(Clone)]
pub struct Device {
    shared: Arc<Shared>,
}

struct Shared {
    device: wgpu::Device,
    queue: wgpu::Queue,
    adapter: Adapter,
    pipelines: Pipelines,
    /// The driver's own, where it can be saved.
    cache: Option<wgpu::PipelineCache>,
    trouble: Arc<Trouble>,
    account: Arc<Account>,
}

/// What the callbacks of wgpu have reported.
#[derive(Default)]
struct Trouble {
    /// Why the device is gone, for good.
    lost: Mutex<Option<String>>,
    /// An error outside any scope, until it is reported.
    uncaptured: Mutex<Option<Error>>,
}

/// The data behind a mutex is valid whatever a panicking thread did: every update is a single assignment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Device").field(&self.shared.adapter).finish()
    }
}

impl Device {
    /// Opens the best adapter: discrete before integrated before software. The environment variables `WGPU_BACKEND`
    /// (`vulkan`, `metal`, `dx12`, `gl`) and `WGPU_ADAPTER_NAME` (part of a name) narrow the choice.
    ///
    /// # Errors
    /// [`Error::NoAdapter`], with the adapters that exist.
    pub fn new() -> Result<Self> {
        Self::open(&Selection::default())
    }

    /// Opens the best adapter of a selection.
    ///
    /// # Errors
    /// [`Error::NoAdapter`], with the adapters that exist.
    pub fn open(selection: &Selection) -> Result<Self> {
        Self::open_with(selection, |_| None)
    }

    /// With the data of a pipeline cache for the adapter, if there is some.
    fn open_with(
        selection: &Selection,
        cached: impl FnOnce(&wgpu::AdapterInfo) -> Option<Vec<u8>>,
    ) -> Result<Self> {
        let (adapter, handle) = adapter::select(selection)?;
        let useful = wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::PIPELINE_CACHE;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("wgcnn"),
            required_features: handle.features() & useful,
            required_limits: handle.limits(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(handle.request_device(&descriptor))
            .map_err(|error| Error::Validation(error.to_string()))?;
        let cache = cache::create(&device, cached(&handle.get_info()).as_deref());
        Ok(Self::share(device, queue, adapter, cache))
    }

    /// Shares a device that the application has made itself, with the limits and features that it asked for. Its
    /// callbacks for errors outside scopes and for a lost device are replaced: this crate returns both as [`Error`]s.
    #[must_use]
    pub fn from_wgpu(device: wgpu::Device, queue: wgpu::Queue) -> Self {
        // A device does not tell; a kernel that it cannot take is a validation error.
        let flags = wgpu::DownlevelFlags::all();
        let adapter = Adapter::of(
            &device.adapter_info(),
            &device.limits(),
            device.features(),
            flags,
        );
        let cache = cache::create(&device, None);
        Self::share(device, queue, adapter, cache)
    }

    fn share(
        device: wgpu::Device,
        queue: wgpu::Queue,
        adapter: Adapter,
        cache: Option<wgpu::PipelineCache>,
    ) -> Self {
        let trouble = Arc::new(Trouble::default());
        let lost = Arc::clone(&trouble);
        device.set_device_lost_callback(move |reason, message| {
            *lock(&lost.lost) = Some(format!("{reason:?}: {message}"));
        });
        let uncaptured = Arc::clone(&trouble);
        device.on_uncaptured_error(Arc::new(move |error| {
            *lock(&uncaptured.uncaptured) = Some(convert(error));
        }));
        Self {
            shared: Arc::new(Shared {
                device,
                queue,
                adapter,
                pipelines: Pipelines::new(),
                cache,
                trouble,
                account: Arc::default(),
            }),
        }
    }

    /// What the device is.
    #[must_use]
    pub fn adapter(&self) -> &Adapter {
        &self.shared.adapter
    }

    /// The limits that plans for this device must keep.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.adapter.limits
    }

    /// The wgpu device, to make buffers that a session reads or writes.
    #[must_use]
    pub fn wgpu(&self) -> &wgpu::Device {
        &self.shared.device
    }

    /// The wgpu queue, to fill such buffers.
    #[must_use]
    pub fn queue(&self) -> &wgpu::Queue {
        &self.shared.queue
    }

    /// Pipelines built so far: one for each kernel and set of constants, shared by all sessions.
    #[must_use]
    pub fn pipelines(&self) -> usize {
        self.shared.pipelines.len()
    }

    /// True for handles of one device.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// `Err` if the device is lost, or if wgpu has reported an error since the last call.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(reason) = &*lock(&self.shared.trouble.lost) {
            return Err(Error::DeviceLost(reason.clone()));
        }
        match lock(&self.shared.trouble.uncaptured).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Whether all threads take turns at one context, as in GL: wgpu panics in one that has waited for it for six seconds.
    pub(crate) fn has_one_context(&self) -> bool {
        self.adapter().backend == "Gl"
    }

    /// Runs `f` and returns its result, or the error that wgpu reports for it.
    pub(crate) fn scoped<T>(&self, f: impl FnOnce() -> T) -> Result<T> {
        self.check()?;
        let device = &self.shared.device;
        let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
        let result = f();
        // Scopes close in the order opposite to their opening, all of them before an error is returned.
        let errors = [internal, validation, memory].map(|scope| pollster::block_on(scope.pop()));
        match errors.into_iter().flatten().next() {
            Some(error) => Err(self.cause(convert(error))),
            None => self.check_now().map(|()| result),
        }
    }

    /// As [`check`](Self::check), for a call that succeeds on a lost device too: wgpu does nothing then, and says why when it
    /// is polled.
    pub(crate) fn check_now(&self) -> Result<()> {
        // The callback of a lost device reports what there is to report.
        let _ = self.shared.device.poll(wgpu::PollType::Poll);
        self.check()
    }

    /// What an error means: every call on a device that is lost fails in its own way. Waits for the work of the device, unless
    /// memory is short: then a caller may free some and go on.
    pub(crate) fn cause(&self, error: Error) -> Error {
        let short = matches!(error, Error::OutOfMemory { .. });
        if !short && lock(&self.shared.trouble.lost).is_none() {
            // A device that is destroyed while it works is lost, for wgpu, when it has ended.
            let _ = self.poll(&wgpu::PollType::wait_indefinitely());
        }
        match &*lock(&self.shared.trouble.lost) {
            Some(reason) => Error::DeviceLost(reason.clone()),
            None => error,
        }
    }

    /// Writes `data` at `offset`; the last word is completed with zeros.
    pub(crate) fn write(&self, buffer: &wgpu::Buffer, offset: u64, data: &[u8]) {
        let whole = data.len() / 4 * 4;
        let (words, rest) = data.split_at(whole);
        if !words.is_empty() {
            self.shared.queue.write_buffer(buffer, offset, words);
        }
        if !rest.is_empty() {
            let mut word = [0; 4];
            word[..rest.len()].copy_from_slice(rest);
            let offset = offset + whole as u64;
            self.shared.queue.write_buffer(buffer, offset, &word);
        }
    }

    /// Waits for a submission on this thread.
    pub(crate) fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<()> {
        let polled = self.poll(&wgpu::PollType::Wait {
            submission_index: Some(submission),
            timeout: None,
        });
        self.check().map_err(|error| self.cause(error))?;
        polled.map_err(|error| Error::DeviceLost(error.to_string()))?;
        Ok(())
    }

    /// Polls until what it waits for is there: wgpu's GL gives up after two seconds, and at once where waiting fails.
    fn poll(
        &self,
        poll: &wgpu::PollType,
    ) -> std::result::Result<wgpu::PollStatus, wgpu::PollError> {
        loop {
            let start = Instant::now();
            let polled = self.shared.device.poll(poll.clone());
            let gave_up = matches!(polled, Err(wgpu::PollError::Timeout));
            if !gave_up || start.elapsed() < Duration::from_secs(1) {
                return polled;
            }
        }
    }

    /// What `read` makes of the contents of a buffer for reading; the future completes when the device has been polled past the
    /// submission that fills it.
    pub(crate) fn map<T, F: FnOnce(&[u8]) -> T>(
        &self,
        buffer: &Buffer,
        read: F,
    ) -> impl Future<Output = Result<T>> + use<T, F> {
        let (sender, receiver) = oneshot_channel();
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone if the caller dropped the future: then nobody wants the result.
            let _ = sender.send(result);
        });
        let (device, buffer) = (self.clone(), buffer.clone());
        async move {
            let mapped = receiver.receive().await;
            device.check().map_err(|error| device.cause(error))?;
            match mapped {
                Some(Ok(())) => {}
                Some(Err(error)) => return Err(device.cause(Error::Validation(error.to_string()))),
                None => return Err(Error::DeviceLost("the mapping was dropped".to_owned())),
            }
            let view = buffer.get_mapped_range(..);
            let view = view.map_err(|error| Error::Validation(error.to_string()))?;
            let result = read(&view);
            drop(view);
            buffer.unmap();
            Ok(result)
        }
    }

    /// The first `bytes` of a buffer.
    pub(crate) fn read(&self, buffer: &wgpu::Buffer, bytes: u64) -> Result<Vec<u8>> {
        let bytes = bytes.next_multiple_of(4);
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging = self.buffer("read back", bytes, usage)?;
        let submission = self.scoped(|| {
            let mut encoder = self
                .shared
                .device
                .create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, bytes);
            self.shared.queue.submit([encoder.finish()])
        })?;
        // The buffer may be longer.
        let wanted = usize::try_from(bytes).unwrap_or(usize::MAX);
        let read = |contents: &[u8]| contents[..contents.len().min(wanted)].to_vec();
        let mapping = self.map(&staging, read);
        self.wait(submission)?;
        pollster::block_on(mapping)
    }
}

fn convert(error: wgpu::Error) -> Error {
    match error {
        wgpu::Error::OutOfMemory { source } => Error::OutOfMemory(source.to_string()),
        other => Error::Validation(other.to_string()),
    }
}
