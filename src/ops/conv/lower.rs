//! Dispatches of a convolution: which kernel takes it, and what that is launched with.

use super::bands;
use crate::kernel::{
    Kernel, ROLL, ROWS, STORAGE, Start, VALUES, WALK, WAY_IN, WINDOWS, half, params, row_kernels,
    store_constants, store_form,
};
use crate::ops::window::{Extents, Walk, Window, last_lane, leading_ones, word};
use crate::plan::{Block, Launch, Lowering, SlotId, Threads, Touches, span};
use crate::tensor::{DType, TensorType};
use std::ops::Range;

params! {
    /// Parameters of the convolutions. Extents are in elements.
    Params {
        /// N.
        batch: u32,
        /// Input height.
        input_h: u32,
        /// Input width.
        input_w: u32,
        /// Last 16-byte lane of the input.
        last_lane: u32,
        /// Output height.
        output_h: u32,
        /// Output width.
        output_w: u32,
    }
}

const BIAS: &str = include_str!("../../../shaders/helpers/bias.wgsl");
const TILE: &str = include_str!("../../../shaders/helpers/tile.wgsl");
const WEIGHTS: &str = include_str!("../../../shaders/helpers/weights.wgsl");

pub(in crate::ops) const KERNELS: [Kernel; 3] = row_kernels!(
    "conv",
    include_str!("../../../shaders/conv.wgsl"),
    Params::FIELDS,
    WALK,
    BIAS,
    VALUES,
    WINDOWS,
    WAY_IN,
    ROWS,
);

pub(in crate::ops) const TILE_KERNELS: [Kernel; 3] = row_kernels!(
    "conv_tile",
    include_str!("../../../shaders/conv_tile.wgsl"),
    Params::FIELDS,
    WEIGHTS,
    TILE,
    BIAS,
    VALUES,
    WINDOWS,
    WAY_IN,
    ROWS,
);

const FEW: [Kernel; 3] = row_kernels!(
    "conv_few",
    include_str!("../../../shaders/conv_few.wgsl"),
    Params::FIELDS,
    TILE,
    BIAS,
    VALUES,
    WINDOWS,
    WAY_IN,
    ROWS,
);

pub(in crate::ops) const FEW_KERNELS: [Kernel; 3] = {
    let [lanes, words, halves] = FEW;
    [
        lanes.with_uniform(1),
        words.with_uniform(1),
        halves.with_uniform(1),
    ]
};

pub(in crate::ops) const ROWS_KERNELS: [Kernel; 3] = row_kernels!(
    "conv_rows",
    include_str!("../../../shaders/conv_rows.wgsl"),
    Params::FIELDS,
    WEIGHTS,
    TILE,
    BIAS,
    VALUES,
    WINDOWS,
    WAY_IN,
    ROWS,
);

pub(in crate::ops) const DEPTHWISE_KERNELS: [Kernel; 3] = row_kernels!(
    "conv_depthwise",
    include_str!("../../../shaders/conv_depthwise.wgsl"),
    Params::FIELDS,
    ROLL,
    BIAS,
    VALUES,
    WINDOWS,
    WAY_IN,
    ROWS,
);

params! {
    /// Parameters of the kernel that lays filters side by side.
    PackParams {
        /// Tiles of all groups.
        tiles: u32,
    }
}

pub(in crate::ops) const PACK_KERNELS: [Kernel; 1] = [Kernel::new(
    "conv_pack",
    include_str!("../../../shaders/conv_pack.wgsl"),
    PackParams::FIELDS,
)
.with("", &[STORAGE])];

/// Columns of a thread of the kernel for any filter.
const COLUMNS: u32 = 4;

/// Columns and filters of a thread of the kernel for small filters, and the longest row of one.
const TILE_COLUMNS: u32 = 8;
const TILE_FILTERS: usize = 8;
const TILE_WIDTH: usize = 7;
/// The longest side of a filter, and input rows, of a thread that makes several output rows.
const TILE_SIDE: usize = 3;
const TILE_INPUT_ROWS: usize = 6;
/// Products of a convolution for which that is worth the longer time until its pipeline is made.
const MANY_PRODUCTS: usize = 1 << 24;

/// Most input channels of a group of the kernel for few weights, and the bytes of its uniform buffer.
const FEW_CHANNELS: usize = 4;
const FEW_BYTES: u64 = 3072 * 16;

/// The longest side of a filter of the depthwise kernel, and columns of a thread.
const DEPTHWISE_SIDE: usize = 3;
const DEPTHWISE_COLUMNS: u32 = 8;

/// A convolution of [`Extents`] in groups, as all kernels see it.
struct Shapes {
    /// Of the input, repeated.
    input: Extents,
    output: Extents,
    dtype: DType,
    groups: usize,
    /// Input channels of a group.
    channels: usize,
    /// Output channels of a group.
    filters: usize,
}

/// What a kernel binds.
#[derive(Clone, Copy)]
struct Slots {
    x: SlotId,
    weight: SlotId,
    bias: SlotId,
}

/// Which kernel takes a convolution, and how a thread of it walks.
enum Route {
    /// Small filters of one channel each.
    Depthwise(Walk),
    /// Filters of short rows.
    Tile(Walk),
    Any(Walk),
}

fn route(shapes: &Shapes, window: &Window<'_>) -> Route {
    let walk = |columns| window.walk(&shapes.input, &shapes.output, shapes.dtype, columns);
    let depthwise = walk(DEPTHWISE_COLUMNS);
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

impl Shapes {
    fn of(
        groups: usize,
        x: &TensorType,
        repeat: [usize; 2],
        weight: &TensorType,
        y: &TensorType,
    ) -> Self {
        let input = Extents::of(x);
        Self {
            input: Extents {
                h: input.h * repeat[0],
                w: input.w * repeat[1],
                ..input
            },
            output: Extents::of(y),
            dtype: x.dtype,
            groups,
            channels: weight.shape[1],
            filters: weight.shape[0] / groups,
        }
    }

    /// Bytes that a block of threads touches of the input and the output: along z, tiles of so many filters of all groups of
    /// all pictures.
    fn touched(&self, walk: &Walk, rows: usize, tile: usize, block: &Block) -> [Range<usize>; 2] {
        let tiles = self.filters.div_ceil(tile);
        let [times_h, times_w] = walk.repeats();
        let input = Extents {
            h: self.input.h / times_h,
            w: self.input.w / times_w,
            ..self.input
        };
        let axes = walk.touched([&input, &self.output], rows, 0..1, block);
        let z = &block[2];
        // Groups of all pictures, and filters of all groups.
        let group = |z: usize| z / tiles;
        let filter = |z: usize| group(z) * self.filters + z % tiles * tile;
        let (first, last) = (group(z.start), group(z.end - 1));
        let channels = (first * self.channels, (last + 1) * self.channels - 1, 0);
        let end = (filter(z.end - 1) + tile).min((last + 1) * self.filters);
        let filters = (filter(z.start), end - 1, 0);
        let [[_, h, w], [_, to_h, to_w]] = axes;
        let bytes = self.dtype.bytes();
        [
            span(&[channels, h, w], bytes),
            span(&[filters, to_h, to_w], bytes),
        ]
    }

    fn params(&self, last_lane: u32) -> Params {
        Params {
            start: Start::default(),
            batch: word(self.input.n),
            input_h: word(self.input.h),
            input_w: word(self.input.w),
            last_lane,
            output_h: word(self.output.h),
            output_w: word(self.output.w),
        }
    }
}

pub(super) fn conv(groups: usize, window: &Window<'_>, lowering: &mut Lowering<'_>) {
    let (x, weight) = (lowering.inputs[0], lowering.inputs[1]);
    let repeat = lowering.fused.repeat.unwrap_or([1, 1]);
    let shapes = Shapes::of(groups, x, repeat, weight, lowering.outputs[0]);
    if repeat == [1, 1] && banded(groups, window, &shapes, lowering) {
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
    // Fused only where it can be: see `repeats`.
    let repeated = |walk: Walk| walk.repeated(repeat, shapes.output.w).unwrap_or(walk);
    match route(&shapes, window) {
        Route::Depthwise(walk) => depthwise(&shapes, &repeated(walk), &slots, lowering),
        Route::Tile(walk) => tiled(&shapes, window, &repeated(walk), &slots, lowering),
        Route::Any(walk) => any(&shapes, &repeated(walk), &slots, lowering),
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
    let tile = shapes.filters.min(TILE_FILTERS) * plane(&shapes.output);
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
    let (Route::Depthwise(walk) | Route::Tile(walk) | Route::Any(walk)) = route(&shapes, window);
    walk.repeated(repeat, shapes.output.w).is_some()
}

/// Turns of the loops of a thread of the kernel for any filter, over channels, rows and taps.
pub(super) fn turns(window: &Window<'_>, x: &TensorType, y: &TensorType, channels: usize) -> usize {
    let walk = window.walk(&Extents::of(x), &Extents::of(y), x.dtype, COLUMNS);
    channels.saturating_mul(walk.turns() + 1)
}

/// Launches a kernel that stores rows: `rows` of them a thread, and `depth` threads besides over pictures and filters.
fn launch(
    kernels: &'static [Kernel; 3],
    counts: &[(&'static str, usize)],
    shapes: &Shapes,
    (walk, rows, depth): (&Walk, usize, usize),
    slots: &Slots,
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
    let writes = lowering.writes.clone();
    let taps = walk.kernel_elements() * shapes.channels;
    let operations = 2 * output.n * output.c * output.h * output.w * taps;
    let tile = counts.iter().find(|(name, _)| *name == "TILE");
    let tile = tile.map_or(1, |(_, filters)| *filters);
    let bytes = |block: &Block| shapes.touched(walk, rows, tile, block);
    lowering.launch(&Launch {
        kernel: &kernels[form],
        constants: &constants,
        params: bytemuck::bytes_of(&params),
        reads: &[x, weight, bias, ways.way_in, ways.way_out, ways.skip],
        writes: &writes,
        threads: walk.threads(output, rows, depth),
        operations,
        touches: Some(Touches {
            bytes: &bytes,
            like_y: if ways.skips { &[5] } else { &[] },
        }),
    });
}

fn overrides(counts: &[(&'static str, usize)]) -> Vec<(&'static str, f64)> {
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
    launch(&KERNELS, &counts, shapes, (walk, 1, depth), slots, lowering);
}

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

fn tiled(
    shapes: &Shapes,
    window: &Window<'_>,
    walk: &Walk,
    slots: &Slots,
    lowering: &mut Lowering<'_>,
) {
    if few(shapes, window, walk, slots, lowering) {
        return;
    }
    let tile = shapes.filters.next_power_of_two().clamp(4, TILE_FILTERS);
    let tiles = shapes.filters.div_ceil(tile);
    let all = shapes.groups * tiles;
    let bytes = packed_bytes(shapes, window, [tile, tiles]);
    let packed = lowering.scratch("packed filters", bytes);
    pack(
        shapes,
        window,
        [tile, tiles],
        [slots.weight, packed],
        lowering,
    );
    let mut counts = vec![
        ("CHANNELS", shapes.channels),
        ("GROUPS", shapes.groups),
        ("FILTERS", shapes.filters),
        ("TILE", tile),
        ("TILES", tiles),
    ];
    let rows = tile_rows(shapes, window, lowering.sums());
    let kernels = if rows == 1 {
        &TILE_KERNELS
    } else {
        counts.push(("ROWS", rows));
        &ROWS_KERNELS
    };
    let walk = (walk, rows, shapes.input.n * all);
    let slots = Slots {
        weight: packed,
        ..*slots
    };
    launch(kernels, &counts, shapes, walk, &slots, lowering);
}

/// Lowers to the kernel for few weights, if they are few enough for a uniform binding, and its loads few enough to be worth it.
fn few(
    shapes: &Shapes,
    window: &Window<'_>,
    walk: &Walk,
    slots: &Slots,
    lowering: &mut Lowering<'_>,
) -> bool {
    let tile = shapes.filters.next_power_of_two().clamp(4, TILE_FILTERS);
    let tiles = shapes.filters.div_ceil(tile);
    let bytes = packed_bytes(shapes, window, [tile, tiles]);
    if shapes.channels > FEW_CHANNELS {
        return false;
    }
    let Some(packed) = lowering.uniform("packed filters", bytes, FEW_BYTES) else {
        return false;
    };
    pack(
        shapes,
        window,
        [tile, tiles],
        [slots.weight, packed],
        lowering,
    );
    let counts = [
        ("CHANNELS", shapes.channels),
        ("GROUPS", shapes.groups),
        ("FILTERS", shapes.filters),
        ("TILE", tile),
        ("TILES", tiles),
    ];
    let slots = Slots {
        weight: packed,
        ..*slots
    };
    let depth = shapes.input.n * shapes.groups * tiles;
    launch(
        &FEW_KERNELS,
        &counts,
        shapes,
        (walk, 1, depth),
        &slots,
        lowering,
    );
    true
}

/// Bytes of the packed weights, for so many filters a tile.
fn packed_bytes(shapes: &Shapes, window: &Window<'_>, [tile, tiles]: [usize; 2]) -> usize {
    let taps = shapes.channels * window.kernel.iter().product::<usize>();
    shapes.groups * tiles * taps * tile * 4
}

/// Lays the filters of each tile side by side.
fn pack(
    shapes: &Shapes,
    window: &Window<'_>,
    [tile, tiles]: [usize; 2],
    [weight, packed]: [SlotId; 2],
    lowering: &mut Lowering<'_>,
) {
    let taps = shapes.channels * window.kernel.iter().product::<usize>();
    let all = shapes.groups * tiles;
    let mut constants = overrides(&[
        ("FILTERS", shapes.filters),
        ("TILE", tile),
        ("TILES", tiles),
        ("TAPS", taps),
    ]);
    constants.push(half(shapes.dtype));
    let params = PackParams {
        start: Start::default(),
        tiles: word(all),
    };
    lowering.launch(&Launch {
        kernel: &PACK_KERNELS[0],
        constants: &constants,
        params: bytemuck::bytes_of(&params),
        reads: &[weight],
        writes: &[packed],
        threads: Threads::fitted([taps, 1, all]),
        operations: 0,
        touches: None,
    });
}

fn depthwise(shapes: &Shapes, walk: &Walk, slots: &Slots, lowering: &mut Lowering<'_>) {
    let planes = shapes.input.n * shapes.groups;
    let rows = walk.rows(&shapes.output, planes);
    let counts = [("GROUPS", shapes.groups), ("ROWS", rows)];
    let walk = (walk, rows, planes);
    launch(&DEPTHWISE_KERNELS, &counts, shapes, walk, slots, lowering);
}
