//! Dispatches of batch normalisation: in evaluation a table that lasts as long as the statistics, and one. In training two, and
//! one between them where parts are many; where another kernel has made their moments, that one instead of the first.

use super::BatchNorm;
use super::partition::Partition;
use super::planes::Sharing;
use crate::kernel::{Kernel, MOMENTS, RECTIFIED, STORAGE, Start, WAY_OUT_LANES, half, params};
use crate::ops::window::word;
use crate::plan::{Block, Launch, Lowering, SlotId, Threads, Touches};
use crate::tensor::TensorType;
use std::ops::Range;

const COLUMNS: &str = include_str!("../../../shaders/helpers/columns.wgsl");
const PLANES: &str = include_str!("../../../shaders/helpers/planes.wgsl");

params! {
    /// Parameters of all batch norm kernels.
    Params {
        /// C.
        channels: u32,
        /// N, or pictures as the last pass counts them.
        batch: u32,
        /// Elements of one plane.
        plane: u32,
        /// Lanes of a picture, or of all where pictures begin within lanes.
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

pub(in crate::ops) const KERNELS: [Kernel; 3] = [
    Kernel::new("batch_norm", EVAL, Params::FIELDS)
        .with("", &[PLANES, WAY_OUT_LANES, RECTIFIED, STORAGE]),
    Kernel::new("batch_norm_moments", TRAIN_MOMENTS, Params::FIELDS)
        .with("", &[COLUMNS, MOMENTS, STORAGE]),
    Kernel::new("batch_norm_normalize", TRAIN_NORMALIZE, Params::FIELDS)
        .with("", &[PLANES, MOMENTS, WAY_OUT_LANES, RECTIFIED, STORAGE]),
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

params! {
    /// Parameters of the kernel that merges the moments of parts.
    MergeParams {
        /// C.
        channels: u32,
        /// Parts of a channel.
        parts: u32,
    }
}

pub(in crate::ops) const MERGE_KERNELS: [Kernel; 1] = [Kernel::new(
    "batch_norm_merge",
    include_str!("../../../shaders/batch_norm_merge.wgsl"),
    MergeParams::FIELDS,
)
.with("", &[MOMENTS])];

#[expect(
    clippy::cast_possible_truncation,
    reason = "the kernels compute in f32"
)]
fn params(layer: &BatchNorm, momentum: f64, x: &TensorType, partition: &Partition) -> Params {
    Params {
        start: Start::default(),
        channels: word(x.shape[1]),
        batch: word(partition.planes.batch),
        plane: word(partition.planes.plane),
        lanes: word(partition.planes.pictures().0),
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
    let partition = Partition::of(x, lowering.binding(), Sharing::of(lowering, false));
    let reads = lowering.reads.clone();
    let table = affine_table(layer, lowering, &reads[1..], x.shape[1]);
    let mut params = params(layer, 0.0, x, &partition);
    params.batch = word(partition.planes.pictures().1);
    let ways = lowering.ways();
    let constants = partition.planes.constants();
    let writes = lowering.writes.clone();
    lowering.launch(&Launch {
        kernel: &KERNELS[0],
        constants: &[&constants[..], &[half(x.dtype)], &ways.constants].concat(),
        params: bytemuck::bytes_of(&params),
        reads: &[reads[0], table, ways.skip],
        writes: &writes,
        threads: partition.planes.threads(),
        operations: 0,
        touches: Some(Touches {
            bytes: &|block| partition.planes.transformed(block),
            like_y: if ways.skips { &[2] } else { &[] },
            weights: None,
        }),
    });
}

/// What the first pass in training reads besides the input, in the order of its bindings.
struct Given([SlotId; 5]);

/// The moments of the channels from those of their parts, which the kernel that computes the input has made, or the first pass
/// where parts are many.
fn merge(
    made: SlotId,
    parts: usize,
    given: &Given,
    channels: usize,
    lowering: &mut Lowering<'_>,
) -> SlotId {
    let partials = lowering.scratch("moments", 2 * channels * 16);
    let params = MergeParams {
        start: Start::default(),
        channels: word(channels),
        parts: word(parts),
    };
    let Given([mean, variance, batches, weight, bias]) = *given;
    lowering.launch(&Launch {
        kernel: &MERGE_KERNELS[0],
        constants: &[],
        params: bytemuck::bytes_of(&params),
        reads: &[made, mean, variance, batches, weight, bias],
        writes: &[lowering.writes[3], partials],
        threads: Threads {
            count: [64, 1, channels],
            workgroup: [64, 1, 1],
        },
        operations: 0,
        touches: None,
    });
    partials
}

/// The first pass over the input.
fn reduce(
    x: &TensorType,
    partition: &Partition,
    given: &Given,
    params: &[u8],
    lowering: &mut Lowering<'_>,
) -> SlotId {
    let partials = x.shape[1] * (partition.parts() + 1);
    let partials = lowering.scratch("partial moments", partials * 16);
    let (input, counter) = (lowering.reads[0], lowering.writes[3]);
    let Given([mean, variance, batches, weight, bias]) = *given;
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
            reads: &[input, mean, variance, batches, weight, bias],
            writes: &[counter, partials],
            threads: partition.threads(),
            operations: 0,
            touches: Some(Touches {
                bytes,
                like_y: &[],
                weights: None,
            }),
        });
    };
    let all = 0..16;
    let reduced = |block: &Block| [partition.reduced(block), all.clone()];
    if lowering.fits(x.bytes()) {
        moments("", &reduced, lowering);
    } else {
        // The first elements of the channels are not in the slice of every part.
        let first = |[_, _, channels]: &Block| {
            [
                partition.planes.span(0..1, channels.clone(), [0, 0]),
                all.clone(),
            ]
        };
        moments("PIVOTS", &first, lowering);
        moments("GIVEN", &reduced, lowering);
    }
    partials
}

pub(super) fn train(layer: &BatchNorm, momentum: f64, lowering: &mut Lowering<'_>) {
    let x = lowering.inputs[0];
    let channels = x.shape[1];
    let partition = Partition::of(x, lowering.binding(), Sharing::of(lowering, true));
    let (reads, writes) = (lowering.reads.clone(), lowering.writes.clone());
    let [weight, bias] = weight_and_bias(layer, lowering, &reads[4..], channels);
    let given = Given([reads[1], reads[2], reads[3], weight, bias]);
    let mut params = params(layer, momentum, x, &partition);
    let partials = match lowering.take_moments() {
        Some(made) => {
            params.parts = 1;
            merge(made.slot, made.parts, &given, channels, lowering)
        }
        None => {
            let partials = reduce(x, &partition, &given, bytemuck::bytes_of(&params), lowering);
            if partition.is_merged_apart() {
                params.parts = 1;
                merge(partials, partition.parts(), &given, channels, lowering)
            } else {
                partials
            }
        }
    };
    params.batch = word(partition.planes.pictures().1);
    let ways = lowering.ways();
    let constants = partition.planes.constants();
    let Threads { count, workgroup } = partition.planes.threads();
    lowering.launch(&Launch {
        kernel: &KERNELS[2],
        constants: &[&constants[..], &[half(x.dtype)], &ways.constants].concat(),
        params: bytemuck::bytes_of(&params),
        reads: &[reads[0], partials, ways.skip],
        writes: &[writes[0], writes[1], writes[2], writes[4], writes[5]],
        // Without a picture there are statistics still.
        threads: Threads {
            count: count.map(|threads| threads.max(1)),
            workgroup,
        },
        operations: 0,
        touches: Some(Touches {
            bytes: &|block| partition.planes.transformed(block),
            like_y: if ways.skips { &[2] } else { &[] },
            weights: None,
        }),
    });
}
