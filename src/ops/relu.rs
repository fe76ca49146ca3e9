//! [`Relu`]: shape, method, lowering.

use super::elementwise::{Params, launch};
use super::{Layer, Op, check_float};
use crate::error::Result;
use crate::graph::{Graph, Value};
use crate::kernel::{ELEMENTWISE, Kernel, STORAGE, half};
use crate::plan::Lowering;
use crate::tensor::TensorType;

pub(super) const KERNELS: [Kernel; 1] = [Kernel::new(
    "relu",
    include_str!("../../shaders/relu.wgsl"),
    Params::FIELDS,
)
.with("", &[ELEMENTWISE, STORAGE])];

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

    fn lower(&self, lowering: &mut Lowering<'_>) {
        let x = lowering.inputs[0];
        launch(lowering, &KERNELS[0], &[half(x.dtype)], x.bytes());
    }
}
