//! [`Relu`]: shape, method, lowering.

use super::{Layer, Op, check_float, elementwise};
use crate::error::Result;
use crate::fusion::Takes;
use crate::graph::{Graph, Value};
use crate::kernel::Kernel;
use crate::plan::Lowering;
use crate::tensor::TensorType;

pub(super) const KERNELS: [Kernel; 1] =
    elementwise::kernel("relu", include_str!("../../shaders/relu.wgsl"));

/// `max(x, 0)` as PyTorch computes it: NaN passes through and `relu(-0.0)` is `-0.0`.
/// `torch.nn.ReLU`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relu;

impl Graph {
    /// [`Relu`] of a tensor of floats of any shape.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for another dtype.
    pub fn relu(&mut self, x: Value) -> Result<Value> {
        self.apply_one(Op::Relu(Relu), &[x])
    }
}

impl Layer for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn infer(&self, node: &str, inputs: &[&TensorType]) -> Result<Vec<TensorType>> {
        check_float(node, inputs[0])?;
        Ok(vec![inputs[0].clone()])
    }

    fn takes(&self, _inputs: &[&TensorType]) -> Takes {
        Takes::ALL
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        elementwise::lower(&KERNELS[0], None, None, lowering);
    }
}
