//! How the reductions and the transformations of batch normalisation are cut into threads.

use crate::kernel::per_lane;
use crate::ops::window::word;
use crate::plan::{Block, Threads, span};
use crate::tensor::TensorType;
use std::ops::Range;

/// Threads of a workgroup that reduces, and the most parts of a channel.
const THREADS: usize = 64;
/// Quads that a thread loads before it uses the first.
const BLOCK: usize = 8;
/// Workgroups that fill any device: parts are made until there are so many.
const WORKGROUPS: usize = 256;
/// Most neighbouring lanes that a row of threads reads at a time: 128 bytes, what memory hands out at once.
const ROW: usize = 8;
/// Threads that have neighbouring lanes of a plane: as many as any device runs in step.
const ROW_OF_PLANE: usize = 8;
/// Threads that fill any device, and the most lanes of one that transforms planes.
const FILL: usize = 1 << 15;
const MOST_LANES: usize = 32;
/// Most lanes of a small plane: one thread transforms it, eight reduce those of a channel, in few parts, whose moments
/// every thread merges that needs them.
const SMALL: usize = 32;
const GROUP: usize = 8;
const FEW_PARTS: usize = 4;

/// How a channel of N planes is cut into runs, a row of threads each, and the runs into parts, a workgroup each: a
/// function of the type only, so every device sums in one order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partition {
    /// C.
    channels: usize,
    /// N, planes of the channel.
    pub(super) batch: usize,
    /// Elements of a plane.
    pub(super) plane: usize,
    /// Elements of a lane.
    per_lane: usize,
    /// Most lanes that a plane overlaps.
    lanes: usize,
    /// Channels of a workgroup that reduces.
    group: usize,
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
    pub(super) fn of(x: &TensorType, binding: u64) -> Self {
        let (batch, channels) = (x.shape[0], x.shape[1]);
        let plane: usize = x.shape[2..].iter().product();
        let per_lane = per_lane(x.dtype);
        let lanes = if plane.is_multiple_of(per_lane) {
            plane / per_lane
        } else {
            (plane + per_lane - 2) / per_lane + 1
        };
        // A lane of f16 is two quads.
        let block = BLOCK * 4 / per_lane;
        let (group, most) = if lanes <= SMALL {
            (GROUP, FEW_PARTS)
        } else {
            (1, THREADS)
        };
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
        let wanted = (WORKGROUPS * group / channels).max(fewest).clamp(1, most) * rows;
        let (run_planes, runs_y) = cut(batch, wanted, block_planes);
        let (run_lanes, runs_x) = cut(lanes, wanted / runs_y, block_lanes);
        Self {
            channels,
            batch,
            plane,
            per_lane,
            lanes,
            group,
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

    /// At most [`THREADS`].
    pub(super) const fn parts(&self) -> usize {
        (self.runs_x * self.runs_y).div_ceil(self.rows())
    }

    /// Whether a block goes along the planes of a channel, because a plane has too few lanes for one.
    const fn along_batch(&self) -> bool {
        self.lanes < self.threads_x * self.block
    }

    /// Additions behind one another from an element to the moments of its channel: a block, the blocks of a thread,
    /// the components of a quad, then twice 64 merged in eights: the threads of a workgroup, and the parts.
    const fn depth(&self) -> usize {
        let blocks = if self.along_batch() {
            self.run_planes.div_ceil(self.block) * self.run_lanes.div_ceil(self.threads_x)
        } else {
            self.run_planes * self.run_lanes.div_ceil(self.threads_x * self.block)
        };
        BLOCK + blocks + 2 + 4 * 7
    }

    pub(super) const fn threads(&self) -> Threads {
        Threads {
            count: [self.parts() * self.threads_x, self.rows(), self.channels],
            #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
            workgroup: [self.threads_x as u32, self.rows() as u32, self.group as u32],
        }
    }

    /// Whether planes begin within lanes.
    const fn edges(&self) -> bool {
        !self.plane.is_multiple_of(self.per_lane)
    }

    /// `override`s of the moments kernel.
    pub(super) fn moments_constants(&self) -> [(&'static str, f64); 2] {
        [("ALONG_BATCH", self.along_batch()), ("EDGES", self.edges())]
            .map(|(name, flag)| (name, f64::from(u8::from(flag))))
    }

    /// Whether a thread transforms whole planes.
    pub(super) const fn is_small(&self) -> bool {
        self.lanes <= SMALL
    }

    /// `override`s of the kernels that transform planes.
    pub(super) fn plane_constants(&self) -> [(&'static str, f64); 4] {
        let reach = match self.plane {
            _ if !self.edges() => 1,
            plane if plane < self.per_lane => 3,
            _ => 2,
        };
        let (row, each) = self.row_of_plane();
        [
            ("REACH", reach),
            ("PER_THREAD", each),
            ("ROW", row),
            ("PICTURES", self.pictures()),
        ]
        .map(|(name, value)| (name, f64::from(word(value))))
    }

    /// Threads of a row that transforms neighbouring lanes of a plane, and lanes of a thread: as many as leave enough
    /// threads, for a workgroup makes the function of its channel first. A small plane has one thread.
    fn row_of_plane(&self) -> (usize, usize) {
        let lanes = self.plane.div_ceil(self.per_lane);
        if self.is_small() {
            return (1, lanes.max(1));
        }
        let all = lanes * self.channels * self.batch;
        let each = (all / FILL).clamp(BLOCK, MOST_LANES);
        (ROW_OF_PLANE, each.next_multiple_of(BLOCK))
    }

    /// Pictures of a thread: several small planes of a channel, whose function it makes.
    fn pictures(&self) -> usize {
        let lanes = self.plane.div_ceil(self.per_lane).max(1);
        (SMALL / 2 / lanes).clamp(1, self.batch.max(1))
    }

    /// Bytes of the planes of these channels in these pictures, from one element of a plane to another.
    pub(super) fn span(
        &self,
        pictures: Range<usize>,
        channels: Range<usize>,
        plane: [usize; 2],
    ) -> Range<usize> {
        let [first, last] = plane;
        let axes = [
            (pictures.start, pictures.end.saturating_sub(1), self.batch),
            (channels.start, channels.end - 1, self.channels),
            (first, last, self.plane),
        ];
        span(&axes, 16 / self.per_lane)
    }

    /// What a block of the threads that transform planes touches.
    pub(super) fn transformed(&self, [x, channels, pictures]: &Block) -> [Range<usize>; 2] {
        let (row, each) = self.row_of_plane();
        let (lanes, first) = (row * each, x.start / row);
        // A thread with the first lanes of a plane has the last one besides, if that reaches beyond the plane.
        let plane = if self.edges() {
            [0, self.plane - 1]
        } else {
            let end = (x.end.div_ceil(row) * lanes * self.per_lane).min(self.plane);
            [first * lanes * self.per_lane, end.saturating_sub(1)]
        };
        let of = self.pictures();
        let pictures = pictures.start * of..(pictures.end * of).min(self.batch);
        let bytes = self.span(pictures, channels.clone(), plane);
        [bytes.clone(), bytes]
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
            0..self.lanes
        };
        let end = (lanes.end * self.per_lane).min(self.plane);
        let pictures = first_y * self.run_planes..((last_y + 1) * self.run_planes).min(self.batch);
        // Lanes are counted from the one that the plane begins in.
        let begin = (lanes.start * self.per_lane).saturating_sub(self.per_lane);
        self.span(pictures, channels.clone(), [begin, end.saturating_sub(1)])
    }

    /// Threads that transform planes. Those of a workgroup are of one channel, whose function is theirs alone, unless
    /// planes are small.
    pub(super) fn plane_threads(&self) -> Threads {
        let pictures = self.batch.div_ceil(self.pictures());
        if self.is_small() {
            return Threads::fitted([1, self.channels, pictures]);
        }
        let lanes = self.plane.div_ceil(self.per_lane);
        let (row, each) = self.row_of_plane();
        let rows = lanes.div_ceil(row * each);
        Threads::columns([rows * row, self.channels, pictures])
    }
}

/// Roundings behind one another in the moments of a channel of `x`, for the bound of a check.
pub(crate) fn moments_depth(x: &TensorType) -> usize {
    Partition::of(x, u64::MAX).depth()
}

/// The same, where a depthwise convolution that computes `x` makes the moments of its parts. Twice those of a thread, whose pivot is not
/// the channel's: the eight values of a row, at most 16 rows. Then the move to another pivot and 64 threads merged in
/// eights, twice, and between them the parts of a channel in eights and these behind one another; the last pass merges what
/// is one part. A part is half a workgroup of threads, which make four outputs or more each, or one is the only one of its plane.
pub(crate) fn made_depth(x: &TensorType) -> usize {
    let width = x.shape.last().copied().unwrap_or(1);
    let plane: usize = x.shape[2..].iter().product();
    let rows = plane / width.max(1);
    let parts = x.shape[0] * (width.div_ceil(4) * rows / 32 + 1);
    2 * (8 + 16) + 2 * (1 + 2 * 7) + 8 + parts.div_ceil(512) + 1
}
