//! Image normalisation by its definition, which is f32 arithmetic whatever the path's precision.

use super::array::{Array, Scalar, Value};
use crate::ops::Normalize;

/// `(byte / 255 - mean) / std`, channels first. There is no bound: each result is one of 256 known floats.
pub(super) fn run<T: Scalar>(layer: &Normalize, x: &Value<'_, T>) -> Array<'static, T> {
    let x = x.exact();
    let bytes = x.as_u8().unwrap_or_default();
    let rank = x.shape().len();
    let [height, width, channels] = [3, 2, 1].map(|back| x.shape()[rank - back]);
    let picture = height * width * channels;
    let mut y = Vec::with_capacity(bytes.len());
    for picture in bytes.chunks(picture) {
        for channel in 0..channels {
            let (mean, std) = (layer.mean[channel], layer.std[channel]);
            let values = picture.iter().skip(channel).step_by(channels);
            y.extend(values.map(|&byte| {
                let unit = f32::from(byte) / 255.0;
                T::from_f32((unit - mean) / std)
            }));
        }
    }
    let mut shape = x.shape()[..rank - 3].to_vec();
    shape.extend([channels, height, width]);
    Array::new(shape, y)
}
