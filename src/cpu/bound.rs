//! What a result may be: the oracle's value and a bound of the error of any f32 implementation.
//!
//! Each value carries the largest error that the nodes before it may have made. A layer moves the errors of its inputs
//! (by the same layer run on magnitudes) and adds its own roundings: `gamma(n) = n eps / (1 - n eps)` for n of them in
//! any order, with or without fused multiply-add (Higham, "Accuracy and Stability of Numerical Algorithms", 3.1).
//! No tolerance is chosen. An error of exactly 0 asks for equality.

use super::array::{Array, F16_OVERFLOW, Value};
use super::batch_norm::Moments;
use super::{
    add, avg_pool, batch_norm, cast, concat, conv, evaluate, interpolate, max_pool, relu, sigmoid,
    variable_tensors,
};
use crate::error::Result;
use crate::graph::{self, Graph, Node, Source};
use crate::ops::{Op, made_depth, moments_depth};
use crate::tensor::{DType, Tensor};
use crate::variables::Variables;
use half::f16;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Largest relative error of one f32 operation. WGSL leaves the rounding direction open, so a whole unit.
pub(super) const EPSILON: f64 = f32::EPSILON as f64;

/// Largest error of an operation whose result is below the normal numbers: a device may flush it to 0, as it may flush
/// what an operation takes.
pub(super) const TINY: f64 = f32::MIN_POSITIVE as f64;

/// Largest relative error of `n` operations that follow one another.
#[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
pub(super) fn gamma(n: usize) -> f64 {
    let error = n as f64 * EPSILON;
    if error < 1.0 {
        error / (1.0 - error)
    } else {
        f64::INFINITY
    }
}

/// Largest error of a result with this error when it is stored in f16: rounding to the nearest, and nothing else. None
/// of a value that f16 holds.
pub(crate) fn half_error(value: f64, error: f64) -> f64 {
    if error <= 0.0 && f16::from_f64(value).to_f64().to_bits() == value.to_bits() {
        return 0.0;
    }
    let largest = value.abs() + error;
    if value.is_finite() && largest >= F16_OVERFLOW {
        return f64::INFINITY;
    }
    // Half the distance of neighbours: 11 significant bits, and the subnormal numbers are as far apart as the smallest
    // normal ones, at 2^-14.
    let exponent = largest.max(0.5f64.powi(14)).log2().floor();
    error + (exponent - 11.0).exp2()
}

/// A value in double precision and the largest error of an f32 implementation of it.
#[derive(Clone, Debug)]
pub struct Bounded {
    /// The oracle's value.
    pub value: Array<'static, f64>,
    /// Bound of the absolute error; 0 where the result must be equal.
    pub error: Array<'static, f64>,
}

impl Bounded {
    /// A value without error.
    fn exact(value: Array<'static, f64>) -> Self {
        let error = value.map(|_| 0.0);
        Self { value, error }
    }

    /// True if there is no error.
    pub(super) fn is_exact(&self) -> bool {
        self.error.data.iter().all(|&error| error <= 0.0)
    }

    /// As a device sees it that takes numbers below the normal ones for 0 where it computes.
    fn flushed(&self) -> Self {
        let error = self.value.zip(&self.error, |value, error| {
            let (least, most) = (value.abs() - error, value.abs() + error);
            if most > 0.0 && least < TINY {
                error + TINY
            } else {
                error
            }
        });
        let value = self.value.clone();
        Self { value, error }
    }

    /// The largest absolute value that an implementation may see.
    pub(super) fn magnitude(&self) -> Array<'static, f64> {
        self.value
            .zip(&self.error, |value, error| value.abs() + error)
    }
}

/// True for sums of integers below 2^24: every partial sum is exact in f32, in any order.
pub(super) fn is_exact_sum(inputs: &[&Bounded], largest: f64) -> bool {
    let whole = |input: &&Bounded| {
        input
            .value
            .data
            .iter()
            .all(|value| value.fract().abs() <= 0.0)
    };
    largest < 16_777_216.0
        && inputs.iter().all(|input| input.is_exact())
        && inputs.iter().all(whole)
}

/// What a run of a graph must give.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Floats of this type, within the bound.
    Within(DType, Bounded),
    /// u8 or i64, equal.
    Equal(Tensor),
}

/// The expected outputs of a run, and the expected variables after it, by name. `method` says how the implementation
/// under test finds the moments of a batch norm; `None` for the kernels of this crate.
///
/// # Errors
/// As [`cpu::run`](super::run).
#[expect(
    clippy::type_complexity,
    reason = "two lists of names and expectations"
)]
pub fn expect<'a>(
    graph: &'a Graph,
    variables: &Variables,
    inputs: &[(&'a str, &'a Tensor)],
    method: Option<Moments>,
) -> Result<(Vec<(String, Expected)>, Vec<(String, Expected)>)> {
    let tensors = variable_tensors(graph, variables)?;
    let values = evaluate::<f64>(graph, &tensors, inputs)?;
    let expected = bounds(graph, values, method);
    let outputs = graph.outputs.iter();
    let outputs = outputs.map(|(name, value)| (name.clone(), expected[value.index].clone()));
    let updates = graph.assigns.iter().filter_map(|assign| {
        let Source::Variable { name, .. } = &graph.values[assign.variable.index].source else {
            return None;
        };
        Some((name.clone(), expected[assign.value.index].clone()))
    });
    let updates: Vec<_> = updates.collect();
    Ok((outputs.collect(), updates))
}

/// Every value of the graph with its bound.
fn bounds(graph: &Graph, values: Vec<Value<'_, f64>>, method: Option<Moments>) -> Vec<Expected> {
    let mut expected: Vec<Expected> = Vec::with_capacity(values.len());
    for (info, value) in graph.values.iter().zip(values) {
        expected.push(match value {
            Value::Exact(tensor) => Expected::Equal(tensor.into_owned()),
            Value::Real(array) => {
                let value = Array::new(array.shape, array.data.into_owned());
                let mut bounded = Bounded::exact(value);
                if let Source::Node(node) = info.source {
                    let node = &graph.nodes[node];
                    let output = expected.len() - node.outputs[0].index;
                    if let Some(error) =
                        error(graph, node, output, &bounded.value, &expected, method)
                    {
                        bounded.error = error;
                    }
                    if info.ty.dtype == DType::F16 {
                        bounded.error = bounded.value.zip(&bounded.error, half_error);
                    }
                }
                Expected::Within(info.ty.dtype, bounded)
            }
        });
    }
    expected
}

/// Bound of one output of a node; `None` if it is exact.
fn error(
    graph: &Graph,
    node: &Node,
    output: usize,
    value: &Array<'static, f64>,
    expected: &[Expected],
    method: Option<Moments>,
) -> Option<Array<'static, f64>> {
    let empty = Bounded::exact(Array::new([0], Vec::new()));
    let inputs = node
        .inputs
        .iter()
        .map(|input| match &expected[input.index] {
            Expected::Within(_, bounded) => bounded,
            Expected::Equal(_) => &empty,
        });
    let selects = matches!(
        node.op,
        Op::Concat(_) | Op::Copy(_) | Op::Interpolate(_) | Op::MaxPool(_) | Op::Relu(_)
    );
    let inputs: Vec<Cow<'_, Bounded>> = inputs
        .map(|input| match selects {
            true => Cow::Borrowed(input),
            false => Cow::Owned(input.flushed()),
        })
        .collect();
    let inputs: Vec<&Bounded> = inputs.iter().map(AsRef::as_ref).collect();
    Some(match &node.op {
        Op::Add(_) => add::bound(inputs[0], inputs[1]),
        Op::AvgPool(layer) => avg_pool::bound(layer, inputs[0], value),
        Op::BatchNorm(layer) => {
            let method = method.unwrap_or_else(|| device_moments(graph, node.inputs[0]));
            batch_norm::bound(layer, &inputs, output, value, method)
        }
        Op::Cast(_) => cast::bound(inputs[0]),
        Op::Concat(_) => concat::bound(&inputs),
        Op::Conv(layer) => conv::bound(layer, inputs[0], inputs[1], inputs.get(2).copied()),
        Op::Copy(_) => inputs[0].error.clone(),
        Op::Interpolate(layer) => interpolate::bound(layer, inputs[0]),
        Op::MaxPool(layer) => max_pool::bound(layer, inputs[0]),
        Op::Normalize(_) => return None,
        Op::Relu(_) => relu::bound(inputs[0]),
        Op::Sigmoid(_) => sigmoid::bound(inputs[0], value),
    })
}

/// How the kernels find the moments of a value: a convolution that computes it may make them.
fn device_moments(graph: &Graph, x: graph::Value) -> Moments {
    let ty = &graph.values[x.index].ty;
    let own = moments_depth(ty);
    let made = if is_of_conv(graph, x) {
        made_depth(ty)
    } else {
        0
    };
    Moments {
        depth: own.max(made),
        pivot: true,
        folded: false,
    }
}

/// Whether a convolution may compute the value, with what a kernel does on its way out.
fn is_of_conv(graph: &Graph, x: graph::Value) -> bool {
    let mut behind = vec![x];
    let mut seen = BTreeSet::new();
    while let Some(value) = behind.pop() {
        let Source::Node(index) = graph.values[value.index].source else {
            continue;
        };
        let node = &graph.nodes[index];
        match &node.op {
            Op::Conv(_) => return true,
            Op::Add(_) if seen.insert(index) => behind.extend(&node.inputs),
            Op::BatchNorm(_) | Op::Relu(_) if seen.insert(index) => behind.push(node.inputs[0]),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_grows_with_the_roundings_and_ends_at_infinity() {
        assert!(gamma(0) <= 0.0);
        assert!(gamma(1) > EPSILON && gamma(1) < 1.001 * EPSILON);
        assert!(gamma(2) > 2.0 * EPSILON);
        assert!(gamma(1 << 23).is_infinite());
    }

    #[test]
    fn what_a_device_may_flush_has_an_error() {
        let mut x = Bounded::exact(Array::new([4], vec![0.0, 1e-40, -1e-40, TINY]));
        assert_eq!(*x.flushed().error.data, [0.0, TINY, TINY, 0.0]);
        x.error.data.to_mut().fill(1e-44);
        assert!(!x.flushed().error.data.iter().any(|&error| error < TINY));
    }

    #[test]
    fn storage_in_f16_adds_half_a_unit_and_nothing_to_what_it_holds() {
        let unit = 1.0 / 1024.0;
        assert!(half_error(1.0 + unit, 0.0) <= 0.0);
        for value in [1.0 + 0.25 * unit, -1.9, 3e-6, 65519.0] {
            let lost = (f16::from_f64(value).to_f64() - value).abs();
            let error = half_error(value, 0.0);
            assert!(
                lost <= error && error < 2.1 * lost.max(0.45 * error),
                "{value}: {lost}, {error}"
            );
        }
        assert!(half_error(1.0, 1e-3) > 1e-3 + 0.49 * unit);
        assert!(half_error(65519.0, 2.0).is_infinite());
    }

    #[test]
    fn only_sums_of_small_integers_are_exact() {
        let bounded = |value: f64| Bounded::exact(Array::new([1], vec![value]));
        assert!(is_exact_sum(&[&bounded(3.0)], 1e6));
        assert!(!is_exact_sum(&[&bounded(3.0)], 16_777_216.0));
        assert!(!is_exact_sum(&[&bounded(3.5)], 1e6));
        assert!(!is_exact_sum(&[&bounded(f64::NAN)], 1e6));
        let mut inexact = bounded(3.0);
        inexact.error = Array::new([1], vec![0.5]);
        assert!(!is_exact_sum(&[&inexact], 1e6));
    }
}
