//! Rows that are doubled, whose outputs begin within lanes: `shaders/interpolate_lanes.wgsl`.

use crate::kernel::{
    Kernel, RECTIFIED, ROWS, STORAGE, Start, WAY_OUT_LANE, WAY_OUT_LANES, half, params, per_lane,
};
use crate::ops::window::{Extents, last_lane, word};
use crate::plan::{Launch, Lowering, Threads};
use crate::tensor::TensorType;

params! {
    /// Parameters of the kernel. Extents are in elements.
    Params {
        /// N * C.
        planes: u32,
        /// C.
        channels: u32,
        /// Input height.
        input_h: u32,
        /// Input width.
        input_w: u32,
        /// Last 16-byte lane of the input.
        last_lane: u32,
    }
}

pub(in crate::ops) const LANES_KERNELS: [Kernel; 1] = [Kernel::new(
    "interpolate_lanes",
    include_str!("../../../shaders/interpolate_lanes.wgsl"),
    Params::FIELDS,
)
.with("", &[ROWS, WAY_OUT_LANE, WAY_OUT_LANES, RECTIFIED, STORAGE])];

/// Whether the kernel can double the rows of `x`, and is worth it: where rows of the output begin within lanes.
pub(super) fn takes(x: &TensorType, y: &TensorType, lowering: &Lowering<'_>) -> bool {
    let (output, lane) = (Extents::of(y), per_lane(x.dtype));
    // A lane is of two rows at most; an affine function is of the channel that it begins in.
    let long = output.w >= lane && !output.w.is_multiple_of(lane);
    let alone = (output.h * output.w).is_multiple_of(lane);
    long && lowering.fits_whole(y.bytes()) && (alone || lowering.fused.way_out.affine.is_none())
}

/// Launches the kernel; each row `rows` times.
pub(super) fn lower(rows: usize, lowering: &mut Lowering<'_>) {
    let x = lowering.inputs[0];
    let input = Extents::of(x);
    let params = Params {
        start: Start::default(),
        planes: word(input.n * input.c),
        channels: word(input.c),
        input_h: word(input.h),
        input_w: word(input.w),
        last_lane: last_lane(x),
    };
    let constants = [
        half(x.dtype),
        (
            "ALIGNED",
            f64::from(u8::from(input.w.is_multiple_of(per_lane(x.dtype)))),
        ),
        ("LEAD", 0.0),
        ("ROWS", f64::from(word(rows))),
    ];
    let ways = lowering.ways();
    let (read, writes) = (lowering.reads[0], lowering.writes.clone());
    let (sources, planes) = (2 * per_lane(x.dtype), input.n * input.c);
    lowering.launch(&Launch {
        kernel: &LANES_KERNELS[0],
        constants: &[&constants[..], &ways.constants].concat(),
        params: bytemuck::bytes_of(&params),
        reads: &[read, ways.way_out, ways.skip],
        writes: &writes,
        threads: Threads::fitted([input.w.div_ceil(sources), input.h, planes]),
        operations: 0,
        touches: None,
    });
}
