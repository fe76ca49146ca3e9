//! [`Sigmoid`]: shape, method, lowering.

use super::{Layer, Op, check_float, elementwise};
use crate::error::Result;
use crate::fusion::Takes;
use crate::graph::{Graph, Value};
use crate::kernel::Kernel;
use crate::plan::Lowering;
use crate::tensor::TensorType;

pub(super) const KERNELS: [Kernel; 1] =
    elementwise::kernel("sigmoid", include_str!("../../shaders/sigmoid.wgsl"));

/// `1 / (1 + exp(-x))`; NaN passes through.
/// `torch.nn.Sigmoid`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sigmoid;

impl Graph {
    /// [`Sigmoid`] of a tensor of floats of any shape.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for another dtype.
    pub fn sigmoid(&mut self, x: Value) -> Result<Value> {
        self.apply_one(Op::Sigmoid(Sigmoid), &[x])
    }
}

impl Layer for Sigmoid {
    fn name(&self) -> &'static str {
        "sigmoid"
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
