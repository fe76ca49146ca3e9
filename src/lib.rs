//! CNN layers as WGSL compute kernels, dispatched by a graph executor over [wgpu], checked against the CPU.
//!
//! Semantics are PyTorch's. Results are equal to the bit where a layer selects, and within a *computed* bound where it
//! sums.
//!
//! # Data flow
//! ```text
//!  user ──► Graph ──────► Plan ──────────────► Session ──run──► outputs
//!           shapes are     dispatches, arenas,  pipelines, buffers,
//!           inferred as    grids: pure data     one pass, one submit
//!           nodes are added
//!                     └──► cpu::run             the same graph on the CPU
//! ```
//! * [`Graph`]: append-only, typed values; one method per layer, which lives with its layer in [`ops`].
//! * [`plan`]: what a graph becomes before a GPU is involved: plain data that prints, compares, and is tested anywhere.
//!   First the passes of `src/fusion/` make fewer nodes of it: a kernel does the batch norm, the sum and the ReLU around
//!   its own layer. [`Plan::fusions`](plan::Plan::fusions) says what fused, and what did not and why.
//! * [`Session`]: the plan on a [`Device`]; with what is below it, the only part that knows wgpu. On GL each dispatch is a
//!   submission.
//! * [`Variables`]: named tensors that outlive a session and are shared by several.
//! * [`cpu`]: the same layers from their definitions, in f32 as the path to compare speed with, in f64 as the oracle,
//!   with the bound of each result.
//! * [`networks`]: a few, made of these layers.
//! * [`cases`]: graphs with data, one list for the command line, the tests and the benches; [`check`] and
//!   [`bench`](mod@bench) work on them.
//!
//! How to add a layer is told in [`ops`].
//!
//! # Features
//! * `cli` (default): the command `wgcnn` and [`picture`]. Without it the crate depends on no command-line library.

pub mod bench;
pub mod cases;
pub mod check;
pub mod cpu;
mod device;
mod error;
mod fusion;
mod graph;
pub mod kernel;
pub mod networks;
pub mod ops;
#[cfg(feature = "cli")]
pub mod picture;
pub mod plan;
mod session;
mod tensor;
mod variables;

pub use device::{Adapter, Device, Kind, Selection};
pub use error::{Error, Result};
pub use graph::{Graph, Value};
pub use session::{Doubt, Feed, Outputs, Running, Session, Timer, Timing};
pub use tensor::{DType, Data, Tensor, TensorType};
pub use variables::Variables;

/// The README's example, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
