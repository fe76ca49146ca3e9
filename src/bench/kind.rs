//! What bounds a case, and so what its time is held against.

use crate::graph::{Graph, Value};
use crate::ops::Op;
use crate::tensor::{DType, TensorType};
use std::fmt;

/// Kind of work that a graph is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bound by memory; rows of the first input and of the outputs are whole lanes of 16 bytes: 4 of f32, 8 of f16.
    Aligned,
    /// Bound by memory; rows begin anywhere.
    Odd,
    /// With a convolution that is not depthwise: bound by operations.
    Convolution,
}

impl Kind {
    /// Of a graph.
    #[must_use]
    pub fn of(graph: &Graph) -> Self {
        let ty = |value: Value| &graph.values[value.index].ty;
        let convolves = graph.nodes.iter().any(|node| {
            // Of one input channel for each group, and more groups than one.
            let depthwise =
                |layer: &crate::ops::Conv| layer.groups > 1 && ty(node.inputs[1]).shape[1] == 1;
            matches!(&node.op, Op::Conv(layer) if !depthwise(layer))
        });
        if convolves {
            return Self::Convolution;
        }
        let first = graph.inputs().next().map(|(_, value)| value);
        let outputs = graph.outputs.iter().map(|(_, value)| *value);
        let mut activations = first.into_iter().chain(outputs);
        match activations.all(|value| has_whole_lanes(ty(value))) {
            true => Self::Aligned,
            false => Self::Odd,
        }
    }
}

/// Whether each row begins at a lane. Those of pictures, u8 [.., H, W, C], are W * C bytes.
fn has_whole_lanes(ty: &TensorType) -> bool {
    let dimensions = if ty.dtype == DType::U8 { 2 } else { 1 };
    let row = ty.shape.iter().rev().take(dimensions).product::<usize>();
    (row * ty.dtype.bytes()).is_multiple_of(16)
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Aligned => "aligned",
            Self::Odd => "odd",
            Self::Convolution => "convolution",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;
    use crate::error::Result;

    #[test]
    fn kinds_are_by_rows_of_both_ends_and_by_convolution() -> Result<()> {
        for (case, kind) in [
            ("relu/large", Kind::Aligned),
            ("relu/odd", Kind::Odd),
            ("relu/scalar", Kind::Odd),
            ("batch_norm/few_channels_train", Kind::Aligned),
            ("batch_norm/many_channels_eval", Kind::Aligned),
            ("batch_norm/many_channels_eval+f16", Kind::Odd),
            // Rows of 14 and 7.
            ("max_pool/2d_k2_s2", Kind::Odd),
            // Rows of 24 and 12 elements: half a lane of f16 at the end of the output's.
            ("max_pool/half_a_thread", Kind::Aligned),
            ("max_pool/half_a_thread+f16", Kind::Odd),
            ("cast/large_narrow", Kind::Aligned),
            ("normalize/large", Kind::Aligned),
            ("normalize/picture", Kind::Odd),
            // Its weight has rows of three, and is no activation.
            ("conv/large_depthwise", Kind::Aligned),
            ("conv/odd_depthwise", Kind::Odd),
            ("conv/large_pointwise", Kind::Convolution),
            ("conv/groups", Kind::Convolution),
            ("fusion/large_norm-relu-max_pool", Kind::Aligned),
            ("unit/picture", Kind::Convolution),
        ] {
            assert_eq!(Kind::of(&cases::find(case)?.graph), kind, "{case}");
        }
        Ok(())
    }
}
