//! What max and average pooling share: the parameters of their kernels and the grid.

use super::held::Held;
use super::window::{
    Extents, Window, check_turns, columns, last_lane, leading_ones, planes_of, word,
};
use crate::error::Result;
use crate::kernel::{Kernel, Start, half, params, store_constants, store_form};
use crate::plan::{Block, Launch, Lowering, Threads, Touches, span};
use crate::tensor::TensorType;

params! {
    /// Parameters of the pooling kernels. Extents are in elements.
    Params {
        /// N * C.
        planes: u32,
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
        /// Divisor of an average, where it does not depend on the window.
        divisor: f32,
    }
}

/// The walk over the slices of a window.
pub(super) const SLICES: &str = include_str!("../../shaders/helpers/pool.wgsl");

/// One pooling kernel: a thread makes a few neighbours of a few output rows or, of planes that it can hold, all of some.
pub(super) fn launch(
    lowering: &mut Lowering<'_>,
    (kernels, planes_kernels): (&'static [Kernel; 3], &'static [Kernel; 2]),
    window: &Window<'_>,
    extra: &[(&'static str, f64)],
    divisor: f32,
) {
    let (x, y) = (lowering.inputs[0], lowering.outputs[0]);
    let (input, output) = (Extents::of(x), Extents::of(y));
    let strides = window.strides(&y.shape[2..]);
    let window = &Window {
        stride: &strides,
        ..*window
    };
    let walk = window.walk(
        &input,
        &output,
        x.dtype,
        columns(x.dtype, lowering.loads_are_dear()),
    );
    if let Some(mut held) = Held::under(&walk, lowering) {
        held.constants.extend_from_slice(extra);
        let ways = lowering.ways();
        let reads = [lowering.reads[0], ways.way_in, ways.way_out, ways.skip];
        return held.launch(planes_kernels, &reads, &ways, divisor, lowering);
    }
    let planes = input.n * input.c;
    let params = Params {
        start: Start::default(),
        planes: word(planes),
        channels: word(input.c),
        input_d: word(input.d),
        input_h: word(input.h),
        input_w: word(input.w),
        last_lane: last_lane(x),
        output_d: word(output.d),
        output_h: word(output.h),
        output_w: word(output.w),
        divisor,
    };
    let mut constants = walk.constants(0);
    constants.extend_from_slice(extra);
    constants.push(half(x.dtype));
    constants.push(("ROLL", f64::from(u8::from(walk.roll))));
    let rows = walk.rows(&output, planes, lowering.loads_are_dear());
    constants.push(("ROWS", f64::from(word(rows))));
    let form = store_form(x.dtype, output.w, walk.columns);
    constants.extend(store_constants(form, output.w));
    let ways = lowering.ways();
    constants.extend(&ways.constants);
    let writes = lowering.writes.clone();
    let bytes = |block: &Block| {
        let (planes, slices) = planes_of(&block[2], output.d);
        let axes = walk.touched([&input, &output], rows, slices, block);
        axes.map(|[d, h, w]| span(&[planes, d, h, w], x.dtype.bytes()))
    };
    let taps: usize = window.kernel.iter().product();
    lowering.launch(&Launch {
        kernel: &kernels[form],
        constants: &constants,
        params: bytemuck::bytes_of(&params),
        reads: &[lowering.reads[0], ways.way_in, ways.way_out, ways.skip],
        writes: &writes,
        threads: Threads::fitted(walk.threads(&output, rows, planes * output.d)),
        operations: y.elements().saturating_mul(taps),
        touches: Some(Touches {
            bytes: &bytes,
            like_y: if ways.skips { &[3] } else { &[] },
            weights: None,
        }),
    });
}

/// `Err` if a thread turns more often in its loops than [`MAX_TURNS`](super::window::MAX_TURNS): over the slices, rows
/// and taps of a window.
pub(super) fn check_work(
    node: &str,
    window: &Window<'_>,
    x: &TensorType,
    y: &TensorType,
) -> Result<()> {
    let strides = window.strides(&y.shape[2..]);
    let window = Window {
        stride: &strides,
        ..*window
    };
    // As many turns with fewer columns.
    let walk = window.walk(&Extents::of(x), &Extents::of(y), x.dtype, 8);
    let slices = leading_ones(window.kernel, 1)[0];
    check_turns(node, window.kernel, slices.saturating_mul(walk.turns() + 1))
}
