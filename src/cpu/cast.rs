//! Change of type by its definition: the value stays, and storage rounds it.

use super::array::{Array, Scalar};
use super::bound::Bounded;

/// The input.
pub(super) fn run<T: Scalar>(x: &Array<'_, T>) -> Array<'static, T> {
    x.map(|x| x)
}

/// The error of the input.
pub(super) fn bound(x: &Bounded) -> Array<'static, f64> {
    run(&x.error)
}
