//! Weights of a convolution as the kernels of tiles read them, and how many of them a dispatch binds.

use super::kernels::{PACK_KERNELS, PackParams};
use super::lower::overrides;
use super::shapes::{Shapes, Tiles};
use crate::kernel::{Start, half};
use crate::ops::window::word;
use crate::plan::{Block, Launch, Lowering, SlotId, Threads, Touches, Weights};
use std::ops::Range;

/// Bytes of the uniform buffer of `shaders/helpers/weights_uniform.wgsl`.
const UNIFORM_BYTES: u64 = 3072 * 16;
/// The largest alignment of a uniform buffer that an adapter may ask for.
const MOST_ALIGNMENT: u64 = 256;

/// The weights of a convolution, those of the filters of a tile side by side.
pub(super) struct Packed {
    pub(super) slot: SlotId,
    pub(super) order: Tiles,
    /// Of a group.
    tiles: usize,
    /// Of a tile.
    bytes: usize,
    /// They are bound as a uniform buffer.
    pub(super) uniform: bool,
    /// Most bytes that a dispatch binds of them, where that is not all: [`Weights::most`].
    most: Option<u64>,
}

impl Packed {
    /// Launches the kernel that packs them. `taps`: of a filter, over its channels.
    pub(super) fn new(
        shapes: &Shapes,
        counts: [usize; 2],
        weight: SlotId,
        lowering: &mut Lowering<'_>,
    ) -> Self {
        Self::pack(shapes, counts, true, weight, lowering)
    }

    /// The same, for a kernel that loads them from a storage buffer, all of which can be bound.
    pub(super) fn loaded(
        shapes: &Shapes,
        counts: [usize; 2],
        weight: SlotId,
        lowering: &mut Lowering<'_>,
    ) -> Self {
        Self::pack(shapes, counts, false, weight, lowering)
    }

    fn pack(
        shapes: &Shapes,
        [taps, tile]: [usize; 2],
        may_be_uniform: bool,
        weight: SlotId,
        lowering: &mut Lowering<'_>,
    ) -> Self {
        let tiles = shapes.filters.div_ceil(tile);
        let all = shapes.groups * tiles;
        let of_tile = taps * tile * 4;
        let bytes = all * of_tile;
        let few = bytes as u64 <= UNIFORM_BYTES;
        // Where loads are dear, some tiles are bound at a time, from where a binding may begin on: somewhat before the first of them.
        let windows = lowering.loads_are_dear() && of_tile as u64 + MOST_ALIGNMENT <= UNIFORM_BYTES;
        let uniform = may_be_uniform && (few || windows) && lowering.fits_uniform(UNIFORM_BYTES);
        let most = match uniform {
            true => (!few).then_some(UNIFORM_BYTES),
            false => (!lowering.fits(bytes)).then(|| lowering.binding()),
        };
        let room = match (uniform, few) {
            (false, _) => 0,
            (true, true) => UNIFORM_BYTES,
            (true, false) => bytes as u64 + UNIFORM_BYTES,
        };
        let slot = lowering.scratch_with_room("packed filters", bytes, room);
        let mut constants = overrides(&[
            ("FILTERS", shapes.filters),
            ("TILE", tile),
            ("TILES", tiles),
            ("TAPS", taps),
        ]);
        constants.push(half(shapes.dtype));
        let params = PackParams {
            start: Start::default(),
            tiles: word(all),
        };
        lowering.launch(&Launch {
            kernel: &PACK_KERNELS[0],
            constants: &constants,
            params: bytemuck::bytes_of(&params),
            reads: &[weight],
            writes: &[slot],
            threads: Threads::fitted([taps, 1, all]),
            operations: 0,
            touches: Some(Touches {
                bytes: &|[.., z]: &Block| {
                    let [_, (first, last, _)] = shapes.planes(Tiles::inner(tile), z);
                    let of_filter = taps * shapes.dtype.bytes();
                    let packed = z.start * of_tile..z.end * of_tile;
                    [first * of_filter..(last + 1) * of_filter, packed]
                },
                like_y: &[],
                weights: None,
            }),
        });
        Self {
            slot,
            order: Tiles {
                filters: tile,
                outer: most.is_some(),
            },
            tiles,
            bytes: of_tile,
            uniform,
            most,
        }
    }

    /// Threads along z: of all pictures, tiles of all groups.
    pub(super) const fn depth(&self, shapes: &Shapes) -> usize {
        shapes.input.n * shapes.groups * self.tiles
    }

    /// The workgroups of so many threads: of one tile each, where not all can be bound.
    pub(super) fn threads(&self, count: [usize; 3]) -> Threads {
        let mut threads = Threads::fitted(count);
        if self.most.is_some() {
            threads.workgroup[2] = 1;
        }
        threads
    }

    /// Bytes of them that threads touch that are there along z.
    pub(super) fn touched(&self, shapes: &Shapes, z: &Range<usize>) -> Range<usize> {
        let tiles = self.order.of(shapes, z);
        tiles.start * self.bytes..tiles.end * self.bytes
    }

    /// What a launch is cut by, where not all can be bound.
    pub(super) fn weights<'a>(
        &self,
        bytes: &'a dyn Fn(&Block) -> Range<usize>,
    ) -> Option<Weights<'a>> {
        let uniform = self.uniform;
        self.most.map(|most| Weights {
            bytes,
            most,
            uniform,
        })
    }

    /// The order of their tiles as an `override` of `shaders/helpers/tile.wgsl`.
    pub(super) fn outer(&self) -> (&'static str, usize) {
        ("OUTER", usize::from(self.order.outer))
    }

    /// `override`s of the kernels that use them.
    pub(super) fn counts(&self, shapes: &Shapes) -> Vec<(&'static str, usize)> {
        vec![
            ("CHANNELS", shapes.channels),
            ("GROUPS", shapes.groups),
            ("FILTERS", shapes.filters),
            ("TILE", self.order.filters),
            ("TILES", self.tiles),
        ]
    }
}
