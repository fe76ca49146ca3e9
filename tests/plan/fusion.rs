//! Fusion: what is in the plan of which graph, and what the plan says of it.

use super::plan;
use wgcnn::cases::named;
use wgcnn::ops::{BatchNorm, BatchNormState, Conv, Interpolate, MaxPool};
use wgcnn::plan::{Limits, Options, Plan};
use wgcnn::{DType, Error, Graph, Result, Tensor, Value};

const UNFUSED: Options = Options {
    reuse: true,
    guard: 0,
    fuse: false,
};

pub(super) fn kernels(plan: &Plan) -> Vec<&'static str> {
    let dispatches = plan.dispatches.iter();
    dispatches.map(|dispatch| dispatch.kernel.name).collect()
}

pub(super) fn moved(plan: &Plan) -> u64 {
    let dispatches = plan.dispatches.iter();
    let bytes = dispatches.map(|dispatch| plan.traffic(dispatch));
    bytes.map(|(read, written)| read + written).sum()
}

#[test]
fn a_fused_plan_never_moves_more_but_for_tables() -> Result<()> {
    let mut fewer = 0;
    for case in named() {
        let fused = plan(&case.graph)?;
        let unfused = Plan::new(&case.graph, &Limits::default(), UNFUSED)?;
        let tables = fused.dispatches.iter();
        let tables = tables.filter(|dispatch| {
            ["batch_norm_affine", "batch_norm_statistics"].contains(&dispatch.kernel.name)
        });
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

/// Of f16 in planes of an odd number of elements, which begin within words.
#[test]
fn a_concat_of_shared_words_has_no_way_in() -> Result<()> {
    let lines = |width: usize| -> Result<Vec<String>> {
        let mut graph = Graph::new();
        let x = graph.input("x", [2, 4, 3, width], DType::F16)?;
        let other = graph.input("other", [2, 2, 3, width], DType::F16)?;
        let relu = graph.relu(x)?;
        let y = graph.concat(&[other, relu])?;
        graph.output("y", y)?;
        Ok(plan(&graph)?.fusions)
    };
    let no_place = "not fused: relu.0: concat.1 has no place for it on its way in";
    assert!(
        lines(5)?.iter().any(|line| line == no_place),
        "{:?}",
        lines(5)?
    );
    assert_eq!(lines(4)?, ["fused: relu.0 into concat.1"]);
    Ok(())
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
        g.output("relu", relu)?;
        g.add(y, relu)
    })?;
    let expected = "not fused: relu.1: what conv.0 computes has 2 uses";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");

    let lines = says(|g, x| {
        let relu = g.relu(x)?;
        let other = g.input("other", [2, 5, 12, 16], DType::F32)?;
        g.concat(&[other, relu])
    })?;
    let expected = "not fused: relu.0: concat.1 has more beside it, which would take longer";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");

    let lines = says(|g, x| {
        let relu = g.relu(x)?;
        g.concat(&[relu, relu])
    })?;
    let expected = "not fused: relu.0: concat.1 reads it more than once";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");

    let lines = says(|g, x| {
        let state = BatchNormState::variables(g, "bn", 4, true)?;
        let y = g.batch_norm(x, &state, BatchNorm::train())?;
        g.batch_norm(y, &state, BatchNorm::eval())
    })?;
    let expected = "not fused: batch_norm.1: batch_norm.0 has no place for it on its way out";
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

/// A batch norm in training normalises in the only kernel that reads its result, if that has a place for it.
#[test]
fn a_batch_norm_in_training_goes_as_far_as_its_table() -> Result<()> {
    let train = |g: &mut Graph, x| {
        let state = BatchNormState::variables(g, "bn", 4, true)?;
        g.batch_norm(x, &state, BatchNorm::train())
    };
    let pool = || MaxPool::new([2, 2]);
    let lines = says(|g, x| {
        let y = train(g, x)?;
        g.max_pool(y, pool())
    })?;
    assert_eq!(
        lines,
        [
            "fused: normalization of batch_norm.0 into max_pool.1",
            "not fused: batch_norm.0: its moments: no kernel computes its input"
        ]
    );

    let lines = says(|g, x| {
        let y = train(g, x)?;
        g.interpolate(y, Interpolate::scale_factor([2.0, 2.0]))
    })?;
    let expected = "fused: normalization of batch_norm.0 into interpolate.1";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");
    let expected =
        "not fused: interpolate.1: its result goes to no convolution, in whose loader it could be";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");

    let lines = says(|g, x| {
        let state = BatchNormState::variables(g, "bn", 4, true)?;
        let (y, saved) = g.batch_norm_saving(x, &state, BatchNorm::train())?;
        let mean = g.relu(saved.mean)?;
        g.output("mean", mean)?;
        Ok(y)
    })?;
    let expected = "not fused: relu.1: its input is not the result of batch_norm.0";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");

    let lines = says(|g, x| {
        let y = train(g, x)?;
        g.output("also", y)?;
        g.max_pool(y, pool())
    })?;
    let expected = "not fused: batch_norm.0: max_pool.1 is not the only one that reads it";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");

    // It has ReLU on its own way in.
    let lines = says(|g, x| {
        let relu = g.relu(x)?;
        let y = train(g, relu)?;
        g.max_pool(y, pool())
    })?;
    let expected =
        "not fused: relu.0+batch_norm.1: max_pool.2 has no place for what it does besides";
    assert!(lines.iter().any(|line| line == expected), "{lines:?}");
    Ok(())
}

#[test]
fn relu_moves_behind_a_pool_of_what_is_rounded() -> Result<()> {
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
