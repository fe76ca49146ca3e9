//! Placement of temporaries.
//!
//! wgpu tracks usage per whole buffer: one dispatch may not bind a buffer both read-only and for writing, even for
//! disjoint ranges. So slots get an arena first, such that no dispatch writes an arena that it reads, and then the
//! lowest offset in it that is free for as long as they live.

use super::{Limits, Place, Plan, SlotId};
use crate::error::{Error, Result};

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
        range.to = step;
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
struct Placed {
    offset: u64,
    end: u64,
    live: Live,
}

/// Gives every temporary its arena and offset, in the order in which they come to life.
pub(super) fn place(plan: &mut Plan, limits: &Limits) -> Result<()> {
    let alignment = u64::from(limits.min_storage_buffer_offset_alignment.max(16));
    let conflicts = conflicts(plan);
    let ranges = live_ranges(plan);
    let mut order: Vec<(Live, SlotId)> = (0..plan.slots.len())
        .filter(|&slot| matches!(plan.slots[slot].place, Place::Arena { .. }))
        .filter_map(|slot| Some((ranges[slot]?, slot)))
        .collect();
    order.sort_by_key(|&(live, slot)| (live.from, slot));

    let mut arenas: Vec<Vec<Placed>> = Vec::new();
    for (live, slot) in order {
        let live = if plan.options.reuse {
            live
        } else {
            Live {
                from: 0,
                to: usize::MAX,
            }
        };
        let bytes = plan.slots[slot].padded() + plan.options.guard;
        let taken: Vec<usize> = conflicts[slot]
            .iter()
            .filter_map(|&other| match plan.slots[other].place {
                Place::Arena { arena, .. } if arena != usize::MAX => Some(arena),
                _ => None,
            })
            .collect();
        let legal = (0..).filter(|arena| !taken.contains(arena));
        for arena in legal {
            if arena == arenas.len() {
                arenas.push(Vec::new());
            }
            let offset = free_offset(&arenas[arena], bytes, live, alignment);
            let end = offset + bytes;
            if end <= limits.max_buffer_size {
                arenas[arena].push(Placed { offset, end, live });
                plan.slots[slot].place = Place::Arena { arena, offset };
                break;
            }
            if arenas[arena].is_empty() {
                return Err(Error::Limit {
                    node: plan.slots[slot].label.clone(),
                    limit: "max_buffer_size (bytes)",
                    needed: end,
                    available: limits.max_buffer_size,
                    adapter: limits.adapter.clone(),
                });
            }
        }
    }
    let size = |placed: &Vec<Placed>| placed.iter().map(|placed| placed.end).max().unwrap_or(0);
    plan.arenas = arenas.iter().map(size).collect();
    Ok(())
}

/// Lowest aligned offset at which `bytes` are free during `live`.
fn free_offset(placed: &[Placed], bytes: u64, live: Live, alignment: u64) -> u64 {
    let mut taken: Vec<(u64, u64)> = placed
        .iter()
        .filter(|other| other.live.overlaps(live))
        .map(|other| (other.offset, other.end))
        .collect();
    taken.sort_unstable();
    let mut offset = 0;
    for (from, to) in taken {
        if offset + bytes <= from {
            break;
        }
        offset = offset.max(to.next_multiple_of(alignment));
    }
    offset
}
