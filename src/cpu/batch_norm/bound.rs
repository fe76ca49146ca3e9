//! How far an implementation of batch normalisation may be from its definition.

use super::moments::{ADDITIONS, LANES, moments, planes};
use super::{affine, extents};
use crate::cpu::array::Array;
use crate::cpu::bound::{Bounded, EPSILON, TINY, gamma};
use crate::ops::{BatchNorm, Mode};

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
pub(in crate::cpu) fn bound(
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
