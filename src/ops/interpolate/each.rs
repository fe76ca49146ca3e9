//! A lane of the output a thread, where loads are cheap: `shaders/interpolate_each.wgsl`.

use crate::kernel::{
    Kernel, RECTIFIED, ROWS, STORAGE, Start, WAY_OUT_LANE, WAY_OUT_LANES, half, params, per_lane,
};
use crate::ops::window::{Extents, last_lane, word};
use crate::plan::{Launch, Lowering, Threads};
use crate::tensor::TensorType;

params! {
    /// Parameters of the kernel. Extents are in elements.
    Params {
        /// 16-byte lanes of the output.
        lanes: u32,
        /// Output rows of all slices and planes.
        lines: u32,
        /// C.
        channels: u32,
        /// Input depth.
        input_d: u32,
        /// Input height.
        input_h: u32,
        /// Input width.
        input_w: u32,
        /// Last 16-byte lane of the input.
        last_lane: u32,
        /// Output depth.
        output_d: u32,
        /// Output height.
        output_h: u32,
        /// Output width.
        output_w: u32,
    }
}

pub(in crate::ops) const EACH_KERNELS: [Kernel; 1] = [Kernel::new(
    "interpolate_each",
    include_str!("../../../shaders/interpolate_each.wgsl"),
    Params::FIELDS,
)
.with("", &[ROWS, WAY_OUT_LANE, WAY_OUT_LANES, RECTIFIED, STORAGE])];

/// Whether the kernel can, and is worth it: where loads are cheap.
pub(super) fn takes(x: &TensorType, y: &TensorType, lowering: &Lowering<'_>) -> bool {
    let (output, lane) = (Extents::of(y), per_lane(x.dtype));
    // A lane is of two rows at most; an affine function is of the channel that it begins in.
    let alone = (output.d * output.h * output.w).is_multiple_of(lane);
    !lowering.loads_are_dear()
        && output.w >= lane
        && lowering.fits(x.bytes())
        && lowering.fits_whole(y.bytes())
        && (alone || lowering.fused.way_out.affine.is_none())
}

/// Launches the kernel; `tables`: the sources along D, H and W; `repeat`: how often each row and column is repeated, if that is known.
pub(super) fn lower(tables: [&[u32]; 3], repeat: Option<[usize; 2]>, lowering: &mut Lowering<'_>) {
    let (x, y) = (lowering.inputs[0], lowering.outputs[0]);
    let (input, output) = (Extents::of(x), Extents::of(y));
    let [slices, rows, columns] = tables;
    let lanes = y.bytes().div_ceil(16);
    let params = Params {
        start: Start::default(),
        lanes: word(lanes),
        lines: word(output.n * output.c * output.d * output.h),
        channels: word(input.c),
        input_d: word(input.d),
        input_h: word(input.h),
        input_w: word(input.w),
        last_lane: last_lane(x),
        output_d: word(output.d),
        output_h: word(output.h),
        output_w: word(output.w),
    };
    let whole = output.w.is_multiple_of(per_lane(x.dtype));
    let doubled = match repeat {
        Some([rows @ (1 | 2), 2]) if whole => rows,
        _ => 0,
    };
    let tables = match doubled {
        0 => [
            lowering.table("columns", columns),
            lowering.table("rows, slices", &[rows, slices].concat()),
        ],
        _ => [lowering.no_ways().way_out; 2],
    };
    let flag = |flag: bool| f64::from(u8::from(flag));
    let constants = [
        half(x.dtype),
        ("ALIGNED", 0.0),
        ("LEAD", 0.0),
        ("EDGES", flag(!whole)),
        ("VOLUME", flag(input.d > 1 || output.d > 1)),
        ("DOUBLED", f64::from(word(doubled))),
    ];
    let ways = lowering.ways();
    let (read, writes) = (lowering.reads[0], lowering.writes.clone());
    lowering.launch(&Launch {
        kernel: &EACH_KERNELS[0],
        constants: &[&constants[..], &ways.constants].concat(),
        params: bytemuck::bytes_of(&params),
        reads: &[read, tables[0], tables[1], ways.way_out, ways.skip],
        writes: &writes,
        threads: Threads::row(lanes / doubled.max(1)),
        operations: 0,
        touches: None,
    });
}
