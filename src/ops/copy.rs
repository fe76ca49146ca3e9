//! [`Copy`]: shape, method, lowering. The yardstick of the memory-bound layers.

use super::elementwise::{Params, launch};
use super::{Layer, Op};
use crate::error::Result;
use crate::graph::{Graph, Value};
use crate::kernel::Kernel;
use crate::plan::Lowering;
use crate::tensor::TensorType;

pub(super) const KERNELS: [Kernel; 1] = [Kernel::new(
    "copy",
    include_str!("../../shaders/copy.wgsl"),
    Params::FIELDS,
)];

/// The input, bit by bit. `torch.clone`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copy;

impl Graph {
    /// [`Copy`](struct@Copy) of a tensor of any shape and dtype.
    ///
    /// # Errors
    /// [`Error::ForeignValue`](crate::Error::ForeignValue).
    pub fn copy(&mut self, x: Value) -> Result<Value> {
        self.apply_one(Op::Copy(Copy), &[x])
    }
}

impl Layer for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn infer(&self, _node: &str, inputs: &[&TensorType]) -> Result<Vec<TensorType>> {
        Ok(vec![inputs[0].clone()])
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        let bytes = lowering.inputs[0].bytes();
        copy_bytes(lowering, bytes);
    }
}

/// Copies `bytes` from the read slot to the written one.
pub(crate) fn copy_bytes(lowering: &mut Lowering<'_>, bytes: usize) {
    launch(lowering, &KERNELS[0], &[], bytes);
}
