//! Which adapters there are, as plain data, and which one a selection means.

use crate::error::{Error, Result};
use crate::plan::{CPU_RATES, GPU_RATES, Limits};
use std::fmt;
use std::sync::LazyLock;

/// How to get an adapter on a machine without one.
pub(crate) const HINT: &str =
    "A software Vulkan driver: `apt-get install mesa-vulkan-drivers` (Debian, Ubuntu)";

/// What kind of processor an adapter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A GPU with its own memory.
    Discrete,
    /// A GPU that shares the CPU's memory.
    Integrated,
    /// A GPU in a virtual machine.
    Virtual,
    /// Unknown to the driver.
    Other,
    /// The CPU behind a GPU interface: right for tests, no GPU.
    Software,
}

/// Whether a version of GL, as its driver names it, has compute shaders: naga writes none for an older one, though extensions
/// of it may have them.
fn has_compute(version: &str) -> bool {
    let (needed, version) = match version.split_once(" ES ") {
        Some((_, version)) => ((3, 1), version),
        None => ((4, 3), version),
    };
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next().and_then(|number| number.parse::<u32>().ok());
    (number(), number()) >= (Some(needed.0), Some(needed.1))
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Discrete => "discrete",
            Self::Integrated => "integrated",
            Self::Virtual => "virtual",
            Self::Other => "other",
            Self::Software => "software",
        })
    }
}

/// An adapter, as plain data.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// Name as the driver gives it.
    pub name: String,
    /// What kind of processor it is.
    pub kind: Kind,
    /// `Vulkan`, `Metal`, `Dx12` or `Gl`.
    pub backend: String,
    /// Driver and its version.
    pub driver: String,
    /// The device can take timestamps.
    pub timestamps: bool,
    /// Shaders can compute in f16.
    pub f16: bool,
    /// Shaders have subgroup operations, of this many invocations at least and at most.
    pub subgroups: Option<(u32, u32)>,
    /// Shaders can reduce and unpack halves: enough invocations and storage buffers, and `unpack2x16float`; on GL, there are
    /// compute shaders in its version, OpenGL 4.3 or OpenGL ES 3.1 (NVIDIA's driver on Linux gives wgpu a context of OpenGL 3.3).
    pub usable: bool,
    /// Invocations of a workgroup.
    pub max_invocations: u32,
    /// Bytes of workgroup memory.
    pub workgroup_memory: u32,
    /// The limits that plans depend on.
    pub limits: Limits,
}

impl Adapter {
    pub(super) fn of(
        info: &wgpu::AdapterInfo,
        limits: &wgpu::Limits,
        features: wgpu::Features,
        downlevel: wgpu::DownlevelFlags,
    ) -> Self {
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => Kind::Discrete,
            wgpu::DeviceType::IntegratedGpu => Kind::Integrated,
            wgpu::DeviceType::VirtualGpu => Kind::Virtual,
            wgpu::DeviceType::Cpu => Kind::Software,
            wgpu::DeviceType::Other => Kind::Other,
        };
        let driver = format!("{} {}", info.driver, info.driver_info);
        // SwiftShader is software too, but its compiler took more than four minutes for a kernel of 256 sums.
        let thread_sums = if kind == Kind::Software && driver.contains("LLVM") {
            256
        } else {
            64
        };
        let [operations_per_second, bytes_per_second] = match kind {
            Kind::Software => CPU_RATES,
            _ => GPU_RATES,
        };
        let subgroups = features
            .contains(wgpu::Features::SUBGROUP)
            .then_some((info.subgroup_min_size, info.subgroup_max_size));
        Self {
            name: info.name.clone(),
            kind,
            backend: format!("{:?}", info.backend),
            driver: driver.trim().to_owned(),
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            f16: features.contains(wgpu::Features::SHADER_F16),
            subgroups,
            usable: (info.backend != wgpu::Backend::Gl || has_compute(&info.driver_info))
                && limits.max_compute_invocations_per_workgroup >= 256
                && limits.max_storage_buffers_per_shader_stage >= 8
                // Core WGSL, which the oldest devices lack.
                && downlevel.contains(wgpu::DownlevelFlags::SHADER_F16_IN_F32),
            max_invocations: limits.max_compute_invocations_per_workgroup,
            workgroup_memory: limits.max_compute_workgroup_storage_size,
            limits: Limits {
                adapter: info.name.clone(),
                max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
                max_buffer_size: limits.max_buffer_size,
                max_uniform_buffer_binding_size: limits.max_uniform_buffer_binding_size,
                max_compute_workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
                max_storage_buffers_per_shader_stage: limits.max_storage_buffers_per_shader_stage,
                min_storage_buffer_offset_alignment: limits.min_storage_buffer_offset_alignment,
                min_uniform_buffer_offset_alignment: limits.min_uniform_buffer_offset_alignment,
                thread_sums,
                operations_per_second,
                bytes_per_second,
            },
        }
    }

    /// All adapters of all backends that `WGPU_BACKEND` allows, the best first; those that the process found when it first
    /// asked. Their indices are those that
    /// [`Selection::device`] takes.
    #[must_use]
    pub fn all() -> Vec<Self> {
        ADAPTERS
            .iter()
            .map(|(adapter, _)| adapter.clone())
            .collect()
    }

    /// True if the machine has a usable adapter, even one that `WGPU_BACKEND` hides.
    #[must_use]
    pub fn any() -> bool {
        let usable =
            |adapters: &[(Self, wgpu::Adapter)]| adapters.iter().any(|(adapter, _)| adapter.usable);
        usable(&ADAPTERS)
            || usable(&search(
                wgpu::InstanceDescriptor::new_without_display_handle(),
            ))
    }

    /// True if `part` is a part of the name, in any case.
    fn is_named(&self, part: &str) -> bool {
        self.name.to_lowercase().contains(&part.to_lowercase())
    }

    /// Best first: usable, then by kind, then the native interfaces before GL.
    fn rank(&self) -> (bool, Kind, bool) {
        (!self.usable, self.kind, self.backend == "Gl")
    }
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            kind,
            backend,
            driver,
            ..
        } = self;
        match kind {
            Kind::Software => write!(f, "{name}, SOFTWARE (the CPU, no GPU), {backend}, {driver}"),
            _ => write!(f, "{name}, {kind}, {backend}, {driver}"),
        }
    }
}

/// Which adapter to take. The default leaves the choice to `WGPU_ADAPTER_NAME` and then to the ranking.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Index in [`Adapter::all`], or part of a name, in any case; a number that is no index is part of a name.
    pub device: Option<String>,
    /// `vulkan`, `metal`, `dx12` or `gl`, in any case.
    pub backend: Option<String>,
}

impl Selection {
    /// Indices of the adapters that the selection means, of those of [`Adapter::all`].
    #[must_use]
    pub fn of(&self, adapters: &[Adapter]) -> Vec<usize> {
        let wanted = |index: usize, adapter: &Adapter, device: &str| match device.parse::<usize>() {
            Ok(wanted) if wanted < adapters.len() => wanted == index,
            _ => adapter.is_named(device),
        };
        let accepts = |(index, adapter): &(usize, &Adapter)| {
            let device = self.device.as_deref();
            let backend = self.backend.as_deref();
            device.is_none_or(|device| wanted(*index, adapter, device))
                && backend.is_none_or(|backend| adapter.backend.eq_ignore_ascii_case(backend))
        };
        let adapters = adapters.iter().enumerate().filter(accepts);
        adapters.map(|(index, _)| index).collect()
    }

    /// With the name that `WGPU_ADAPTER_NAME` asks for, unless there is a device to ask for.
    fn or_environment(&self) -> Self {
        let device = self.device.clone();
        Self {
            device: device.or_else(|| std::env::var("WGPU_ADAPTER_NAME").ok()),
            backend: self.backend.clone(),
        }
    }

    /// The error for a selection that none of these adapters meets.
    #[must_use]
    pub fn not_found(&self, adapters: &[Adapter]) -> Error {
        let part = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("with {name} {value:?}"))
        };
        let environment = |name: &str| std::env::var(name).ok();
        let in_environment = match self.device {
            Some(_) => None,
            None => environment("WGPU_ADAPTER_NAME"),
        };
        let parts = [
            part("device", &self.device),
            part("WGPU_ADAPTER_NAME", &in_environment),
            part("backend", &self.backend),
            part("WGPU_BACKEND", &environment("WGPU_BACKEND")),
        ];
        let found: Vec<String> = adapters.iter().map(ToString::to_string).collect();
        let wanted: Vec<String> = parts.into_iter().flatten().collect();
        Error::NoAdapter {
            wanted: if wanted.is_empty() {
                "that can run compute shaders".to_owned()
            } else {
                wanted.join(" and ")
            },
            found: if found.is_empty() {
                "none".to_owned()
            } else {
                found.join("; ")
            },
            hint: match adapters {
                [] if Adapter::any() => "WGPU_BACKEND hides the other backends",
                [] => HINT,
                _ => "",
            },
        }
    }
}

/// The adapters, the best first, found once for the process: wgpu tells the buffers of two devices apart only within an
/// instance, and its devices on GL may be used by several threads only if they come from one search of one instance.
static ADAPTERS: LazyLock<Vec<(Adapter, wgpu::Adapter)>> =
    LazyLock::new(|| search(wgpu::InstanceDescriptor::new_without_display_handle_from_env()));

fn search(descriptor: wgpu::InstanceDescriptor) -> Vec<(Adapter, wgpu::Adapter)> {
    let instance = wgpu::Instance::new(descriptor);
    let handles = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let describe = |handle: wgpu::Adapter| {
        let flags = handle.get_downlevel_capabilities().flags;
        let adapter = Adapter::of(
            &handle.get_info(),
            &handle.limits(),
            handle.features(),
            flags,
        );
        (adapter, handle)
    };
    let mut adapters: Vec<_> = handles.into_iter().map(describe).collect();
    adapters.sort_by_key(|(adapter, _)| adapter.rank());
    adapters
}

/// The best usable adapter of a selection.
pub(super) fn select(selection: &Selection) -> Result<(Adapter, wgpu::Adapter)> {
    let chosen = selection.or_environment();
    let adapters = Adapter::all();
    let mut accepted = chosen.of(&adapters).into_iter();
    match accepted.find(|&index| adapters[index].usable) {
        Some(index) => Ok(ADAPTERS[index].clone()),
        None => Err(selection.not_found(&adapters)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, kind: Kind, backend: &str) -> Adapter {
        Adapter {
            name: name.to_owned(),
            kind,
            backend: backend.to_owned(),
            driver: String::new(),
            timestamps: true,
            f16: false,
            subgroups: None,
            usable: true,
            max_invocations: 256,
            workgroup_memory: 16_384,
            limits: Limits::default(),
        }
    }

    #[test]
    fn usable_comes_first_then_hardware_then_vulkan() {
        let mut adapters = [
            adapter("e", Kind::Discrete, "Vulkan"),
            adapter("c", Kind::Software, "Vulkan"),
            adapter("b", Kind::Discrete, "Gl"),
            adapter("a", Kind::Discrete, "Vulkan"),
            adapter("d", Kind::Software, "Gl"),
        ];
        adapters[0].usable = false;
        adapters.sort_by_key(Adapter::rank);
        assert_eq!(
            adapters.map(|adapter| adapter.name),
            ["a", "b", "c", "d", "e"]
        );
    }

    #[test]
    fn a_selection_is_an_index_or_part_of_a_name() {
        let gpu = adapter("NVIDIA H200", Kind::Discrete, "Vulkan");
        let selection = |device: Option<&str>, backend: Option<&str>| Selection {
            device: device.map(str::to_owned),
            backend: backend.map(str::to_owned),
        };
        let gpus = [gpu, adapter("GeForce RTX 4090", Kind::Discrete, "Vulkan")];
        let of = |device, backend| selection(device, backend).of(&gpus);
        assert_eq!(of(None, None), [0, 1]);
        assert_eq!(of(Some("h200"), Some("vulkan")), [0]);
        assert_eq!(of(Some("1"), None), [1]);
        assert_eq!(of(Some("4090"), None), [1]);
        assert_eq!(of(Some("2"), None), [0], "part of a name");
        assert!(of(Some("radeon"), None).is_empty());
        assert!(of(None, Some("gl")).is_empty());
    }

    #[test]
    fn versions_of_gl_have_compute_shaders_or_not() {
        for (version, expected) in [
            ("3.3.0 NVIDIA 580.159.04", false),
            ("4.2.0", false),
            ("4.3.0", true),
            ("4.5 (Core Profile) Mesa 22.3.6", true),
            ("4.10.1", true),
            ("OpenGL ES 3.0 Mesa 22.3.6", false),
            ("OpenGL ES 3.1 Mesa 22.3.6", true),
            ("", false),
        ] {
            assert_eq!(has_compute(version), expected, "{version}");
        }
    }

    #[test]
    fn a_software_adapter_says_so() {
        let software = adapter("llvmpipe", Kind::Software, "Vulkan");
        assert!(software.to_string().contains("SOFTWARE"));
    }
}
