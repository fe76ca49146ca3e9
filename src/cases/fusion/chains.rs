//! The named cases of fusion that are chains of layers.

use super::{Step, chain};
use crate::cases::Case;
use crate::ops::{BatchNorm, Conv, Interpolate, MaxPool};

pub(super) fn cases() -> Vec<Case> {
    use Step::{Add, Relu, Sigmoid};
    let norm = Step::norm;
    let train = || Step::Norm(BatchNorm::train());
    let overlapping = || Step::MaxPool(MaxPool::new([3, 3]).stride([2, 2]).padding([1, 1]));
    let dilated = || Step::MaxPool(MaxPool::new([3, 2]).padding([1, 1]).dilation([2, 3]));
    let strided = || Step::Conv {
        filters: 5,
        kernel: [3, 3],
        attributes: Conv::new(2).padding([1, 1]).stride([2, 2]),
    };
    let grouped = || Step::Conv {
        filters: 40,
        kernel: [3, 3],
        attributes: Conv::new(2).groups(2),
    };
    let odd = || Step::Interpolate(Interpolate::size([9, 11]));
    let aligned = [2, 3, 12, 16];
    let small = [133, 33, 3, 5];
    let unaligned = [2, 3, 9, 11];
    let chains: [(&str, &'static str, &[usize], &[Step]); 46] = [
        (
            "norm-relu-max_pool",
            "in one kernel",
            &aligned,
            &[norm(), Relu, Step::pool(2)],
        ),
        (
            "norm-relu-overlapping",
            "padding comes behind what is done on the way in",
            &unaligned,
            &[norm(), Relu, overlapping()],
        ),
        (
            "norm-max_pool-add-relu-held",
            "on both ways of a thread that has whole planes",
            &small,
            &[norm(), overlapping(), Add, Relu],
        ),
        (
            "relu-avg_pool-norm-add-held",
            "on both ways of a thread that has whole planes",
            &small,
            &[Relu, Step::mean(2), norm(), Add],
        ),
        (
            "norm-relu-depthwise-norm-add-relu-held",
            "on both ways of a thread that has whole planes",
            &small,
            &[norm(), Relu, Step::depthwise(33), norm(), Add, Relu],
        ),
        (
            "nearest-norm-add-relu-held",
            "on the way out of a thread that has whole planes",
            &small,
            &[Step::nearest([2, 2]), norm(), Add, Relu],
        ),
        (
            "depthwise-train-held",
            "moments that a thread with whole planes does not make",
            &small,
            &[Step::depthwise(33), train()],
        ),
        (
            "norm-relu-dilated",
            "windows wholly in padding, which ReLU may not see",
            &[2, 3, 3, 2],
            &[norm(), Relu, dilated()],
        ),
        (
            "relu-max_pool",
            "ReLU on the way in",
            &unaligned,
            &[Relu, Step::pool(2)],
        ),
        (
            "norm-relu-avg_pool",
            "in one kernel",
            &aligned,
            &[norm(), Relu, Step::mean(2)],
        ),
        (
            "max_pool-norm-add-relu",
            "on the way out of a pool",
            &unaligned,
            &[Step::pool(2), norm(), Add, Relu],
        ),
        (
            "avg_pool-norm-add-relu",
            "on the way out of a pool",
            &aligned,
            &[Step::mean(2), norm(), Add, Relu],
        ),
        (
            "conv-norm-add-relu",
            "the block of a residual network",
            &aligned,
            &[Step::conv(9, 3), norm(), Add, Relu],
        ),
        (
            "conv-add-norm-relu",
            "an affine function behind a sum, which has no place",
            &unaligned,
            &[Step::conv(9, 3), Add, norm(), Relu],
        ),
        (
            "norm-relu-conv-norm-relu-conv",
            "a network that normalises first",
            &aligned,
            &[
                norm(),
                Relu,
                Step::conv(5, 1),
                norm(),
                Relu,
                Step::conv(4, 3),
            ],
        ),
        (
            "depthwise-norm-relu-pointwise",
            "a block of a mobile network",
            &[2, 8, 9, 11],
            &[
                norm(),
                Step::depthwise(8),
                norm(),
                Relu,
                Step::conv(16, 1),
                norm(),
                Relu,
            ],
        ),
        (
            "norm-relu-long",
            "the kernel for any filter",
            &[1, 2, 9, 45],
            &[norm(), Relu, Step::conv(2, 9), norm(), Add, Relu],
        ),
        (
            "strided",
            "a filter that skips",
            &aligned,
            &[norm(), Relu, strided(), norm(), Relu],
        ),
        (
            "train-add-relu",
            "a sum on the way out of the batch's own statistics",
            &unaligned,
            &[train(), Add, Relu],
        ),
        (
            "norm-add-relu",
            "a sum on the way out of an affine function",
            &[2, 9, 1, 3],
            &[norm(), Add, Relu],
        ),
        (
            "nearest-norm-add-relu",
            "on the way out of a gather",
            &unaligned,
            &[odd(), norm(), Add, Relu],
        ),
        (
            "nearest-conv",
            "repetitions in the loader of a filter, in front of them an affine function",
            &aligned,
            &[
                norm(),
                Relu,
                Step::nearest([2, 2]),
                Step::conv(5, 3),
                norm(),
                Relu,
            ],
        ),
        (
            "nearest-4x1-conv",
            "rows repeated, columns not; then columns three times",
            &unaligned,
            &[
                Step::nearest([4, 1]),
                Step::conv(3, 5),
                Step::nearest([1, 3]),
                strided(),
            ],
        ),
        (
            "nearest-conv-few-rows",
            "on both ways of the kernel for few input channels",
            &[1, 3, 45, 43],
            &[
                norm(),
                Relu,
                Step::nearest([2, 2]),
                Step::conv(84, 3),
                norm(),
                Add,
                Relu,
            ],
        ),
        (
            "norm-relu-conv-few-rows",
            "an affine function in front of groups",
            &[1, 6, 64, 64],
            &[
                norm(),
                Relu,
                Step::Conv {
                    filters: 64,
                    kernel: [5, 5],
                    attributes: Conv::new(2).groups(2),
                },
            ],
        ),
        (
            "norm-relu-depthwise-norm-add-relu-whole-held",
            "on both ways of a thread that has whole planes, and filters in lanes",
            &[140, 32, 3, 5],
            &[norm(), Relu, Step::depthwise(32), norm(), Add, Relu],
        ),
        (
            "nearest-conv-rows",
            "on both ways of the kernel of several output rows",
            &[1, 20, 45, 43],
            &[
                norm(),
                Relu,
                Step::nearest([2, 2]),
                Step::conv(12, 3),
                norm(),
                Add,
                Relu,
            ],
        ),
        (
            "nearest-norm-add-relu-lanes",
            "on the way out of whole lanes, in planes that begin at lanes",
            &[2, 4, 8, 11],
            &[Step::nearest([2, 2]), norm(), Add, Relu],
        ),
        (
            "norm-relu-nearest",
            "before an interpolation, so behind it",
            &aligned,
            &[norm(), Relu, Step::nearest([2, 2])],
        ),
        (
            "norm-nearest-add-relu",
            "the same in front of what is behind it",
            &aligned,
            &[norm(), Step::nearest([2, 2]), Add, Relu],
        ),
        (
            "relu-nearest-add",
            "not so where a sum is between them",
            &aligned,
            &[Relu, Step::nearest([2, 2]), Add],
        ),
        (
            "nearest-add-lanes",
            "the same in planes that do not",
            &[3, 3, 5, 7],
            &[Step::nearest([2, 2]), Add],
        ),
        (
            "nearest-depthwise",
            "repetitions in the loader of the kernel that rolls",
            &[2, 8, 9, 11],
            &[Step::nearest([2, 2]), Step::depthwise(8), Sigmoid],
        ),
        (
            "nearest-3-depthwise",
            "repetitions that eight columns of a thread take, and four would not",
            &[2, 4, 2, 2],
            &[Step::nearest([3, 3]), Step::depthwise(4), Sigmoid],
        ),
        (
            "nearest-depthwise-wide",
            "repetitions in the loader of the same kernel, of the longest filters that it has",
            &[2, 8, 9, 11],
            &[Step::nearest([2, 2]), Step::depthwise_of(8, 5), Sigmoid],
        ),
        (
            "nearest-long",
            "repetitions that the kernel for any filter does not load",
            &[1, 2, 9, 20],
            &[Step::nearest([2, 2]), Step::conv(2, 33)],
        ),
        (
            "depthwise-train",
            "moments made with what they are of, by workgroups that planes do not fill",
            &[3, 7, 40, 65],
            &[norm(), Relu, Step::depthwise(7), train(), Relu],
        ),
        (
            "depthwise-train-wide",
            "the same of the longest filters that the kernel has",
            &[3, 7, 40, 65],
            &[norm(), Relu, Step::depthwise_of(7, 5), train(), Relu],
        ),
        (
            "depthwise-train-aligned",
            "the same where rows are whole lanes, of an interpolation",
            &[2, 5, 33, 20],
            &[Step::nearest([1, 2]), Step::depthwise(5), train()],
        ),
        (
            "depthwise-train-few",
            "planes with too few threads for moments",
            &unaligned,
            &[Step::depthwise(3), train()],
        ),
        (
            "depthwise-train-nobody",
            "moments of no picture",
            &[0, 3, 16, 20],
            &[Step::depthwise(3), train()],
        ),
        (
            "conv-train",
            "moments that the convolution does not make",
            &unaligned,
            &[Step::conv(5, 3), train(), Relu],
        ),
        (
            "conv-train-shared",
            "moments made by a product of matrices, of which a workgroup is not filled",
            &unaligned,
            &[Step::conv(24, 3), train(), Relu],
        ),
        (
            "conv-norm-add-relu-train",
            "the same behind a way out, of two tiles, of pixels of all pictures",
            &[3, 4, 12, 16],
            &[Step::conv(70, 1), norm(), Add, Relu, train()],
        ),
        (
            "conv-train-groups",
            "the same of filters in groups",
            &[2, 6, 17, 19],
            &[grouped(), train()],
        ),
        (
            "depthwise-train-behind",
            "moments behind a way out",
            &[2, 5, 33, 20],
            &[Step::depthwise(5), norm(), Relu, train()],
        ),
    ];
    let cases = chains.into_iter().map(|(name, why, shape, steps)| {
        Case::new(format!("fusion/{name}"), why, |g| chain(g, shape, steps))
    });
    cases.collect()
}
