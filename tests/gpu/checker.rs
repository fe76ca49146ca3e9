//! The check of a case must find what is wrong: kernels and plans broken on purpose, each in a way that one of its parts
//! is there for.

use super::failed;
use libtest_mimic::{Failed, Trial};
use wgcnn::check::on_device_altered;
use wgcnn::kernel::Kernel;
use wgcnn::plan::Plan;
use wgcnn::{Device, cases};

/// A mistake, the case that shows it, and parts of what the check must say.
struct Mistake {
    what: &'static str,
    case: &'static str,
    says: [&'static str; 2],
    alter: fn(&mut Plan),
}

const MISTAKES: [Mistake; 9] = [
    Mistake {
        what: "a store behind the tensor",
        case: "relu/one_above_a_row",
        says: ["relu.0", "an untouched sentinel"],
        alter: |plan| {
            patch(
                plan,
                "relu",
                "min(begin + ROW * PER_THREAD, end)",
                "min(begin + ROW * PER_THREAD, end) + 1u",
            )
        },
    },
    Mistake {
        what: "an element left out",
        case: "relu/plane",
        says: ["y[", "got NaN (0x7fc5"],
        alter: |plan| {
            patch(
                plan,
                "relu",
                "min(begin + ROW * PER_THREAD, end)",
                "min(begin + ROW * PER_THREAD, end - 1u)",
            )
        },
    },
    Mistake {
        what: "a wrong update of a variable",
        case: "batch_norm/2d_train",
        says: ["running_var[0]", "expected"],
        alter: biased,
    },
    Mistake {
        what: "no update of a variable",
        case: "batch_norm/2d_train",
        says: ["running_mean", "expected"],
        alter: |plan| plan.updates.clear(),
    },
    Mistake {
        what: "other outputs where memory is reused",
        case: "relu/plane",
        says: ["y with memory reused", "the same bits"],
        alter: |plan| {
            if plan.options.reuse {
                patch(
                    plan,
                    "relu",
                    "select(bits, vec4(0u)",
                    "select(bits, vec4(1u)",
                );
            }
        },
    },
    Mistake {
        what: "zeros that are expected of memory where it is reused",
        case: "relu/plane",
        says: ["y with memory reused", "the same bits"],
        alter: |plan| {
            if plan.options.reuse {
                let store = "y[y_at(at)] = apply(lane, term, added, functions.left);";
                let unless_zero = "let a = apply(lane, term, added, functions.left);
                    if (any(a != vec4(0u))) { y[y_at(at)] = a; }";
                patch(plan, "relu", store, unless_zero);
            }
        },
    },
    Mistake {
        what: "other variables where memory is reused",
        case: "batch_norm/2d_train",
        says: ["running_var with memory reused", "the same bits"],
        alter: |plan| {
            if plan.options.reuse {
                biased(plan);
            }
        },
    },
    Mistake {
        what: "a fused ReLU left out",
        case: "fusion/norm-relu-max_pool",
        says: ["y[", "expected exactly 0e0"],
        alter: |plan| {
            for dispatch in &mut plan.dispatches {
                let kept = |(name, _): &(&str, f64)| *name != "OUT_RELU";
                dispatch.constants.retain(kept);
            }
        },
    },
    Mistake {
        what: "a ReLU left out where nothing is fused",
        case: "fusion/norm-relu-max_pool",
        says: ["y[", "expected exactly 0e0"],
        alter: |plan| {
            if !plan.options.fuse {
                patch(
                    plan,
                    "relu",
                    "apply(lane, term, added, functions.left)",
                    "lane",
                );
            }
        },
    },
];

/// The running variance takes the biased variance.
fn biased(plan: &mut Plan) {
    let unbiased = "moments.m2 / (moments.count - 1.0)";
    patch(
        plan,
        "batch_norm_normalize",
        unbiased,
        "moments.m2 / moments.count",
    );
}

/// Replaces text of a kernel.
pub(crate) fn patch(plan: &mut Plan, kernel: &str, from: &str, to: &str) {
    for dispatch in &mut plan.dispatches {
        let old = dispatch.kernel;
        if old.name == kernel {
            let mut texts = old.helpers.iter().chain([&old.source]);
            assert!(
                texts.any(|text| text.contains(from)),
                "{kernel} has no {from:?}"
            );
            let replaced = |text: &str| -> &'static str { text.replace(from, to).leak() };
            let helpers = old.helpers.iter().map(|text| replaced(text));
            dispatch.kernel = Box::leak(Box::new(Kernel {
                // Pipelines are cached under this name.
                variant: Box::leak(format!("{}, {to}", old.variant).into_boxed_str()),
                source: replaced(old.source),
                helpers: helpers.collect::<Vec<_>>().leak(),
                ..*old
            }));
        }
    }
}

pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let backend = device.adapter().backend.to_lowercase();
    let trial = |mistake: &'static Mistake| {
        let (device, what) = (device.clone(), mistake.what.replace(' ', "_"));
        Trial::test(format!("{backend}/checker/{what}"), move || {
            found(&device, mistake)
        })
    };
    MISTAKES.iter().map(trial).collect()
}

fn found(device: &Device, mistake: &Mistake) -> Result<(), Failed> {
    let case = cases::find(mistake.case).map_err(failed)?;
    let comparison = on_device_altered(device, &case, mistake.alter).map_err(failed)?;
    let wrong = comparison.wrong.map(|wrong| wrong.to_string());
    let says = |wrong: &String| mistake.says.iter().all(|part| wrong.contains(part));
    if wrong.as_ref().is_some_and(says) {
        return Ok(());
    }
    Err(Failed::from(format!("{}: {wrong:?}", mistake.what)))
}
