//! Cases of [`Interpolate`].

use super::{BENCH_SHAPES, Case, SIZES, Values, at_bench_shapes, pick, random_shape};
use crate::error::Result;
use crate::graph::Graph;
use crate::ops::Interpolate;
use crate::tensor::DType;
use fastrand::Rng;

fn graph(graph: &mut Graph, shape: &[usize], attributes: Interpolate) -> Result<()> {
    let x = graph.input("x", shape, DType::F32)?;
    let y = graph.interpolate(x, attributes)?;
    graph.output("y", y)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, why, shape: &'static [usize], attributes: Interpolate| {
        Case::new(format!("interpolate/{name}"), why, move |g| {
            graph(g, shape, attributes)
        })
    };
    let size = |size: &[usize]| Interpolate::size(size);
    let factor = |factor: &[f64]| Interpolate::scale_factor(factor);
    let mut cases = vec![
        case(
            "x2",
            "the project's material: nearest x2",
            &[1, 16, 7, 7],
            factor(&[2.0, 2.0]),
        ),
        case(
            "x3",
            "the project's material: nearest x3",
            &[1, 16, 7, 7],
            factor(&[3.0, 3.0]),
        ),
        case(
            "lanes",
            "rows of the output begin within lanes, of which the last of a row shows the next, too",
            &[2, 3, 5, 31],
            factor(&[2.0, 2.0]),
        ),
        case(
            "lanes_x1x2",
            "the same where rows are not repeated, and planes begin within lanes",
            &[3, 3, 5, 21],
            factor(&[1.0, 2.0]),
        ),
        case(
            "lanes_1d",
            "the same in one dimension",
            &[3, 5, 67],
            factor(&[2.0]),
        ),
        case(
            "lanes_short",
            "rows hardly longer than a lane",
            &[3, 5, 4, 5],
            factor(&[2.0, 2.0]),
        ),
        case(
            "held_planes",
            "a thread has whole planes, the last one fewer of them than others",
            &[45, 33, 7, 7],
            factor(&[2.0, 2.0]),
        ),
        case(
            "held_planes_x1x3",
            "columns alone are repeated",
            &[45, 33, 5, 10],
            factor(&[1.0, 3.0]),
        ),
        case(
            "down",
            "a size that is no divisor",
            &[2, 3, 13, 11],
            size(&[5, 4]),
        ),
        case(
            "up",
            "a size that is no multiple",
            &[2, 3, 5, 7],
            size(&[13, 9]),
        ),
        case(
            "f32_index",
            "2 -> 82: PyTorch's f32 index 41 is 0, the integer formula gives 1",
            &[1, 2, 2, 2],
            size(&[82, 82]),
        ),
        case(
            "factor_below_1",
            "10 * 0.75 = 7 by the factor's scale, not 10/7",
            &[1, 2, 10, 10],
            factor(&[0.75, 0.75]),
        ),
        case(
            "factor_rounds_down",
            "88 * (120/88) is 119 in double",
            &[1, 2, 88, 3],
            factor(&[120.0 / 88.0, 1.0]),
        ),
        case(
            "factor_keeps_extent",
            "in 2 dimensions an axis that keeps its extent is copied",
            &[1, 2, 10, 10],
            factor(&[1.05, 1.0]),
        ),
        case(
            "factor_keeps_extent_small",
            "... if height and width of the output add up to 128",
            &[1, 2, 125, 3],
            factor(&[1.005, 1.0]),
        ),
        case(
            "factor_keeps_extent_large",
            "... and not to 129",
            &[1, 2, 126, 3],
            factor(&[1.005, 1.0]),
        ),
        case(
            "factor_doubles",
            "in 2 dimensions an axis that doubles is repeated",
            &[1, 2, 62, 4],
            factor(&[2.005, 1.0]),
        ),
        case(
            "factor_doubles_large",
            "... but not beyond 128",
            &[1, 2, 63, 4],
            factor(&[2.005, 1.0]),
        ),
        case(
            "factor_keeps_extent_1d",
            "in 1 dimension it is not",
            &[1, 2, 10],
            factor(&[1.05]),
        ),
        case(
            "specials",
            "bits are moved, not interpreted",
            &[2, 3, 5, 7],
            size(&[9, 10]),
        )
        .with(Values::Specials),
        case("1d", "one dimension", &[3, 5, 31], size(&[47])),
        case(
            "3d",
            "three dimensions",
            &[2, 3, 4, 5, 6],
            factor(&[2.0, 1.5, 0.5]),
        ),
        case(
            "repeat_3",
            "a thread stores the three repetitions of four columns",
            &[2, 9, 5, 8],
            factor(&[2.0, 3.0]),
        ),
        case(
            "repeat_5",
            "more repetitions than a thread stores",
            &[2, 3, 5, 8],
            factor(&[1.0, 5.0]),
        ),
        case(
            "repeat_1",
            "the columns stay, the rows do not",
            &[2, 17, 5, 8],
            size(&[9, 8]),
        ),
        case(
            "repeat_rows",
            "the rows are repeated, the columns looked up",
            &[2, 3, 5, 7],
            factor(&[3.0, 1.5]),
        ),
        case(
            "repeat_rows_3d",
            "rows and columns are repeated in a volume, slices looked up",
            &[2, 3, 4, 5, 8],
            factor(&[1.5, 2.0, 2.0]),
        ),
        case(
            "deep",
            "more slices than a dimension has workgroups",
            &[1, 9, 700, 1, 3],
            size(&[32_000, 1, 2]),
        ),
        case(
            "workgroups",
            "several workgroups along each axis",
            &[2, 5, 3, 1040],
            factor(&[2.0, 2.0]),
        ),
        case(
            "far_apart",
            "four neighbours have sources in four lanes",
            &[2, 3, 3, 64],
            size(&[2, 4]),
        ),
        case(
            "widening",
            "rows of whole lanes in, of single elements out",
            &[2, 3, 5, 8],
            size(&[7, 11]),
        ),
        case("to_one", "one output", &[2, 3, 7, 5], size(&[1, 1])),
        case("nobody", "a batch of 0", &[0, 3, 4, 4], size(&[8, 8])),
    ];
    cases.extend(at_bench_shapes(
        "interpolate",
        "x2",
        &BENCH_SHAPES,
        |g, shape| graph(g, shape, factor(&[2.0, 2.0])),
    ));
    cases.extend(at_bench_shapes(
        "interpolate",
        "",
        &SIZES[..4],
        |g, shape| graph(g, shape, factor(&[2.0, 2.0])),
    ));
    cases
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    let dims = rng.usize(1..=3);
    let shape = random_shape(rng, dims, [70, 24, 9][dims - 1]);
    let attributes = if rng.bool() {
        let size: Vec<usize> = (0..dims)
            .map(|_| rng.usize(1..=[150, 50, 18][dims - 1]))
            .collect();
        Interpolate::size(size)
    } else {
        let factors = [0.3, 0.5, 0.75, 1.0, 1.05, 1.5, 2.0, 2.05, 3.0];
        let factor: Vec<f64> = (0..dims).map(|_| pick(rng, &factors)).collect();
        Interpolate::scale_factor(factor)
    };
    let mut made = Graph::new();
    graph(&mut made, &shape, attributes)?;
    Ok(made)
}
