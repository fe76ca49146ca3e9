//! Max pooling by its definition.

use super::array::{Array, Scalar};
use super::bound::Bounded;
use super::window::{Axis, axes, fold_windows};
use crate::ops::MaxPool;

fn windows(layer: &MaxPool, shape: &[usize]) -> [Axis; 3] {
    axes(layer.kernel.len(), |axis| {
        let attributes = [layer.kernel[axis], layer.stride[axis], layer.dilation[axis]];
        let padding = [layer.padding[axis]; 2];
        Axis::new(shape[axis + 2], attributes, padding, layer.ceil_mode)
    })
}

/// The first largest element; any NaN is larger.
pub(super) fn run<T: Scalar>(layer: &MaxPool, x: &Array<'_, T>) -> Array<'static, T> {
    let fold = |best: &mut T, value: T| {
        // A store each time, which needs no branch.
        *best = if value > *best || value.is_nan() {
            value
        } else {
            *best
        };
    };
    let windows = windows(layer, &x.shape);
    fold_windows(x, &windows, T::NEG_INFINITY, fold, |_, _, _| {})
}

/// The largest of perturbed numbers moves by at most the largest perturbation.
pub(super) fn bound(layer: &MaxPool, x: &Bounded) -> Array<'static, f64> {
    run(layer, &x.error).map(|error| error.max(0.0))
}
