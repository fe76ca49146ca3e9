//! `wgcnn check`.

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use wgcnn::cases::{self, Case};
use wgcnn::check::{Comparison, on_device};
use wgcnn::{Device, Error, Result, Selection};

/// What to check.
pub(crate) struct Request {
    pub(crate) op: Option<String>,
    pub(crate) case: Option<String>,
    pub(crate) random: u64,
    /// The named cases too.
    pub(crate) named: bool,
    pub(crate) seed: u64,
    pub(crate) list: bool,
    pub(crate) json: Option<PathBuf>,
}

impl Request {
    fn layers(&self) -> impl Iterator<Item = &'static str> + Clone {
        let wanted = |name: &&str| self.op.as_deref().is_none_or(|op| op == *name);
        cases::NAMES.into_iter().filter(wanted)
    }

    /// The named cases, those of a layer together.
    fn named(&self) -> Result<Vec<Case>> {
        if let Some(name) = &self.case {
            return Ok(vec![cases::find(name)?]);
        }
        if !self.named {
            return Ok(Vec::new());
        }
        let mut named = cases::named();
        let layers: Vec<&str> = self.layers().collect();
        named.retain(|case| layers.contains(&case.layer()));
        Ok(named)
    }

    /// The random cases, dealt to the layers in turn; each is made when its turn comes.
    fn random(&self) -> impl Iterator<Item = Case> {
        let layers = self.layers().cycle();
        let seeds = self.seed..self.seed + self.random;
        seeds
            .zip(layers)
            .filter_map(|(seed, layer)| cases::random(layer, seed))
    }
}

/// One row of the report.
#[derive(Default)]
struct Row {
    cases: usize,
    exact: usize,
    within: usize,
    wrong: usize,
    worst: f64,
}

impl Row {
    fn add(&mut self, comparison: &Comparison) {
        self.cases += 1;
        self.worst = self.worst.max(comparison.worst);
        match comparison {
            _ if comparison.wrong.is_some() => self.wrong += 1,
            _ if comparison.is_exact() => self.exact += 1,
            _ => self.within += 1,
        }
    }
}

pub(crate) fn run(request: &Request, selection: &Selection) -> Result<ExitCode> {
    super::check_op(request.op.as_deref())?;
    if !request.named && request.random == 0 {
        return Err(Error::Attribute {
            node: "--random".to_owned(),
            expected: "at least 1 with --no-named".to_owned(),
            got: "0".to_owned(),
        });
    }
    let named = request.named()?;
    if request.list {
        for case in &named {
            say!("{:<40} {}", case.name, case.why);
        }
        return Ok(ExitCode::SUCCESS);
    }
    super::check_writable(&[request.json.as_deref()])?;
    let device = Device::open(selection)?;
    complain!("device: {}", device.adapter());
    let count = named.len() as u64 + request.random;
    let cases = named.into_iter().chain(request.random());
    let results = check(&device, cases, count, selection)?;
    let rows: Vec<(&str, Row)> = cases::NAMES
        .into_iter()
        .map(|layer| (layer, row(layer, &results)))
        .filter(|(_, row)| row.cases > 0)
        .collect();
    let wrong: usize = rows.iter().map(|(_, row)| row.wrong).sum();
    let total: usize = rows.iter().map(|(_, row)| row.cases).sum();
    if request.json.as_deref() != Some("-".as_ref()) {
        print(&rows);
        say!("{total} cases on {}: {wrong} WRONG", device.adapter());
        if request.random > 0 {
            let last = request.seed + request.random - 1;
            say!("random cases: seeds {} to {last}", request.seed);
        }
    }
    if let Some(path) = &request.json {
        super::write_json(path, &report(&device, &rows, &results))?;
    }
    Ok(ExitCode::from(u8::from(wrong > 0)))
}

fn check(
    device: &Device,
    cases: impl Iterator<Item = Case>,
    count: u64,
    selection: &Selection,
) -> Result<Vec<(String, Comparison)>> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
    let bar =
        ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut results = Vec::new();
    for case in cases {
        bar.set_message(case.name.clone());
        let comparison = match on_device(device, &case) {
            Ok(comparison) => comparison,
            Err(error @ Error::DeviceLost(_)) => return Err(error),
            Err(error) => Comparison::failed(&error),
        };
        if let Some(wrong) = &comparison.wrong {
            bar.suspend(|| {
                complain!("WRONG {}: {wrong}", case.name);
                let environment = |name: &str| std::env::var(name).ok();
                complain!("  replay: {}", replay(&case.name, selection, environment));
            });
        }
        results.push((case.name, comparison));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(results)
}

/// The command that runs this case again on this device, which flags and the environment have chosen.
fn replay(
    case: &str,
    selection: &Selection,
    environment: impl Fn(&str) -> Option<String>,
) -> String {
    let quoted = |value: String| format!("'{}'", value.replace('\'', r"'\''"));
    let set = |name: &str| {
        environment(name).map_or(String::new(), |value| format!("{name}={} ", quoted(value)))
    };
    let flag = |name: &str, value: &Option<String>| {
        let value = value.clone().map(quoted);
        value.map_or(String::new(), |value| format!(" --{name} {value}"))
    };
    let program = std::env::args()
        .next()
        .unwrap_or_else(|| "wgcnn".to_owned());
    let chosen = set("WGPU_BACKEND") + &set("WGPU_ADAPTER_NAME");
    let device = flag("device", &selection.device) + &flag("backend", &selection.backend);
    format!("{chosen}{program} check --case {case}{device}")
}

fn row(layer: &str, results: &[(String, Comparison)]) -> Row {
    let mut row = Row::default();
    let of_layer = |name: &str| name.split('/').next() == Some(layer);
    for (_, comparison) in results.iter().filter(|(name, _)| of_layer(name)) {
        row.add(comparison);
    }
    row
}

fn print(rows: &[(&str, Row)]) {
    say!(
        "{:<12} {:>6} {:>6} {:>13} {:>6} {:>20}",
        "layer",
        "cases",
        "exact",
        "within bound",
        "WRONG",
        "worst |error|/bound"
    );
    for (layer, row) in rows {
        let Row {
            cases,
            exact,
            within,
            wrong,
            worst,
        } = row;
        say!("{layer:<12} {cases:>6} {exact:>6} {within:>13} {wrong:>6} {worst:>20.4}");
    }
}

fn report(
    device: &Device,
    rows: &[(&str, Row)],
    results: &[(String, Comparison)],
) -> serde_json::Value {
    let layers = rows.iter().map(|(layer, row)| {
        json!({
            "op": layer,
            "cases": row.cases,
            "exact": row.exact,
            "within_bound": row.within,
            "wrong": row.wrong,
            // JSON has no infinity, which is what a wrong element gives.
            "worst_ratio": row.worst.is_finite().then_some(row.worst),
        })
    });
    let cases = results.iter().map(|(name, comparison)| {
        json!({
            "case": name,
            "elements": comparison.elements,
            "exact_elements": comparison.exact,
            "worst_ratio": comparison.worst.is_finite().then_some(comparison.worst),
            "wrong": comparison.wrong.as_ref().map(ToString::to_string),
        })
    });
    json!({
        "header": { "adapter": device.adapter().to_string() },
        "layers": layers.collect::<Vec<_>>(),
        "cases": cases.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_takes_the_same_device() {
        let selection = Selection {
            device: Some("1".to_owned()),
            backend: Some("gl".to_owned()),
        };
        let none = |_: &str| None;
        let flags = replay("add/skip", &selection, none);
        let expected = " check --case add/skip --device '1' --backend 'gl'";
        assert!(flags.ends_with(expected), "{flags}");
        let variables = |name: &str| (name == "WGPU_BACKEND").then(|| "it's".to_owned());
        let environment = replay("add/skip", &Selection::default(), variables);
        assert!(
            environment.starts_with(r"WGPU_BACKEND='it'\''s' "),
            "{environment}"
        );
        assert!(
            environment.ends_with(" check --case add/skip"),
            "{environment}"
        );
    }
}
