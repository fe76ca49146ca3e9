//! The named cases of what is on the ways in and out of kernels that compute each element, of batch norm in training and of concat: in
//! planes of lanes, of others, of less than one, and in large ones that begin within lanes.

use super::{Step, chain, entered, one_entered, second_term, widened};
use crate::cases::Case;
use crate::ops::BatchNorm;
use crate::tensor::DType;

pub(super) fn cases() -> Vec<Case> {
    use Step::{Add, Relu, Sigmoid};
    let norm = Step::norm;
    let train = || Step::Norm(BatchNorm::train());
    let aligned = [2, 3, 12, 16];
    let unaligned = [2, 3, 9, 11];
    let edges = [1, 9, 17, 19];
    let chains: [(&str, &'static str, &[usize], &[Step]); 24] = [
        (
            "norm-relu-sigmoid-norm-add-relu",
            "on both ways of a function of each element",
            &aligned,
            &[norm(), Relu, Sigmoid, norm(), Add, Relu],
        ),
        (
            "norm-relu-train-add",
            "on both ways of the batch's own statistics",
            &aligned,
            &[norm(), Relu, train(), Add],
        ),
        (
            "norm-relu-narrow-add",
            "behind a change of type",
            &aligned,
            &[norm(), Relu, Step::Cast(DType::F16), Add],
        ),
        (
            "concat-norm-add-relu",
            "on the way out of tensors side by side",
            &aligned,
            &[Step::Concat(4), norm(), Add, Relu],
        ),
        (
            "norm-relu-sigmoid-norm-add-relu-odd",
            "on both ways of a function of each element, of planes that begin within lanes",
            &unaligned,
            &[norm(), Relu, Sigmoid, norm(), Add, Relu],
        ),
        (
            "norm-relu-train-add-odd",
            "on both ways of the batch's own statistics, of planes that begin within lanes",
            &unaligned,
            &[norm(), Relu, train(), Add],
        ),
        (
            "norm-relu-narrow-add-odd",
            "behind a change of type, of planes that begin within lanes",
            &unaligned,
            &[norm(), Relu, Step::Cast(DType::F16), Add],
        ),
        (
            "concat-norm-add-relu-odd",
            "on the way out of tensors side by side, of planes that begin within lanes",
            &unaligned,
            &[Step::Concat(4), norm(), Add, Relu],
        ),
        (
            "norm-relu-sigmoid-norm-add-relu-small",
            "on both ways of a function of each element, of planes that are less than a lane",
            &[3, 5, 1, 3],
            &[norm(), Relu, Sigmoid, norm(), Add, Relu],
        ),
        (
            "norm-relu-train-add-small",
            "on both ways of the batch's own statistics, of planes that are less than a lane",
            &[3, 5, 1, 3],
            &[norm(), Relu, train(), Add],
        ),
        (
            "norm-relu-narrow-add-small",
            "behind a change of type, of planes that are less than a lane",
            &[3, 5, 1, 3],
            &[norm(), Relu, Step::Cast(DType::F16), Add],
        ),
        (
            "concat-norm-add-relu-small",
            "on the way out of tensors side by side, of planes that are less than a lane",
            &[3, 5, 1, 3],
            &[Step::Concat(4), norm(), Add, Relu],
        ),
        (
            "norm-add-norm-relu",
            "an affine function on either way of a sum",
            &unaligned,
            &[norm(), Add, norm(), Relu],
        ),
        (
            "relu-norm-relu",
            "behind ReLU, which takes it",
            &unaligned,
            &[Relu, norm(), Relu],
        ),
        (
            "norm-relu-norm-add-relu",
            "of two affine functions the second takes the first",
            &unaligned,
            &[norm(), Relu, norm(), Add, Relu],
        ),
        (
            "copy-norm-add",
            "on the way out of a copy",
            &unaligned,
            &[Step::Copy, norm(), Add],
        ),
        (
            "relu-copy",
            "on the way out of a copy, without numbers",
            &unaligned,
            &[Relu, Step::Copy],
        ),
        (
            "relu-train",
            "ReLU on the way in of moments",
            &unaligned,
            &[Relu, train()],
        ),
        (
            "norm-relu-train-many-parts",
            "the same where parts are merged apart",
            &[2, 2, 560, 900],
            &[norm(), Relu, train()],
        ),
        (
            "norm-relu-sigmoid-norm-add-relu-edges",
            "on both ways of a function of each element, of large planes that begin within lanes",
            &edges,
            &[norm(), Relu, Sigmoid, norm(), Add, Relu],
        ),
        (
            "norm-relu-train-add-edges",
            "on both ways of the batch's own statistics, of large planes that begin within lanes",
            &edges,
            &[norm(), Relu, train(), Add],
        ),
        (
            "norm-relu-narrow-add-edges",
            "behind a change of type, of large planes that begin within lanes",
            &edges,
            &[norm(), Relu, Step::Cast(DType::F16), Add],
        ),
        (
            "concat-norm-add-relu-edges",
            "on the way out of tensors side by side, of large planes that begin within lanes",
            &edges,
            &[Step::Concat(4), norm(), Add, Relu],
        ),
        (
            "relu-narrow-add",
            "on both ways of a change of type, of no channel's own",
            &edges,
            &[Relu, Step::Cast(DType::F16), Add, Relu],
        ),
    ];
    let mut cases: Vec<Case> = chains
        .into_iter()
        .map(|(name, why, shape, steps)| {
            Case::new(format!("fusion/{name}"), why, |g| chain(g, shape, steps))
        })
        .collect();
    let shapes: [(&str, &'static [usize]); 4] = [
        ("", &[2, 3, 12, 16]),
        ("-odd", &[2, 3, 9, 11]),
        ("-small", &[3, 5, 1, 3]),
        ("-edges", &[1, 9, 17, 19]),
    ];
    for (ending, shape) in shapes {
        cases.push(Case::new(
            format!("fusion/norm-relu-second-norm-relu{ending}"),
            "on both ways of a sum, of its second term",
            |g| second_term(g, shape),
        ));
        cases.push(Case::new(
            format!("fusion/norm-relu-concat-norm-add-relu{ending}"),
            "on the ways of tensors side by side, of the first and the last in",
            |g| entered(g, shape),
        ));
        cases.push(Case::new(
            format!("fusion/norm-concat{ending}"),
            "an affine function of some of the tensors side by side",
            |g| one_entered(g, shape),
        ));
        cases.push(Case::new(
            format!("fusion/relu-concat{ending}"),
            "ReLU on the way in of tensors side by side, of no channel's own",
            |g| chain(g, shape, &[Step::Rectified(4)]),
        ));
        cases.push(Case::new(
            format!("fusion/norm-relu-widen-add{ending}"),
            "on both ways of a change of type from f16",
            |g| widened(g, shape),
        ));
    }
    cases
}
