//! Buffers through which inputs and outputs pass, kept from run to run: as many as there are runs in flight.

use crate::device::{Buffer, Device, lock};
use crate::error::{Error, Result};
use std::future::Future;
use std::sync::{Arc, Mutex};
use wgpu::BufferUsages as Usage;

/// Buffers of one size that no run uses at the moment.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    label: String,
    bytes: u64,
    usage: Usage,
    free: Arc<Mutex<Vec<Buffer>>>,
}

impl Pool {
    /// For an input of so many bytes.
    pub(super) fn uploads(name: &str, bytes: usize) -> Self {
        Self::new(
            format!("input {name:?}, staged"),
            bytes,
            Usage::MAP_WRITE | Usage::COPY_SRC,
        )
    }

    /// For an output of so many bytes.
    pub(super) fn downloads(name: &str, bytes: usize) -> Self {
        Self::new(
            format!("output {name:?}, staged"),
            bytes,
            Usage::MAP_READ | Usage::COPY_DST,
        )
    }

    fn new(label: String, bytes: usize, usage: Usage) -> Self {
        Self {
            label,
            bytes: (bytes as u64).next_multiple_of(4),
            usage,
            free: Arc::default(),
        }
    }

    /// A buffer that is free, or a new one.
    pub(super) fn take(&self, device: &Device) -> Result<Buffer> {
        let free = lock(&self.free).pop();
        free.map_or_else(|| device.buffer(&self.label, self.bytes, self.usage), Ok)
    }

    /// A buffer with `data`, to be copied from.
    pub(super) fn filled(&self, device: &Device, data: &[u8]) -> Result<Buffer> {
        // Free ones are mapped, and new ones too.
        let buffer = self.take(device)?;
        let bytes = data.len().next_multiple_of(4) as u64;
        if bytes > 0 {
            let view = buffer.get_mapped_range_mut(0..bytes);
            let invalid = |error: wgpu::MapRangeError| Error::Validation(error.to_string());
            let mut view = view.map_err(|error| device.cause(invalid(error)))?;
            view.slice(..data.len()).copy_from_slice(data);
            let rest = &[0; 4][..data.len().next_multiple_of(4) - data.len()];
            view.slice(data.len()..).copy_from_slice(rest);
        }
        buffer.unmap();
        Ok(buffer)
    }

    /// Takes an upload back when the device is past the run that copies from it.
    pub(super) fn recall(&self, buffer: Buffer) {
        let pool = self.clone();
        let own = buffer.clone();
        buffer.map_async(wgpu::MapMode::Write, .., move |mapped| {
            // One that cannot be mapped any more, of a lost device, is not used again.
            if mapped.is_ok() {
                lock(&pool.free).push(own);
            }
        });
    }

    /// What `read` makes of a download, which is free then; the future completes when the device has been polled past the run
    /// that fills it. If it is dropped before, so is the buffer.
    pub(super) fn read<T, F: FnOnce(&[u8]) -> T>(
        &self,
        device: &Device,
        buffer: Buffer,
        read: F,
    ) -> impl Future<Output = Result<T>> + use<T, F> {
        let mapped = device.map(&buffer, read);
        let free = Arc::clone(&self.free);
        async move {
            let result = mapped.await?;
            lock(&free).push(buffer);
            Ok(result)
        }
    }
}
