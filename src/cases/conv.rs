//! Cases of [`Conv`].

mod rows;

use super::{BENCH_SHAPES, Case, SIZES, Values, at_bench_shapes, each, pick, random_shape};
use crate::error::Result;
use crate::graph::Graph;
use crate::ops::Conv;
use crate::tensor::DType;
use fastrand::Rng;

fn graph(
    graph: &mut Graph,
    shape: &[usize],
    weight: &[usize],
    bias: bool,
    conv: Conv,
) -> Result<()> {
    let x = graph.input("x", shape, DType::F32)?;
    let filters = weight[0];
    let weight = graph.input("weight", weight, DType::F32)?;
    let bias = if bias {
        Some(graph.input("bias", [filters], DType::F32)?)
    } else {
        None
    };
    let y = graph.conv(x, weight, bias, conv)?;
    graph.output("y", y)
}

type Shape = &'static [usize];

/// Filters over a tensor, and a bias.
fn case(name: &str, why: &'static str, shape: Shape, weight: Shape, conv: Conv) -> Case {
    Case::new(format!("conv/{name}"), why, move |g| {
        graph(g, shape, weight, true, conv)
    })
}

/// One row and column of zeros around the input.
fn same() -> Conv {
    Conv::new(2).padding([1, 1])
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(
            "3x3",
            "the common filter",
            &[2, 5, 9, 11],
            &[7, 5, 3, 3],
            same(),
        ),
        case(
            "strided",
            "strides differ",
            &[2, 3, 12, 15],
            &[4, 3, 3, 5],
            Conv::new(2).stride([2, 3]).padding([1, 2]),
        ),
        case(
            "dilated",
            "dilations differ",
            &[2, 3, 12, 15],
            &[4, 3, 3, 2],
            Conv::new(2).dilation([2, 3]).padding([2, 1]),
        ),
        case(
            "groups",
            "output o reads group o / (O / groups), not o % groups",
            &[2, 6, 7, 9],
            &[9, 2, 3, 3],
            same().groups(3),
        ),
        case(
            "depthwise",
            "one filter a channel",
            &[2, 7, 9, 10],
            &[7, 1, 3, 3],
            same().groups(7),
        ),
        case(
            "depthwise_held_planes",
            "a thread has whole planes, the last one fewer of them than others",
            &[45, 33, 7, 7],
            &[33, 1, 3, 3],
            same().groups(33),
        ),
        case(
            "depthwise_held_planes_whole",
            "the same with filters that are whole lanes",
            &[50, 32, 7, 7],
            &[32, 1, 3, 3],
            same().groups(32),
        ),
        case(
            "depthwise_held_planes_strided",
            "the same with one row of zeros too many, and taps apart",
            &[45, 34, 6, 9],
            &[34, 1, 3, 3],
            Conv::new(2)
                .padding([2, 1])
                .stride([2, 3])
                .dilation([1, 3])
                .groups(34),
        ),
        case(
            "depthwise_strided",
            "one filter a channel, strides differ",
            &[2, 5, 11, 24],
            &[5, 1, 2, 3],
            Conv::new(2).stride([3, 2]).padding([1, 0]).groups(5),
        ),
        case(
            "depthwise_dilated",
            "one filter a channel, dilations differ",
            &[2, 5, 9, 12],
            &[5, 1, 3, 3],
            Conv::new(2).dilation([2, 1]).padding([2, 1]).groups(5),
        ),
        case(
            "depthwise_narrowing",
            "rows of whole lanes in, of single elements out",
            &[2, 3, 6, 12],
            &[3, 1, 3, 3],
            Conv::new(2).groups(3),
        ),
        case(
            "depthwise_widening",
            "rows of single elements in, of whole lanes out",
            &[2, 3, 6, 14],
            &[3, 1, 3, 3],
            Conv::new(2).groups(3),
        ),
        case(
            "depthwise_wide",
            "one filter a channel, the most rows and taps that are held",
            &[2, 3, 9, 12],
            &[3, 1, 5, 5],
            Conv::new(2).padding([2, 2]).groups(3),
        ),
        case(
            "depthwise_wide_rows",
            "the same with enough work for six output rows a thread, on a CPU",
            &[64, 32, 24, 9],
            &[32, 1, 5, 5],
            Conv::new(2).padding([2, 2]).groups(32),
        ),
        case(
            "depthwise_wide_strided",
            "the same with strides that differ, of odd widths",
            &[2, 3, 13, 31],
            &[3, 1, 5, 4],
            Conv::new(2).stride([2, 3]).padding([2, 1]).groups(3),
        ),
        case(
            "depthwise_wider",
            "one filter a channel, too large to be held",
            &[2, 3, 9, 12],
            &[3, 1, 6, 7],
            Conv::new(2).padding([3, 3]).groups(3),
        ),
        case(
            "depthwise_1d",
            "one filter a channel, one dimension",
            &[2, 5, 19],
            &[5, 1, 3],
            Conv::new(1).padding([1]).groups(5),
        ),
        case(
            "depthwise_multiplier",
            "two filters a channel",
            &[2, 5, 9, 10],
            &[10, 1, 3, 3],
            same().groups(5),
        ),
        case(
            "pointwise",
            "1x1",
            &[2, 17, 5, 7],
            &[9, 17, 1, 1],
            Conv::new(2),
        ),
        case(
            "tile_plus_one",
            "a tile is 8 filters: 9",
            &[2, 3, 5, 6],
            &[9, 3, 3, 3],
            same(),
        ),
        case(
            "tile_minus_one",
            "a tile is 8 filters: 7",
            &[2, 3, 5, 6],
            &[7, 3, 3, 3],
            same(),
        ),
        case(
            "asymmetric",
            "1x5",
            &[2, 3, 6, 11],
            &[4, 3, 1, 5],
            Conv::new(2).padding([0, 2]),
        ),
        case(
            "same_even",
            "the odd zero goes to the end",
            &[2, 3, 6, 7],
            &[4, 3, 2, 4],
            Conv::new(2).padding_same(),
        ),
        case(
            "1d",
            "one dimension",
            &[3, 5, 31],
            &[4, 5, 3],
            Conv::new(1).stride([2]).padding([1]),
        ),
        case(
            "whole",
            "the filter is the padded input",
            &[2, 3, 4, 5],
            &[4, 3, 6, 7],
            same(),
        ),
        case(
            "wide_padding",
            "padding beyond the filter",
            &[1, 2, 3, 4],
            &[3, 2, 2, 2],
            Conv::new(2).padding([5, 6]),
        ),
        case(
            "long",
            "a filter longer than a thread's registers",
            &[1, 2, 3, 64],
            &[3, 2, 2, 29],
            Conv::new(2).stride([1, 2]),
        ),
        case(
            "long_padded",
            "a filter longer than a thread's registers, rows in the padding",
            &[1, 2, 4, 64],
            &[3, 2, 3, 29],
            Conv::new(2).stride([1, 2]).padding([2, 9]),
        ),
        case(
            "wide_stride",
            "windows far apart",
            &[1, 2, 5, 80],
            &[3, 2, 2, 3],
            Conv::new(2).stride([1, 11]),
        ),
        case(
            "specials",
            "NaN and infinities reach the windows that hold them",
            &[2, 3, 9, 11],
            &[4, 3, 3, 3],
            same(),
        )
        .with(Values::Rare),
        case(
            "pointwise_groups",
            "groups that do not see each other",
            &[2, 12, 3, 5],
            &[9, 4, 1, 1],
            Conv::new(2).groups(3),
        ),
        case(
            "channels",
            "nearly as many turns as a thread may take, all of them in the sum",
            &[1, 4600, 4, 5],
            &[9, 4600, 3, 3],
            Conv::new(2),
        ),
        case(
            "large_filter",
            "nearly as many turns as a thread may take, all of them in the sum",
            &[1, 16, 60, 60],
            &[2, 16, 60, 60],
            Conv::new(2),
        ),
        case(
            "workgroups",
            "several workgroups along each axis",
            &[2, 3, 5, 1100],
            &[9, 3, 3, 3],
            same(),
        ),
        case(
            "depthwise_workgroups",
            "several workgroups along each axis",
            &[2, 2, 9, 2060],
            &[2, 1, 3, 3],
            same().groups(2),
        ),
        case(
            "nobody",
            "a batch of 0",
            &[0, 3, 6, 6],
            &[4, 3, 3, 3],
            same(),
        ),
        Case::new("conv/one_tap", "a sum begins at 0: never -0.0", |g| {
            graph(
                g,
                &[2, 3, 8, 9],
                &[3, 1, 1, 1],
                false,
                Conv::new(2).groups(3),
            )
        }),
        Case::new("conv/no_bias", "the bias is optional", |g| {
            graph(g, &[2, 3, 6, 7], &[4, 3, 3, 3], false, same())
        }),
        case(
            "large_3x3",
            "compute-bound",
            &[8, 64, 112, 112],
            &[64, 64, 3, 3],
            same(),
        )
        .bench(),
        case(
            "large_pointwise",
            "between the two",
            &[8, 64, 112, 112],
            &[64, 64, 1, 1],
            Conv::new(2),
        )
        .bench(),
        case(
            "large_depthwise_5x5",
            "a wide filter a channel: as in mobile networks",
            &[8, 64, 112, 112],
            &[64, 1, 5, 5],
            Conv::new(2).padding([2, 2]).groups(64),
        )
        .bench(),
    ];
    cases.extend(rows::cases());
    cases.push(
        case(
            "large_first_layer",
            "few channels, a wide filter: the first layer of a network",
            &[8, 3, 224, 224],
            &[64, 3, 7, 7],
            Conv::new(2).stride([2, 2]).padding([3, 3]),
        )
        .bench(),
    );
    cases.extend(at_bench_shapes(
        "conv",
        "depthwise",
        &BENCH_SHAPES,
        |g, shape| {
            let channels = shape[1];
            graph(
                g,
                shape,
                &[channels, 1, 3, 3],
                true,
                same().groups(channels),
            )
        },
    ));
    cases.extend(at_bench_shapes("conv", "", &SIZES[..4], |g, shape| {
        let channels = shape[1];
        graph(g, shape, &[channels, channels, 3, 3], true, same())
    }));
    cases
}

pub(super) fn random(rng: &mut Rng) -> Result<Graph> {
    let dims = rng.usize(1..=2);
    let (groups, channels, filters) = if rng.u8(0..4) == 0 {
        (rng.usize(1..=7), 1, 1)
    } else {
        let groups = pick(rng, &[1, 1, 1, 2, 3]);
        (groups, rng.usize(1..=6), rng.usize(1..=11))
    };
    let mut shape = random_shape(rng, dims, [60, 20][dims - 1]);
    shape[1] = channels * groups;
    let mut weight = vec![filters * groups, channels];
    weight.extend(each(rng, dims, &[1, 2, 3, 3, 5]));
    let mut conv = Conv::new(dims)
        .stride(each(rng, dims, &[1, 1, 2, 3]))
        .padding(each(rng, dims, &[0, 1, 1, 2, 3]))
        .dilation(each(rng, dims, &[1, 1, 2, 3]))
        .groups(groups);
    if rng.u8(0..5) == 0 {
        conv = conv.stride(vec![1; dims]).padding_same();
    }
    let mut made = Graph::new();
    graph(&mut made, &shape, &weight, rng.bool(), conv)?;
    Ok(made)
}
