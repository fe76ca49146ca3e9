//! Convolutions with small filters: a thread makes a tile of sums, of several filters over several neighbours.

use super::kernels::{ROWS_KERNELS, ROWS_UNIFORM_KERNELS, TILE_KERNELS, TILE_UNIFORM_KERNELS};
use super::lower::{Slots, launch};
use super::packed::Packed;
use super::shapes::Shapes;
use crate::ops::window::{Walk, Window, leading_ones};
use crate::plan::Lowering;

/// Columns and filters of a thread of the kernel for small filters, and the longest row of one.
pub(super) const TILE_COLUMNS: u32 = 8;
pub(super) const TILE_FILTERS: usize = 8;
pub(super) const TILE_WIDTH: usize = 7;
/// The longest side of a filter, and input rows, of a thread that makes several output rows.
const TILE_SIDE: usize = 3;
const TILE_INPUT_ROWS: usize = 6;
/// Products of a convolution for which that is worth the longer time until its pipeline is made.
const MANY_PRODUCTS: usize = 1 << 24;

/// Input channels of a group that are few.
const FEW_CHANNELS: usize = 4;

/// Output rows of a thread of the kernel for small filters: as its sums allow, and no more than there are.
fn tile_rows(shapes: &Shapes, window: &Window<'_>, sums: usize) -> usize {
    let [_, kernel, width] = leading_ones(window.kernel, 1);
    let [_, stride, _] = leading_ones(window.stride, 1);
    let [_, dilation, _] = leading_ones(window.dilation, 1);
    let small = kernel.max(width) <= TILE_SIDE && dilation == 1;
    let Shapes { output, .. } = shapes;
    let products = output.n * shapes.groups * shapes.filters * output.h * output.w;
    let products = products * shapes.channels * kernel * width;
    let most = if products >= MANY_PRODUCTS {
        sums / (TILE_COLUMNS as usize * TILE_FILTERS)
    } else {
        1
    };
    let fits = |rows: &usize| {
        *rows == 1
            || (small
                && *rows <= most.min(shapes.output.h)
                && (rows - 1).saturating_mul(stride) + kernel <= TILE_INPUT_ROWS)
    };
    [4, 2, 1].into_iter().find(fits).unwrap_or(1)
}

/// Lowers to the kernels of tiles: with few input channels one output row a thread, which has few weights to load for it.
pub(super) fn tiled(
    shapes: &Shapes,
    window: &Window<'_>,
    walk: &Walk,
    slots: &Slots,
    lowering: &mut Lowering<'_>,
) {
    let taps = shapes.channels * window.kernel.iter().product::<usize>();
    let tile = shapes.filters.next_power_of_two().clamp(4, TILE_FILTERS);
    let packed = Packed::new(shapes, [taps, tile], slots.weight, lowering);
    let few = packed.uniform && shapes.channels <= FEW_CHANNELS;
    let rows = if few {
        1
    } else {
        tile_rows(shapes, window, lowering.sums())
    };
    let kernels = match (rows, packed.uniform) {
        (1, false) => &TILE_KERNELS,
        (1, true) => &TILE_UNIFORM_KERNELS,
        (_, false) => &ROWS_KERNELS,
        (_, true) => &ROWS_UNIFORM_KERNELS,
    };
    let mut counts = packed.counts(shapes);
    if rows > 1 {
        counts.push(("ROWS", rows));
    }
    let slots = Slots {
        weight: packed.slot,
        ..*slots
    };
    launch(
        kernels,
        &counts,
        shapes,
        (walk, rows),
        &slots,
        &packed,
        lowering,
    );
}
