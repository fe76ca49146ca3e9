//! Cases of [`MaxPool`].

use super::{BENCH_SHAPES, Case, SIZES, Values, at_bench_shapes, each, random_shape};
use crate::error::Result;
use crate::graph::Graph;
use crate::ops::MaxPool;
use crate::tensor::DType;
use fastrand::Rng;

fn graph(graph: &mut Graph, shape: &[usize], pool: MaxPool) -> Result<()> {
    let x = graph.input("x", shape, DType::F32)?;
    let y = graph.max_pool(x, pool)?;
    graph.output("y", y)
}

pub(super) fn cases() -> Vec<Case> {
    use Values::{Rare, Specials};
    let case = |name: &str, why, shape: &'static [usize], pool: MaxPool| {
        Case::new(format!("max_pool/{name}"), why, move |g| {
            graph(g, shape, pool)
        })
    };
    let k = |kernel: &[usize]| MaxPool::new(kernel);
    let overlap = || MaxPool::new([3, 3]).stride([2, 2]).padding([1, 1]);
    let mut cases = vec![
        case(
            "2d_k2_s2",
            "the project's material: MaxPool2d(2, stride 2)",
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
            overlap().ceil_mode(true),
        )
        .with(Specials),
        case(
            "held_planes_dilated",
            "windows wholly in padding",
            &[45, 34, 6, 9],
            k(&[3, 2]).stride([1, 3]).padding([1, 1]).dilation([3, 5]),
        ),
        case(
            "held_rows",
            "a thread has whole signals",
            &[250, 12, 25],
            k(&[3]).stride([2]).padding([1]),
        ),
        case(
            "padding_never_wins",
            "all inputs may be negative at the border",
            &[2, 3, 5, 4],
            overlap(),
        ),
        case(
            "specials",
            "NaN wins, -0.0 and 0.0 tie, all -inf stays -inf",
            &[3, 5, 17, 19],
            overlap(),
        )
        .with(Specials),
        case(
            "extremes",
            "-inf and -3.4e38 are values, no identities",
            &[3, 5, 17, 19],
            overlap(),
        )
        .with(Values::Extremes),
        case(
            "specials_3d",
            "NaN wins across slices and rows",
            &[2, 3, 5, 6, 7],
            k(&[2, 3, 2]),
        )
        .with(Rare),
        case(
            "dense",
            "windows of five rows, which all share a row, six of a thread on a CPU",
            &[64, 32, 24, 9],
            k(&[5, 5]).stride([1, 1]).padding([2, 2]),
        )
        .with(Specials),
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
            "stride_above_kernel",
            "elements between windows are skipped",
            &[2, 3, 11, 13],
            k(&[1, 2]).stride([3, 5]),
        ),
        case(
            "ceil",
            "the last window hangs over",
            &[2, 3, 6, 8],
            k(&[3, 3]).stride([2, 2]).ceil_mode(true),
        ),
        case(
            "ceil_drops_the_last",
            "the last window would begin in the padding: 5 -> 3",
            &[2, 3, 5, 5],
            k(&[2, 2]).stride([2, 2]).padding([1, 1]).ceil_mode(true),
        ),
        case(
            "ceil_kernel_above_input",
            "ceil mode takes a kernel larger than the input",
            &[2, 3, 2, 2],
            k(&[3, 3]).stride([2, 2]).ceil_mode(true),
        ),
        case(
            "dilated",
            "taps apart",
            &[2, 3, 12, 15],
            k(&[3, 2]).stride([2, 1]).padding([1, 1]).dilation([2, 3]),
        ),
        case(
            "window_in_padding",
            "a dilated window wholly in padding is -inf",
            &[2, 3, 1, 1],
            k(&[2, 2]).stride([1, 1]).padding([1, 1]).dilation([2, 2]),
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
            k(&[2, 3, 2]).stride([1, 2, 2]).padding([1, 1, 0]),
        ),
        case(
            "whole",
            "the kernel is the input",
            &[2, 3, 7, 5],
            k(&[7, 5]),
        ),
        case("nobody", "a batch of 0", &[0, 3, 6, 6], k(&[2, 2])),
        case(
            "many_planes",
            "65536 planes, more than a dimension has workgroups",
            &[8192, 8, 2, 8],
            k(&[2, 2]),
        ),
        case(
            "huge_stride",
            "a stride beyond 32 bits has no effect on one window",
            &[1, 2, 5, 6],
            k(&[5, 6]).stride([usize::MAX, 1 << 40]),
        ),
    ];
    let pools = [("2x2", k(&[2, 2])), ("3x3", overlap())];
    for (what, pool) in pools {
        cases.extend(at_bench_shapes(
            "max_pool",
            what,
            &BENCH_SHAPES,
            |g, shape| graph(g, shape, pool.clone()),
        ));
    }
    cases.extend(at_bench_shapes("max_pool", "", &SIZES, |g, shape| {
        graph(g, shape, k(&[2, 2]))
    }));
    cases
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    let dims = rng.usize(1..=3);
    let shape = random_shape(rng, dims, [70, 24, 9][dims - 1]);
    let pool = MaxPool {
        kernel: each(rng, dims, &[1, 2, 2, 3, 3, 5]),
        stride: each(rng, dims, &[1, 2, 2, 3, 4]),
        padding: each(rng, dims, &[0, 0, 1, 2]),
        dilation: each(rng, dims, &[1, 1, 1, 2, 3]),
        ceil_mode: rng.bool(),
    };
    let mut made = Graph::new();
    graph(&mut made, &shape, pool)?;
    Ok(made)
}
