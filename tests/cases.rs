//! The cases can fail: what they expect has numbers in it, and bounds that a wrong number leaves.

use std::collections::{BTreeMap, BTreeSet};
use wgcnn::Result;
use wgcnn::cases::{self, Case};
use wgcnn::cpu::{Bounded, Expected, expect};

/// The outputs of the small cases that have elements, and the variables that they update.
fn expectations() -> Result<Vec<(Case, Vec<Bounded>)>> {
    let named = cases::named().into_iter().filter(|case| !case.bench);
    named
        .map(|case| {
            let inputs = case.inputs();
            let feeds: Vec<_> = inputs.iter().map(|(name, x)| (name.as_str(), x)).collect();
            let (outputs, updates) = expect(&case.graph, &case.variables(), &feeds, None)?;
            let expected = outputs.into_iter().chain(updates);
            let bounded = expected.filter_map(|(_, expected)| match expected {
                Expected::Within(_, bounded) if !bounded.value.data.is_empty() => Some(bounded),
                _ => None,
            });
            let bounded = bounded.collect();
            Ok((case, bounded))
        })
        .collect()
}

#[test]
fn every_case_is_found_by_its_name() {
    let mut names = BTreeSet::new();
    for case in cases::named() {
        assert!(names.insert(case.name.clone()), "two are {}", case.name);
    }
}

#[test]
fn every_case_expects_a_number() -> Result<()> {
    for (case, expected) in expectations()? {
        for bounded in expected {
            let number = bounded.value.data.iter().any(|value| !value.is_nan());
            assert!(number, "{}: a kernel that gives NaN passes", case.name);
        }
    }
    Ok(())
}

/// The smallest bound of a tensor over its largest value, in units of f32's epsilon.
fn slack(bounded: &Bounded) -> f64 {
    let values = bounded.value.data.iter().filter(|value| value.is_finite());
    let largest = values.fold(0.0, |most: f64, value| most.max(value.abs()));
    let smallest = bounded
        .error
        .data
        .iter()
        .copied()
        .fold(f64::INFINITY, f64::min);
    smallest / largest / f64::from(f32::EPSILON)
}

#[test]
fn bounds_leave_no_more_room_than_the_sums_need() -> Result<()> {
    // Roundings of one element: an addition; four additions and a division; 17 and 45 products and sums; the centred
    // value, the scale, the product, the sum; the same behind moments of 49 elements, of which each merge has twelve.
    let most = BTreeMap::from([
        ("add/skip", 2.0),
        ("avg_pool/2d_k2_s2", 8.0),
        ("conv/pointwise", 20.0),
        ("conv/3x3", 50.0),
        ("batch_norm/2d_eval", 10.0),
        ("batch_norm/2d_train", 1500.0),
        ("sigmoid/plane", 16.0),
    ]);
    let mut seen = 0;
    for (case, expected) in expectations()? {
        if let Some(&most) = most.get(case.name.as_str()) {
            let slack = slack(&expected[0]);
            println!("{} {slack}", case.name);
            assert!(slack > 0.0 && slack < most, "{}: {slack} units", case.name);
            seen += 1;
        }
    }
    assert_eq!(seen, most.len(), "a case is gone");
    Ok(())
}
