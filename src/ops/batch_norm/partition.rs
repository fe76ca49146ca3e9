//! How the reductions of batch normalisation are cut into threads.

use crate::ops::planes::{Planes, Sharing};
use crate::plan::{Block, Threads};
use crate::tensor::TensorType;
use std::ops::Range;

/// Threads of a workgroup that reduces.
const THREADS: usize = 64;
/// Quads that a thread loads before it uses the first.
const BLOCK: usize = 8;
/// Blocks of a thread that make more parts worth a dispatch of their own that merges them.
const FEW_BLOCKS: usize = 4;
/// Workgroups that fill any device: parts are made until there are so many.
const WORKGROUPS: usize = 256;
/// Parts of a channel that those who transform it merge, each for itself: all threads that need the moments of small planes, a
/// workgroup of large ones, by two eights.
const MERGED_BY_THREADS: usize = 4;
const MERGED_BY_WORKGROUPS: usize = 64;
/// Most neighbouring lanes that a row of threads reads at a time: 128 bytes, what memory hands out at once.
const ROW: usize = 8;
/// Channels of a workgroup that reduces small planes.
const GROUP: usize = 8;

/// How a channel of N planes is cut into runs, a row of threads each, and the runs into parts, a workgroup each: a
/// function of the type only, so every device sums in one order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partition {
    pub(super) planes: Planes,
    /// Channels of a workgroup that reduces.
    group: usize,
    /// Parts of a channel that are merged with the transformation.
    few: usize,
    /// Lanes of a block.
    block: usize,
    /// Threads of a row.
    threads_x: usize,
    pub(super) run_planes: usize,
    pub(super) run_lanes: usize,
    pub(super) runs_x: usize,
    runs_y: usize,
}

impl Partition {
    /// `binding`: the most bytes of one. A part touches a quarter of that at most, which changes no partition of a tensor that
    /// fits one.
    pub(super) fn of(x: &TensorType, binding: u64, sharing: Sharing) -> Self {
        let planes = Planes::of(x, sharing);
        let (lanes, per_lane) = (planes.lanes(), planes.per_lane);
        // A lane of f16 is two quads.
        let block = BLOCK * 4 / per_lane;
        let (group, few) = if planes.are_small() {
            (GROUP, MERGED_BY_THREADS)
        } else {
            (1, MERGED_BY_WORKGROUPS)
        };
        let blocks = planes.batch * lanes / block / (THREADS / group);
        let most = (blocks / FEW_BLOCKS).clamp(few, WORKGROUPS);
        let threads_x = lanes.clamp(1, ROW).next_power_of_two();
        let rows = THREADS / group / threads_x;
        // A run gives each thread whole blocks.
        let (block_planes, block_lanes) = if lanes < threads_x * block {
            (block, threads_x)
        } else {
            (1, threads_x * block)
        };
        let cut = |extent: usize, runs: usize, block: usize| {
            let runs = runs.clamp(1, extent.div_ceil(block).max(1));
            let run = extent.div_ceil(runs).max(1).next_multiple_of(block);
            (run, extent.div_ceil(run).max(1))
        };
        let fewest = if x.bytes() as u64 > binding {
            usize::try_from(4 * x.bytes() as u64 / binding.max(1)).unwrap_or(usize::MAX)
        } else {
            1
        };
        let most = most.max(fewest.min(THREADS));
        let wanted = (WORKGROUPS * group / planes.channels)
            .max(fewest)
            .clamp(1, most)
            * rows;
        let (run_planes, runs_y) = cut(planes.batch, wanted, block_planes);
        let (run_lanes, runs_x) = cut(lanes, wanted / runs_y, block_lanes);
        Self {
            planes,
            group,
            few,
            block,
            threads_x,
            run_planes,
            run_lanes,
            runs_x,
            runs_y,
        }
    }

    /// Rows of the threads of a channel in a workgroup.
    const fn rows(&self) -> usize {
        THREADS / self.group / self.threads_x
    }

    /// At most [`WORKGROUPS`].
    pub(super) const fn parts(&self) -> usize {
        (self.runs_x * self.runs_y).div_ceil(self.rows())
    }

    /// Whether a block goes along the planes of a channel, because a plane has too few lanes for one.
    const fn along_batch(&self) -> bool {
        self.planes.lanes() < self.threads_x * self.block
    }

    /// Blocks of a thread.
    const fn blocks(&self) -> usize {
        if self.along_batch() {
            self.run_planes.div_ceil(self.block) * self.run_lanes.div_ceil(self.threads_x)
        } else {
            self.run_planes * self.run_lanes.div_ceil(self.threads_x * self.block)
        }
    }

    /// Additions behind one another from an element to the moments of its channel: a block, the blocks of a thread,
    /// the components of a quad, then 64 threads of a workgroup in eights, and the parts in eights, thrice: how many there are
    /// depends on the largest binding too.
    const fn depth(&self) -> usize {
        BLOCK + self.blocks() + 2 + 5 * 7
    }

    pub(super) const fn threads(&self) -> Threads {
        Threads {
            count: [
                self.parts() * self.threads_x,
                self.rows(),
                self.planes.channels,
            ],
            #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
            workgroup: [self.threads_x as u32, self.rows() as u32, self.group as u32],
        }
    }

    /// `override`s of the moments kernel.
    pub(super) fn moments_constants(&self) -> [(&'static str, f64); 2] {
        [
            ("ALONG_BATCH", self.along_batch()),
            ("EDGES", self.planes.edges()),
        ]
        .map(|(name, flag)| (name, f64::from(u8::from(flag))))
    }

    /// Whether the parts are merged by a dispatch of their own.
    pub(super) const fn is_merged_apart(&self) -> bool {
        self.parts() > self.few
    }

    /// What a block of the threads that reduce touches of the input; of the other tensors it touches all.
    pub(super) fn reduced(&self, [x, _, channels]: &Block) -> Range<usize> {
        let parts = x.start / self.threads_x..x.end.div_ceil(self.threads_x);
        let runs = parts.start * self.rows()..parts.end * self.rows();
        let last = (runs.end - 1).min(self.runs_x * self.runs_y - 1);
        let (first_y, last_y) = (runs.start.min(last) / self.runs_x, last / self.runs_x);
        let lanes = if first_y == last_y {
            runs.start.min(last) % self.runs_x * self.run_lanes
                ..(last % self.runs_x + 1) * self.run_lanes
        } else {
            0..self.planes.lanes()
        };
        let end = (lanes.end * self.planes.per_lane).min(self.planes.plane);
        let pictures =
            first_y * self.run_planes..((last_y + 1) * self.run_planes).min(self.planes.batch);
        // Lanes are counted from the one that the plane begins in.
        let begin = (lanes.start * self.planes.per_lane).saturating_sub(self.planes.per_lane);
        self.planes
            .span(pictures, channels.clone(), [begin, end.saturating_sub(1)])
    }
}

/// Roundings behind one another in the moments of a channel of `x`, for the bound of a check.
pub(crate) fn moments_depth(x: &TensorType) -> usize {
    Partition::of(x, u64::MAX, Sharing::DEAR).depth()
}

/// The same, where a convolution that computes `x` makes the moments of its parts. Twice those of a thread, whose pivot is not
/// the channel's: the eight values of a row, at most 16 rows. Then the move to another pivot and 64 threads merged in
/// eights, twice, and between them the parts of a channel in eights and these behind one another; the last pass merges what
/// is one part. A part is half a workgroup of threads, which make four outputs or more each, or one is the only one of its plane.
/// That is a depthwise convolution; another's thread has one row of eight values or two of four, and 16 threads behind one another; its
/// parts are 128 pixels, and the rest of a picture or of all.
pub(crate) fn made_depth(x: &TensorType) -> usize {
    let width = x.shape.last().copied().unwrap_or(1);
    let plane: usize = x.shape[2..].iter().product();
    let rows = plane / width.max(1);
    let parts = x.shape[0] * (width.div_ceil(4) * rows / 32 + 1);
    2 * (8 + 16) + 2 * (1 + 2 * 7) + 8 + parts.div_ceil(512) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::DType;

    /// Every shape has the workgroups, or threads that have hardly a block more than is worth another part.
    #[test]
    fn reductions_fill_the_device_whatever_the_channels() {
        let shapes = |channels| {
            let planes = [
                (1, 1),
                (3, 49),
                (64, 16),
                (9000, 1),
                (2, 9000),
                (5, 33825),
                (16, 65536),
            ];
            planes.map(|(batch, plane)| vec![batch, channels, plane])
        };
        let shapes = (1..300).flat_map(shapes);
        for shape in shapes.chain([vec![20, 6, 65536], vec![128, 2048, 16], vec![90_000, 1, 49]]) {
            for dtype in [DType::F32, DType::F16] {
                let x = TensorType {
                    shape: shape.clone(),
                    dtype,
                };
                let partition = Partition::of(&x, u64::MAX, Sharing::DEAR);
                assert!(partition.parts() <= WORKGROUPS, "{x:?}: {partition:?}");
                let pictures = partition.run_planes * partition.runs_y;
                let lanes = partition.run_lanes * partition.runs_x;
                assert!(pictures >= shape[0], "{x:?}: {partition:?}");
                assert!(lanes >= partition.planes.lanes(), "{x:?}: {partition:?}");
                let workgroups: usize = partition.threads().workgroups().iter().product();
                let filled = 2 * workgroups > WORKGROUPS || partition.blocks() < 2 * FEW_BLOCKS;
                assert!(filled, "{x:?}: {workgroups} workgroups, {partition:?}");
            }
        }
    }
}
