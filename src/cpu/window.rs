//! Sliding windows from their definition: the positions are walked, not computed by formula.

use super::array::{Array, Scalar};
use rayon::prelude::*;

/// One spatial axis of a sliding window. Positions are elements of the input; negative ones lie in the padding.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Elements of the input.
    pub(super) extent: i64,
    pub(super) kernel: i64,
    pub(super) stride: i64,
    pub(super) dilation: i64,
    /// Padding behind the input.
    pub(super) behind: i64,
    /// First position of each window.
    pub(super) starts: Vec<i64>,
}

impl Axis {
    /// Windows start at the beginning of the padding and move by the stride for as long as they fit. In ceil mode one
    /// more is allowed to hang over, if something is left uncovered and it begins before the padding behind the input.
    pub(super) fn new(
        extent: usize,
        [kernel, stride, dilation]: [usize; 3],
        [before, behind]: [usize; 2],
        ceil_mode: bool,
    ) -> Self {
        let [extent, kernel, stride, dilation, before, behind] =
            [extent, kernel, stride, dilation, before, behind].map(small);
        let reach = dilation.saturating_mul(kernel - 1);
        let last = extent + behind - 1;
        let mut starts = Vec::new();
        let mut start = -before;
        while start.saturating_add(reach) <= last {
            starts.push(start);
            start = start.saturating_add(stride);
        }
        let covered = starts.last().map_or(i64::MIN, |start| start + reach);
        if ceil_mode && covered < last && start < extent {
            starts.push(start);
        }
        Self {
            extent,
            kernel,
            stride,
            dilation,
            behind,
            starts,
        }
    }

    /// An axis that is not there.
    pub(super) fn missing() -> Self {
        Self::new(1, [1, 1, 1], [0, 0], false)
    }

    /// Positions within the input that a window covers.
    pub(super) fn taps(&self, window: usize) -> impl Iterator<Item = (usize, usize)> + use<'_> {
        let start = self.starts[window];
        (0..self.kernel).filter_map(move |tap| {
            let position = start + tap * self.dilation;
            let inside = (0..self.extent).contains(&position);
            inside.then(|| (index(tap), index(position)))
        })
    }

    /// For one tap: the windows whose element lies within the input, and the first such element.
    pub(super) fn windows_at(&self, tap: i64) -> (std::ops::Range<usize>, usize) {
        let position = |start: i64| start + tap * self.dilation;
        let before = self.starts.partition_point(|&start| position(start) < 0);
        let within = self
            .starts
            .partition_point(|&start| position(start) < self.extent);
        let first = self.starts.get(before).map_or(0, |&start| position(start));
        (
            before..within.max(before),
            index(first.clamp(0, self.extent)),
        )
    }
}

/// The graph has checked that the tensor exists; what is larger has no effect (the stride of a single window).
fn small(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn index(position: i64) -> usize {
    usize::try_from(position).unwrap_or(0)
}

/// The depth, height and width axes of a layer over 1 to 3 dimensions.
pub(super) fn axes(dims: usize, axis: impl Fn(usize) -> Axis) -> [Axis; 3] {
    let missing = 3 - dims;
    std::array::from_fn(|position| match position.checked_sub(missing) {
        Some(given) => axis(given),
        None => Axis::missing(),
    })
}

/// Shape of the output of windows over the spatial axes of `shape`.
pub(super) fn output_shape(shape: &[usize], axes: &[Axis; 3]) -> Vec<usize> {
    let spatial = axes[5 - shape.len()..].iter().map(|axis| axis.starts.len());
    shape[..2].iter().copied().chain(spatial).collect()
}

/// Gives each of `outputs` its element of `inputs`, of which they have every stride-th from the first on.
pub(super) fn each_strided<T: Copy>(
    outputs: &mut [T],
    inputs: &[T],
    stride: usize,
    give: impl Fn(&mut T, T),
) {
    match stride {
        1 => {
            for (output, &input) in outputs.iter_mut().zip(inputs) {
                give(output, input);
            }
        }
        // Of pairs a compiler makes vectors.
        2 => {
            let (pairs, rest) = inputs.as_chunks::<2>();
            for (output, &[input, _]) in outputs.iter_mut().zip(pairs) {
                give(output, input);
            }
            for (output, &input) in outputs.iter_mut().skip(pairs.len()).zip(rest) {
                give(output, input);
            }
        }
        _ => {
            for (output, &input) in outputs.iter_mut().zip(inputs.iter().step_by(stride)) {
                give(output, input);
            }
        }
    }
}

/// Planes that are folded together where they are small: the elements of one place in them are a vector.
const TOGETHER: usize = 16;
/// Most elements of a small plane: all that go together are in the nearest cache.
const SMALL: usize = 256;

/// Folds every window of every plane, planes in parallel: outputs begin as `start`; `fold` gives one an element of its window;
/// `finish(row, depth, height)` ends a row of them.
pub(super) fn fold_windows<T: Scalar>(
    x: &Array<'_, T>,
    axes: &[Axis; 3],
    start: T,
    fold: impl Fn(&mut T, T) + Sync,
    finish: impl Fn(&mut [T], usize, usize) + Sync,
) -> Array<'static, T> {
    let shape = output_shape(&x.shape, axes);
    let [depth, height, width] = axes;
    let (rows, columns) = (height.starts.len(), width.starts.len());
    let mut y = vec![start; shape.iter().product()];
    let plane = (rows * columns * depth.starts.len()).max(1);
    let source = index(depth.extent * height.extent * width.extent).max(1);
    let finish = |y: &mut [T]| {
        for (at, row) in y.chunks_mut(columns).enumerate() {
            finish(row, at / rows, at % rows);
        }
    };
    let are_small = source <= SMALL && plane <= SMALL && y.len() / plane >= TOGETHER;
    if are_small && columns < TOGETHER {
        y.par_chunks_mut(plane * TOGETHER)
            .zip(x.data.par_chunks(source * TOGETHER))
            .for_each(|(y, x)| {
                let mut inputs = vec![[T::ZERO; TOGETHER]; source];
                for (lane, x) in x.chunks(source).enumerate() {
                    for (input, &x) in inputs.iter_mut().zip(x) {
                        input[lane] = x;
                    }
                }
                let mut outputs = vec![[start; TOGETHER]; plane];
                fold_plane(&mut outputs, &inputs, axes, |outputs, inputs| {
                    for (output, input) in outputs.iter_mut().zip(inputs) {
                        fold(output, input);
                    }
                });
                for (lane, y) in y.chunks_mut(plane).enumerate() {
                    for (y, output) in y.iter_mut().zip(&outputs) {
                        *y = output[lane];
                    }
                    finish(y);
                }
            });
    } else {
        y.par_chunks_mut(plane)
            .zip(x.data.par_chunks(source))
            .for_each(|(y, x)| {
                fold_plane(y, x, axes, &fold);
                finish(y);
            });
    }
    Array::new(shape, y)
}

/// Gives each output of a plane the elements of its window, in their order.
fn fold_plane<E: Copy>(y: &mut [E], x: &[E], axes: &[Axis; 3], fold: impl Fn(&mut E, E)) {
    let [depth, height, width] = axes;
    let (rows, columns) = (height.starts.len(), width.starts.len());
    let taps: Vec<_> = (0..width.kernel).map(|tap| width.windows_at(tap)).collect();
    for (at, row) in y.chunks_mut(columns).enumerate() {
        for (_, id) in depth.taps(at / rows) {
            for (_, ih) in height.taps(at % rows) {
                let from = (id * index(height.extent) + ih) * index(width.extent);
                let input = &x[from..from + index(width.extent)];
                for (windows, first) in &taps {
                    let windows = &mut row[windows.clone()];
                    each_strided(windows, &input[*first..], index(width.stride), &fold);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_walked_as_pytorch_counts_them() {
        let windows = |extent, kernel, stride, padding, ceil| {
            Axis::new(extent, [kernel, stride, 1], [padding; 2], ceil).starts
        };
        assert_eq!(windows(6, 1, 2, 0, false), [0, 2, 4]);
        assert_eq!(windows(5, 2, 2, 1, true), [-1, 1, 3]);
        assert_eq!(windows(5, 3, 2, 0, false), [0, 2]);
        assert_eq!(windows(6, 3, 2, 0, true), [0, 2, 4]);
        assert_eq!(windows(2, 3, 2, 0, true), [0]);
        assert_eq!(windows(2, 3, 2, 0, false), [0i64; 0]);
    }

    #[test]
    fn outputs_meet_every_stride_th_input() {
        for stride in 1..5 {
            for rest in 0..stride {
                let inputs: Vec<usize> = (0..=3 * stride + rest).collect();
                let mut outputs = [9; 4];
                each_strided(&mut outputs, &inputs, stride, |output, input| {
                    *output += input;
                });
                assert_eq!(outputs, [0, 1, 2, 3].map(|index| 9 + index * stride));
            }
        }
    }

    #[test]
    fn planes_alone_and_together_are_folded_as_defined() {
        // The last planes are fewer than go together; the order of elements counts.
        let fold = |all: &mut f64, element: f64| *all = *all * 0.5 + element;
        let planes = [
            (3, 1),
            (3, 7),
            (3, 29),
            (3, 31),
            (3, 50),
            (9, 28),
            (10, 28),
            (300, 1),
        ];
        for (rows, extent) in planes {
            for planes in [0, 1, TOGETHER - 1, TOGETHER, 2 * TOGETHER + 1] {
                let [height, width] =
                    [rows, extent].map(|extent| Axis::new(extent, [3, 2, 1], [1, 1], false));
                let axes = [Axis::missing(), height, width];
                let elements = rows * extent;
                let input: Vec<f64> = (0..planes * elements).map(|i| (i % 29) as f64).collect();
                let mut expected = Vec::new();
                for plane in input.chunks(elements) {
                    for h in 0..axes[1].starts.len() {
                        for w in 0..axes[2].starts.len() {
                            let mut all = 0.25;
                            for (_, ih) in axes[1].taps(h) {
                                for (_, iw) in axes[2].taps(w) {
                                    fold(&mut all, plane[ih * extent + iw]);
                                }
                            }
                            expected.push(all + h as f64);
                        }
                    }
                }
                let finish = |row: &mut [f64], _, h| row.iter_mut().for_each(|y| *y += h as f64);
                let x = Array::new([1, planes, rows, extent], input);
                let y = fold_windows(&x, &axes, 0.25, fold, finish);
                assert_eq!(
                    *y.data, expected,
                    "{planes} planes of {rows} rows of {extent}"
                );
            }
        }
    }

    #[test]
    fn a_tap_meets_the_windows_within_the_input() {
        let axis = Axis::new(5, [3, 2, 1], [1, 1], false);
        assert_eq!(axis.starts, [-1, 1, 3]);
        assert_eq!(axis.windows_at(0), (1..3, 1));
        assert_eq!(axis.windows_at(1), (0..3, 0));
        assert_eq!(axis.windows_at(2), (0..2, 1));
        assert_eq!(axis.taps(0).collect::<Vec<_>>(), [(1, 0), (2, 1)]);
    }
}
