//! [`Conv`]: attributes, shape rule, method, lowering.

mod bands;
mod kernels;
mod lower;
mod packed;
mod pointwise;
mod shapes;
mod shared;
mod tiles;

pub(super) use kernels::{
    DEPTHWISE_KERNELS, DEPTHWISE_MOMENTS_KERNELS, FEW_KERNELS, KERNELS, PACK_KERNELS,
    PLANES_KERNELS, POINTWISE_KERNELS, POINTWISE_UNIFORM_KERNELS, ROWS_KERNELS,
    ROWS_UNIFORM_KERNELS, SHARED_KERNELS, SHARED_MOMENTS_KERNELS, TILE_KERNELS,
    TILE_UNIFORM_KERNELS,
};

use super::window::{MAX_DIMS, Window, check_input, check_turns, symmetric};
use super::{Layer, Op};
use crate::error::{Error, Result};
use crate::fusion::Takes;
use crate::graph::{Graph, Value};
use crate::plan::Lowering;
use crate::tensor::TensorType;

/// Kernels compute positions in 32 bits.
const MAX_PADDING: usize = 1 << 28;

/// Zeros around the input of a convolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Padding {
    /// As many on both sides, one entry per spatial dimension.
    Explicit(Vec<usize>),
    /// As many as keep the extents, the odd one at the end; stride 1 only.
    Same,
}

/// Cross-correlation with learned filters. `torch.nn.Conv1d`, `Conv2d`.
///
/// Input [N, C, *], weight [O, C / groups, *kernel], optional bias `[O]`, output [N, O, *], all of one type, f32 or f16; one or
/// two spatial dimensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Distance between windows, elements; 1 unless set.
    pub stride: Vec<usize>,
    /// Zeros around the input; none unless set.
    pub padding: Padding,
    /// Distance between the taps of a filter, elements; 1 unless set.
    pub dilation: Vec<usize>,
    /// Groups of channels that do not see each other; C of them is a depthwise convolution.
    pub groups: usize,
}

impl Conv {
    /// Stride 1, no padding, no dilation, one group, over `dims` spatial dimensions.
    #[must_use]
    pub fn new(dims: usize) -> Self {
        // More dimensions than there are is an error when the layer is added, however many they are.
        let dims = dims.min(MAX_DIMS + 1);
        Self {
            stride: vec![1; dims],
            padding: Padding::Explicit(vec![0; dims]),
            dilation: vec![1; dims],
            groups: 1,
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
        self.padding = Padding::Explicit(padding.into());
        self
    }

    /// Pads so that the output has the extents of the input.
    #[must_use]
    pub fn padding_same(mut self) -> Self {
        self.padding = Padding::Same;
        self
    }

    /// Sets the dilation.
    #[must_use]
    pub fn dilation(mut self, dilation: impl Into<Vec<usize>>) -> Self {
        self.dilation = dilation.into();
        self
    }

    /// Sets the number of groups.
    #[must_use]
    pub const fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// Zeros before and after each dimension, for filters of these extents.
    fn zeros(&self, node: &str, kernel: &[usize]) -> Result<Vec<[usize; 2]>> {
        match &self.padding {
            Padding::Explicit(padding) => Ok(symmetric(padding)),
            Padding::Same if self.stride.iter().all(|&stride| stride == 1) => {
                let axes = kernel.iter().zip(&self.dilation);
                let total = axes.map(|(k, d)| d.saturating_mul(k.saturating_sub(1)));
                Ok(total.map(|total| [total / 2, total - total / 2]).collect())
            }
            Padding::Same => {
                let got = format!("{:?}", self.stride);
                Err(Error::attribute(
                    node,
                    "stride 1 with padding \"same\"",
                    got,
                ))
            }
        }
    }

    fn window<'a>(&'a self, kernel: &'a [usize], padding: &'a [[usize; 2]]) -> Window<'a> {
        Window {
            kernel,
            stride: &self.stride,
            padding,
            dilation: &self.dilation,
            ceil_mode: false,
        }
    }

    fn check_channels(&self, node: &str, inputs: &[&TensorType]) -> Result<()> {
        let (x, weight) = (inputs[0], inputs[1]);
        if self.groups == 0 {
            return Err(Error::attribute(node, "at least 1 group", "0"));
        }
        let (channels, filters) = (x.shape[1], weight.shape[0]);
        if !channels.is_multiple_of(self.groups) || !filters.is_multiple_of(self.groups) {
            let expected = format!(
                "input and output channels divisible by {} groups",
                self.groups
            );
            return Err(Error::shape(
                node,
                expected,
                format!("input {x}, weight {weight}"),
            ));
        }
        if weight.shape[1] != channels / self.groups {
            let expected = format!(
                "a weight with {} channels for input {x} in {} groups",
                channels / self.groups,
                self.groups
            );
            return Err(Error::shape(node, expected, weight.to_string()));
        }
        match inputs.get(2) {
            Some(&bias) if *bias != weight.like([filters]) => {
                let expected = format!("bias {} for weight {weight}", weight.like([filters]));
                Err(Error::shape(node, expected, bias.to_string()))
            }
            _ => Ok(()),
        }
    }
}

impl Conv {
    /// Whether its kernel can repeat the rows and columns of its input as it loads them. `types`: of the repeated input, the
    /// weight and the output.
    pub(crate) fn repeats(&self, types: [&TensorType; 3], repeat: [usize; 2]) -> bool {
        let kernel = &types[1].shape[2..];
        let padding = self.zeros("conv", kernel).unwrap_or_default();
        lower::repeats(self.groups, &self.window(kernel, &padding), types, repeat)
    }
}

impl Graph {
    /// [`Conv`] of `x` with `weight` and an optional `bias`.
    ///
    /// # Errors
    /// [`Error::Attribute`] for a zero stride, dilation or number of groups, [`Error::Shape`] for ranks or channels that
    /// do not fit, or an input smaller than the filter, [`Error::Unsupported`] for three spatial dimensions.
    pub fn conv(
        &mut self,
        x: Value,
        weight: Value,
        bias: Option<Value>,
        attributes: Conv,
    ) -> Result<Value> {
        let inputs: Vec<Value> = [x, weight].into_iter().chain(bias).collect();
        self.apply_one(Op::Conv(attributes), &inputs)
    }
}

impl Layer for Conv {
    fn name(&self) -> &'static str {
        "conv"
    }

    fn infer(&self, node: &str, inputs: &[&TensorType]) -> Result<Vec<TensorType>> {
        let (x, weight) = (inputs[0], inputs[1]);
        let dims = self.stride.len();
        if dims == 3 {
            return Err(Error::Unsupported {
                node: node.to_owned(),
                what: "a convolution over 3 spatial dimensions".to_owned(),
            });
        }
        if !(1..=2).contains(&dims) {
            let got = match dims {
                0..=MAX_DIMS => dims.to_string(),
                _ => format!("more than {MAX_DIMS}"),
            };
            return Err(Error::attribute(node, "1 or 2 spatial dimensions", got));
        }
        check_input(node, x, dims)?;
        let rank_fits = weight.shape.len() == dims + 2 && weight.dtype == x.dtype;
        if !rank_fits || weight.shape.contains(&0) {
            let expected = format!(
                "weight {} [O, C / groups, *kernel] of rank {} and no extent of 0",
                x.dtype,
                dims + 2
            );
            return Err(Error::shape(node, expected, weight.to_string()));
        }
        self.check_channels(node, inputs)?;
        let kernel = &weight.shape[2..];
        let padding = self.zeros(node, kernel)?;
        let window = self.window(kernel, &padding);
        window.check(node)?;
        if window
            .padding
            .iter()
            .flatten()
            .any(|&zeros| zeros >= MAX_PADDING)
        {
            return Err(Error::Unsupported {
                node: node.to_owned(),
                what: format!("padding {:?}, of {MAX_PADDING} or more,", window.padding),
            });
        }
        let mut shape = vec![x.shape[0], weight.shape[0]];
        shape.extend(window.output(node, &x.shape[2..])?);
        let y = x.like(shape);
        let turns = lower::turns(&window, x, &y, weight.shape[1]);
        check_turns(node, &weight.shape[1..], turns)?;
        Ok(vec![y])
    }

    fn takes(&self, _inputs: &[&TensorType]) -> Takes {
        Takes::ALL
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        let kernel = &lowering.inputs[1].shape[2..];
        let padding = self.zeros("conv", kernel).unwrap_or_default();
        lower::conv(self.groups, &self.window(kernel, &padding), lowering);
    }
}
