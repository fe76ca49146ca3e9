//! Small planes, which a thread holds whole in its registers: `shaders/helpers/held.wgsl`.

use super::window::{Extents, Walk, last_lane, word};
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
const SIDE: u32 = 3;
/// Most taps of all windows of a thread: they take a compiler a second or two.
const MOST_TAPS: usize = 1 << 12;
/// Elements of an input for which this is worth the longer time until its pipeline is made.
const MANY_ELEMENTS: usize = 1 << 16;

/// A form of a kernel: how many lanes of the output of a thread it has written out. A compiler takes the longer, the more
/// there are.
pub(super) struct Form {
    lanes: usize,
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

const UP_TO_16: Form = Form {
    lanes: 16,
    name: "16",
    text: include_str!("../../shaders/helpers/held_16.wgsl"),
};
const UP_TO_64: Form = Form {
    lanes: 64,
    name: "64",
    text: include_str!("../../shaders/helpers/held_64.wgsl"),
};
const UP_TO_256: Form = Form {
    lanes: 256,
    name: "256",
    text: include_str!("../../shaders/helpers/held_256.wgsl"),
};
/// The forms of kernels of windows, and of one that repeats elements.
pub(super) const WINDOWS: [Form; 2] = [UP_TO_16, UP_TO_64];
pub(super) const REPETITIONS: [Form; 2] = [UP_TO_64, UP_TO_256];

/// A kernel that holds planes, in two forms. Behind them: helpers of its own.
macro_rules! held_kernels {
    ($name:literal, $source:expr, $forms:expr $(, $helper:expr)* $(,)?) => {{
        use $crate::kernel::{Kernel, RECTIFIED, STORAGE};
        use $crate::ops::held::{FIELDS, HELD};
        const KERNEL: Kernel = Kernel::new($name, $source, FIELDS);
        [
            KERNEL.with($forms[0].name, &[$($helper,)* $forms[0].text, HELD, RECTIFIED, STORAGE]),
            KERNEL.with($forms[1].name, &[$($helper,)* $forms[1].text, HELD, RECTIFIED, STORAGE]),
        ]
    }};
}
pub(super) use held_kernels;

pub(super) const FIELDS: &[Field] = Params::FIELDS;
pub(super) const HELD: &str = include_str!("../../shaders/helpers/held.wgsl");
pub(super) const HELD_WINDOWS: &str = include_str!("../../shaders/helpers/held_windows.wgsl");
pub(super) const HELD_WAY_IN: &str = include_str!("../../shaders/helpers/held_way_in.wgsl");

/// The planes of a thread.
pub(super) struct Held {
    pub(super) planes: usize,
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
    /// Of the first input and the output of a layer; `None` on a GPU, whose threads would read far from each other, if a thread
    /// has too few registers or stores for them, there is depth, or there is so little to do that another kernel is ready
    /// sooner.
    pub(super) fn of(forms: &[Form; 2], lowering: &Lowering<'_>) -> Option<Self> {
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
        let form = forms.iter().position(|form| lanes[1] <= form.lanes)?;
        let fits = lowering.loads_are_dear() && lanes[0] * LANE <= lowering.sums();
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

    /// Those under the windows of a walk; `None` also if the windows are longer than is written out.
    pub(super) fn under(walk: &Walk, lowering: &Lowering<'_>) -> Option<Self> {
        let mut held = Self::of(&WINDOWS, lowering)?;
        held.operations = walk.kernel_elements();
        let outputs = held.lanes[1] * per_lane(lowering.outputs[0].dtype);
        held.constants.extend(walk.attributes(1));
        let written_out = walk.sides().iter().all(|&side| side <= SIDE);
        (written_out && outputs * held.operations <= MOST_TAPS).then_some(held)
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
