//! Mean and sum of squared deviations of channels.

use crate::cpu::array::Scalar;
use rayon::prelude::*;

/// The planes of one channel.
pub(super) fn planes<T>(
    x: &[T],
    [_, channels, plane]: [usize; 3],
    channel: usize,
) -> impl Iterator<Item = &[T]> + Clone {
    x.chunks_exact(plane).skip(channel).step_by(channels)
}

/// Lanes of sums.
pub(super) const LANES: usize = 16;
/// Additions to a lane in the path's precision before it goes on in f64.
pub(super) const ADDITIONS: usize = 32;

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
pub(super) fn moments<T: Scalar>(x: &[T], extents: [usize; 3], channel: usize) -> (f64, f64) {
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
/// Most elements of small planes that are put in order at once: they fit the second cache.
const IN_ORDER: usize = 1 << 15;
/// Fewest of them that are side by side in memory: four cache lines of f32.
const ROW: usize = 1 << 6;

/// [`moments`] of all channels. Of small planes those of neighbouring channels are put in order first, channel by channel, if the batch
/// is not so large that too few fit.
pub(super) fn all_moments<T: Scalar>(x: &[T], extents: [usize; 3]) -> Vec<(f64, f64)> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
