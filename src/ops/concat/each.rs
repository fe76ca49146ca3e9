//! Concatenation of two tensors, a lane of the output a thread, where loads are cheap: `shaders/concat_each.wgsl`.

use super::Input;
use super::lanes::STORE_LANE;
use crate::kernel::{Kernel, RECTIFIED, STORAGE, Start, WAY_OUT_LANES, half, params, per_lane};
use crate::ops::window::word;
use crate::plan::{Launch, Lowering, Threads, Ways};

params! {
    /// Parameters of the kernel.
    Params {
        /// 16-byte lanes of the output.
        lanes: u32,
        /// N.
        pictures: u32,
        /// Elements of a row of the first input.
        row_a: u32,
        /// Elements of a row of the second.
        row_b: u32,
    }
}

pub(in crate::ops) const EACH_KERNELS: [Kernel; 1] = [Kernel::new(
    "concat_each",
    include_str!("../../../shaders/concat_each.wgsl"),
    Params::FIELDS,
)
.with("", &[STORE_LANE, WAY_OUT_LANES, RECTIFIED, STORAGE])];

/// Launches the kernel, if it can and is worth it: for two inputs, of which no lane has parts of more than two rows.
pub(super) fn lower(inputs: &[Input], ways: &Ways, lowering: &mut Lowering<'_>) -> bool {
    let y = lowering.outputs[0];
    let lane = per_lane(y.dtype);
    let [a, b] = inputs else {
        return false;
    };
    if lowering.loads_are_dear() || a.row.min(b.row) < lane || !lowering.fits_whole(y.bytes()) {
        return false;
    }
    let lanes = y.bytes().div_ceil(16);
    let aligned = [a, b].iter().all(|input| input.row.is_multiple_of(lane));
    let params = Params {
        start: Start::default(),
        lanes: word(lanes),
        pictures: word(y.shape[0]),
        row_a: word(a.row),
        row_b: word(b.row),
    };
    let constants = [half(y.dtype), ("ALIGNED", f64::from(u8::from(aligned)))];
    let writes = lowering.writes.clone();
    lowering.launch(&Launch {
        kernel: &EACH_KERNELS[0],
        constants: &[&constants[..], &ways.constants].concat(),
        params: bytemuck::bytes_of(&params),
        reads: &[a.slot, b.slot, ways.skip],
        writes: &writes,
        threads: Threads::row(lanes),
        operations: 0,
        touches: None,
    });
    true
}
