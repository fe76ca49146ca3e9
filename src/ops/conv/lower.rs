//! Dispatches of a convolution: which kernel takes it, and what that is launched with.

use super::bands;
use super::kernels::{DEPTHWISE_KERNELS, DEPTHWISE_MOMENTS_KERNELS, KERNELS, PLANES_KERNELS};
use super::packed::Packed;
use super::pointwise;
use super::shapes::{Shapes, Tiles};
use super::shared;
use super::tiles::{TILE_COLUMNS, TILE_FILTERS, TILE_WIDTH, tiled};
use crate::kernel::{Kernel, half, per_lane, store_constants, store_form};
use crate::ops::held::Held;
use crate::ops::window::{Extents, Walk, Window, columns, last_lane, word};
use crate::plan::{Block, Launch, Lowering, SlotId, Threads, Touches};
use crate::tensor::TensorType;

/// Columns of a thread of the kernel for any filter.
const COLUMNS: u32 = 4;

/// Fewest threads of a plane of which workgroups make moments: half of one.
const MOMENTS_THREADS: usize = 32;

/// The longest side of a filter of the depthwise kernel.
const DEPTHWISE_SIDE: usize = 5;

/// What a kernel binds.
#[derive(Clone, Copy)]
pub(super) struct Slots {
    pub(super) x: SlotId,
    pub(super) weight: SlotId,
    pub(super) bias: SlotId,
}

/// Which kernel takes a convolution, and how a thread of it walks.
enum Route {
    /// Small filters of one channel each.
    Depthwise(Walk),
    /// Filters of short rows.
    Tile(Walk),
    Any(Walk),
}

fn route(shapes: &Shapes, window: &Window<'_>, loads_are_dear: bool) -> Route {
    let walk = |columns| window.walk(&shapes.input, &shapes.output, shapes.dtype, columns);
    let depthwise = walk(columns(shapes.dtype, loads_are_dear));
    let small = window.kernel.iter().all(|&side| side <= DEPTHWISE_SIDE);
    if shapes.channels == 1 && shapes.filters == 1 && small && depthwise.roll {
        return Route::Depthwise(depthwise);
    }
    let tile = walk(TILE_COLUMNS);
    let width = window.kernel[window.kernel.len() - 1];
    if !tile.long && width <= TILE_WIDTH && shapes.filters > 1 {
        return Route::Tile(tile);
    }
    Route::Any(walk(COLUMNS))
}

pub(super) fn conv(groups: usize, window: &Window<'_>, lowering: &mut Lowering<'_>) {
    let (x, weight) = (lowering.inputs[0], lowering.inputs[1]);
    let repeat = lowering.fused.repeat.unwrap_or([1, 1]);
    let shapes = Shapes::of(groups, x, repeat, weight, lowering.outputs[0]);
    if repeat == [1, 1] && banded(groups, window, &shapes, lowering) {
        lowering.no_moments("it is cut into bands");
        return;
    }
    let bias = match lowering.reads.get(2) {
        Some(&bias) => bias,
        // The bits of 0 in f16 are half of those in f32.
        None => lowering.table("no bias", &vec![0f32; weight.shape[0]]),
    };
    let slots = Slots {
        x: lowering.reads[0],
        weight: lowering.reads[1],
        bias,
    };
    if shared::takes(&shapes, window, lowering) {
        return shared::lower(&shapes, window, repeat, &slots, lowering);
    }
    const NONE: &str = "its kernel makes none";
    // Fused only where it can be: see `repeats`.
    if repeat == [1, 1] && pointwise::takes(&shapes, window) {
        lowering.no_moments(NONE);
        return pointwise::lower(&shapes, &slots, lowering);
    }
    let repeated = |walk: Walk| walk.repeated(repeat, shapes.output.w).unwrap_or(walk);
    // The route that `repeats` has asked whether it can.
    let dear = lowering.loads_are_dear() || repeat != [1, 1];
    match route(&shapes, window, dear) {
        Route::Depthwise(walk) => {
            let held = (repeat == [1, 1])
                .then(|| Held::under(&walk, lowering))
                .flatten();
            match held {
                Some(held) => planes(held, &slots, lowering),
                None => depthwise(&shapes, &repeated(walk), &slots, lowering),
            }
        }
        Route::Tile(walk) => {
            lowering.no_moments(NONE);
            tiled(&shapes, window, &repeated(walk), &slots, lowering);
        }
        Route::Any(walk) => {
            lowering.no_moments(NONE);
            any(&shapes, &repeated(walk), &slots, lowering);
        }
    }
}

/// Lowers the convolution in bands, if what a thread touches of a picture is beyond a binding.
fn banded(
    groups: usize,
    window: &Window<'_>,
    shapes: &Shapes,
    lowering: &mut Lowering<'_>,
) -> bool {
    let plane = |extents: &Extents| extents.h * extents.w * shapes.dtype.bytes();
    let group = shapes.channels * plane(&shapes.input);
    let most = if pointwise::takes(shapes, window) {
        pointwise::tile(shapes, lowering.sums())
    } else {
        TILE_FILTERS
    };
    let tile = shapes.filters.min(most) * plane(&shapes.output);
    let alone = shapes.channels == 1 && shapes.filters == 1;
    !alone && !lowering.fits(group.max(tile)) && bands::lower(groups, window, lowering)
}

/// Whether the kernel for this convolution can repeat its input: of the types that repeated input, weight and output have.
pub(super) fn repeats(
    groups: usize,
    window: &Window<'_>,
    types: [&TensorType; 3],
    repeat: [usize; 2],
) -> bool {
    let [x, weight, y] = types;
    let shapes = Shapes::of(groups, x, [1, 1], weight, y);
    let (Route::Depthwise(walk) | Route::Tile(walk) | Route::Any(walk)) =
        route(&shapes, window, true);
    walk.repeated(repeat, shapes.output.w).is_some()
}

/// Turns of the loops of a thread of the kernel for any filter, over channels, rows and taps.
pub(super) fn turns(window: &Window<'_>, x: &TensorType, y: &TensorType, channels: usize) -> usize {
    let walk = window.walk(&Extents::of(x), &Extents::of(y), x.dtype, COLUMNS);
    channels.saturating_mul(walk.turns() + 1)
}

/// A kernel, its threads, and what it makes.
struct Making {
    kernels: &'static [Kernel; 3],
    threads: Threads,
    writes: Vec<SlotId>,
    constants: Vec<(&'static str, f64)>,
}

impl Making {
    /// The output. `count`: threads of a plane of it along x and y, and so many planes.
    fn output(kernels: &'static [Kernel; 3], count: [usize; 3], lowering: &Lowering<'_>) -> Self {
        Self {
            kernels,
            threads: Threads::fitted(count),
            writes: lowering.writes.clone(),
            constants: Vec::new(),
        }
    }

    /// The output of a depthwise convolution, and the moments of that where they are asked for and can be.
    fn depthwise(count: [usize; 3], shapes: &Shapes, lowering: &mut Lowering<'_>) -> Self {
        let output = Self::output(&DEPTHWISE_KERNELS, count, lowering);
        if count[0] * count[1] < MOMENTS_THREADS {
            lowering.no_moments("its planes have few threads");
            return output;
        }
        let threads = Threads::of_planes(count);
        let [x, y, _] = threads.workgroups();
        match moments(x * y * shapes.output.n, lowering) {
            Some(moments) => Self {
                kernels: &DEPTHWISE_MOMENTS_KERNELS,
                threads,
                writes: vec![output.writes[0], moments],
                constants: overrides(&[("PARTS_X", x), ("PARTS_Y", y)]),
            },
            None => output,
        }
    }
}

/// Room for the moments of the output, in so many parts, if they are asked for and can be.
pub(super) fn moments(parts: usize, lowering: &mut Lowering<'_>) -> Option<SlotId> {
    let bytes = parts * lowering.outputs[0].shape[1] * 16;
    let why = match () {
        () if parts == 0 => "it has no pictures",
        () if !lowering.fits(bytes) => "they exceed a binding",
        () => {
            let wanted = lowering.wants_moments();
            return wanted.then(|| lowering.make_moments(parts));
        }
    };
    lowering.no_moments(why);
    None
}

/// Launches a kernel of tiles, `rows` output rows a thread.
pub(super) fn launch(
    kernels: &'static [Kernel; 3],
    counts: &[(&'static str, usize)],
    shapes: &Shapes,
    (walk, rows): (&Walk, usize),
    slots: &Slots,
    packed: &Packed,
    lowering: &mut Lowering<'_>,
) {
    let count = walk.threads(&shapes.output, rows, packed.depth(shapes));
    let mut making = Making::output(kernels, count, lowering);
    making.threads = packed.threads(count);
    let walk = (walk, rows, packed.order);
    make(&making, counts, shapes, walk, slots, Some(packed), lowering);
}

fn make(
    making: &Making,
    counts: &[(&'static str, usize)],
    shapes: &Shapes,
    (walk, rows, order): (&Walk, usize, Tiles),
    slots: &Slots,
    packed: Option<&Packed>,
    lowering: &mut Lowering<'_>,
) {
    let output = &shapes.output;
    let mut constants = overrides(counts);
    constants.extend(walk.constants(1));
    constants.push(half(shapes.dtype));
    let form = store_form(shapes.dtype, output.w, walk.columns);
    constants.extend(store_constants(form, output.w));
    let ways = lowering.ways();
    constants.extend(&ways.constants);
    let params = shapes.params(last_lane(lowering.inputs[0]));
    let Slots { x, weight, bias } = *slots;
    constants.extend(&making.constants);
    let taps = walk.kernel_elements() * shapes.channels;
    let operations = 2 * output.n * output.c * output.h * output.w * taps;
    let bytes = |block: &Block| shapes.touched(walk, rows, order, block);
    let weights = |[.., z]: &Block| packed.map_or(0..0, |packed| packed.touched(shapes, z));
    lowering.launch(&Launch {
        kernel: &making.kernels[form],
        constants: &constants,
        params: bytemuck::bytes_of(&params),
        reads: &[x, weight, bias, ways.way_in, ways.way_out, ways.skip],
        writes: &making.writes,
        threads: making.threads,
        operations,
        touches: Some(Touches {
            bytes: &bytes,
            like_y: if ways.skips { &[5] } else { &[] },
            weights: packed.and_then(|packed| packed.weights(&weights)),
        }),
    });
}

pub(super) fn overrides(counts: &[(&'static str, usize)]) -> Vec<(&'static str, f64)> {
    let counts = counts.iter();
    counts
        .map(|&(name, value)| (name, f64::from(word(value))))
        .collect()
}

fn any(shapes: &Shapes, walk: &Walk, slots: &Slots, lowering: &mut Lowering<'_>) {
    let tile = shapes.filters.next_power_of_two().min(TILE_FILTERS);
    let tiles = shapes.filters.div_ceil(tile);
    let counts = [
        ("CHANNELS", shapes.channels),
        ("GROUPS", shapes.groups),
        ("FILTERS", shapes.filters),
        ("TILE", tile),
        ("TILES", tiles),
    ];
    let depth = shapes.input.n * shapes.groups * tiles;
    let making = Making::output(&KERNELS, walk.threads(&shapes.output, 1, depth), lowering);
    let walk = (walk, 1, Tiles::inner(tile));
    make(&making, &counts, shapes, walk, slots, None, lowering);
}

fn depthwise(shapes: &Shapes, walk: &Walk, slots: &Slots, lowering: &mut Lowering<'_>) {
    let planes = shapes.input.n * shapes.groups;
    let rows = walk.rows(&shapes.output, planes, lowering.loads_are_dear());
    let counts = [("GROUPS", shapes.groups), ("ROWS", rows)];
    let threads = walk.threads(&shapes.output, rows, planes);
    let making = Making::depthwise(threads, shapes, lowering);
    let walk = (walk, rows, Tiles::inner(1));
    make(&making, &counts, shapes, walk, slots, None, lowering);
}

/// Small filters of one channel each, of planes that a thread holds whole.
fn planes(mut held: Held, slots: &Slots, lowering: &mut Lowering<'_>) {
    lowering.no_moments("the kernel for its planes makes none");
    let ways = lowering.ways();
    // Filters of as many channels as a lane has elements are whole lanes.
    let channels = lowering.inputs[0].shape[1];
    let whole = held
        .planes
        .is_multiple_of(per_lane(lowering.inputs[0].dtype))
        && channels.is_multiple_of(held.planes);
    let Slots { x, weight, bias } = *slots;
    let reads = [x, weight, bias, ways.way_in, ways.way_out, ways.skip];
    held.operations *= 2;
    held.constants.push(("WHOLE", f64::from(u8::from(whole))));
    held.launch(&PLANES_KERNELS, &reads, &ways, 1.0, lowering);
}
