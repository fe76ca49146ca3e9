//! The shaders without a GPU: parsed and validated by naga with the constants of real dispatches, translated to what
//! Metal, DX12 and GL take, and held against the conventions of this crate.

#[path = "shaders/files.rs"]
mod files;

use naga::back::{self, PipelineConstants, pipeline_constants::process_overrides};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ShaderStage, StorageAccess, TypeInner};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::process::Command;
use wgcnn::kernel::Kernel;
use wgcnn::ops::kernels;
use wgcnn::plan::{Dispatch, Limits, Options, Plan};

/// The result of a test and of its helpers.
type Tested<T = ()> = Result<T, Box<dyn Error>>;

/// Sets of constants per kernel that are translated.
const MOST_CONSTANTS: usize = 8;

/// The dispatches of every named case, on a GPU, on a CPU, and, of those that can be, where a binding is small, and of `bench`, by
/// the label of their kernel.
fn planned() -> Tested<BTreeMap<String, Vec<Dispatch>>> {
    let mut planned: BTreeMap<String, Vec<Dispatch>> = BTreeMap::new();
    let cpu = Limits {
        thread_sums: 256,
        ..Limits::default()
    };
    let small = Limits {
        max_storage_buffer_binding_size: 1 << 12,
        ..Limits::default()
    };
    let mut plans = vec![wgcnn::bench::peak_plan(&cpu)?];
    for case in wgcnn::cases::named() {
        for limits in [&Limits::default(), &cpu] {
            plans.push(Plan::new(&case.graph, limits, Options::default())?);
        }
        plans.extend(Plan::new(&case.graph, &small, Options::default()).ok());
    }
    for dispatch in plans.into_iter().flat_map(|plan| plan.dispatches) {
        planned
            .entry(dispatch.kernel.label())
            .or_default()
            .push(dispatch);
    }
    Ok(planned)
}

fn validated(kernel: &Kernel) -> Tested<(Module, ModuleInfo)> {
    let text = kernel.wgsl();
    let label = kernel.label();
    let parsed = naga::front::wgsl::parse_str(&text);
    let module = parsed.map_err(|error| error.emit_to_string_with_path(&text, &label))?;
    // unpack2x16float() is core WGSL, and a capability that naga asks for.
    let capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    let info = validator.validate(&module);
    let info = info.map_err(|error| error.emit_to_string_with_path(&text, &label))?;
    Ok((module, info))
}

/// Members of `struct Params`, by name and offset, and its bytes.
fn params_of(module: &Module) -> Tested<(Vec<(String, usize)>, usize)> {
    let mut variables = module.global_variables.iter().map(|(_, variable)| variable);
    let uniform = variables.find(|variable| {
        variable.space == AddressSpace::Uniform && variable.name.as_deref() == Some("params")
    });
    let ty = &module.types[uniform.ok_or("no uniform")?.ty];
    assert_eq!(ty.name.as_deref(), Some("Params"), "type of the uniform");
    let TypeInner::Struct { members, span } = &ty.inner else {
        return Err("the uniform is no struct".into());
    };
    let member = |member: &naga::StructMember| {
        let name = member.name.clone().unwrap_or_default();
        (name, member.offset as usize)
    };
    Ok((members.iter().map(member).collect(), *span as usize))
}

fn msl(module: &Module, info: &ModuleInfo) -> Tested {
    let options = back::msl::Options {
        lang_version: (2, 0),
        ..Default::default()
    };
    let pipeline = back::msl::PipelineOptions::default();
    let (text, translation) = back::msl::write_string(module, info, &options, &pipeline)?;
    assert!(
        text.contains("kernel void"),
        "MSL without a kernel:\n{text}"
    );
    for name in translation.entry_point_names {
        name?;
    }
    Ok(())
}

/// For shader model 5.1, which the older of the two compilers takes too.
fn hlsl(module: &Module, info: &ModuleInfo) -> Tested {
    let (options, pipeline) = (Default::default(), Default::default());
    let mut text = String::new();
    let mut writer = back::hlsl::Writer::new(&mut text, &options, &pipeline);
    let translation = writer.write(module, info, None)?;
    assert!(
        text.contains("[numthreads("),
        "HLSL without a kernel:\n{text}"
    );
    for name in translation.entry_point_names {
        name?;
    }
    Ok(())
}

fn glsl(module: &Module, info: &ModuleInfo, version: back::glsl::Version) -> Tested {
    let options = back::glsl::Options {
        version,
        ..Default::default()
    };
    let pipeline = back::glsl::PipelineOptions {
        shader_stage: ShaderStage::Compute,
        entry_point: "main".to_owned(),
        multiview: None,
    };
    let mut text = String::new();
    let policies = Default::default();
    back::glsl::Writer::new(&mut text, module, info, &options, &pipeline, policies)?.write()?;
    assert!(
        text.contains("void main("),
        "GLSL without a kernel:\n{text}"
    );
    Ok(())
}

/// The kernel with the constants of a dispatch, in every language.
fn translate(module: &Module, info: &ModuleInfo, constants: &[(&str, f64)]) -> Tested {
    let values = constants
        .iter()
        .map(|&(name, value)| (name.to_owned(), value));
    let values: PipelineConstants = values.collect();
    let main = Some((ShaderStage::Compute, "main"));
    let (module, info) = process_overrides(module, info, main, &values)?;
    msl(&module, &info).map_err(|error| format!("MSL: {error}"))?;
    hlsl(&module, &info).map_err(|error| format!("HLSL: {error}"))?;
    for version in [
        back::glsl::Version::new_gles(310),
        back::glsl::Version::Desktop(430),
    ] {
        glsl(&module, &info, version).map_err(|error| format!("GLSL {version}: {error}"))?;
    }
    Ok(())
}

#[test]
fn every_kernel_reaches_metal_dx12_and_gl_with_the_constants_of_the_cases() -> Tested {
    let planned = planned()?;
    let mut failures = Vec::new();
    for kernel in kernels() {
        let label = kernel.label();
        let (module, info) = validated(kernel)?;
        let mut tried: Vec<&[(&str, f64)]> = Vec::new();
        for dispatch in planned.get(&label).into_iter().flatten() {
            let constants = dispatch.constants.as_slice();
            if tried.len() < MOST_CONSTANTS && !tried.contains(&constants) {
                tried.push(constants);
                if let Err(error) = translate(&module, &info, constants) {
                    failures.push(format!("{label} with {constants:?}: {error}"));
                }
            }
        }
        if tried.is_empty() {
            failures.push(format!("{label}: no case meets this kernel"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

#[test]
fn every_dispatch_is_of_a_listed_kernel() -> Tested {
    let listed: Vec<String> = kernels().iter().map(|kernel| kernel.label()).collect();
    let distinct: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(
        distinct.len(),
        listed.len(),
        "labels of the kernels are distinct"
    );
    for (label, dispatches) in planned()? {
        assert!(listed.contains(&label), "{label} is not in ops::kernels()");
        let known = dispatches
            .iter()
            .all(|dispatch| kernels().contains(&dispatch.kernel));
        assert!(known, "another kernel is called {label}");
    }
    Ok(())
}

#[test]
fn params_have_the_same_layout_in_rust_and_wgsl() -> Tested {
    let planned = planned()?;
    for kernel in kernels() {
        let label = kernel.label();
        let (members, bytes) = params_of(&validated(kernel)?.0)?;
        let fields = kernel.params.iter();
        let fields: Vec<_> = fields
            .map(|field| (field.name.to_owned(), field.offset))
            .collect();
        assert_eq!(
            fields, members,
            "{label}: fields in Rust and members in WGSL"
        );
        assert_eq!(
            members[0],
            ("origin".to_owned(), 0),
            "{label}: first member"
        );
        for dispatch in planned.get(&label).into_iter().flatten() {
            let padded = dispatch.params.len().next_multiple_of(16);
            assert_eq!(
                padded, bytes,
                "{label}: bytes of Params for {}",
                dispatch.node
            );
        }
    }
    Ok(())
}

/// Reads, writes and the uniform of a kernel in the order of their bindings.
fn bindings(kernel: &Kernel) -> Tested<String> {
    let (module, _) = validated(kernel)?;
    let mut bindings = BTreeMap::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(at) = variable.binding else { continue };
        let kind = match variable.space {
            AddressSpace::Storage { access } if access == StorageAccess::LOAD => 'r',
            AddressSpace::Storage { .. } => 'w',
            AddressSpace::Uniform if variable.name.as_deref() == Some("params") => 'p',
            AddressSpace::Uniform if kernel.uniform == usize::try_from(at.binding).ok() => 'r',
            other => return Err(format!("binding {at:?} in {other:?}").into()),
        };
        assert_eq!(
            at.group, 0,
            "{}: group of binding {}",
            kernel.name, at.binding
        );
        bindings.insert(at.binding, kind);
    }
    let numbers: Vec<u32> = bindings.keys().copied().collect();
    let contiguous: Vec<u32> = (0..).take(numbers.len()).collect();
    assert_eq!(numbers, contiguous, "{}: bindings", kernel.label());
    Ok(bindings.into_values().collect())
}

#[test]
fn bindings_are_inputs_then_outputs_around_params() -> Tested {
    let planned = planned()?;
    for kernel in kernels() {
        let label = kernel.label();
        let bindings = bindings(kernel)?;
        for dispatch in planned.get(&label).into_iter().flatten() {
            let reads = "r".repeat(dispatch.reads.len());
            let behind = "w".repeat(kernel.behind);
            let writes = "w".repeat(dispatch.writes.len() - kernel.behind);
            assert_eq!(
                bindings,
                format!("{reads}{writes}p{behind}"),
                "{label}: {}",
                dispatch.node
            );
        }
    }
    Ok(())
}

/// Tint rejects what naga lets through and browsers refuse, such as a barrier in non-uniform control flow.
#[test]
fn tint_takes_every_kernel_where_it_is_installed() -> Tested {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut failures = Vec::new();
    for kernel in kernels() {
        let file = folder.join(format!("{}.wgsl", kernel.label()));
        std::fs::write(&file, kernel.wgsl())?;
        let run = Command::new("tint")
            .args(["--format", "wgsl"])
            .arg(&file)
            .output();
        if run
            .as_ref()
            .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        {
            eprintln!("tint is not on the PATH: the kernels were not shown to it");
            return Ok(());
        }
        let run = run?;
        if !run.status.success() {
            let said = String::from_utf8_lossy(&run.stderr);
            failures.push(format!("{}: {said}", kernel.label()));
        }
    }
    assert!(failures.is_empty(), "tint rejects\n{}", failures.join("\n"));
    Ok(())
}
