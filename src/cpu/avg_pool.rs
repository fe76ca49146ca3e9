//! Average pooling by its definition.

use super::array::{Array, Scalar};
use super::bound::{Bounded, EPSILON, TINY, gamma, is_exact_sum};
use super::window::{Axis, axes, fold_windows};
use crate::ops::AvgPool;

fn windows(layer: &AvgPool, shape: &[usize]) -> [Axis; 3] {
    axes(layer.kernel.len(), |axis| {
        let attributes = [layer.kernel[axis], layer.stride[axis], 1];
        let padding = [layer.padding[axis]; 2];
        Axis::new(shape[axis + 2], attributes, padding, layer.ceil_mode)
    })
}

/// Positions of a window that count in the divisor: those in the input, or in the input and its padding.
fn counted(axis: &Axis, window: usize, include_pad: bool) -> i64 {
    let start = axis.starts[window];
    let positions = start..start + axis.kernel;
    let padded = axis.extent + axis.behind;
    let counts = |position: &i64| {
        if include_pad {
            *position < padded
        } else {
            (0..axis.extent).contains(position)
        }
    };
    positions.filter(counts).count() as i64
}

/// Sum of each window, divided.
pub(super) fn run<T: Scalar>(layer: &AvgPool, x: &Array<'_, T>) -> Array<'static, T> {
    let windows = windows(layer, &x.shape);
    let fold = |sum: &mut T, value| *sum += value;
    let counts = [0, 1, 2].map(|axis: usize| {
        let all = 0..windows[axis].starts.len();
        let count = |window| counted(&windows[axis], window, layer.count_include_pad);
        all.map(count).collect::<Vec<_>>()
    });
    let finish = |row: &mut [T], depth: usize, height: usize| {
        let area = counts[0][depth] * counts[1][height];
        for (sum, width) in row.iter_mut().zip(&counts[2]) {
            let divisor = layer.divisor_override.unwrap_or(area * width);
            #[expect(clippy::cast_precision_loss, reason = "as PyTorch divides by a float")]
            let divisor = T::from_f64(divisor as f64);
            *sum = *sum / divisor;
        }
    };
    fold_windows(x, &windows, T::ZERO, fold, finish)
}

/// As many sums as the window has elements, then a division within 2.5 ULP.
pub(super) fn bound(layer: &AvgPool, x: &Bounded, y: &Array<'_, f64>) -> Array<'static, f64> {
    let taps: usize = layer.kernel.iter().product();
    let magnitude = run(layer, &x.magnitude()).map(f64::abs);
    let moved = run(layer, &x.error).map(f64::abs);
    let largest = magnitude.data.iter().fold(0.0, |a: f64, &b| a.max(b));
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
    let divisor = layer
        .divisor_override
        .map_or(taps as f64, |divisor| divisor as f64);
    let exact = is_exact_sum(&[x], largest * divisor.abs().max(taps as f64));
    let (rounding, underflow) = if exact {
        (0.0, 0.0)
    } else {
        (gamma(taps), TINY * taps as f64)
    };
    let sums = magnitude.zip(&moved, |magnitude, moved| {
        moved + rounding * magnitude + underflow
    });
    sums.zip(y, |error, y| {
        error + 3.0 * EPSILON * (y.abs() + error) + TINY
    })
}
