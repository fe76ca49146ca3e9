//! [`Add`]: shape, method, lowering.

use super::{Layer, Op, check_float, elementwise};
use crate::error::{Error, Result};
use crate::fusion::Takes;
use crate::graph::{Graph, Value};
use crate::kernel::Kernel;
use crate::plan::Lowering;
use crate::tensor::TensorType;

pub(super) const KERNELS: [Kernel; 1] =
    elementwise::kernel("add", include_str!("../../shaders/add.wgsl"));

/// `a + b` of two tensors of one shape: a skip connection. `torch.add`, without broadcasting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Add;

impl Graph {
    /// [`Add`] of two tensors of floats of one shape.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes differ or are not of floats.
    pub fn add(&mut self, a: Value, b: Value) -> Result<Value> {
        self.apply_one(Op::Add(Add), &[a, b])
    }
}

impl Layer for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn infer(&self, node: &str, inputs: &[&TensorType]) -> Result<Vec<TensorType>> {
        check_float(node, inputs[0])?;
        if inputs[0] == inputs[1] {
            Ok(vec![inputs[0].clone()])
        } else {
            let (expected, got) = (inputs[0].to_string(), inputs[1].to_string());
            Err(Error::shape(node, expected, got))
        }
    }

    fn takes(&self, _inputs: &[&TensorType]) -> Takes {
        Takes::ALL
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        let term = lowering.reads[1];
        elementwise::lower(&KERNELS[0], Some(term), None, lowering);
    }
}
