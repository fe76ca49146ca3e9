//! Cases of [`BatchNorm`].

use super::{BENCH_SHAPES, Case, SIZES, Values, at_bench_shapes, pick, random_shape};
use crate::error::Result;
use crate::graph::Graph;
use crate::ops::{BatchNorm, BatchNormState};
use crate::tensor::{DType, Data, Tensor};
use fastrand::Rng;

fn graph(graph: &mut Graph, shape: &[usize], affine: bool, layer: BatchNorm) -> Result<()> {
    let x = graph.input("x", shape, DType::F32)?;
    let state = BatchNormState::variables(graph, "bn", shape[1], affine)?;
    let y = graph.batch_norm(x, &state, layer)?;
    graph.output("y", y)
}

/// Training that keeps what a gradient needs.
fn saving(graph: &mut Graph, shape: &[usize]) -> Result<()> {
    let x = graph.input("x", shape, DType::F32)?;
    let state = BatchNormState::variables(graph, "bn", shape[1], true)?;
    let (y, saved) = graph.batch_norm_saving(x, &state, BatchNorm::train())?;
    graph.output("y", y)?;
    graph.output("mean", saved.mean)?;
    graph.output("invstd", saved.invstd)
}

/// The counter at `tracked` before the run. `shape`: of two channels.
fn counting(graph: &mut Graph, tracked: i64, shape: &[usize]) -> Result<()> {
    let x = graph.input("x", shape, DType::F32)?;
    let mut vector = |name: &str| graph.variable(name, Tensor::filled(2, 1.0)?);
    let (running_mean, running_var) = (vector("running_mean")?, vector("running_var")?);
    let state = BatchNormState {
        running_mean,
        running_var,
        num_batches_tracked: graph.variable("num_batches_tracked", Tensor::counter(tracked))?,
        weight: None,
        bias: None,
    };
    let y = graph.batch_norm(x, &state, BatchNorm::train())?;
    graph.output("y", y)
}

/// [2, 2, 2, 4], one element of the first channel infinite.
fn one_infinity() -> Tensor {
    let mut data: Vec<f32> = (0..32u8).map(|i| f32::from(i % 7)).collect();
    data[5] = f32::INFINITY;
    Tensor::dense(vec![2, 2, 2, 4], Data::F32(data))
}

/// [2, 2, 640, 900], of small deviations from a mean that is as far from the other channel's as from 0.
fn two_means() -> Tensor {
    let element = |i: usize| {
        let mean = if (i / 576_000).is_multiple_of(2) {
            1e4
        } else {
            -1e4
        };
        mean + [0.0, 0.3, -0.7, 0.1, 0.9][i % 5]
    };
    let data = (0..2_304_000).map(element).collect();
    Tensor::dense(vec![2, 2, 640, 900], Data::F32(data))
}

/// [2, 3, 16, 40] with many infinities of one sign in the first channel and two of both in the second.
fn infinities() -> Tensor {
    let element = |i: u16| match (i / 640 % 3, i % 37) {
        (0, 0) => f32::NEG_INFINITY,
        _ if i == 700 => f32::INFINITY,
        _ if i == 2600 => f32::NEG_INFINITY,
        (_, column) => f32::from(column),
    };
    let data = (0..3840).map(element).collect();
    Tensor::dense(vec![2, 3, 16, 40], Data::F32(data))
}

pub(super) fn cases() -> Vec<Case> {
    use Values::{Constant, Rare, Reals, Shifted};
    type Shape = &'static [usize];
    let case = |name: &str, why, shape: Shape, layer: BatchNorm| {
        Case::new(format!("batch_norm/{name}"), why, move |g| {
            graph(g, shape, true, layer)
        })
    };
    let plain = |name: &str, why, shape: Shape, layer: BatchNorm| {
        Case::new(format!("batch_norm/{name}"), why, move |g| {
            graph(g, shape, false, layer)
        })
    };
    let (train, eval) = (BatchNorm::train, BatchNorm::eval);
    let counter = |name: &str, why, tracked: i64, shape: Shape| {
        Case::new(format!("batch_norm/{name}"), why, move |g| {
            counting(g, tracked, shape)
        })
    };
    let saved = |name: &str, why, shape: Shape, values| {
        let name = format!("batch_norm/{name}");
        Case::new(name, why, move |g| saving(g, shape)).with(values)
    };
    let mut infinite = case(
        "infinity_train",
        "an infinity makes its channel's mean infinite, as in PyTorch, and its outputs NaN",
        &[2, 2, 2, 4],
        train(),
    );
    infinite.given = vec![("x".to_owned(), one_infinity())];
    let mut many = case(
        "infinities_train",
        "infinities of one sign make the mean infinite, of both NaN, wherever they are merged",
        &[2, 3, 16, 40],
        train(),
    );
    many.given = vec![("x".to_owned(), infinities())];
    let mut apart = case(
        "two_means_train",
        "parts of two channels far from each other, merged apart: the pivot is the channel's own",
        &[2, 2, 640, 900],
        train(),
    );
    apart.given = vec![("x".to_owned(), two_means())];
    let mut cases = vec![
        infinite,
        many,
        apart,
        case(
            "1d_16",
            "the project's material: BatchNorm1d(16)",
            &[100, 16, 784],
            train(),
        ),
        case(
            "1d_3",
            "the project's material: BatchNorm1d(3)",
            &[16, 3, 784],
            train(),
        ),
        case(
            "2d_train",
            "the project's material: BatchNorm2d(16)",
            &[1, 16, 7, 7],
            train(),
        ),
        case(
            "2d_eval",
            "the project's material: BatchNorm2d(16)",
            &[1, 16, 7, 7],
            eval(),
        ),
        plain(
            "2d_train_plain",
            "without weight and bias",
            &[5, 3, 7, 9],
            train().momentum(0.3),
        ),
        plain(
            "2d_eval_plain",
            "without weight and bias",
            &[5, 3, 7, 9],
            eval().eps(1e-3),
        ),
        case(
            "two_dimensions_train",
            "[N, C]: planes of one element",
            &[33, 5],
            train(),
        ),
        case(
            "two_dimensions_eval",
            "[N, C]: planes of one element",
            &[33, 5],
            eval(),
        ),
        case(
            "many_parts_train",
            "one channel that fills a device: more parts than two eights merge",
            &[2, 1, 640, 900],
            train(),
        ),
        case(
            "small_planes_train",
            "a thread has a lane of one plane in some of 19 pictures",
            &[19, 2048, 4, 4],
            train(),
        ),
        case(
            "small_odd_planes_train",
            "a thread has a lane of two planes in some of 37 pictures",
            &[37, 512, 7, 7],
            train(),
        ),
        case(
            "three_elements_train",
            "a thread has a lane of more planes in some of 70 pictures",
            &[70, 4096, 3],
            train(),
        ),
        case(
            "pictures_within_lanes_train",
            "pictures begin within lanes",
            &[70, 1023, 3],
            train(),
        ),
        case(
            "small_planes_eval",
            "a thread has a lane of one plane in some of 19 pictures",
            &[19, 2048, 4, 4],
            eval(),
        ),
        case(
            "small_odd_planes_eval",
            "a thread has a lane of two planes in some of 37 pictures",
            &[37, 512, 7, 7],
            eval(),
        ),
        case(
            "odd_planes_eval",
            "large planes that end within lanes",
            &[1, 2, 301, 451],
            eval(),
        ),
        case(
            "nobody_within_lanes_train",
            "no picture, and none would begin at a lane",
            &[0, 3, 3],
            train(),
        ),
        case("3d_train", "three dimensions", &[3, 5, 3, 4, 5], train()),
        case("3d_eval", "three dimensions", &[3, 5, 3, 4, 5], eval()),
        case(
            "shifted_train",
            "mean 1e4, std 1e-2: E[x^2] - E[x]^2 has no digit left",
            &[4, 3, 16, 17],
            train(),
        )
        .with(Shifted),
        case(
            "shifted_train_lanes",
            "mean 1e4, std 1e-2, planes of whole lanes",
            &[4, 3, 16, 16],
            train(),
        )
        .with(Shifted),
        case(
            "constant_train",
            "variance 0: the output is the bias",
            &[4, 3, 8, 8],
            train(),
        )
        .with(Constant),
        case(
            "specials_train",
            "NaN and infinities",
            &[4, 5, 3, 3],
            train(),
        )
        .with(Rare),
        case(
            "specials_eval",
            "NaN and infinities stay where they are",
            &[4, 5, 3, 4],
            eval(),
        )
        .with(Rare),
        case(
            "two_values",
            "the fewest that have a variance",
            &[2, 3, 1, 1],
            train(),
        ),
        case(
            "momentum_0",
            "the statistics stay, the counter counts",
            &[4, 3, 5, 5],
            train().momentum(0.0),
        ),
        case(
            "momentum_1",
            "the statistics are the batch's",
            &[4, 3, 5, 5],
            train().momentum(1.0),
        ),
        case(
            "nobody_train",
            "a batch of 0: the counter counts, the statistics stay",
            &[0, 3, 4, 4],
            train(),
        ),
        case("nobody_eval", "a batch of 0", &[0, 3, 4, 4], eval()),
        case(
            "many_planes",
            "small planes: blocks go along the batch",
            &[128, 9, 4, 4],
            train(),
        ),
        case(
            "one_plane",
            "a channel is one long plane, in parts",
            &[1, 2, 300, 452],
            train(),
        ),
        case(
            "one_odd_plane",
            "a channel is one long plane of single-element lanes",
            &[1, 2, 301, 451],
            train(),
        ),
        case(
            "many_channels",
            "more than 65535 channels",
            &[2, 65_537, 2],
            train(),
        ),
        saved(
            "saved",
            "what a gradient needs, by workgroups of a channel",
            &[3, 5, 16, 40],
            Reals,
        ),
        saved(
            "saved_planes",
            "the same by threads that have several channels",
            &[70, 1023, 3],
            Reals,
        ),
        saved(
            "saved_shifted",
            "the mean is far from 0",
            &[4, 3, 16, 17],
            Shifted,
        ),
        saved(
            "saved_specials",
            "NaN and infinities reach the statistics of their channel",
            &[4, 5, 3, 3],
            Rare,
        ),
        saved(
            "saved_many_parts",
            "the same where parts are merged apart",
            &[2, 2, 640, 900],
            Reals,
        ),
        saved("saved_nobody", "a batch of 0", &[0, 3, 4, 4], Reals),
        counter("counter", "41 -> 42", 41, &[3, 2, 4]),
        counter(
            "counter_carry",
            "the low word overflows into the high one",
            (1 << 32) - 1,
            &[3, 2, 4],
        ),
        counter(
            "counter_carry_many_parts",
            "the same where parts are merged apart",
            (1 << 32) - 1,
            &[2, 2, 640, 900],
        ),
    ];
    // Reductions over few channels of many elements, and many of few.
    let channels: [(&str, &[usize]); 2] = [
        ("few_channels", &[20, 6, 65_536]),
        ("many_channels", &[128, 2048, 4, 4]),
    ];
    let shapes = [&BENCH_SHAPES[..], &channels].concat();
    for (what, layer) in [("eval", eval()), ("train", train())] {
        cases.extend(at_bench_shapes("batch_norm", what, &shapes, |g, shape| {
            graph(g, shape, true, layer)
        }));
    }
    cases.extend(at_bench_shapes("batch_norm", "", &SIZES, |g, shape| {
        graph(g, shape, true, train())
    }));
    cases
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    let dims = rng.usize(0..=3);
    let shape = random_shape(rng, dims, [1, 70, 24, 9][dims]);
    let layer = pick(rng, &[BatchNorm::eval(), BatchNorm::train()])
        .momentum(pick(rng, &[0.1, 0.0, 0.5, 1.0]))
        .eps(pick(rng, &[1e-5, 1e-3]));
    let mut made = Graph::new();
    graph(&mut made, &shape, rng.bool(), layer)?;
    Ok(made)
}
