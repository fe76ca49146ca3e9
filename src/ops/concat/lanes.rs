//! Concatenation in whole lanes of the output: `shaders/concat_lanes.wgsl`, `shaders/concat_edges.wgsl`.

use super::Input;
use crate::kernel::{
    Kernel, RECTIFIED, ROWS, STORAGE, Start, WAY_OUT_LANES, half, params, per_lane,
};
use crate::ops::window::word;
use crate::plan::{Launch, Lowering, Threads, Ways};
use crate::tensor::TensorType;

params! {
    /// Parameters of the kernel of the lanes within rows, in elements.
    Params {
        /// N.
        pictures: u32,
        /// Of a row of the input.
        row: u32,
        /// Of a row of the output before those.
        base: u32,
        /// Of a row of the output.
        output_row: u32,
        /// Last 16-byte lane of the input.
        last_lane: u32,
    }
}

pub(in crate::ops) const LANES_KERNELS: [Kernel; 1] = [Kernel::new(
    "concat_lanes",
    include_str!("../../../shaders/concat_lanes.wgsl"),
    Params::FIELDS,
)
.with("", &[ROWS, STORE_LANE, WAY_OUT_LANES, RECTIFIED, STORAGE])];

params! {
    /// Parameters of the kernel of the lanes that rows share, in elements.
    EdgesParams {
        /// N.
        pictures: u32,
        /// Of a row of the input.
        row: u32,
        /// Of a row of the input behind.
        behind: u32,
        /// Of a row of the output before those.
        base: u32,
        /// Of a row of the output.
        output_row: u32,
        /// 1 if the input behind is the first, in the next picture.
        next: u32,
    }
}

pub(in crate::ops) const EDGES_KERNELS: [Kernel; 1] = [Kernel::new(
    "concat_edges",
    include_str!("../../../shaders/concat_edges.wgsl"),
    EdgesParams::FIELDS,
)
.with("", &[STORE_LANE, WAY_OUT_LANES, RECTIFIED, STORAGE])];

pub(super) const STORE_LANE: &str = include_str!("../../../shaders/helpers/store_lane.wgsl");

/// Lanes of a thread where loads are dear: of so many elements. Elsewhere one, or a GPU stores a part of what memory takes at once.
const MOST_ELEMENTS: usize = 16;

/// Whether the kernels can: where no lane is of more than two rows, and what they bind fits.
pub(super) fn takes(inputs: &[Input], y: &TensorType, lowering: &Lowering<'_>) -> bool {
    let long = inputs.iter().all(|input| input.row >= per_lane(y.dtype));
    long && lowering.fits_whole(y.bytes())
}

pub(super) fn lower(inputs: &[Input], ways: &Ways, lowering: &mut Lowering<'_>) {
    let y = lowering.outputs[0];
    let (lane, pictures) = (per_lane(y.dtype), y.shape[0]);
    let output_row: usize = inputs.iter().map(|input| input.row).sum();
    let writes = lowering.writes.clone();
    let launch = |kernel,
                  constants: &[_],
                  params: &[u8],
                  reads: &[_],
                  threads,
                  written: usize,
                  lowering: &mut Lowering<'_>| {
        let constants = [&[half(y.dtype)], constants, &ways.constants].concat();
        let launch = Launch {
            kernel,
            constants: &constants,
            params,
            reads: &[reads, &[ways.skip]].concat(),
            writes: &writes,
            threads,
            operations: 0,
            touches: None,
        };
        let read = written * (1 + usize::from(ways.skips));
        lowering.launch_part(&launch, [read, written]);
    };
    let (mut base, mut shared) = (0, y.bytes());
    for input in inputs {
        let aligned = [input.row, base, output_row]
            .iter()
            .all(|n| n.is_multiple_of(lane));
        let each = if lowering.loads_are_dear() {
            MOST_ELEMENTS / lane
        } else {
            1
        };
        let constants = [
            ("ALIGNED", f64::from(u8::from(aligned))),
            ("LEAD", 0.0),
            ("EACH", f64::from(word(each))),
        ];
        let params = Params {
            start: Start::default(),
            pictures: word(pictures),
            row: word(input.row),
            base: word(base),
            output_row: word(output_row),
            last_lane: lowering.last_lane(input.slot),
        };
        let begins = (0..pictures).map(|picture| picture * output_row + base);
        let within = begins.map(|begin| (begin + input.row) / lane - begin.div_ceil(lane));
        let bytes = within.sum::<usize>() * 16;
        let threads = Threads::fitted([(input.row / lane).div_ceil(each), pictures, 1]);
        launch(
            &LANES_KERNELS[0],
            &constants,
            bytemuck::bytes_of(&params),
            &[input.slot],
            threads,
            bytes,
            lowering,
        );
        base += input.row;
        shared -= bytes;
    }
    if shared == 0 {
        return;
    }
    // Of two inputs, both borders are between them.
    let both = inputs.len() == 2;
    let mut base = 0;
    let borders = if both { 1 } else { inputs.len() };
    for index in 0..borders {
        let (input, behind) = (&inputs[index], &inputs[(index + 1) % inputs.len()]);
        let params = EdgesParams {
            start: Start::default(),
            pictures: word(pictures),
            row: word(input.row),
            behind: word(behind.row),
            base: word(base),
            output_row: word(output_row),
            next: u32::from(index + 1 == inputs.len()),
        };
        // Of what they share, the borders have as much each.
        let bytes = shared * (index + 1) / borders - shared * index / borders;
        let threads = Threads::fitted([pictures, 1 + usize::from(both), 1]);
        let constants = [("BOTH", f64::from(u8::from(both)))];
        launch(
            &EDGES_KERNELS[0],
            &constants,
            bytemuck::bytes_of(&params),
            &[input.slot, behind.slot],
            threads,
            bytes,
            lowering,
        );
        base += input.row;
    }
}
