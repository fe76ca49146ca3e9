//! Convolutions as a product of matrices in the memory of workgroups: `shaders/conv_shared.wgsl`.

use super::kernels::{SHARED_KERNELS, SHARED_MOMENTS_KERNELS};
use super::lower::{Slots, moments, overrides};
use super::packed::Packed;
use super::shapes::Shapes;
use crate::kernel::{half, per_lane, store_constants, store_form};
use crate::ops::window::{MAX_TURNS, Window, last_lane, word};
use crate::plan::{Launch, Lowering, Threads};

/// Pixels of a workgroup, and threads that make eight each.
const PIXELS: usize = 128;
const ALONG: usize = 16;
/// Filters of a thread, and the fewest and the most of a workgroup.
const FILTERS: usize = 8;
const FEWEST: usize = 32;
const MOST: usize = 64;

/// Whether the kernel takes a convolution and is worth it: on a GPU, where its filters are more than half of a tile, and its pixels
/// at least half of those of a workgroup.
pub(super) fn takes(shapes: &Shapes, window: &Window<'_>, lowering: &Lowering<'_>) -> bool {
    let (tile, taps) = (
        tile(shapes),
        shapes.channels * window.kernel.iter().product::<usize>(),
    );
    let tiles = shapes.filters.div_ceil(tile);
    let pixels = shapes.output.h * shapes.output.w;
    let bytes = |planes: usize, pixels: usize| planes * pixels * shapes.dtype.bytes();
    let (input, output) = (&shapes.input, &shapes.output);
    let along = if flat(shapes) {
        pixels * output.n
    } else {
        pixels
    };
    !lowering.loads_are_dear()
        && shapes.filters > FEWEST / 2
        && taps <= MAX_TURNS
        && along >= PIXELS / 2
        && lowering.fits(bytes(input.n * input.c, input.h * input.w))
        && lowering.fits_whole(bytes(output.n * output.c, pixels))
        && lowering.fits(shapes.groups * tiles * tile * taps * 4)
}

/// Whether pixels of all pictures are one row: where neighbours that are stored together, a lane, are of one picture.
fn flat(shapes: &Shapes) -> bool {
    (shapes.output.h * shapes.output.w).is_multiple_of(per_lane(shapes.dtype))
}

fn tile(shapes: &Shapes) -> usize {
    shapes.filters.next_power_of_two().clamp(FEWEST, MOST)
}

pub(super) fn lower(
    shapes: &Shapes,
    window: &Window<'_>,
    repeat: [usize; 2],
    slots: &Slots,
    lowering: &mut Lowering<'_>,
) {
    let walk = window.walk(&shapes.input, &shapes.output, shapes.dtype, 1);
    let (taps, tile) = (shapes.channels * walk.kernel_elements(), tile(shapes));
    let packed = Packed::loaded(shapes, [taps, tile], slots.weight, lowering);
    let (pixels, batch) = (shapes.output.h * shapes.output.w, shapes.output.n);
    let flat = flat(shapes);
    let mut counts = packed.counts(shapes);
    counts.push(("FLAT", usize::from(flat)));
    counts.extend(["UP_H", "UP_W"].into_iter().zip(repeat));
    let mut constants = overrides(&counts);
    constants.extend(walk.attributes(1));
    let form = store_form(shapes.dtype, pixels, word(per_lane(shapes.dtype)));
    constants.extend([half(shapes.dtype), ("ALIGNED", 0.0), ("LEAD", 0.0)]);
    constants.extend(store_constants(form, pixels));
    let ways = lowering.ways();
    constants.extend(&ways.constants);
    let (row, pictures) = if flat {
        (pixels * batch, 1)
    } else {
        (pixels, batch)
    };
    let workgroup = [ALONG, tile / FILTERS, 1];
    let depth = pictures * shapes.groups * shapes.filters.div_ceil(tile);
    let count = [row.div_ceil(PIXELS) * workgroup[0], workgroup[1], depth];
    let params = shapes.params(last_lane(lowering.inputs[0]));
    let parts = row.div_ceil(PIXELS);
    let made = moments(parts * pictures, lowering);
    let kernels = if made.is_some() {
        constants.extend(overrides(&[
            ("PARTS_X", parts),
            ("PARTS", parts * pictures),
        ]));
        &SHARED_MOMENTS_KERNELS
    } else {
        &SHARED_KERNELS
    };
    let writes: Vec<_> = lowering.writes.iter().copied().chain(made).collect();
    lowering.launch(&Launch {
        kernel: &kernels[form],
        constants: &constants,
        params: bytemuck::bytes_of(&params),
        reads: &[
            slots.x,
            packed.slot,
            slots.bias,
            ways.way_in,
            ways.way_out,
            ways.skip,
        ],
        writes: &writes,
        threads: Threads {
            count,
            workgroup: workgroup.map(word),
        },
        operations: 2 * batch * shapes.output.c * pixels * taps,
        touches: None,
    });
}
