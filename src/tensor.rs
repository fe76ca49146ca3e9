//! Tensors on the host: a shape and dense row-major data.

use crate::error::{Error, Result};
use half::f16;
use half::slice::HalfFloatSliceExt as _;
use half::vec::HalfFloatVecExt as _;
use std::borrow::Cow;
use std::fmt;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DType {
    /// 32-bit float: activations, weights, statistics.
    F32,
    /// 16-bit float (IEEE 754 binary16): activations and weights at half the bytes. Layers compute in f32.
    F16,
    /// Unsigned byte: pictures.
    U8,
    /// Signed 64-bit integer: counters, as PyTorch's `num_batches_tracked`.
    I64,
}

impl DType {
    /// True for the types of activations and weights.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16)
    }

    /// Bytes per element.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::U8 => 1,
            Self::I64 => 8,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::U8 => "u8",
            Self::I64 => "i64",
        })
    }
}

/// Shape and dtype of a value: all that is known before a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorType {
    /// Extents, outermost first; `[]` is a scalar.
    pub shape: Vec<usize>,
    /// Element type.
    pub dtype: DType,
}

impl TensorType {
    /// Of floats in the type of another tensor of floats.
    pub(crate) fn like(&self, shape: impl Into<Vec<usize>>) -> Self {
        Self {
            shape: shape.into(),
            dtype: self.dtype,
        }
    }

    pub(crate) fn f32(shape: impl Into<Vec<usize>>) -> Self {
        Self {
            shape: shape.into(),
            dtype: DType::F32,
        }
    }

    /// Number of elements. The graph has checked that it fits when it added the value.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of the dense tensor.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.elements() * self.dtype.bytes()
    }

    /// `Err` if the bytes of the tensor, or of any leading part of its shape, overflow `usize`.
    pub(crate) fn check_size(&self, node: &str) -> Result<()> {
        // An extent of 0 must not hide an overflow among the others: strides are products too.
        let nonzero = self.shape.iter().filter(|&&extent| extent != 0);
        let bytes = nonzero
            .copied()
            .try_fold(self.dtype.bytes(), usize::checked_mul);
        match bytes {
            Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
            _ => Err(Error::shape(
                node,
                "a tensor whose bytes fit the address space",
                self.to_string(),
            )),
        }
    }

    /// `Err` unless the host has memory for the elements, of `bytes` each: where a layer asks for it in vain, the
    /// process ends.
    pub(crate) fn check_host(&self, node: &str, bytes: usize) -> Result<()> {
        self.check_size(node)?;
        // A tensor of no element has tables as long as its other extents.
        let extents = self.shape.iter().filter(|&&extent| extent != 0);
        let bytes = extents.copied().try_fold(bytes, usize::checked_mul);
        // The compiler may leave out an allocation that nobody uses.
        let mut room = std::hint::black_box(Vec::<u8>::new());
        match bytes.map(|bytes| room.try_reserve_exact(bytes)) {
            Some(Ok(())) => Ok(()),
            _ => Err(Error::shape(
                node,
                "a tensor that the memory of the host can hold",
                self.to_string(),
            )),
        }
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.dtype, self.shape)
    }
}

/// Dense row-major elements.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Data {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 16-bit floats.
    F16(Vec<f16>),
    /// Bytes.
    U8(Vec<u8>),
    /// 64-bit integers.
    I64(Vec<i64>),
}

impl From<Vec<f32>> for Data {
    fn from(data: Vec<f32>) -> Self {
        Self::F32(data)
    }
}

impl From<Vec<u8>> for Data {
    fn from(data: Vec<u8>) -> Self {
        Self::U8(data)
    }
}

impl From<Vec<i64>> for Data {
    fn from(data: Vec<i64>) -> Self {
        Self::I64(data)
    }
}

impl From<Vec<f16>> for Data {
    fn from(data: Vec<f16>) -> Self {
        Self::F16(data)
    }
}

/// A dense row-major tensor on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

impl Tensor {
    /// A tensor of `shape` over `data`, row-major.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shape does not hold exactly `data`'s elements.
    pub fn new(shape: impl Into<Vec<usize>>, data: impl Into<Data>) -> Result<Self> {
        let tensor = Self {
            shape: shape.into(),
            data: data.into(),
        };
        tensor.ty().check_size("tensor")?;
        let (expected, got) = (tensor.ty().elements(), tensor.len());
        if expected != got {
            return Err(Error::shape(
                "tensor",
                format!("{expected} elements for shape {:?}", tensor.shape),
                format!("{got}"),
            ));
        }
        Ok(tensor)
    }

    /// A tensor whose shape is known to hold the data.
    pub(crate) const fn dense(shape: Vec<usize>, data: Data) -> Self {
        Self { shape, data }
    }

    /// A scalar counter.
    #[must_use]
    pub fn counter(value: i64) -> Self {
        Self {
            shape: Vec::new(),
            data: Data::I64(vec![value]),
        }
    }

    /// A vector filled with one value.
    ///
    /// # Errors
    /// [`Error::Shape`] if the host cannot hold it.
    pub fn filled(length: usize, value: f32) -> Result<Self> {
        TensorType::f32([length]).check_host("tensor", DType::F32.bytes())?;
        Ok(Self {
            shape: vec![length],
            data: Data::F32(vec![value; length]),
        })
    }

    /// Extents, outermost first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements.
    #[must_use]
    pub const fn data(&self) -> &Data {
        &self.data
    }

    /// Element type.
    #[must_use]
    pub const fn dtype(&self) -> DType {
        match self.data {
            Data::F32(_) => DType::F32,
            Data::F16(_) => DType::F16,
            Data::U8(_) => DType::U8,
            Data::I64(_) => DType::I64,
        }
    }

    /// Shape and dtype.
    #[must_use]
    pub fn ty(&self) -> TensorType {
        TensorType {
            shape: self.shape.clone(),
            dtype: self.dtype(),
        }
    }

    fn len(&self) -> usize {
        match &self.data {
            Data::F32(data) => data.len(),
            Data::F16(data) => data.len(),
            Data::U8(data) => data.len(),
            Data::I64(data) => data.len(),
        }
    }

    /// The elements as f32, `None` for another dtype.
    #[must_use]
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.data {
            Data::F32(data) => Some(data),
            _ => None,
        }
    }

    /// The elements as f16, `None` for another dtype.
    #[must_use]
    pub fn as_f16(&self) -> Option<&[f16]> {
        match &self.data {
            Data::F16(data) => Some(data),
            _ => None,
        }
    }

    /// The elements of a tensor of floats as f32, which holds every f16; `None` for another dtype.
    #[must_use]
    pub fn to_f32(&self) -> Option<Cow<'_, [f32]>> {
        match &self.data {
            Data::F32(data) => Some(Cow::Borrowed(data)),
            Data::F16(data) => Some(Cow::Owned(data.to_f32_vec())),
            _ => None,
        }
    }

    /// A tensor of floats in another type of floats, each element rounded to the nearest, ties to even; `None` for
    /// another dtype on either side.
    #[must_use]
    pub fn cast(&self, dtype: DType) -> Option<Self> {
        let data = match (&self.data, dtype) {
            (Data::F32(data), DType::F16) => Data::F16(Vec::from_f32_slice(data)),
            (Data::F16(data), DType::F32) => Data::F32(data.to_f32_vec()),
            (Data::F32(_), DType::F32) | (Data::F16(_), DType::F16) => self.data.clone(),
            _ => return None,
        };
        Some(Self::dense(self.shape.clone(), data))
    }

    /// The elements as bytes, `None` for another dtype.
    #[must_use]
    pub fn as_u8(&self) -> Option<&[u8]> {
        match &self.data {
            Data::U8(data) => Some(data),
            _ => None,
        }
    }

    /// The elements as 64-bit integers, `None` for another dtype.
    #[must_use]
    pub fn as_i64(&self) -> Option<&[i64]> {
        match &self.data {
            Data::I64(data) => Some(data),
            _ => None,
        }
    }

    /// The memory of the elements, little-endian: what a device buffer holds.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.data {
            Data::F32(data) => bytemuck::cast_slice(data),
            Data::F16(data) => bytemuck::cast_slice(data),
            Data::U8(data) => data,
            Data::I64(data) => bytemuck::cast_slice(data),
        }
    }

    /// A tensor of type `ty` from the first `ty.bytes()` bytes of a device buffer.
    pub(crate) fn from_bytes(ty: &TensorType, bytes: &[u8]) -> Self {
        let bytes = &bytes[..ty.bytes()];
        let data = match ty.dtype {
            DType::F32 => Data::F32(bytemuck::pod_collect_to_vec(bytes)),
            DType::F16 => Data::F16(bytemuck::pod_collect_to_vec(bytes)),
            DType::U8 => Data::U8(bytes.to_vec()),
            DType::I64 => Data::I64(bytemuck::pod_collect_to_vec(bytes)),
        };
        Self {
            shape: ty.shape.clone(),
            data,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_shape_that_does_not_hold_the_data_is_an_error() {
        let error = Tensor::new([2, 3], vec![0.0f32; 5]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tensor: expected 6 elements for shape [2, 3], got 5"
        );
    }

    #[test]
    fn an_overflow_is_an_error_even_behind_an_extent_of_zero() {
        assert!(Tensor::new([0, usize::MAX, 2], Vec::<f32>::new()).is_err());
        assert!(Tensor::new([usize::MAX, usize::MAX], vec![0.0f32]).is_err());
    }

    #[test]
    fn bytes_round_trip() -> Result<()> {
        for tensor in [
            Tensor::new([2], vec![1.5f32, -0.0])?,
            Tensor::new([3], vec![f16::from_f32(0.1), f16::NEG_ZERO, f16::MAX])?,
            Tensor::new([3], vec![1u8, 2, 255])?,
            Tensor::counter(-7),
        ] {
            assert_eq!(Tensor::from_bytes(&tensor.ty(), tensor.bytes()), tensor);
        }
        Ok(())
    }

    #[test]
    fn a_cast_rounds_to_nearest_even() -> Result<()> {
        // Between neighbours of 1: nearer to one, and twice in the middle; then what no f16 holds.
        let step = 1.0 / 1024.0;
        let wide = vec![
            1.0 + 0.6 * step,
            1.0 + 0.5 * step,
            1.0 + 1.5 * step,
            65519.9,
            65520.0,
        ];
        let half = Tensor::new([5], wide)?.cast(DType::F16);
        let expected = [1.0 + step, 1.0, 1.0 + 2.0 * step, 65504.0, f32::INFINITY];
        let wide = half.as_ref().and_then(Tensor::to_f32);
        assert_eq!(wide.as_deref(), Some(&expected[..]));
        let again = half.and_then(|half| half.cast(DType::F32));
        assert_eq!(again.as_ref().and_then(Tensor::as_f32), Some(&expected[..]));
        assert_eq!(Tensor::counter(1).cast(DType::F16), None);
        Ok(())
    }
}
