//! Placement: what a dispatch reads is what was written, whatever shares its memory.

use super::{plans, sigmoids};
use wgcnn::Result;
use wgcnn::plan::{Limits, Options, Place, Plan, SlotId};

const ALL_OPTIONS: [Options; 3] = [
    Options {
        reuse: true,
        guard: 0,
        fuse: true,
    },
    Options {
        reuse: true,
        guard: 0,
        fuse: false,
    },
    Options::CHECKED,
];

/// Adapters that differ in alignment.
fn adapters() -> [Limits; 2] {
    let aligned = |alignment| Limits {
        min_storage_buffer_offset_alignment: alignment,
        ..Limits::default()
    };
    [aligned(256), aligned(32)]
}

/// Bytes of an arena that a slot owns: arena, begin, end. `None` for a slot in another buffer.
fn owned(plan: &Plan, slot: SlotId) -> Option<(usize, u64, u64)> {
    let Place::Arena { arena, offset } = plan.slots[slot].place else {
        return None;
    };
    let end = offset.checked_add(plan.slots[slot].padded() + plan.options.guard)?;
    Some((arena, offset, end))
}

fn overlap(plan: &Plan, a: SlotId, b: SlotId) -> bool {
    match (owned(plan, a), owned(plan, b)) {
        (Some((arena, begin, end)), Some((other, from, to))) => {
            arena == other && begin < to && from < end
        }
        _ => false,
    }
}

/// First and last step of each slot: inputs are written in step 0, dispatch `i` is step `i + 1`, outputs and updates
/// are read in the step after the last dispatch.
fn lives(plan: &Plan) -> Vec<Option<(usize, usize)>> {
    let end = plan.dispatches.len() + 1;
    let inputs = plan.inputs.iter().map(|(_, slot, _)| (*slot, 0));
    let dispatches = plan.dispatches.iter().zip(1..);
    let touched = dispatches.flat_map(|(dispatch, step)| {
        let slots = dispatch.reads.iter().chain(&dispatch.writes);
        slots.map(move |&slot| (slot, step))
    });
    let outputs = plan.outputs.iter().map(|(_, slot, _)| (*slot, end));
    let updates = plan.updates.iter().map(|update| (update.value, end));
    let mut lives = vec![None; plan.slots.len()];
    for (slot, step) in inputs.chain(touched).chain(outputs).chain(updates) {
        let (first, last) = lives[slot].unwrap_or((step, step));
        lives[slot] = Some((step.min(first), step.max(last)));
    }
    lives
}

#[test]
fn slots_that_live_together_do_not_overlap() -> Result<()> {
    for (limits, options) in adapters().iter().flat_map(|a| ALL_OPTIONS.map(|o| (a, o))) {
        for (case, plan) in plans(limits, options)? {
            let lives = lives(&plan).into_iter().enumerate();
            let lives = lives.filter_map(|(slot, life)| Some((slot, life?)));
            let lives: Vec<_> = lives.collect();
            for (index, &(a, (from, to))) in lives.iter().enumerate() {
                for &(b, (begin, end)) in &lives[..index] {
                    let together = from <= end && begin <= to;
                    let labels = (&plan.slots[a].label, &plan.slots[b].label);
                    assert!(
                        !(together && overlap(&plan, a, b)),
                        "{case}: {labels:?} overlap\n{plan}"
                    );
                }
            }
        }
    }
    Ok(())
}

/// Runs a plan on memory that knows only whose bytes it holds.
struct Memory<'a> {
    plan: &'a Plan,
    /// Slots whose bytes nobody else has written since.
    whole: Vec<SlotId>,
}

impl Memory<'_> {
    fn write(&mut self, slot: SlotId) {
        self.whole.retain(|&other| !overlap(self.plan, slot, other));
        self.whole.push(slot);
    }

    /// Constants and variables are always there, and of an empty tensor nothing is read.
    fn holds(&self, slot: SlotId) -> bool {
        let elsewhere = owned(self.plan, slot).is_none();
        elsewhere || self.plan.slots[slot].bytes == 0 || self.whole.contains(&slot)
    }
}

#[test]
fn every_read_finds_what_was_written() -> Result<()> {
    for (case, plan) in plans(&Limits::default(), Options::default())? {
        let mut memory = Memory {
            plan: &plan,
            whole: Vec::new(),
        };
        for (_, slot, _) in &plan.inputs {
            memory.write(*slot);
        }
        // The second run does not make anew what the first one left for it.
        let first = plan.dispatches.iter().map(|dispatch| (dispatch, false));
        let again = plan.dispatches[plan.prologue..].iter();
        let again = again
            .enumerate()
            .map(|(index, dispatch)| (dispatch, index == 0));
        for (dispatch, begins) in first.chain(again) {
            if begins {
                for (_, slot, _) in &plan.inputs {
                    memory.write(*slot);
                }
            }
            for &slot in &dispatch.writes {
                memory.write(slot);
            }
            // After the writes: they happen while the dispatch reads.
            for &slot in &dispatch.reads {
                let label = &plan.slots[slot].label;
                assert!(
                    memory.holds(slot),
                    "{case}: {} reads {label}, overwritten",
                    dispatch.node
                );
            }
        }
        let outputs = plan.outputs.iter().map(|(_, slot, _)| *slot);
        let updates = plan.updates.iter().map(|update| update.value);
        for slot in outputs.chain(updates) {
            let label = &plan.slots[slot].label;
            assert!(
                memory.holds(slot),
                "{case}: {label} is overwritten before it is copied"
            );
        }
    }
    Ok(())
}

#[test]
fn no_dispatch_writes_a_buffer_that_it_reads_or_what_is_not_temporary() -> Result<()> {
    for options in ALL_OPTIONS {
        for (case, plan) in plans(&Limits::default(), options)? {
            let arena = |slot: &SlotId| owned(&plan, *slot).map(|(arena, _, _)| arena);
            for dispatch in &plan.dispatches {
                let read: Vec<_> = dispatch.reads.iter().filter_map(arena).collect();
                for slot in &dispatch.writes {
                    let (node, label) = (&dispatch.node, &plan.slots[*slot].label);
                    let written = arena(slot);
                    assert!(
                        written.is_some(),
                        "{case}: {node} writes {label}, no temporary"
                    );
                    let both = written.is_some_and(|arena| read.contains(&arena));
                    assert!(
                        !both,
                        "{case}: {node} writes {label} in an arena that it reads"
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn offsets_are_aligned_and_everything_lies_within_its_buffer() -> Result<()> {
    for (limits, options) in adapters().iter().flat_map(|a| ALL_OPTIONS.map(|o| (a, o))) {
        let alignment = u64::from(limits.min_storage_buffer_offset_alignment);
        for (case, plan) in plans(limits, options)? {
            let lives = lives(&plan);
            for (slot, info) in plan.slots.iter().enumerate() {
                let label = &info.label;
                let (offset, end, size) = match info.place {
                    Place::Variable(_) => continue,
                    Place::Arena { .. } if lives[slot].is_none() => continue,
                    Place::Constant { offset } => {
                        (offset, offset + info.padded(), plan.constants.len() as u64)
                    }
                    Place::Arena { arena, offset } => {
                        let end = offset + info.padded() + options.guard;
                        (offset, end, plan.arenas[arena])
                    }
                };
                assert!(
                    offset.is_multiple_of(alignment),
                    "{case}: {label} at {offset}"
                );
                assert!(end <= size, "{case}: {label} ends at {end} of {size}");
                assert!(size <= limits.max_buffer_size, "{case}: a buffer of {size}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_chain_needs_the_memory_of_a_few_of_its_values() -> Result<()> {
    let (layers, bytes) = (12, 4096);
    let graph = sigmoids(layers, 1024)?;
    let needed = |options| -> Result<u64> {
        let plan = Plan::new(&graph, &Limits::default(), options)?;
        Ok(plan.arenas.iter().sum())
    };
    let (reused, kept) = (needed(Options::default())?, needed(Options::CHECKED)?);
    assert!(
        reused <= 3 * bytes,
        "{reused} bytes for {layers} layers of {bytes}"
    );
    let values = layers as u64 + 1;
    assert!(
        kept >= values * (bytes + Options::CHECKED.guard),
        "{kept} bytes, nothing shared"
    );
    Ok(())
}

#[test]
fn a_checked_plan_shares_nothing() -> Result<()> {
    for (case, plan) in plans(&Limits::default(), Options::CHECKED)? {
        let lives = lives(&plan);
        let used: Vec<SlotId> = (0..plan.slots.len())
            .filter(|&slot| lives[slot].is_some())
            .collect();
        for (index, &a) in used.iter().enumerate() {
            let shared = used[..index].iter().find(|&&b| overlap(&plan, a, b));
            assert_eq!(
                shared, None,
                "{case}: shares memory with {}",
                plan.slots[a].label
            );
        }
    }
    Ok(())
}
