//! Dispatch of a convolution: the kernel for any filter, or the one for small filters of one channel each.

use crate::kernel::{
    Kernel, ROLL, ROWS, STORAGE, VALUES, WALK, WINDOWS, half, params, row_kernels, store_constants,
    store_form,
};
use crate::ops::window::{Extents, Walk, Window, last_lane, leading_ones, word};
use crate::plan::{Launch, Lowering, SlotId, Threads};
use crate::tensor::{DType, TensorType};

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

pub(in crate::ops) const KERNELS: [Kernel; 3] = row_kernels!(
    "conv",
    include_str!("../../../shaders/conv.wgsl"),
    Params::FIELDS,
    WALK,
    BIAS,
    VALUES,
    WINDOWS,
    ROWS,
);

pub(in crate::ops) const TILE_KERNELS: [Kernel; 3] = row_kernels!(
    "conv_tile",
    include_str!("../../../shaders/conv_tile.wgsl"),
    Params::FIELDS,
    TILE,
    BIAS,
    VALUES,
    WINDOWS,
    ROWS,
);

pub(in crate::ops) const ROWS_KERNELS: [Kernel; 3] = row_kernels!(
    "conv_rows",
    include_str!("../../../shaders/conv_rows.wgsl"),
    Params::FIELDS,
    TILE,
    BIAS,
    VALUES,
    WINDOWS,
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

/// The longest side of a filter of the depthwise kernel, and columns of a thread.
const DEPTHWISE_SIDE: usize = 3;
const DEPTHWISE_COLUMNS: u32 = 8;

/// A convolution of [`Extents`] in groups, as both kernels see it.
struct Shapes {
    input: Extents,
    output: Extents,
    dtype: DType,
    last_lane: u32,
    groups: usize,
    /// Input channels of a group.
    channels: usize,
    /// Output channels of a group.
    filters: usize,
}

pub(super) fn conv(groups: usize, window: &Window<'_>, lowering: &mut Lowering<'_>) {
    let (x, weight) = (lowering.inputs[0], lowering.inputs[1]);
    let filters = weight.shape[0];
    let shapes = Shapes {
        input: Extents::of(x),
        output: Extents::of(lowering.outputs[0]),
        dtype: x.dtype,
        last_lane: last_lane(x),
        groups,
        channels: weight.shape[1],
        filters: filters / groups,
    };
    let bias = match lowering.reads.get(2) {
        Some(&bias) => bias,
        // The bits of 0 in f16 are half of those in f32.
        None => lowering.table("no bias", &vec![0f32; filters]),
    };
    let reads = [lowering.reads[0], lowering.reads[1], bias];
    if let Some(walk) = depthwise_walk(&shapes, window) {
        depthwise(&shapes, &walk, reads, lowering);
    } else if let Some(walk) = tile_walk(&shapes, window) {
        tiled(&shapes, window, &walk, reads, lowering);
    } else {
        any(&shapes, window, reads, lowering);
    }
}

/// Turns of the loops of a thread of the kernel for any filter, over channels, rows and taps.
pub(super) fn turns(window: &Window<'_>, x: &TensorType, y: &TensorType, channels: usize) -> usize {
    let walk = window.walk(&Extents::of(x), &Extents::of(y), x.dtype, COLUMNS);
    channels.saturating_mul(walk.turns() + 1)
}

impl Shapes {
    fn params(&self) -> Params {
        Params {
            origin: [0; 3],
            batch: word(self.input.n),
            input_h: word(self.input.h),
            input_w: word(self.input.w),
            last_lane: self.last_lane,
            output_h: word(self.output.h),
            output_w: word(self.output.w),
        }
    }
}

fn any(shapes: &Shapes, window: &Window<'_>, reads: [SlotId; 3], lowering: &mut Lowering<'_>) {
    let Shapes { input, output, .. } = shapes;
    let walk = window.walk(input, output, shapes.dtype, COLUMNS);
    let tile = shapes.filters.next_power_of_two().min(TILE_FILTERS);
    let tiles = shapes.filters.div_ceil(tile);
    let mut constants = walk.constants(1);
    let counts = [
        ("CHANNELS", shapes.channels),
        ("GROUPS", shapes.groups),
        ("FILTERS", shapes.filters),
        ("TILE", tile),
        ("TILES", tiles),
    ];
    constants.extend(counts.map(|(name, value)| (name, f64::from(word(value)))));
    constants.push(half(shapes.dtype));
    let form = store_form(shapes.dtype, output.w, walk.columns);
    constants.extend(store_constants(form, output.w));
    let writes = lowering.writes.clone();
    lowering.launch(&Launch {
        kernel: &KERNELS[form],
        constants: &constants,
        params: bytemuck::bytes_of(&shapes.params()),
        reads: &reads,
        writes: &writes,
        threads: walk.threads(output, 1, input.n * shapes.groups * tiles),
    });
}

/// The walk of the kernel for small filters, if it takes this convolution.
fn tile_walk(shapes: &Shapes, window: &Window<'_>) -> Option<Walk> {
    let walk = window.walk(&shapes.input, &shapes.output, shapes.dtype, TILE_COLUMNS);
    let width = window.kernel[window.kernel.len() - 1];
    (!walk.long && width <= TILE_WIDTH && shapes.filters > 1).then_some(walk)
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
    reads: [SlotId; 3],
    lowering: &mut Lowering<'_>,
) {
    let Shapes { input, output, .. } = shapes;
    let tile = shapes.filters.next_power_of_two().clamp(4, TILE_FILTERS);
    let tiles = shapes.filters.div_ceil(tile);
    let taps = shapes.channels * window.kernel.iter().product::<usize>();
    let all = shapes.groups * tiles;
    let packed = lowering.scratch("packed filters", all * taps * tile * 4);
    let constants = |counts: &[(&'static str, usize)]| {
        let counts = counts.iter();
        let counts = counts.map(|&(name, value)| (name, f64::from(word(value))));
        counts.chain([half(shapes.dtype)]).collect::<Vec<_>>()
    };
    let params = PackParams {
        origin: [0; 3],
        tiles: word(all),
    };
    lowering.launch(&Launch {
        kernel: &PACK_KERNELS[0],
        constants: &constants(&[
            ("FILTERS", shapes.filters),
            ("TILE", tile),
            ("TILES", tiles),
            ("TAPS", taps),
        ]),
        params: bytemuck::bytes_of(&params),
        reads: &reads[1..2],
        writes: &[packed],
        threads: Threads::fitted([taps, 1, all]),
    });
    let rows = tile_rows(shapes, window, lowering.sums());
    let mut constants = constants(&[
        ("CHANNELS", shapes.channels),
        ("GROUPS", shapes.groups),
        ("FILTERS", shapes.filters),
        ("TILE", tile),
        ("TILES", tiles),
    ]);
    constants.extend(walk.constants(1));
    let kernels = if rows == 1 {
        &TILE_KERNELS
    } else {
        constants.push(("ROWS", f64::from(word(rows))));
        &ROWS_KERNELS
    };
    let form = store_form(shapes.dtype, output.w, walk.columns);
    constants.extend(store_constants(form, output.w));
    let writes = lowering.writes.clone();
    lowering.launch(&Launch {
        kernel: &kernels[form],
        constants: &constants,
        params: bytemuck::bytes_of(&shapes.params()),
        reads: &[reads[0], packed, reads[2]],
        writes: &writes,
        threads: walk.threads(output, rows, input.n * all),
    });
}

/// The walk of the depthwise kernel, if it takes this convolution.
fn depthwise_walk(shapes: &Shapes, window: &Window<'_>) -> Option<Walk> {
    let small = window.kernel.iter().all(|&side| side <= DEPTHWISE_SIDE);
    let walk = window.walk(
        &shapes.input,
        &shapes.output,
        shapes.dtype,
        DEPTHWISE_COLUMNS,
    );
    (shapes.channels == 1 && shapes.filters == 1 && small && walk.roll).then_some(walk)
}

fn depthwise(shapes: &Shapes, walk: &Walk, reads: [SlotId; 3], lowering: &mut Lowering<'_>) {
    let Shapes { input, output, .. } = shapes;
    let mut constants = walk.constants(1);
    let planes = input.n * shapes.groups;
    let rows = walk.rows(output, planes);
    constants.push(("GROUPS", f64::from(word(shapes.groups))));
    constants.push(("ROWS", f64::from(word(rows))));
    constants.push(half(shapes.dtype));
    let form = store_form(shapes.dtype, output.w, walk.columns);
    constants.extend(store_constants(form, output.w));
    let writes = lowering.writes.clone();
    lowering.launch(&Launch {
        kernel: &DEPTHWISE_KERNELS[form],
        constants: &constants,
        params: bytemuck::bytes_of(&shapes.params()),
        reads: &reads,
        writes: &writes,
        threads: walk.threads(output, rows, planes),
    });
}
