//! Values of the CPU path.

use crate::tensor::{DType, Data, Tensor};
use half::f16;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// The least magnitude that rounds to infinity in f16: half a unit above the largest, 65504.
pub(super) const F16_OVERFLOW: f64 = 65_520.0;

/// The two precisions of the CPU path.
pub trait Scalar:
    Copy
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Minus infinity.
    const NEG_INFINITY: Self;

    /// Exact.
    fn from_f32(value: f32) -> Self;
    /// Rounded.
    fn from_f64(value: f64) -> Self;
    /// Exact.
    fn to_f64(self) -> f64;
    /// Rounded.
    fn to_f32(self) -> f32;
    /// Rounded to the nearest, ties to even.
    fn to_f16(self) -> f16;
    /// What a tensor of `dtype` keeps of it in the f32 path. The oracle keeps all digits: its bounds tell what storage
    /// may lose.
    fn stored(self, dtype: DType) -> Self;
    /// `e` to the power of self.
    fn exp(self) -> Self;
    /// f32 data in this precision, without a copy if it is the same.
    fn widen(data: &[f32]) -> Cow<'_, [Self]>;

    /// True for NaN.
    #[expect(clippy::eq_op, reason = "the definition of NaN")]
    fn is_nan(self) -> bool {
        self != self
    }
}

impl Scalar for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEG_INFINITY: Self = Self::NEG_INFINITY;

    fn from_f32(value: f32) -> Self {
        value
    }

    #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
    fn from_f64(value: f64) -> Self {
        value as Self
    }

    fn to_f64(self) -> f64 {
        self.into()
    }

    fn to_f32(self) -> f32 {
        self
    }

    fn to_f16(self) -> f16 {
        f16::from_f32(self)
    }

    fn stored(self, dtype: DType) -> Self {
        match dtype {
            DType::F16 => self.to_f16().to_f32(),
            _ => self,
        }
    }

    fn exp(self) -> Self {
        Self::exp(self)
    }

    fn widen(data: &[f32]) -> Cow<'_, [Self]> {
        Cow::Borrowed(data)
    }
}

impl Scalar for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEG_INFINITY: Self = Self::NEG_INFINITY;

    fn from_f32(value: f32) -> Self {
        value.into()
    }

    fn from_f64(value: f64) -> Self {
        value
    }

    fn to_f64(self) -> f64 {
        self
    }

    #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
    fn to_f32(self) -> f32 {
        self as f32
    }

    fn to_f16(self) -> f16 {
        f16::from_f64(self)
    }

    fn stored(self, dtype: DType) -> Self {
        // What no f16 holds, though, is infinite for whatever reads it.
        if dtype == DType::F16 && self.abs() >= F16_OVERFLOW {
            return Self::INFINITY.copysign(self);
        }
        self
    }

    fn exp(self) -> Self {
        Self::exp(self)
    }

    fn widen(data: &[f32]) -> Cow<'_, [Self]> {
        Cow::Owned(data.iter().copied().map(Self::from).collect())
    }
}

/// A dense row-major array of scalars.
#[derive(Clone, Debug)]
pub struct Array<'a, T: Clone> {
    /// Extents, outermost first.
    pub shape: Vec<usize>,
    /// Elements.
    pub data: Cow<'a, [T]>,
}

impl<T: Clone> Array<'static, T> {
    pub(super) fn new(shape: impl Into<Vec<usize>>, data: Vec<T>) -> Self {
        let shape = shape.into();
        assert_eq!(
            shape.iter().product::<usize>(),
            data.len(),
            "elements of {shape:?}"
        );
        Self {
            shape,
            data: Cow::Owned(data),
        }
    }
}

impl<T: Scalar> Array<'_, T> {
    /// Element by element.
    pub(super) fn map(&self, f: impl Fn(T) -> T) -> Array<'static, T> {
        Array::new(
            self.shape.clone(),
            self.data.iter().copied().map(f).collect(),
        )
    }

    /// Element by element with another array of the same shape.
    pub(super) fn zip(&self, other: &Array<'_, T>, f: impl Fn(T, T) -> T) -> Array<'static, T> {
        let pairs = self.data.iter().zip(other.data.iter());
        Array::new(self.shape.clone(), pairs.map(|(&a, &b)| f(a, b)).collect())
    }
}

/// A value of the graph on the CPU.
#[derive(Clone, Debug)]
pub enum Value<'a, T: Clone> {
    /// Tensors of floats, in the path's precision.
    Real(Array<'a, T>),
    /// u8 and i64 tensors, which no layer computes with in floating point.
    Exact(Cow<'a, Tensor>),
}

impl<T: Scalar> From<Array<'static, T>> for Value<'static, T> {
    fn from(array: Array<'static, T>) -> Self {
        Self::Real(array)
    }
}

impl<'a, T: Scalar> Value<'a, T> {
    pub(super) fn from_tensor(tensor: &'a Tensor) -> Self {
        match tensor.data() {
            Data::F32(data) => Self::Real(Array {
                shape: tensor.shape().to_vec(),
                data: T::widen(data),
            }),
            Data::F16(data) => Self::Real(Array {
                shape: tensor.shape().to_vec(),
                data: Cow::Owned(data.iter().map(|x| T::from_f32(x.to_f32())).collect()),
            }),
            _ => Self::Exact(Cow::Borrowed(tensor)),
        }
    }

    /// Rounds an output to what a tensor of `dtype` keeps.
    pub(super) fn store(&mut self, dtype: DType) {
        if let (Self::Real(array), DType::F16) = (self, dtype) {
            let elements = array.data.to_mut().par_iter_mut();
            elements.for_each(|element| *element = element.stored(dtype));
        }
    }

    /// The array of a value that the graph knows to be of floats.
    pub(super) fn real(&self) -> &Array<'a, T> {
        match self {
            Self::Real(array) => array,
            Self::Exact(tensor) => {
                unreachable!("the graph checked for floats, not {}", tensor.ty())
            }
        }
    }

    /// The tensor of a value that the graph knows not to be of floats.
    pub(super) fn exact(&self) -> &Tensor {
        match self {
            Self::Exact(tensor) => tensor,
            Self::Real(array) => unreachable!("the graph checked against floats {:?}", array.shape),
        }
    }

    /// Rounded to its type in the graph.
    pub(super) fn tensor(&self, dtype: DType) -> Tensor {
        match self {
            Self::Real(array) => {
                let values = array.data.iter();
                let data = match dtype {
                    DType::F16 => Data::F16(values.map(|value| value.to_f16()).collect()),
                    _ => Data::F32(values.map(|value| value.to_f32()).collect()),
                };
                Tensor::dense(array.shape.clone(), data)
            }
            Self::Exact(tensor) => tensor.clone().into_owned(),
        }
    }
}
