//! Cases of [`Normalize`].

use super::{Case, at_bench_shapes, pick};
use crate::error::Result;
use crate::graph::Graph;
use crate::ops::Normalize;
use crate::tensor::DType;
use fastrand::Rng;

/// Pictures of about as many elements, and of rows as long, as the other layers have.
const PICTURES: [(&str, &[usize]); 4] = [
    ("large", &[8, 448, 448, 3]),
    ("odd", &[25, 75, 113, 3]),
    ("picture", &[1, 300, 451, 3]),
    ("tiny_planes", &[10_923, 7, 7, 3]),
];

fn graph(graph: &mut Graph, shape: &[usize], attributes: Normalize) -> Result<()> {
    let x = graph.input("x", shape, DType::U8)?;
    let y = graph.normalize(x, attributes)?;
    graph.output("y", y)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, why, shape: &'static [usize], attributes: Normalize| {
        Case::new(format!("normalize/{name}"), why, move |g| {
            graph(g, shape, attributes)
        })
    };
    let mut cases = vec![
        case(
            "batch",
            "rows that begin within a word",
            &[3, 5, 7, 3],
            Normalize::imagenet(),
        ),
        case(
            "grey",
            "one channel",
            &[2, 9, 13, 1],
            Normalize::new([0.13], [0.31]),
        ),
        case(
            "four",
            "four channels",
            &[2, 3, 5, 4],
            Normalize::new([0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 3.0, 4.0]),
        ),
        case(
            "workgroups",
            "several workgroups a picture, several pictures",
            &[3, 40, 51, 3],
            Normalize::imagenet(),
        ),
        case("pixel", "a single pixel", &[1, 1, 3], Normalize::imagenet()),
        case(
            "nobody",
            "a batch of 0",
            &[0, 4, 4, 3],
            Normalize::imagenet(),
        ),
    ];
    cases.extend(at_bench_shapes("normalize", "", &PICTURES, |g, shape| {
        graph(g, shape, Normalize::imagenet())
    }));
    if let Some(photograph) = photograph() {
        let mut case = case(
            "photograph",
            "ImageNet normalisation of a photograph",
            &[300, 451, 3],
            Normalize::imagenet(),
        );
        case.given = vec![("x".to_owned(), photograph)];
        cases.push(case);
    }
    cases
}

/// The built-in photograph; decoding it needs the command line's libraries.
fn photograph() -> Option<crate::tensor::Tensor> {
    #[cfg(feature = "cli")]
    return crate::picture::built_in().ok();
    #[cfg(not(feature = "cli"))]
    return None;
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    let channels = rng.usize(1..=4);
    let mut shape = vec![rng.usize(1..=30), rng.usize(1..=30), channels];
    if rng.bool() {
        shape.insert(0, pick(rng, &[1, 2, 3]));
    }
    let mean: Vec<f32> = (0..channels).map(|_| rng.f32()).collect();
    let std: Vec<f32> = (0..channels).map(|_| 0.1 + rng.f32()).collect();
    let mut made = Graph::new();
    graph(&mut made, &shape, Normalize::new(mean, std))?;
    Ok(made)
}
