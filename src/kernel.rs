//! WGSL kernels as plain data: text, helpers, and the layout of their parameters.

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
#[derive(Debug, PartialEq, Eq)]
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
}

/// Lanes of one 16-byte access.
pub(crate) const VEC4: &str = include_str!("../shaders/helpers/vec4.wgsl");
/// Lanes of one 4-byte access, where rows do not begin on 16-byte boundaries.
pub(crate) const SCALAR: &str = include_str!("../shaders/helpers/scalar.wgsl");

/// Four neighbours of a row of `Lane`s; with [`VEC4`] or [`SCALAR`].
pub(crate) const ROW_VEC4: &str = include_str!("../shaders/helpers/row_vec4.wgsl");
/// As [`ROW_VEC4`], for [`SCALAR`].
pub(crate) const ROW_SCALAR: &str = include_str!("../shaders/helpers/row_scalar.wgsl");
/// The stretch of a row that neighbouring windows share; with [`ROW_VEC4`] or [`ROW_SCALAR`].
pub(crate) const STRETCH: &str = include_str!("../shaders/helpers/stretch.wgsl");
/// Stores to rows of a multiple of four elements.
pub(crate) const STORE_VEC4: &str = include_str!("../shaders/helpers/store_vec4.wgsl");
/// Stores to rows of any length.
pub(crate) const STORE_SCALAR: &str = include_str!("../shaders/helpers/store_scalar.wgsl");

/// Index in [`window_kernels`] of the form for rows of these lengths: 16-byte accesses where every row begins on a
/// 16-byte boundary, single elements elsewhere.
pub(crate) const fn rows_form(input: usize, output: usize) -> usize {
    2 * (!input.is_multiple_of(4)) as usize + (!output.is_multiple_of(4)) as usize
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

    /// `max_pool` or `batch_norm+vec4`.
    #[must_use]
    pub fn label(&self) -> String {
        match self.variant {
            "" => self.name.to_owned(),
            variant => format!("{}+{variant}", self.name),
        }
    }
}

/// A kernel whose windows slide over rows, in four forms: see [`rows_form`]. Behind its parameters, helpers that all forms
/// have.
macro_rules! window_kernels {
    ($name:literal, $source:expr, $params:expr $(, $helper:expr)* $(,)?) => {{
        use $crate::kernel::{
            Kernel, ROW_SCALAR, ROW_VEC4, SCALAR, STORE_SCALAR, STORE_VEC4, STRETCH, VEC4,
        };
        const KERNEL: Kernel = Kernel::new($name, $source, $params);
        [
            KERNEL.with("vec4-vec4", &[$($helper,)* STRETCH, VEC4, ROW_VEC4, STORE_VEC4]),
            KERNEL.with("vec4-scalar", &[$($helper,)* STRETCH, VEC4, ROW_VEC4, STORE_SCALAR]),
            KERNEL.with("scalar-vec4", &[$($helper,)* STRETCH, SCALAR, ROW_SCALAR, STORE_VEC4]),
            KERNEL.with("scalar-scalar", &[$($helper,)* STRETCH, SCALAR, ROW_SCALAR, STORE_SCALAR]),
        ]
    }};
}
pub(crate) use window_kernels;

/// Declares a `struct Params` whose layout a test compares with the kernel's. Every kernel's parameters begin with
/// `origin`: the workgroup at which a dispatch begins, which the plan sets when it folds a grid.
macro_rules! params {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
        pub(super) struct $name {
            /// Workgroup at which the dispatch begins.
            pub(super) origin: [u32; 3],
            $($(#[$doc])* pub(super) $field: $ty,)*
        }

        impl $name {
            pub(super) const FIELDS: &'static [$crate::kernel::Field] = &[
                $crate::kernel::Field { name: "origin", offset: core::mem::offset_of!($name, origin) },
                $($crate::kernel::Field {
                    name: stringify!($field),
                    offset: core::mem::offset_of!($name, $field),
                },)*
            ];
        }
    };
}
pub(crate) use params;
