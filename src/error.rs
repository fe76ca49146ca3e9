//! The one error type: every variant names where it happened and both what was expected and what came.

use std::path::PathBuf;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything a caller, a file or a device can get wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor of the wrong rank, extents or dtype.
    #[error("{node}: expected {expected}, got {got}")]
    Shape {
        /// Node, input or variable at fault.
        node: String,
        /// What the layer accepts.
        expected: String,
        /// What it was given.
        got: String,
    },
    /// An attribute of a layer outside the values PyTorch accepts.
    #[error("{node}: expected {expected}, got {got}")]
    Attribute {
        /// Node at fault.
        node: String,
        /// The accepted values.
        expected: String,
        /// The value given.
        got: String,
    },
    /// Valid in PyTorch, not implemented here.
    #[error("{node}: {what} is not supported")]
    Unsupported {
        /// Node at fault.
        node: String,
        /// What is missing.
        what: String,
    },
    /// An input, output or variable name declared twice in one graph.
    #[error("{kind} {name:?} is declared twice; names are unique within a graph")]
    DuplicateName {
        /// `input`, `output` or `variable`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A name that a run or a session needs and was not given.
    #[error("{kind} {name:?} is missing")]
    Missing {
        /// `input`, `output` or `variable`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A name that the graph does not have.
    #[error("there is no {kind} {name:?}; known: {known}")]
    Unknown {
        /// `input`, `output`, `variable`, `case` or `layer`.
        kind: &'static str,
        /// The name.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A [`Value`](crate::Value) of another graph.
    #[error("{node}: the value belongs to another graph")]
    ForeignValue {
        /// Node at fault.
        node: String,
    },
    /// More than the adapter, or the address space, can hold.
    #[error("{node}: needs {needed} for {limit}, {adapter} has {available}")]
    Limit {
        /// Node or buffer at fault.
        node: String,
        /// Name of the limit, as in the WebGPU specification.
        limit: &'static str,
        /// What is needed.
        needed: u64,
        /// What is available.
        available: u64,
        /// The adapter that sets the limit.
        adapter: String,
    },
    /// No adapter, or none that matches.
    #[error("no GPU adapter {wanted}; found: {found}. {hint}")]
    NoAdapter {
        /// What was looked for.
        wanted: String,
        /// The adapters that exist.
        found: String,
        /// How to get one.
        hint: &'static str,
    },
    /// The device is gone (driver reset, removal); make a new one.
    #[error("the GPU device is lost: {0}")]
    DeviceLost(String),
    /// An allocation on the device failed.
    #[error("out of GPU memory: {0}")]
    OutOfMemory(String),
    /// The GPU API rejected a call.
    #[error("GPU validation: {0}")]
    Validation(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A process that the command line has started did not do its work.
    #[error("{command}: {message}")]
    Process {
        /// The command.
        command: String,
        /// How it ended, and what it said.
        message: String,
    },
    /// A file that is no picture.
    #[error("{}: expected a picture (PNG or JPEG), got: {message}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        message: String,
    },
}

impl Error {
    pub(crate) fn shape(node: &str, expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self::Shape {
            node: node.to_owned(),
            expected: expected.into(),
            got: got.into(),
        }
    }

    pub(crate) fn attribute(
        node: &str,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Self {
        Self::Attribute {
            node: node.to_owned(),
            expected: expected.into(),
            got: got.into(),
        }
    }
}
