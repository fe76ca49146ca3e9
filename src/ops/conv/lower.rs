//! Dispatch of a convolution: the kernel for any filter, or the one for small filters of one channel each.

use crate::kernel::{Kernel, params, rows_form, window_kernels};
use crate::ops::window::{Extents, Window, leading_ones, word};
use crate::plan::{Launch, Lowering, SlotId, Threads};

params! {
    /// Parameters of the convolutions. Extents are in elements.
    Params {
        /// N.
        batch: u32,
        /// Input height.
        input_h: u32,
        /// Input width.
        input_w: u32,
        /// Output height.
        output_h: u32,
        /// Output width.
        output_w: u32,
    }
}

pub(in crate::ops) const KERNELS: [Kernel; 4] = window_kernels!(
    "conv",
    include_str!("../../../shaders/conv.wgsl"),
    Params::FIELDS,
);

pub(in crate::ops) const DEPTHWISE_KERNELS: [Kernel; 4] = window_kernels!(
    "conv_depthwise",
    include_str!("../../../shaders/conv_depthwise.wgsl"),
    Params::FIELDS,
);

/// Segments of a stretch that a thread of the kernel for any filter holds.
const SEGMENTS: u32 = 8;

/// What the depthwise kernel holds: a side of the filter, segments of a stretch, input rows, output columns and rows.
const DEPTHWISE_SIDE: usize = 3;
const DEPTHWISE_SEGMENTS: u32 = 5;
const DEPTHWISE_INPUT_ROWS: usize = 6;
const DEPTHWISE_COLUMNS: u32 = 8;
const DEPTHWISE_ROWS: u32 = 4;

/// A convolution of [`Extents`] in groups, as both kernels see it.
struct Shapes {
    input: Extents,
    output: Extents,
    groups: usize,
    /// Input channels of a group.
    channels: usize,
    /// Output channels of a group.
    filters: usize,
}

pub(super) fn conv(groups: usize, window: &Window<'_>, lowering: &mut Lowering<'_>) {
    let (weight, filters) = (lowering.inputs[1], lowering.inputs[1].shape[0]);
    let shapes = Shapes {
        input: Extents::of(lowering.inputs[0]),
        output: Extents::of(lowering.outputs[0]),
        groups,
        channels: weight.shape[1],
        filters: filters / groups,
    };
    let bias = match lowering.reads.get(2) {
        Some(&bias) => bias,
        None => lowering.table("no bias", &vec![0f32; filters]),
    };
    let reads = [lowering.reads[0], lowering.reads[1], bias];
    match depthwise_rows(&shapes, window) {
        Some(rows) => depthwise(&shapes, window, rows, reads, lowering),
        None => any(&shapes, window, reads, lowering),
    }
}

impl Shapes {
    fn params(&self) -> Params {
        Params {
            origin: [0; 3],
            batch: word(self.input.n),
            input_h: word(self.input.h),
            input_w: word(self.input.w),
            output_h: word(self.output.h),
            output_w: word(self.output.w),
        }
    }
}

fn any(shapes: &Shapes, window: &Window<'_>, reads: [SlotId; 3], lowering: &mut Lowering<'_>) {
    let Shapes { input, output, .. } = *shapes;
    let tile = shapes.filters.next_power_of_two().min(8);
    let tiles = shapes.filters.div_ceil(tile);
    let mut constants = window.constants(1, 4);
    let counts = [
        ("CHANNELS", shapes.channels),
        ("GROUPS", shapes.groups),
        ("FILTERS", shapes.filters),
        ("TILE", tile),
        ("TILES", tiles),
    ];
    constants.extend(counts.map(|(name, value)| (name, f64::from(word(value)))));
    // A stretch that is too long for registers is not loaded as one, and its taps begin anywhere.
    let long = window.segments(4) > SEGMENTS;
    constants.push(("LONG", f64::from(u8::from(long))));
    let input_width = if long { 1 } else { input.w };
    let writes = lowering.writes.clone();
    lowering.launch(&Launch {
        kernel: &KERNELS[rows_form(input_width, output.w)],
        constants: &constants,
        params: bytemuck::bytes_of(&shapes.params()),
        reads: &reads,
        writes: &writes,
        threads: Threads::fitted([
            output.w.div_ceil(4),
            output.h.div_ceil(2),
            input.n * shapes.groups * tiles,
        ]),
    });
}

/// Output rows of a thread of the depthwise kernel, if it takes this convolution: as many as it has rows of the input for.
fn depthwise_rows(shapes: &Shapes, window: &Window<'_>) -> Option<u32> {
    let small = window.kernel.iter().all(|&side| side <= DEPTHWISE_SIDE)
        && window.segments(DEPTHWISE_COLUMNS) <= DEPTHWISE_SEGMENTS;
    if shapes.channels != 1 || shapes.filters != 1 || !small {
        return None;
    }
    let [kernel, stride, dilation] = [window.kernel, window.stride, window.dilation]
        .map(|attribute| leading_ones(attribute, 1)[1]);
    let reach = (kernel - 1).saturating_mul(dilation);
    (1..=DEPTHWISE_ROWS).rev().find(|&rows| {
        let between = (rows as usize - 1).saturating_mul(stride);
        between.saturating_add(reach) < DEPTHWISE_INPUT_ROWS
            && (rows == 1 || rows as usize <= shapes.output.h)
    })
}

fn depthwise(
    shapes: &Shapes,
    window: &Window<'_>,
    rows: u32,
    reads: [SlotId; 3],
    lowering: &mut Lowering<'_>,
) {
    let Shapes { input, output, .. } = *shapes;
    let mut constants = window.constants(1, DEPTHWISE_COLUMNS);
    constants.push(("GROUPS", f64::from(word(shapes.groups))));
    constants.push(("ROWS", f64::from(rows)));
    let writes = lowering.writes.clone();
    lowering.launch(&Launch {
        kernel: &DEPTHWISE_KERNELS[rows_form(input.w, output.w)],
        constants: &constants,
        params: bytemuck::bytes_of(&shapes.params()),
        reads: &reads,
        writes: &writes,
        threads: Threads::fitted([
            output.w.div_ceil(DEPTHWISE_COLUMNS as usize),
            output.h.div_ceil(rows as usize),
            input.n * shapes.groups,
        ]),
    });
}
