//! Nearest neighbour by PyTorch's index arithmetic, which is f32 whatever the path's precision.

use super::array::{Array, Scalar, in_repeated_chunks};
use super::bound::Bounded;
use crate::ops::{Interpolate, OutputSize};

/// Source of output position `i` of an axis with `extent` elements.
///
/// PyTorch: `min(floorf(i * scale), extent - 1)`; its kernel for small 2-dimensional outputs (measured on 2.15: height and
/// width add up to 128 at most, whatever N, C and the number of threads) copies an axis that keeps its extent and
/// repeats each element of one that doubles, whatever the scale (`nearest_idx` in `ATen/native/UpSample.h`).
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the arithmetic of the definition"
)]
fn source(
    layer: &Interpolate,
    axis: usize,
    extents: &[usize],
    outputs: &[usize],
    i: usize,
) -> usize {
    let (extent, output) = (extents[axis], outputs[axis]);
    let scale = match &layer.output {
        OutputSize::Size(_) => extent as f32 / output as f32,
        OutputSize::ScaleFactor(factor) => (1.0 / factor[axis]) as f32,
    };
    let small = matches!(outputs, [height, width] if height + width <= 128);
    if small && output == extent {
        return i;
    }
    if small && output == 2 * extent {
        return i >> 1;
    }
    let position = (i as f32 * scale).floor() as usize;
    if position < extent {
        position
    } else {
        extent - 1
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the arithmetic of the definition"
)]
fn output_extent(layer: &Interpolate, axis: usize, extent: usize) -> usize {
    match &layer.output {
        OutputSize::Size(size) => size[axis],
        OutputSize::ScaleFactor(factor) => (extent as f64 * factor[axis]).floor() as usize,
    }
}

/// Each output copies one input.
pub(super) fn run<T: Scalar>(layer: &Interpolate, x: &Array<'_, T>) -> Array<'static, T> {
    let dims = x.shape.len() - 2;
    let inputs = &x.shape[2..];
    let outputs: Vec<usize> = (0..dims)
        .map(|axis| output_extent(layer, axis, inputs[axis]))
        .collect();
    let shape = [&x.shape[..2], &outputs].concat();
    let extents = [&vec![1; 3 - dims], inputs].concat();
    let mut sources = vec![vec![0]; 3 - dims];
    for axis in 0..dims {
        let of = |i| source(layer, axis, inputs, &outputs, i);
        sources.push((0..outputs[axis]).map(of).collect());
    }
    // A row of the output at a time, or a copy of the one above it if both show the same of the input.
    let rows = sources[0].iter().flat_map(|d| {
        let first = d * extents[1];
        sources[1].iter().map(move |h| first + h)
    });
    let rows: Vec<usize> = rows.collect();
    let make = |index| {
        let row = index / rows.len() * extents[0] * extents[1] + rows[index % rows.len()];
        let input = &x.data[row * extents[2]..][..extents[2]];
        sources[2].iter().map(|&w| input[w])
    };
    let repeated: Vec<bool> = (0..rows.len())
        .map(|row| row > 0 && rows[row] == rows[row - 1])
        .collect();
    let repeats = |index| repeated[index % rows.len()];
    let y = in_repeated_chunks(shape.iter().product(), sources[2].len(), make, repeats);
    Array::new(shape, y)
}

/// The errors are copied with the values.
pub(super) fn bound(layer: &Interpolate, x: &Bounded) -> Array<'static, f64> {
    run(layer, &x.error)
}
