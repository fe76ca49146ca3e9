//! WGSL kernels as plain data: text, helpers, and the layout of their parameters.

use crate::tensor::DType;

/// One member of a kernel's `struct Params`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, the same in Rust and WGSL.
    pub name: &'static str,
    /// Offset, bytes.
    pub offset: usize,
}

/// One dispatchable shader: `shaders/<name>.wgsl`, with the helper files that it needs appended after it, so that a
/// diagnostic keeps the kernel's own line numbers.
#[derive(PartialEq, Eq)]
pub struct Kernel {
    /// File stem in `shaders/`.
    pub name: &'static str,
    /// Which helpers are appended, `""` if the kernel has one form only.
    pub variant: &'static str,
    /// Text of the kernel file.
    pub source: &'static str,
    /// Texts of the helper files.
    pub helpers: &'static [&'static str],
    /// Members of `struct Params`.
    pub params: &'static [Field],
    /// Which of the reads is a uniform buffer, if one is.
    pub uniform: Option<usize>,
    /// How many of the writes have their bindings behind that of the parameters.
    pub behind: usize,
}

/// Elements in registers and in lanes of memory, of both types of floats.
pub(crate) const STORAGE: &str = include_str!("../shaders/helpers/storage.wgsl");
/// Functions of the channels of planes; with [`RECTIFIED`] and [`STORAGE`].
pub(crate) const FUNCTIONS: &str = include_str!("../shaders/helpers/functions.wgsl");
/// Which lanes of planes a thread has; with [`FUNCTIONS`].
pub(crate) const PLANES: &str = include_str!("../shaders/helpers/planes.wgsl");
/// Elements of an input that begin anywhere; with [`STORAGE`].
pub(crate) const ROWS: &str = include_str!("../shaders/helpers/rows.wgsl");
/// Sliding windows over rows; with [`ROWS`].
pub(crate) const WINDOWS: &str = include_str!("../shaders/helpers/windows.wgsl");
/// The stretch of a row as numbers; with [`WINDOWS`].
pub(crate) const VALUES: &str = include_str!("../shaders/helpers/values.wgsl");
/// Small windows of several output rows; with [`WINDOWS`].
pub(crate) const ROLL: &str = include_str!("../shaders/helpers/roll.wgsl");
/// Any windows of an output row; with [`WINDOWS`].
pub(crate) const WALK: &str = include_str!("../shaders/helpers/walk.wgsl");
/// Moments of samples, and how they merge.
pub(crate) const MOMENTS: &str = include_str!("../shaders/helpers/moments.wgsl");
/// ReLU of numbers.
pub(crate) const RECTIFIED: &str = include_str!("../shaders/helpers/rectified.wgsl");
/// Functions of channels on both ways; with [`FUNCTIONS`].
pub(crate) const WAYS: &str = include_str!("../shaders/helpers/ways.wgsl");
/// What is done to numbers as they are taken; with [`RECTIFIED`].
pub(crate) const ENTERED: &str = include_str!("../shaders/helpers/entered.wgsl");
/// The same by their channels; with [`ENTERED`].
pub(crate) const WAY_IN: &str = include_str!("../shaders/helpers/way_in.wgsl");
/// What is done to results before they are stored; with [`RECTIFIED`] and a form of stores.
pub(crate) const WAY_OUT: &str = include_str!("../shaders/helpers/way_out.wgsl");
/// What is done to numbers of whole lanes before they are stored; with [`RECTIFIED`] and [`STORAGE`].
pub(crate) const WAY_OUT_LANES: &str = include_str!("../shaders/helpers/way_out_lanes.wgsl");
/// The same of one channel, with an affine function; with [`WAY_OUT_LANES`].
pub(crate) const WAY_OUT_LANE: &str = include_str!("../shaders/helpers/way_out_lane.wgsl");
/// Stores to output rows that begin at lanes; with [`STORAGE`].
pub(crate) const STORE_LANES: &str = include_str!("../shaders/helpers/store_lanes.wgsl");
/// Stores to any output rows of f32.
pub(crate) const STORE_WORDS: &str = include_str!("../shaders/helpers/store_words.wgsl");
/// Stores to any output rows of f16.
pub(crate) const STORE_HALVES: &str = include_str!("../shaders/helpers/store_halves.wgsl");

/// Elements of a 16-byte lane.
pub(crate) const fn per_lane(dtype: DType) -> usize {
    16 / dtype.bytes()
}

/// Index in [`row_kernels`] of the form that stores rows of `width` elements, `columns` of them a thread.
pub(crate) const fn store_form(dtype: DType, width: usize, columns: u32) -> usize {
    let lane = per_lane(dtype);
    match dtype {
        _ if width.is_multiple_of(lane) && (columns as usize).is_multiple_of(lane) => 0,
        DType::F16 => 2,
        _ => 1,
    }
}

/// What the form of [`store_form`] needs to know of rows of `width` elements, as an `override`.
pub(crate) fn store_constants(form: usize, width: usize) -> Option<(&'static str, f64)> {
    (form == 2).then(|| ("EVEN", f64::from(u8::from(width.is_multiple_of(2)))))
}

/// The storage of floats as an `override` of [`STORAGE`].
pub(crate) fn half(dtype: DType) -> (&'static str, f64) {
    ("HALF", f64::from(u8::from(dtype == DType::F16)))
}

/// Without its texts, which are pages.
impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kernel({})", self.label())
    }
}

impl Kernel {
    /// A kernel without helpers.
    pub(crate) const fn new(
        name: &'static str,
        source: &'static str,
        params: &'static [Field],
    ) -> Self {
        Self {
            name,
            variant: "",
            source,
            helpers: &[],
            params,
            uniform: None,
            behind: 0,
        }
    }

    /// The same kernel with a read that is a uniform buffer.
    pub(crate) const fn with_uniform(self, read: usize) -> Self {
        Self {
            uniform: Some(read),
            ..self
        }
    }

    /// The same kernel with writes whose bindings are behind that of the parameters.
    pub(crate) const fn with_behind(self, writes: usize) -> Self {
        Self {
            behind: writes,
            ..self
        }
    }

    /// The same kernel with other helpers.
    pub(crate) const fn with(
        self,
        variant: &'static str,
        helpers: &'static [&'static str],
    ) -> Self {
        Self {
            variant,
            helpers,
            ..self
        }
    }

    /// The whole WGSL module.
    #[must_use]
    pub fn wgsl(&self) -> String {
        let mut text = self.source.to_owned();
        for helper in self.helpers {
            text.push('\n');
            text.push_str(helper);
        }
        text
    }

    /// `copy` or `max_pool+lanes`.
    #[must_use]
    pub fn label(&self) -> String {
        match self.variant {
            "" => self.name.to_owned(),
            variant => format!("{}+{variant}", self.name),
        }
    }
}

/// A kernel that stores rows, in three forms: see [`store_form`]; all have a way out. Behind its parameters, other helpers
/// that all forms have; `$form` tells them from those of the same kernel with others.
macro_rules! row_kernels {
    ($name:literal, $source:expr, $params:expr $(, $helper:expr)* $(,)?) => {
        $crate::kernel::row_kernels!($name + "", $source, $params $(, $helper)*)
    };
    ($name:literal + $form:literal, $source:expr, $params:expr $(, $helper:expr)* $(,)?) => {{
        use $crate::kernel::{
            Kernel, RECTIFIED, STORAGE, STORE_HALVES, STORE_LANES, STORE_WORDS, WAY_OUT,
        };
        const KERNEL: Kernel = Kernel::new($name, $source, $params);
        [
            KERNEL.with(
                concat!($form, "lanes"),
                &[$($helper,)* WAY_OUT, RECTIFIED, STORAGE, STORE_LANES],
            ),
            KERNEL.with(
                concat!($form, "words"),
                &[$($helper,)* WAY_OUT, RECTIFIED, STORAGE, STORE_WORDS],
            ),
            KERNEL.with(
                concat!($form, "halves"),
                &[$($helper,)* WAY_OUT, RECTIFIED, STORAGE, STORE_HALVES],
            ),
        ]
    }};
}
pub(crate) use row_kernels;

/// Where a dispatch begins: what every kernel's parameters begin with, and the plan sets.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Start {
    /// Workgroup at which it begins, where a grid is folded or cut.
    pub(crate) origin: [u32; 3],
    /// Lanes of the first tensor that is read, and of the first that is written, before what is bound of them.
    pub(crate) bases: [u32; 2],
}

/// Declares a `struct Params` whose layout a test compares with the kernel's.
macro_rules! params {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
        pub(super) struct $name {
            pub(super) start: $crate::kernel::Start,
            $($(#[$doc])* pub(super) $field: $ty,)*
        }

        impl $name {
            pub(super) const FIELDS: &'static [$crate::kernel::Field] = &[
                $crate::kernel::Field { name: "origin", offset: 0 },
                $crate::kernel::Field { name: "x_base", offset: 12 },
                $crate::kernel::Field { name: "y_base", offset: 16 },
                $($crate::kernel::Field {
                    name: stringify!($field),
                    offset: core::mem::offset_of!($name, $field),
                },)*
            ];
        }
    };
}
pub(crate) use params;
