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

/// Where an output goes.
#[derive(PartialEq)]
enum Place {
    File(Handle),
    /// By [`pipe`].
    Pipe((u64, u64)),
}

/// `Err` if one of these files, or standard output for `-`, cannot be written, or two of them are one: found out before the work, not
/// behind it.
fn check_writable(paths: &[Option<&Path>]) -> Result<()> {
    let mut taken = Vec::new();
    for path in paths.iter().copied().flatten() {
        let mut check = || {
            let own = match pipe(path) {
                // It would end for who reads it, if it were opened and closed.
                Some(pipe) => Place::Pipe(pipe),
                None if path == Path::new("-") => Place::File(Handle::stdout()?),
                None => {
                    let mut options = std::fs::File::options();
                    let file = options.append(true).create(true).open(path)?;
                    if !file.metadata()?.is_file() {
                        // A device may take several.
                        return Ok(());
                    }
                    Place::File(Handle::from_file(file)?)
                }
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

/// Device and number of a pipe, whatever its name; `None` for what is none.
#[cfg(unix)]
fn pipe(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let name = if path == Path::new("-") {
        Path::new("/dev/stdout")
    } else {
        path
    };
    let is = name.metadata().ok()?;
    is.file_type().is_fifo().then(|| (is.dev(), is.ino()))
}

/// Pipes have no names in the file system here.
#[cfg(not(unix))]
fn pipe(_: &Path) -> Option<(u64, u64)> {
    None
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
