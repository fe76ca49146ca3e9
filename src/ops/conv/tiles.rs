//! Convolutions with small filters: a thread makes a tile of sums, of several filters over several neighbours.

use super::kernels::{
    FEW_KERNELS, ROWS_KERNELS, ROWS_UNIFORM_KERNELS, TILE_KERNELS, TILE_UNIFORM_KERNELS,
};
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

/// Output rows that a thread may make, most first: as its sums allow, and no more than there are; one for few products.
fn rows_of_thread(
    shapes: &Shapes,
    window: &Window<'_>,
    sums: usize,
) -> impl Iterator<Item = usize> {
    let products =
        shapes.output.n * shapes.groups * shapes.filters * shapes.output.h * shapes.output.w;
    let products = products * shapes.channels * window.kernel.iter().product::<usize>();
    let most = if products >= MANY_PRODUCTS {
        sums / (TILE_COLUMNS as usize * TILE_FILTERS)
    } else {
        1
    };
    let most = most.min(shapes.output.h);
    [4, 2].into_iter().filter(move |rows| *rows <= most)
}

/// Whether a thread that makes so many output rows can hold the weights of a filter, and has all input rows written out.
fn writes_out(rows: usize, window: &Window<'_>) -> bool {
    let [_, kernel, width] = leading_ones(window.kernel, 1);
    let [_, stride, _] = leading_ones(window.stride, 1);
    let [_, dilation, _] = leading_ones(window.dilation, 1);
    kernel.max(width) <= TILE_SIDE
        && dilation == 1
        && (rows - 1).saturating_mul(stride) + kernel <= TILE_INPUT_ROWS
}

/// Lowers to the kernels of tiles.
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
    let rows = rows_of_thread(shapes, window, lowering.sums())
        .find(|&rows| few || writes_out(rows, window))
        .unwrap_or(1);
    let kernels = match (rows, packed.uniform) {
        (1, false) => &TILE_KERNELS,
        (1, true) => &TILE_UNIFORM_KERNELS,
        _ if few => &FEW_KERNELS,
        (_, false) => &ROWS_KERNELS,
        (_, true) => &ROWS_UNIFORM_KERNELS,
    };
    let mut counts = packed.counts(shapes);
    counts.push(packed.outer());
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
