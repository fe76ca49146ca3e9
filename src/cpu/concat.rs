//! Concatenation along the channels by its definition.

use super::array::{Array, Scalar};
use super::bound::Bounded;

/// The rows of each picture behind one another.
pub(super) fn run<T: Scalar>(inputs: &[&Array<'_, T>]) -> Array<'static, T> {
    let mut shape = inputs[0].shape.clone();
    shape[1] = inputs.iter().map(|x| x.shape[1]).sum();
    let mut data = Vec::with_capacity(shape.iter().product());
    for picture in 0..shape[0] {
        for x in inputs {
            let row: usize = x.shape[1..].iter().product();
            data.extend_from_slice(&x.data[picture * row..][..row]);
        }
    }
    Array::new(shape, data)
}

/// The errors of the inputs.
pub(super) fn bound(inputs: &[&Bounded]) -> Array<'static, f64> {
    let errors: Vec<_> = inputs.iter().map(|x| &x.error).collect();
    run(&errors)
}
