//! [`Copy`]: shape, method, lowering. The yardstick of the memory-bound layers.

use super::planes::Sharing;
use super::window::word;
use super::{Layer, Op, batch_norm, elementwise};
use crate::error::Result;
use crate::fusion::{Fused, Takes};
use crate::graph::{Graph, Value};
use crate::kernel::{Kernel, Start, params};
use crate::plan::{Launch, Lowering, Threads, Touches};
use crate::tensor::TensorType;

params! {
    /// Parameters of the kernel.
    Params {
        /// Lanes of 16 bytes.
        lanes: u32,
    }
}

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

    fn takes(&self, _inputs: &[&TensorType]) -> Takes {
        Takes::ALL
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        copy(lowering);
    }
}

/// The first input, with what is on its ways: the kernel of batch normalisation in evaluation does nothing else.
pub(super) fn copy(lowering: &mut Lowering<'_>) {
    if *lowering.fused == Fused::default() {
        let bytes = lowering.inputs[0].bytes();
        return copy_bytes(lowering, bytes);
    }
    elementwise::lower(&batch_norm::KERNELS[0], None, None, lowering);
}

/// Copies `bytes` from the read slot to the written one.
pub(crate) fn copy_bytes(lowering: &mut Lowering<'_>, bytes: usize) {
    let lanes = bytes.div_ceil(16);
    let params = Params {
        start: Start::default(),
        lanes: word(lanes),
    };
    let rows = Sharing::of(lowering, false).rows(lanes);
    let (reads, writes) = (lowering.reads.clone(), lowering.writes.clone());
    lowering.launch(&Launch {
        kernel: &KERNELS[0],
        constants: &rows.constants(),
        params: bytemuck::bytes_of(&params),
        reads: &reads,
        writes: &writes,
        threads: Threads::row(rows.threads()),
        operations: 0,
        touches: Some(Touches {
            bytes: &|[threads, ..]| {
                let lanes = rows.lanes_of(threads);
                let bytes = lanes.start * 16..lanes.end * 16;
                [bytes.clone(), bytes]
            },
            like_y: &[],
            weights: None,
        }),
    });
}
