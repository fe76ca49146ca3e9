//! Convolutions over pictures beyond a binding: band by band of output rows.
//!
//! A thread sums over all channels of its group and stores several filters, which lie as far apart as planes are large. So
//! the rows that a band needs are copied to a picture of their own, and its results to their places.

use super::lower::conv;
use crate::ops::concat::Rows;
use crate::ops::window::Window;
use crate::plan::{Lowering, SlotId};
use crate::tensor::TensorType;
use std::ops::Range;

/// Rows of a picture.
struct Band {
    input: Range<usize>,
    output: Range<usize>,
    /// Zeros before the first row of the input.
    before: usize,
}

/// The band of so many output rows from `first` on, for filters that are `reach` + 1 rows high.
fn band(
    [first, rows]: [usize; 2],
    [stride, before, reach]: [usize; 3],
    [input, output]: [usize; 2],
) -> Band {
    let end = (first + rows).min(output);
    let begin = first * stride;
    let height = (end - 1 - first) * stride + reach + 1;
    let (start, stop) = (
        begin.saturating_sub(before),
        (begin + height).saturating_sub(before),
    );
    let (input, before) = if stop == 0 || start >= input {
        // Windows that see nothing but zeros, before or behind the picture: here before a row that none of them sees.
        (0..1, height)
    } else {
        (start..stop.min(input), before.saturating_sub(begin))
    };
    Band {
        input,
        output: first..end,
        before,
    }
}

/// The bands of a picture, if its rows fit so.
fn bands(x: &TensorType, y: &TensorType, window: &Window<'_>, binding: u64) -> Option<Vec<Band>> {
    // Along H, in front of W; a row of a signal is all of it.
    let axis = window.kernel.len().checked_sub(2)?;
    let [input, output] = [x, y].map(|ty| ty.shape[axis + 2]);
    let attributes = [
        window.stride[axis],
        window.padding[axis][0],
        (window.kernel[axis] - 1) * window.dilation[axis],
    ];
    let row = |ty: &TensorType| ty.shape[1] * ty.shape[axis + 3] * ty.dtype.bytes();
    let (x_row, y_row) = (row(x), row(y));
    let fits = |rows: usize| {
        let band = band(
            [0, rows],
            [attributes[0], 0, attributes[2]],
            [usize::MAX / 2, output],
        );
        let bytes = (band.input.len() * x_row).max(band.output.len() * y_row);
        bytes as u64 <= binding
    };
    // By halves, until they fit.
    let mut rows = output;
    while !fits(rows) {
        rows = (rows > 1).then(|| rows.div_ceil(2))?;
    }
    let firsts = (0..output).step_by(rows);
    Some(
        firsts
            .map(|first| band([first, rows], attributes, [input, output]))
            .collect(),
    )
}

/// Lowers the convolution band by band; `false` if not even a row fits a binding.
pub(super) fn lower(groups: usize, window: &Window<'_>, lowering: &mut Lowering<'_>) -> bool {
    let (x, y) = (lowering.inputs[0], lowering.outputs[0]);
    let Some(bands) = bands(x, y, window, lowering.binding()) else {
        return false;
    };
    if lowering.wants_moments() {
        lowering.no_moments("it goes band by band");
    }
    let axis = window.kernel.len() - 2;
    let [read, write] = [lowering.reads[0], lowering.writes[0]];
    for picture in 0..x.shape[0] {
        for band in &bands {
            let [x_rows, y_rows] = [(x, &band.input), (y, &band.output)].map(|(ty, rows)| Rows {
                count: ty.shape[1],
                planes: 1,
                channel: 0,
                elements: rows.len() * ty.shape[axis + 3],
                from: stretches(ty, axis, picture, rows),
                to: (0, rows.len() * ty.shape[axis + 3]),
                dtype: ty.dtype,
            });
            let part = |ty: &TensorType, rows: &Range<usize>| {
                let mut shape = ty.shape.clone();
                (shape[0], shape[axis + 2]) = (1, rows.len());
                ty.like(shape)
            };
            let types = [part(x, &band.input), part(y, &band.output)];
            let nothing = lowering.no_ways();
            let gathered = |rows: &Rows, slot: SlotId, lowering: &mut Lowering<'_>| {
                let bytes = rows.count * rows.elements * rows.dtype.bytes();
                let to = lowering.scratch("band", bytes);
                rows.launch([slot, to], &nothing, lowering);
                to
            };
            let band_x = gathered(&x_rows, read, lowering);
            let skip = lowering
                .skip()
                .map(|skip| gathered(&y_rows, skip, lowering));
            let band_y = lowering.scratch("band of results", types[1].bytes());
            let mut padding = window.padding.to_vec();
            padding[axis][0] = band.before;
            let window = Window {
                padding: &padding,
                ..*window
            };
            let mut own = lowering.part([&types[0], &types[1]], [band_x, band_y], skip);
            conv(groups, &window, &mut own);
            let back = Rows {
                from: y_rows.to,
                to: y_rows.from,
                ..y_rows
            };
            back.launch([band_y, write], &nothing, lowering);
        }
    }
    true
}

/// Where some rows of each plane of a picture begin, and from one plane to the next.
fn stretches(ty: &TensorType, axis: usize, picture: usize, rows: &Range<usize>) -> (usize, usize) {
    let [height, width] = [ty.shape[axis + 2], ty.shape[axis + 3]];
    let plane = height * width;
    (picture * ty.shape[1] * plane + rows.start * width, plane)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_has_the_rows_that_its_windows_see() {
        // Filters of 3 rows, stride 2, one row of zeros around 9 rows: 5 windows, at -1, 1, 3, 5, 7.
        let of = |first, rows| {
            let band = band([first, rows], [2, 1, 2], [9, 5]);
            (band.input, band.output, band.before)
        };
        assert_eq!(of(0, 2), (0..4, 0..2, 1));
        assert_eq!(of(2, 2), (3..8, 2..4, 0));
        assert_eq!(of(4, 2), (7..9, 4..5, 0));
        // Four rows of zeros around one: the first window and the last see none of it.
        let of = |first| {
            let band = band([first, 1], [1, 4, 1], [1, 8]);
            (band.input, band.before)
        };
        assert_eq!(of(0), (0..1, 2));
        assert_eq!(of(3), (0..1, 1));
        assert_eq!(of(4), (0..1, 0));
        assert_eq!(of(7), (0..1, 2));
    }
}
