//! Rows of what `bench` times.

use super::{
    MOMENTS, Row, STATISTICS, TABLE, affine, bias, depthwise, made, packed, statistics, table,
    values,
};

pub(super) fn rows() -> Vec<Row> {
    let large = values([8, 64, 112, 112]);
    vec![
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
        (
            "large_train-relu-max_pool",
            &[MOMENTS, STATISTICS, "max_pool"],
            2 * large + statistics(64, 4) + table(64) + values([8, 64, 56, 56]),
        ),
    ]
}
