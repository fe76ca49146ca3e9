//! Values of the CPU path.

use crate::tensor::{DType, Data, Tensor};
use half::f16;
use half::slice::HalfFloatSliceExt as _;
use half::vec::HalfFloatVecExt as _;
use rayon::prelude::*;
use std::borrow::Cow;
use std::mem::MaybeUninit;
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
    /// What an f16 tensor keeps of numbers in the f32 path. The oracle keeps all digits: its bounds tell what storage
    /// may lose.
    fn store_halves(data: &mut [Self]);
    /// Rounded to the nearest f16, ties to even.
    fn halves(data: &[Self]) -> Vec<f16>;
    /// `e` to the power of self.
    fn exp(self) -> Self;
    /// f32 data in this precision, without a copy if it is the same.
    fn widen(data: &[f32]) -> Cow<'_, [Self]>;
    /// Rounded to f32, without a copy if it is the same.
    fn narrow(data: Vec<Self>) -> Vec<f32>;

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

    fn store_halves(data: &mut [Self]) {
        Self::halves(data).convert_to_f32_slice(data);
    }

    fn halves(data: &[Self]) -> Vec<f16> {
        Vec::from_f32_slice(data)
    }

    fn exp(self) -> Self {
        Self::exp(self)
    }

    fn widen(data: &[f32]) -> Cow<'_, [Self]> {
        Cow::Borrowed(data)
    }

    fn narrow(data: Vec<Self>) -> Vec<f32> {
        data
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

    fn store_halves(data: &mut [Self]) {
        // What no f16 holds, though, is infinite for whatever reads it.
        for element in data.iter_mut().filter(|x| x.abs() >= F16_OVERFLOW) {
            *element = Self::INFINITY.copysign(*element);
        }
    }

    fn halves(data: &[Self]) -> Vec<f16> {
        data.iter().map(|&x| f16::from_f64(x)).collect()
    }

    fn exp(self) -> Self {
        Self::exp(self)
    }

    fn widen(data: &[f32]) -> Cow<'_, [Self]> {
        Cow::Owned(data.par_iter().copied().map(Self::from).collect())
    }

    fn narrow(data: Vec<Self>) -> Vec<f32> {
        data.into_par_iter().map(Self::to_f32).collect()
    }
}

/// Elements of a piece of an array, where it does not matter which: they fit the nearest cache.
const PIECE: usize = 4096;

/// `length` elements, made in parallel in chunks of `chunk`, each by an iterator of as many elements as it has.
pub(super) fn in_chunks<T: Send + Copy, I: IntoIterator<Item = T>>(
    length: usize,
    chunk: usize,
    make: impl Fn(usize) -> I + Sync,
) -> Vec<T> {
    in_repeated_chunks(length, chunk, make, |_| false)
}

/// The same where `repeats` says of some chunks that they are like those before them: copying one takes less than making it.
/// Memory that is written once is not zeroed before: that would be half of the time of a layer that moves bytes.
#[expect(unsafe_code, reason = "memory is not written twice")]
pub(super) fn in_repeated_chunks<T: Send + Copy, I: IntoIterator<Item = T>>(
    length: usize,
    chunk: usize,
    make: impl Fn(usize) -> I + Sync,
    repeats: impl Fn(usize) -> bool + Sync,
) -> Vec<T> {
    let mut data = Vec::with_capacity(length);
    let (chunk, room) = (chunk.max(1), &mut data.spare_capacity_mut()[..length]);
    let together = PIECE.div_ceil(chunk);
    let pieces = room.par_chunks_mut(together * chunk).enumerate();
    pieces.for_each(|(piece, room)| {
        let mut before: Option<&mut [MaybeUninit<T>]> = None;
        for (index, room) in (piece * together..).zip(room.chunks_mut(chunk)) {
            match before {
                Some(before) if repeats(index) => room.copy_from_slice(&before[..room.len()]),
                _ => {
                    let mut written = 0;
                    for (place, element) in room.iter_mut().zip(make(index)) {
                        place.write(element);
                        written += 1;
                    }
                    assert_eq!(written, room.len(), "elements of chunk {index}");
                }
            }
            before = Some(room);
        }
    });
    // SAFETY: each of the `length` elements belongs to one chunk, and each chunk has counted that it wrote all of its own, or is
    // a copy of the chunk before it, which has.
    unsafe { data.set_len(length) };
    data
}

/// The length of even pieces of so many elements, as long as fits a piece; all of them if they have no even pieces of that length or
/// down to a sixteenth of it.
pub(super) fn even_piece(length: usize) -> usize {
    let fewest = length.div_ceil(PIECE);
    let mut counts = fewest..fewest * 16;
    counts
        .find(|&pieces| length.is_multiple_of(pieces))
        .map_or(length, |pieces| length / pieces)
}

/// A piece of an array for [`in_chunks`].
fn piece<T>(data: &[T], index: usize) -> &[T] {
    &data[index * PIECE..data.len().min((index + 1) * PIECE)]
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
    pub(super) fn map(&self, f: impl Fn(T) -> T + Sync) -> Array<'static, T> {
        let make = |index| piece(&self.data, index).iter().map(|&x| f(x));
        let data = in_chunks(self.data.len(), PIECE, make);
        Array::new(self.shape.clone(), data)
    }

    /// Element by element with another array of the same shape.
    pub(super) fn zip(
        &self,
        other: &Array<'_, T>,
        f: impl Fn(T, T) -> T + Sync,
    ) -> Array<'static, T> {
        let make = |index| {
            let pairs = piece(&self.data, index)
                .iter()
                .zip(piece(&other.data, index));
            pairs.map(|(&a, &b)| f(a, b))
        };
        Array::new(self.shape.clone(), in_chunks(self.data.len(), PIECE, make))
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
                data: Cow::Owned(in_chunks(data.len(), PIECE, |index| {
                    let wide = piece(data, index).to_f32_vec();
                    wide.into_iter().map(T::from_f32)
                })),
            }),
            _ => Self::Exact(Cow::Borrowed(tensor)),
        }
    }

    /// Rounds an output to what a tensor of `dtype` keeps.
    pub(super) fn store(&mut self, dtype: DType) {
        if let (Self::Real(array), DType::F16) = (self, dtype) {
            array
                .data
                .to_mut()
                .par_chunks_mut(PIECE)
                .for_each(T::store_halves);
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
    pub(super) fn into_tensor(self, dtype: DType) -> Tensor {
        match self {
            Self::Real(array) => {
                let data = match dtype {
                    DType::F16 => {
                        let halves = |index| T::halves(piece(&array.data, index));
                        Data::F16(in_chunks(array.data.len(), PIECE, halves))
                    }
                    _ => Data::F32(T::narrow(array.data.into_owned())),
                };
                Tensor::dense(array.shape, data)
            }
            Self::Exact(tensor) => tensor.into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_even_where_they_can_be() {
        for (length, piece) in [
            (0, 0),
            (49, 49),
            (PIECE, PIECE),
            (112 * 112, 3136),
            (300 * 451, 3300),
            // A prime, and twice one.
            (8191, 8191),
            (2 * 8191, 2 * 8191),
        ] {
            assert_eq!(even_piece(length), piece, "{length}");
        }
    }

    #[test]
    fn chunks_are_made_in_their_places() {
        let make = |index: usize| (0..).skip(index * 3).take(3);
        assert_eq!(in_chunks(9, 3, make), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(in_chunks(8, 3, make), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(in_chunks(0, 0, make), [0; 0]);
    }

    #[test]
    fn chunks_repeat_the_ones_before_them() {
        let make = |index: usize| [index; 3];
        let repeated = in_repeated_chunks(8, 3, make, |index| index != 1);
        assert_eq!(repeated, [0, 0, 0, 1, 1, 1, 1, 1]);
        // Also where a thread begins, which has none before its first.
        for rest in 0..2 {
            let pairs = |index: usize| [(index + rest) / 2; 3];
            let odd = |index: usize| (index + rest) % 2 == 1;
            let repeated = in_repeated_chunks(3 * PIECE, 3, pairs, odd);
            assert!((0..3 * PIECE).map(|at| (at / 3 + rest) / 2).eq(repeated));
        }
    }

    #[test]
    #[should_panic(expected = "elements of chunk 1")]
    fn a_chunk_that_is_not_filled_is_found_out() {
        in_chunks(8, 4, |index| vec![1u8; 4 - index]);
    }
}
