//! Dispatches of batch normalisation: in evaluation a table that lasts as long as the statistics, and one; two in training.

use super::BatchNorm;
use crate::kernel::{Kernel, RECTIFIED, STORAGE, Start, half, params, per_lane};
use crate::ops::window::word;
use crate::plan::{Block, Launch, Lowering, SlotId, Threads, Touches, span};
use crate::tensor::TensorType;
use std::ops::Range;

const MOMENTS: &str = include_str!("../../../shaders/helpers/moments.wgsl");
const COLUMNS: &str = include_str!("../../../shaders/helpers/columns.wgsl");
const PLANES: &str = include_str!("../../../shaders/helpers/planes.wgsl");

params! {
    /// Parameters of all batch norm kernels.
    Params {
        /// C.
        channels: u32,
        /// N.
        batch: u32,
        /// Elements of one plane.
        plane: u32,
        /// Planes of a run.
        run_planes: u32,
        /// Lanes of a run in each of its planes.
        run_lanes: u32,
        /// Runs along a plane.
        runs_x: u32,
        /// Parts of a channel.
        parts: u32,
        /// Added to the variance.
        eps: f32,
        /// Weight of the batch in the running statistics.
        momentum: f32,
        /// `1 - momentum`, rounded once.
        keep: f32,
    }
}

const EVAL: &str = include_str!("../../../shaders/batch_norm.wgsl");
const TRAIN_MOMENTS: &str = include_str!("../../../shaders/batch_norm_moments.wgsl");
const TRAIN_NORMALIZE: &str = include_str!("../../../shaders/batch_norm_normalize.wgsl");

pub(in crate::ops) const KERNELS: [Kernel; 3] = [
    Kernel::new("batch_norm", EVAL, Params::FIELDS).with("", &[PLANES, RECTIFIED, STORAGE]),
    Kernel::new("batch_norm_moments", TRAIN_MOMENTS, Params::FIELDS)
        .with("", &[COLUMNS, MOMENTS, STORAGE]),
    Kernel::new("batch_norm_normalize", TRAIN_NORMALIZE, Params::FIELDS)
        .with("", &[PLANES, MOMENTS, RECTIFIED, STORAGE]),
];

params! {
    /// Parameters of the kernel that makes a table of affine functions.
    AffineParams {
        /// C.
        channels: u32,
        /// Added to the variance.
        eps: f32,
    }
}

pub(in crate::ops) const AFFINE_KERNELS: [Kernel; 1] = [Kernel::new(
    "batch_norm_affine",
    include_str!("../../../shaders/batch_norm_affine.wgsl"),
    AffineParams::FIELDS,
)];

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
struct Partition {
    /// C.
    channels: usize,
    /// N, planes of the channel.
    batch: usize,
    /// Elements of a plane.
    plane: usize,
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
    run_planes: usize,
    run_lanes: usize,
    runs_x: usize,
    runs_y: usize,
}

impl Partition {
    /// `binding`: the most bytes of one. A part touches a quarter of that at most, which changes no partition of a tensor that
    /// fits one.
    fn of(x: &TensorType, binding: u64) -> Self {
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
    const fn parts(&self) -> usize {
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

    const fn threads(&self) -> Threads {
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
    fn moments_constants(&self) -> [(&'static str, f64); 2] {
        [("ALONG_BATCH", self.along_batch()), ("EDGES", self.edges())]
            .map(|(name, flag)| (name, f64::from(u8::from(flag))))
    }

    /// Whether a thread transforms whole planes.
    const fn is_small(&self) -> bool {
        self.lanes <= SMALL
    }

    /// `override`s of the kernels that transform planes.
    fn plane_constants(&self) -> [(&'static str, f64); 4] {
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
    fn span(
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
    fn transformed(&self, [x, channels, pictures]: &Block) -> [Range<usize>; 2] {
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
    fn reduced(&self, [x, _, channels]: &Block) -> Range<usize> {
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
    fn plane_threads(&self) -> Threads {
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

#[expect(
    clippy::cast_possible_truncation,
    reason = "the kernels compute in f32"
)]
fn params(layer: &BatchNorm, momentum: f64, x: &TensorType, partition: &Partition) -> Params {
    Params {
        start: Start::default(),
        channels: word(x.shape[1]),
        batch: word(partition.batch),
        plane: word(partition.plane),
        run_planes: word(partition.run_planes),
        run_lanes: word(partition.run_lanes),
        runs_x: word(partition.runs_x),
        parts: word(partition.parts()),
        eps: layer.eps as f32,
        momentum: momentum as f32,
        keep: (1.0 - momentum) as f32,
    }
}

/// Slots of weight and bias, of which `given` are there: the identity for one that is absent.
fn weight_and_bias(
    layer: &BatchNorm,
    lowering: &mut Lowering<'_>,
    given: &[SlotId],
    channels: usize,
) -> [SlotId; 2] {
    let mut given = given.iter().copied();
    let mut slot = |present: bool, label, value: f32| {
        let given = if present { given.next() } else { None };
        given.unwrap_or_else(|| lowering.table(label, &vec![value; channels]))
    };
    [
        slot(layer.has_weight, "no weight", 1.0),
        slot(layer.has_bias, "no bias", 0.0),
    ]
}

/// The table of the affine functions that a layer in evaluation is, for its own kernel or one that does it on its way in or
/// out. `inputs`: those of the layer behind the first.
pub(crate) fn affine_table(
    layer: &BatchNorm,
    lowering: &mut Lowering<'_>,
    inputs: &[SlotId],
    channels: usize,
) -> SlotId {
    let [weight, bias] = weight_and_bias(layer, lowering, &inputs[2..], channels);
    let table = lowering.scratch("affine functions", channels * 16);
    let params = AffineParams {
        start: Start::default(),
        channels: word(channels),
        #[expect(clippy::cast_possible_truncation, reason = "kernels compute in f32")]
        eps: layer.eps as f32,
    };
    lowering.launch(&Launch {
        kernel: &AFFINE_KERNELS[0],
        constants: &[],
        params: bytemuck::bytes_of(&params),
        reads: &[inputs[0], inputs[1], weight, bias],
        writes: &[table],
        threads: Threads {
            count: [channels, 1, 1],
            workgroup: [64, 1, 1],
        },
        operations: 0,
        touches: None,
    });
    table
}

pub(super) fn eval(layer: &BatchNorm, lowering: &mut Lowering<'_>) {
    let x = lowering.inputs[0];
    let partition = Partition::of(x, lowering.binding());
    let reads = lowering.reads.clone();
    let table = affine_table(layer, lowering, &reads[1..], x.shape[1]);
    let params = params(layer, 0.0, x, &partition);
    let ways = lowering.ways();
    let constants = partition.plane_constants();
    let writes = lowering.writes.clone();
    lowering.launch(&Launch {
        kernel: &KERNELS[0],
        constants: &[&constants[..], &[half(x.dtype)], &ways.constants].concat(),
        params: bytemuck::bytes_of(&params),
        reads: &[reads[0], table, ways.skip],
        writes: &writes,
        threads: partition.plane_threads(),
        operations: 0,
        touches: Some(Touches {
            bytes: &|block| partition.transformed(block),
            like_y: if ways.skips { &[2] } else { &[] },
        }),
    });
}

pub(super) fn train(layer: &BatchNorm, momentum: f64, lowering: &mut Lowering<'_>) {
    let x = lowering.inputs[0];
    let channels = x.shape[1];
    let partition = Partition::of(x, lowering.binding());
    let (reads, writes) = (lowering.reads.clone(), lowering.writes.clone());
    let [weight, bias] = weight_and_bias(layer, lowering, &reads[4..], channels);
    let params = params(layer, momentum, x, &partition);
    let params = bytemuck::bytes_of(&params);
    let partials = channels * (partition.parts() + 1);
    let partials = lowering.scratch("partial moments", partials * 16);
    let [along_batch, edges] = partition.moments_constants();
    let moments = |pass: &'static str,
                   bytes: &dyn Fn(&Block) -> [Range<usize>; 2],
                   lowering: &mut Lowering<'_>| {
        let pass = (!pass.is_empty()).then_some((pass, 1.0));
        let constants = [half(x.dtype), along_batch, edges].into_iter().chain(pass);
        lowering.launch(&Launch {
            kernel: &KERNELS[1],
            constants: &constants.collect::<Vec<_>>(),
            params,
            reads: &[reads[0], reads[1], reads[2], reads[3], weight, bias],
            writes: &[writes[3], partials],
            threads: partition.threads(),
            operations: 0,
            touches: Some(Touches { bytes, like_y: &[] }),
        });
    };
    let all = 0..16;
    let reduced = |block: &Block| [partition.reduced(block), all.clone()];
    if lowering.fits(x.bytes()) {
        moments("", &reduced, lowering);
    } else {
        // The first elements of the channels are not in the slice of every part.
        let first = |[_, _, channels]: &Block| {
            [partition.span(0..1, channels.clone(), [0, 0]), all.clone()]
        };
        moments("PIVOTS", &first, lowering);
        moments("GIVEN", &reduced, lowering);
    }
    let ways = lowering.ways();
    let constants = partition.plane_constants();
    let shared = ("SHARED", f64::from(u8::from(!partition.is_small())));
    let Threads { count, workgroup } = partition.plane_threads();
    lowering.launch(&Launch {
        kernel: &KERNELS[2],
        constants: &[&constants[..], &[half(x.dtype), shared], &ways.constants].concat(),
        params,
        reads: &[reads[0], partials, ways.skip],
        writes: &[writes[0], writes[1], writes[2]],
        // Without a picture there are statistics still.
        threads: Threads {
            count: count.map(|threads| threads.max(1)),
            workgroup,
        },
        operations: 0,
        touches: Some(Touches {
            bytes: &|block| partition.transformed(block),
            like_y: if ways.skips { &[2] } else { &[] },
        }),
    });
}
