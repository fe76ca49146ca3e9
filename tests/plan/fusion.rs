//! Fusion: which kernels are left, and that they move the bytes of what goes in and what comes out, and no others.

use super::plan;
use wgcnn::cases::{find, named};
use wgcnn::ops::{BatchNorm, BatchNormState, Conv, Interpolate, MaxPool};
use wgcnn::plan::{Limits, Options, Plan};
use wgcnn::{DType, Error, Graph, Result, Tensor, Value};

const UNFUSED: Options = Options {
    reuse: true,
    guard: 0,
    fuse: false,
};

fn kernels(plan: &Plan) -> Vec<&'static str> {
    let dispatches = plan.dispatches.iter();
    dispatches.map(|dispatch| dispatch.kernel.name).collect()
}

fn moved(plan: &Plan) -> u64 {
    let dispatches = plan.dispatches.iter();
    let bytes = dispatches.map(|dispatch| plan.traffic(dispatch));
    bytes.map(|(read, written)| read + written).sum()
}

/// Bytes of a tensor of f32.
fn f32s<const RANK: usize>(shape: [u64; RANK]) -> u64 {
    4 * shape.iter().product::<u64>()
}

/// Bytes moved for the affine functions of this many channels: four vectors read, a table of four written, and read.
fn affine(channels: u64) -> u64 {
    3 * f32s([channels, 4])
}

/// Bytes moved for the filters: read, packed in tiles of this many, read.
fn packed([filters, channels, h, w]: [u64; 4], tile: u64) -> u64 {
    let tiles = f32s([filters.next_multiple_of(tile), channels, h, w]);
    f32s([filters, channels, h, w]) + 2 * tiles
}

/// Bytes of the zeros of an absent bias.
fn bias(filters: u64) -> u64 {
    f32s([filters])
}

/// Bytes moved for the statistics of a batch, which are cut into so many parts a channel, besides those of what is normalised:
/// the parts written, and read with the state; the new state; what the second pass reads.
fn statistics(channels: u64, parts: u64) -> u64 {
    const COUNTER: u64 = 8;
    let state = f32s([channels, 4]);
    let of_parts = f32s([channels, parts, 4]);
    state + COUNTER + of_parts + COUNTER + state + (of_parts + state) + f32s([channels, 2])
}

/// The same where a convolution makes the parts, and a pass merges them into one.
fn made(channels: u64, parts: u64) -> u64 {
    2 * f32s([channels, parts, 4]) + statistics(channels, 1)
}

/// Bytes of the filters of 3x3 and the bias of a depthwise convolution of so many channels.
fn depthwise(channels: u64) -> u64 {
    f32s([channels, 9]) + bias(channels)
}

/// The tables of a nearest-neighbour interpolation to so many rows and columns: of columns, by eights, of rows and slices.
fn nearest(rows: u64, columns: u64) -> u64 {
    f32s([columns.next_multiple_of(8)]) + f32s([rows + 1])
}

/// A case, the kernels that are left of it, and the bytes that they move.
type Row = (&'static str, &'static [&'static str], u64);

fn rows() -> Vec<Row> {
    // Its inputs are variables: it is of the prologue, which goes first. The filters are inputs in these cases.
    const TABLE: &str = "batch_norm_affine";
    const PACKED: &[&str] = &[TABLE, "conv_pack", "conv_tile"];
    let aligned = f32s([2, 3, 12, 16]);
    let unaligned = f32s([2, 3, 9, 11]);
    vec![
        (
            "norm-relu-max_pool",
            &[TABLE, "max_pool"],
            affine(3) + aligned + f32s([2, 3, 6, 8]),
        ),
        (
            "norm-relu-overlapping",
            &[TABLE, "max_pool"],
            affine(3) + unaligned + f32s([2, 3, 5, 6]),
        ),
        (
            "norm-relu-dilated",
            &[TABLE, "max_pool"],
            affine(3) + f32s([2, 3, 3, 2]) + f32s([2, 3, 1, 1]),
        ),
        (
            "relu-max_pool",
            &["max_pool"],
            unaligned + f32s([2, 3, 4, 5]),
        ),
        (
            "norm-relu-avg_pool",
            &[TABLE, "avg_pool"],
            affine(3) + aligned + f32s([2, 3, 6, 8]),
        ),
        (
            "max_pool-norm-add-relu",
            &[TABLE, "max_pool"],
            affine(3) + unaligned + 2 * f32s([2, 3, 4, 5]),
        ),
        (
            "avg_pool-norm-add-relu",
            &[TABLE, "avg_pool"],
            affine(3) + aligned + 2 * f32s([2, 3, 6, 8]),
        ),
        (
            "conv-norm-add-relu",
            PACKED,
            packed([9, 3, 3, 3], 8) + affine(9) + bias(9) + aligned + 2 * f32s([2, 9, 12, 16]),
        ),
        (
            "depthwise-norm-relu-pointwise",
            &[
                TABLE,
                TABLE,
                TABLE,
                "conv_depthwise",
                "conv_pack",
                "conv_pointwise",
            ],
            // x, the filters, z; z, y.
            2 * affine(8)
                + f32s([2, 8, 9, 11])
                + f32s([8, 9])
                + bias(8)
                + 2 * f32s([2, 8, 9, 11])
                + packed([16, 8, 1, 1], 8)
                + affine(16)
                + bias(16)
                + f32s([2, 16, 9, 11]),
        ),
        (
            "norm-relu-long",
            &[TABLE, TABLE, "conv"],
            2 * affine(2) + f32s([2, 2, 9, 9]) + bias(2) + 3 * f32s([1, 2, 9, 45]),
        ),
        (
            "norm-add-relu",
            &[TABLE, "batch_norm"],
            affine(9) + 3 * f32s([2, 9, 3]),
        ),
        (
            "nearest-norm-add-relu",
            &[TABLE, "interpolate"],
            // The tables of columns, by eights, and of rows and slices.
            affine(3) + 3 * unaligned + f32s([16]) + f32s([9 + 1]),
        ),
        (
            "nearest-conv",
            &[TABLE, TABLE, "conv_pack", "conv_tile"],
            packed([5, 3, 3, 3], 8)
                + affine(3)
                + affine(5)
                + bias(5)
                + aligned
                + f32s([2, 5, 24, 32]),
        ),
        (
            "nearest-depthwise",
            &["conv_depthwise", "sigmoid"],
            f32s([2, 8, 9, 11]) + f32s([8, 9]) + bias(8) + 3 * f32s([2, 8, 18, 22]),
        ),
        (
            "concat-add-relu",
            &["concat", "concat"],
            3 * f32s([2, 7, 5, 7]),
        ),
        ("idle", &["relu", "add"], 4 * f32s([2, 3, 5, 7])),
        (
            "conv-add-norm-relu",
            &[TABLE, "conv_pack", "conv_tile", "batch_norm"],
            // x, skip, sum; sum, y.
            packed([9, 3, 3, 3], 8) + bias(9) + unaligned + affine(9) + 4 * f32s([2, 9, 9, 11]),
        ),
        (
            "norm-relu-conv-norm-relu-conv",
            &[
                TABLE,
                TABLE,
                "conv_pack",
                "conv_pointwise",
                "conv_pack",
                "conv_tile",
            ],
            affine(3)
                + aligned
                + packed([5, 3, 1, 1], 8)
                + bias(5)
                + affine(5)
                + 2 * f32s([2, 5, 12, 16])
                + packed([4, 5, 3, 3], 4)
                + bias(4)
                + f32s([2, 4, 12, 16]),
        ),
        (
            "strided",
            &[TABLE, TABLE, "conv_pack", "conv_tile"],
            affine(3)
                + affine(5)
                + packed([5, 3, 3, 3], 8)
                + bias(5)
                + aligned
                + f32s([2, 5, 6, 8]),
        ),
        (
            "train-add-relu",
            &["batch_norm_moments", "batch_norm_normalize"],
            4 * unaligned + statistics(3, 4),
        ),
        (
            "nearest-4x1-conv",
            &[
                "conv_pack",
                "conv_tile",
                "interpolate",
                "conv_pack",
                "conv_tile",
            ],
            packed([3, 3, 5, 5], 4)
                + bias(3)
                + unaligned
                + 2 * f32s([2, 3, 36, 11])
                + nearest(36, 33)
                + 2 * f32s([2, 3, 36, 33])
                + packed([5, 3, 3, 3], 8)
                + bias(5)
                + f32s([2, 5, 18, 17]),
        ),
        (
            "nearest-long",
            &["interpolate", "conv"],
            f32s([1, 2, 9, 20])
                + nearest(18, 40)
                + 3 * f32s([1, 2, 18, 40])
                + f32s([2, 2, 33, 33])
                + bias(2),
        ),
        (
            "shared",
            &[
                TABLE,
                "conv_pack",
                "conv_tile",
                "batch_norm",
                "relu",
                "add",
                "interpolate",
                "conv_pack",
                "conv_tile",
            ],
            // x, conv; conv, norm; norm, relu; conv, relu, sum; sum.
            packed([3, 3, 3, 3], 4)
                + bias(3)
                + affine(3)
                + 10 * f32s([2, 3, 12, 10])
                + nearest(24, 20)
                + 2 * f32s([2, 3, 24, 20])
                + packed([4, 3, 3, 3], 4)
                + bias(4)
                + f32s([2, 4, 24, 20]),
        ),
        (
            "residual",
            &[
                TABLE,
                TABLE,
                TABLE,
                "conv_pack",
                "conv_tile",
                "conv_pack",
                "conv_tile",
                "conv_pack",
                "conv_pointwise",
            ],
            // x, a; a, b; x, b, y.
            3 * (affine(3) + bias(3))
                + 2 * packed([3, 3, 3, 3], 4)
                + packed([3, 3, 1, 1], 4)
                + 7 * f32s([2, 3, 12, 10]),
        ),
        (
            "depthwise-train",
            &[
                TABLE,
                "conv_depthwise",
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            affine(7) + depthwise(7) + 4 * f32s([3, 7, 40, 65]) + made(7, 3 * 9),
        ),
        (
            "depthwise-train-aligned",
            &["conv_depthwise", "batch_norm_merge", "batch_norm_normalize"],
            f32s([2, 5, 33, 20]) + depthwise(5) + 3 * f32s([2, 5, 33, 40]) + made(5, 2 * 5),
        ),
        (
            "depthwise-train-few",
            &[
                "conv_depthwise",
                "batch_norm_moments",
                "batch_norm_normalize",
            ],
            depthwise(3) + 5 * unaligned + statistics(3, 4),
        ),
        (
            "depthwise-train-nobody",
            &["batch_norm_moments", "batch_norm_normalize"],
            statistics(3, 1),
        ),
        (
            "conv-train",
            &[
                "conv_pack",
                "conv_tile",
                "batch_norm_moments",
                "batch_norm_normalize",
            ],
            packed([5, 3, 3, 3], 8)
                + bias(5)
                + unaligned
                + 4 * f32s([2, 5, 9, 11])
                + statistics(5, 4),
        ),
        (
            "two-trains",
            &[
                "conv_depthwise",
                "batch_norm_merge",
                "batch_norm_normalize",
                "batch_norm_merge",
                "batch_norm_normalize",
            ],
            // The moments are written once and read twice.
            f32s([2, 3, 24, 40]) + depthwise(3) + 5 * f32s([2, 3, 22, 38]) + 2 * made(3, 2 * 3)
                - f32s([3, 2 * 3, 4]),
        ),
    ]
}

#[test]
fn every_case_of_fusion_has_its_bytes() {
    let rows: Vec<_> = rows().into_iter().map(|(name, ..)| name).collect();
    for case in named() {
        // Those of `bench` and those in f16 have the graph of another one, but for extents and types.
        let name = case.name.strip_prefix("fusion/");
        let name = name.filter(|name| !name.starts_with("large_") && !name.contains('+'));
        assert!(
            name.is_none_or(|name| rows.contains(&name)),
            "{}",
            case.name
        );
    }
}

#[test]
fn fused_kernels_move_what_goes_in_and_what_comes_out() -> Result<()> {
    for (name, left, bytes) in rows() {
        let plan = plan(&find(&format!("fusion/{name}"))?.graph)?;
        assert_eq!(kernels(&plan), left, "{name}\n{plan}");
        assert_eq!(moved(&plan), bytes, "{name}\n{plan}");
    }
    Ok(())
}

#[test]
fn a_fused_plan_never_moves_more_but_for_tables() -> Result<()> {
    let mut fewer = 0;
    for case in named() {
        let fused = plan(&case.graph)?;
        let unfused = Plan::new(&case.graph, &Limits::default(), UNFUSED)?;
        let tables = fused.dispatches.iter();
        let tables = tables.filter(|dispatch| dispatch.kernel.name == "batch_norm_affine");
        let tables: u64 = tables.map(|table| 2 * fused.traffic(table).1).sum();
        assert!(moved(&fused) <= moved(&unfused) + tables, "{}", case.name);
        assert!(unfused.fusions.is_empty(), "{}", case.name);
        fewer += usize::from(moved(&fused) < moved(&unfused));
    }
    assert!(fewer > 100, "fusion is in the plans of {fewer} cases");
    Ok(())
}

/// What the plan of a graph says about its nodes.
fn says(build: impl FnOnce(&mut Graph, Value) -> Result<Value>) -> Result<Vec<String>> {
    let mut graph = Graph::new();
    let x = graph.input("x", [2, 4, 12, 16], DType::F32)?;
    let y = build(&mut graph, x)?;
    graph.output("y", y)?;
    Ok(plan(&graph)?.fusions)
}

fn weight(graph: &mut Graph, side: usize) -> Result<Value> {
    let count = 16 * side * side;
    Ok(graph.constant(Tensor::new([4, 4, side, side], vec![0.5f32; count])?))
}

#[test]
fn a_plan_says_what_did_not_fuse_and_why() -> Result<()> {
    let same = || Conv::new(2).padding([1, 1]);
    let twice = Interpolate::scale_factor([2.0, 2.0]);
    let uneven = Interpolate::size([17, 21]);
    let lines = says(|g, x| {
        let w = weight(g, 3)?;
        let y = g.conv(x, w, None, same())?;
        let relu = g.relu(y)?;
        g.add(y, relu)
    })?;
    let expected = "not fused: relu.1: what conv.0 computes has 2 uses";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");

    let lines = says(|g, x| {
        let y = g.sigmoid(x)?;
        g.relu(y)
    })?;
    let expected = "not fused: relu.1: sigmoid.0 has no place for it on its way out";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");

    let lines = says(|g, x| {
        let (w, y) = (weight(g, 3)?, g.interpolate(x, uneven)?);
        g.conv(y, w, None, same())
    })?;
    let expected =
        "not fused: interpolate.0: it does not repeat every row and column equally often";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");

    let lines = says(|g, x| {
        let (w, y) = (weight(g, 3)?, g.interpolate(x, twice)?);
        let y = g.conv(y, w, None, same())?;
        g.relu(y)
    })?;
    let expected = [
        "fused: interpolate.0 into conv.1",
        "fused: relu.2 into interpolate.0+conv.1",
    ];
    assert_eq!(lines, expected);
    Ok(())
}

#[test]
fn relu_moves_behind_a_pool_only_where_no_bit_changes() -> Result<()> {
    let moves = |pool: MaxPool, rounded: bool| -> Result<bool> {
        let lines = says(|g, x| {
            let mut y = x;
            if rounded {
                let state = BatchNormState::variables(g, "bn", 4, true)?;
                y = g.batch_norm(y, &state, BatchNorm::train())?;
            }
            let y = g.relu(y)?;
            g.max_pool(y, pool)
        })?;
        Ok(lines.iter().any(|line| line.contains(" before relu")))
    };
    let pool = || MaxPool::new([2, 2]);
    assert!(moves(pool(), true)?, "behind a batch norm");
    assert!(
        !moves(pool(), false)?,
        "behind an input, whose zeros may be negative"
    );
    assert!(
        !moves(pool().dilation([2, 1]), true)?,
        "a window may be empty"
    );
    Ok(())
}

#[test]
fn a_fused_graph_keeps_the_values_of_a_clone() -> Result<()> {
    // Values of a graph and of its clone name the same nodes.
    let mut graph = Graph::new();
    let x = graph.input("x", [2, 3], DType::F32)?;
    let a = graph.relu(x)?;
    let mut clone = graph.clone();
    let b = clone.relu(x)?;
    let sum = clone.add(a, b)?;
    clone.output("y", sum)?;
    assert!(matches!(graph.relu(b), Err(Error::ForeignValue { .. })));
    assert_eq!(
        kernels(&plan(&clone)?),
        ["relu", "add"],
        "equal nodes are one"
    );
    Ok(())
}
