//! Dispatch of a convolution: the kernel for any filter, or the one for small filters of one channel each.

use crate::kernel::{Kernel, ROWS, WALK, half, params, row_kernels, store_form};
use crate::ops::window::{Extents, Walk, Window, last_lane, word};
use crate::plan::{Launch, Lowering, SlotId};
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

pub(in crate::ops) const KERNELS: [Kernel; 3] = row_kernels!(
    "conv",
    include_str!("../../../shaders/conv.wgsl"),
    Params::FIELDS,
    WALK,
    ROWS,
);

pub(in crate::ops) const DEPTHWISE_KERNELS: [Kernel; 3] = row_kernels!(
    "conv_depthwise",
    include_str!("../../../shaders/conv_depthwise.wgsl"),
    Params::FIELDS,
    WALK,
    ROWS,
);

/// Columns of a thread of the kernel for any filter, and its filters.
const COLUMNS: u32 = 4;
const FILTERS: usize = 8;

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
    match depthwise_walk(&shapes, window) {
        Some(walk) => depthwise(&shapes, &walk, reads, lowering),
        None => any(&shapes, window, reads, lowering),
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
    let tile = shapes.filters.next_power_of_two().min(FILTERS);
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
    let writes = lowering.writes.clone();
    lowering.launch(&Launch {
        kernel: &KERNELS[store_form(shapes.dtype, output.w, walk.columns)],
        constants: &constants,
        params: bytemuck::bytes_of(&shapes.params()),
        reads: &reads,
        writes: &writes,
        threads: walk.threads(output, 1, input.n * shapes.groups * tiles),
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
    let writes = lowering.writes.clone();
    lowering.launch(&Launch {
        kernel: &DEPTHWISE_KERNELS[store_form(shapes.dtype, output.w, walk.columns)],
        constants: &constants,
        params: bytemuck::bytes_of(&shapes.params()),
        reads: &reads,
        writes: &writes,
        threads: walk.threads(output, rows, planes),
    });
}
