//! How kernels transform planes: which thread has which lanes of which pictures.

use crate::kernel::per_lane;
use crate::ops::window::word;
use crate::plan::{Block, Lowering, Threads, span};
use crate::tensor::TensorType;
use std::ops::Range;

/// Most lanes of a thread that transforms large planes.
const MOST_LANES: usize = 32;
/// Most lanes of a small plane: a thread has a lane of several pictures, not several of a plane.
const SMALL: usize = 32;

/// How planes are shared out among threads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sharing {
    /// Threads that fill the device.
    fill: usize,
    /// Fewest lanes of a thread that transforms large planes.
    fewest: usize,
    /// Threads that have neighbouring lanes of a plane.
    row: usize,
}

impl Sharing {
    /// Where loads are dear: as few threads as fill a CPU, in rows as long as it runs in step.
    pub(super) const DEAR: Self = Self {
        fill: 1 << 15,
        fewest: 8,
        row: 8,
    };
    /// Elsewhere: a lane each. A GPU hides the time of its loads behind those of other threads.
    const EACH: Self = Self {
        fill: usize::MAX,
        fewest: 1,
        row: 32,
    };
    /// The same, where a workgroup merges the moments of its channel first.
    const MERGED: Self = Self {
        fill: 1 << 18,
        fewest: 4,
        row: 32,
    };

    /// Threads of a row, and lanes of a thread, of so many.
    fn row(self, lanes: usize) -> (usize, usize) {
        let each = (lanes / self.fill).clamp(self.fewest, MOST_LANES);
        (self.row, each.next_multiple_of(self.fewest))
    }

    /// Rows of threads for so many lanes that need no planes.
    pub(super) fn rows(self, lanes: usize) -> Rows {
        let (row, each) = self.row(lanes);
        Rows { lanes, row, each }
    }

    pub(super) const fn of(lowering: &Lowering<'_>, merged: bool) -> Self {
        match (lowering.loads_are_dear(), merged) {
            (true, _) => Self::DEAR,
            (false, false) => Self::EACH,
            (false, true) => Self::MERGED,
        }
    }
}

/// Lanes that rows of threads share out: `shaders/copy.wgsl`.
pub(super) struct Rows {
    lanes: usize,
    row: usize,
    each: usize,
}

impl Rows {
    pub(super) const fn threads(&self) -> usize {
        self.lanes.div_ceil(self.row * self.each) * self.row
    }

    /// `override`s of their kernels.
    pub(super) fn constants(&self) -> [(&'static str, f64); 2] {
        [("PER_THREAD", self.each), ("ROW", self.row)]
            .map(|(name, value)| (name, f64::from(word(value))))
    }

    /// Which lanes some of the threads have.
    pub(super) fn lanes_of(&self, threads: &Range<usize>) -> Range<usize> {
        let rows = [threads.start / self.row, threads.end.div_ceil(self.row)];
        let [start, end] = rows.map(|rows| rows * self.row * self.each);
        start..end.min(self.lanes)
    }
}

/// The planes of a tensor [N, C, *].
#[derive(Clone, Copy, Debug)]
pub(super) struct Planes {
    /// C.
    pub(super) channels: usize,
    /// N, planes of a channel.
    pub(super) batch: usize,
    /// Elements of a plane.
    pub(super) plane: usize,
    /// Elements of a lane.
    pub(super) per_lane: usize,
    sharing: Sharing,
}

impl Planes {
    pub(super) fn of(x: &TensorType, sharing: Sharing) -> Self {
        Self {
            sharing,
            channels: x.shape[1],
            batch: x.shape[0],
            plane: x.shape[2..].iter().product(),
            per_lane: per_lane(x.dtype),
        }
    }

    /// All of a tensor as one plane of whole lanes, for what needs no channels.
    pub(super) fn whole(x: &TensorType, sharing: Sharing) -> Self {
        let per_lane = per_lane(x.dtype);
        Self {
            sharing,
            channels: 1,
            batch: 1,
            plane: x.elements().next_multiple_of(per_lane),
            per_lane,
        }
    }

    /// Most lanes that a plane overlaps.
    pub(super) const fn lanes(&self) -> usize {
        if self.edges() {
            (self.plane + self.per_lane - 2) / self.per_lane + 1
        } else {
            self.plane / self.per_lane
        }
    }

    /// Whether planes begin within lanes.
    pub(super) const fn edges(&self) -> bool {
        !self.plane.is_multiple_of(self.per_lane)
    }

    /// Whether planes are so small that threads do not go along them.
    pub(super) const fn are_small(&self) -> bool {
        self.lanes() <= SMALL
    }

    /// Lanes of a picture and pictures, as small planes are transformed: where pictures begin within lanes, one has all.
    pub(super) fn pictures(&self) -> (usize, usize) {
        let picture = self.channels * self.plane;
        if !self.are_small() || picture.is_multiple_of(self.per_lane) {
            (picture / self.per_lane, self.batch)
        } else {
            (
                (self.batch * picture).div_ceil(self.per_lane),
                self.batch.min(1),
            )
        }
    }

    /// `override`s of the kernels that transform planes.
    pub(super) fn constants(&self) -> [(&'static str, f64); 5] {
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
            ("PICTURES", self.pictures_of_thread()),
            ("SMALL", usize::from(self.are_small())),
        ]
        .map(|(name, value)| (name, f64::from(word(value))))
    }

    /// Threads of a row that transforms neighbouring lanes of a plane, and lanes of a thread: as many as leave enough
    /// threads, for a workgroup makes the function of its channel first.
    fn row_of_plane(&self) -> (usize, usize) {
        let lanes = self.plane.div_ceil(self.per_lane);
        self.sharing.row(lanes * self.channels * self.batch)
    }

    /// Pictures of a thread, which makes the functions of a lane: of small planes as many as leave enough threads.
    fn pictures_of_thread(&self) -> usize {
        let (lanes, pictures) = self.pictures();
        // Of so few lanes neighbouring threads have other pictures.
        if !self.are_small() || lanes < self.sharing.row {
            return 1;
        }
        // Each is one load and one store, of which those of the functions are to be a small part. More pictures than that are
        // slower: they are far apart in memory.
        let most = if self.edges() { 8 } else { 4 };
        (lanes * pictures / self.sharing.fill).clamp(1, most.min(pictures.max(1)))
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
        let of = self.pictures_of_thread();
        if self.are_small() {
            let (lanes, all) = self.pictures();
            let last = (pictures.end * of).min(all).saturating_sub(1);
            let axes = [
                (pictures.start * of, last, all),
                (x.start, x.end.min(lanes).saturating_sub(1), lanes),
            ];
            let bytes = span(&axes, 16);
            return [bytes.clone(), bytes];
        }
        let (row, each) = self.row_of_plane();
        let (lanes, first) = (row * each, x.start / row);
        // A thread with the first lanes of a plane has the last one besides, if that reaches beyond the plane.
        let plane = if self.edges() {
            [0, self.plane - 1]
        } else {
            let end = (x.end.div_ceil(row) * lanes * self.per_lane).min(self.plane);
            [first * lanes * self.per_lane, end.saturating_sub(1)]
        };
        let bytes = self.span(pictures.clone(), channels.clone(), plane);
        [bytes.clone(), bytes]
    }

    /// Threads that transform planes. Those of a workgroup are of one channel, whose function is theirs alone, unless
    /// planes are small.
    pub(super) fn threads(&self) -> Threads {
        if self.are_small() {
            let (lanes, pictures) = self.pictures();
            return Threads::columns([lanes, 1, pictures.div_ceil(self.pictures_of_thread())]);
        }
        let lanes = self.plane.div_ceil(self.per_lane);
        let (row, each) = self.row_of_plane();
        let rows = lanes.div_ceil(row * each);
        Threads::columns([rows * row, self.channels, self.batch])
    }
}
