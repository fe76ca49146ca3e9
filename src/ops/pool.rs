//! What max and average pooling share: the parameters of their kernels and the grid.

use super::window::{Extents, MAX_DIMS, Window, check_turns, leading_ones, word};
use crate::error::Result;
use crate::kernel::{Kernel, params, rows_form};
use crate::plan::{Launch, Lowering, Threads};

params! {
    /// Parameters of the pooling kernels. Extents are in elements.
    Params {
        /// N * C.
        planes: u32,
        /// Input depth.
        input_d: u32,
        /// Input height.
        input_h: u32,
        /// Input width.
        input_w: u32,
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

/// The walk over the windows.
pub(super) const WALK: &str = include_str!("../../shaders/helpers/pool.wgsl");

/// One pooling kernel: a thread makes a few neighbours of one output row.
pub(super) fn launch(
    lowering: &mut Lowering<'_>,
    kernels: &'static [Kernel; 4],
    window: &Window<'_>,
    extra: &[(&'static str, f64)],
    divisor: f32,
) {
    let (input, output) = (
        Extents::of(lowering.inputs[0]),
        Extents::of(lowering.outputs[0]),
    );
    let strides = window.strides(&lowering.outputs[0].shape[2..]);
    let window = &Window {
        stride: &strides,
        ..*window
    };
    let planes = input.n * input.c;
    let params = Params {
        origin: [0; 3],
        planes: word(planes),
        input_d: word(input.d),
        input_h: word(input.h),
        input_w: word(input.w),
        output_d: word(output.d),
        output_h: word(output.h),
        output_w: word(output.w),
        divisor,
    };
    let columns = columns_of_a_thread(window, output.w);
    let mut constants = window.constants(0, columns);
    constants.extend_from_slice(extra);
    let volume = window.kernel.len() == MAX_DIMS;
    constants.push(("VOLUME", f64::from(u8::from(volume))));
    let kernel = &kernels[rows_form(input.w, output.w)];
    let (reads, writes) = (lowering.reads.clone(), lowering.writes.clone());
    lowering.launch(&Launch {
        kernel,
        constants: &constants,
        params: bytemuck::bytes_of(&params),
        reads: &reads,
        writes: &writes,
        threads: Threads::fitted([output.w.div_ceil(columns as usize), output.h, planes]),
    });
}

/// Segments that `shaders/helpers/pool.wgsl` writes out.
const SEGMENTS: u32 = 5;

/// Rows of a window that `shaders/helpers/pool.wgsl` writes out.
const ROWS: usize = 3;

/// `Err` if a thread turns more often in its loops than [`MAX_TURNS`](super::window::MAX_TURNS): over the output slices,
/// the slices, rows and segments of a window, without those that are written out.
pub(super) fn check_work(node: &str, window: &Window<'_>, output: &[usize]) -> Result<()> {
    let strides = window.strides(output);
    let window = Window {
        stride: &strides,
        ..*window
    };
    let columns = columns_of_a_thread(&window, output[output.len() - 1]);
    let segments = window.segments(columns).saturating_sub(SEGMENTS) as usize;
    let [slices, rows, _] = leading_ones(window.kernel, 1);
    let looped = rows.saturating_sub(ROWS).saturating_mul(segments + 1);
    let slice = looped.saturating_add(rows.min(ROWS) * segments + 1);
    let windows = slices.saturating_mul(slice).saturating_add(1);
    let turns = leading_ones(output, 1)[0].saturating_mul(windows);
    check_turns(node, window.kernel, turns)
}

/// Output columns of a thread: more where the stretch that their windows share stays short.
fn columns_of_a_thread(window: &Window<'_>, output: usize) -> u32 {
    if output > 4 && window.segments(8) <= SEGMENTS {
        8
    } else {
        4
    }
}
