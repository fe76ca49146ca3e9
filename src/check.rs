//! Checking results: the comparer, and a case on a device against the oracle.

use crate::cases::Case;
use crate::cpu::{Expected, Moments, expect, half_error};
use crate::device::Device;
use crate::error::Result;
use crate::plan::{Options, Plan};
use crate::session::{Outputs, Session};
use crate::tensor::{DType, Tensor, TensorType};
use crate::variables::Variables;
use half::f16;
use std::fmt;

/// The first element that is wrong.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// Output or variable, and the element's index.
    pub place: String,
    /// What the oracle says.
    pub expected: String,
    /// What came.
    pub got: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: expected {}, got {}",
            self.place, self.expected, self.got
        )
    }
}

/// What an element must be.
struct Element {
    value: f64,
    bound: f64,
    dtype: DType,
}

impl Element {
    /// The value rounded to its type.
    fn rounded(&self) -> f32 {
        match self.dtype {
            DType::F16 => f16::from_f64(self.value).to_f32(),
            #[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose")]
            _ => self.value as f32,
        }
    }

    /// Whether the only error that the result may have is that of storage: then it is the nearest number of its type.
    fn is_nearest(&self) -> bool {
        match self.dtype {
            DType::F16 => self.bound <= half_error(self.value, 0.0),
            _ => self.bound <= 0.0,
        }
    }
}

/// Result of comparing tensors with what they must be.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Elements compared.
    pub elements: usize,
    /// Elements equal to the oracle's value rounded to the type.
    pub exact: usize,
    /// Largest |error| / bound of the elements that have a bound; at most 1 if nothing is wrong.
    pub worst: f64,
    /// Largest |error|.
    pub largest_error: f64,
    /// The bound at that element.
    pub bound_there: f64,
    /// The first wrong element, if any.
    pub wrong: Option<Wrong>,
}

impl Comparison {
    /// Of a case that could not be run.
    #[must_use]
    pub fn failed(error: &crate::Error) -> Self {
        let mut comparison = Self::default();
        comparison.fail("run".to_owned(), "a result".to_owned(), error.to_string());
        comparison
    }

    /// Compares one tensor.
    pub fn add(&mut self, name: &str, expected: &Expected, got: &Tensor) {
        match expected {
            Expected::Within(dtype, bounded) => {
                let ty = TensorType {
                    shape: bounded.value.shape.clone(),
                    dtype: *dtype,
                };
                let Some(data) = got.to_f32().filter(|_| got.ty() == ty) else {
                    return self.fail(name.to_owned(), ty.to_string(), got.ty().to_string());
                };
                let pairs = bounded.value.data.iter().zip(bounded.error.data.iter());
                for (index, ((&value, &error), &got)) in pairs.zip(data.iter()).enumerate() {
                    let element = Element {
                        value,
                        bound: error,
                        dtype: *dtype,
                    };
                    self.element(name, index, &element, got);
                }
            }
            Expected::Equal(tensor) => {
                self.elements += 1;
                if tensor == got {
                    self.exact += 1;
                } else {
                    self.fail(name.to_owned(), format!("{tensor:?}"), format!("{got:?}"));
                }
            }
        }
    }

    fn element(&mut self, name: &str, index: usize, element: &Element, got: f32) {
        let Element { value, bound, .. } = *element;
        self.elements += 1;
        let rounded = element.rounded();
        if rounded.to_bits() == got.to_bits() || (value.is_nan() && got.is_nan()) {
            self.exact += 1;
            return;
        }
        let error = (f64::from(got) - value).abs();
        // Not `error > bound`: that would accept a NaN. Nothing but itself is near an infinity.
        if value.is_finite() && !element.is_nearest() && error <= bound {
            self.worst = self.worst.max(error / bound);
            if error > self.largest_error {
                (self.largest_error, self.bound_there) = (error, bound);
            }
        } else {
            let expected = if value.is_finite() && !element.is_nearest() {
                format!("{value:e} +- {bound:e}")
            } else {
                format!("exactly {rounded:e} ({:#010x})", rounded.to_bits())
            };
            let got = format!("{got:e} ({:#010x})", got.to_bits());
            self.fail(format!("{name}[{index}]"), expected, got);
        }
    }

    fn fail(&mut self, place: String, expected: String, got: String) {
        self.worst = f64::INFINITY;
        self.wrong.get_or_insert(Wrong {
            place,
            expected,
            got,
        });
    }

    /// True if every element is equal to the oracle's value rounded to its type.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.wrong.is_none() && self.exact == self.elements
    }
}

/// Compares the outputs of a run, and the variables after it, with what they must be.
fn compare(
    expected: &[(String, Expected)],
    got: impl Fn(&str) -> Result<Option<Tensor>>,
    comparison: &mut Comparison,
) -> Result<()> {
    for (name, expected) in expected {
        match got(name)? {
            Some(tensor) => comparison.add(name, expected, &tensor),
            None => comparison.fail(name.clone(), "an output".to_owned(), "none".to_owned()),
        }
    }
    Ok(())
}

fn feeds(inputs: &[(String, Tensor)]) -> Vec<(&str, &Tensor)> {
    inputs
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor))
        .collect()
}

/// Runs a case on a device and compares it with the oracle.
///
/// It runs twice: with a sentinel in all temporaries and behind every tensor, and as users run it, with memory reused, which
/// holds the sentinel before; the two must agree to the bit. Where the plan has fused nodes, so does the one that has not.
///
/// # Errors
/// What preparing or running the case reports.
pub fn on_device(device: &Device, case: &Case) -> Result<Comparison> {
    on_device_altered(device, case, |_| {})
}

/// As [`on_device`], after `alter` has changed the plans: the check of the check.
///
/// # Errors
/// As [`on_device`].
pub fn on_device_altered(
    device: &Device,
    case: &Case,
    alter: impl Fn(&mut Plan),
) -> Result<Comparison> {
    let inputs = case.inputs();
    let feeds = feeds(&inputs);
    let (outputs, updates) = expect(&case.graph, &case.variables(), &feeds, None)?;
    let expected = (&outputs, &updates);
    let plan = |options: Options| Plan::new(&case.graph, device.limits(), options);
    let session = |variables: &Variables, options: Options| {
        let mut plan = plan(options)?;
        alter(&mut plan);
        Session::with_plan(device, plan, variables)
    };
    let mut comparison = Comparison::default();
    on_plans(case, &feeds, expected, session, &mut comparison)?;
    let unfused = |options| Options {
        fuse: false,
        ..options
    };
    let options = Options::default();
    if plan(options)?.dispatches != plan(unfused(options))?.dispatches {
        let session = |variables: &Variables, options| session(variables, unfused(options));
        on_plans(case, &feeds, expected, session, &mut comparison)?;
    }
    Ok(comparison)
}

/// What outputs or variables must be, by name.
type Expectations = Vec<(String, Expected)>;

/// Runs the checked plan of a case and the one of users, and compares them with what `expect` says and with each other.
fn on_plans(
    case: &Case,
    feeds: &[(&str, &Tensor)],
    (outputs, updates): (&Expectations, &Expectations),
    session: impl Fn(&Variables, Options) -> Result<Session>,
    comparison: &mut Comparison,
) -> Result<()> {
    let after = case.variables();
    let mut checked = session(&after, Options::CHECKED)?;
    checked.poison()?;
    let got = checked.run(feeds.iter().copied())?;
    compare(outputs, |name| Ok(got.get(name).cloned()), comparison)?;
    compare(updates, |name| after.get(name).map(Some), comparison)?;
    for (label, word) in checked.stray_stores()? {
        let place = format!("behind {label}");
        comparison.fail(
            place,
            "an untouched sentinel".to_owned(),
            format!("{word:#010x}"),
        );
    }

    let variables = case.variables();
    let mut plain = session(&variables, Options::default())?;
    plain.poison()?;
    for run in ["with memory reused", "a second time"] {
        // Without its variables' old values a second run is another run.
        if run == "a second time" && !updates.is_empty() {
            break;
        }
        if let Some(difference) = difference(&got, &plain.run(feeds.iter().copied())?) {
            comparison.fail(
                format!("{difference} {run}"),
                "the same bits".to_owned(),
                "others".to_owned(),
            );
        }
    }
    for (name, _) in updates {
        if after.get(name)?.bytes() != variables.get(name)?.bytes() {
            let place = format!("{name} with memory reused");
            comparison.fail(place, "the same bits".to_owned(), "others".to_owned());
        }
    }
    Ok(())
}

/// The first output whose bits differ.
fn difference(a: &Outputs, b: &Outputs) -> Option<String> {
    let differ = |((name, a), (_, b)): ((&str, &Tensor), (&str, &Tensor))| {
        (a.bytes() != b.bytes()).then(|| name.to_owned())
    };
    a.iter().zip(b.iter()).find_map(differ)
}

/// Runs a case on the CPU path in f32 and compares it with the oracle.
///
/// # Errors
/// What running the case reports.
pub fn on_cpu(case: &Case) -> Result<Comparison> {
    let inputs = case.inputs();
    let feeds = feeds(&inputs);
    let variables = case.variables();
    let (outputs, updates) = expect(&case.graph, &variables, &feeds, Some(Moments::CPU))?;
    let got = crate::cpu::run(&case.graph, &variables, feeds.iter().copied())?;
    let mut comparison = Comparison::default();
    compare(&outputs, |name| Ok(got.get(name).cloned()), &mut comparison)?;
    compare(
        &updates,
        |name| variables.get(name).map(Some),
        &mut comparison,
    )?;
    Ok(comparison)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Array, Bounded};
    use crate::tensor::Data;
    use std::borrow::Cow;

    /// Whether the comparer accepts `got` where an f32 `value` with `bound` is expected.
    fn accepts(value: f64, bound: f64, got: f32) -> bool {
        accepts_of(DType::F32, value, bound, got)
    }

    fn accepts_of(dtype: DType, value: f64, bound: f64, got: f32) -> bool {
        let array = |value: f64| Array {
            shape: vec![1],
            data: Cow::Owned(vec![value]),
        };
        let bounded = Bounded {
            value: array(value),
            error: array(bound),
        };
        let expected = Expected::Within(dtype, bounded);
        let mut comparison = Comparison::default();
        let got = Tensor::dense(vec![1], Data::F32(vec![got])).cast(dtype);
        if let Some(got) = &got {
            comparison.add("y", &expected, got);
        }
        assert_eq!(comparison.elements, 1);
        comparison.wrong.is_none()
    }

    #[test]
    fn a_bound_of_zero_asks_for_equal_bits() {
        assert!(accepts(0.5, 0.0, 0.5));
        assert!(!accepts(0.5, 0.0, 0.5f32.next_up()));
        assert!(accepts(-0.0, 0.0, -0.0));
        assert!(!accepts(-0.0, 0.0, 0.0));
        assert!(!accepts(0.5, 0.0, f32::from_bits(0x7fc5_a5a5)));
    }

    #[test]
    fn a_bound_is_kept_on_both_sides() {
        assert!(accepts(1.0, 0.25, 1.25) && accepts(1.0, 0.25, 0.75));
        assert!(!accepts(1.0, 0.25, 1.26) && !accepts(1.0, 0.25, 0.74));
        assert!(!accepts(1.0, 0.25, f32::NAN));
        assert!(!accepts(1.0, f64::NAN, 2.0));
    }

    #[test]
    fn nan_and_infinity_are_met_by_themselves_only() {
        assert!(accepts(f64::NAN, 0.0, f32::NAN) && accepts(f64::NAN, 1.0, -f32::NAN));
        assert!(!accepts(f64::NAN, f64::INFINITY, 1.0));
        assert!(accepts(f64::INFINITY, f64::INFINITY, f32::INFINITY));
        assert!(!accepts(f64::INFINITY, f64::INFINITY, f32::NEG_INFINITY));
        assert!(!accepts(f64::INFINITY, f64::INFINITY, 1.0));
    }

    #[test]
    fn storage_in_f16_alone_asks_for_the_nearest() {
        let unit = 1.0 / 1024.0;
        let tie = 1.0 + 1.5 * unit;
        let step = 1.0f32 / 1024.0;
        let [below, above] = [1.0 + step, 1.0 + 2.0 * step];
        let accepts = |bound, got| accepts_of(DType::F16, tie, bound, got);
        assert!(accepts(half_error(tie, 0.0), above) && !accepts(half_error(tie, 0.0), below));
        // What was inexact before may have been on either side.
        assert!(accepts(half_error(tie, 1e-7), above) && accepts(half_error(tie, 1e-7), below));
        assert!(accepts_of(DType::F16, 70_000.0, 0.0, f32::INFINITY));
        assert!(!accepts_of(DType::F16, 70_000.0, 0.0, 65_504.0));
    }

    #[test]
    fn another_shape_or_dtype_is_wrong() {
        let expected = Expected::Equal(Tensor::counter(3));
        let mut comparison = Comparison::default();
        comparison.add("n", &expected, &Tensor::counter(3));
        assert!(comparison.is_exact());
        comparison.add("n", &expected, &Tensor::counter(4));
        assert!(comparison.wrong.is_some());
    }
}
