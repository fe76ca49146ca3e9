//! The kernels of the convolutions.

use crate::kernel::{
    ENTERED, Kernel, MOMENTS, ROLL, ROWS, STORAGE, VALUES, WALK, WAY_IN, WINDOWS, params,
    row_kernels,
};
use crate::ops::held::{self, HELD_WAY_IN, HELD_WINDOWS, held_kernels};

params! {
    /// Parameters of the convolutions. Extents are in elements.
    Params {
        /// N.
        batch: u32,
        /// Input height.
        input_h: u32,
        /// Input width.
        input_w: u32,
        /// Last 16-byte lane of the input.
        last_lane: u32,
        /// Output height.
        output_h: u32,
        /// Output width.
        output_w: u32,
        /// 16-byte lanes of the packed weights that are before what is bound: [`crate::plan::Weights`].
        packed_base: u32,
    }
}

const BIAS: &str = include_str!("../../../shaders/helpers/bias.wgsl");
const TILE: &str = include_str!("../../../shaders/helpers/tile.wgsl");
const TAPS: &str = include_str!("../../../shaders/helpers/taps.wgsl");
const IN_ORDER: &str = include_str!("../../../shaders/helpers/weights_in_order.wgsl");
const LOADED: &str = include_str!("../../../shaders/helpers/weights_loaded.wgsl");
const SHARED: &str = include_str!("../../../shaders/helpers/shared.wgsl");
const UNIFORM: &str = include_str!("../../../shaders/helpers/weights_uniform.wgsl");

const UNSEEN: &str = include_str!("../../../shaders/helpers/made_unseen.wgsl");
const SEEN: &str = include_str!("../../../shaders/helpers/made_moments.wgsl");
const SHARED_UNSEEN: &str = include_str!("../../../shaders/helpers/shared_unseen.wgsl");
const SHARED_SEEN: &str = include_str!("../../../shaders/helpers/shared_moments.wgsl");
const SAMPLE: &str = include_str!("../../../shaders/helpers/sample.wgsl");

/// The binding of the moments is behind that of the parameters.
const fn behind([lanes, words, halves]: [Kernel; 3]) -> [Kernel; 3] {
    [
        lanes.with_behind(1),
        words.with_behind(1),
        halves.with_behind(1),
    ]
}

pub(crate) const KERNELS: [Kernel; 3] = row_kernels!(
    "conv",
    include_str!("../../../shaders/conv.wgsl"),
    Params::FIELDS,
    IN_ORDER,
    WALK,
    BIAS,
    VALUES,
    WINDOWS,
    WAY_IN,
    ENTERED,
    ROWS,
);

/// A kernel of tiles, with a helper that has its weights.
macro_rules! tile_kernels {
    ($name:literal + $form:literal, $source:expr, $($helper:expr),+) => {
        row_kernels!(
            $name + $form,
            $source,
            Params::FIELDS,
            $($helper,)+
            TAPS,
            TILE,
            BIAS,
            VALUES,
            WINDOWS,
            WAY_IN,
            ENTERED,
            ROWS
        )
    };
}

/// The binding of the packed weights is a uniform buffer.
const fn uniform([lanes, words, halves]: [Kernel; 3]) -> [Kernel; 3] {
    [
        lanes.with_uniform(1),
        words.with_uniform(1),
        halves.with_uniform(1),
    ]
}

/// One output row a thread.
pub(crate) const TILE_KERNELS: [Kernel; 3] = tile_kernels!(
    "conv_tile" + "",
    include_str!("../../../shaders/conv_tile.wgsl"),
    LOADED
);
pub(crate) const TILE_UNIFORM_KERNELS: [Kernel; 3] = uniform(tile_kernels!(
    "conv_tile" + "uniform ",
    include_str!("../../../shaders/conv_tile.wgsl"),
    UNIFORM
));

/// Several output rows a thread.
pub(crate) const ROWS_KERNELS: [Kernel; 3] = tile_kernels!(
    "conv_rows" + "",
    include_str!("../../../shaders/conv_rows.wgsl"),
    LOADED
);
pub(crate) const ROWS_UNIFORM_KERNELS: [Kernel; 3] = uniform(tile_kernels!(
    "conv_rows" + "uniform ",
    include_str!("../../../shaders/conv_rows.wgsl"),
    UNIFORM
));

/// Filters of few input channels.
pub(crate) const FEW_KERNELS: [Kernel; 3] = uniform(tile_kernels!(
    "conv_few" + "uniform ",
    include_str!("../../../shaders/conv_few.wgsl"),
    UNIFORM,
    SHARED
));

/// A kernel of filters of any size, as a product of matrices, of which one of the helpers sees what it makes.
macro_rules! shared_kernels {
    ($form:literal, $($made:expr),+) => {
        row_kernels!(
            "conv_shared" + $form,
            include_str!("../../../shaders/conv_shared.wgsl"),
            Params::FIELDS,
            include_str!("../../../shaders/helpers/met.wgsl"),
            include_str!("../../../shaders/helpers/products.wgsl"),
            $($made,)+
            BIAS,
            WAY_IN,
            ENTERED,
            ROWS,
        )
    };
}

pub(crate) const SHARED_KERNELS: [Kernel; 3] = shared_kernels!("", SHARED_UNSEEN);
/// The same, and the moments of the output.
pub(crate) const SHARED_MOMENTS_KERNELS: [Kernel; 3] =
    behind(shared_kernels!("moments ", SHARED_SEEN, SAMPLE, MOMENTS));

/// A kernel of 1x1 filters, whose weights one of the helpers has.
macro_rules! pointwise_kernels {
    ($form:literal, $weights:expr) => {
        row_kernels!(
            "conv_pointwise" + $form,
            include_str!("../../../shaders/conv_pointwise.wgsl"),
            Params::FIELDS,
            $weights,
            TILE,
            BIAS,
            WAY_IN,
            ENTERED,
            ROWS
        )
    };
}

pub(crate) const POINTWISE_KERNELS: [Kernel; 3] = pointwise_kernels!("", LOADED);
pub(crate) const POINTWISE_UNIFORM_KERNELS: [Kernel; 3] =
    uniform(pointwise_kernels!("uniform ", UNIFORM));

/// A kernel of small filters of one channel each, of which one of the helpers sees what it makes.
macro_rules! depthwise_kernels {
    ($form:literal, $($made:expr),+) => {
        row_kernels!(
            "conv_depthwise" + $form,
            include_str!("../../../shaders/conv_depthwise.wgsl"),
            Params::FIELDS,
            $($made,)+
            IN_ORDER,
            ROLL,
            BIAS,
            VALUES,
            WINDOWS,
            WAY_IN,
            ENTERED,
            ROWS
        )
    };
}

pub(crate) const DEPTHWISE_KERNELS: [Kernel; 3] = depthwise_kernels!("", UNSEEN);
/// The same, and the moments of the output.
pub(crate) const DEPTHWISE_MOMENTS_KERNELS: [Kernel; 3] =
    behind(depthwise_kernels!("moments ", SEEN, SAMPLE, MOMENTS));

/// Small filters of one channel each, of planes that a thread holds whole.
pub(crate) const PLANES_KERNELS: [Kernel; 2] = held_kernels!(
    "conv_planes",
    include_str!("../../../shaders/conv_planes.wgsl"),
    held::WINDOWS,
    HELD_WINDOWS,
    HELD_WAY_IN
);

params! {
    /// Parameters of the kernel that lays filters side by side.
    PackParams {
        /// Tiles of all groups.
        tiles: u32,
    }
}

pub(crate) const PACK_KERNELS: [Kernel; 1] = [Kernel::new(
    "conv_pack",
    include_str!("../../../shaders/conv_pack.wgsl"),
    PackParams::FIELDS,
)
.with("", &[STORAGE])];
