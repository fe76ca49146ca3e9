//! Convolutions with filters of 1 x 1: a picture is a row of pixels.

use super::kernels::{POINTWISE_KERNELS, POINTWISE_UNIFORM_KERNELS};
use super::lower::{Slots, overrides};
use super::packed::Packed;
use super::shapes::Shapes;
use crate::kernel::{half, per_lane, store_constants, store_form};
use crate::ops::window::{Extents, Window, last_lane};
use crate::plan::{Block, Launch, Lowering, Touches, span};

/// Neighbouring pixels of a stretch, the most stretches of a thread, and its most filters.
const STRETCH: u32 = 8;
const MOST_STRETCHES: usize = 4;
const MOST_FILTERS: usize = 16;

/// Whether the kernel takes a convolution: its output has the pixels of its input.
pub(super) fn takes(shapes: &Shapes, window: &Window<'_>) -> bool {
    let ones = |values: &[usize]| values.iter().all(|&value| value == 1);
    let bare = window.padding.iter().all(|zeros| *zeros == [0, 0]);
    ones(window.kernel) && ones(window.stride) && bare && shapes.filters > 1
}

/// Filters of a thread, which has so many sums.
pub(super) fn tile(shapes: &Shapes, sums: usize) -> usize {
    let most = (sums / STRETCH as usize).clamp(4, MOST_FILTERS);
    shapes.filters.next_power_of_two().clamp(4, most)
}

pub(super) fn lower(shapes: &Shapes, slots: &Slots, lowering: &mut Lowering<'_>) {
    let flat = |extents: &Extents| Extents {
        h: 1,
        w: extents.h * extents.w,
        ..*extents
    };
    let pixels = shapes.output.h * shapes.output.w;
    let stretch = STRETCH as usize;
    let sums = lowering.sums() / stretch;
    let tile = tile(shapes, lowering.sums());
    let stretches = (sums / tile).clamp(1, MOST_STRETCHES);
    let stretches = pixels.div_ceil(stretch).next_power_of_two().min(stretches);
    let packed = Packed::new(shapes, [shapes.channels, tile], slots.weight, lowering);
    let kernels = match packed.uniform {
        true => &POINTWISE_UNIFORM_KERNELS,
        false => &POINTWISE_KERNELS,
    };
    let form = store_form(shapes.dtype, pixels, STRETCH);
    let mut counts = packed.counts(shapes);
    counts.extend([packed.outer(), ("STRETCHES", stretches)]);
    let mut constants = overrides(&counts);
    let aligned = pixels.is_multiple_of(per_lane(shapes.dtype));
    constants.extend([
        half(shapes.dtype),
        ("ALIGNED", f64::from(u8::from(aligned))),
        ("LEAD", 0.0),
    ]);
    constants.extend(store_constants(form, pixels));
    let ways = lowering.ways();
    constants.extend(&ways.constants);
    let params = Shapes {
        input: flat(&shapes.input),
        output: flat(&shapes.output),
        ..*shapes
    }
    .params(last_lane(lowering.inputs[0]));
    let bytes = |[x, _, z]: &Block| {
        let [first, end] = [x.start, x.end].map(|x| x * stretches * stretch);
        let own = (first, end.min(pixels) - 1, pixels);
        let [channels, filters] = shapes.planes(packed.order, z);
        [channels, filters].map(|planes| span(&[planes, own], shapes.dtype.bytes()))
    };
    let products = pixels * shapes.output.n * shapes.output.c * shapes.channels;
    let writes = lowering.writes.clone();
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
        threads: packed.threads([
            pixels.div_ceil(stretches * stretch),
            1,
            packed.depth(shapes),
        ]),
        operations: 2 * products,
        touches: Some(Touches {
            bytes: &bytes,
            like_y: if ways.skips { &[5] } else { &[] },
            weights: packed.weights(&|[.., z]: &Block| packed.touched(shapes, z)),
        }),
    });
}
