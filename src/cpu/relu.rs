//! Rectified linear unit by its definition.

use super::array::{Array, Scalar};
use super::bound::Bounded;

/// Negative numbers become 0; -0.0 and NaN are not negative.
pub(super) fn run<T: Scalar>(x: &Array<'_, T>) -> Array<'static, T> {
    x.map(|value| if value < T::ZERO { T::ZERO } else { value })
}

/// The error passes where the input may be positive.
pub(super) fn bound(x: &Bounded) -> Array<'static, f64> {
    let passes = |value: f64, error: f64| if value + error < 0.0 { 0.0 } else { error };
    x.value.zip(&x.error, passes)
}
