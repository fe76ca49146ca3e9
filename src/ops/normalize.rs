//! [`Normalize`]: attributes, shape rule, table, method, lowering.

use super::window::{last_lane, word};
use super::{Layer, Op};
use crate::error::{Error, Result};
use crate::fusion::Takes;
use crate::graph::{Graph, Value};
use crate::kernel::{
    Kernel, Start, half, params, per_lane, row_kernels, store_constants, store_form,
};
use crate::plan::{Block, Launch, Lowering, Threads, Touches, span};
use crate::tensor::{DType, TensorType};
use half::f16;

params! {
    /// Parameters of the picture kernel.
    Params {
        /// Pictures.
        pictures: u32,
        /// Pixels of a picture, H * W.
        pixels: u32,
        /// Last 16-byte lane of the input.
        last_lane: u32,
    }
}

const SOURCE: &str = include_str!("../../shaders/normalize.wgsl");

pub(super) const KERNELS: [Kernel; 3] = row_kernels!("normalize", SOURCE, Params::FIELDS);

/// Pixels of a thread where loads are dear.
const PIXELS: usize = 8;

/// Most channels of a picture.
const MAX_CHANNELS: usize = 4;

/// Picture to network input: bytes, channels last, to normalised f32, channels first, in one dispatch.
/// `torchvision.transforms.ToTensor` and `Normalize`: `(byte / 255 - mean[c]) / std[c]`.
///
/// Input u8 [H, W, C] or [N, H, W, C], output f32 or f16 [C, H, W] or [N, C, H, W], C = 1 to 4. The 256 results of each
/// channel are computed on the host in PyTorch's f32 arithmetic; the device looks them up, so the result is bit-exact.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalize {
    /// Mean of each channel, of values in 0..1.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel, of values in 0..1; not 0.
    pub std: Vec<f32>,
    /// Type of the output, f32 or f16; f32 unless set.
    pub dtype: DType,
}

impl Normalize {
    /// One mean and one standard deviation per channel.
    #[must_use]
    pub fn new(mean: impl Into<Vec<f32>>, std: impl Into<Vec<f32>>) -> Self {
        Self {
            mean: mean.into(),
            std: std.into(),
            dtype: DType::F32,
        }
    }

    /// Sets the type of the output.
    #[must_use]
    pub const fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = dtype;
        self
    }

    /// The statistics of ImageNet, RGB.
    #[must_use]
    pub fn imagenet() -> Self {
        Self::new([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    }

    /// [C][256] results, each operation rounded to f32 as PyTorch does, then to the output's type: its bits, at the
    /// top of a word.
    fn table(&self) -> Vec<u32> {
        let channels = self.mean.iter().zip(&self.std);
        let results = channels.flat_map(|(mean, std)| {
            (0..=255u8).map(move |byte| (f32::from(byte) / 255.0 - mean) / std)
        });
        let bits = |result: f32| match self.dtype {
            DType::F16 => u32::from(f16::from_f32(result).to_bits()) << 16,
            _ => result.to_bits(),
        };
        results.map(bits).collect()
    }
}

impl Graph {
    /// [`Normalize`] of `x`.
    ///
    /// # Errors
    /// [`Error::Attribute`] for a standard deviation of 0, a statistic that is not finite or lists of different
    /// lengths, [`Error::Shape`] for another dtype, rank or number of channels.
    pub fn normalize(&mut self, x: Value, attributes: Normalize) -> Result<Value> {
        self.apply_one(Op::Normalize(attributes), &[x])
    }
}

impl Layer for Normalize {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn infer(&self, node: &str, inputs: &[&TensorType]) -> Result<Vec<TensorType>> {
        let channels = self.mean.len();
        let statistics = format!("mean {:?}, std {:?}", self.mean, self.std);
        if !(1..=MAX_CHANNELS).contains(&channels) || self.std.len() != channels {
            let expected = format!("one mean and one std for each of 1 to {MAX_CHANNELS} channels");
            return Err(Error::attribute(node, expected, statistics));
        }
        if !self.dtype.is_float() {
            let got = self.dtype.to_string();
            return Err(Error::attribute(node, "an output of f32 or f16", got));
        }
        let finite = self
            .mean
            .iter()
            .chain(&self.std)
            .all(|value| value.is_finite());
        if !finite || self.std.contains(&0.0) {
            let expected = "finite means and finite non-zero stds";
            return Err(Error::attribute(node, expected, statistics));
        }
        let ty = inputs[0];
        let rank = ty.shape.len();
        if ty.dtype != DType::U8
            || !(3..=4).contains(&rank)
            || ty.shape[rank - 1] != channels
            || ty.shape[rank - 3..].contains(&0)
        {
            let expected =
                format!("u8 [H, W, {channels}] or [N, H, W, {channels}] of at least one pixel");
            return Err(Error::shape(node, expected, ty.to_string()));
        }
        let mut shape = ty.shape.clone();
        let channels = shape.remove(rank - 1);
        shape.insert(rank - 3, channels);
        Ok(vec![TensorType {
            shape,
            dtype: self.dtype,
        }])
    }

    fn takes(&self, inputs: &[&TensorType]) -> Takes {
        Takes {
            // Without a batch its second axis is the height.
            affine: inputs[0].shape.len() == 4,
            ..Takes::WAY_OUT
        }
    }

    fn lower(&self, lowering: &mut Lowering<'_>) {
        let shape = &lowering.inputs[0].shape;
        let [height, width] = [shape[shape.len() - 3], shape[shape.len() - 2]];
        let pictures = if shape.len() == 4 { shape[0] } else { 1 };
        let pixels = height * width;
        let table = lowering.table("results", &self.table());
        // Where one picture has whole words, all begin with one.
        let words = pictures == 1 || (pixels * self.mean.len()).is_multiple_of(4);
        // Elsewhere what threads store is beside one another.
        let lane = per_lane(self.dtype);
        let of_thread = match (lowering.loads_are_dear(), self.dtype) {
            (true, _) | (_, DType::F16) => PIXELS,
            _ if pixels.is_multiple_of(lane) => lane,
            _ => 1,
        };
        let words = words && of_thread > 1;
        let params = Params {
            start: Start::default(),
            pictures: word(pictures),
            pixels: word(pixels),
            last_lane: last_lane(lowering.inputs[0]),
        };
        // Planes of a picture that do not fit a binding together are made one by one.
        let channels = self.mean.len();
        let each = if lowering.fits(pixels * channels * self.dtype.bytes()) {
            channels
        } else {
            1
        };
        let groups = channels / each;
        let bytes = |[x, _, z]: &Block| {
            let (first, last) = (x.start * of_thread, (x.end * of_thread).min(pixels) - 1);
            let picture = (z.start / groups, (z.end - 1) / groups, 0);
            let read = (
                first * channels,
                last * channels + channels - 1,
                pixels * channels,
            );
            // Groups of channels of all pictures.
            let planes = (z.start * each, z.end * each - 1, 0);
            let written = span(&[planes, (first, last, pixels)], self.dtype.bytes());
            [span(&[picture, read], 1), written]
        };
        let ways = lowering.ways();
        let (x, writes) = (lowering.reads[0], lowering.writes.clone());
        let form = store_form(self.dtype, pixels, word(of_thread));
        let constants = [
            ("CHANNELS", f64::from(word(self.mean.len()))),
            ("PIXELS", f64::from(word(of_thread))),
            ("WORDS", f64::from(u8::from(words))),
            ("EACH", f64::from(word(each))),
            half(self.dtype),
        ];
        let constants = constants.into_iter().chain(store_constants(form, pixels));
        let constants: Vec<_> = constants.chain(ways.constants).collect();
        lowering.launch(&Launch {
            kernel: &KERNELS[form],
            constants: &constants,
            params: bytemuck::bytes_of(&params),
            reads: &[x, table, ways.way_out, ways.skip],
            writes: &writes,
            threads: Threads::fitted([pixels.div_ceil(of_thread), 1, pictures * groups]),
            operations: 0,
            touches: Some(Touches {
                bytes: &bytes,
                like_y: if ways.skips { &[3] } else { &[] },
                weights: None,
            }),
        });
    }
}
