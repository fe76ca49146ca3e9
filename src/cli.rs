//! The subcommands.

/// A line on standard output. Where nobody can have it, the program ends with status 1 and says why.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::cli::print(&format!("{}\n", format_args!($($argument)*)))
    };
}

/// A line on standard error, where nobody may be.
macro_rules! complain {
    ($($argument:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), $($argument)*);
    }};
}
pub(crate) use complain;

pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod devices;
pub(crate) mod plan;
pub(crate) mod run;
mod sheet;

use same_file::Handle;
use std::path::Path;
use wgcnn::{Adapter, Device, Error, Result, Selection};

/// Writes to standard output, or ends the program.
pub(crate) fn print(text: &str) {
    use std::io::Write;
    if let Err(error) = std::io::stdout().write_all(text.as_bytes()) {
        complain!("error: standard output: {error}");
        std::process::exit(1);
    }
}

/// The device of a selection; `None`, announced on standard error, if this machine has no usable adapter at all. One
/// that was asked for, by a flag or in the environment, and is not there stays an error.
fn device_or_cpu(selection: &Selection) -> Result<Option<Device>> {
    match Device::open(selection) {
        Ok(device) => Ok(Some(device)),
        Err(error @ Error::NoAdapter { .. }) if !Adapter::any() => {
            complain!("{error}");
            complain!("Going on with the CPU path alone.");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// `Err` if one of these files, or standard output for `-`, cannot be written, or two of them are one: found out before the work, not
/// behind it.
fn check_writable(paths: &[Option<&Path>]) -> Result<()> {
    let mut taken = Vec::new();
    for path in paths.iter().copied().flatten() {
        let mut check = || {
            let own = if path == Path::new("-") {
                Handle::stdout()?
            } else if path
                .metadata()
                .is_ok_and(|is| !is.is_file() && !is.is_dir())
            {
                // A pipe would end for who reads it, if it were opened and closed. A device may take several.
                return Ok(());
            } else {
                let mut options = std::fs::File::options();
                Handle::from_file(options.append(true).create(true).open(path)?)?
            };
            if taken.contains(&own) {
                let kind = std::io::ErrorKind::InvalidInput;
                let what = "two outputs, of which each would take it";
                return Err(std::io::Error::new(kind, what));
            }
            taken.push(own);
            Ok(())
        };
        check().map_err(|source| Error::Io {
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(())
}

/// Writes JSON to a file, or to standard output for `-`.
fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::Io {
        path: path.to_owned(),
        source: error.into(),
    })?;
    write(path, &format!("{text}\n"))
}

/// Writes a file, or to standard output for `-`.
fn write(path: &Path, text: &str) -> Result<()> {
    if path == Path::new("-") {
        print(text);
        return Ok(());
    }
    std::fs::write(path, text).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}

/// `Err` unless `op` has cases.
fn check_op(op: Option<&str>) -> Result<()> {
    match op {
        Some(op) if !wgcnn::cases::NAMES.contains(&op) => Err(Error::Unknown {
            kind: "layer",
            name: op.to_owned(),
            known: wgcnn::cases::NAMES.join(", "),
        }),
        _ => Ok(()),
    }
}

/// Threads of the CPU path, and the processor's name where the system tells it.
fn cpu() -> (String, usize) {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = model
        .and_then(|line| line.split_once(':'))
        .map(|(_, name)| name.trim());
    let name = name.unwrap_or(std::env::consts::ARCH).to_owned();
    (name, rayon::current_num_threads())
}
