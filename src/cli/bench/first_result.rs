//! Time to the first result of a network. Each sample is a process of its own, for drivers keep compiled shaders from one device
//! to the next, in memory and on disk.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use wgcnn::bench::{Spread, measure_first_result};
use wgcnn::plan::{Options, Plan};
use wgcnn::{Device, Error, Result, Selection, networks};

/// Fewest and most samples of each kind, and the time after which no more are taken.
const SAMPLES: (usize, usize) = (3, 5);
const BUDGET: Duration = Duration::from_secs(30);
/// A process that has not answered by then is ended.
const PATIENCE: Duration = Duration::from_secs(300);
/// What turns the cache of shaders off that a driver keeps on disk: Mesa, NVIDIA on Linux
/// (<https://docs.mesa3d.org/envvars.html>, the README of NVIDIA's driver, "OpenGL environment variable settings").
const DRIVER_CACHE_OFF: [(&str, &str); 2] = [
    ("MESA_SHADER_CACHE_DISABLE", "true"),
    ("__GL_SHADER_DISK_CACHE", "0"),
];

/// `wgcnn first-result`: prints the seconds of one. With the pipelines of a folder if it has some, and leaves them there.
pub(crate) fn run(
    network: &str,
    pipelines: Option<&Path>,
    selection: &Selection,
) -> Result<ExitCode> {
    let graph = networks::build(network)?;
    let device = match pipelines {
        Some(folder) => Device::open_cached(selection, folder)?,
        None => Device::open(selection)?,
    };
    let seconds = measure_first_result(&device, &graph)?;
    if let Some(folder) = pipelines {
        device.save_pipelines(folder)?;
    }
    say!("{seconds}");
    Ok(ExitCode::SUCCESS)
}

/// Milliseconds to the first result of a network.
#[derive(Serialize, Deserialize)]
pub(super) struct FirstResult {
    network: String,
    pipelines: usize,
    #[serde(default)]
    samples: Option<usize>,
    /// From nothing.
    ms: f64,
    ms_mad: f64,
    /// With the pipelines that [`Device::save_pipelines`] left on disk; absent where the driver has no form for them.
    #[serde(default)]
    saved_ms: Option<f64>,
    #[serde(default)]
    saved_ms_mad: Option<f64>,
    /// With what the driver keeps by itself: what the second start of a program takes.
    #[serde(default)]
    driver_cache_ms: Option<f64>,
    #[serde(default)]
    driver_cache_ms_mad: Option<f64>,
}

impl FirstResult {
    pub(super) fn measure(network: &str, device: &Device, selection: &Selection) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("wgcnn-bench-{}", std::process::id()));
        let samples = sample(network, &folder, selection);
        // A temporary folder that cannot be removed is no reason to lose the figures.
        let _ = std::fs::remove_dir_all(&folder);
        let [cold, saved, driver] = samples?;
        let plan = Plan::new(
            &networks::build(network)?,
            device.limits(),
            Options::default(),
        )?;
        let spread = |samples: &[f64]| (!samples.is_empty()).then(|| Spread::of(samples));
        let (saved, driver) = (spread(&saved), spread(&driver));
        let cold = Spread::of(&cold);
        Ok(Self {
            network: network.to_owned(),
            pipelines: plan.pipelines(),
            samples: Some(cold.samples),
            ms: cold.median * 1e3,
            ms_mad: cold.mad * 1e3,
            saved_ms: saved.map(|time| time.median * 1e3),
            saved_ms_mad: saved.map(|time| time.mad * 1e3),
            driver_cache_ms: driver.map(|time| time.median * 1e3),
            driver_cache_ms_mad: driver.map(|time| time.mad * 1e3),
        })
    }

    pub(super) fn line(&self) -> String {
        let time = |ms: f64, mad: f64| format!("{ms:.0} ms (+-mad {mad:.0})");
        let times = |ms: Option<f64>, mad: Option<f64>| Some(time(ms?, mad?));
        let saved = times(self.saved_ms, self.saved_ms_mad);
        let saved = saved.map_or_else(
            || "the driver has no form to save pipelines in".to_owned(),
            |time| format!("{time} with pipelines saved to disk"),
        );
        let driver = times(self.driver_cache_ms, self.driver_cache_ms_mad);
        let driver = driver.map_or_else(String::new, |time| {
            format!(", {time} with the driver's cache on")
        });
        let cold = time(self.ms, self.ms_mad);
        format!(
            "first result of {}, {} pipelines: {cold} cold, {saved}{driver}",
            self.network, self.pipelines
        )
    }
}

/// Seconds from nothing, with pipelines in `folder` (none where the driver has no form for them), and with what the driver keeps
/// by itself: taken in turn, so that whatever else the machine does touches all.
fn sample(network: &str, folder: &Path, selection: &Selection) -> Result<[Vec<f64>; 3]> {
    let program = std::env::current_exe().map_err(|source| Error::Io {
        path: "the running program".into(),
        source,
    })?;
    let command = |pipelines: bool| {
        let mut command = Command::new(&program);
        command.args(["first-result", network]);
        if pipelines {
            command.arg("--pipelines").arg(folder);
        }
        let chosen = [
            ("--device", &selection.device),
            ("--backend", &selection.backend),
        ];
        for (flag, value) in chosen {
            command.args(value.iter().flat_map(|value| [flag, value]));
        }
        command
    };
    // The first start of a program: it fills the driver's cache, and the folder.
    answer(&mut command(true), PATIENCE)?;
    let saves = folder.exists();
    let [mut cold, mut saved, mut driver] = [Vec::new(), Vec::new(), Vec::new()];
    let start = Instant::now();
    while cold.len() < SAMPLES.0 || (cold.len() < SAMPLES.1 && start.elapsed() < BUDGET) {
        cold.push(answer(command(false).envs(DRIVER_CACHE_OFF), PATIENCE)?);
        if saves {
            saved.push(answer(command(true).envs(DRIVER_CACHE_OFF), PATIENCE)?);
        }
        driver.push(answer(&mut command(false), PATIENCE)?);
    }
    Ok([cold, saved, driver])
}

/// The number that a process prints, if it does within `patience`.
fn answer(command: &mut Command, patience: Duration) -> Result<f64> {
    let outcome = outcome(command, patience);
    outcome.map_err(|message| Error::Process {
        command: format!("{command:?}"),
        message,
    })
}

/// The number, or what went wrong.
fn outcome(command: &mut Command, patience: Duration) -> Result<f64, String> {
    let text = |error: io::Error| error.to_string();
    let command = command.stdin(Stdio::null());
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = piped.spawn().map_err(text)?;
    // Read while it runs: a process waits where nobody empties a full pipe. One number fills none.
    let complaints = process.stderr.take();
    let complaints = complaints.map(|pipe| thread::spawn(|| io::read_to_string(pipe)));
    let status = wait(&mut process, patience).map_err(text)?;
    let complaints = complaints.and_then(|reader| reader.join().ok()?.ok());
    let status = status.ok_or_else(|| format!("no answer within {patience:?}"))?;
    if !status.success() {
        return Err(format!(
            "{status}: {}",
            complaints.unwrap_or_default().trim()
        ));
    }
    let printed = process.stdout.take().map(io::read_to_string);
    let printed = printed.transpose().map_err(text)?.unwrap_or_default();
    let seconds = printed.trim().parse();
    seconds.map_err(|_| format!("expected seconds, got {printed:?}"))
}

/// How a process ended; `None` if it had to be ended.
fn wait(process: &mut Child, patience: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        let status = process.try_wait()?;
        if status.is_some() {
            return Ok(status);
        }
        if start.elapsed() > patience {
            process.kill()?;
            process.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// What comes of a process that runs this line.
    fn shell(line: &str, patience: Duration) -> Result<f64> {
        answer(Command::new("sh").args(["-c", line]), patience)
    }

    fn message(result: Result<f64>) -> String {
        match result {
            Err(Error::Process { command, message }) => format!("{command} {message}"),
            other => format!("no error of a process: {other:?}"),
        }
    }

    #[test]
    fn a_process_answers_fails_or_is_ended() -> Result<()> {
        let long = Duration::from_secs(60);
        let seconds = shell("echo 0.25", long)?;
        assert!((seconds - 0.25).abs() < f64::EPSILON, "{seconds}");

        let failed = message(shell("echo error: no device >&2; exit 3", long));
        assert!(failed.contains("\"sh\" \"-c\""), "the command: {failed}");
        assert!(
            failed.contains("3: error: no device"),
            "what it said: {failed}"
        );

        let silent = message(shell("true", long));
        assert!(silent.contains("expected seconds, got \"\""), "{silent}");

        // More than a pipe holds.
        let talkative = "head -c 300000 /dev/zero >&2; echo 1";
        assert!((shell(talkative, long)? - 1.0).abs() < f64::EPSILON);

        let start = Instant::now();
        let hanging = message(shell("exec sleep 50", Duration::from_millis(50)));
        assert!(hanging.contains("no answer within 50ms"), "{hanging}");
        assert!(
            start.elapsed() < Duration::from_secs(40),
            "it was waited for"
        );

        let absent = message(answer(&mut Command::new("/no/such/program"), long));
        assert!(absent.contains("/no/such/program"), "{absent}");
        Ok(())
    }
}
