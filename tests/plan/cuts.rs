//! Dispatches that would run too long, and filters of which not all can be bound.

use super::seconds::{Boundary, boundaries};
use wgcnn::plan::{Limits, Options, Plan};
use wgcnn::{Result, cases};

fn bytes(plan: &Plan) -> u64 {
    let dispatches = plan.dispatches.iter();
    let traffic = dispatches.map(|dispatch| plan.traffic(dispatch));
    traffic.map(|(read, written)| read + written).sum()
}

#[test]
fn a_dispatch_of_a_second_is_whole_and_one_of_more_is_two() -> Result<()> {
    for options in [Options::default(), Options::CHECKED] {
        let limits = Limits::default();
        for Boundary {
            what,
            graph,
            limits: slow,
            parts,
        } in boundaries(&limits)?
        {
            let whole = Plan::new(&graph, &limits, options)?;
            let cut = Plan::new(&graph, &slow, options)?;
            let more = cut.dispatches.len() - whole.dispatches.len();
            assert_eq!(more + 1, parts, "{what}:\n{cut}");
            // What the parts of a dispatch move is what it moves.
            assert_eq!(bytes(&cut), bytes(&whole), "{what}:\n{cut}");
        }
    }
    Ok(())
}

#[test]
fn on_a_cpu_filters_beyond_a_uniform_buffer_are_bound_part_by_part() -> Result<()> {
    // 64 filters of 64 channels of 3x3: 18 KiB for each eight of them, of 48 KiB.
    let case = cases::find("conv/large_3x3")?;
    let plan = |thread_sums| {
        let limits = Limits {
            thread_sums,
            ..Limits::default()
        };
        Plan::new(&case.graph, &limits, Options::default())
    };
    let (gpu, cpu) = (plan(64)?, plan(256)?);
    let convs = |plan: &Plan| -> Vec<_> {
        let dispatches = plan.dispatches.iter();
        let convs = dispatches.filter(|dispatch| dispatch.kernel.name != "conv_pack");
        convs.map(|dispatch| dispatch.slices.clone()).collect()
    };
    assert_eq!(convs(&gpu), [vec![]], "{gpu}");
    let windows = (0..4).map(|part| vec![(1, part * 36_864..part * 36_864 + 49_152)]);
    assert_eq!(convs(&cpu), windows.collect::<Vec<_>>(), "{cpu}");
    // Each part reads all of the input, [8, 64, 112, 112] of f32.
    let input = 8 * 64 * 112 * 112 * 4;
    assert_eq!(bytes(&cpu), bytes(&gpu) + 3 * input, "{cpu}");
    Ok(())
}
