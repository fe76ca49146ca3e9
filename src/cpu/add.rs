//! Sum of two tensors by its definition.

use super::array::{Array, Scalar};
use super::bound::{Bounded, EPSILON, TINY, is_exact_sum};

/// Element by element.
pub(super) fn run<T: Scalar>(a: &Array<'_, T>, b: &Array<'_, T>) -> Array<'static, T> {
    a.zip(b, |a, b| a + b)
}

/// One rounding.
pub(super) fn bound(a: &Bounded, b: &Bounded) -> Array<'static, f64> {
    let moved = run(&a.error, &b.error);
    let magnitude = run(&a.magnitude(), &b.magnitude());
    let largest = magnitude.data.iter().fold(0.0, |a: f64, &b| a.max(b));
    if is_exact_sum(&[a, b], largest) {
        return moved;
    }
    moved.zip(&magnitude, |moved, magnitude| {
        moved + EPSILON * magnitude + TINY
    })
}
