//! Lowering shared by the layers that see a tensor as a row of 16-byte lanes.
//!
//! Bindings are whole 16-byte lanes (see [`Slot::padded`](crate::plan::Slot::padded)), so the last lane may hold
//! elements behind the tensor: they are computed and never read.

use super::window::word;
use crate::kernel::{Kernel, Start, params};
use crate::plan::{Launch, Lowering, Threads, Touches};

params! {
    /// Parameters of every elementwise kernel.
    Params {
        /// Lanes of 16 bytes.
        lanes: u32,
    }
}

/// One kernel over `bytes` of each slot; all of them lie alike.
pub(super) fn launch(
    lowering: &mut Lowering<'_>,
    kernel: &'static Kernel,
    constants: &[(&'static str, f64)],
    bytes: usize,
) {
    let lanes = bytes.div_ceil(16);
    let params = Params {
        start: Start::default(),
        lanes: word(lanes),
    };
    let (reads, writes) = (lowering.reads.clone(), lowering.writes.clone());
    lowering.launch(&Launch {
        kernel,
        constants,
        params: bytemuck::bytes_of(&params),
        reads: &reads,
        writes: &writes,
        threads: Threads::row(lanes),
        operations: 0,
        touches: Some(Touches {
            bytes: &|[lanes, ..]| {
                let bytes = lanes.start * 16..lanes.end * 16;
                [bytes.clone(), bytes]
            },
            like_y: if reads.len() > 1 { &[1] } else { &[] },
            weights: None,
        }),
    });
}
