//! Bytes that the plans of the cases of fusion move, by formulas.

use super::fusion::{kernels, moved};
use super::{plan, plan_of_cpu};
use std::ops::{Add, Mul};
use wgcnn::cases::{find, named};
use wgcnn::{DType, Result};

/// Bytes that a plan moves: of values of the case's type, and of those that are f32 or u32, or f16, in every case.
#[derive(Clone, Copy, Default)]
pub(super) struct Bytes {
    values: u64,
    words: u64,
    halves: u64,
}

impl Bytes {
    pub(super) fn of(self, dtype: DType) -> u64 {
        dtype.bytes() as u64 * self.values + 4 * self.words + 2 * self.halves
    }
}

impl Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            values: self.values + other.values,
            words: self.words + other.words,
            halves: self.halves + other.halves,
        }
    }
}

impl Mul<Bytes> for u64 {
    type Output = Bytes;
    fn mul(self, bytes: Bytes) -> Bytes {
        Bytes {
            values: self * bytes.values,
            words: self * bytes.words,
            halves: self * bytes.halves,
        }
    }
}

/// A tensor of the case's type.
pub(super) fn values<const RANK: usize>(shape: [u64; RANK]) -> Bytes {
    let values = shape.iter().product();
    Bytes {
        values,
        ..Bytes::default()
    }
}

/// A tensor of f32 or u32 in every case.
pub(super) fn words<const RANK: usize>(shape: [u64; RANK]) -> Bytes {
    let words = shape.iter().product();
    Bytes {
        words,
        ..Bytes::default()
    }
}

/// A tensor of f16 in every case.
fn halves<const RANK: usize>(shape: [u64; RANK]) -> Bytes {
    let halves = shape.iter().product();
    Bytes {
        halves,
        ..Bytes::default()
    }
}

/// Bytes moved for the affine functions of this many channels: four vectors read, a table of four written, and read.
pub(super) fn affine(channels: u64) -> Bytes {
    3 * words([channels, 4])
}

/// Bytes moved for the filters: read, packed in tiles of this many, read.
pub(super) fn packed([filters, channels, h, w]: [u64; 4], tile: u64) -> Bytes {
    let tiles = words([filters.next_multiple_of(tile), channels, h, w]);
    values([filters, channels, h, w]) + 2 * tiles
}

/// Bytes of the zeros of an absent bias.
pub(super) fn bias(filters: u64) -> Bytes {
    words([filters])
}

/// Bytes moved for the statistics of a batch, which are cut into so many parts a channel, besides those of what is normalised:
/// the parts written, and read with the state; the new state and what a gradient needs; what the second pass reads.
pub(super) fn statistics(channels: u64, parts: u64) -> Bytes {
    // i64.
    let counter = words([2]);
    let state = words([channels, 4]);
    let of_parts = words([channels, parts, 4]);
    state + counter + of_parts + counter + state + (of_parts + state) + words([channels, 4])
}

/// Bytes moved for the table of a batch norm in training by which another kernel normalises: written, read.
pub(super) fn table(channels: u64) -> Bytes {
    2 * words([channels, 4])
}

/// Bytes moved to place the weight of a batch norm in training and the affine functions on its way in behind one another, and those
/// of the functions behind the parts, written and read.
fn entries(channels: u64) -> Bytes {
    2 * words([channels, 5]) + 2 * words([channels, 4])
}

/// The same where a convolution makes the parts, and a pass merges them into one.
fn made(channels: u64, parts: u64) -> Bytes {
    2 * words([channels, parts, 4]) + statistics(channels, 1)
}

/// Bytes of the filters of 3x3 and the bias of a depthwise convolution of so many channels.
fn depthwise(channels: u64) -> Bytes {
    values([channels, 9]) + bias(channels)
}

/// The tables of a nearest-neighbour interpolation to so many rows and columns: of columns, by eights, of rows and slices.
pub(super) fn nearest(rows: u64, columns: u64) -> Bytes {
    words([columns]) + words([rows + 1])
}

/// Those of one that doubles rows to so many columns: none where these are whole lanes; where they are less than one, those of a
/// kernel that takes eight at a time.
pub(super) fn doubled(rows: u64, columns: u64, dtype: DType) -> Bytes {
    match columns * if dtype == DType::F16 { 2 } else { 4 } {
        row if row % 16 == 0 => words([0]),
        row if row < 16 => nearest(rows, columns.next_multiple_of(8)),
        _ => nearest(rows, columns),
    }
}

/// A case, the kernels that are left of it, and the bytes that they move.
type Row = (&'static str, &'static [&'static str], Bytes);

/// Parts of a channel whose moments a batch norm in training makes, in two pictures: of nine rows of eleven, of twelve of 16.
fn rows([parts, of_aligned]: [u64; 2]) -> Vec<Row> {
    // Its inputs are variables: it is of the prologue, which goes first. The filters are inputs in these cases.
    const TABLE: &str = "batch_norm_affine";
    const MOMENTS: &str = "batch_norm_moments";
    const STATISTICS: &str = "batch_norm_statistics";
    const PACKED: &[&str] = &[TABLE, "conv_pack", "conv_tile"];
    let aligned = values([2, 3, 12, 16]);
    let unaligned = values([2, 3, 9, 11]);
    let small = values([133, 33, 3, 5]);
    let large = values([8, 64, 112, 112]);
    let tiny = values([3, 5, 1, 3]);
    vec![
        (
            "norm-relu-max_pool",
            &[TABLE, "max_pool"],
            affine(3) + aligned + values([2, 3, 6, 8]),
        ),
        (
            "norm-relu-overlapping",
            &[TABLE, "max_pool"],
            affine(3) + unaligned + values([2, 3, 5, 6]),
        ),
        (
            "norm-max_pool-add-relu-held",
            &[TABLE, "max_pool_planes"],
            affine(33) + small + 2 * values([133, 33, 2, 3]),
        ),
        (
            "relu-avg_pool-norm-add-held",
            &[TABLE, "avg_pool_planes"],
            affine(33) + small + 2 * values([133, 33, 1, 2]),
        ),
        (
            "norm-relu-depthwise-norm-add-relu-held",
            &[TABLE, TABLE, "conv_planes"],
            2 * affine(33) + depthwise(33) + 3 * small,
        ),
        (
            "nearest-norm-add-relu-held",
            &[TABLE, "interpolate_planes"],
            affine(33) + small + 2 * values([133, 33, 6, 10]),
        ),
        (
            "depthwise-train-held",
            &["conv_planes", "batch_norm_moments", "batch_norm_normalize"],
            depthwise(33) + 5 * small + statistics(33, 4),
        ),
        (
            "norm-relu-dilated",
            &[TABLE, "max_pool"],
            affine(3) + values([2, 3, 3, 2]) + values([2, 3, 1, 1]),
        ),
        (
            "relu-max_pool",
            &["max_pool"],
            unaligned + values([2, 3, 4, 5]),
        ),
        (
            "norm-relu-avg_pool",
            &[TABLE, "avg_pool"],
            affine(3) + aligned + values([2, 3, 6, 8]),
        ),
        (
            "max_pool-norm-add-relu",
            &[TABLE, "max_pool"],
            affine(3) + unaligned + 2 * values([2, 3, 4, 5]),
        ),
        (
            "avg_pool-norm-add-relu",
            &[TABLE, "avg_pool"],
            affine(3) + aligned + 2 * values([2, 3, 6, 8]),
        ),
        (
            "conv-norm-add-relu",
            PACKED,
            packed([9, 3, 3, 3], 8) + affine(9) + bias(9) + aligned + 2 * values([2, 9, 12, 16]),
        ),
        (
            "depthwise-norm-relu-pointwise",
            &[
                TABLE,
                TABLE,
                TABLE,
                "conv_depthwise",
                "conv_pack",
                "conv_pointwise",
            ],
            // x, the filters, z; z, y.
            2 * affine(8)
                + values([2, 8, 9, 11])
                + values([8, 9])
                + bias(8)
                + 2 * values([2, 8, 9, 11])
                + packed([16, 8, 1, 1], 8)
                + affine(16)
                + bias(16)
                + values([2, 16, 9, 11]),
        ),
        (
            "norm-relu-long",
            &[TABLE, TABLE, "conv"],
            2 * affine(2) + values([2, 2, 9, 9]) + bias(2) + 3 * values([1, 2, 9, 45]),
        ),
        (
            "norm-add-relu",
            &[TABLE, "add"],
            affine(9) + 3 * values([2, 9, 3]),
        ),
        (
            "nearest-norm-add-relu",
            &[TABLE, "interpolate"],
            affine(3) + 3 * unaligned + nearest(9, 16),
        ),
        (
            "nearest-conv",
            &[TABLE, TABLE, "conv_pack", "conv_tile"],
            packed([5, 3, 3, 3], 8)
                + affine(3)
                + affine(5)
                + bias(5)
                + aligned
                + values([2, 5, 24, 32]),
        ),
        (
            "nearest-conv-few-rows",
            &[TABLE, TABLE, "conv_pack", "conv_shared"],
            packed([84, 3, 3, 3], 64)
                + affine(3)
                + affine(84)
                + bias(84)
                + values([1, 3, 45, 43])
                + 2 * values([1, 84, 90, 86]),
        ),
        (
            "norm-relu-conv-few-rows",
            &[TABLE, "conv_pack", "conv_shared"],
            packed([64, 3, 5, 5], 32)
                + affine(6)
                + bias(64)
                + values([1, 6, 64, 64])
                + values([1, 64, 60, 60]),
        ),
        (
            "norm-relu-depthwise-norm-add-relu-whole-held",
            &[TABLE, TABLE, "conv_planes"],
            2 * affine(32) + depthwise(32) + 3 * values([140, 32, 3, 5]),
        ),
        (
            "nearest-conv-rows",
            &[TABLE, TABLE, "conv_pack", "conv_tile"],
            packed([12, 20, 3, 3], 8)
                + affine(20)
                + affine(12)
                + bias(12)
                + values([1, 20, 45, 43])
                + 2 * values([1, 12, 90, 86]),
        ),
        (
            "nearest-norm-add-relu-lanes",
            &[TABLE, "interpolate_lanes"],
            affine(4) + values([2, 4, 8, 11]) + 2 * values([2, 4, 16, 22]),
        ),
        (
            "norm-relu-nearest",
            &[TABLE, "interpolate_each"],
            affine(3) + aligned + values([2, 3, 24, 32]),
        ),
        (
            "norm-nearest-add-relu",
            &[TABLE, "interpolate_each"],
            affine(3) + aligned + 2 * values([2, 3, 24, 32]),
        ),
        (
            "relu-nearest-add",
            &["relu", "interpolate_each"],
            3 * aligned + 2 * values([2, 3, 24, 32]),
        ),
        (
            "nearest-add-lanes",
            &["interpolate_lanes"],
            values([3, 3, 5, 7]) + 2 * values([3, 3, 10, 14]),
        ),
        (
            "nearest-depthwise",
            &["conv_depthwise", "sigmoid"],
            values([2, 8, 9, 11]) + values([8, 9]) + bias(8) + 3 * values([2, 8, 18, 22]),
        ),
        (
            "nearest-3-depthwise",
            &["conv_depthwise", "sigmoid"],
            values([2, 4, 2, 2]) + values([4, 9]) + bias(4) + 3 * values([2, 4, 6, 6]),
        ),
        (
            "nearest-depthwise-wide",
            &["conv_depthwise", "sigmoid"],
            values([2, 8, 9, 11]) + values([8, 25]) + bias(8) + 3 * values([2, 8, 18, 22]),
        ),
        (
            "concat-add-relu",
            &["concat_each"],
            3 * values([2, 7, 5, 7]),
        ),
        ("idle", &["relu", "add"], 4 * values([2, 3, 5, 7])),
        (
            "conv-add-norm-relu",
            &[TABLE, "conv_pack", "conv_tile", "batch_norm"],
            // x, skip, sum; sum, y.
            packed([9, 3, 3, 3], 8) + bias(9) + unaligned + affine(9) + 4 * values([2, 9, 9, 11]),
        ),
        (
            "norm-relu-conv-norm-relu-conv",
            &[
                TABLE,
                TABLE,
                "conv_pack",
                "conv_pointwise",
                "conv_pack",
                "conv_tile",
            ],
            affine(3)
                + aligned
                + packed([5, 3, 1, 1], 8)
                + bias(5)
                + affine(5)
                + 2 * values([2, 5, 12, 16])
                + packed([4, 5, 3, 3], 4)
                + bias(4)
                + values([2, 4, 12, 16]),
        ),
        (
            "strided",
            &[TABLE, TABLE, "conv_pack", "conv_tile"],
            affine(3)
                + affine(5)
                + packed([5, 3, 3, 3], 8)
                + bias(5)
                + aligned
                + values([2, 5, 6, 8]),
        ),
        (
            "train-add-relu",
            &["batch_norm_moments", "batch_norm_normalize"],
            4 * unaligned + statistics(3, parts),
        ),
        (
            "nearest-4x1-conv",
            &[
                "conv_pack",
                "conv_tile",
                "interpolate_each",
                "conv_pack",
                "conv_tile",
            ],
            packed([3, 3, 5, 5], 4)
                + bias(3)
                + unaligned
                + 2 * values([2, 3, 36, 11])
                + nearest(36, 33)
                + 2 * values([2, 3, 36, 33])
                + packed([5, 3, 3, 3], 8)
                + bias(5)
                + values([2, 5, 18, 17]),
        ),
        (
            "nearest-long",
            &["interpolate_each", "conv"],
            values([1, 2, 9, 20]) + 3 * values([1, 2, 18, 40]) + values([2, 2, 33, 33]) + bias(2),
        ),
        (
            "shared",
            &[
                TABLE,
                "conv_pack",
                "conv_tile",
                "batch_norm",
                "add",
                "interpolate_each",
                "conv_pack",
                "conv_tile",
            ],
            // x, conv; conv, norm; norm, conv, sum; sum.
            packed([3, 3, 3, 3], 4)
                + bias(3)
                + affine(3)
                + 8 * values([2, 3, 12, 8])
                + 2 * values([2, 3, 24, 16])
                + packed([4, 3, 3, 3], 4)
                + bias(4)
                + values([2, 4, 24, 16]),
        ),
        (
            "residual",
            &[
                TABLE,
                TABLE,
                TABLE,
                "conv_pack",
                "conv_tile",
                "conv_pack",
                "conv_tile",
                "conv_pack",
                "conv_pointwise",
            ],
            // x, a; a, b; x, b, y.
            3 * (affine(3) + bias(3))
                + 2 * packed([3, 3, 3, 3], 4)
                + packed([3, 3, 1, 1], 4)
                + 7 * values([2, 3, 12, 10]),
        ),
        (
            "depthwise-train",
            &[
                TABLE,
                "conv_depthwise",
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            affine(7) + depthwise(7) + 4 * values([3, 7, 40, 65]) + made(7, 3 * 9),
        ),
        (
            "depthwise-train-wide",
            &[
                TABLE,
                "conv_depthwise",
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            affine(7) + values([7, 25]) + bias(7) + 4 * values([3, 7, 40, 65]) + made(7, 3 * 9),
        ),
        (
            "depthwise-train-many",
            &["conv_depthwise", "batch_norm_merge", "batch_norm_normalize"],
            depthwise(3) + 4 * values([1200, 3, 4, 256]) + made(3, 1200),
        ),
        (
            "depthwise-train-aligned",
            &["conv_depthwise", "batch_norm_merge", "batch_norm_normalize"],
            values([2, 5, 33, 20]) + depthwise(5) + 3 * values([2, 5, 33, 40]) + made(5, 2 * 5),
        ),
        (
            "depthwise-train-few",
            &[
                "conv_depthwise",
                "batch_norm_moments",
                "batch_norm_normalize",
            ],
            depthwise(3) + 5 * unaligned + statistics(3, parts),
        ),
        (
            "depthwise-train-nobody",
            &["batch_norm_moments", "batch_norm_normalize"],
            statistics(3, 1),
        ),
        (
            "conv-train",
            &[
                "conv_pack",
                "conv_tile",
                "batch_norm_moments",
                "batch_norm_normalize",
            ],
            packed([5, 3, 3, 3], 8)
                + bias(5)
                + unaligned
                + 4 * values([2, 5, 9, 11])
                + statistics(5, parts),
        ),
        (
            "conv-train-shared",
            &[
                "conv_pack",
                "conv_shared",
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            packed([24, 3, 3, 3], 32)
                + bias(24)
                + unaligned
                + 3 * values([2, 24, 9, 11])
                + made(24, 2),
        ),
        (
            "conv-norm-add-relu-train",
            &[
                TABLE,
                "conv_pack",
                "conv_shared",
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            affine(70)
                + packed([70, 4, 1, 1], 64)
                + bias(70)
                + values([3, 4, 12, 16])
                + 4 * values([3, 70, 12, 16])
                + made(70, 5),
        ),
        (
            "conv-train-groups",
            &[
                "conv_pack",
                "conv_shared",
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            packed([40, 3, 3, 3], 32)
                + bias(40)
                + values([2, 6, 17, 19])
                + 3 * values([2, 40, 15, 17])
                + made(40, 4),
        ),
        (
            "conv-trains",
            &[
                "conv_pack",
                "conv_shared",
                "batch_norm_merge",
                "batch_norm_normalize",
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            packed([20, 3, 3, 3], 32)
                + values([20])
                + values([2, 3, 24, 40])
                + 5 * values([2, 20, 22, 38])
                + 3 * words([20, 14, 4])
                + 2 * statistics(20, 1),
        ),
        (
            "depthwise-train-behind",
            &[
                TABLE,
                "conv_depthwise",
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            affine(5) + depthwise(5) + 4 * values([2, 5, 33, 20]) + made(5, 2 * 3),
        ),
        (
            "two-trains",
            &[
                "conv_depthwise",
                "batch_norm_merge",
                "batch_norm_normalize",
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            // The moments are written once and read twice; the bias is one of the case's.
            values([2, 3, 24, 40])
                + values([3, 9])
                + values([3])
                + 5 * values([2, 3, 22, 38])
                + 3 * words([3, 2 * 3, 4])
                + 2 * statistics(3, 1),
        ),
        // A batch norm in training that another kernel does on its way in.
        (
            "train-max_pool",
            &[MOMENTS, STATISTICS, "max_pool"],
            2 * aligned + statistics(3, of_aligned) + table(3) + values([2, 3, 6, 8]),
        ),
        (
            "train-relu-avg_pool",
            &[MOMENTS, STATISTICS, "avg_pool"],
            2 * unaligned + statistics(3, parts) + table(3) + values([2, 3, 4, 5]),
        ),
        (
            "train-relu-avg_pool-norm-add-held",
            &[TABLE, MOMENTS, STATISTICS, "avg_pool_planes"],
            affine(33) + 2 * small + statistics(33, 4) + table(33) + 2 * values([133, 33, 1, 2]),
        ),
        (
            "train-relu-conv",
            &[MOMENTS, STATISTICS, "conv_pack", "conv_tile"],
            packed([5, 3, 3, 3], 8)
                + bias(5)
                + 2 * aligned
                + statistics(3, of_aligned)
                + table(3)
                + values([2, 5, 12, 16]),
        ),
        (
            "train-relu-conv-shared",
            &[
                MOMENTS,
                STATISTICS,
                "conv_pack",
                "conv_shared",
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            packed([24, 3, 1, 1], 32)
                + bias(24)
                + 2 * unaligned
                + statistics(3, parts)
                + table(3)
                + 3 * values([2, 24, 9, 11])
                + made(24, 2),
        ),
        (
            "train-relu-depthwise",
            &[MOMENTS, STATISTICS, "conv_depthwise"],
            depthwise(3) + 3 * aligned + statistics(3, of_aligned) + table(3),
        ),
        (
            "depthwise-train-relu-max_pool",
            &["conv_depthwise", "batch_norm_merge", STATISTICS, "max_pool"],
            depthwise(7)
                + 3 * values([3, 7, 40, 65])
                + made(7, 3 * 9)
                + table(7)
                + values([3, 7, 20, 32]),
        ),
        (
            "train-relu-max_pool-many-parts",
            &[MOMENTS, "batch_norm_merge", STATISTICS, "max_pool"],
            // What is merged is written and read once more, and the state with it.
            2 * values([2, 2, 560, 900])
                + statistics(2, 1)
                + 2 * words([2, 99, 4])
                + 2 * words([2])
                + 3 * words([2, 4])
                + table(2)
                + values([2, 2, 280, 450]),
        ),
        (
            "train-sigmoid-add",
            &[MOMENTS, STATISTICS, "sigmoid"],
            4 * unaligned + statistics(3, parts) + table(3),
        ),
        (
            "train-relu-narrow",
            &[MOMENTS, STATISTICS, "cast_planes"],
            2 * values([1, 9, 17, 19]) + statistics(9, 1) + table(9) + halves([1, 9, 17, 19]),
        ),
        (
            "train-relu-concat",
            &[MOMENTS, STATISTICS, "concat", "concat"],
            2 * aligned
                + statistics(3, of_aligned)
                + table(3)
                + values([2, 2, 12, 16])
                + values([2, 5, 12, 16]),
        ),
        (
            "train-relu-train-add",
            &[
                MOMENTS,
                STATISTICS,
                "concat",
                "concat",
                MOMENTS,
                "batch_norm_normalize",
            ],
            5 * unaligned + 2 * statistics(3, parts) + table(3) + entries(3),
        ),
        (
            "train-relu-train-many-parts",
            &[
                MOMENTS,
                "batch_norm_merge",
                STATISTICS,
                "concat",
                "concat",
                MOMENTS,
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            // The second one has functions with its state.
            4 * values([2, 2, 560, 900])
                + 2 * statistics(2, 1)
                + 4 * words([2, 99, 4])
                + 4 * words([2])
                + 9 * words([2, 4])
                + table(2)
                + entries(2),
        ),
        (
            "train-max_pool-nobody",
            &[MOMENTS, STATISTICS],
            statistics(3, parts) + words([3, 4]),
        ),
        (
            "train-max_pool-flat",
            &[MOMENTS, STATISTICS, "max_pool"],
            3 * values([9, 8, 1, 1]) + statistics(8, 1) + table(8),
        ),
        (
            "train-max_pool-far",
            &[MOMENTS, STATISTICS, "max_pool"],
            2 * unaligned + statistics(3, parts) + table(3) + values([2, 3, 4, 5]),
        ),
        (
            "large_train-relu-max_pool",
            &[MOMENTS, STATISTICS, "max_pool"],
            2 * large + statistics(64, 4) + table(64) + values([8, 64, 56, 56]),
        ),
        // On both ways of what computes each element: the next three times, of planes of lanes, of others, of less than one.
        (
            "norm-relu-sigmoid-norm-add-relu",
            &[TABLE, TABLE, "sigmoid"],
            2 * affine(3) + 3 * aligned,
        ),
        (
            "norm-relu-second-norm-relu",
            &[TABLE, TABLE, "add"],
            2 * affine(3) + 3 * aligned,
        ),
        (
            "norm-relu-train-add",
            &[
                TABLE,
                "concat",
                "concat",
                "batch_norm_moments",
                "batch_norm_normalize",
            ],
            affine(3) + entries(3) + 4 * aligned + statistics(3, of_aligned),
        ),
        (
            "norm-relu-sigmoid-norm-add-relu-odd",
            &[TABLE, TABLE, "sigmoid"],
            2 * affine(3) + 3 * unaligned,
        ),
        (
            "norm-relu-second-norm-relu-odd",
            &[TABLE, TABLE, "add"],
            2 * affine(3) + 3 * unaligned,
        ),
        (
            "norm-relu-train-add-odd",
            &[
                TABLE,
                "concat",
                "concat",
                "batch_norm_moments",
                "batch_norm_normalize",
            ],
            affine(3) + entries(3) + 4 * unaligned + statistics(3, parts),
        ),
        (
            "norm-relu-sigmoid-norm-add-relu-small",
            &[TABLE, TABLE, "sigmoid"],
            2 * affine(5) + 3 * tiny,
        ),
        (
            "norm-relu-second-norm-relu-small",
            &[TABLE, TABLE, "add"],
            2 * affine(5) + 3 * tiny,
        ),
        (
            "norm-relu-train-add-small",
            &[
                TABLE,
                "concat",
                "concat",
                "batch_norm_moments",
                "batch_norm_normalize",
            ],
            affine(5) + entries(5) + 4 * tiny + statistics(5, 1),
        ),
        (
            "norm-relu-narrow-add",
            &[TABLE, "cast_planes"],
            affine(3) + words([2, 3, 12, 16]) + 2 * halves([2, 3, 12, 16]),
        ),
        (
            "norm-relu-widen-add",
            &[TABLE, "cast_planes"],
            affine(3) + halves([2, 3, 12, 16]) + 2 * words([2, 3, 12, 16]),
        ),
        (
            "concat-norm-add-relu",
            &[TABLE, "concat", "concat"],
            affine(7) + 3 * values([2, 7, 12, 16]),
        ),
        (
            "norm-relu-narrow-add-odd",
            &[TABLE, "cast_planes"],
            affine(3) + words([2, 3, 9, 11]) + 2 * halves([2, 3, 9, 11]),
        ),
        (
            "norm-relu-widen-add-odd",
            &[TABLE, "cast_planes"],
            affine(3) + halves([2, 3, 9, 11]) + 2 * words([2, 3, 9, 11]),
        ),
        (
            "concat-norm-add-relu-odd",
            &[TABLE, "concat", "concat"],
            affine(7) + 3 * values([2, 7, 9, 11]),
        ),
        (
            "norm-relu-narrow-add-small",
            &[TABLE, "cast_planes"],
            affine(5) + words([3, 5, 1, 3]) + 2 * halves([3, 5, 1, 3]),
        ),
        (
            "norm-relu-widen-add-small",
            &[TABLE, "cast_planes"],
            affine(5) + halves([3, 5, 1, 3]) + 2 * words([3, 5, 1, 3]),
        ),
        (
            "concat-norm-add-relu-small",
            &[TABLE, "concat", "concat"],
            affine(9) + 3 * values([3, 9, 1, 3]),
        ),
        (
            "relu-train",
            &["batch_norm_moments", "batch_norm_normalize"],
            3 * unaligned + statistics(3, parts),
        ),
        (
            "norm-relu-train-many-parts",
            &[
                TABLE,
                "concat",
                "concat",
                "batch_norm_moments",
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            // What is merged is written and read once more, and the state and the functions with it.
            affine(2)
                + entries(2)
                + 3 * values([2, 2, 560, 900])
                + statistics(2, 1)
                + 2 * words([2, 99, 4])
                + 2 * words([2])
                + 6 * words([2, 4]),
        ),
        (
            "train-relu-train",
            &[
                "conv_depthwise",
                "batch_norm_merge",
                "batch_norm_normalize",
                "batch_norm_moments",
                "batch_norm_normalize",
            ],
            // x, conv; conv, a; conv, conv, b.
            depthwise(3) + 7 * values([2, 3, 24, 40]) + made(3, 2 * 3) + statistics(3, 1),
        ),
        (
            "norm-concat",
            &[TABLE, "concat", "concat", "concat"],
            affine(9) + 2 * values([2, 15, 12, 16]),
        ),
        (
            "relu-concat",
            &["concat", "concat"],
            2 * values([2, 7, 12, 16]),
        ),
        (
            "norm-concat-odd",
            &[TABLE, "concat", "concat", "concat"],
            affine(9) + 2 * values([2, 15, 9, 11]),
        ),
        (
            "relu-concat-odd",
            &["concat", "concat"],
            2 * values([2, 7, 9, 11]),
        ),
        (
            "norm-concat-small",
            &[TABLE, "concat", "concat", "concat"],
            affine(15) + 2 * values([3, 25, 1, 3]),
        ),
        (
            "relu-concat-small",
            &["concat", "concat"],
            2 * values([3, 9, 1, 3]),
        ),
        (
            "norm-concat-edges",
            &[TABLE, "concat", "concat", "concat"],
            affine(27) + 2 * values([1, 45, 17, 19]),
        ),
        (
            "relu-concat-edges",
            &["concat", "concat"],
            2 * values([1, 13, 17, 19]),
        ),
        (
            "norm-relu-concat-norm-add-relu",
            &[TABLE, TABLE, "concat", "concat", "concat"],
            affine(3) + affine(9) + 3 * values([2, 9, 12, 16]),
        ),
        (
            "norm-relu-concat-norm-add-relu-odd",
            &[TABLE, TABLE, "concat", "concat", "concat"],
            affine(3) + affine(9) + 3 * values([2, 9, 9, 11]),
        ),
        (
            "norm-relu-concat-norm-add-relu-small",
            &[TABLE, TABLE, "concat", "concat", "concat"],
            affine(5) + affine(11) + 3 * values([3, 11, 1, 3]),
        ),
        (
            "norm-relu-concat-norm-add-relu-edges",
            &[TABLE, TABLE, "concat", "concat", "concat"],
            affine(9) + affine(15) + 3 * values([1, 15, 17, 19]),
        ),
        (
            "norm-add-norm-relu",
            &[TABLE, TABLE, "add"],
            2 * affine(3) + 3 * unaligned,
        ),
        (
            "norm-relu-sigmoid-norm-add-relu-edges",
            &[TABLE, TABLE, "sigmoid"],
            2 * affine(9) + 3 * values([1, 9, 17, 19]),
        ),
        (
            "norm-relu-second-norm-relu-edges",
            &[TABLE, TABLE, "add"],
            2 * affine(9) + 3 * values([1, 9, 17, 19]),
        ),
        (
            "norm-relu-train-add-edges",
            &[
                TABLE,
                "concat",
                "concat",
                "batch_norm_moments",
                "batch_norm_normalize",
            ],
            affine(9) + entries(9) + 4 * values([1, 9, 17, 19]) + statistics(9, 1),
        ),
        (
            "norm-relu-narrow-add-edges",
            &[TABLE, "cast_planes"],
            affine(9) + words([1, 9, 17, 19]) + 2 * halves([1, 9, 17, 19]),
        ),
        (
            "norm-relu-widen-add-edges",
            &[TABLE, "cast_planes"],
            affine(9) + halves([1, 9, 17, 19]) + 2 * words([1, 9, 17, 19]),
        ),
        (
            "concat-norm-add-relu-edges",
            &[TABLE, "concat", "concat"],
            affine(13) + 3 * values([1, 13, 17, 19]),
        ),
        (
            "relu-narrow-add",
            &["cast_planes"],
            words([1, 9, 17, 19]) + 2 * halves([1, 9, 17, 19]),
        ),
        (
            "relu-norm-relu",
            &[TABLE, "relu"],
            affine(3) + 2 * unaligned,
        ),
        (
            "norm-relu-norm-add-relu",
            &[TABLE, TABLE, "batch_norm"],
            2 * affine(3) + 3 * unaligned,
        ),
        (
            "copy-norm-add",
            &[TABLE, "batch_norm"],
            affine(3) + 3 * unaligned,
        ),
        ("relu-copy", &["batch_norm"], 2 * unaligned),
        (
            "large_norm-relu-max_pool",
            &[TABLE, "max_pool"],
            affine(64) + large + values([8, 64, 56, 56]),
        ),
        (
            "large_norm-relu-avg_pool",
            &[TABLE, "avg_pool"],
            affine(64) + large + values([8, 64, 56, 56]),
        ),
        (
            "large_conv-norm-add-relu",
            &[TABLE, "conv_pack", "conv_shared"],
            packed([64, 64, 1, 1], 64) + bias(64) + affine(64) + 3 * large,
        ),
        (
            "large_depthwise-train-relu",
            &["conv_depthwise", "batch_norm_merge", "batch_norm_normalize"],
            depthwise(64) + 4 * large + made(64, 8 * 2),
        ),
        (
            "large_nearest-conv",
            &["conv_pack", "conv_shared"],
            packed([32, 32, 3, 3], 32)
                + bias(32)
                + values([2, 32, 56, 56])
                + values([2, 32, 112, 112]),
        ),
    ]
}

/// The same for a type.
fn rows_of(dtype: DType) -> Vec<Row> {
    rows(if dtype == DType::F16 { [2, 3] } else { [4, 1] })
}

#[test]
fn every_case_of_fusion_has_its_bytes() {
    let rows: Vec<_> = rows([0; 2]).into_iter().map(|(name, ..)| name).collect();
    for case in named() {
        // Behind a plus are types and values.
        let name = case.name.split('+').next().unwrap_or_default();
        let name = name.strip_prefix("fusion/");
        let has = name.is_none_or(|name| rows.contains(&name));
        assert!(has, "{}", case.name);
    }
}

#[test]
fn fused_kernels_move_what_goes_in_and_what_comes_out() -> Result<()> {
    for (ending, dtype) in [("", DType::F32), ("+f16", DType::F16)] {
        for (name, left, bytes) in rows_of(dtype) {
            // There are no others of those that change their type, and a concat has no way in where rows of f16 begin within words.
            let has_other = !(name.contains("narrow") || name.contains("widen"));
            let odd = ["-odd", "-small", "-edges"];
            let odd = odd.iter().any(|ending| name.ends_with(ending));
            let begins_at_words = !(name.contains("-concat") && odd);
            if dtype == DType::F16 && !(has_other && begins_at_words) {
                continue;
            }
            let case = find(&format!("fusion/{name}{ending}"))?;
            // Kernels that are for one, and parts of moments, which are as many as its threads.
            let of_cpu = [
                "-held",
                "-lanes",
                "depthwise-train",
                "two-trains",
                "train-relu-train",
            ];
            let of_cpu = of_cpu.iter().any(|of| name.contains(of));
            let plan = if of_cpu {
                plan_of_cpu(&case.graph)?
            } else {
                plan(&case.graph)?
            };
            assert_eq!(kernels(&plan), left, "{name}{ending}\n{plan}");
            assert_eq!(moved(&plan), bytes.of(dtype), "{name}{ending}\n{plan}");
        }
    }
    Ok(())
}
