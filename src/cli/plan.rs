//! `wgcnn plan`.

use serde::Serialize;
use serde_json::json;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wgcnn::bench::{copy_rate, trace};
use wgcnn::plan::{Dispatch, Limits, Options, Plan};
use wgcnn::{Error, Graph, Result, Selection, networks};

/// One network. Times in milliseconds, absent without a device.
#[derive(Serialize)]
struct Network {
    name: String,
    inputs: Vec<String>,
    dispatches: usize,
    prologue: usize,
    pipelines: usize,
    peak_bytes: u64,
    lower_bound_bytes: u64,
    arena_bytes: Vec<u64>,
    constant_bytes: usize,
    variable_bytes: u64,
    max_storage_buffer_binding_size: u64,
    max_buffer_size: u64,
    max_storage_buffers_per_shader_stage: usize,
    bytes: u64,
    predicted_ms: Option<f64>,
    fusions: Vec<String>,
    steps: Vec<Step>,
}

/// One dispatch.
#[derive(Serialize)]
struct Step {
    node: String,
    kernel: String,
    grid: [u32; 3],
    read_bytes: u64,
    written_bytes: u64,
    predicted_ms: Option<f64>,
    /// When it began and ended in a run, from the beginning of the first; absent for what runs once, and unless asked for.
    measured_ms: Option<[f64; 2]>,
}

/// Milliseconds at a rate in bytes per second.
#[expect(clippy::cast_precision_loss, reason = "a byte count far below 2^53")]
fn milliseconds(bytes: u64, rate: f64) -> f64 {
    bytes as f64 / rate * 1e3
}

impl Network {
    fn new(name: &str, plan: &Plan, rate: Option<f64>, spans: &[Range<f64>]) -> Self {
        let predicted = |bytes| rate.map(|rate| milliseconds(bytes, rate));
        let step = |dispatch: &Dispatch| {
            let (read, written) = plan.traffic(dispatch);
            Step {
                node: dispatch.node.clone(),
                kernel: dispatch.kernel.label(),
                grid: dispatch.grid,
                read_bytes: read,
                written_bytes: written,
                predicted_ms: predicted(read + written),
                measured_ms: None,
            }
        };
        let mut steps: Vec<Step> = plan.dispatches.iter().map(step).collect();
        for (step, span) in steps[plan.prologue..].iter_mut().zip(spans) {
            step.measured_ms = Some([span.start * 1e3, span.end * 1e3]);
        }
        let every = steps[plan.prologue..].iter();
        let bytes = every.map(|step| step.read_bytes + step.written_bytes).sum();
        let inputs = plan.inputs.iter();
        let inputs = inputs.map(|(name, _, ty)| format!("{name} {ty}"));
        let variables = plan.variables.iter();
        let variables = variables.map(|(_, slot, _)| plan.slots[*slot].bytes);
        Self {
            name: name.to_owned(),
            inputs: inputs.collect(),
            dispatches: plan.dispatches.len(),
            prologue: plan.prologue,
            pipelines: plan.pipelines(),
            peak_bytes: plan.peak_bytes(),
            lower_bound_bytes: plan.lower_bound_bytes(),
            arena_bytes: plan.arenas.clone(),
            constant_bytes: plan.constants.len(),
            variable_bytes: variables.sum(),
            max_storage_buffer_binding_size: plan.largest_binding(),
            max_buffer_size: plan.largest_buffer(),
            max_storage_buffers_per_shader_stage: plan.storage_buffers(),
            bytes,
            predicted_ms: predicted(bytes),
            fusions: plan.fusions.clone(),
            steps,
        }
    }

    fn print(&self, plan: &Plan) {
        let time =
            |time: Option<f64>| time.map_or_else(|| "-".to_owned(), |time| format!("{time:.3}"));
        say!("\n{}: {}", self.name, self.inputs.join(", "));
        for (line, step) in plan.lines().iter().zip(&self.steps) {
            let measured = step.measured_ms.map(|[begin, end]| end - begin);
            let measured = measured.map_or_else(String::new, |ms| format!(", took {ms:>9.3} ms"));
            say!("{line} {:>9} ms{measured}", time(step.predicted_ms));
        }
        for line in &self.fusions {
            say!("{line}");
        }
        #[expect(clippy::cast_precision_loss, reason = "byte counts far below 2^53")]
        let ratio = self.peak_bytes as f64 / self.lower_bound_bytes.max(1) as f64;
        say!(
            "{} dispatches, {} pipelines; {} once, until a variable changes; the {} of every run move {} B, {} ms at the \
             speed of a copy",
            self.dispatches,
            self.pipelines,
            self.prologue,
            self.dispatches - self.prologue,
            self.bytes,
            time(self.predicted_ms)
        );
        say!(
            "memory: arenas {:?} B, {} B at the peak, {ratio:.3} of what lives at once, {} B; constants {} B, variables {} B",
            self.arena_bytes,
            self.peak_bytes,
            self.lower_bound_bytes,
            self.constant_bytes,
            self.variable_bytes
        );
        say!(
            "needs: max_storage_buffer_binding_size {}, max_buffer_size {}, max_storage_buffers_per_shader_stage {}",
            self.max_storage_buffer_binding_size,
            self.max_buffer_size,
            self.max_storage_buffers_per_shader_stage
        );
    }
}

/// What the command line asks for.
pub(crate) struct Request {
    pub(crate) network: Option<String>,
    pub(crate) unfused: bool,
    pub(crate) measure: bool,
    pub(crate) json: Option<PathBuf>,
    pub(crate) trace: Option<PathBuf>,
}

/// Networks as processes of a trace, as chrome://tracing, <https://ui.perfetto.dev> and others show them: times in us.
fn chrome_trace(networks: &[Network]) -> serde_json::Value {
    let events = networks.iter().enumerate().flat_map(|(process, network)| {
        let name = json!({
            "ph": "M", "name": "process_name", "pid": process, "tid": 0, "args": { "name": network.name },
        });
        let steps = network.steps.iter().filter_map(move |step| {
            let [begin, end] = step.measured_ms?;
            Some(json!({
                "ph": "X", "name": step.node, "cat": step.kernel, "pid": process, "tid": 0,
                "ts": begin * 1e3, "dur": (end - begin) * 1e3,
                "args": {
                    "kernel": step.kernel, "grid": step.grid, "read_bytes": step.read_bytes,
                    "written_bytes": step.written_bytes, "predicted_us": step.predicted_ms.map(|ms| ms * 1e3),
                },
            }))
        });
        std::iter::once(name).chain(steps)
    });
    json!({ "displayTimeUnit": "ms", "traceEvents": events.collect::<Vec<_>>() })
}

pub(crate) fn run(request: &Request, selection: &Selection) -> Result<ExitCode> {
    let (network, json) = (request.network.as_deref(), request.json.as_deref());
    let names = network.map_or_else(|| networks::NAMES.to_vec(), |name| vec![name]);
    let built = names
        .into_iter()
        .map(|name| Ok((name, networks::build(name)?)));
    let built: Vec<(&str, Graph)> = built.collect::<Result<_>>()?;
    super::check_writable(&[json, request.trace.as_deref()])?;
    let device = super::device_or_cpu(selection)?;
    if device.is_none() && (request.measure || request.trace.is_some()) {
        return Err(Error::Unsupported {
            node: "plan".to_owned(),
            what: "measuring without a device".to_owned(),
        });
    }
    let adapter = device.as_ref().map(|device| device.adapter().to_string());
    let limits = match &device {
        Some(device) => device.limits().clone(),
        None => Limits::default(),
    };
    let rate = device.as_ref().map(copy_rate).transpose()?;
    let quiet = json == Some(Path::new("-"));
    if !quiet {
        match (&adapter, rate) {
            (Some(adapter), Some(rate)) => {
                say!("adapter: {adapter}; a copy moves {:.2} GB/s", rate * 1e-9);
            }
            _ => say!(
                "adapter: none, planned for the limits of {}",
                limits.adapter
            ),
        }
    }
    let options = Options {
        fuse: !request.unfused,
        ..Options::default()
    };
    let mut rows = Vec::new();
    for (name, graph) in built {
        let plan = Plan::new(&graph, &limits, options)?;
        let spans = match device
            .as_ref()
            .filter(|_| request.measure || request.trace.is_some())
        {
            Some(device) => trace(device, &graph, options)?,
            None => Vec::new(),
        };
        let row = Network::new(name, &plan, rate, &spans);
        if !quiet {
            row.print(&plan);
        }
        rows.push(row);
    }
    if let Some(path) = json {
        let header = json!({
            "adapter": adapter,
            "limits_of": limits.adapter,
            "copy_gbps": rate.map(|rate| rate * 1e-9),
            "version": env!("CARGO_PKG_VERSION"),
        });
        super::write_json(path, &json!({ "header": header, "networks": rows }))?;
    }
    if let Some(path) = &request.trace {
        super::write_json(path, &chrome_trace(&rows))?;
    }
    Ok(ExitCode::SUCCESS)
}
