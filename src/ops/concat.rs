//! [`Concat`]: shape rule, method, lowering.

mod each;
mod lanes;

pub(super) use each::EACH_KERNELS;
pub(super) use lanes::{EDGES_KERNELS, LANES_KERNELS};

use super::window::word;
use super::{Layer, Op, check_float};
use crate::error::{Error, Result};
use crate::fusion::Takes;
use crate::graph::{Graph, Value};
use crate::kernel::{
    ENTERED, Kernel, ROWS, Start, WAY_IN, half, params, per_lane, row_kernels, store_constants,
    store_form,
};
use crate::plan::{Block, Launch, Lowering, SlotId, Threads, Touches, Ways, span};
use crate::tensor::{DType, TensorType};

params! {
    /// Parameters of the kernel, in elements.
    Params {
        /// N.
        pictures: u32,
        /// Planes of a picture of the input, where each is a row.
        planes: u32,
        /// Channel of the output that the first of them is.
        channel: u32,
        /// Elements of a row that are copied.
        row: u32,
        /// Elements of the input before the first of them.
        input_base: u32,
        /// Elements of a picture of the input.
        input_row: u32,
        /// Elements of the output before the first of them.
        base: u32,
        /// Elements of a picture of the output.
        output_row: u32,
        /// Last 16-byte lane of the input.
        last_lane: u32,
    }
}

pub(super) const KERNELS: [Kernel; 3] = row_kernels!(
    "concat",
    include_str!("../../shaders/concat.wgsl"),
    Params::FIELDS,
    ROWS,
    WAY_IN,
    ENTERED,
);

/// Elements of a thread.
const COLUMNS: u32 = 8;

/// Tensors side by side along the channels. `torch.cat(dim=1)`.
///
/// Inputs f32 or f16 [N, C, *] that differ in C at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Concat;

impl Graph {
    /// [`Concat`] of at least one tensor.
    ///
    /// # Errors
    /// [`Error::Shape`] for no tensor, one that is not of floats or has no channels, or extents that differ.
    pub fn concat(&mut self, tensors: &[Value]) -> Result<Value> {
        self.apply_one(Op::Concat(Concat), tensors)
    }
}

impl Layer for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn infer(&self, node: &str, inputs: &[&TensorType]) -> Result<Vec<TensorType>> {
        let Some((first, others)) = inputs.split_first() else {
            return Err(Error::shape(node, "at least one tensor", "none"));
        };
        check_float(node, first)?;
        if first.shape.len() < 2 {
            return Err(Error::shape(node, "[N, C, *]", first.to_string()));
        }
        let mut shape = first.shape.clone();
        for other in others {
            let mut same = other.shape.clone();
            if let Some(channels) = same.get_mut(1) {
                *channels = first.shape[1];
            }
            if same != first.shape || other.dtype != first.dtype {
                let expected = format!("{first}, but for the channels");
                return Err(Error::shape(node, expected, other.to_string()));
            }
            shape[1] = shape[1].saturating_add(other.shape[1]);
        }
        Ok(vec![first.like(shape)])
    }

    fn takes(&self, inputs: &[&TensorType]) -> Takes {
        // Two threads share words where rows of f16 begin within them, which takes longer than another pass.
        let begins_at_words = |x: &&TensorType| {
            let plane = x.shape[2..].iter().product::<usize>();
            (plane * x.dtype.bytes()).is_multiple_of(4)
        };
        Takes {
            way_in: inputs.iter().all(begins_at_words),
            ..Takes::EACH
        }
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        let y = lowering.outputs[0];
        let row = |ty: &TensorType| ty.shape[1..].iter().product::<usize>();
        let inputs = lowering.inputs.iter().zip(&lowering.reads).enumerate();
        let inputs = inputs.map(|(index, (x, &slot))| Input {
            index,
            slot,
            row: row(x),
        });
        let inputs: Vec<Input> = inputs.filter(|input| input.row > 0).collect();
        let ways = lowering.ways_out();
        let entered = |input: &Input| lowering.fused.way_in(input.index).is_some();
        if !ways.are_affine() && !inputs.iter().any(entered) {
            if each::lower(&inputs, &ways, lowering) {
                return;
            }
            if lanes::takes(&inputs, y, lowering) {
                return lanes::lower(&inputs, &ways, lowering);
            }
        }
        let plane: usize = y.shape[2..].iter().product();
        let mut base = 0;
        for input in inputs {
            let ways = lowering.ways_in(&ways, input.index);
            let is_affine = ways.are_affine();
            let planes = if is_affine { input.row / plane } else { 1 };
            let rows = Rows {
                count: y.shape[0] * planes,
                planes,
                channel: if is_affine { base / plane } else { 0 },
                elements: input.row / planes,
                from: (0, input.row),
                to: (base, row(y)),
                dtype: y.dtype,
            };
            rows.launch([input.slot, lowering.writes[0]], &ways, lowering);
            base += input.row;
        }
    }
}

/// An input that has elements.
struct Input {
    /// Its number among all.
    index: usize,
    slot: SlotId,
    /// Elements of a picture.
    row: usize,
}

/// Stretches of elements of a tensor and of another one: of each picture one, or so many planes one behind another.
pub(super) struct Rows {
    /// Stretches.
    pub(super) count: usize,
    /// Stretches of a picture.
    pub(super) planes: usize,
    /// Channel of the output that the first of a picture is, where channels have functions of their own.
    pub(super) channel: usize,
    /// Of a stretch.
    pub(super) elements: usize,
    /// Elements before the first stretch, and from one picture to the next.
    pub(super) from: (usize, usize),
    pub(super) to: (usize, usize),
    pub(super) dtype: DType,
}

impl Rows {
    /// Copies the stretches of one slot to those of another.
    pub(super) fn launch(&self, [x, y]: [SlotId; 2], ways: &Ways, lowering: &mut Lowering<'_>) {
        let (lane, columns) = (per_lane(self.dtype), COLUMNS as usize);
        let begin_at = |unit: usize, (base, row): (usize, usize)| {
            [self.elements, base, row]
                .iter()
                .all(|n| n.is_multiple_of(unit))
        };
        let mut units = [lane, 2, 1].into_iter();
        let width = units.find(|&unit| begin_at(unit, self.to)).unwrap_or(1);
        let form = store_form(self.dtype, width, COLUMNS);
        let bytes = self.count * self.elements * self.dtype.bytes();
        let params = Params {
            start: Start::default(),
            pictures: word(self.count / self.planes),
            planes: word(self.planes),
            channel: word(self.channel),
            row: word(self.elements),
            input_base: word(self.from.0),
            input_row: word(self.from.1),
            base: word(self.to.0),
            output_row: word(self.to.1),
            last_lane: lowering.last_lane(x),
        };
        let aligned = begin_at(lane, self.from);
        let constants = [
            half(self.dtype),
            ("ALIGNED", f64::from(u8::from(aligned))),
            ("LEAD", 0.0),
        ];
        let constants = constants.into_iter().chain(store_constants(form, width));
        let constants: Vec<_> = constants.chain(ways.constants.iter().copied()).collect();
        let touched = |[elements, rows, _]: &Block| {
            let first = elements.start * columns;
            let last = (elements.end * columns).min(self.elements) - 1;
            [self.from, self.to].map(|(base, row)| {
                let at = |stretch: usize, element: usize| {
                    let (picture, plane) = (stretch / self.planes, stretch % self.planes);
                    base + picture * row + plane * self.elements + element
                };
                let (first, last) = (at(rows.start, first), at(rows.end - 1, last));
                span(&[(first, last, 0)], self.dtype.bytes())
            })
        };
        let launch = Launch {
            kernel: &KERNELS[form],
            constants: &constants,
            params: bytemuck::bytes_of(&params),
            reads: &[x, ways.way_in, ways.way_out, ways.skip],
            writes: &[y],
            threads: Threads::fitted([self.elements.div_ceil(columns), self.count, 1]),
            operations: 0,
            touches: Some(Touches {
                bytes: &touched,
                like_y: if ways.skips { &[3] } else { &[] },
                weights: None,
            }),
        };
        let tables = ways.tables() * self.planes * 16;
        let read = bytes * (1 + usize::from(ways.skips)) + tables;
        lowering.launch_part(&launch, [read, bytes]);
    }
}
