//! The named cases of batch norm in training that normalises on the way in of another kernel.

use super::{Step, chain};
use crate::cases::Case;
use crate::error::Result;
use crate::graph::Graph;
use crate::ops::{BatchNorm, BatchNormState, MaxPool};
use crate::tensor::{DType, Data, Tensor};

pub(super) fn cases() -> Vec<Case> {
    use Step::{Add, Relu, Sigmoid};
    let train = || Step::Norm(BatchNorm::train());
    let overlapping = || Step::MaxPool(MaxPool::new([3, 3]).stride([2, 2]).padding([1, 1]));
    let aligned = [2, 3, 12, 16];
    let unaligned = [2, 3, 9, 11];
    let chains: [(&str, &'static str, &[usize], &[Step]); 19] = [
        (
            "train-max_pool",
            "of windows with padding",
            &aligned,
            &[train(), overlapping()],
        ),
        (
            "train-relu-avg_pool",
            "of windows without it",
            &unaligned,
            &[train(), Relu, Step::mean(2)],
        ),
        (
            "train-relu-avg_pool-norm-add-held",
            "of a thread that has whole planes",
            &[133, 33, 3, 5],
            &[train(), Relu, Step::mean(2), Step::norm(), Add],
        ),
        (
            "train-relu-conv",
            "of a convolution",
            &aligned,
            &[train(), Relu, Step::conv(5, 3), Relu],
        ),
        (
            "train-relu-conv-shared",
            "of a product of matrices",
            &unaligned,
            &[train(), Relu, Step::conv(24, 1), train()],
        ),
        (
            "train-relu-depthwise",
            "of a convolution of each channel",
            &aligned,
            &[train(), Relu, Step::depthwise(3)],
        ),
        (
            "depthwise-train-relu-max_pool",
            "of moments that another kernel has made",
            &[3, 7, 40, 65],
            &[Step::depthwise(7), train(), Relu, Step::pool(2)],
        ),
        (
            "train-relu-max_pool-many-parts",
            "of moments that are merged apart",
            &[2, 2, 560, 900],
            &[train(), Relu, Step::pool(2)],
        ),
        (
            "train-sigmoid-add",
            "of a function of each element",
            &unaligned,
            &[train(), Sigmoid, Add],
        ),
        (
            "train-relu-narrow",
            "of a change of type",
            &[1, 9, 17, 19],
            &[train(), Relu, Step::Cast(DType::F16)],
        ),
        (
            "train-relu-concat",
            "of tensors side by side",
            &aligned,
            &[train(), Relu, Step::Concat(2)],
        ),
        (
            "train-nearest-add-relu",
            "of a gather, which does it on its way out",
            &aligned,
            &[train(), Step::nearest([2, 2]), Add, Relu],
        ),
        (
            "train-nearest-lanes",
            "of a gather of whole lanes",
            &[64, 4, 8, 11],
            &[train(), Step::nearest([2, 2])],
        ),
        (
            "train-nearest-relu-held",
            "of a gather by a thread that has whole planes",
            &[133, 33, 3, 5],
            &[train(), Step::nearest([2, 2]), Relu],
        ),
        (
            "train-nearest-conv",
            "of a convolution with nearest in its loader",
            &aligned,
            &[train(), Step::nearest([2, 2]), Step::conv(5, 3)],
        ),
        (
            "train-relu-train-add",
            "of another one",
            &unaligned,
            &[train(), Relu, train(), Add],
        ),
        (
            "train-relu-train-many-parts",
            "of another one, whose moments are merged apart",
            &[2, 2, 560, 900],
            &[train(), Relu, train()],
        ),
        (
            "train-max_pool-nobody",
            "of an empty batch",
            &[0, 3, 9, 11],
            &[train(), Step::pool(2)],
        ),
        (
            "train-max_pool-flat",
            "of planes of one element",
            &[9, 8, 1, 1],
            &[train(), Step::MaxPool(MaxPool::new([1, 1]))],
        ),
    ];
    let mut cases: Vec<Case> = chains
        .into_iter()
        .map(|(name, why, shape, steps)| {
            Case::new(format!("fusion/{name}"), why, |g| chain(g, shape, steps))
        })
        .collect();
    cases.push(far());
    cases.push(Case::new(
        "fusion/train-saved",
        "of what is normalised only, not of what else the batch norm computes",
        |g| saved(g, false),
    ));
    cases.push(Case::new(
        "fusion/train-saved-max_pool",
        "of what is normalised, beside readers of what else the batch norm computes",
        |g| saved(g, true),
    ));
    cases
}

/// Mean and inverse standard deviation have a reader each; what is normalised is an output, or has one too.
fn saved(graph: &mut Graph, is_pooled: bool) -> Result<()> {
    let x = graph.input("x", [2, 3, 9, 11], DType::F32)?;
    let state = BatchNormState::variables(graph, "bn", 3, true)?;
    let (mut y, saved) = graph.batch_norm_saving(x, &state, BatchNorm::train())?;
    if is_pooled {
        y = graph.max_pool(y, MaxPool::new([2, 2]))?;
    }
    let (mean, invstd) = (graph.relu(saved.mean)?, graph.sigmoid(saved.invstd)?);
    graph.output("y", y)?;
    graph.output("mean", mean)?;
    graph.output("invstd", invstd)
}

/// Values so far from 0 that those normalised lose their digits if the mean is subtracted at once.
fn far() -> Case {
    let shape = [2, 3, 9, 11];
    let steps = [Step::Norm(BatchNorm::train()), Step::pool(2)];
    let mut case = Case::new("fusion/train-max_pool-far", "of values far from 0", |g| {
        chain(g, &shape, &steps)
    });
    let data = (0..shape.iter().product())
        .map(|i| 46_875.0 + [0.0, 3.0, -7.0, 1.0, 9.0, 4.0][i % 6] / 64.0);
    let x = Tensor::dense(shape.to_vec(), Data::F32(data.collect()));
    case.given = vec![("x".to_owned(), x)];
    case
}
