//! Rows of what is on both ways of kernels that compute each element, of batch norm in training and of concat.

use super::{Row, TABLE, affine, depthwise, entries, halves, made, statistics, values, words};

pub(super) fn rows([parts, of_aligned]: [u64; 2]) -> Vec<Row> {
    let aligned = values([2, 3, 12, 16]);
    let unaligned = values([2, 3, 9, 11]);
    let tiny = values([3, 5, 1, 3]);
    vec![
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
    ]
}
