//! The cases of fusion that `bench` times: kernels as one against the single ones.

use super::{Step, chain};
use crate::cases::Case;
use crate::ops::BatchNorm;

pub(super) fn cases() -> Vec<Case> {
    use Step::{Add, Relu};
    let large = [8, 64, 112, 112];
    let chains: [(&str, &[usize], &[Step]); 6] = [
        (
            "large_norm-relu-max_pool",
            &large,
            &[Step::norm(), Relu, Step::pool(2)],
        ),
        (
            "large_norm-relu-avg_pool",
            &large,
            &[Step::norm(), Relu, Step::mean(2)],
        ),
        (
            "large_conv-norm-add-relu",
            &large,
            &[Step::conv(64, 1), Step::norm(), Add, Relu],
        ),
        (
            "large_depthwise-train-relu",
            &large,
            &[Step::depthwise(64), Step::Norm(BatchNorm::train()), Relu],
        ),
        (
            "large_train-relu-max_pool",
            &large,
            &[Step::Norm(BatchNorm::train()), Relu, Step::pool(2)],
        ),
        (
            "large_nearest-conv",
            &[2, 32, 56, 56],
            &[Step::nearest([2, 2]), Step::conv(32, 3)],
        ),
    ];
    let cases = chains.into_iter().map(|(name, shape, steps)| {
        let name = format!("fusion/{name}");
        Case::new(name, "one kernel instead of several", |g| {
            chain(g, shape, steps)
        })
        .bench()
    });
    cases.collect()
}
