//! The layers: one file each with its attributes, its shape rule, the [`Graph`](crate::Graph) method that users call,
//! and its lowering to dispatches.
//!
//! # Adding a layer `foo`
//! New: `shaders/foo.wgsl`, `src/ops/foo.rs`, `src/cpu/foo.rs`, `src/cases/foo.rs`, `tests/golden/foo.safetensors`.
//! Here: the module, the re-export, a variant of [`Op`], its arm in `Op::layer`, its kernels in [`kernels`]. In
//! `cpu.rs` and `cases.rs`: the arms that the compiler asks for. In the README: a row of the table. A kernel that can do more than its layer says so in
//! `Layer::takes`, and asks `Lowering::ways` what. A launch says in `Launch::touches` which bytes a block of its threads touches,
//! so that it can be cut where a tensor is beyond a binding; its kernel asks `x_at` and `y_at` where a lane is in what is bound. The
//! graph, the plan, the session, the device, the command line, the tests and the benches stay as they are.

mod add;
mod avg_pool;
mod batch_norm;
mod cast;
mod concat;
mod conv;
mod copy;
mod elementwise;
mod held;
mod interpolate;
mod max_pool;
mod normalize;
mod planes;
mod pool;
mod relu;
mod sigmoid;
mod window;

pub use add::Add;
pub use avg_pool::AvgPool;
pub use batch_norm::{BatchNorm, BatchNormState, Mode, SavedStatistics};
pub use cast::Cast;
pub use concat::Concat;
pub use conv::{Conv, Padding};
pub use copy::Copy;
pub use interpolate::{Interpolate, OutputSize};
pub use max_pool::MaxPool;
pub use normalize::Normalize;
pub use relu::Relu;
pub use sigmoid::Sigmoid;

pub(crate) use batch_norm::{affine_table, made_depth, moments_depth};
pub(crate) use copy::copy_bytes;

use crate::error::{Error, Result};
use crate::fusion::Takes;
use crate::kernel::Kernel;
use crate::plan::Lowering;
use crate::tensor::TensorType;

/// A layer of a graph.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is documented at its type")]
#[non_exhaustive]
pub enum Op {
    Add(Add),
    AvgPool(AvgPool),
    BatchNorm(BatchNorm),
    Cast(Cast),
    Concat(Concat),
    Conv(Conv),
    Copy(Copy),
    Interpolate(Interpolate),
    MaxPool(MaxPool),
    Normalize(Normalize),
    Relu(Relu),
    Sigmoid(Sigmoid),
}

/// What the graph and the plan ask of a layer.
pub(crate) trait Layer {
    /// File stem of the layer in `shaders/`, `src/ops/`, `src/cpu/` and `src/cases/`.
    fn name(&self) -> &'static str;

    /// Types of the outputs, or why the attributes or inputs are wrong.
    fn infer(&self, node: &str, inputs: &[&TensorType]) -> Result<Vec<TensorType>>;

    /// What its kernels can do besides, for inputs of these types.
    fn takes(&self, _inputs: &[&TensorType]) -> Takes {
        Takes::default()
    }

    /// Appends the dispatches of the layer to the plan.
    fn lower(&self, lowering: &mut Lowering<'_>);
}

impl Op {
    pub(crate) fn layer(&self) -> &dyn Layer {
        match self {
            Self::Add(layer) => layer,
            Self::AvgPool(layer) => layer,
            Self::BatchNorm(layer) => layer,
            Self::Cast(layer) => layer,
            Self::Concat(layer) => layer,
            Self::Conv(layer) => layer,
            Self::Copy(layer) => layer,
            Self::Interpolate(layer) => layer,
            Self::MaxPool(layer) => layer,
            Self::Normalize(layer) => layer,
            Self::Relu(layer) => layer,
            Self::Sigmoid(layer) => layer,
        }
    }

    /// Name of the layer: `conv`, `max_pool`, ...
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.layer().name()
    }
}

/// Every kernel in every form, for the tests that validate the shaders.
#[must_use]
pub fn kernels() -> Vec<&'static Kernel> {
    let layers: [&'static [Kernel]; 39] = [
        &add::KERNELS,
        &avg_pool::KERNELS,
        &avg_pool::PLANES_KERNELS,
        &batch_norm::KERNELS,
        &batch_norm::AFFINE_KERNELS,
        &batch_norm::MERGE_KERNELS,
        &batch_norm::STATISTICS_KERNELS,
        &batch_norm::TRAIN_KERNELS,
        &cast::KERNELS,
        &cast::PLANES_KERNELS,
        &concat::KERNELS,
        &concat::EACH_KERNELS,
        &concat::EDGES_KERNELS,
        &concat::LANES_KERNELS,
        &conv::KERNELS,
        &conv::DEPTHWISE_KERNELS,
        &conv::DEPTHWISE_MOMENTS_KERNELS,
        &conv::FEW_KERNELS,
        &conv::PACK_KERNELS,
        &conv::PLANES_KERNELS,
        &conv::POINTWISE_KERNELS,
        &conv::POINTWISE_UNIFORM_KERNELS,
        &conv::ROWS_KERNELS,
        &conv::ROWS_UNIFORM_KERNELS,
        &conv::SHARED_KERNELS,
        &conv::SHARED_MOMENTS_KERNELS,
        &conv::TILE_KERNELS,
        &conv::TILE_UNIFORM_KERNELS,
        &copy::KERNELS,
        &interpolate::KERNELS,
        &interpolate::EACH_KERNELS,
        &interpolate::LANES_KERNELS,
        &interpolate::PLANES_KERNELS,
        &max_pool::KERNELS,
        &max_pool::PLANES_KERNELS,
        &normalize::KERNELS,
        &relu::KERNELS,
        &sigmoid::KERNELS,
        &crate::bench::PEAK_KERNELS,
    ];
    layers.into_iter().flatten().collect()
}

/// For layers that accept any tensor of floats.
fn check_float(node: &str, ty: &TensorType) -> Result<()> {
    if ty.dtype.is_float() {
        Ok(())
    } else {
        Err(Error::shape(node, "a tensor of floats", ty.to_string()))
    }
}
