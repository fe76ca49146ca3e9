//! Logistic function by its definition.

use super::array::{Array, Scalar};
use super::bound::{Bounded, EPSILON, TINY};

/// `1 / (1 + exp(-x))`.
pub(super) fn run<T: Scalar>(x: &Array<'_, T>) -> Array<'static, T> {
    x.map(|value| T::ONE / (T::ONE + (-value).exp()))
}

/// WGSL's exp is within 3 + 2|x| ULP, its division within 2.5; the addition rounds once; the slope is at most
/// `min(y, 1/4)`, taken at the right end of the input's interval.
pub(super) fn bound(x: &Bounded, y: &Array<'_, f64>) -> Array<'static, f64> {
    let right = x.value.zip(&x.error, |value, error| value + error);
    let slope = run(&right).map(|y| y.min(0.25));
    let moved = slope.zip(&x.error, |slope, error| slope * error);
    // exp moves y by y (1 - y) of its relative error at most.
    let exponential = x
        .value
        .zip(y, |x, y| (3.0 + 2.0 * x.abs().min(200.0)) * y * (1.0 - y));
    let rounding = exponential.zip(y, |exponential, y| (exponential + 4.0 * y) * EPSILON + TINY);
    moved.zip(&rounding, |moved, rounding| {
        moved * (1.0 + 16.0 * EPSILON) + rounding
    })
}
