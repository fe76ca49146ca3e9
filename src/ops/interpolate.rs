//! [`Interpolate`]: attributes, shape rule, index tables, method, lowering.

use super::window::{Extents, MAX_DIMS, check_depth, check_input, leading_ones, word};
use super::{Layer, Op};
use crate::error::{Error, Result};
use crate::graph::{Graph, Value};
use crate::kernel::{Kernel, SCALAR, STORE_SCALAR, STORE_VEC4, VEC4, params, rows_form};
use crate::plan::{Launch, Lowering, Threads};
use crate::tensor::TensorType;

params! {
    /// Parameters of the gather. Extents are in elements.
    Params {
        /// N * C.
        planes: u32,
        /// Input depth.
        input_d: u32,
        /// Input height.
        input_h: u32,
        /// Input width.
        input_w: u32,
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
const GATHER_VEC4: &str = include_str!("../../shaders/helpers/gather_vec4.wgsl");
const GATHER_SCALAR: &str = include_str!("../../shaders/helpers/gather_scalar.wgsl");

/// Planes of a thread: they share the sources that it looks up. One of a volume, of which it walks the slices.
const fn planes_of_a_thread(volume: bool) -> u32 {
    if volume { 1 } else { 8 }
}

/// In the order of [`rows_form`].
pub(super) const KERNELS: [Kernel; 4] = [
    kernel("vec4-vec4", &[VEC4, GATHER_VEC4, STORE_VEC4]),
    kernel("vec4-scalar", &[VEC4, GATHER_VEC4, STORE_SCALAR]),
    kernel("scalar-vec4", &[SCALAR, GATHER_SCALAR, STORE_VEC4]),
    kernel("scalar-scalar", &[SCALAR, GATHER_SCALAR, STORE_SCALAR]),
];

const fn kernel(variant: &'static str, helpers: &'static [&'static str]) -> Kernel {
    Kernel::new("interpolate", SOURCE, Params::FIELDS).with(variant, helpers)
}

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
/// Input f32 [N, C, *] with one spatial dimension per entry. The source of each output is PyTorch's, to the bit of its
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

/// How often each source of an axis is repeated, if all are as often, at most four times, and whole `units` of them; 0
/// otherwise.
fn repetition(sources: &[u32], unit: usize) -> u32 {
    let repeated = |times: u32| (0..).zip(sources).all(|(i, &source)| source == i / times);
    let whole = |times: &u32| sources.len().is_multiple_of(unit * *times as usize);
    (1..=4)
        .filter(whole)
        .find(|&times| repeated(times))
        .unwrap_or(0)
}

/// The most 16-byte lanes between the sources of four neighbouring outputs: 1, 2, or 3 for any more.
fn reach(columns: &[u32]) -> u32 {
    let lanes = |four: &[u32]| four[3] / 4 - four[0] / 4 + 1;
    columns.chunks_exact(4).map(lanes).max().unwrap_or(1).min(3)
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
        check_depth(node, &shape)?;
        Ok(vec![TensorType::f32(shape)])
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        let (x, y) = (lowering.inputs[0], lowering.outputs[0]);
        let (input, output) = (Extents::of(x), Extents::of(y));
        let planes = input.n * input.c;
        if planes == 0 {
            return;
        }
        let small = self.dims() == 2 && output.h + output.w <= SMALL;
        let axes = x.shape[2..].iter().zip(&y.shape[2..]).enumerate();
        let tables: Vec<Vec<u32>> = axes
            .map(|(axis, (&from, &to))| sources(from, to, self.axis_scale(axis, from, to), small))
            .collect();
        let tables: Vec<&[u32]> = tables.iter().map(Vec::as_slice).collect();
        let [slices, rows, columns] = leading_ones(&tables, &[0]);
        // The table of columns is read four at a time: the last entry repeats.
        let mut columns = columns.to_vec();
        columns.resize(
            columns.len().next_multiple_of(4),
            columns[columns.len() - 1],
        );
        let form = rows_form(input.w, output.w);
        let repeat = if form == 0 {
            repetition(&columns, 4)
        } else {
            0
        };
        let volume = self.dims() == MAX_DIMS;
        let planes_of_a_thread = planes_of_a_thread(volume);
        let repeat_rows = repetition(rows, 1).max(1);
        let reach = if repeat > 0 { 1 } else { reach(&columns) };
        let columns = lowering.table("columns", &columns);
        let lines = lowering.table("rows, slices", &[rows, slices].concat());
        let params = Params {
            origin: [0; 3],
            planes: word(planes),
            input_d: word(input.d),
            input_h: word(input.h),
            input_w: word(input.w),
            output_d: word(output.d),
            output_h: word(output.h),
            output_w: word(output.w),
        };
        let (reads, writes) = ([lowering.reads[0], columns, lines], lowering.writes.clone());
        lowering.launch(&Launch {
            kernel: &KERNELS[form],
            constants: &[
                ("REACH", f64::from(reach)),
                ("REPEAT", f64::from(repeat)),
                ("ROWS", f64::from(repeat_rows)),
                ("VOLUME", f64::from(u8::from(volume))),
                ("PLANES", f64::from(planes_of_a_thread)),
            ],
            params: bytemuck::bytes_of(&params),
            reads: &reads,
            writes: &writes,
            threads: Threads::fitted([
                output.w.div_ceil(4 * repeat.max(1) as usize),
                output.h / repeat_rows as usize,
                planes.div_ceil(planes_of_a_thread as usize),
            ]),
        });
    }
}
