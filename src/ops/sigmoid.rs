//! [`Sigmoid`]: shape, method, lowering.

use super::elementwise::{Params, launch};
use super::{Layer, Op, check_float};
use crate::error::Result;
use crate::graph::{Graph, Value};
use crate::kernel::{ELEMENTWISE, Kernel, STORAGE, half};
use crate::plan::Lowering;
use crate::tensor::TensorType;

pub(super) const KERNELS: [Kernel; 1] = [Kernel::new(
    "sigmoid",
    include_str!("../../shaders/sigmoid.wgsl"),
    Params::FIELDS,
)
.with("", &[ELEMENTWISE, STORAGE])];

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

    fn lower(&self, lowering: &mut Lowering<'_>) {
        let x = lowering.inputs[0];
        launch(lowering, &KERNELS[0], &[half(x.dtype)], x.bytes());
    }
}
