//! Plans at the limits of a device: one below, at the limit, and one above.

use super::seconds::{Boundary, boundaries};
use super::session::{check, relu};
use super::{failed, limited};
use libtest_mimic::{Failed, Trial};
use wgcnn::cases::{Case, Values};
use wgcnn::check::{Comparison, on_device, on_device_altered};
use wgcnn::ops::{BatchNorm, BatchNormState, Conv, MaxPool};
use wgcnn::plan::{Options, Plan};
use wgcnn::{DType, Device, Graph, Result, Session, Tensor, Variables, cpu};

type Test = fn(&Device) -> Result<(), Failed>;

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let tests: [(&str, Test); 6] = [
        ("filters_are_cut_beyond_a_binding", filters_at_a_binding),
        ("tensors_are_cut_beyond_a_binding", at_a_binding),
        ("layers_are_cut_beyond_a_binding", layers_at_a_binding),
        ("a_grid_folds_beyond_the_limit_in_x", wide),
        ("a_grid_folds_beyond_the_limit_in_z", deep),
        ("a_dispatch_is_cut_beyond_a_second", at_a_second),
    ];
    let backend = device.adapter().backend.to_lowercase();
    let trial = |(name, test): (&str, Test)| {
        let device = device.clone();
        Trial::test(format!("{backend}/boundaries/{name}"), move || {
            test(&device)
        })
    };
    tests.into_iter().map(trial).collect()
}

/// A device whose bindings are as small as they are anywhere, so that little memory is beyond them.
fn small_bindings(device: &Device) -> Result<Device, Failed> {
    limited(device, |limits| {
        let smallest = wgpu::Limits::default().max_storage_buffer_binding_size;
        limits.max_storage_buffer_binding_size =
            limits.max_storage_buffer_binding_size.min(smallest);
    })
}

/// Tensors of a binding, of one element less, and of one more.
fn at_a_binding(device: &Device) -> Result<(), Failed> {
    let device = &small_bindings(device)?;
    let limit = device.limits().max_storage_buffer_binding_size;
    let most = usize::try_from(limit / 4)?;
    for elements in [most - 1, most, most + 1] {
        let graph = relu(elements).map_err(failed)?;
        let mut session = Session::new(device, &graph, &Variables::new()).map_err(failed)?;
        let parts = session.plan().dispatches.len();
        let expected = if elements > most { 2 } else { 1 };
        check(parts == expected, format!("{elements}: {parts} dispatches"))?;
        let values = (0..elements).map(|i| if i % 3 == 0 { -1.0 } else { (i % 1021) as f32 });
        let x = Tensor::new([elements], values.collect::<Vec<f32>>()).map_err(failed)?;
        let outputs = session.run([("x", &x)]).map_err(failed)?;
        let y = outputs["y"].as_f32().unwrap_or_default();
        let right = |(i, y): (usize, &f32)| {
            let expected = if i % 3 == 0 { 0.0 } else { (i % 1021) as f32 };
            y.to_bits() == expected.to_bits()
        };
        let wrong = y.iter().enumerate().position(|element| !right(element));
        check(
            wrong.is_none() && y.len() == elements,
            format!("{elements}: element {wrong:?}"),
        )?;
    }
    Ok(())
}

/// Windows and sums over tensors of a binding, of a row less, and of a row more, against the oracle.
fn layers_at_a_binding(device: &Device) -> Result<(), Failed> {
    let device = &small_bindings(device)?;
    let limit = device.limits().max_storage_buffer_binding_size;
    let rows = usize::try_from(limit / 4 / 4096)?;
    for rows in [rows - 1, rows, rows + 1] {
        let mut graph = Graph::new();
        let build = |graph: &mut Graph| -> Result<()> {
            let x = graph.input("x", [1, 1, rows, 4096], DType::F32)?;
            let y = graph.max_pool(x, MaxPool::new([3, 3]).stride([2, 2]).padding([1, 1]))?;
            graph.output("max_pool", y)?;
            let filters = graph.constant(Tensor::new(
                [2, 1, 1, 3],
                vec![1.0, -2.0, 1.0, 0.0, 1.0, 0.0],
            )?);
            let y = graph.conv(x, filters, None, Conv::new(2).stride([8, 8]))?;
            graph.output("conv", y)?;
            let state = BatchNormState::variables(graph, "bn", 1, false)?;
            let y = graph.batch_norm(x, &state, BatchNorm::train())?;
            let y = graph.max_pool(y, MaxPool::new([16, 16]))?;
            graph.output("batch_norm", y)
        };
        build(&mut graph).map_err(failed)?;
        let values = (0..rows * 4096).map(|i| (i * 2_654_435_761 % 1021) as f32 - 510.0);
        let x = Tensor::new([1, 1, rows, 4096], values.collect::<Vec<f32>>()).map_err(failed)?;
        let variables = Variables::initial(&graph);
        let (expected, _) = cpu::expect(&graph, &variables, &[("x", &x)], None).map_err(failed)?;
        let mut session = Session::new(device, &graph, &variables).map_err(failed)?;
        let cut = session
            .plan()
            .dispatches
            .iter()
            .any(|dispatch| !dispatch.slices.is_empty());
        check(
            cut == (rows as u64 * 4096 * 4 > limit),
            format!("{rows} rows: cut {cut}"),
        )?;
        let got = session.run([("x", &x)]).map_err(failed)?;
        let mut comparison = Comparison::default();
        for (name, expected) in &expected {
            comparison.add(name, expected, &got[name.as_str()]);
        }
        let wrong = comparison.wrong;
        check(wrong.is_none(), format!("{rows} rows: {wrong:?}"))?;
    }
    Ok(())
}

/// Filters of a binding, of a channel less, and of one more; of f16 they are twice as many packed. More of one tile than a uniform buffer
/// has, or a part of them would be bound as one.
fn filters_at_a_binding(device: &Device) -> Result<(), Failed> {
    let device = &limited(device, |limits| {
        limits.max_storage_buffer_binding_size = 1 << 20
    })?;
    let build = |channels: usize, side: usize, dtype: DType| {
        let mut graph = Graph::new();
        let x = graph.input("x", [2, channels, side, 3], dtype)?;
        let weight = graph.input("weight", [256, channels, side, side], dtype)?;
        let y = graph.conv(x, weight, None, Conv::new(2).padding([0, side / 2]))?;
        graph.output("y", y)?;
        Ok(graph)
    };
    // 1024 bytes a channel, or nine times as many.
    for (side, channels) in [(1, 1023..1026), (3, 171..172)] {
        for channels in channels {
            for dtype in [DType::F32, DType::F16] {
                // Without sentinels, which make a binding longer.
                let case = case(build(channels, side, dtype).map_err(failed)?);
                let (inputs, variables) = (case.inputs(), case.variables());
                let feeds = || inputs.iter().map(|(name, x)| (name.as_str(), x));
                let all: Vec<_> = feeds().collect();
                let (expected, _) =
                    cpu::expect(&case.graph, &variables, &all, None).map_err(failed)?;
                let mut session = Session::new(device, &case.graph, &variables).map_err(failed)?;
                let got = session.run(feeds()).map_err(failed)?;
                let mut comparison = Comparison::default();
                for (name, expected) in &expected {
                    comparison.add(name, expected, &got[name.as_str()]);
                }
                right(
                    comparison,
                    &format!("{channels} channels, {side}x{side}, {dtype:?}"),
                )?;
                // The weights are larger than a binding, or packed they are.
                let packed = 256 * channels * side * side * 4;
                let convs = session.plan().dispatches.iter();
                let convs = convs.filter(|dispatch| dispatch.kernel.name != "conv_pack");
                let cut = convs.count() > 1;
                check(
                    cut == (packed > 1 << 20),
                    format!("{channels} channels: cut"),
                )?;
            }
        }
    }
    Ok(())
}

/// A case of a graph that no list has.
fn case(graph: Graph) -> Case {
    Case {
        name: "boundary".to_owned(),
        why: "a boundary",
        graph,
        seed: 1,
        values: Values::Reals,
        bench: false,
        given: Vec::new(),
    }
}

fn right(comparison: Comparison, what: &str) -> Result<(), Failed> {
    match comparison.wrong {
        None => Ok(()),
        Some(wrong) => Err(Failed::from(format!("{what}: {wrong}"))),
    }
}

/// Runs grids of as many workgroups along an axis as there may be, of one less, and of one more. `build`: a graph with a
/// dispatch of one workgroup for 64 of what it counts, of the kernel.
fn at_a_fold(
    device: &Device,
    (kernel, axis): (&str, usize),
    build: fn(usize) -> Result<Graph>,
) -> Result<(), Failed> {
    let device = limited(device, |limits| {
        let smallest = wgpu::Limits::default().max_compute_workgroups_per_dimension;
        let most = &mut limits.max_compute_workgroups_per_dimension;
        *most = smallest.min(*most);
    })?;
    let most = device.limits().max_compute_workgroups_per_dimension;
    let count = 64 * most as usize;
    let below = (count - 64, vec![most - 1]);
    let above = (count + 1, vec![most, 1]);
    for (count, expected) in [below, (count, vec![most]), above] {
        let graph = build(count).map_err(failed)?;
        let plan = Plan::new(&graph, device.limits(), Options::default()).map_err(failed)?;
        let dispatches = plan.dispatches.iter();
        let of_kernel = dispatches.filter(|dispatch| dispatch.kernel.name == kernel);
        let grids: Vec<_> = of_kernel.map(|dispatch| dispatch.grid).collect();
        let row = |&along: &u32| {
            let mut grid = [1; 3];
            grid[axis] = along;
            grid
        };
        let expected: Vec<_> = expected.iter().map(row).collect();
        check(grids == expected, format!("{count}: {grids:?}"))?;
        let comparison = on_device(&device, &case(graph)).map_err(failed)?;
        right(comparison, &count.to_string())?;
    }
    Ok(())
}

/// The affine functions of channels: of the kernels whose threads lie along x that with the smallest workgroups.
fn wide(device: &Device) -> Result<(), Failed> {
    at_a_fold(device, ("batch_norm_affine", 0), |channels| {
        let mut graph = Graph::new();
        let x = graph.input("x", [1, channels], DType::F32)?;
        let state = BatchNormState::variables(&mut graph, "bn", channels, true)?;
        let y = graph.batch_norm(x, &state, BatchNorm::eval())?;
        graph.output("y", y)?;
        Ok(graph)
    })
}

/// Planes under windows of four rows, of which a thread has one.
fn deep(device: &Device) -> Result<(), Failed> {
    at_a_fold(device, ("max_pool", 2), |planes| {
        let mut graph = Graph::new();
        let x = graph.input("x", [1, planes, 4, 1], DType::F32)?;
        let y = graph.max_pool(x, MaxPool::new([4, 1]))?;
        graph.output("y", y)?;
        Ok(graph)
    })
}

/// Dispatches that are predicted to take a second, a little less, and a little more.
fn at_a_second(device: &Device) -> Result<(), Failed> {
    for boundary in boundaries(device.limits()).map_err(failed)? {
        let Boundary {
            what,
            graph,
            limits,
            parts,
        } = boundary;
        let plan = |limits, options| Plan::new(&graph, limits, options).map_err(failed);
        let whole = plan(device.limits(), Options::default())?;
        let cut = plan(&limits, Options::default())?;
        let more = cut.dispatches.len() - whole.dispatches.len();
        check(more + 1 == parts, format!("{what}: {cut}"))?;
        let slow = |plan: &mut Plan| {
            if let Ok(cut) = Plan::new(&graph, &limits, plan.options) {
                *plan = cut;
            }
        };
        let comparison = on_device_altered(device, &case(graph.clone()), slow).map_err(failed)?;
        right(comparison, what)?;
    }
    Ok(())
}
