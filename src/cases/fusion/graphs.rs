//! The named cases of fusion whose values several layers read, or whose data matter.

use super::{Step, chain, idle, residual, shared, two_moments, two_norms, wide};
use crate::cases::Case;
use crate::ops::BatchNorm;
use crate::tensor::{Data, Tensor};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "fusion/concat-add-relu",
            "on the way out of each part",
            wide,
        ),
        Case::new("fusion/idle", "equal nodes and dead ones", idle),
        Case::new(
            "fusion/shared",
            "values that stay because others read them",
            shared,
        ),
        Case::new(
            "fusion/two-trains",
            "moments that two batch norms take, of values far from 0",
            |g| two_norms(g, 3, 3),
        ),
        Case::new(
            "fusion/conv-trains",
            "the same of a product of matrices",
            |g| two_norms(g, 20, 1),
        ),
        Case::new(
            "fusion/train-relu-train",
            "moments that one batch norm takes, and another does not",
            two_moments,
        ),
        many_parts(),
        Case::new("fusion/residual", "a shortcut with its own kernel", |g| {
            residual(g, &[2, 3, 12, 10])
        }),
    ]
}

/// More than 512 parts of a channel, of which a thread merges eight at a time; the later ones are of larger values.
fn many_parts() -> Case {
    let shape = [1200, 3, 4, 256];
    let steps = [Step::depthwise(3), Step::Norm(BatchNorm::train())];
    let mut case = Case::new(
        "fusion/depthwise-train-many",
        "more than 512 parts, of which a thread merges eight at a time",
        |g| chain(g, &shape, &steps),
    );
    let size = |i: usize| {
        if i < shape.iter().product::<usize>() / 2 {
            1.0
        } else {
            100.0
        }
    };
    let data = (0..shape.iter().product()).map(|i| size(i) * [0.0, 0.3, -0.7, 0.1, 0.9][i % 5]);
    let x = Tensor::dense(shape.to_vec(), Data::F32(data.collect()));
    case.given = vec![("x".to_owned(), x)];
    case
}
