//! `wgcnn devices`.

use serde_json::json;
use std::process::ExitCode;
use wgcnn::{Adapter, Result, Selection};

pub(crate) fn run(as_json: bool, selection: &Selection) -> Result<ExitCode> {
    let adapters = Adapter::all();
    let selected = selection.of(&adapters);
    if as_json {
        let selected = selected.iter();
        let selected = selected.map(|&index| describe(index, &adapters[index]));
        say!("{:#}", json!(selected.collect::<Vec<_>>()));
    }
    if selected.is_empty() {
        return Err(selection.not_found(&adapters));
    }
    if !as_json {
        for index in selected {
            print(index, &adapters[index]);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(index: usize, adapter: &Adapter) -> serde_json::Value {
    let limits = &adapter.limits;
    json!({
        "index": index,
        "name": adapter.name,
        "kind": adapter.kind.to_string(),
        "software": adapter.kind == wgcnn::Kind::Software,
        "backend": adapter.backend,
        "driver": adapter.driver,
        "usable": adapter.usable,
        "timestamps": adapter.timestamps,
        "f16": adapter.f16,
        "subgroups": adapter.subgroups.map(|(min, max)| [min, max]),
        "max_compute_invocations_per_workgroup": adapter.max_invocations,
        "max_compute_workgroup_storage_size": adapter.workgroup_memory,
        "max_compute_workgroups_per_dimension": limits.max_compute_workgroups_per_dimension,
        "max_storage_buffer_binding_size": limits.max_storage_buffer_binding_size,
        "max_buffer_size": limits.max_buffer_size,
        "max_storage_buffers_per_shader_stage": limits.max_storage_buffers_per_shader_stage,
        "min_storage_buffer_offset_alignment": limits.min_storage_buffer_offset_alignment,
    })
}

fn print(index: usize, adapter: &Adapter) {
    let limits = &adapter.limits;
    let yes = |flag: bool| if flag { "yes" } else { "no" };
    let subgroups = match adapter.subgroups {
        Some((min, max)) if min == max => format!("of {min}"),
        Some((min, max)) => format!("of {min} to {max}"),
        None => "no".to_owned(),
    };
    say!("{index}: {adapter}");
    if !adapter.usable {
        say!("   NOT USABLE: too few storage buffers or invocations for compute shaders");
    }
    say!(
        "   timestamps {}, f16 {}, subgroups {subgroups}",
        yes(adapter.timestamps),
        yes(adapter.f16)
    );
    say!(
        "   binding {} MiB, buffer {} MiB, {} storage buffers, offsets of {} B",
        limits.max_storage_buffer_binding_size >> 20,
        limits.max_buffer_size >> 20,
        limits.max_storage_buffers_per_shader_stage,
        limits.min_storage_buffer_offset_alignment,
    );
    say!(
        "   {} invocations a workgroup, {} KiB workgroup memory, {} workgroups a dimension",
        adapter.max_invocations,
        adapter.workgroup_memory >> 10,
        limits.max_compute_workgroups_per_dimension,
    );
}
