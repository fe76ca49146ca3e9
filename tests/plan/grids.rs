//! Grids above an adapter's limit: folded into dispatches that cover every workgroup once.

use super::{plans, sigmoids};
use wgcnn::Result;
use wgcnn::cases::named;
use wgcnn::plan::{Dispatch, Limits, Options, Plan};

/// An adapter with this many workgroups per dimension.
fn adapter(workgroups: u32) -> Limits {
    Limits {
        max_compute_workgroups_per_dimension: workgroups,
        ..Limits::default()
    }
}

/// Workgroup at which a dispatch begins: the first three words of its parameters.
fn origin(dispatch: &Dispatch) -> [u32; 3] {
    let (words, _) = dispatch.params.as_chunks::<4>();
    [0, 1, 2].map(|axis| u32::from_ne_bytes(words[axis]))
}

fn volume(grid: [u32; 3]) -> u64 {
    grid.into_iter().map(u64::from).product()
}

/// First and one behind the last workgroup of a dispatch, per axis.
fn range(part: &Dispatch) -> [(u32, u32); 3] {
    let origin = origin(part);
    [0, 1, 2].map(|axis| (origin[axis], origin[axis] + part.grid[axis]))
}

/// Parts that are disjoint, within the grid and together as many workgroups as the grid cover it exactly.
fn assert_covers(parts: &[Dispatch], whole: &Dispatch, limit: u32) {
    let name = &whole.node;
    for (index, part) in parts.iter().enumerate() {
        let range = range(part);
        let axes = range.into_iter().zip(part.grid).zip(whole.grid);
        for (((_, end), size), count) in axes {
            assert!((1..=limit).contains(&size), "{name}: {:?}", part.grid);
            assert!(end <= count, "{name}: beyond the grid");
        }
        for other in &parts[..index] {
            let mut axes = range.into_iter().zip(self::range(other));
            let overlap = axes.all(|((from, to), (begin, end))| from < end && begin < to);
            assert!(
                !overlap,
                "{name}: parts {:?} and {range:?} overlap",
                self::range(other)
            );
        }
        let same = part.kernel == whole.kernel
            && part.constants == whole.constants
            && part.params[12..] == whole.params[12..]
            && part.reads == whole.reads
            && part.writes == whole.writes;
        assert!(same, "{name}: a part is another dispatch");
    }
    let covered: u64 = parts.iter().map(|part| volume(part.grid)).sum();
    assert_eq!(covered, volume(whole.grid), "{name}: workgroups");
}

/// Takes from `folded` the parts of `whole`, as many as make up its workgroups.
fn assert_folds(folded: &mut &[Dispatch], whole: &Dispatch, limit: u32) {
    let (mut count, mut covered) = (0, 0);
    while covered < volume(whole.grid) && count < folded.len() {
        covered += volume(folded[count].grid);
        count += 1;
    }
    let all = *folded;
    let (parts, rest) = all.split_at(count);
    assert_covers(parts, whole, limit);
    *folded = rest;
}

fn largest(plan: &Plan) -> u32 {
    let grids = plan.dispatches.iter().flat_map(|dispatch| dispatch.grid);
    grids.max().unwrap_or(0)
}

#[test]
fn every_grid_of_every_case_is_covered_under_any_limit() -> Result<()> {
    let unlimited = plans(&adapter(u32::MAX), Options::default())?;
    for (case, (name, whole)) in named().iter().zip(unlimited) {
        let largest = largest(&whole);
        for limit in [largest / 2, largest.saturating_sub(1), largest, largest + 1] {
            let limit = limit.max(1);
            let folded = Plan::new(&case.graph, &adapter(limit), Options::default())?;
            let mut parts = folded.dispatches.as_slice();
            for whole in &whole.dispatches {
                assert_eq!(
                    origin(whole),
                    [0; 3],
                    "{name}: an unfolded grid begins at 0"
                );
                assert_folds(&mut parts, whole, limit);
            }
            assert!(
                parts.is_empty(),
                "{name}: {} dispatches too many",
                parts.len()
            );
        }
    }
    Ok(())
}

#[test]
fn a_grid_at_the_limit_is_one_dispatch_and_one_above_it_two() -> Result<()> {
    let graph = sigmoids(1, 50_000)?;
    let dispatches = |limit| -> Result<Vec<([u32; 3], [u32; 3])>> {
        let plan = Plan::new(&graph, &adapter(limit), Options::default())?;
        let dispatches = plan.dispatches.iter();
        Ok(dispatches
            .map(|dispatch| (origin(dispatch), dispatch.grid))
            .collect())
    };
    let whole = dispatches(u32::MAX)?;
    let count = whole[0].1[0];
    assert_eq!(whole, [([0, 0, 0], [count, 1, 1])], "a row of workgroups");
    assert!(count > 2, "{count} workgroups cannot be folded");
    assert_eq!(dispatches(count + 1)?, whole, "one below the limit");
    assert_eq!(dispatches(count)?, whole, "at the limit");
    let halves = [
        ([0, 0, 0], [count - 1, 1, 1]),
        ([count - 1, 0, 0], [1, 1, 1]),
    ];
    assert_eq!(dispatches(count - 1)?, halves, "one above the limit");
    Ok(())
}

#[test]
fn the_parts_of_a_grid_share_a_pipeline() -> Result<()> {
    let graph = sigmoids(2, 50_000)?;
    let plan = Plan::new(&graph, &adapter(5), Options::default())?;
    assert!(
        plan.dispatches.len() > 2,
        "a limit of 5 workgroups folds:\n{plan}"
    );
    assert_eq!(plan.pipelines(), 1);
    Ok(())
}
