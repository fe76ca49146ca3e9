//! Rows of batch norms in training behind convolutions, which may make their moments.

use super::{Row, TABLE, affine, bias, depthwise, made, packed, statistics, values, words};

pub(super) fn rows([parts, _]: [u64; 2]) -> Vec<Row> {
    let unaligned = values([2, 3, 9, 11]);
    vec![
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
    ]
}
