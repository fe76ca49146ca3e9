//! Cases of [`AvgPool`].

use super::{BENCH_SHAPES, Case, Values, at_bench_shapes, each, pick, random_shape};
use crate::error::Result;
use crate::graph::Graph;
use crate::ops::AvgPool;
use crate::tensor::DType;
use fastrand::Rng;

fn graph(graph: &mut Graph, shape: &[usize], pool: AvgPool) -> Result<()> {
    let x = graph.input("x", shape, DType::F32)?;
    let y = graph.avg_pool(x, pool)?;
    graph.output("y", y)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, why, shape: &'static [usize], pool: AvgPool| {
        Case::new(format!("avg_pool/{name}"), why, move |g| {
            graph(g, shape, pool)
        })
    };
    let k = |kernel: &[usize]| AvgPool::new(kernel);
    let overlap = || AvgPool::new([3, 3]).stride([2, 2]).padding([1, 1]);
    let ceil = || overlap().ceil_mode(true);
    let mut cases = vec![
        case(
            "2d_k2_s2",
            "windows side by side",
            &[1, 16, 14, 14],
            k(&[2, 2]),
        ),
        case(
            "overlap",
            "windows share rows and columns",
            &[2, 3, 13, 11],
            overlap(),
        ),
        case(
            "held_planes_stride_1",
            "a thread has whole planes, and as many outputs",
            &[45, 33, 7, 7],
            overlap().stride([1, 1]),
        ),
        case(
            "held_planes",
            "a thread has whole planes, the last one fewer of them than others",
            &[45, 33, 7, 7],
            ceil(),
        ),
        case(
            "held_planes_exclude",
            "the same where only elements count",
            &[45, 34, 6, 9],
            ceil().count_include_pad(false),
        ),
        case(
            "held_planes_divisor",
            "the same with a divisor of its own",
            &[45, 33, 7, 7],
            k(&[3, 2]).divisor_override(-7),
        ),
        case(
            "ceil_include",
            "padding counts, what ceil mode adds does not",
            &[2, 3, 6, 6],
            ceil(),
        ),
        case(
            "ceil_exclude",
            "only elements count",
            &[2, 3, 6, 6],
            ceil().count_include_pad(false),
        ),
        case(
            "ceil_no_padding",
            "the last window is cut by the input",
            &[2, 3, 8, 6],
            k(&[3, 3]).stride([2, 2]).ceil_mode(true),
        ),
        case(
            "divisor",
            "a divisor of its own beats both",
            &[2, 3, 6, 7],
            overlap().divisor_override(7),
        ),
        case(
            "divisor_negative",
            "a negative divisor is legal",
            &[2, 3, 6, 7],
            ceil().divisor_override(-3),
        ),
        case(
            "specials",
            "NaN and infinities reach every window that holds them",
            &[2, 3, 13, 11],
            overlap(),
        )
        .with(Values::Rare),
        case(
            "dense",
            "windows of five rows, which all share a row, six of a thread on a CPU",
            &[64, 32, 24, 9],
            k(&[5, 5]).stride([1, 1]).padding([2, 2]),
        )
        .with(Values::Rare),
        case(
            "wide_window",
            "a stretch of more segments than the kernel writes out",
            &[2, 3, 9, 40],
            k(&[2, 21]).stride([3, 2]).padding([1, 10]),
        ),
        case(
            "photograph",
            "one window of many rows and segments: nearly as many turns as a thread may take",
            &[1, 2, 300, 451],
            k(&[300, 451]),
        ),
        case(
            "deep",
            "more slices than a dimension has workgroups",
            &[1, 1, 70_000, 2, 3],
            k(&[3, 2, 2]).stride([1, 1, 1]),
        ),
        case(
            "workgroups",
            "several workgroups along each axis",
            &[2, 2, 3, 2060],
            k(&[3, 3]).stride([1, 1]).padding([1, 1]),
        ),
        case(
            "half_a_thread",
            "rows of 12: the last thread of eight columns has four",
            &[2, 3, 5, 24],
            overlap(),
        ),
        case(
            "narrowing",
            "rows of whole lanes in, of single elements out",
            &[2, 3, 6, 8],
            k(&[2, 3]).stride([2, 2]),
        ),
        case(
            "1d",
            "one dimension",
            &[3, 5, 31],
            k(&[3]).stride([2]).padding([1]),
        ),
        case(
            "3d",
            "three dimensions",
            &[2, 3, 5, 7, 9],
            k(&[2, 3, 2])
                .stride([1, 2, 2])
                .padding([1, 1, 0])
                .count_include_pad(false),
        ),
        case(
            "whole",
            "the kernel is the input",
            &[2, 3, 7, 5],
            k(&[7, 5]),
        ),
        case("nobody", "a batch of 0", &[0, 3, 6, 6], k(&[2, 2])),
    ];
    let pools = [("2x2", k(&[2, 2])), ("3x3", overlap())];
    for (what, pool) in pools {
        cases.extend(at_bench_shapes(
            "avg_pool",
            what,
            &BENCH_SHAPES,
            |g, shape| graph(g, shape, pool.clone()),
        ));
    }
    cases
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    let dims = rng.usize(1..=3);
    let shape = random_shape(rng, dims, [70, 24, 9][dims - 1]);
    let pool = AvgPool {
        kernel: each(rng, dims, &[1, 2, 2, 3, 3, 5]),
        stride: each(rng, dims, &[1, 2, 2, 3, 4]),
        padding: each(rng, dims, &[0, 0, 1, 2]),
        ceil_mode: rng.bool(),
        count_include_pad: rng.bool(),
        divisor_override: pick(rng, &[None, None, Some(5), Some(-2)]),
    };
    let mut made = Graph::new();
    graph(&mut made, &shape, pool)?;
    Ok(made)
}
