//! Everything that needs an adapter: each named case, and the session, on every usable adapter and backend; of the cases that
//! are timed, on GL one of a kind.
//!
//! Without an adapter the tests are *ignored*, never passed; with `REQUIRE_GPU=1` that is a failure. The last line
//! before the summary says how many cases ran on a device.

#[path = "gpu/boundaries.rs"]
mod boundaries;
#[path = "gpu/checker.rs"]
mod checker;
#[path = "gpu/flight.rs"]
mod flight;
#[path = "gpu/pipelines.rs"]
mod pipelines;
#[path = "plan/seconds.rs"]
mod seconds;
#[path = "gpu/session.rs"]
mod session;
#[path = "gpu/trouble.rs"]
mod trouble;

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use wgcnn::cases::Case;
use wgcnn::check::{on_device, on_device_altered};
use wgcnn::plan::{Dispatch, Limits, Options, Plan};
use wgcnn::{Adapter, Device, Kind, Selection, cases};

/// Elements of the inputs of a large case, or more.
const LARGE: usize = 1 << 21;

/// Most devices of an adapter, and most large cases at a time, whose oracles take a gigabyte and more.
const DEVICES: usize = 2;
static LARGE_TURNS: [Mutex<()>; DEVICES] = [const { Mutex::new(()) }; DEVICES];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let adapters = match adapters() {
        Ok(adapters) => adapters,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if adapters.is_empty() && std::env::var_os("REQUIRE_GPU").is_some_and(|value| value == "1") {
        eprintln!("REQUIRE_GPU=1, and there is no usable adapter");
        return ExitCode::FAILURE;
    }
    let ran = Arc::new(AtomicUsize::new(0));
    let (large, small): (Vec<Case>, Vec<Case>) = cases::named().into_iter().partition(is_large);
    let [turns, large] =
        [(small, false), (large, true)].map(|(cases, large)| in_turn(&cases, large));
    let mut trials = Vec::new();
    for devices in &adapters {
        let device = &devices[0];
        trials.extend(case_trials(devices, "", &turns, &ran));
        trials.extend(checker::trials(device));
        trials.extend(session::trials(device));
        trials.extend(flight::trials(device));
        trials.extend(pipelines::trials(device));
        trials.extend(boundaries::trials(device));
        trials.extend(trouble::trials(device));
        trials.extend(cut_trials(devices, "sliced", &turns, slicing, &ran));
        // GL's drivers compile one kernel at a time, so that the same kernels take minutes; a grid is cut by the plan, not by a
        // backend, which binds slices, though.
        if device.adapter().backend == "Gl" {
            let one_of_a_kind =
                |case: &Case| case.name.contains("/large") && !case.name.contains('+');
            let some = large
                .iter()
                .filter(|turn| !turn.case.bench || one_of_a_kind(&turn.case));
            trials.extend(case_trials(devices, "large/", some, &ran));
            continue;
        }
        trials.extend(case_trials(devices, "large/", &large, &ran));
        trials.extend(cut_trials(devices, "split", &turns, splitting, &ran));
        for (what, cut) in [("other", other as Cut), ("other_sliced", other_sliced)] {
            let cuts = cuts(device, &turns, cut);
            trials.extend(other_trials(devices, what, cuts, &ran));
        }
        trials.push(kernels_of_the_other(device, &turns));
        // Grids fold that else would need tensors of a size that no test has.
        let narrow = devices.iter().map(|device| {
            limited(device, |limits| {
                limits.max_compute_workgroups_per_dimension = 1;
            })
        });
        match narrow.collect::<Result<Vec<_>, _>>() {
            Ok(narrow) => trials.extend(folded_trials(&narrow, &turns, &ran)),
            Err(error) => trials.push(Trial::test("folded", move || Err(error))),
        }
    }
    if adapters.is_empty() {
        let ignored = |turn: Turn| Trial::test(turn.case.name, || Ok(())).with_ignored_flag(true);
        trials.extend(turns.into_iter().map(ignored));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    println!("GPU cases ran: {}", ran.load(Ordering::Relaxed));
    conclusion.exit_code()
}

/// Devices of each usable adapter and backend: several of a software driver, for Mesa compiles all kernels of one in one thread;
/// on GL they would share its context.
fn adapters() -> wgcnn::Result<Vec<Vec<Device>>> {
    let adapters = Adapter::all().into_iter().enumerate();
    let usable = adapters.filter(|(_, adapter)| adapter.usable);
    usable
        .map(|(index, adapter)| {
            let selection = Selection {
                device: Some(index.to_string()),
                backend: None,
            };
            let several = adapter.kind == Kind::Software && adapter.backend != "Gl";
            let count = if several { DEVICES } else { 1 };
            (0..count).map(|_| Device::open(&selection)).collect()
        })
        .collect()
}

/// A case, and which of an adapter's devices it runs on.
struct Turn {
    case: Case,
    large: bool,
    device: usize,
}

impl Turn {
    fn device<'a>(&self, devices: &'a [Device]) -> &'a Device {
        &devices[self.device % devices.len()]
    }
}

/// Those that are timed, and others of their sizes.
fn is_large(case: &Case) -> bool {
    let inputs = case.inputs();
    let elements = inputs.iter().map(|(_, tensor)| tensor.ty().elements());
    case.bench || elements.sum::<usize>() >= LARGE
}

/// Cases on one device after the other: integers on that of the case that they are of, whose pipelines they have.
fn in_turn(cases: &[Case], large: bool) -> Vec<Turn> {
    let groups: Vec<&[Case]> = cases
        .chunk_by(|_, next| next.name.ends_with("+integers"))
        .collect();
    let mut turns = Vec::with_capacity(cases.len());
    for groups in groups.chunks(DEVICES) {
        let longest = groups.iter().map(|group| group.len()).max().unwrap_or(0);
        for index in 0..longest {
            let of_each = groups.iter().map(|group| group.get(index)).enumerate();
            turns.extend(of_each.filter_map(|(device, case)| {
                Some(Turn {
                    case: case?.clone(),
                    large,
                    device,
                })
            }));
        }
    }
    turns
}

/// `vulkan/max_pool/overlap`, ...
fn case_trials<'a>(
    devices: &[Device],
    what: &str,
    turns: impl IntoIterator<Item = &'a Turn>,
    ran: &Arc<AtomicUsize>,
) -> Vec<Trial> {
    let backend = devices[0].adapter().backend.to_lowercase();
    let trial = |turn: &Turn| {
        let name = format!("{backend}/{what}{}", turn.case.name);
        case_trial(name, devices, turn, ran)
    };
    turns.into_iter().map(trial).collect()
}

fn case_trial(name: String, devices: &[Device], turn: &Turn, ran: &Arc<AtomicUsize>) -> Trial {
    let device = turn.device(devices).clone();
    let (case, ran) = (turn.case.clone(), Arc::clone(ran));
    let own = turn.large.then_some(&LARGE_TURNS[turn.device]);
    Trial::test(name, move || {
        let _turn = own.map(|own| own.lock().unwrap_or_else(PoisonError::into_inner));
        let comparison = on_device(&device, &case).map_err(failed)?;
        ran.fetch_add(1, Ordering::Relaxed);
        match comparison.wrong {
            Some(wrong) => Err(Failed::from(format!("{}: {wrong}", case.why))),
            None => Ok(()),
        }
    })
}

/// Another device of the same adapter, with other limits.
fn limited(device: &Device, change: fn(&mut wgpu::Limits)) -> Result<Device, Failed> {
    let instance =
        wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let same = |adapter: &wgpu::Adapter| {
        let info = adapter.get_info();
        let backend = format!("{:?}", info.backend);
        info.name == device.adapter().name && backend == device.adapter().backend
    };
    let adapter = adapters.into_iter().find(same);
    let adapter = adapter.ok_or("the adapter is gone")?;
    let mut limits = adapter.limits();
    change(&mut limits);
    let descriptor = wgpu::DeviceDescriptor {
        required_limits: limits,
        ..Default::default()
    };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
        .map_err(|error| Failed::from(error.to_string()))?;
    Ok(Device::from_wgpu(device, queue))
}

/// The limits of a device with the smallest bindings that a case can be planned for, if its tensors are beyond them.
fn slicing(device: &Device, case: &Case) -> Option<Limits> {
    sliced(device.limits(), case)
}

fn sliced(limits: &Limits, case: &Case) -> Option<Limits> {
    let sizes = (9..20).map(|power| 1 << power);
    let limits = sizes.map(|size| Limits {
        max_storage_buffer_binding_size: size,
        ..limits.clone()
    });
    let plan = |limits: &Limits| Plan::new(&case.graph, limits, Options::CHECKED).ok();
    let few = |plan: &Plan| plan.dispatches.len() < 300;
    let mut plans = limits.filter_map(|limits| Some((plan(&limits).filter(few)?, limits)));
    if case.name.ends_with("+integers") {
        // The same slices as without.
        return None;
    }
    let (plan, limits) = plans.next()?;
    let sliced = |dispatch: &Dispatch| !dispatch.slices.is_empty();
    plan.dispatches.iter().any(sliced).then_some(limits)
}

/// The limits of a device so slow that the longest dispatch of a case is predicted to take four seconds; of few cases that are
/// one workgroup, which nothing cuts.
fn splitting(device: &Device, case: &Case) -> Option<Limits> {
    let plan = Plan::new(&case.graph, device.limits(), Options::CHECKED).ok()?;
    let bytes = plan.dispatches.iter().map(|dispatch| {
        let (read, written) = plan.traffic(dispatch);
        read + written
    });
    let limits = Limits {
        bytes_per_second: (bytes.max()? / 4).max(1),
        ..device.limits().clone()
    };
    let split = Plan::new(&case.graph, &limits, Options::CHECKED).ok()?;
    let plain = !case.name.contains('+');
    (plain && split.dispatches.len() > plan.dispatches.len()).then_some(limits)
}

/// The limits of a device of the other kind, a GPU or a CPU behind its interface, if the plan of a case is another one there.
fn other(device: &Device, case: &Case) -> Option<Limits> {
    let limits = other_kind(device.limits());
    differ(case, device.limits(), &limits).then_some(limits)
}

/// The same, and small bindings.
fn other_sliced(device: &Device, case: &Case) -> Option<Limits> {
    let limits = sliced(&other_kind(device.limits()), case)?;
    let own = Limits {
        thread_sums: device.limits().thread_sums,
        ..limits.clone()
    };
    differ(case, &own, &limits).then_some(limits)
}

/// That the plans for the other kind of device have the kernels that are for one.
fn kernels_of_the_other(device: &Device, turns: &[Turn]) -> Trial {
    let backend = device.adapter().backend.to_lowercase();
    let limits = other_kind(device.limits());
    let expected = if limits.thread_sums < 256 {
        ["conv_shared+moments", "concat_each", "interpolate_each"]
    } else {
        ["conv_few", "max_pool_planes", "interpolate_planes"]
    };
    let own = device.limits();
    // Of those cases that other trials run.
    let cases = turns.iter().map(|turn| &turn.case);
    let plans = cases.filter(|case| differ(case, own, &limits));
    let plans = plans.filter_map(|case| Plan::new(&case.graph, &limits, Options::CHECKED).ok());
    let dispatches = plans.flat_map(|plan| plan.dispatches);
    let seen: BTreeSet<String> = dispatches.map(|dispatch| dispatch.kernel.label()).collect();
    Trial::test(format!("{backend}/other/every_kernel"), move || {
        let missing: Vec<_> = expected
            .iter()
            .filter(|name| !seen.iter().any(|label| label.starts_with(**name)))
            .collect();
        match missing[..] {
            [] => Ok(()),
            _ => Err(Failed::from(format!("no dispatch of {missing:?}"))),
        }
    })
}

/// Those of a GPU, or of a CPU.
fn other_kind(limits: &Limits) -> Limits {
    Limits {
        thread_sums: if limits.thread_sums < 256 { 256 } else { 64 },
        ..limits.clone()
    }
}

/// Whether the plan of a case is another one by other limits; of its variants, those that a kernel may tell apart.
fn differ(case: &Case, a: &Limits, b: &Limits) -> bool {
    let plan = |limits| Plan::new(&case.graph, limits, Options::CHECKED).ok();
    let told = !case.name.ends_with("+integers");
    matches!((plan(a), plan(b)), (Some(a), Some(b)) if told && a.dispatches != b.dispatches)
}

/// The limits by which the plan of a case is cut.
type Cut = fn(&Device, &Case) -> Option<Limits>;

/// The cases again with plans that are cut, as `vulkan/sliced/conv/groups`, and that they are of every layer.
fn cut_trials(
    devices: &[Device],
    what: &str,
    turns: &[Turn],
    cut: Cut,
    ran: &Arc<AtomicUsize>,
) -> Vec<Trial> {
    let cuts = cuts(&devices[0], turns, cut);
    let backend = devices[0].adapter().backend.to_lowercase();
    let every_layer = every_layer(&backend, what, cuts.iter().map(|(turn, _)| &turn.case));
    let mut trials = other_trials(devices, what, cuts, ran);
    trials.push(every_layer);
    trials
}

/// Those of the cases that are cut, and the limits by which.
fn cuts<'a>(device: &Device, turns: &'a [Turn], cut: Cut) -> Vec<(&'a Turn, Limits)> {
    let cuts = turns.iter();
    cuts.filter_map(|turn| Some((turn, cut(device, &turn.case)?)))
        .collect()
}

/// The cases again with plans by other limits.
fn other_trials(
    devices: &[Device],
    what: &str,
    cuts: Vec<(&Turn, Limits)>,
    ran: &Arc<AtomicUsize>,
) -> Vec<Trial> {
    let backend = devices[0].adapter().backend.to_lowercase();
    let trials = cuts.into_iter().map(|(turn, limits)| {
        let device = turn.device(devices).clone();
        let (case, ran) = (turn.case.clone(), Arc::clone(ran));
        let name = format!("{backend}/{what}/{}", case.name);
        Trial::test(name, move || {
            let replanned = |plan: &mut Plan| {
                if let Ok(sliced) = Plan::new(&case.graph, &limits, plan.options) {
                    *plan = sliced;
                }
            };
            let comparison = on_device_altered(&device, &case, replanned).map_err(failed)?;
            ran.fetch_add(1, Ordering::Relaxed);
            match comparison.wrong {
                Some(wrong) => Err(Failed::from(format!("{limits:?}: {wrong}"))),
                None => Ok(()),
            }
        })
    });
    trials.collect()
}

/// That the cases are of every layer.
fn every_layer<'a>(backend: &str, what: &str, cases: impl Iterator<Item = &'a Case>) -> Trial {
    let seen: BTreeSet<String> = cases.map(|case| case.layer().to_owned()).collect();
    Trial::test(format!("{backend}/{what}/every_layer"), move || {
        let names = cases::NAMES.into_iter();
        let missing: Vec<_> = names.filter(|name| !seen.contains(*name)).collect();
        match missing[..] {
            [] => Ok(()),
            _ => Err(Failed::from(format!("no case of {missing:?}"))),
        }
    })
}

/// The cases whose grids fold on this device, as `vulkan/folded/conv/groups`, and that they are of every layer.
fn folded_trials(devices: &[Device], turns: &[Turn], ran: &Arc<AtomicUsize>) -> Vec<Trial> {
    let dispatches = |case: &Case, limits: &Limits| {
        Plan::new(&case.graph, limits, Options::default()).map(|plan| plan.dispatches.len())
    };
    let folds = |case: &Case| {
        let wide = dispatches(case, &Limits::default());
        let narrow = dispatches(case, devices[0].limits());
        matches!((wide, narrow), (Ok(wide), Ok(narrow)) if wide < narrow && narrow < 200)
    };
    let backend = devices[0].adapter().backend.to_lowercase();
    // Integers have the grids of the case that they are of.
    let told = |case: &Case| !case.name.ends_with("+integers");
    let folding: Vec<&Turn> = turns
        .iter()
        .filter(|turn| told(&turn.case) && folds(&turn.case))
        .collect();
    let every_layer = every_layer(&backend, "folded", folding.iter().map(|turn| &turn.case));
    let trial = |turn: &Turn| {
        let name = format!("{backend}/folded/{}", turn.case.name);
        case_trial(name, devices, turn, ran)
    };
    let trials = folding.into_iter().map(trial);
    trials.chain([every_layer]).collect()
}

fn failed(error: wgcnn::Error) -> Failed {
    Failed::from(error.to_string())
}
