//! Batch normalisation by its definition.

mod bound;
mod moments;

pub use bound::Moments;
pub(super) use bound::bound;

use super::array::{Array, Scalar, Value, even_piece, in_chunks};
use crate::ops::{BatchNorm, Mode};
use crate::tensor::Tensor;
use moments::all_moments;
use std::borrow::Cow;

/// N, C and the elements of one plane.
fn extents(shape: &[usize]) -> [usize; 3] {
    [shape[0], shape[1], shape[2..].iter().product()]
}
/// Weight and bias, the identity where they are absent.
fn affine<'a, V>(layer: &BatchNorm, inputs: &[&'a V], behind: usize) -> [Option<&'a V>; 2] {
    let weight = layer.has_weight.then(|| inputs[behind]);
    let behind = behind + usize::from(layer.has_weight);
    [weight, layer.has_bias.then(|| inputs[behind])]
}

/// `(x - mean) / sqrt(var + eps) * weight + bias`, channel by channel.
fn normalize<T: Scalar>(
    layer: &BatchNorm,
    x: &Array<'_, T>,
    statistics: impl Fn(usize) -> (f64, f64),
    [weight, bias]: [Option<&Array<'_, T>>; 2],
) -> Array<'static, T> {
    let [_, channels, plane] = extents(&x.shape);
    let coefficients: Vec<[T; 3]> = (0..channels)
        .map(|channel| {
            let (mean, variance) = statistics(channel);
            let weight = weight.map_or(1.0, |weight| weight.data[channel].to_f64());
            let scale = weight / (variance + layer.eps).sqrt();
            let bias = bias.map_or(T::ZERO, |bias| bias.data[channel]);
            [T::from_f64(mean), T::from_f64(scale), bias]
        })
        .collect();
    // Few large planes are not work enough for all threads. Of small ones a division more is a sixth of the time.
    let piece = even_piece(plane);
    let pieces = plane / piece.max(1);
    let make = |index: usize| {
        let plane = if pieces > 1 { index / pieces } else { index };
        let [mean, scale, bias] = coefficients[plane % channels];
        let values = x.data[index * piece..][..piece].iter();
        values.map(move |&value| (value - mean) * scale + bias)
    };
    Array::new(x.shape.clone(), in_chunks(x.data.len(), piece, make))
}

pub(super) fn run<T: Scalar>(
    layer: &BatchNorm,
    inputs: &[&Value<'_, T>],
) -> Vec<Value<'static, T>> {
    let x = inputs[0].real();
    let statistic = |input: usize, channel: usize| inputs[input].real().data[channel].to_f64();
    let Mode::Train { momentum } = layer.mode else {
        let affine = affine(layer, inputs, 3).map(|value| value.map(Value::real));
        let running = |channel| (statistic(1, channel), statistic(2, channel));
        return vec![normalize(layer, x, running, affine).into()];
    };
    let affine = affine(layer, inputs, 4).map(|value| value.map(Value::real));
    let extents = extents(&x.shape);
    let channels = extents[1];
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
    let count = (extents[0] * extents[2]) as f64;
    let moments = all_moments(&x.data, extents);
    let y = normalize(layer, x, |c| (moments[c].0, moments[c].1 / count), affine);
    let moved = |input: usize, batch: &dyn Fn(usize) -> f64| {
        let new = |channel| {
            let old = statistic(input, channel);
            // Without a value in the batch there is nothing to move towards.
            let new = if extents[0] == 0 {
                old
            } else {
                (1.0 - momentum) * old + momentum * batch(channel)
            };
            T::from_f64(new)
        };
        Value::from(Array::new([channels], (0..channels).map(new).collect()))
    };
    let saved = |of: &dyn Fn(usize) -> f64| {
        let values = (0..channels).map(|channel| T::from_f64(of(channel)));
        Value::from(Array::new([channels], values.collect()))
    };
    let nobody = extents[0] == 0;
    let saved_mean = saved(&|channel| if nobody { 0.0 } else { moments[channel].0 });
    let saved_invstd = saved(&|channel| {
        let variance = if nobody {
            0.0
        } else {
            moments[channel].1 / count
        };
        1.0 / (variance + layer.eps).sqrt()
    });
    let mean = moved(1, &|channel| moments[channel].0);
    let variance = moved(2, &|channel| moments[channel].1 / (count - 1.0));
    let batches = inputs[3].exact().as_i64().map_or(0, |batches| batches[0]);
    let batches = Tensor::counter(batches.wrapping_add(1));
    let batches = Value::Exact(Cow::Owned(batches));
    vec![y.into(), mean, variance, batches, saved_mean, saved_invstd]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Planes of more elements than a thread takes at once, in pieces and, of a prime number of them, whole.
    #[test]
    fn large_planes_have_the_function_of_their_channel() {
        for plane in [112 * 112, 8191] {
            let x = Array::new([2, 3, plane], vec![1.0f32; 2 * 3 * plane]);
            let layer = BatchNorm::eval().eps(0.0);
            let y = normalize(&layer, &x, |channel| (channel as f64, 1.0), [None, None]);
            for (index, values) in y.data.chunks(plane).enumerate() {
                let expected = 1.0 - (index % 3) as f32;
                let same = |value: &f32| value.to_bits() == expected.to_bits();
                assert!(values.iter().all(same), "{index}");
            }
        }
    }
}
