//! [`AvgPool`]: attributes, shape rule, method, lowering.

use super::held::{self, HELD_WAY_IN, HELD_WINDOWS, held_kernels};
use super::pool::{self, Params};
use super::window::{Window, check_input, check_pool_padding, symmetric};
use super::{Layer, Op};
use crate::error::{Error, Result};
use crate::fusion::Takes;
use crate::graph::{Graph, Value};
use crate::kernel::{ENTERED, Kernel, ROLL, ROWS, VALUES, WALK, WAY_IN, WINDOWS, row_kernels};
use crate::plan::Lowering;
use crate::tensor::TensorType;

/// Extents of windows within the input.
const CLIPPED: &str = include_str!("../../shaders/helpers/clipped.wgsl");

pub(super) const KERNELS: [Kernel; 3] = row_kernels!(
    "avg_pool",
    include_str!("../../shaders/avg_pool.wgsl"),
    Params::FIELDS,
    CLIPPED,
    pool::SLICES,
    ROLL,
    WALK,
    VALUES,
    WINDOWS,
    WAY_IN,
    ENTERED,
    ROWS,
);

/// Of planes that a thread holds whole.
pub(super) const PLANES_KERNELS: [Kernel; 2] = held_kernels!(
    "avg_pool_planes",
    include_str!("../../shaders/avg_pool_planes.wgsl"),
    held::WINDOWS,
    CLIPPED,
    HELD_WINDOWS,
    HELD_WAY_IN
);

/// Mean of each window. `torch.nn.AvgPool1d`, `AvgPool2d`, `AvgPool3d`.
///
/// Input f32 or f16 [N, C, *] with as many spatial dimensions as the kernel has entries. The divisor is the number of
/// elements of the window within the padded input; what ceil mode adds beyond the padding never counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvgPool {
    /// Extents of the window, 1 to 3 entries.
    pub kernel: Vec<usize>,
    /// Distance between windows, elements; the kernel unless set.
    pub stride: Vec<usize>,
    /// Zeros on both sides, at most half the kernel; 0 unless set.
    pub padding: Vec<usize>,
    /// Round the number of windows up: the last one may reach beyond the padded input.
    pub ceil_mode: bool,
    /// Padding counts in the divisor; true unless set.
    pub count_include_pad: bool,
    /// Divides by this number instead; not 0.
    pub divisor_override: Option<i64>,
}

impl AvgPool {
    /// Windows of `kernel`, side by side.
    #[must_use]
    pub fn new(kernel: impl Into<Vec<usize>>) -> Self {
        let kernel = kernel.into();
        Self {
            stride: kernel.clone(),
            padding: vec![0; kernel.len()],
            ceil_mode: false,
            count_include_pad: true,
            divisor_override: None,
            kernel,
        }
    }

    /// Sets the stride.
    #[must_use]
    pub fn stride(mut self, stride: impl Into<Vec<usize>>) -> Self {
        self.stride = stride.into();
        self
    }

    /// Sets the padding.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Vec<usize>>) -> Self {
        self.padding = padding.into();
        self
    }

    /// Sets the rounding of the number of windows.
    #[must_use]
    pub const fn ceil_mode(mut self, ceil_mode: bool) -> Self {
        self.ceil_mode = ceil_mode;
        self
    }

    /// Sets whether padding counts in the divisor.
    #[must_use]
    pub const fn count_include_pad(mut self, count_include_pad: bool) -> Self {
        self.count_include_pad = count_include_pad;
        self
    }

    /// Sets the divisor.
    #[must_use]
    pub const fn divisor_override(mut self, divisor: i64) -> Self {
        self.divisor_override = Some(divisor);
        self
    }

    fn with_window<R>(&self, f: impl FnOnce(&Window<'_>) -> R) -> R {
        f(&Window {
            kernel: &self.kernel,
            stride: &self.stride,
            padding: &symmetric(&self.padding),
            dilation: &vec![1; self.kernel.len()],
            ceil_mode: self.ceil_mode,
        })
    }
}

impl Graph {
    /// [`AvgPool`] of `x`.
    ///
    /// # Errors
    /// [`Error::Attribute`] for attributes that PyTorch rejects, [`Error::Shape`] for another rank, an empty extent but
    /// N, or an input smaller than the kernel.
    pub fn avg_pool(&mut self, x: Value, attributes: AvgPool) -> Result<Value> {
        self.apply_one(Op::AvgPool(attributes), &[x])
    }
}

impl Layer for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool"
    }

    fn infer(&self, node: &str, inputs: &[&TensorType]) -> Result<Vec<TensorType>> {
        if self.divisor_override == Some(0) {
            return Err(Error::attribute(node, "a divisor other than 0", "0"));
        }
        self.with_window(|window| {
            window.check(node)?;
            check_pool_padding(node, &self.kernel, &self.padding)?;
            check_input(node, inputs[0], self.kernel.len())?;
            let mut shape = inputs[0].shape[..2].to_vec();
            shape.extend(window.output(node, &inputs[0].shape[2..])?);
            let y = inputs[0].like(shape);
            pool::check_work(node, window, inputs[0], &y)?;
            Ok(vec![y])
        })
    }

    fn takes(&self, _inputs: &[&TensorType]) -> Takes {
        Takes::ALL
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        let divisor_fixed = self.divisor_override.is_some();
        let extra = [
            ("DIVISOR_FIXED", f64::from(u8::from(divisor_fixed))),
            ("INCLUDE_PAD", f64::from(u8::from(self.count_include_pad))),
        ];
        #[expect(
            clippy::cast_precision_loss,
            reason = "PyTorch divides by the divisor as a float"
        )]
        let divisor = self.divisor_override.unwrap_or(1) as f32;
        self.with_window(|window| {
            pool::launch(
                lowering,
                (&KERNELS, &PLANES_KERNELS),
                window,
                &extra,
                divisor,
            );
        });
    }
}
