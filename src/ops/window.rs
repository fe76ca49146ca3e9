//! Windows that slide over 1 to 3 spatial dimensions: attributes, extents, and the view of every layer as
//! [N, C, D, H, W] with the missing extents 1.

mod walk;

pub(super) use walk::{Walk, columns};

use crate::error::{Error, Result};
use crate::tensor::TensorType;
use std::ops::Range;

/// Most spatial dimensions of any layer.
pub(super) const MAX_DIMS: usize = 3;

/// Elements between the first and the last tap of a window, or between windows: what a thread may walk in a loop. There are
/// drivers that end a loop silently after 65535 turns (Mesa's llvmpipe), and others that take a long one for a hang.
pub(super) const MAX_REACH: usize = 1 << 15;

/// Turns of all loops of a thread together. Mesa's llvmpipe counts 65535 of them over nested loops, and what is left of the
/// sums is silently left out; other drivers take so long a thread for a hang.
pub(super) const MAX_TURNS: usize = 60_000;

/// `Err` for windows of `kernel` that take a thread more than [`MAX_TURNS`].
pub(super) fn check_turns(node: &str, kernel: &[usize], turns: usize) -> Result<()> {
    if turns <= MAX_TURNS {
        return Ok(());
    }
    let what = format!(
        "the kernel {kernel:?}: a thread takes {turns} turns for it, and {MAX_TURNS} are the most;"
    );
    Err(Error::Unsupported {
        node: node.to_owned(),
        what,
    })
}

/// Attributes of a sliding window, one entry per spatial dimension.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    pub(super) kernel: &'a [usize],
    pub(super) stride: &'a [usize],
    /// Zeros before and after each dimension.
    pub(super) padding: &'a [[usize; 2]],
    pub(super) dilation: &'a [usize],
    pub(super) ceil_mode: bool,
}

impl Window<'_> {
    /// Checks the attributes alone.
    pub(super) fn check(&self, node: &str) -> Result<()> {
        let dims = self.kernel.len();
        if !(1..=MAX_DIMS).contains(&dims) {
            let expected = format!("1 to {MAX_DIMS} spatial dimensions");
            return Err(Error::attribute(node, expected, format!("{dims}")));
        }
        let lengths = [
            ("stride", self.stride.len()),
            ("padding", self.padding.len()),
            ("dilation", self.dilation.len()),
        ];
        for (name, length) in lengths {
            if length != dims {
                let expected = format!("{dims} entries of {name}, one per kernel dimension");
                return Err(Error::attribute(node, expected, format!("{length}")));
            }
        }
        let positive = [
            ("kernel", self.kernel),
            ("stride", self.stride),
            ("dilation", self.dilation),
        ];
        for (name, values) in positive {
            if values.contains(&0) {
                let expected = format!("a {name} of at least 1 in each dimension");
                return Err(Error::attribute(node, expected, format!("{values:?}")));
            }
        }
        Ok(())
    }

    /// The strides, 1 along each axis with a single window, where the stride has no effect: the stretch of such windows
    /// is shorter.
    pub(super) fn strides(&self, output: &[usize]) -> Vec<usize> {
        let strides = self.stride.iter().zip(output);
        strides
            .map(|(&stride, &output)| if output == 1 { 1 } else { stride })
            .collect()
    }

    /// Extents of the output, PyTorch's `pooling_output_shape` (`ATen/native/Pool.h`).
    pub(super) fn output(&self, node: &str, input: &[usize]) -> Result<Vec<usize>> {
        (0..input.len())
            .map(|axis| self.output_extent(node, input, axis))
            .collect()
    }

    fn output_extent(&self, node: &str, input: &[usize], axis: usize) -> Result<usize> {
        // i128 holds every sum of a few usize; only the product can overflow, and saturates to "does not fit".
        let wide = |value: usize| value as i128;
        let [before, after] = self.padding[axis].map(wide);
        let (extent, stride) = (wide(input[axis]), wide(self.stride[axis]));
        let reach = wide(self.dilation[axis]).saturating_mul(wide(self.kernel[axis]) - 1);
        let room = (extent + before + after - 1).saturating_sub(reach);
        let round_up = if self.ceil_mode { stride - 1 } else { 0 };
        let mut output = (room + round_up).div_euclid(stride) + 1;
        if self.ceil_mode && (output - 1) * stride >= extent + before {
            // The last window would begin in the padding behind the input.
            output -= 1;
        }
        let long = reach >= MAX_REACH as i128 || (output > 1 && stride >= MAX_REACH as i128);
        match usize::try_from(output) {
            Ok(output) if output > 0 && long => Err(Error::Unsupported {
                node: node.to_owned(),
                what: format!(
                    "a window of reach {reach} with stride {stride}: {MAX_REACH} or more"
                ),
            }),
            Ok(output) if output > 0 => Ok(output),
            _ => Err(Error::shape(
                node,
                format!(
                    "an input that holds the kernel {:?} with dilation {:?} and padding {:?}",
                    self.kernel, self.dilation, self.padding
                ),
                format!("spatial extents {input:?}"),
            )),
        }
    }
}

/// Symmetric padding, one `[before, after]` a dimension.
pub(super) fn symmetric(padding: &[usize]) -> Vec<[usize; 2]> {
    padding.iter().map(|&padding| [padding; 2]).collect()
}

/// `padding <= kernel / 2`, as PyTorch's pooling demands.
pub(super) fn check_pool_padding(node: &str, kernel: &[usize], padding: &[usize]) -> Result<()> {
    let legal = kernel
        .iter()
        .zip(padding)
        .all(|(kernel, padding)| *padding <= kernel / 2);
    if legal {
        Ok(())
    } else {
        let expected = format!("padding of at most half the kernel {kernel:?}");
        Err(Error::attribute(node, expected, format!("{padding:?}")))
    }
}

/// A tensor of floats [N, C, *] with `dims` spatial dimensions, none of them empty but N.
pub(super) fn check_input(node: &str, ty: &TensorType, dims: usize) -> Result<()> {
    let names = ["W", "H, W", "D, H, W"];
    let expected = format!("f32 or f16 [N, C, {}]", names[dims - 1]);
    if !ty.dtype.is_float() || ty.shape.len() != dims + 2 {
        return Err(Error::shape(node, expected, ty.to_string()));
    }
    if ty.shape[1..].contains(&0) {
        let expected = format!("{expected} with no extent of 0 but N");
        return Err(Error::shape(node, expected, ty.to_string()));
    }
    Ok(())
}

/// Index of the last 16-byte lane of a tensor.
pub(super) fn last_lane(ty: &TensorType) -> u32 {
    word(ty.bytes().div_ceil(16).saturating_sub(1))
}

/// A tensor seen as [N, C, D, H, W].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extents {
    pub(super) n: usize,
    pub(super) c: usize,
    pub(super) d: usize,
    pub(super) h: usize,
    pub(super) w: usize,
}

impl Extents {
    /// Of [N, C] and one to three more dimensions.
    pub(super) fn of(ty: &TensorType) -> Self {
        let [d, h, w] = leading_ones(&ty.shape[2..], 1);
        Self {
            n: ty.shape[0],
            c: ty.shape[1],
            d,
            h,
            w,
        }
    }
}

/// First and last of the planes that slices of all planes belong to, with an extent that does not matter, and which slices of
/// each: all, if there are several planes.
pub(super) fn planes_of(
    slices: &Range<usize>,
    depth: usize,
) -> ((usize, usize, usize), Range<usize>) {
    let (first, last) = (slices.start / depth, (slices.end - 1) / depth);
    let own = if first == last {
        slices.start % depth..(slices.end - 1) % depth + 1
    } else {
        0..depth
    };
    ((first, last, 0), own)
}

/// Up to three entries as D, H, W; `fill` for the dimensions in front that are missing.
pub(super) fn leading_ones<T: Copy>(values: &[T], fill: T) -> [T; 3] {
    let missing = MAX_DIMS - values.len();
    std::array::from_fn(|axis| {
        if axis < missing {
            fill
        } else {
            values[axis - missing]
        }
    })
}

/// For `Params` and `override`s. A value beyond u32 belongs to a tensor that no adapter can bind, or to an attribute
/// that has no effect (the stride of a single window), so saturating is exact enough.
pub(super) fn word(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(
        input: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        dilation: usize,
        ceil_mode: bool,
    ) -> Option<usize> {
        let window = Window {
            kernel: &[kernel],
            stride: &[stride],
            padding: &[[padding; 2]],
            dilation: &[dilation],
            ceil_mode,
        };
        window.output("node", &[input]).ok().map(|output| output[0])
    }

    #[test]
    fn extents_are_pytorchs() {
        assert_eq!(output(6, 1, 2, 0, 1, false), Some(3));
        // The third window would begin behind the input: ceil mode drops it.
        assert_eq!(output(5, 2, 2, 1, 1, true), Some(3));
        // A kernel larger than the input, in ceil mode only.
        assert_eq!(output(2, 3, 2, 0, 1, true), Some(1));
        assert_eq!(output(2, 3, 2, 0, 1, false), None);
        assert_eq!(output(7, 3, 2, 1, 2, false), Some(3));
    }

    #[test]
    fn huge_attributes_do_not_overflow() {
        let max = usize::MAX;
        assert_eq!(output(6, 1, max, 0, max, false), Some(1));
        assert_eq!(output(6, max, 1, 0, max, false), None);
        assert_eq!(output(6, 2, max, 1, 1, true), Some(1));
    }
}
