//! Compiled pipelines on disk, where a driver has a form for them (Vulkan).

use super::{Device, Selection};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// What a file of pipelines begins with, before the sum of its contents.
const MAGIC: &[u8; 8] = b"wgcnnpc1";

/// Sum of contents (FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>): a file that was cut short or changed is found out.
fn sum(data: &[u8]) -> [u8; 8] {
    let step = |sum: u64, &byte: &u8| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    data.iter().fold(0xcbf2_9ce4_8422_2325, step).to_le_bytes()
}

/// The contents of a file of pipelines, if it is whole.
fn contents(file: &[u8]) -> Option<&[u8]> {
    let rest = file.strip_prefix(MAGIC)?;
    let (expected, data) = rest.split_first_chunk::<8>()?;
    (sum(data) == *expected).then_some(data)
}

/// The file of an adapter's pipelines in a folder; `None` for a backend without.
fn file(folder: &Path, adapter: &wgpu::AdapterInfo) -> Option<PathBuf> {
    wgpu::util::pipeline_cache_key(adapter).map(|key| folder.join(key))
}

/// A cache for the pipelines of a device that can have one, with those of `data`.
#[expect(unsafe_code, reason = "drivers trust the data of their caches")]
pub(super) fn create(device: &wgpu::Device, data: Option<&[u8]>) -> Option<wgpu::PipelineCache> {
    if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
        return None;
    }
    let descriptor = wgpu::PipelineCacheDescriptor {
        label: Some("wgcnn"),
        data,
        fallback: true,
    };
    // SAFETY: the data is what `save_pipelines` has written of a cache: its sum says that it is whole. wgpu compares its header
    // with the adapter, the driver and its own version, and begins with an empty cache otherwise.
    Some(unsafe { device.create_pipeline_cache(&descriptor) })
}

impl Device {
    /// As [`open`](Self::open), with the pipelines that [`save_pipelines`](Self::save_pipelines) left in `folder`, of this
    /// adapter and this version of its driver. Without a file, or with one that is not whole, it begins with none.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_cached(selection: &Selection, folder: &Path) -> Result<Self> {
        Self::open_with(selection, |adapter| {
            let data = std::fs::read(file(folder, adapter)?).ok()?;
            contents(&data).map(<[u8]>::to_vec)
        })
    }

    /// Writes the pipelines that this device has built to a file in `folder`, for [`open_cached`](Self::open_cached); `false`
    /// if its backend or driver has no form for them. The file is replaced as a whole.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::DeviceLost`].
    pub fn save_pipelines(&self, folder: &Path) -> Result<bool> {
        self.check_now()?;
        let target = file(folder, &self.shared.device.adapter_info());
        let data = self
            .shared
            .cache
            .as_ref()
            .and_then(wgpu::PipelineCache::get_data);
        let (Some(target), Some(data)) = (target, data) else {
            return Ok(false);
        };
        let failed = |source| Error::Io {
            path: target.clone(),
            source,
        };
        let whole = [&MAGIC[..], &sum(&data), &data].concat();
        // Of this process alone: two may save at one time.
        let unfinished = target.with_extension(std::process::id().to_string());
        std::fs::create_dir_all(folder).map_err(failed)?;
        std::fs::write(&unfinished, whole).map_err(failed)?;
        std::fs::rename(&unfinished, &target).map_err(failed)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_file_is_used() {
        let data = b"pipelines";
        let file = [&MAGIC[..], &sum(data), data].concat();
        assert_eq!(contents(&file), Some(&data[..]));
        for end in 0..file.len() {
            assert_eq!(contents(&file[..end]), None, "{end} bytes");
        }
        let mut changed = file;
        changed[20] ^= 1;
        assert_eq!(contents(&changed), None);
    }
}
