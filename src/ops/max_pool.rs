//! [`MaxPool`]: attributes, shape rule, method, lowering.

use super::held::{self, HELD_WAY_IN, HELD_WINDOWS, held_kernels};
use super::pool::{self, Params};
use super::window::{Window, check_input, check_pool_padding, symmetric};
use super::{Layer, Op};
use crate::error::Result;
use crate::fusion::Takes;
use crate::graph::{Graph, Value};
use crate::kernel::{ENTERED, Kernel, ROLL, ROWS, WALK, WAY_IN, WINDOWS, row_kernels};
use crate::plan::Lowering;
use crate::tensor::TensorType;

/// Elements as integers in their order.
const KEYS: &str = include_str!("../../shaders/helpers/keys.wgsl");

pub(super) const KERNELS: [Kernel; 3] = row_kernels!(
    "max_pool",
    include_str!("../../shaders/max_pool.wgsl"),
    Params::FIELDS,
    KEYS,
    pool::SLICES,
    ROLL,
    WALK,
    WINDOWS,
    WAY_IN,
    ENTERED,
    ROWS,
);

/// Of planes that a thread holds whole.
pub(super) const PLANES_KERNELS: [Kernel; 2] = held_kernels!(
    "max_pool_planes",
    include_str!("../../shaders/max_pool_planes.wgsl"),
    held::WINDOWS,
    KEYS,
    HELD_WINDOWS,
    HELD_WAY_IN
);

/// Largest element of each window. `torch.nn.MaxPool1d`, `MaxPool2d`, `MaxPool3d`.
///
/// Input f32 or f16 [N, C, *] with as many spatial dimensions as the kernel has entries. Padding never wins, a NaN in the
/// window does; of `-0.0` and `0.0` the first stays. A window wholly in padding (possible with dilation) gives `-inf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// Extents of the window, 1 to 3 entries.
    pub kernel: Vec<usize>,
    /// Distance between windows, elements; the kernel unless set.
    pub stride: Vec<usize>,
    /// Elements of padding on both sides, at most half the kernel; 0 unless set.
    pub padding: Vec<usize>,
    /// Distance between the taps of a window, elements; 1 unless set.
    pub dilation: Vec<usize>,
    /// Round the number of windows up: the last one may reach beyond the padded input.
    pub ceil_mode: bool,
}

impl MaxPool {
    /// Windows of `kernel`, side by side.
    #[must_use]
    pub fn new(kernel: impl Into<Vec<usize>>) -> Self {
        let kernel = kernel.into();
        let dims = kernel.len();
        Self {
            stride: kernel.clone(),
            padding: vec![0; dims],
            dilation: vec![1; dims],
            ceil_mode: false,
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

    /// Sets the dilation.
    #[must_use]
    pub fn dilation(mut self, dilation: impl Into<Vec<usize>>) -> Self {
        self.dilation = dilation.into();
        self
    }

    /// Sets the rounding of the number of windows.
    #[must_use]
    pub const fn ceil_mode(mut self, ceil_mode: bool) -> Self {
        self.ceil_mode = ceil_mode;
        self
    }

    fn with_window<R>(&self, f: impl FnOnce(&Window<'_>) -> R) -> R {
        f(&Window {
            kernel: &self.kernel,
            stride: &self.stride,
            padding: &symmetric(&self.padding),
            dilation: &self.dilation,
            ceil_mode: self.ceil_mode,
        })
    }
}

impl Graph {
    /// [`MaxPool`] of `x`.
    ///
    /// # Errors
    /// [`Error::Attribute`](crate::Error::Attribute) for attributes that PyTorch rejects,
    /// [`Error::Shape`](crate::Error::Shape) for another rank, an empty extent but N, or an input smaller than the kernel.
    pub fn max_pool(&mut self, x: Value, attributes: MaxPool) -> Result<Value> {
        self.apply_one(Op::MaxPool(attributes), &[x])
    }
}

impl Layer for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn infer(&self, node: &str, inputs: &[&TensorType]) -> Result<Vec<TensorType>> {
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
        let branches: &[_] = if lowering.loads_are_dear() {
            &[]
        } else {
            &[("BRANCHES", 1.0)]
        };
        self.with_window(|window| {
            pool::launch(lowering, (&KERNELS, &PLANES_KERNELS), window, branches, 1.0);
        });
    }
}
