//! [`Cast`]: attribute, shape, method, lowering.

use super::copy::copy;
use super::elementwise::planes;
use super::planes::Sharing;
use super::window::word;
use super::{Layer, Op, check_float};
use crate::error::{Error, Result};
use crate::fusion::{Fused, Takes};
use crate::graph::{Graph, Value};
use crate::kernel::{FUNCTIONS, Kernel, PLANES, RECTIFIED, STORAGE, Start, WAYS, params};
use crate::plan::{Launch, Lowering, Threads, Touches};
use crate::tensor::{DType, TensorType};

params! {
    /// Parameters of the change of type.
    Params {
        /// 16-byte lanes of the f16 tensor.
        lanes: u32,
        /// 16-byte lanes of the f32 tensor.
        wide_lanes: u32,
    }
}

pub(super) const KERNELS: [Kernel; 1] = [Kernel::new(
    "cast",
    include_str!("../../shaders/cast.wgsl"),
    Params::FIELDS,
)
.with("", &[STORAGE])];

params! {
    /// Parameters of the kernel with ways in and out.
    PlanesParams {
        /// C, or 1 where no channel has a function of its own.
        channels: u32,
        /// N, or pictures as the kernel counts them.
        batch: u32,
        /// Elements of one plane.
        plane: u32,
        /// f16 lanes of a picture, or of all where pictures begin within lanes.
        lanes: u32,
        /// 16-byte lanes of the f32 tensor.
        wide_lanes: u32,
    }
}

pub(super) const PLANES_KERNELS: [Kernel; 1] = [Kernel::new(
    "cast_planes",
    include_str!("../../shaders/cast_planes.wgsl"),
    PlanesParams::FIELDS,
)
.with("", &[WAYS, PLANES, FUNCTIONS, RECTIFIED, STORAGE])];

/// The same numbers as another type of floats, to the nearest where it is narrower, ties to even. `torch.Tensor.to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// Type of the output: f32 or f16.
    pub dtype: DType,
}

impl Graph {
    /// [`Cast`] of a tensor of floats.
    ///
    /// # Errors
    /// [`Error::Shape`] for a tensor of another type, [`Error::Attribute`] for another type of output.
    pub fn cast(&mut self, x: Value, dtype: DType) -> Result<Value> {
        self.apply_one(Op::Cast(Cast { dtype }), &[x])
    }
}

impl Layer for Cast {
    fn name(&self) -> &'static str {
        "cast"
    }

    fn infer(&self, node: &str, inputs: &[&TensorType]) -> Result<Vec<TensorType>> {
        check_float(node, inputs[0])?;
        if !self.dtype.is_float() {
            let got = self.dtype.to_string();
            return Err(Error::attribute(node, "f32 or f16", got));
        }
        Ok(vec![TensorType {
            shape: inputs[0].shape.clone(),
            dtype: self.dtype,
        }])
    }

    fn takes(&self, _inputs: &[&TensorType]) -> Takes {
        Takes::ALL
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        let x = lowering.inputs[0];
        if x.dtype == self.dtype {
            return copy(lowering);
        }
        if *lowering.fused != Fused::default() {
            return lower_planes(lowering);
        }
        let lanes = |dtype: DType| (x.elements() * dtype.bytes()).div_ceil(16);
        let params = Params {
            start: Start::default(),
            lanes: word(lanes(DType::F16)),
            wide_lanes: word(lanes(DType::F32)),
        };
        let narrow = self.dtype == DType::F16;
        let single = !narrow && !lowering.loads_are_dear();
        let rows = Sharing::of(lowering, false).rows(lanes(DType::F16));
        let threads = if single {
            lanes(DType::F32)
        } else {
            rows.threads()
        };
        let [per_thread, row] = rows.constants();
        let (reads, writes) = (lowering.reads.clone(), lowering.writes.clone());
        lowering.launch(&Launch {
            kernel: &KERNELS[0],
            constants: &[
                ("HALF", 0.0),
                ("NARROW", f64::from(u8::from(narrow))),
                ("SINGLE", f64::from(u8::from(single))),
                per_thread,
                row,
            ],
            params: bytemuck::bytes_of(&params),
            reads: &reads,
            writes: &writes,
            threads: Threads::row(threads),
            operations: 0,
            touches: Some(Touches {
                bytes: &|[threads, ..]| {
                    // Lanes of the f16 tensor.
                    let lanes = if single {
                        threads.start / 2..threads.end.div_ceil(2)
                    } else {
                        rows.lanes_of(threads)
                    };
                    let half = lanes.start * 16..lanes.end * 16;
                    let wide = lanes.start * 32..lanes.end * 32;
                    if narrow { [wide, half] } else { [half, wide] }
                },
                like_y: &[],
                weights: None,
            }),
        });
    }
}

/// The change of type with ways in and out.
fn lower_planes(lowering: &mut Lowering<'_>) {
    let (x, y) = (lowering.inputs[0], lowering.outputs[0]);
    let narrow = y.dtype == DType::F16;
    let ways = lowering.ways();
    let half = if narrow { y } else { x };
    let planes = planes(half, &ways, lowering);
    let (lanes, pictures) = planes.pictures();
    let params = PlanesParams {
        start: Start::default(),
        channels: word(planes.channels),
        batch: word(pictures),
        plane: word(planes.plane),
        lanes: word(lanes),
        wide_lanes: word((x.elements() * DType::F32.bytes()).div_ceil(16)),
    };
    let constants = planes.constants();
    let own = [("HALF", 1.0), ("NARROW", f64::from(u8::from(narrow)))];
    let (first, writes) = (lowering.reads[0], lowering.writes.clone());
    lowering.launch(&Launch {
        kernel: &PLANES_KERNELS[0],
        constants: &[&constants[..], &own, &ways.constants].concat(),
        params: bytemuck::bytes_of(&params),
        reads: &[first, ways.way_in, ways.way_out, ways.skip],
        writes: &writes,
        threads: planes.threads(),
        operations: 0,
        touches: Some(Touches {
            bytes: &|block| {
                // Whole lanes of f16, which are two of f32 each.
                let [bytes, _] = planes.transformed(block);
                let bytes = bytes.start / 16 * 16..bytes.end.next_multiple_of(16);
                let wide = bytes.start * 2..bytes.end * 2;
                if narrow { [wide, bytes] } else { [bytes, wide] }
            },
            like_y: if ways.skips { &[3] } else { &[] },
            weights: None,
        }),
    });
}
