//! [`Concat`]: shape rule, method, lowering.

use super::window::{last_lane, word};
use super::{Layer, Op, check_float};
use crate::error::{Error, Result};
use crate::fusion::Takes;
use crate::graph::{Graph, Value};
use crate::kernel::{
    Kernel, ROWS, half, params, per_lane, row_kernels, store_constants, store_form,
};
use crate::plan::{Launch, Lowering, Threads};
use crate::tensor::TensorType;

params! {
    /// Parameters of the kernel, in elements.
    Params {
        /// N.
        pictures: u32,
        /// Elements of a row of the input.
        row: u32,
        /// Elements of a row of the output before those of the input.
        base: u32,
        /// Elements of a row of the output.
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

    fn takes(&self, _inputs: &[&TensorType]) -> Takes {
        Takes::SUM
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        let y = lowering.outputs[0];
        let row = |ty: &TensorType| ty.shape[1..].iter().product::<usize>();
        let output_row = row(y);
        let lane = per_lane(y.dtype);
        let (ways, writes) = (lowering.ways(), lowering.writes.clone());
        let read_too = usize::from(lowering.fused.way_out.skip.is_some());
        let mut base = 0;
        for (index, x) in lowering.inputs.clone().into_iter().enumerate() {
            let own = row(x);
            // Rows of the output begin at lanes, and the input's within them, if all do.
            let whole = |unit| {
                [own, base, output_row]
                    .iter()
                    .all(|n: &usize| n.is_multiple_of(unit))
            };
            let width = [lane, 2, 1]
                .into_iter()
                .find(|&unit| whole(unit))
                .unwrap_or(1);
            let form = store_form(y.dtype, width, COLUMNS);
            let params = Params {
                origin: [0; 3],
                pictures: word(x.shape[0]),
                row: word(own),
                base: word(base),
                output_row: word(output_row),
                last_lane: last_lane(x),
            };
            let constants = [
                half(x.dtype),
                ("ALIGNED", f64::from(u8::from(own.is_multiple_of(lane)))),
                ("LEAD", 0.0),
            ];
            let constants = constants
                .into_iter()
                .chain(store_constants(form, width))
                .chain(ways.constants.iter().copied());
            let constants: Vec<_> = constants.collect();
            let read = lowering.reads[index];
            let launch = Launch {
                kernel: &KERNELS[form],
                constants: &constants,
                params: bytemuck::bytes_of(&params),
                reads: &[read, ways.way_out, ways.skip],
                writes: &writes,
                threads: Threads::fitted([own.div_ceil(COLUMNS as usize), x.shape[0], 1]),
            };
            lowering.launch_part(&launch, [x.bytes() * (1 + read_too), x.bytes()]);
            base += own;
        }
    }
}
