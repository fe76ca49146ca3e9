//! What the kernels of a convolution compute: its extents and groups, and which of its planes threads touch.

use super::kernels::Params;
use crate::kernel::Start;
use crate::ops::window::{Extents, Walk, word};
use crate::plan::{Block, span};
use crate::tensor::{DType, TensorType};
use std::ops::Range;

/// A convolution of [`Extents`] in groups, as all kernels see it.
pub(super) struct Shapes {
    /// Of the input, repeated.
    pub(super) input: Extents,
    pub(super) output: Extents,
    pub(super) dtype: DType,
    pub(super) groups: usize,
    /// Input channels of a group.
    pub(super) channels: usize,
    /// Output channels of a group.
    pub(super) filters: usize,
}

/// How threads are numbered along z.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    /// Of a tile, which one thread makes.
    pub(super) filters: usize,
    /// A tile of all pictures is before the next tile; else the tiles of all groups of a picture are before the next picture.
    pub(super) outer: bool,
}

impl Tiles {
    pub(super) const fn inner(filters: usize) -> Self {
        Self {
            filters,
            outer: false,
        }
    }

    /// The tiles of all groups that are along z, where they are outer.
    pub(super) const fn of(self, shapes: &Shapes, z: &Range<usize>) -> Range<usize> {
        z.start / shapes.input.n..(z.end - 1) / shapes.input.n + 1
    }
}

impl Shapes {
    pub(super) fn of(
        groups: usize,
        x: &TensorType,
        repeat: [usize; 2],
        weight: &TensorType,
        y: &TensorType,
    ) -> Self {
        let input = Extents::of(x);
        Self {
            input: Extents {
                h: input.h * repeat[0],
                w: input.w * repeat[1],
                ..input
            },
            output: Extents::of(y),
            dtype: x.dtype,
            groups,
            channels: weight.shape[1],
            filters: weight.shape[0] / groups,
        }
    }

    /// Bytes that a block of threads touches of the input and the output: along z, tiles of all groups of all pictures.
    pub(super) fn touched(
        &self,
        walk: &Walk,
        rows: usize,
        tiles: Tiles,
        block: &Block,
    ) -> [Range<usize>; 2] {
        let [times_h, times_w] = walk.repeats();
        let input = Extents {
            h: self.input.h / times_h,
            w: self.input.w / times_w,
            ..self.input
        };
        let axes = walk.touched([&input, &self.output], rows, 0..1, block);
        let [channels, filters] = self.planes(tiles, &block[2]);
        let [[_, h, w], [_, to_h, to_w]] = axes;
        let bytes = self.dtype.bytes();
        [
            span(&[channels, h, w], bytes),
            span(&[filters, to_h, to_w], bytes),
        ]
    }

    /// First and last plane of the input and of the output that some of the tiles of all groups of all pictures touch, with
    /// extents that do not matter.
    pub(super) fn planes(&self, tiles: Tiles, z: &Range<usize>) -> [(usize, usize, usize); 2] {
        let of_group = self.filters.div_ceil(tiles.filters);
        let [mut first, mut last] = [z.start, z.end - 1];
        if tiles.outer {
            // From the first tile of the first picture on, and of the last picture the last tile.
            let (all, pictures) = (self.groups * of_group, self.input.n);
            let ends = tiles.of(self, z);
            let alone = ends.len() == 1;
            let picture = |z: usize, otherwise: usize| if alone { z % pictures } else { otherwise };
            first = picture(first, 0) * all + ends.start;
            last = picture(last, pictures - 1) * all + ends.end - 1;
        }
        let group = |z: usize| z / of_group;
        let filter = |z: usize| group(z) * self.filters + z % of_group * tiles.filters;
        let end = (filter(last) + tiles.filters).min((group(last) + 1) * self.filters);
        [
            (
                group(first) * self.channels,
                (group(last) + 1) * self.channels - 1,
                0,
            ),
            (filter(first), end - 1, 0),
        ]
    }

    pub(super) fn params(&self, last_lane: u32) -> Params {
        Params {
            start: Start::default(),
            batch: word(self.input.n),
            input_h: word(self.input.h),
            input_w: word(self.input.w),
            last_lane,
            output_h: word(self.output.h),
            output_w: word(self.output.w),
            packed_base: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_touch_their_planes_in_either_order() {
        // Two pictures of two groups of three channels; five filters each, in tiles of two, the last of one.
        let extents = |c| Extents {
            n: 2,
            c,
            d: 1,
            h: 4,
            w: 4,
        };
        let shapes = Shapes {
            input: extents(6),
            output: extents(10),
            dtype: DType::F32,
            groups: 2,
            channels: 3,
            filters: 5,
        };
        let planes = |outer, z| {
            let tiles = Tiles { filters: 2, outer };
            shapes
                .planes(tiles, &z)
                .map(|(first, last, _)| (first, last))
        };
        // Picture 0, its first tile; all tiles of the second group of picture 0 and the first of picture 1.
        assert_eq!(planes(false, 0..1), [(0, 2), (0, 1)]);
        assert_eq!(planes(false, 3..7), [(3, 8), (5, 11)]);
        // Tile 0 of picture 1; tile 3, the first of the second group, of both.
        assert_eq!(planes(true, 1..2), [(6, 8), (10, 11)]);
        assert_eq!(planes(true, 6..8), [(3, 11), (5, 16)]);
        // The last tile has one filter.
        assert_eq!(planes(true, 11..12), [(9, 11), (19, 19)]);
        let outer = Tiles {
            filters: 2,
            outer: true,
        };
        assert_eq!(outer.of(&shapes, &(6..8)), 3..4);
        assert_eq!(outer.of(&shapes, &(5..9)), 2..5);
    }
}
