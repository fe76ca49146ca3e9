//! The plans of networks: memory near the largest live set, and no more kernels than they need.

use super::{plan, plan_of_cpu, pools, sigmoids};
use wgcnn::{Graph, Result, networks};

/// The peak is at most so many times the largest live set.
#[expect(clippy::cast_precision_loss, reason = "byte counts far below 2^53")]
fn assert_near(graphs: impl IntoIterator<Item = Result<Graph>>, most: f64) -> Result<()> {
    for graph in graphs {
        let graph = graph?;
        for plan in [plan(&graph)?, plan_of_cpu(&graph)?] {
            assert!(plan.lower_bound_bytes() > 0, "nothing lives");
            let times = plan.peak_bytes() as f64 / plan.lower_bound_bytes() as f64;
            assert!((1.0..=most).contains(&times), "{times}\n{plan}");
        }
    }
    Ok(())
}

#[test]
fn a_chain_needs_at_most_a_twentieth_more_than_what_lives_at_once() -> Result<()> {
    let chains = [
        networks::unit(480, 640, false),
        networks::unit(37, 51, false),
        sigmoids(12, 1024),
        pools(&[3, 5, 3, 5]),
    ];
    assert_near(chains, 1.05)
}

#[test]
fn skip_connections_need_at_most_a_seventh_more() -> Result<()> {
    let skips = [
        networks::resnet18(1, [224, 224], 1000),
        networks::resnet18(8, [64, 64], 10),
        networks::unet(1, 1, [128, 128], 2),
        networks::unet(4, 3, [256, 192], 5),
    ];
    assert_near(skips, 1.15)
}

#[test]
fn a_residual_network_is_its_convolutions_and_two_pools() -> Result<()> {
    let plan = plan(&networks::resnet18(1, [224, 224], 1000)?)?;
    let kernels = plan.dispatches.iter().map(|dispatch| dispatch.kernel.name);
    let small = ["conv_pack", "batch_norm_affine"];
    let kernels: Vec<_> = kernels.filter(|name| !small.contains(name)).collect();
    let of = |layer: &str| {
        kernels
            .iter()
            .filter(|name| name.starts_with(layer))
            .count()
    };
    let counts = [of("conv"), of("max_pool"), of("avg_pool"), kernels.len()];
    assert_eq!(counts, [21, 1, 1, 23], "{kernels:?}");
    Ok(())
}
