//! Buffers whose bytes are counted, so that a device can have a budget.

use super::Device;
use crate::error::{Error, Result};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of all buffers of a device, and how many there may be.
#[derive(Debug)]
pub(super) struct Account {
    used: AtomicU64,
    budget: AtomicU64,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            used: AtomicU64::new(0),
            budget: AtomicU64::new(u64::MAX),
        }
    }
}

/// A buffer. Clones are handles of the same one, whose bytes are given back with the last.
#[derive(Clone, Debug)]
pub(crate) struct Buffer(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    buffer: wgpu::Buffer,
    bytes: u64,
    account: Arc<Account>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.account.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Deref for Buffer {
    type Target = wgpu::Buffer;

    fn deref(&self) -> &wgpu::Buffer {
        &self.0.buffer
    }
}

impl Device {
    /// Bytes of the buffers that sessions and variables have on this device.
    #[must_use]
    pub fn memory_in_use(&self) -> u64 {
        self.shared.account.used.load(Ordering::Relaxed)
    }

    /// Lets sessions and variables have so many bytes of buffers at most, `None` for as many as the device gives: what would
    /// be more is [`Error::OutOfMemory`], when a session is prepared or a run needs room for its inputs and outputs.
    pub fn set_memory_budget(&self, bytes: Option<u64>) {
        let budget = bytes.unwrap_or(u64::MAX);
        self.shared.account.budget.store(budget, Ordering::Relaxed);
    }

    /// A buffer of at least 16 bytes, which is what an empty tensor binds.
    pub(crate) fn buffer(
        &self,
        label: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<Buffer> {
        let limit = self.limits();
        if bytes > limit.max_buffer_size {
            return Err(Error::Limit {
                node: label.to_owned(),
                limit: "max_buffer_size (bytes)",
                needed: bytes,
                available: limit.max_buffer_size,
                adapter: limit.adapter.clone(),
            });
        }
        let bytes = bytes.max(16).next_multiple_of(8);
        let account = Arc::clone(&self.shared.account);
        let budget = account.budget.load(Ordering::Relaxed);
        let add = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= budget);
        let added = account
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        if let Err(used) = added {
            return Err(Error::OutOfMemory(format!(
                "{label} needs {bytes} bytes beside the {used} in use, of a budget of {budget}"
            )));
        }
        let created = self.scoped(|| {
            self.shared.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: bytes,
                usage,
                // What the host fills is mapped from the beginning on.
                mapped_at_creation: usage.contains(wgpu::BufferUsages::MAP_WRITE),
            })
        });
        match created {
            Ok(buffer) => Ok(Buffer(Arc::new(Counted {
                buffer,
                bytes,
                account,
            }))),
            Err(error) => {
                account.used.fetch_sub(bytes, Ordering::Relaxed);
                Err(error)
            }
        }
    }
}
