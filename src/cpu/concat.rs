//! Concatenation along the channels by its definition.

use super::array::{Array, Scalar, in_chunks};
use super::bound::Bounded;

/// The rows of each picture behind one another.
pub(super) fn run<T: Scalar>(inputs: &[&Array<'_, T>]) -> Array<'static, T> {
    let mut shape = inputs[0].shape.clone();
    shape[1] = inputs.iter().map(|x| x.shape[1]).sum();
    let plane = shape[2..].iter().product();
    // Which channel of which input a channel of the output is.
    let channels = inputs
        .iter()
        .flat_map(|x| (0..x.shape[1]).map(move |c| (x, c)));
    let channels: Vec<_> = channels.collect();
    let make = |index: usize| {
        let (x, channel) = channels[index % channels.len()];
        let from = (index / channels.len() * x.shape[1] + channel) * plane;
        x.data[from..][..plane].iter().copied()
    };
    let data = in_chunks(shape.iter().product(), plane, make);
    Array::new(shape, data)
}

/// The errors of the inputs.
pub(super) fn bound(inputs: &[&Bounded]) -> Array<'static, f64> {
    let errors: Vec<_> = inputs.iter().map(|x| &x.error).collect();
    run(&errors)
}
