//! What the parts of a case cost: it is timed in turn with itself without one.

use super::part::{Part, kernel_without};
use super::timed::{Timed, by_one_clock, warm_up};
use super::{Spread, plan};
use crate::cases::Case;
use crate::device::Device;
use crate::error::Result;
use crate::plan::{Dispatch, Plan};

/// Seconds of samples of a part, beyond the fewest.
const BUDGET: f64 = 3.0;

/// What is left out of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Without {
    /// Nothing: how far two of the same are from each other.
    Nothing,
    /// A part of all its kernels.
    Part(Part),
    /// All that they have of [`Part`] but multiply-adds: what remains are these, other arithmetic, addresses, and starts.
    Parts,
    /// Multiply-adds besides, if there are some.
    Products,
    /// All dispatches but those of one kernel, by its label.
    Others(String),
}

/// How many times as fast a case is without something.
#[derive(Clone, Debug)]
pub struct Gain {
    /// Without what.
    pub without: Without,
    /// Time as it is over time without, of samples in turn.
    pub gain: Spread,
}

/// The dispatches of a run.
fn run(plan: &Plan) -> &[Dispatch] {
    &plan.dispatches[plan.prologue..]
}

fn without_parts(plan: &Plan, parts: &[Part]) -> Plan {
    let mut plan = plan.clone();
    for dispatch in &mut plan.dispatches[plan.prologue..] {
        let own = parts.iter().copied().filter(|part| part.is_in(dispatch));
        let own: Vec<_> = own.collect();
        if !own.is_empty() {
            dispatch.kernel = kernel_without(dispatch.kernel, &own);
        }
    }
    plan
}

/// The plan without each thing of which there is something in it, and something beside it.
fn variants(plan: &Plan) -> Vec<(Without, Plan)> {
    let has = |part: &Part| run(plan).iter().any(|dispatch| part.is_in(dispatch));
    let parts: Vec<_> = Part::ALL.into_iter().filter(has).collect();
    // A compiler leaves out what only they need: alone they are no part.
    let single = parts.iter().copied();
    let single: Vec<_> = single.filter(|part| *part != Part::Products).collect();
    let mut variants = vec![
        (Without::Nothing, plan.clone()),
        (Without::Parts, without_parts(plan, &single)),
    ];
    if single != parts {
        variants.push((Without::Products, without_parts(plan, &parts)));
    }
    variants.extend(
        single
            .into_iter()
            .map(|part| (Without::Part(part), without_parts(plan, &[part]))),
    );
    let mut labels: Vec<_> = run(plan)
        .iter()
        .map(|dispatch| dispatch.kernel.label())
        .collect();
    labels.dedup();
    if labels.len() > 1 {
        labels.sort();
        labels.dedup();
        variants.extend(labels.into_iter().map(|label| {
            let mut plan = plan.clone();
            let run = plan.dispatches.split_off(plan.prologue).into_iter();
            let own = run.filter(|dispatch| dispatch.kernel.label() == label);
            plan.dispatches.extend(own);
            (Without::Others(label), plan)
        }));
    }
    variants
}

/// Times a case in turn with itself without each of its parts.
///
/// # Errors
/// What preparing or running it reports.
pub fn measure_parts(device: &Device, case: &Case) -> Result<Vec<Gain>> {
    let (variables, inputs) = (case.variables(), case.inputs());
    let plan = plan(device, &case.graph, true)?;
    let mut whole = Timed::new(device, &plan, &variables, &inputs)?;
    let gains = variants(&plan).into_iter().map(|(without, plan)| {
        // What it makes of them is wrong.
        let variables = case.variables();
        let mut less = Timed::new(device, &plan, &variables, &inputs)?;
        let mut both = [&mut whole, &mut less];
        warm_up(&mut both)?;
        let (samples, _) = by_one_clock(BUDGET, &mut both)?;
        let samples: Vec<f64> = samples.iter().map(|both| both[0] / both[1]).collect();
        let gain = Spread::of(&samples);
        Ok(Gain { without, gain })
    });
    gains.collect()
}
