//! The kernels of the convolutions.

use crate::kernel::{
    Kernel, MOMENTS, ROLL, ROWS, STORAGE, VALUES, WALK, WAY_IN, WINDOWS, params, row_kernels,
};

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
    }
}

const BIAS: &str = include_str!("../../../shaders/helpers/bias.wgsl");
const TILE: &str = include_str!("../../../shaders/helpers/tile.wgsl");
const TAPS: &str = include_str!("../../../shaders/helpers/taps.wgsl");
const LOADED: &str = include_str!("../../../shaders/helpers/weights_loaded.wgsl");
const UNIFORM: &str = include_str!("../../../shaders/helpers/weights_uniform.wgsl");

const UNSEEN: &str = include_str!("../../../shaders/helpers/made_unseen.wgsl");
const SEEN: &str = include_str!("../../../shaders/helpers/made_moments.wgsl");

/// The forms of a kernel: for each that [`row_kernels`] makes, one that makes the moments of its output besides.
pub(crate) struct Forms {
    pub(crate) plain: [Kernel; 3],
    pub(crate) moments: [Kernel; 3],
}

impl Forms {
    /// The binding of the packed weights is a uniform buffer.
    const fn uniform(self) -> Self {
        const fn each([lanes, words, halves]: [Kernel; 3]) -> [Kernel; 3] {
            [
                lanes.with_uniform(1),
                words.with_uniform(1),
                halves.with_uniform(1),
            ]
        }
        Self {
            plain: each(self.plain),
            moments: each(self.moments),
        }
    }
}

/// The binding of the moments is behind that of the parameters.
const fn behind([lanes, words, halves]: [Kernel; 3]) -> [Kernel; 3] {
    [
        lanes.with_behind(1),
        words.with_behind(1),
        halves.with_behind(1),
    ]
}

/// [`Forms`], `$plain` and `$moments` in their labels, with the helpers that all have.
macro_rules! forms {
    ($name:literal, $source:literal, $plain:literal, $moments:literal, $($helper:expr),* $(,)?) => {{
        const SOURCE: &str = include_str!(concat!("../../../shaders/", $source));
        Forms {
            plain: row_kernels!($name + $plain, SOURCE, Params::FIELDS, UNSEEN, $($helper),*),
            moments: behind(row_kernels!(
                $name + $moments, SOURCE, Params::FIELDS, SEEN, MOMENTS, $($helper),*
            )),
        }
    }};
}

/// Any filter.
pub(crate) static ANY: Forms = forms!(
    "conv",
    "conv.wgsl",
    "",
    "moments ",
    WALK,
    BIAS,
    VALUES,
    WINDOWS,
    WAY_IN,
    ROWS,
);

/// Short filters, one output row a thread.
pub(crate) static TILE_LOADED: Forms = forms!(
    "conv_tile",
    "conv_tile.wgsl",
    "",
    "moments ",
    LOADED,
    TAPS,
    TILE,
    BIAS,
    VALUES,
    WINDOWS,
    WAY_IN,
    ROWS,
);

pub(crate) static TILE_UNIFORM: Forms = forms!(
    "conv_tile",
    "conv_tile.wgsl",
    "uniform ",
    "uniform moments ",
    UNIFORM,
    TAPS,
    TILE,
    BIAS,
    VALUES,
    WINDOWS,
    WAY_IN,
    ROWS,
)
.uniform();

/// Small filters, several output rows a thread.
pub(crate) static ROWS_LOADED: Forms = forms!(
    "conv_rows",
    "conv_rows.wgsl",
    "",
    "moments ",
    LOADED,
    TAPS,
    TILE,
    BIAS,
    VALUES,
    WINDOWS,
    WAY_IN,
    ROWS,
);

pub(crate) static ROWS_UNIFORM: Forms = forms!(
    "conv_rows",
    "conv_rows.wgsl",
    "uniform ",
    "uniform moments ",
    UNIFORM,
    TAPS,
    TILE,
    BIAS,
    VALUES,
    WINDOWS,
    WAY_IN,
    ROWS,
)
.uniform();

/// Filters of 1x1.
pub(crate) static POINTWISE_LOADED: Forms = forms!(
    "conv_pointwise",
    "conv_pointwise.wgsl",
    "",
    "moments ",
    LOADED,
    TILE,
    BIAS,
    WAY_IN,
    ROWS,
);

pub(crate) static POINTWISE_UNIFORM: Forms = forms!(
    "conv_pointwise",
    "conv_pointwise.wgsl",
    "uniform ",
    "uniform moments ",
    UNIFORM,
    TILE,
    BIAS,
    WAY_IN,
    ROWS,
)
.uniform();

/// Small filters of one channel each.
pub(crate) static DEPTHWISE: Forms = forms!(
    "conv_depthwise",
    "conv_depthwise.wgsl",
    "",
    "moments ",
    ROLL,
    BIAS,
    VALUES,
    WINDOWS,
    WAY_IN,
    ROWS,
);

/// All of them, for the tests.
pub(crate) static FORMS: [&Forms; 8] = [
    &ANY,
    &TILE_LOADED,
    &TILE_UNIFORM,
    &ROWS_LOADED,
    &ROWS_UNIFORM,
    &POINTWISE_LOADED,
    &POINTWISE_UNIFORM,
    &DEPTHWISE,
];

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
