//! Batch normalisation by its definition.

use super::array::{Array, Scalar, Value, even_piece, in_chunks};
use super::bound::{Bounded, EPSILON, TINY, gamma};
use crate::ops::{BatchNorm, Mode};
use crate::tensor::Tensor;
use rayon::prelude::*;
use std::borrow::Cow;

/// N, C and the elements of one plane.
fn extents(shape: &[usize]) -> [usize; 3] {
    [shape[0], shape[1], shape[2..].iter().product()]
}

/// The planes of one channel.
fn planes<T>(
    x: &[T],
    [_, channels, plane]: [usize; 3],
    channel: usize,
) -> impl Iterator<Item = &[T]> + Clone {
    x.chunks_exact(plane).skip(channel).step_by(channels)
}

/// Lanes of sums.
const LANES: usize = 16;
/// Additions to a lane in the path's precision before it goes on in f64.
const ADDITIONS: usize = 32;

/// Sums of the results of `f` over the planes of a channel: lanes of short sums in the path's precision, these summed in f64.
fn sums<'a, T: Scalar, const RESULTS: usize>(
    planes: impl Iterator<Item = &'a [T]>,
    f: impl Fn(T) -> [T; RESULTS],
) -> [f64; RESULTS] {
    let mut totals = [0.0; RESULTS];
    let mut lanes = [[T::ZERO; LANES]; RESULTS];
    let mut end = |lanes: &mut [[T; LANES]; RESULTS]| {
        for (total, lanes) in totals.iter_mut().zip(lanes) {
            *total += lanes.iter().map(|lane| lane.to_f64()).sum::<f64>();
            *lanes = [T::ZERO; LANES];
        }
        totals
    };
    let mut left = ADDITIONS;
    for chunk in planes.flat_map(|plane| plane.chunks(LANES * ADDITIONS)) {
        let additions = chunk.len().div_ceil(LANES);
        if additions > left {
            end(&mut lanes);
            left = ADDITIONS;
        }
        left -= additions;
        let mut add = |group: &[T]| {
            for (lane, &value) in group.iter().enumerate() {
                for (lanes, result) in lanes.iter_mut().zip(f(value)) {
                    lanes[lane] += result;
                }
            }
        };
        let (groups, rest) = chunk.as_chunks::<LANES>();
        for group in groups {
            add(group);
        }
        add(rest);
    }
    end(&mut lanes)
}

/// Mean and sum of squared deviations of a channel: two passes, the second corrected for the rounding of the mean
/// (Chan, Golub, LeVeque 1983).
#[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
fn moments<T: Scalar>(x: &[T], extents: [usize; 3], channel: usize) -> (f64, f64) {
    let count = (extents[0] * extents[2]) as f64;
    let planes = planes(x, extents, channel);
    let exact = || planes.clone().flatten().map(|x| x.to_f64());
    let [mut total] = sums(planes.clone(), |x| [x]);
    if !total.is_finite() {
        // A sum of large values may have left the path's precision.
        total = exact().sum();
    }
    let mean = T::from_f64(total / count);
    if !mean.to_f64().is_finite() {
        return (mean.to_f64(), f64::NAN);
    }
    let [mut drift, mut squares] = sums(planes.clone(), |x| [x - mean, (x - mean) * (x - mean)]);
    if !squares.is_finite() {
        let deviations = || exact().map(|x| x - mean.to_f64());
        drift = deviations().sum();
        squares = deviations().map(|deviation| deviation * deviation).sum();
    }
    (
        mean.to_f64() + drift / count,
        squares - drift * drift / count,
    )
}

/// Planes of fewer elements are small: what a channel has of memory is scattered by cache lines. Of 7x7 it is as fast.
const SMALL: usize = 32;
/// Most elements of small planes that are put in order at once: they fit the second cache. Of a row of channels fewest.
const IN_ORDER: usize = 1 << 15;
const ROW: usize = 1 << 6;

/// [`moments`] of all channels. Of small planes those of neighbouring channels are put in order first, channel by channel, if the batch
/// is not so large that too few fit.
fn all_moments<T: Scalar>(x: &[T], extents: [usize; 3]) -> Vec<(f64, f64)> {
    let [batch, channels, plane] = extents;
    let together = IN_ORDER / (batch * plane).max(1);
    if plane >= SMALL || batch == 0 || together * plane < ROW {
        let channels = (0..channels).into_par_iter();
        return channels
            .map(|channel| moments(x, extents, channel))
            .collect();
    }
    let groups = (0..channels).into_par_iter().step_by(together);
    let of_group = |first: usize| {
        let count = together.min(channels - first);
        let mut ordered = vec![T::ZERO; count * batch * plane];
        for (index, row) in x.chunks_exact(channels * plane).enumerate() {
            let row = &row[first * plane..][..count * plane];
            let places = ordered.chunks_exact_mut(batch * plane);
            for (place, values) in places.zip(row.chunks_exact(plane)) {
                place[index * plane..][..plane].copy_from_slice(values);
            }
        }
        let channels = ordered.chunks_exact(batch * plane);
        let moments = channels.map(|values| moments(values, [1, 1, batch * plane], 0));
        moments.collect::<Vec<_>>()
    };
    groups.flat_map_iter(of_group).collect()
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

/// How an implementation finds the moments, as far as its error depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    /// Additions behind one another.
    pub depth: usize,
    /// Sums are of deviations from the channel's first element, not of the elements.
    pub pivot: bool,
    /// The result is `x scale + (bias - mean scale)`, which loses the digits that x and mean share.
    pub folded: bool,
}

impl Moments {
    /// Of this crate's f32 path.
    pub const CPU: Self = Self {
        depth: ADDITIONS + LANES,
        pivot: false,
        folded: false,
    };

    /// Of PyTorch's CPU kernels, whose sums are f64 after fewer additions than ours.
    pub const PYTORCH: Self = Self {
        folded: true,
        ..Self::CPU
    };
}

/// Statistics of a channel as an implementation in f32 may see them.
struct Statistics {
    mean: f64,
    mean_error: f64,
    variance: f64,
    variance_error: f64,
    /// Largest |x - pivot|.
    deviation: f64,
}

/// Bounds of the statistics of the batch.
///
/// With D the largest deviation from the pivot, a merge of two means rounds by 12 eps D at most, a sum of blocks less;
/// `depth` of them follow one another. The squares move by their own roundings, and by the error `e` of each
/// difference of two means: over a tree of merges the weights `na nb / n` of `2 delta e + e^2` add up to less than
/// 10 n, and Cauchy-Schwarz bounds the first term by the variance. Of the results that may underflow, the mean has three
/// a merge, the squares fewer than eight an element.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn batch_statistics(x: &Bounded, method: Moments, channel: usize) -> Statistics {
    let extents = extents(&x.value.shape);
    let count = (extents[0] * extents[2]) as f64;
    let (mean, squares) = moments(&x.value.data, extents, channel);
    let variance = squares / count;
    let values = || planes(&x.value.data, extents, channel).flatten();
    let errors = || planes(&x.error.data, extents, channel).flatten();
    let largest = errors().fold(0.0, |a: f64, &b| a.max(b));
    let pivot = if method.pivot {
        values().next().copied().unwrap_or(0.0)
    } else {
        0.0
    };
    let deviation = values().fold(0.0, |a: f64, &b| a.max((b - pivot).abs())) + 2.0 * largest;
    let rounding =
        (12.0 * method.depth as f64 + 1.0) * EPSILON * deviation + 3.0 * method.depth as f64 * TINY;
    let moved = errors().sum::<f64>() / count;
    let moved_square = errors().map(|error| error * error).sum::<f64>() / count;
    let difference = 2.0 * rounding;
    let between = (10.0 * variance).sqrt() * 2.0 * difference + 10.0 * difference * difference;
    Statistics {
        mean,
        mean_error: rounding + moved,
        variance,
        variance_error: between
            + gamma(10 * method.depth) * (variance + between)
            + 2.0 * (variance * moved_square).sqrt()
            + moved_square
            + 8.0 * TINY,
        deviation,
    }
}

/// `1 / sqrt(var + eps)`, and its bound.
fn inverse(layer: &BatchNorm, s: &Statistics) -> [f64; 2] {
    let inverse = 1.0 / (s.variance + layer.eps).sqrt();
    // 1 / sqrt is convex: it moves most towards 0. Division 3, sum 1, eps 1 roundings of the argument,
    // inverseSqrt 2 ULP of the result.
    let lowest = (s.variance - s.variance_error).max(0.0) * (1.0 - 4.0 * EPSILON);
    let eps = (layer.eps * (1.0 - EPSILON) - TINY).max(0.0);
    let highest = 1.0 / ((lowest + eps) * (1.0 - EPSILON)).sqrt();
    [inverse, highest * (1.0 + 4.0 * EPSILON) - inverse]
}

/// Bound of the normalised values: of the centred value, of the scale, and of the last two operations.
fn normalized_bound(
    layer: &BatchNorm,
    x: &Bounded,
    y: &Array<'_, f64>,
    statistics: impl Fn(usize) -> Statistics,
    [weight, bias]: [Option<&Bounded>; 2],
    folded: bool,
) -> Array<'static, f64> {
    let [_, channels, plane] = extents(&x.value.shape);
    let part = |of: Option<&Bounded>, channel: usize, otherwise: f64| {
        of.map_or((otherwise, 0.0), |of| {
            (of.value.data[channel], of.error.data[channel])
        })
    };
    let channels: Vec<_> = (0..channels)
        .map(|channel| {
            let s = statistics(channel);
            let (weight, weight_error) = part(weight, channel, 1.0);
            let [inverse, inverse_error] = inverse(layer, &s);
            let scale = (weight * inverse).abs();
            let scale_error = weight.abs() * inverse_error
                + weight_error * (inverse + inverse_error)
                + EPSILON * (scale + weight.abs() * inverse_error)
                + TINY;
            let (bias, bias_error) = part(bias, channel, 0.0);
            (s, scale, scale_error, bias.abs(), bias_error)
        })
        .collect();
    let values = x
        .value
        .data
        .iter()
        .zip(x.error.data.iter())
        .zip(y.data.iter());
    let error = |(index, ((&x, &x_error), &y)): (usize, ((&f64, &f64), &f64))| {
        let (s, scale, scale_error, bias, bias_error) = &channels[index / plane % channels.len()];
        let centred = (x - s.mean).abs();
        let centred_error =
            x_error + s.mean_error + EPSILON * (s.deviation + centred + s.mean_error) + 2.0 * TINY;
        let product_error = centred_error * (scale + scale_error) + centred * scale_error;
        let product = centred * scale + product_error;
        let mut result = product_error + EPSILON * product + bias_error;
        if folded {
            result += 4.0 * EPSILON * ((x.abs() + s.mean.abs()) * (scale + scale_error) + bias);
        }
        result + EPSILON * (y.abs() + result) + 2.0 * TINY
    };
    Array::new(
        x.value.shape.clone(),
        values.enumerate().map(error).collect(),
    )
}

/// Bound of one output, of which `value` is the oracle's: the normalised values, a new running statistic, or one of the batch.
pub(super) fn bound(
    layer: &BatchNorm,
    inputs: &[&Bounded],
    output: usize,
    value: &Array<'_, f64>,
    method: Moments,
) -> Array<'static, f64> {
    let x = inputs[0];
    match (layer.mode, output) {
        (Mode::Eval, _) => {
            let running = |channel: usize| Statistics {
                mean: inputs[1].value.data[channel],
                mean_error: inputs[1].error.data[channel],
                variance: inputs[2].value.data[channel],
                variance_error: inputs[2].error.data[channel],
                deviation: 0.0,
            };
            let affine = affine(layer, inputs, 3);
            normalized_bound(layer, x, value, running, affine, method.folded)
        }
        (Mode::Train { .. }, 0) => {
            let batch = |channel| batch_statistics(x, method, channel);
            let affine = affine(layer, inputs, 4);
            normalized_bound(layer, x, value, batch, affine, method.folded)
        }
        (Mode::Train { momentum }, 1 | 2) => running_bound(inputs, output, momentum, method),
        (Mode::Train { .. }, _) => saved_bound(layer, x, output, method),
    }
}

/// Bound of the new running mean (output 1) or variance (output 2).
fn running_bound(
    inputs: &[&Bounded],
    output: usize,
    momentum: f64,
    method: Moments,
) -> Array<'static, f64> {
    let [batch, channels, plane] = extents(&inputs[0].value.shape);
    if batch == 0 {
        return Array::new([channels], vec![0.0; channels]);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
    let count = (batch * plane) as f64;
    let unbiased = count / (count - 1.0);
    let error = |channel: usize| {
        let old = inputs[output].value.data[channel];
        let old_error = inputs[output].error.data[channel];
        let s = batch_statistics(inputs[0], method, channel);
        let (magnitude, error) = match output {
            // The mean is a pivot and a mean of deviations from it, neither larger than this.
            1 => (s.mean.abs() + 2.0 * s.deviation, s.mean_error),
            _ => (s.variance * unbiased, s.variance_error * unbiased),
        };
        let kept = (1.0 - momentum) * old.abs();
        (1.0 - momentum) * old_error
            + momentum * error
            + gamma(8) * (kept + momentum * (magnitude + error))
            + 5.0 * TINY
    };
    Array::new([channels], (0..channels).map(error).collect())
}

/// Bound of the mean (output 4) of the batch, or of its inverse standard deviation.
fn saved_bound(
    layer: &BatchNorm,
    x: &Bounded,
    output: usize,
    method: Moments,
) -> Array<'static, f64> {
    let [batch, channels, _] = extents(&x.value.shape);
    let error = |channel: usize| {
        if batch == 0 {
            // That of eps alone.
            let nobody = Statistics {
                mean: 0.0,
                mean_error: 0.0,
                variance: 0.0,
                variance_error: 0.0,
                deviation: 0.0,
            };
            return if output == 4 {
                0.0
            } else {
                inverse(layer, &nobody)[1]
            };
        }
        let s = batch_statistics(x, method, channel);
        match output {
            // A pivot and a mean of deviations from it.
            4 => s.mean_error + EPSILON * (s.mean.abs() + s.mean_error) + TINY,
            _ => inverse(layer, &s)[1],
        }
    };
    Array::new([channels], (0..channels).map(error).collect())
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

    /// Of channels whose planes are put in order, in several groups and a rest, and of such whose planes are not.
    #[test]
    fn moments_are_of_their_channel() {
        for [batch, channels, plane] in [[200, 150, 9], [4, 150, 1], [2000, 11, 9], [2, 5, SMALL]] {
            // Half a unit above and below the mean: sums are exact.
            let value = |i: usize| {
                let (image, channel) = (i / plane / channels, i / plane % channels);
                (channel * 2 + image % 2) as f32
            };
            let x: Vec<f32> = (0..batch * channels * plane).map(value).collect();
            let expected = |channel| (2.0 * channel as f64 + 0.5, (batch * plane) as f64 / 4.0);
            let expected: Vec<_> = (0..channels).map(expected).collect();
            assert_eq!(all_moments(&x, [batch, channels, plane]), expected);
        }
    }

    #[test]
    fn moments_of_large_values_are_finite() {
        for plane in [1, 49, 600] {
            for large in [2e37f32, 1e19] {
                let extents = [64, 1, plane];
                let same = vec![large; 64 * plane];
                let (mean, squares) = moments(&same, extents, 0);
                assert_eq!((mean, squares), (f64::from(large), 0.0));
                let signs = (0..64 * plane).map(|i| if i % 2 == 0 { large } else { -large });
                let signs: Vec<f32> = signs.collect();
                let (mean, squares) = moments(&signs, extents, 0);
                let expected = f64::from(large).powi(2) * (64 * plane) as f64;
                assert!(mean.abs() <= f64::from(large) * 1e-6, "{mean}");
                assert!((squares / expected - 1.0).abs() < 1e-6, "{squares}");
            }
        }
        assert!(
            moments(&[1.0f32, f32::INFINITY], [2, 1, 1], 0)
                .0
                .is_infinite()
        );
        assert!(moments(&[1.0f32, f32::NAN], [2, 1, 1], 0).0.is_nan());
    }
}
