//! What a run need not do again: the dispatches that depend on nothing but variables and constants.
//!
//! Filters that are packed, batch norms that become affine functions, layers over constants: their results stay until one
//! of the variables changes.

use super::{Place, Plan, SlotId};

/// Moves those dispatches to the front, in their order.
pub(super) fn split(plan: &mut Plan) {
    let lasting = lasting(plan);
    let dispatches = std::mem::take(&mut plan.dispatches);
    let (prologue, main): (Vec<_>, Vec<_>) = dispatches
        .into_iter()
        .partition(|dispatch| dispatch.writes.iter().all(|&slot| lasting[slot]));
    plan.prologue = prologue.len();
    plan.dispatches = prologue.into_iter().chain(main).collect();
}

/// Whether each slot holds the same in every run, as long as no variable changes.
fn lasting(plan: &Plan) -> Vec<bool> {
    let written = |slot: SlotId| {
        let mut dispatches = plan.dispatches.iter();
        dispatches.any(|dispatch| dispatch.writes.contains(&slot))
    };
    let slots = plan.slots.iter().enumerate();
    let mut lasting: Vec<bool> = slots
        .map(|(slot, info)| !matches!(info.place, Place::Arena { .. }) || written(slot))
        .collect();
    // What depends on anything else is not, until nothing is taken away any more: a slot may have several writers.
    loop {
        let mut changed = false;
        for dispatch in &plan.dispatches {
            let slots = || dispatch.reads.iter().chain(&dispatch.writes);
            if !slots().all(|&slot| lasting[slot]) {
                for &slot in &dispatch.writes {
                    changed |= std::mem::take(&mut lasting[slot]);
                }
            }
        }
        if !changed {
            return lasting;
        }
    }
}

/// The slots that the prologue writes.
pub(super) fn results(plan: &Plan) -> impl Iterator<Item = SlotId> {
    let prologue = plan.dispatches[..plan.prologue].iter();
    prologue.flat_map(|dispatch| dispatch.writes.iter().copied())
}
