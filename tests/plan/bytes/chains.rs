//! Rows of chains, and of graphs whose values several layers read.

use super::{PACKED, Row, TABLE, affine, bias, depthwise, nearest, packed, statistics, values};

pub(super) fn rows([parts, _]: [u64; 2]) -> Vec<Row> {
    let aligned = values([2, 3, 12, 16]);
    let unaligned = values([2, 3, 9, 11]);
    let small = values([133, 33, 3, 5]);
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
    ]
}
