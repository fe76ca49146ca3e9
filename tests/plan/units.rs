//! Bytes that the plans of the cases of units move, by formulas: of every layer what goes in and what comes out.

use super::bytes::{Bytes, affine, bias, doubled, packed, statistics, table, values, words};
use super::fusion::moved;
use super::plan;
use wgcnn::cases::named;
use wgcnn::{DType, Result};

/// Convolution, batch norm, pooling and ReLU over [2, 3, 14, 10] in an order, if the name says one.
fn unit(layers: &str, dtype: DType) -> Option<Bytes> {
    let (big, small) = (values([2, 5, 14, 10]), values([2, 5, 7, 5]));
    let conv = packed([5, 3, 3, 3], 8) + values([5]) + values([2, 3, 14, 10]) + big;
    let pool = big + small;
    // Parts of a channel, by its planes of 140 elements and of 35.
    let parts = if dtype == DType::F16 { [3, 1] } else { [1, 2] };
    // The pool normalises.
    let moments_big = big + statistics(5, parts[0]) + table(5);
    let train_small = 3 * small + statistics(5, parts[1]);
    Some(match layers {
        "conv-avg_pool-relu" | "conv-max_pool-relu" => conv + pool,
        // The batch norm goes out of the convolution or into the pool.
        "conv-batch_norm-max_pool-relu-eval"
        | "conv-batch_norm-relu-max_pool-eval"
        | "conv-max_pool-batch_norm-relu-eval"
        | "conv-relu-batch_norm-max_pool-eval" => conv + affine(5) + pool,
        // Behind ReLU it cannot.
        "conv-max_pool-relu-batch_norm-eval" | "conv-relu-max_pool-batch_norm-eval" => {
            conv + pool + affine(5) + 2 * small
        }
        "conv-batch_norm-max_pool-relu-train"
        | "conv-batch_norm-relu-max_pool-train"
        | "conv-relu-batch_norm-max_pool-train" => conv + moments_big + pool,
        "conv-max_pool-batch_norm-relu-train"
        | "conv-max_pool-relu-batch_norm-train"
        | "conv-relu-max_pool-batch_norm-train" => conv + pool + train_small,
        _ => return None,
    })
}

/// Convolution and ReLU, down, convolution, up and the sum, sigmoid.
fn skip(dtype: DType) -> Bytes {
    let (big, small) = (values([2, 3, 12, 10]), values([2, 3, 6, 5]));
    let filters = packed([3, 3, 3, 3], 4) + bias(3);
    let up = small + big + big + doubled(12, 10, dtype);
    (filters + 2 * big) + (big + small) + (filters + 2 * small) + up + 2 * big
}

fn picture(dtype: DType) -> Bytes {
    let (three, sixteen) = (values([8, 3, 300, 452]), values([8, 16, 300, 452]));
    let half = values([8, 16, 150, 226]);
    // Four u8 are a word.
    let normalize = words([8, 300, 113, 3]) + words([3, 256]) + three;
    let conv = three + packed([16, 3, 3, 3], 8) + bias(16) + sixteen;
    let moments = sixteen + statistics(16, 16) + table(16);
    let up = half + doubled(300, 452, dtype) + sixteen;
    normalize + conv + moments + (sixteen + half) + up
}

fn large() -> Bytes {
    let filters = packed([64, 64, 3, 3], 8) + values([64]) + affine(64);
    filters + 3 * values([8, 64, 112, 112]) + values([8, 64, 56, 56])
}

/// `networks::unet` over [2, 3, 24, 16] with two classes.
fn unet(dtype: DType) -> Bytes {
    let plane = |channels: u64, level: u32| values([2, channels, 24 >> level, 16 >> level]);
    let conv = |from: u64, to: u64, level: u32| {
        let filters = packed([to, from, 3, 3], 8) + bias(to) + affine(to);
        filters + plane(from, level) + plane(to, level)
    };
    let double = |from, to, level| conv(from, to, level) + conv(to, to, level);
    let head = packed([2, 16, 1, 1], 4) + values([2]) + plane(16, 0) + plane(2, 0);
    let mut all = head + double(64, 128, 3);
    let levels = [[3, 16, 32], [16, 32, 64], [32, 64, 128]];
    for (level, [from, filters, below]) in (0..).zip(levels) {
        let down = double(from, filters, level) + plane(filters, level) + plane(filters, level + 1);
        let up = plane(below, level + 1)
            + doubled(24 >> level, 16 >> level, dtype)
            + plane(below, level);
        let concat = 2 * (plane(filters, level) + plane(below, level));
        all = all + down + up + concat + double(filters + below, filters, level);
    }
    all
}

#[test]
fn units_move_what_goes_in_and_what_comes_out_of_their_kernels() -> Result<()> {
    let mut count = 0;
    for case in named() {
        let mut parts = case.name.split('+');
        let Some(name) = parts.next().and_then(|name| name.strip_prefix("unit/")) else {
            continue;
        };
        let dtype = match parts.any(|ending| ending == "f16") {
            true => DType::F16,
            false => DType::F32,
        };
        let bytes = match name {
            "skip" => Some(skip(dtype)),
            "picture" => Some(picture(dtype)),
            "large" => Some(large()),
            "unet" => Some(unet(dtype)),
            layers => unit(layers, dtype),
        };
        let plan = plan(&case.graph)?;
        let bytes = bytes.map(|bytes| bytes.of(dtype));
        assert_eq!(bytes, Some(moved(&plan)), "{}\n{plan}", case.name);
        count += 1;
    }
    assert!(count >= 2 * 18, "{count} units in two types");
    Ok(())
}
