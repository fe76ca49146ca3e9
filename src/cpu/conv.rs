//! Convolution by its definition: each output is the scalar product of a filter and the patch under it. The patches of
//! some output rows are laid out as a matrix (im2col) that the filters multiply.

use super::array::{Array, Scalar};
use super::bound::{Bounded, TINY, gamma, is_exact_sum};
use super::window::{Axis, axes, each_strided, index, output_shape};
use crate::ops::{Conv, Padding};
use rayon::prelude::*;
use std::ops::Range;

/// Elements of a patch matrix: what a core's own cache holds.
const PATCHES: usize = 1 << 17;

fn windows(layer: &Conv, x: &[usize], weight: &[usize]) -> [Axis; 3] {
    axes(layer.stride.len(), |axis| {
        let attributes = [weight[axis + 2], layer.stride[axis], layer.dilation[axis]];
        let padding = match &layer.padding {
            Padding::Explicit(padding) => [padding[axis]; 2],
            Padding::Same => {
                let needed = layer.dilation[axis] * (weight[axis + 2] - 1);
                [needed / 2, needed.div_ceil(2)]
            }
        };
        Axis::new(x[axis + 2], attributes, padding, false)
    })
}

/// Cross-correlation of each group of channels with its filters.
pub(super) fn run<T: Scalar>(
    layer: &Conv,
    x: &Array<'_, T>,
    weight: &Array<'_, T>,
    bias: Option<&Array<'_, T>>,
) -> Array<'static, T> {
    let windows = windows(layer, &x.shape, &weight.shape);
    let mut shape = output_shape(&x.shape, &windows);
    let filters = weight.shape[0];
    shape[1] = filters;
    let [_, height, width] = &windows;
    let (rows, columns) = (height.starts.len(), width.starts.len());
    let per_group = filters / layer.groups;
    let taps: usize = weight.shape[1..].iter().product();
    let planes = weight.shape[1] * index(height.extent * width.extent);
    let mut y = vec![T::ZERO; shape.iter().product()];

    // One task per picture, group and block of output rows.
    let block = (PATCHES / (taps * columns)).clamp(1, rows);
    let groups: Vec<Vec<&mut [T]>> = y
        .chunks_mut(per_group * rows * columns)
        .flat_map(|group| blocks_of(group, rows * columns, block * columns))
        .collect();
    let blocks = rows.div_ceil(block);
    groups
        .into_par_iter()
        .enumerate()
        .for_each_init(Vec::new, |buffer, (task, mut outputs)| {
            let (group, first) = (task / blocks, task % blocks * block);
            let within = first..(first + block).min(rows);
            let input = &x.data[group * planes..][..planes];
            let positions = within.len() * columns;
            // What is in a buffer of another task is written over.
            buffer.resize((taps + per_group) * positions, T::ZERO);
            let (patches, products) = buffer.split_at_mut(taps * positions);
            fill_patches(patches, input, &windows, within);
            let filter = group % layer.groups * per_group;
            let weights = &weight.data[filter * taps..][..per_group * taps];
            multiply(weights, patches, products, taps);
            let products = products.chunks(positions);
            for (index, (output, products)) in outputs.iter_mut().zip(products).enumerate() {
                let bias = bias.map_or(T::ZERO, |bias| bias.data[filter + index]);
                for (output, &product) in output.iter_mut().zip(products) {
                    // A sum begins at 0, so it is never -0.0; that of one tap is a bare product in the matrix library.
                    *output = T::ZERO + product + bias;
                }
            }
        });
    Array::new(shape, y)
}

/// Cuts each plane of a group into blocks; the blocks at one position of all planes, for every position.
fn blocks_of<T>(group: &mut [T], plane: usize, block: usize) -> Vec<Vec<&mut [T]>> {
    let mut positions: Vec<Vec<&mut [T]>> = Vec::new();
    positions.resize_with(plane.div_ceil(block), Vec::new);
    for plane in group.chunks_mut(plane) {
        for (position, block) in positions.iter_mut().zip(plane.chunks_mut(block)) {
            position.push(block);
        }
    }
    positions
}

/// Fills a matrix [taps, rows x columns] with the patches under some output rows, 0 in the padding.
fn fill_patches<T: Scalar>(
    patches: &mut [T],
    input: &[T],
    windows: &[Axis; 3],
    rows: Range<usize>,
) {
    let [_, height, width] = windows;
    let columns = width.starts.len();
    let row_length = index(width.extent);
    let taps: Vec<_> = (0..width.kernel).map(|tap| width.windows_at(tap)).collect();
    let mut lines = patches.chunks_mut(rows.len() * columns);
    for plane in input.chunks(index(height.extent) * row_length) {
        for kh in 0..height.kernel {
            for (inside, first) in &taps {
                let line = lines.next().unwrap_or_default();
                for (row, line) in rows.clone().zip(line.chunks_mut(columns)) {
                    let at = height.starts[row] + kh * height.dilation;
                    if !(0..height.extent).contains(&at) {
                        line.fill(T::ZERO);
                        continue;
                    }
                    let elements = &plane[index(at) * row_length..][..row_length][*first..];
                    line[..inside.start].fill(T::ZERO);
                    line[inside.end..].fill(T::ZERO);
                    let line = &mut line[inside.clone()];
                    each_strided(line, elements, index(width.stride), |to, from| *to = from);
                }
            }
        }
    }
}

/// `products[f, p] = sum over t of weights[f, t] * patches[t, p]`.
#[expect(unsafe_code, reason = "the gemm crate takes pointers")]
fn multiply<T: Scalar>(weights: &[T], patches: &[T], products: &mut [T], taps: usize) {
    let (filters, positions) = (weights.len() / taps, patches.len() / taps);
    assert_eq!(weights.len(), filters * taps, "weights are [filters, taps]");
    assert_eq!(
        patches.len(),
        taps * positions,
        "patches are [taps, positions]"
    );
    assert_eq!(
        products.len(),
        filters * positions,
        "products are [filters, positions]"
    );
    let strides = [positions, taps].map(usize::cast_signed);
    // SAFETY: the three matrices are dense and row-major, and the assertions above give their extents.
    unsafe {
        gemm::gemm(
            filters,
            positions,
            taps,
            products.as_mut_ptr(),
            1,
            strides[0],
            false,
            weights.as_ptr(),
            1,
            strides[1],
            patches.as_ptr(),
            1,
            strides[0],
            T::ZERO,
            T::ONE,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// As many roundings as there are taps, and one for the bias, in any order: `gamma(n) * sum of |weight| |x|`. Products and
/// sums may underflow.
pub(super) fn bound(
    layer: &Conv,
    x: &Bounded,
    weight: &Bounded,
    bias: Option<&Bounded>,
) -> Array<'static, f64> {
    let taps: usize = weight.value.shape[1..].iter().product();
    let (x_magnitude, weight_magnitude) = (x.magnitude(), weight.magnitude());
    let bias_magnitude = bias.map(Bounded::magnitude);
    let magnitude = run(
        layer,
        &x_magnitude,
        &weight_magnitude,
        bias_magnitude.as_ref(),
    );
    let largest = magnitude.data.iter().fold(0.0, |a: f64, &b| a.max(b));
    let inputs: Vec<&Bounded> = [x, weight].into_iter().chain(bias).collect();
    let rounding = if is_exact_sum(&inputs, largest) {
        0.0
    } else {
        gamma(taps + 1)
    };
    let underflow = if rounding > 0.0 {
        TINY * (2 * taps + 1) as f64
    } else {
        0.0
    };
    let mut error = magnitude.map(|magnitude| rounding * magnitude + underflow);
    if !x.is_exact() || bias.is_some_and(|bias| !bias.is_exact()) {
        let bias_error = bias.map(|bias| &bias.error);
        let moved = run(layer, &x.error, &weight_magnitude, bias_error);
        error = error.zip(&moved, |error, moved| error + moved);
    }
    if !weight.is_exact() {
        let moved = run(layer, &x_magnitude, &weight.error, None);
        error = error.zip(&moved, |error, moved| error + moved);
    }
    error
}
