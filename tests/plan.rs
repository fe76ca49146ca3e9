//! Plans without a GPU: memory that is shared only between values that do not live together, wgpu's usage rule,
//! alignment and limits, pipelines, fusion, folded and cut grids, and the printed form.

#[path = "plan/bytes.rs"]
mod bytes;
#[path = "plan/cuts.rs"]
mod cuts;
#[path = "plan/fusion.rs"]
mod fusion;
#[path = "plan/grids.rs"]
mod grids;
#[path = "plan/memory.rs"]
mod memory;
#[path = "plan/networks.rs"]
mod networks;
#[path = "plan/seconds.rs"]
mod seconds;
#[path = "plan/units.rs"]
mod units;

use std::collections::BTreeSet;
use wgcnn::cases::{Case, named};
use wgcnn::ops::MaxPool;
use wgcnn::plan::{Limits, Options, Plan};
use wgcnn::{DType, Graph, Result};

/// A plan of every named case, by the name of the case.
fn plans(limits: &Limits, options: Options) -> Result<Vec<(String, Plan)>> {
    let plan = |case: Case| -> Result<(String, Plan)> {
        let plan = Plan::new(&case.graph, limits, options)?;
        Ok((case.name, plan))
    };
    named().into_iter().map(plan).collect()
}

/// `sigmoid(sigmoid(... x))` over vectors of floats.
fn sigmoids(count: usize, length: usize) -> Result<Graph> {
    let mut graph = Graph::new();
    let mut y = graph.input("x", [length], DType::F32)?;
    for _ in 0..count {
        y = graph.sigmoid(y)?;
    }
    graph.output("y", y)?;
    Ok(graph)
}

/// Max pools that keep the extents of their input, one per kernel.
fn pools(kernels: &[usize]) -> Result<Graph> {
    let mut graph = Graph::new();
    let mut y = graph.input("x", [1, 3, 20, 24], DType::F32)?;
    for &kernel in kernels {
        let pool = MaxPool::new([kernel, kernel]).stride([1, 1]);
        y = graph.max_pool(y, pool.padding([kernel / 2, kernel / 2]))?;
    }
    graph.output("y", y)?;
    Ok(graph)
}

/// On a CPU, where threads hold planes.
fn plan_of_cpu(graph: &Graph) -> Result<Plan> {
    let limits = Limits {
        thread_sums: 256,
        ..Limits::default()
    };
    Plan::new(graph, &limits, Options::default())
}

fn plan(graph: &Graph) -> Result<Plan> {
    Plan::new(graph, &Limits::default(), Options::default())
}

#[test]
fn equal_layers_share_a_pipeline_and_others_do_not() -> Result<()> {
    for (kernels, pipelines) in [(&[3, 3, 3, 3, 3][..], 1), (&[3, 5, 3, 5][..], 2)] {
        let plan = plan(&pools(kernels)?)?;
        assert_eq!(
            plan.dispatches.len(),
            kernels.len(),
            "dispatches of {kernels:?}"
        );
        assert_eq!(plan.pipelines(), pipelines, "pipelines of {kernels:?}");
    }
    assert_eq!(
        plan(&sigmoids(12, 1000)?)?.pipelines(),
        1,
        "pipelines of 12 equal layers"
    );
    Ok(())
}

#[test]
fn a_pipeline_is_a_kernel_and_its_constants() -> Result<()> {
    for (case, plan) in plans(&Limits::default(), Options::default())? {
        let dispatches = plan.dispatches.iter();
        let keys = dispatches
            .map(|dispatch| format!("{} {:?}", dispatch.kernel.label(), dispatch.constants));
        assert_eq!(
            plan.pipelines(),
            keys.collect::<BTreeSet<_>>().len(),
            "{case}"
        );
    }
    Ok(())
}

#[test]
fn a_plan_prints_a_line_per_dispatch_and_a_summary() -> Result<()> {
    for (case, plan) in plans(&Limits::default(), Options::default())? {
        let text = plan.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines.len(),
            plan.dispatches.len() + plan.fusions.len() + 2,
            "{case}: lines of\n{text}"
        );
        for (line, dispatch) in lines.iter().zip(&plan.dispatches) {
            let grid = dispatch.grid.map(|count| count.to_string()).join("x");
            let (read, written) = plan.traffic(dispatch);
            let numbers = [read, written].map(|bytes| format!("{bytes} B"));
            let parts = [
                &dispatch.node,
                &dispatch.kernel.label(),
                &grid,
                &numbers[0],
                &numbers[1],
            ];
            for part in parts {
                assert!(
                    line.contains(part),
                    "{case}: {part:?} is missing in {line:?}"
                );
            }
        }
        let needs = lines[lines.len() - 1];
        let numbers = [plan.largest_binding(), plan.largest_buffer()];
        let numbers = numbers.map(|bytes| format!("{bytes} B"));
        assert!(
            numbers.iter().all(|number| needs.contains(number)),
            "{case}: {needs}"
        );
        let summary = lines[lines.len() - 2];
        let (dispatches, pipelines) = (plan.dispatches.len(), plan.pipelines());
        let once = plan.prologue;
        let counts = format!("{dispatches} dispatches, {once} of them once, {pipelines} pipelines");
        let arenas = format!(
            "{} arenas, {} B",
            plan.arenas.len(),
            plan.arenas.iter().sum::<u64>()
        );
        assert!(
            summary.contains(&counts) && summary.contains(&arenas),
            "{case}: {summary}"
        );
    }
    Ok(())
}

#[test]
fn a_plan_needs_what_it_says() -> Result<()> {
    for case in named() {
        let plan = plan(&case.graph)?;
        let buffers = u32::try_from(plan.storage_buffers()).unwrap_or(u32::MAX);
        let needs = Limits {
            max_storage_buffer_binding_size: plan.largest_binding(),
            max_buffer_size: plan.largest_buffer(),
            max_storage_buffers_per_shader_stage: buffers,
            ..Limits::default()
        };
        let fits = Plan::new(&case.graph, &needs, Options::default());
        assert!(fits.is_ok(), "{}: {:?}", case.name, fits.err());
        // With a smaller binding it is another plan, or none.
        let smaller = Limits {
            max_storage_buffer_binding_size: plan.largest_binding().saturating_sub(1),
            ..needs.clone()
        };
        if let Ok(smaller) = Plan::new(&case.graph, &smaller, Options::default()) {
            let binding = smaller.largest_binding();
            let largest = plan.largest_binding();
            assert!(binding < largest.max(1), "{}: {binding}", case.name);
        }
        let fewer = Limits {
            max_storage_buffers_per_shader_stage: buffers.saturating_sub(1),
            ..needs.clone()
        };
        if let Ok(fewer) = Plan::new(&case.graph, &fewer, Options::default()) {
            let most = plan.storage_buffers().max(1);
            assert!(
                fewer.storage_buffers() < most,
                "{}: as many buffers",
                case.name
            );
        }
    }
    Ok(())
}

#[test]
fn the_plan_of_a_graph_is_always_the_same() -> Result<()> {
    for options in [Options::default(), Options::CHECKED] {
        let twice = plans(&Limits::default(), options)?.into_iter();
        for ((case, first), (_, second)) in twice.zip(plans(&Limits::default(), options)?) {
            assert!(
                first == second,
                "{case}: two plans differ\n{first}\n{second}"
            );
        }
    }
    Ok(())
}

#[test]
fn inputs_outputs_and_variables_are_those_of_the_graph() -> Result<()> {
    for case in named() {
        let plan = plan(&case.graph)?;
        let fed = case.inputs();
        assert_eq!(plan.inputs.len(), fed.len(), "{}: inputs", case.name);
        for ((name, slot, ty), (fed_name, tensor)) in plan.inputs.iter().zip(&fed) {
            assert_eq!((name, ty), (fed_name, &tensor.ty()), "{}: input", case.name);
            assert_eq!(
                plan.slots[*slot].bytes,
                ty.bytes() as u64,
                "{}: {name}",
                case.name
            );
        }
        assert!(!plan.outputs.is_empty(), "{}: no output", case.name);
        let variables = plan.variables.iter().map(|(name, _, _)| name);
        let names: BTreeSet<&String> = variables.collect();
        let known = case.variables().names();
        assert_eq!(
            names,
            known.iter().collect::<BTreeSet<_>>(),
            "{}: variables",
            case.name
        );
        for update in &plan.updates {
            let ours = plan
                .variables
                .iter()
                .any(|(_, slot, _)| *slot == update.variable);
            assert!(ours, "{}: an update of slot {}", case.name, update.variable);
        }
    }
    Ok(())
}
