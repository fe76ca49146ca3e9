//! Small planes, which a thread holds whole in its registers: `shaders/helpers/held.wgsl`.

use super::window::{Extents, MAX_REACH, Window, last_lane, leading_ones, word};
use crate::kernel::{Field, Kernel, Start, half, params, per_lane};
use crate::plan::{Block, Launch, Lowering, SlotId, Threads, Touches, Ways};

params! {
    /// Parameters of the kernels.
    Params {
        /// C.
        channels: u32,
        /// Last 16-byte lane of the input.
        last_lane: u32,
        /// 16-byte lanes of the output.
        lanes: u32,
        /// Divisor of an average, where it does not depend on the window.
        divisor: f32,
    }
}

/// Words of a lane.
const LANE: usize = 4;
/// Most planes of a thread, and the longest side of a window.
const MOST_PLANES: usize = 8;
const SIDE: usize = 3;
/// Most taps of all windows of a thread: they take a compiler a second or two.
const MOST_TAPS: usize = 1 << 12;
/// Elements of an input for which this is worth the longer time until its pipeline is made.
const MANY_ELEMENTS: usize = 1 << 16;

/// Lanes of the output of a thread that the forms of a kernel have written out: a compiler takes the longer, the more there are.
pub(super) const WINDOWS: [usize; 2] = [16, 64];
/// The same of kernels that repeat elements.
pub(super) const REPETITIONS: [usize; 2] = [64, 256];

/// A kernel that holds planes, in forms of so many lanes of its output. Behind them: helpers of its own.
macro_rules! held_kernels {
    ($name:literal, [$few:literal, $many:literal] $(, $helper:expr)* $(,)?) => {{
        use $crate::kernel::{Kernel, RECTIFIED, STORAGE};
        use $crate::ops::held::{FIELDS, HELD};
        const KERNEL: Kernel = Kernel::new(
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $name, ".wgsl")),
            FIELDS,
        );
        macro_rules! form {
            ($lanes:literal) => {
                KERNEL.with(
                    stringify!($lanes),
                    &[
                        $($helper,)*
                        include_str!(concat!(
                            env!("CARGO_MANIFEST_DIR"),
                            "/shaders/helpers/held_",
                            $lanes,
                            ".wgsl"
                        )),
                        HELD,
                        RECTIFIED,
                        STORAGE,
                    ],
                )
            };
        }
        [form!($few), form!($many)]
    }};
}
pub(super) use held_kernels;

pub(super) const FIELDS: &[Field] = Params::FIELDS;
pub(super) const HELD: &str = include_str!("../../shaders/helpers/held.wgsl");
pub(super) const HELD_WINDOWS: &str = include_str!("../../shaders/helpers/held_windows.wgsl");
pub(super) const HELD_WAY_IN: &str = include_str!("../../shaders/helpers/held_way_in.wgsl");

/// The planes of a thread.
pub(super) struct Held {
    planes: usize,
    /// Lanes of the input and of the output.
    lanes: [usize; 2],
    /// Which form of its kernel.
    form: usize,
    /// Operations for an output.
    pub(super) operations: usize,
    /// `override`s of its kernel.
    pub(super) constants: Vec<(&'static str, f64)>,
}

impl Held {
    /// Of the first input and the output of a layer; `None` if a thread has too few registers or stores for them, there is
    /// depth, or there is so little to do that another kernel is ready sooner.
    pub(super) fn of(forms: [usize; 2], lowering: &Lowering<'_>) -> Option<Self> {
        let (x, y) = (lowering.inputs[0], lowering.outputs[0]);
        let (input, output) = (Extents::of(x), Extents::of(y));
        let lane = per_lane(x.dtype);
        let areas = [&input, &output].map(|extents| extents.h * extents.w);
        let whole = |planes: &usize| {
            areas
                .iter()
                .all(|area| (planes * area).is_multiple_of(lane))
        };
        let planes = [1, 2, 4, MOST_PLANES].into_iter().find(whole)?;
        let lanes = areas.map(|area| planes * area / lane);
        let form = forms.iter().position(|&most| lanes[1] <= most)?;
        let fits = lanes[0] * LANE <= lowering.sums();
        let flat = input.d == 1 && output.d == 1;
        let constants = [
            ("PLANES", planes),
            ("HEIGHT", input.h),
            ("WIDTH", input.w),
            ("OUT_HEIGHT", output.h),
            ("OUT_WIDTH", output.w),
        ];
        (fits && flat && x.elements() >= MANY_ELEMENTS).then(|| Self {
            planes,
            lanes,
            form,
            operations: 0,
            constants: constants
                .into_iter()
                .map(constant)
                .chain([half(x.dtype)])
                .collect(),
        })
    }

    /// Those under windows; `None` also if the windows are longer than is written out.
    pub(super) fn under(window: &Window<'_>, lowering: &Lowering<'_>) -> Option<Self> {
        let kernel = leading_ones(window.kernel, 1);
        if kernel.iter().any(|&side| side > SIDE) {
            return None;
        }
        let mut held = Self::of(WINDOWS, lowering)?;
        let y = lowering.outputs[0];
        held.operations = kernel[1] * kernel[2];
        if held.lanes[1] * per_lane(y.dtype) * held.operations > MOST_TAPS {
            return None;
        }
        let before: Vec<usize> = window.padding.iter().map(|padding| padding[0]).collect();
        let axes = [
            (["KH", "KW"], kernel),
            (
                ["SH", "SW"],
                leading_ones(&window.strides(&y.shape[2..]), 1),
            ),
            (["PH", "PW"], leading_ones(&before, 0)),
            (["DH", "DW"], leading_ones(window.dilation, 1)),
        ];
        let named = axes
            .into_iter()
            .flat_map(|(names, [_, h, w])| names.into_iter().zip([h, w]));
        // A larger stride or dilation is one of a single window or tap.
        held.constants
            .extend(named.map(|(name, value)| constant((name, value.min(MAX_REACH)))));
        Some(held)
    }

    /// Launches a kernel with these reads, of which the last is the tensor that is added on the way out, if one is.
    pub(super) fn launch(
        mut self,
        kernels: &'static [Kernel; 2],
        reads: &[SlotId],
        ways: &Ways,
        divisor: f32,
        lowering: &mut Lowering<'_>,
    ) {
        let (x, y) = (lowering.inputs[0], lowering.outputs[0]);
        self.constants.extend_from_slice(&ways.constants);
        let params = Params {
            start: Start::default(),
            channels: word(x.shape[1]),
            last_lane: last_lane(x),
            lanes: word(y.elements().div_ceil(per_lane(y.dtype))),
            divisor,
        };
        let count = (x.shape[0] * x.shape[1]).div_ceil(self.planes);
        let bytes = |[threads, ..]: &Block| {
            self.lanes
                .map(|lanes| threads.start * lanes * 16..threads.end * lanes * 16)
        };
        let like_y = [reads.len() - 1];
        let writes = lowering.writes.clone();
        lowering.launch(&Launch {
            kernel: &kernels[self.form],
            constants: &self.constants,
            params: bytemuck::bytes_of(&params),
            reads,
            writes: &writes,
            threads: Threads::fitted([count, 1, 1]),
            operations: y.elements() * self.operations,
            touches: Some(Touches {
                bytes: &bytes,
                like_y: if ways.skips { &like_y } else { &[] },
                weights: None,
            }),
        });
    }
}

/// An `override`.
pub(super) fn constant((name, value): (&'static str, usize)) -> (&'static str, f64) {
    (name, f64::from(word(value)))
}
