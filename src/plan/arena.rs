//! Placement of temporaries.
//!
//! wgpu tracks usage per whole buffer: one dispatch may not bind a buffer both read-only and for writing, even for
//! disjoint ranges. So there are several arenas, and no dispatch writes one that it reads; a slot gets an offset in one of
//! those that is free for as long as it lives.

use super::{Limits, Place, Plan, SlotId, prologue};
use crate::error::{Error, Result};
use fastrand::Rng;

/// First and last step at which a slot must keep its contents. Step 0 writes the inputs, step `i + 1` is dispatch
/// `i`, and the step after the last dispatch copies outputs and updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Live {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Live {
    const fn overlaps(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// Live range of every slot; `None` for a slot that nothing touches.
pub(super) fn live_ranges(plan: &Plan) -> Vec<Option<Live>> {
    let mut ranges: Vec<Option<Live>> = vec![None; plan.slots.len()];
    let mut touch = |slot: SlotId, step: usize| {
        let range = ranges[slot].get_or_insert(Live {
            from: step,
            to: step,
        });
        range.from = range.from.min(step);
        range.to = range.to.max(step);
    };
    for (_, slot, _) in &plan.inputs {
        touch(*slot, 0);
    }
    for (index, dispatch) in plan.dispatches.iter().enumerate() {
        for &slot in dispatch.reads.iter().chain(&dispatch.writes) {
            touch(slot, index + 1);
        }
    }
    let end = plan.dispatches.len() + 1;
    for (_, slot, _) in &plan.outputs {
        touch(*slot, end);
    }
    for update in &plan.updates {
        touch(update.value, end);
    }
    // They are there for the next run, too.
    for slot in prologue::results(plan) {
        touch(slot, 0);
        touch(slot, end);
    }
    ranges
}

/// Slots that may not share a buffer with each slot: one is read where the other is written.
fn conflicts(plan: &Plan) -> Vec<Vec<SlotId>> {
    let mut conflicts = vec![Vec::new(); plan.slots.len()];
    for dispatch in &plan.dispatches {
        for &read in &dispatch.reads {
            for &write in &dispatch.writes {
                conflicts[read].push(write);
                conflicts[write].push(read);
            }
        }
    }
    conflicts
}

/// A slot that has its place.
#[derive(Clone, Copy)]
struct Placed {
    slot: SlotId,
    arena: usize,
    offset: u64,
    end: u64,
    live: Live,
}

/// A temporary that needs a place.
#[derive(Clone, Copy)]
struct Wanted {
    slot: SlotId,
    bytes: u64,
    live: Live,
}

/// Orders in which temporaries are placed, as keys of a sort: none is best for all graphs, so each is tried.
fn keys(wanted: &[Wanted]) -> Vec<Vec<u64>> {
    let key = |key: fn(&Wanted) -> u64| wanted.iter().map(key).collect::<Vec<u64>>();
    // As they come to life; those that stay longest first; the largest first, and the smaller ones into the gaps.
    let mut keys = vec![
        key(|wanted| wanted.live.from as u64),
        key(|wanted| u64::MAX - wanted.live.to.saturating_sub(wanted.live.from) as u64),
        key(|wanted| u64::MAX - wanted.bytes),
    ];
    // Then about as large, by a fixed seed, so that a graph has one plan.
    let mut rng = Rng::with_seed(1);
    let tries = (TRIES / wanted.len().pow(2).max(1)).min(MOST_TRIES);
    for _ in 0..tries {
        let about = wanted.iter().map(|wanted| {
            let part = wanted.bytes / 2;
            u64::MAX - (wanted.bytes - part).saturating_add(rng.u64(0..=wanted.bytes))
        });
        keys.push(about.collect());
    }
    keys
}

/// Most orders that are tried at random, and the most pairs of temporaries that they may look at together.
const MOST_TRIES: usize = 64;
const TRIES: usize = 1 << 22;

/// Gives every temporary its arena and offset: of the orders in which that can be done, by the one that needs the fewest
/// bytes.
pub(super) fn place(plan: &mut Plan, limits: &Limits) -> Result<()> {
    let ranges = live_ranges(plan);
    let temporary = |&slot: &SlotId| matches!(plan.slots[slot].place, Place::Arena { .. });
    let slots = (0..plan.slots.len()).filter(temporary);
    let all = Live {
        from: 0,
        to: usize::MAX,
    };
    let wanted = slots.filter_map(|slot| {
        let live = ranges[slot]?;
        Some(Wanted {
            slot,
            bytes: plan.slots[slot].padded() + plan.options.guard,
            live: if plan.options.reuse { live } else { all },
        })
    });
    let wanted: Vec<Wanted> = wanted.collect();
    let bound = largest_live_set(plan);
    let conflicts = conflicts(plan);
    let mut best: Option<(u64, Vec<Placed>)> = None;
    let mut failure = None;
    for keys in keys(&wanted) {
        if best.as_ref().is_some_and(|(bytes, _)| *bytes <= bound) {
            break;
        }
        let mut order: Vec<(u64, Wanted)> = keys.into_iter().zip(wanted.iter().copied()).collect();
        order.sort_by_key(|(key, wanted)| (*key, wanted.slot));
        let order: Vec<Wanted> = order.into_iter().map(|(_, wanted)| wanted).collect();
        match place_in_order(&order, &conflicts, limits) {
            Ok(placed) => {
                let bytes = sizes(&placed).iter().sum();
                if best.as_ref().is_none_or(|(least, _)| bytes < *least) {
                    best = Some((bytes, placed));
                }
            }
            Err(wanted) => failure = Some(wanted),
        }
    }
    let Some((_, placed)) = best else {
        let slot = failure.map_or(0, |wanted: Wanted| wanted.slot);
        return Err(Error::Limit {
            node: plan.slots[slot].label.clone(),
            limit: "max_buffer_size (bytes)",
            needed: plan.slots[slot].padded() + plan.options.guard,
            available: limits.max_buffer_size,
            adapter: limits.adapter.clone(),
        });
    };
    plan.arenas = sizes(&placed);
    for Placed {
        slot,
        arena,
        offset,
        ..
    } in placed
    {
        plan.slots[slot].place = Place::Arena { arena, offset };
    }
    Ok(())
}

/// Bytes of each arena.
fn sizes(placed: &[Placed]) -> Vec<u64> {
    let count = placed.iter().map(|placed| placed.arena + 1).max();
    let mut sizes = vec![0; count.unwrap_or(0)];
    for placed in placed {
        sizes[placed.arena] = placed.end.max(sizes[placed.arena]);
    }
    sizes
}

/// Places one after the other, each where the arenas grow least; `Err` with one that fits into no buffer.
fn place_in_order(
    wanted: &[Wanted],
    conflicts: &[Vec<SlotId>],
    limits: &Limits,
) -> std::result::Result<Vec<Placed>, Wanted> {
    let alignment = limits.min_storage_buffer_offset_alignment;
    let alignment = alignment.max(limits.min_uniform_buffer_offset_alignment);
    let alignment = u64::from(alignment.max(16));
    let mut placed: Vec<Placed> = Vec::with_capacity(wanted.len());
    let mut arena_of: Vec<Option<usize>> = vec![None; conflicts.len()];
    for &want in wanted {
        let others = conflicts[want.slot].iter();
        let taken: Vec<usize> = others.filter_map(|&other| arena_of[other]).collect();
        let sizes = sizes(&placed);
        let legal = (0..=sizes.len()).filter(|arena| !taken.contains(arena));
        let places = legal.map(|arena| {
            let offset = free_offset(&placed, arena, &want, alignment);
            let end = offset.saturating_add(want.bytes);
            let size = sizes.get(arena).copied().unwrap_or(0);
            (end.saturating_sub(size), arena, offset, end)
        });
        let fitting = places.filter(|&(.., end)| end <= limits.max_buffer_size);
        let (_, arena, offset, end) = fitting.min().ok_or(want)?;
        arena_of[want.slot] = Some(arena);
        placed.push(Placed {
            slot: want.slot,
            arena,
            offset,
            end,
            live: want.live,
        });
    }
    Ok(placed)
}

/// Lowest aligned offset in an arena at which there is room.
fn free_offset(placed: &[Placed], arena: usize, want: &Wanted, alignment: u64) -> u64 {
    let together = |other: &&Placed| other.arena == arena && other.live.overlaps(want.live);
    let taken = placed.iter().filter(together);
    let mut taken: Vec<(u64, u64)> = taken.map(|other| (other.offset, other.end)).collect();
    taken.sort_unstable();
    let mut offset: u64 = 0;
    for (from, to) in taken {
        if offset.saturating_add(want.bytes) <= from {
            break;
        }
        offset = offset.max(to.next_multiple_of(alignment));
    }
    offset
}

/// Bytes of the largest set of temporaries that live at one time.
pub(super) fn largest_live_set(plan: &Plan) -> u64 {
    let ranges = live_ranges(plan);
    let steps = 0..=plan.dispatches.len() + 1;
    let live_bytes = steps.map(|step| {
        let slots = plan.slots.iter().zip(&ranges);
        let live = slots.filter(|(slot, live)| {
            let here = live.is_some_and(|live| (live.from..=live.to).contains(&step));
            here && matches!(slot.place, Place::Arena { .. })
        });
        live.map(|(slot, _)| slot.padded() + plan.options.guard)
            .sum()
    });
    live_bytes.max().unwrap_or(0)
}
