//! [`Interpolate`]: attributes, shape rule, index tables, method, lowering.

mod each;
mod lanes;

pub(super) use each::EACH_KERNELS;
pub(super) use lanes::LANES_KERNELS;

use super::held::{self, Held, constant, held_kernels};
use super::window::{Extents, MAX_DIMS, check_input, last_lane, leading_ones, planes_of, word};
use super::{Layer, Op};
use crate::error::{Error, Result};
use crate::fusion::Takes;
use crate::graph::{Graph, Value};
use crate::kernel::{
    Kernel, ROWS, Start, half, params, per_lane, row_kernels, store_constants, store_form,
};
use crate::plan::{Block, Launch, Lowering, Threads, Touches, span};
use crate::tensor::TensorType;
use std::ops::Range;

params! {
    /// Parameters of the gather. Extents are in elements.
    Params {
        /// N * C.
        planes: u32,
        /// C.
        channels: u32,
        /// Input depth.
        input_d: u32,
        /// Input height.
        input_h: u32,
        /// Input width.
        input_w: u32,
        /// Last 16-byte lane of the input.
        last_lane: u32,
        /// Output depth.
        output_d: u32,
        /// Output height.
        output_h: u32,
        /// Output width.
        output_w: u32,
    }
}

/// Most rows and columns together of a 2-dimensional output that PyTorch 2.15 takes to its kernel for small ones.
const SMALL: usize = 128;

const SOURCE: &str = include_str!("../../shaders/interpolate.wgsl");
/// Planes of a thread: they share the sources that it looks up.
const PLANES: usize = 8;

pub(super) const KERNELS: [Kernel; 3] = row_kernels!("interpolate", SOURCE, Params::FIELDS, ROWS);

/// Of planes that a thread holds whole.
pub(super) const PLANES_KERNELS: [Kernel; 2] = held_kernels!(
    "interpolate_planes",
    include_str!("../../shaders/interpolate_planes.wgsl"),
    held::REPETITIONS
);

/// Output columns of a thread, or input columns, if they are repeated.
const COLUMNS: usize = 8;

/// How large the output is, one entry per spatial dimension.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputSize {
    /// Output extents.
    Size(Vec<usize>),
    /// Output extent / input extent; the output is rounded down.
    ScaleFactor(Vec<f64>),
}

/// Nearest neighbour up- or down-sampling. `torch.nn.functional.interpolate(x, mode="nearest")`.
///
/// Input f32 or f16 [N, C, *] with one spatial dimension per entry. The source of each output is PyTorch's, to the bit of its
/// f32 arithmetic: tables are made on the host, the device only gathers.
#[derive(Clone, Debug, PartialEq)]
pub struct Interpolate {
    /// Size of the output.
    pub output: OutputSize,
}

impl Interpolate {
    /// To the given extents.
    #[must_use]
    pub fn size(size: impl Into<Vec<usize>>) -> Self {
        Self {
            output: OutputSize::Size(size.into()),
        }
    }

    /// By the given factors.
    #[must_use]
    pub fn scale_factor(factor: impl Into<Vec<f64>>) -> Self {
        Self {
            output: OutputSize::ScaleFactor(factor.into()),
        }
    }

    fn dims(&self) -> usize {
        match &self.output {
            OutputSize::Size(size) => size.len(),
            OutputSize::ScaleFactor(factor) => factor.len(),
        }
    }

    /// The sources of each axis, along D, H, W.
    fn tables(&self, input: &[usize], output: &[usize]) -> Vec<Vec<u32>> {
        let rows_and_columns = output.iter().sum::<usize>();
        let small = output.len() == 2 && rows_and_columns <= SMALL;
        let axes = input.iter().zip(output).enumerate();
        axes.map(|(axis, (&from, &to))| sources(from, to, self.axis_scale(axis, from, to), small))
            .collect()
    }

    /// How often rows and columns are repeated, if each is as often as the others; of one or two dimensions.
    pub(crate) fn repetitions(&self, x: &TensorType, y: &TensorType) -> Option<[usize; 2]> {
        let (input, output) = (&x.shape[2..], &y.shape[2..]);
        let tables = self.tables(input, output);
        let times = tables.iter().zip(input).map(|(sources, &input)| {
            let times = repetition(sources) as usize;
            (times * input == sources.len()).then_some(times)
        });
        match times.collect::<Option<Vec<usize>>>()?[..] {
            [columns] => Some([1, columns]),
            [rows, columns] => Some([rows, columns]),
            _ => None,
        }
    }

    fn extents(&self, node: &str, input: &[usize]) -> Result<Vec<usize>> {
        let extents = match &self.output {
            OutputSize::Size(size) => size.clone(),
            OutputSize::ScaleFactor(factor) => {
                let scaled = input.iter().zip(factor);
                scaled.map(|(&n, &factor)| scale(n, factor)).collect()
            }
        };
        if extents.contains(&0) {
            let got = format!("{extents:?} from {input:?} by {:?}", self.output);
            return Err(Error::shape(node, "output extents of at least 1", got));
        }
        Ok(extents)
    }

    /// `1 / factor` of an axis as PyTorch passes it on, in f32; the ratio of the extents if there is no factor.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "PyTorch's compute_scales_value rounds to f32"
    )]
    fn axis_scale(&self, axis: usize, input: usize, output: usize) -> f32 {
        match &self.output {
            OutputSize::Size(_) => input as f32 / output as f32,
            OutputSize::ScaleFactor(factor) => (1.0 / factor[axis]) as f32,
        }
    }
}

/// `floor(extent * factor)` in double, as PyTorch computes an output extent. A cast saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "PyTorch computes the extent in double"
)]
fn scale(extent: usize, factor: f64) -> usize {
    (extent as f64 * factor).floor() as usize
}

/// Source of each output position of one axis: `min(floor(i * scale), input - 1)` in f32 (`ATen/native/UpSample.h`).
///
/// For small 2-dimensional outputs PyTorch does not look at the scale of an axis that keeps its extent, or doubles it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "PyTorch's index arithmetic is f32"
)]
fn sources(input: usize, output: usize, scale: f32, small: bool) -> Vec<u32> {
    let source = |i: usize| match () {
        () if small && output == input => i,
        () if small && output == 2 * input => i / 2,
        () => ((i as f32 * scale).floor() as usize).min(input - 1),
    };
    (0..output).map(|i| word(source(i))).collect()
}

/// How often each source of an axis is repeated, if all but the last are as often, at most four times; 0 otherwise.
fn repetition(sources: &[u32]) -> u32 {
    let repeated = |times: &u32| (0..).zip(sources).all(|(i, &source)| source == i / times);
    (1..=4).find(repeated).unwrap_or(0)
}

impl Graph {
    /// [`Interpolate`] of `x`.
    ///
    /// # Errors
    /// [`Error::Attribute`] for a factor that is not positive and finite or an unsupported number of dimensions,
    /// [`Error::Shape`] for another rank or an empty output.
    pub fn interpolate(&mut self, x: Value, attributes: Interpolate) -> Result<Value> {
        self.apply_one(Op::Interpolate(attributes), &[x])
    }
}

impl Layer for Interpolate {
    fn name(&self) -> &'static str {
        "interpolate"
    }

    fn infer(&self, node: &str, inputs: &[&TensorType]) -> Result<Vec<TensorType>> {
        let dims = self.dims();
        if !(1..=MAX_DIMS).contains(&dims) {
            let expected = format!("1 to {MAX_DIMS} spatial dimensions");
            return Err(Error::attribute(node, expected, format!("{dims}")));
        }
        if let OutputSize::ScaleFactor(factor) = &self.output
            && !factor
                .iter()
                .all(|factor| factor.is_finite() && *factor > 0.0)
        {
            let expected = "positive finite scale factors";
            return Err(Error::attribute(node, expected, format!("{factor:?}")));
        }
        check_input(node, inputs[0], dims)?;
        let mut shape = inputs[0].shape[..2].to_vec();
        shape.extend(self.extents(node, &inputs[0].shape[2..])?);
        Ok(vec![inputs[0].like(shape)])
    }

    fn takes(&self, _inputs: &[&TensorType]) -> Takes {
        Takes::MOVES
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        let (x, y) = (lowering.inputs[0], lowering.outputs[0]);
        let (input, output) = (Extents::of(x), Extents::of(y));
        let planes = input.n * input.c;
        if planes == 0 {
            return;
        }
        if let Some(mut held) = Held::of(&held::REPETITIONS, lowering)
            && let Some(repeat) = self.repetitions(x, y)
        {
            let times = ["TIMES_H", "TIMES_W"].into_iter().zip(repeat);
            held.constants.extend(times.map(constant));
            let ways = lowering.ways();
            let reads = [lowering.reads[0], ways.way_out, ways.skip];
            return held.launch(&PLANES_KERNELS, &reads, &ways, 1.0, lowering);
        }
        let tables = self.tables(&x.shape[2..], &y.shape[2..]);
        let tables: Vec<&[u32]> = tables.iter().map(Vec::as_slice).collect();
        let tables = leading_ones(&tables, &[0]);
        if each::takes(x, y, lowering) {
            return each::lower(tables, self.repetitions(x, y), lowering);
        }
        if let Some([rows @ (1 | 2), 2]) = self.repetitions(x, y)
            && lanes::takes(x, y, lowering)
        {
            return lanes::lower(rows, lowering);
        }
        let [slices, rows, columns] = tables;
        let repeat = repetition(columns);
        let repeat_rows = match repetition(rows) {
            0 => 1,
            times if rows.len().is_multiple_of(times as usize) => times,
            _ => 1,
        };
        // The table of columns is read eight at a time: the last entry repeats.
        let mut columns = columns.to_vec();
        let last = columns[columns.len() - 1];
        columns.resize(columns.len().next_multiple_of(COLUMNS), last);
        let volume = self.dims() == MAX_DIMS;
        // Planes that share a thread are bound together.
        let plane = (output.h * output.w).max(input.h * input.w) * x.dtype.bytes();
        let each_plane = if lowering.fits(PLANES * plane) {
            PLANES
        } else {
            1
        };
        // Slices of a volume have sources of their own.
        let groups = if volume {
            planes * output.d
        } else {
            planes.div_ceil(each_plane)
        };
        let aligned = input.w.is_multiple_of(per_lane(x.dtype));
        let column_table = lowering.table("columns", &columns);
        let lines = lowering.table("rows, slices", &[rows, slices].concat());
        let params = Params {
            start: Start::default(),
            planes: word(planes),
            channels: word(input.c),
            input_d: word(input.d),
            input_h: word(input.h),
            input_w: word(input.w),
            last_lane: last_lane(x),
            output_d: word(output.d),
            output_h: word(output.h),
            output_w: word(output.w),
        };
        let ways = lowering.ways();
        let (read, writes) = (lowering.reads[0], lowering.writes.clone());
        let form = store_form(x.dtype, output.w, 8);
        let constants = [
            half(x.dtype),
            ("ALIGNED", f64::from(u8::from(aligned))),
            ("LEAD", 0.0),
            ("REPEAT", f64::from(repeat)),
            ("ROWS", f64::from(repeat_rows)),
            ("VOLUME", f64::from(u8::from(volume))),
            ("PLANES", f64::from(word(each_plane))),
        ];
        let constants = constants.into_iter().chain(store_constants(form, output.w));
        let constants: Vec<_> = constants.chain(ways.constants).collect();
        let columns_of_thread = COLUMNS * repeat.max(1) as usize;
        // The tables ascend.
        let bytes = |[x_threads, y_threads, z_threads]: &Block| {
            let (plane, to) = if volume {
                planes_of(z_threads, output.d)
            } else {
                let last = (z_threads.end * each_plane).min(planes) - 1;
                ((z_threads.start * each_plane, last, 0), 0..1)
            };
            let each = repeat_rows as usize;
            let lines = y_threads.start * each..(y_threads.end * each).min(output.h);
            let sources = |table: &[u32], outputs: &Range<usize>, extent| {
                let source = |i: usize| table[i] as usize;
                (source(outputs.start), source(outputs.end - 1), extent)
            };
            let first = x_threads.start * columns_of_thread;
            let last = (x_threads.end * columns_of_thread).min(output.w) - 1;
            let loaded = if repeat > 0 {
                let last = (x_threads.end * COLUMNS).min(input.w) - 1;
                (x_threads.start * COLUMNS, last, input.w)
            } else {
                sources(&columns, &(first..last + 1), input.w)
            };
            let read = [
                plane,
                sources(slices, &to, input.d),
                sources(rows, &lines, input.h),
                loaded,
            ];
            let written = [
                plane,
                (to.start, to.end - 1, output.d),
                (lines.start, lines.end - 1, output.h),
                (first, last, output.w),
            ];
            [read, written].map(|axes| span(&axes, x.dtype.bytes()))
        };
        lowering.launch(&Launch {
            kernel: &KERNELS[form],
            constants: &constants,
            params: bytemuck::bytes_of(&params),
            reads: &[read, column_table, lines, ways.way_out, ways.skip],
            writes: &writes,
            threads: Threads::fitted([
                output.w.div_ceil(columns_of_thread),
                output.h / repeat_rows as usize,
                groups,
            ]),
            operations: 0,
            touches: Some(Touches {
                bytes: &bytes,
                like_y: if ways.skips { &[4] } else { &[] },
                weights: None,
            }),
        });
    }
}
