//! Graphs with a dispatch that is predicted to take a second, a little less, a little more: of the plan tests, and of those
//! that run them.

use wgcnn::bench::operations;
use wgcnn::ops::Conv;
use wgcnn::plan::{Limits, Options, Plan};
use wgcnn::{DType, Graph, Result};

/// A graph on a device so slow that a dispatch of it takes about a second.
pub(crate) struct Boundary {
    pub(crate) what: &'static str,
    pub(crate) graph: Graph,
    pub(crate) limits: Limits,
    /// Into how many parts that dispatch is cut.
    pub(crate) parts: usize,
}

/// One that moves bytes and makes no operations that are counted.
fn relu() -> Result<Graph> {
    let mut graph = Graph::new();
    let x = graph.input("x", [50_000], DType::F32)?;
    let y = graph.relu(x)?;
    graph.output("y", y)?;
    Ok(graph)
}

/// One that does both.
fn conv() -> Result<Graph> {
    let mut graph = Graph::new();
    let x = graph.input("x", [1, 3, 40, 36], DType::F32)?;
    let weight = graph.input("weight", [16, 3, 3, 3], DType::F32)?;
    let y = graph.conv(x, weight, None, Conv::new(2))?;
    graph.output("y", y)?;
    Ok(graph)
}

/// Operations and bytes of the dispatch of a graph that moves most.
fn costs(graph: &Graph, limits: &Limits) -> Result<[u64; 2]> {
    let plan = Plan::new(graph, limits, Options::default())?;
    let bytes = plan.dispatches.iter().map(|dispatch| {
        let (read, written) = plan.traffic(dispatch);
        read + written
    });
    Ok([operations(graph), bytes.max().unwrap_or(0)])
}

/// By bytes alone, and half a second by operations with half a second by bytes: quotients that are exact in f64. `limits`:
/// all but the rates.
pub(crate) fn boundaries(limits: &Limits) -> Result<Vec<Boundary>> {
    let mut boundaries = Vec::new();
    let mut add = |what, graph: &Graph, [operations, bytes]: [u64; 2], parts| {
        boundaries.push(Boundary {
            what,
            graph: graph.clone(),
            limits: Limits {
                operations_per_second: operations,
                bytes_per_second: bytes,
                ..limits.clone()
            },
            parts,
        });
    };
    let relu = relu()?;
    let [_, bytes] = costs(&relu, limits)?;
    add("less than a second of bytes", &relu, [1, bytes + 1], 1);
    add("a second of bytes", &relu, [1, bytes], 1);
    add("more than a second of bytes", &relu, [1, bytes - 1], 2);
    let conv = conv()?;
    let [operations, bytes] = costs(&conv, limits)?.map(|cost| 2 * cost);
    add("fewer operations", &conv, [operations + 1, bytes], 1);
    add("a second of both", &conv, [operations, bytes], 1);
    add("more operations", &conv, [operations - 1, bytes], 2);
    add("more bytes", &conv, [operations, bytes - 1], 2);
    Ok(boundaries)
}
