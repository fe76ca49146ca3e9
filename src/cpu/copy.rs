//! The input.

use super::array::{Array, Scalar, Value};
use std::borrow::Cow;

/// The input.
pub(super) fn run<T: Scalar>(x: &Value<'_, T>) -> Value<'static, T> {
    match x {
        Value::Real(array) => Array::new(array.shape.clone(), array.data.to_vec()).into(),
        Value::Exact(tensor) => Value::Exact(Cow::Owned(tensor.clone().into_owned())),
    }
}
