//! Dispatches of batch normalisation: in evaluation a table that lasts as long as the statistics, and one. In training two, and
//! one between them where parts are many; where another kernel has made their moments, that one instead of the first; where another
//! one normalises, a table instead of the second.

use super::BatchNorm;
use super::partition::Partition;
use crate::kernel::{
    ENTERED, FUNCTIONS, Kernel, MOMENTS, PLANES, RECTIFIED, STORAGE, Start, WAY_OUT_LANES, half,
    params,
};
use crate::ops::concat::Rows;
use crate::ops::elementwise;
use crate::ops::planes::Sharing;
use crate::ops::window::word;
use crate::plan::{Block, Launch, Lowering, SlotId, Threads, Touches};
use crate::tensor::{DType, TensorType};
use std::ops::Range;

/// The moments of a channel of the batch from those of its parts; with [`MOMENTS`].
const BATCH_MOMENTS: &str = include_str!("../../../shaders/helpers/batch_moments.wgsl");
const COLUMNS: &str = include_str!("../../../shaders/helpers/columns.wgsl");

params! {
    /// Parameters of the kernels of training.
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

const TRAIN_MOMENTS: &str = include_str!("../../../shaders/batch_norm_moments.wgsl");
const TRAIN_NORMALIZE: &str = include_str!("../../../shaders/batch_norm_normalize.wgsl");

pub(in crate::ops) const KERNELS: [Kernel; 1] = elementwise::kernel(
    "batch_norm",
    include_str!("../../../shaders/batch_norm.wgsl"),
);

pub(in crate::ops) const TRAIN_KERNELS: [Kernel; 2] = [
    Kernel::new("batch_norm_moments", TRAIN_MOMENTS, Params::FIELDS)
        .with("", &[COLUMNS, MOMENTS, ENTERED, RECTIFIED, STORAGE]),
    Kernel::new("batch_norm_normalize", TRAIN_NORMALIZE, Params::FIELDS).with(
        "",
        &[
            PLANES,
            FUNCTIONS,
            MOMENTS,
            BATCH_MOMENTS,
            WAY_OUT_LANES,
            RECTIFIED,
            STORAGE,
        ],
    ),
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
    /// Parameters of the kernel that makes the table of the batch.
    StatisticsParams {
        /// C.
        channels: u32,
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

pub(in crate::ops) const STATISTICS_KERNELS: [Kernel; 1] = [Kernel::new(
    "batch_norm_statistics",
    include_str!("../../../shaders/batch_norm_statistics.wgsl"),
    StatisticsParams::FIELDS,
)
.with("", &[MOMENTS, BATCH_MOMENTS])];

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
    let channels = lowering.inputs[0].shape[1];
    let state = lowering.reads[1..].to_vec();
    let table = affine_table(layer, lowering, &state, channels);
    elementwise::lower(&KERNELS[0], None, Some(table), lowering);
}

/// What the first pass in training reads besides the input, in the order of its bindings, and what is on the way in.
struct Given {
    slots: [SlotId; 5],
    /// Vectors of four that a channel has behind its partial moments: the state and, where one is on the way in, an affine
    /// function.
    vectors: usize,
    /// `override`s of the way in.
    entry: Vec<(&'static str, f64)>,
}

/// The weight and, behind it, the affine functions on the way in: the first pass has no binding left for these.
fn with_entries(
    weight: SlotId,
    entries: SlotId,
    channels: usize,
    lowering: &mut Lowering<'_>,
) -> SlotId {
    let all = lowering.scratch("weight and affine functions", channels * 20);
    let nothing = lowering.no_ways();
    let mut base = 0;
    for (slot, elements) in [(weight, channels), (entries, 4 * channels)] {
        let rows = Rows {
            count: 1,
            planes: 1,
            channel: 0,
            elements,
            from: (0, elements),
            to: (base, 5 * channels),
            dtype: DType::F32,
        };
        rows.launch([slot, all], &nothing, lowering);
        base += elements;
    }
    all
}

/// The moments of the channels from those of their parts, which the kernel that computes the input has made, or the first pass
/// where parts are many.
fn merge(
    made: SlotId,
    parts: usize,
    given: &Given,
    channels: usize,
    lowering: &mut Lowering<'_>,
) -> SlotId {
    let partials = lowering.scratch("moments", (1 + given.vectors) * channels * 16);
    let params = MergeParams {
        start: Start::default(),
        channels: word(channels),
        parts: word(parts),
    };
    let [mean, variance, batches, weight, bias] = given.slots;
    let entry = ("IN_AFFINE", f64::from(u8::from(given.vectors > 1)));
    lowering.launch(&Launch {
        kernel: &MERGE_KERNELS[0],
        constants: &[entry],
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
    let partials = x.shape[1] * (partition.parts() + given.vectors);
    let partials = lowering.scratch("partial moments", partials * 16);
    let (input, counter) = (lowering.reads[0], lowering.writes[3]);
    let [mean, variance, batches, weight, bias] = given.slots;
    let [along_batch, edges] = partition.moments_constants();
    let moments = |pass: &'static str,
                   bytes: &dyn Fn(&Block) -> [Range<usize>; 2],
                   lowering: &mut Lowering<'_>| {
        let pass = (!pass.is_empty()).then_some((pass, 1.0));
        let entry = given.entry.iter().copied();
        let constants = [half(x.dtype), along_batch, edges].into_iter();
        let constants = constants.chain(entry).chain(pass);
        lowering.launch(&Launch {
            kernel: &TRAIN_KERNELS[0],
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
    if lowering.fits_whole(x.bytes()) {
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

/// The second pass without a pass over the input: another kernel normalises on its way in.
fn statistics(params: &Params, partials: SlotId, lowering: &mut Lowering<'_>) {
    let channels = lowering.inputs[0].shape[1];
    let params = StatisticsParams {
        start: Start::default(),
        channels: params.channels,
        parts: params.parts,
        eps: params.eps,
        momentum: params.momentum,
        keep: params.keep,
    };
    let [table, mean, variance, _, saved_mean, saved_invstd] = lowering.writes[..] else {
        unreachable!("the outputs of a batch norm in training");
    };
    lowering.launch(&Launch {
        kernel: &STATISTICS_KERNELS[0],
        constants: &[],
        params: bytemuck::bytes_of(&params),
        reads: &[partials],
        writes: &[table, mean, variance, saved_mean, saved_invstd],
        threads: Threads {
            count: [channels, 1, 1],
            workgroup: [64, 1, 1],
        },
        operations: 0,
        touches: None,
    });
}

pub(super) fn train(layer: &BatchNorm, momentum: f64, lowering: &mut Lowering<'_>) {
    let x = lowering.inputs[0];
    let channels = x.shape[1];
    let partition = Partition::of(x, lowering.binding(), Sharing::of(lowering, true));
    let (reads, writes) = (lowering.reads.clone(), lowering.writes.clone());
    let ways = lowering.ways();
    let [mut weight, bias] = weight_and_bias(layer, lowering, &reads[4..], channels);
    let is_affine = ways.are_affine();
    if is_affine {
        weight = with_entries(weight, ways.way_in, channels, lowering);
    }
    let of_way_in = |(name, _): &&(&str, _)| name.starts_with("IN_");
    let given = Given {
        slots: [reads[1], reads[2], reads[3], weight, bias],
        vectors: 1 + usize::from(is_affine),
        entry: ways.constants.iter().filter(of_way_in).copied().collect(),
    };
    let mut params = params(layer, momentum, x, &partition);
    // Those that a kernel has made are of what it computes.
    let made = given.entry.is_empty().then(|| lowering.take_moments());
    let partials = match made.flatten() {
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
    if lowering.fused.table {
        return statistics(&params, partials, lowering);
    }
    params.batch = word(partition.planes.pictures().1);
    let constants = partition.planes.constants();
    let Threads { count, workgroup } = partition.planes.threads();
    lowering.launch(&Launch {
        kernel: &TRAIN_KERNELS[1],
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
