//! Dispatches of batch norm.
//!
//! Evaluation is one: each thread makes its channel's scale and walks a plane. Training is three: moments of each part
//! of a channel, merged statistics of the channel and its new running ones, normalisation.

use super::BatchNorm;
use crate::kernel::{Kernel, SCALAR, VEC4, params};
use crate::ops::window::word;
use crate::plan::{Launch, Lowering, SlotId, Threads};
use crate::tensor::TensorType;

const MOMENTS: &str = include_str!("../../../shaders/helpers/moments.wgsl");
const MOMENTS_VEC4: &str = include_str!("../../../shaders/helpers/moments_vec4.wgsl");
const MOMENTS_SCALAR: &str = include_str!("../../../shaders/helpers/moments_scalar.wgsl");

params! {
    /// Parameters of all batch norm kernels.
    Params {
        /// C.
        channels: u32,
        /// N.
        batch: u32,
        /// Lanes of one plane.
        lanes: u32,
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
const TRAIN_UPDATE: &str = include_str!("../../../shaders/batch_norm_update.wgsl");

pub(in crate::ops) const KERNELS: [Kernel; 7] = [
    Kernel::new("batch_norm", EVAL, Params::FIELDS).with("vec4", &[VEC4]),
    Kernel::new("batch_norm", EVAL, Params::FIELDS).with("scalar", &[SCALAR]),
    Kernel::new("batch_norm_moments", TRAIN_MOMENTS, Params::FIELDS)
        .with("vec4", &[VEC4, MOMENTS, MOMENTS_VEC4]),
    Kernel::new("batch_norm_moments", TRAIN_MOMENTS, Params::FIELDS)
        .with("scalar", &[SCALAR, MOMENTS, MOMENTS_SCALAR]),
    Kernel::new("batch_norm_normalize", TRAIN_NORMALIZE, Params::FIELDS).with("vec4", &[VEC4]),
    Kernel::new("batch_norm_normalize", TRAIN_NORMALIZE, Params::FIELDS).with("scalar", &[SCALAR]),
    Kernel::new("batch_norm_update", TRAIN_UPDATE, Params::FIELDS).with("moments", &[MOMENTS]),
];

/// Threads of a workgroup that reduces, and so the most parts of a channel: one thread merges one.
const THREADS: usize = 64;
/// Lanes that a thread loads before it uses the first.
const BLOCK: usize = 4;
/// Workgroups that fill any device: parts are made until there are so many.
const WORKGROUPS: usize = 1024;
/// Most neighbouring lanes that a row of threads reads at a time: 128 bytes, what memory hands out at once.
const ROW: usize = 8;

/// How a channel of N planes is cut into runs, a row of threads each, and the runs into parts, a workgroup each: a
/// function of the shape only, so every device sums in one order.
#[derive(Clone, Copy, Debug)]
struct Partition {
    /// N, planes of the channel.
    batch: usize,
    /// Lanes of a plane.
    lanes: usize,
    /// Elements of a lane: 4 where planes begin on 16-byte boundaries.
    width: usize,
    /// Threads of a row.
    threads_x: usize,
    run_planes: usize,
    run_lanes: usize,
    runs_x: usize,
    runs_y: usize,
}

impl Partition {
    fn of(x: &TensorType) -> Self {
        let (batch, channels) = (x.shape[0], x.shape[1]);
        let plane: usize = x.shape[2..].iter().product();
        let width = if plane.is_multiple_of(4) { 4 } else { 1 };
        let lanes = plane / width;
        let threads_x = lanes.clamp(1, ROW).next_power_of_two();
        // A run gives each thread whole blocks.
        let (block_planes, block_lanes) = if lanes <= threads_x {
            (BLOCK, threads_x)
        } else {
            (1, threads_x * BLOCK)
        };
        let cut = |extent: usize, runs: usize, block: usize| {
            let runs = runs.clamp(1, extent.div_ceil(block).max(1));
            let run = extent.div_ceil(runs).max(1).next_multiple_of(block);
            (run, extent.div_ceil(run).max(1))
        };
        let wanted = (WORKGROUPS / channels).clamp(1, THREADS) * (THREADS / threads_x);
        let (run_planes, runs_y) = cut(batch, wanted, block_planes);
        let (run_lanes, runs_x) = cut(lanes, wanted / runs_y, block_lanes);
        Self {
            batch,
            lanes,
            width,
            threads_x,
            run_planes,
            run_lanes,
            runs_x,
            runs_y,
        }
    }

    /// Rows of a workgroup's threads.
    const fn rows(&self) -> usize {
        THREADS / self.threads_x
    }

    /// At most [`THREADS`].
    const fn parts(&self) -> usize {
        (self.runs_x * self.runs_y).div_ceil(self.rows())
    }

    /// Additions behind one another from an element to the moments of its channel: a block, the blocks of a thread,
    /// the components of a lane, then twice 64 merged in eights: the threads of a workgroup, and the parts.
    const fn depth(&self) -> usize {
        let blocks = if self.lanes <= self.threads_x {
            self.run_planes.div_ceil(BLOCK)
        } else {
            self.run_planes * self.run_lanes.div_ceil(self.threads_x * BLOCK)
        };
        BLOCK + blocks + 2 + 4 * 7
    }

    const fn threads(&self, channels: usize) -> Threads {
        Threads {
            count: [self.parts() * self.threads_x, self.rows(), channels],
            #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
            workgroup: [self.threads_x as u32, self.rows() as u32, 1],
        }
    }

    /// Whether a block goes along the planes of a channel, because a plane has too few lanes for one.
    fn along_batch(&self) -> (&'static str, f64) {
        (
            "ALONG_BATCH",
            f64::from(u8::from(self.lanes <= self.threads_x)),
        )
    }
}

/// Roundings behind one another in the moments of a channel of `x`, for the bound of a check.
pub(crate) fn moments_depth(x: &TensorType) -> usize {
    Partition::of(x).depth()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the kernels compute in f32"
)]
fn params(layer: &BatchNorm, momentum: f64, x: &TensorType, partition: &Partition) -> Params {
    Params {
        origin: [0; 3],
        channels: word(x.shape[1]),
        batch: word(partition.batch),
        lanes: word(partition.lanes),
        run_planes: word(partition.run_planes),
        run_lanes: word(partition.run_lanes),
        runs_x: word(partition.runs_x),
        parts: word(partition.parts()),
        eps: layer.eps as f32,
        momentum: momentum as f32,
        keep: (1.0 - momentum) as f32,
    }
}

/// Slots of weight and bias, the identity for one that is absent.
fn affine(layer: &BatchNorm, lowering: &mut Lowering<'_>, behind: usize) -> [SlotId; 2] {
    let channels = lowering.inputs[0].shape[1];
    let mut given = lowering.reads.clone().into_iter().skip(behind);
    let mut slot = |present: bool, label, value: f32| {
        let given = if present { given.next() } else { None };
        given.unwrap_or_else(|| lowering.table(label, &vec![value; channels]))
    };
    [
        slot(layer.has_weight, "no weight", 1.0),
        slot(layer.has_bias, "no bias", 0.0),
    ]
}

const fn kernel(index: usize, partition: &Partition) -> &'static Kernel {
    if partition.width == 4 {
        &KERNELS[index]
    } else {
        &KERNELS[index + 1]
    }
}

pub(super) fn eval(layer: &BatchNorm, lowering: &mut Lowering<'_>) {
    let x = lowering.inputs[0];
    let partition = Partition::of(x);
    let [weight, bias] = affine(layer, lowering, 3);
    let params = params(layer, 0.0, x, &partition);
    let reads = [
        lowering.reads[0],
        lowering.reads[1],
        lowering.reads[2],
        weight,
        bias,
    ];
    let writes = lowering.writes.clone();
    lowering.launch(&Launch {
        kernel: kernel(0, &partition),
        constants: &[],
        params: bytemuck::bytes_of(&params),
        reads: &reads,
        writes: &writes,
        threads: plane_threads(&partition, x.shape[1]),
    });
}

pub(super) fn train(layer: &BatchNorm, momentum: f64, lowering: &mut Lowering<'_>) {
    let x = lowering.inputs[0];
    let channels = x.shape[1];
    let partition = Partition::of(x);
    let [weight, bias] = affine(layer, lowering, 4);
    let params = params(layer, momentum, x, &partition);
    let params = bytemuck::bytes_of(&params);
    let partials = lowering.scratch("partial moments", channels * partition.parts() * 16);
    let statistics = lowering.scratch("statistics", channels * 16);
    let (reads, writes) = (lowering.reads.clone(), lowering.writes.clone());
    lowering.launch(&Launch {
        kernel: kernel(2, &partition),
        constants: &[partition.along_batch()],
        params,
        reads: &[reads[0]],
        writes: &[partials],
        threads: partition.threads(channels),
    });
    lowering.launch(&Launch {
        kernel: &KERNELS[6],
        constants: &[],
        params,
        reads: &[partials, reads[1], reads[2], reads[3]],
        writes: &[writes[1], writes[2], writes[3], statistics],
        threads: Threads {
            count: [THREADS, 1, channels],
            workgroup: [64, 1, 1],
        },
    });
    lowering.launch(&Launch {
        kernel: kernel(4, &partition),
        constants: &[],
        params,
        reads: &[reads[0], statistics, weight, bias],
        writes: &writes[..1],
        threads: plane_threads(&partition, channels),
    });
}

/// Threads that walk the planes: each takes a few lanes of one.
fn plane_threads(partition: &Partition, channels: usize) -> Threads {
    Threads::fitted([partition.lanes.div_ceil(BLOCK), channels, partition.batch])
}
