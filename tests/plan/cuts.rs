//! Dispatches that would run too long: cut where they are predicted to take more than a second.

use super::seconds::{Boundary, boundaries};
use wgcnn::Result;
use wgcnn::plan::{Limits, Options, Plan};

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
            let bytes = |plan: &Plan| -> u64 {
                let dispatches = plan.dispatches.iter();
                let traffic = dispatches.map(|dispatch| plan.traffic(dispatch));
                traffic.map(|(read, written)| read + written).sum()
            };
            assert_eq!(bytes(&cut), bytes(&whole), "{what}:\n{cut}");
        }
    }
    Ok(())
}
