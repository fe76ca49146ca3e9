//! Image normalisation by its definition, which is f32 arithmetic whatever the path's precision.

use super::array::{Array, Scalar, Value, in_chunks};
use crate::ops::Normalize;

/// `(byte / 255 - mean) / std`, channels first. There is no bound: each result is one of 256 known floats.
pub(super) fn run<T: Scalar>(layer: &Normalize, x: &Value<'_, T>) -> Array<'static, T> {
    let x = x.exact();
    let bytes = x.as_u8().unwrap_or_default();
    let rank = x.shape().len();
    let [height, width, channels] = [3, 2, 1].map(|back| x.shape()[rank - back]);
    let plane = height * width;
    let make = |index: usize| {
        let (picture, channel) = (index / channels, index % channels);
        let (mean, std) = (layer.mean[channel], layer.std[channel]);
        let pixels = bytes[picture * plane * channels..][..plane * channels].iter();
        pixels.skip(channel).step_by(channels).map(move |&byte| {
            let unit = f32::from(byte) / 255.0;
            T::from_f32((unit - mean) / std)
        })
    };
    let y = in_chunks(bytes.len(), plane, make);
    let mut shape = x.shape()[..rank - 3].to_vec();
    shape.extend([channels, height, width]);
    Array::new(shape, y)
}
