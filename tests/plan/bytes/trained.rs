//! Rows of batch norms in training that normalise on the way in of another kernel.

use super::{
    MOMENTS, Row, STATISTICS, TABLE, affine, bias, depthwise, entries, halves, made, packed,
    statistics, table, values, words,
};

pub(super) fn rows([parts, of_aligned]: [u64; 2]) -> Vec<Row> {
    let aligned = values([2, 3, 12, 16]);
    let unaligned = values([2, 3, 9, 11]);
    let small = values([133, 33, 3, 5]);
    // A convolution behind the aligned one, but for what it writes.
    let conv =
        packed([5, 3, 3, 3], 8) + bias(5) + 2 * aligned + statistics(3, of_aligned) + table(3);
    vec![
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
            conv + values([2, 5, 12, 16]),
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
            "train-nearest-add-relu",
            &[MOMENTS, STATISTICS, "interpolate_each"],
            2 * aligned + statistics(3, of_aligned) + table(3) + 2 * values([2, 3, 24, 32]),
        ),
        (
            "train-nearest-lanes",
            &[MOMENTS, STATISTICS, "interpolate_lanes"],
            2 * values([64, 4, 8, 11]) + statistics(4, 4) + table(4) + values([64, 4, 16, 22]),
        ),
        (
            "train-nearest-relu-held",
            &[MOMENTS, STATISTICS, "interpolate_planes"],
            2 * small + statistics(33, 4) + table(33) + values([133, 33, 6, 10]),
        ),
        (
            "train-nearest-conv",
            &[MOMENTS, STATISTICS, "conv_pack", "conv_tile"],
            conv + values([2, 5, 24, 32]),
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
            "train-saved",
            &[MOMENTS, "batch_norm_normalize", "relu", "sigmoid"],
            3 * unaligned + statistics(3, parts) + 4 * words([3]),
        ),
        (
            "train-saved-max_pool",
            &[MOMENTS, STATISTICS, "max_pool", "relu", "sigmoid"],
            2 * unaligned + statistics(3, parts) + table(3) + values([2, 3, 4, 5]) + 4 * words([3]),
        ),
        (
            "train-max_pool-far",
            &[MOMENTS, STATISTICS, "max_pool"],
            2 * unaligned + statistics(3, parts) + table(3) + values([2, 3, 4, 5]),
        ),
    ]
}
