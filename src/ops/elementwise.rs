//! Lowering shared by the layers that compute each element from one, or from one of each of two tensors:
//! `shaders/helpers/elementwise.wgsl`.
//!
//! Bindings are whole 16-byte lanes (see [`Slot::padded`](crate::plan::Slot::padded)), so the last lane may hold
//! elements behind the tensor: they are computed and never read.

use super::planes::{Planes, Sharing};
use super::window::word;
use crate::kernel::{
    FUNCTIONS, Kernel, PLANES, RECTIFIED, STORAGE, Start, WAY_OUT_LANES, WAYS, half, params,
};
use crate::plan::{Launch, Lowering, SlotId, Touches, Ways};
use crate::tensor::TensorType;

const ELEMENTWISE: &str = include_str!("../../shaders/helpers/elementwise.wgsl");

params! {
    /// Parameters of every elementwise kernel.
    Params {
        /// C, or 1 where no channel has a function of its own.
        channels: u32,
        /// N, or pictures as the kernel counts them.
        batch: u32,
        /// Elements of one plane.
        plane: u32,
        /// Lanes of a picture, or of all where pictures begin within lanes.
        lanes: u32,
    }
}

/// The kernel of a layer, whose text has the function.
pub(super) const fn kernel(name: &'static str, source: &'static str) -> [Kernel; 1] {
    [Kernel::new(name, source, Params::FIELDS).with(
        "",
        &[
            ELEMENTWISE,
            WAYS,
            PLANES,
            FUNCTIONS,
            WAY_OUT_LANES,
            RECTIFIED,
            STORAGE,
        ],
    )]
}

/// How a tensor is shared out: as one plane, if no channel has a function of its own.
pub(super) fn planes(x: &TensorType, ways: &Ways, lowering: &Lowering<'_>) -> Planes {
    let sharing = Sharing::of(lowering, false);
    if ways.are_affine() {
        Planes::of(x, sharing)
    } else {
        Planes::whole(x, sharing)
    }
}

/// One kernel over the first input, with what is on its ways. `term`: another tensor that its function has; `own`: affine
/// functions of the layer, which are on the way out where no others are.
pub(super) fn lower(
    kernel: &'static Kernel,
    term: Option<SlotId>,
    own: Option<SlotId>,
    lowering: &mut Lowering<'_>,
) {
    let x = lowering.inputs[0];
    let mut ways = lowering.ways();
    if let Some(own) = own {
        ways.way_out = own;
        ways.constants.push(("OUT_AFFINE", 1.0));
    }
    let planes = planes(x, &ways, lowering);
    let (lanes, pictures) = planes.pictures();
    let params = Params {
        start: Start::default(),
        channels: word(planes.channels),
        batch: word(pictures),
        plane: word(planes.plane),
        lanes: word(lanes),
    };
    let first = lowering.reads[0];
    let ways_read = [ways.way_in, ways.way_out, ways.skip];
    let reads: Vec<_> = std::iter::once(first)
        .chain(term)
        .chain(ways_read)
        .collect();
    let skip = ways.skips.then_some(reads.len() - 1);
    let like_y: Vec<_> = term.map(|_| 1).into_iter().chain(skip).collect();
    let constants = planes.constants();
    let writes = lowering.writes.clone();
    lowering.launch(&Launch {
        kernel,
        constants: &[&constants[..], &[half(x.dtype)], &ways.constants].concat(),
        params: bytemuck::bytes_of(&params),
        reads: &reads,
        writes: &writes,
        threads: planes.threads(),
        operations: 0,
        touches: Some(Touches {
            bytes: &|block| planes.transformed(block),
            like_y: &like_y,
            weights: None,
        }),
    });
}
