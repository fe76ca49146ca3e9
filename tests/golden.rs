//! The CPU path against PyTorch: every case of every file in `tests/golden`, which `generate.py` there has made.
//!
//! PyTorch's answer and the f32 path's are both held against the f64 oracle and its bound. A wrong oracle shows as a
//! wrong PyTorch. NaN payloads are not compared.

#[path = "golden/case.rs"]
mod case;

use case::{Case, Tested, folder, is_output, load};
use half::f16;
use std::collections::BTreeSet;
use std::panic::catch_unwind;
use wgcnn::check::Comparison;
use wgcnn::cpu::{self, Expected, Moments};
use wgcnn::{DType, Tensor, Variables};

/// One test per file, so that they run side by side.
macro_rules! golden_tests {
    ($($op:ident)*) => {
        /// Every file of the folder.
        const OPS: &[&str] = &[$(stringify!($op)),*];

        $(#[test]
        fn $op() -> Tested {
            check_file(stringify!($op))
        })*
    };
}

golden_tests!(add avg_pool batch_norm cast concat conv interpolate max_pool normalize relu sigmoid unit);

/// The fewest cases that a file may have.
const FEWEST: usize = 6;

/// A tensor of a run by its name in the file, with who made it and what it must be.
type Compared = (String, &'static str, Expected, Tensor);

impl Case {
    /// Runs the case; every tensor that PyTorch answered with is in the list.
    fn compared(&self) -> Tested<Vec<Compared>> {
        let graph = self.graph()?;
        let variables = Variables::initial(&graph);
        let inputs: Vec<_> = self
            .given()
            .filter(|(key, _)| !self.is_updated(key))
            .collect();
        let expect = |method| cpu::expect(&graph, &variables, &inputs, Some(method));
        let (pytorch, path) = (expect(Moments::PYTORCH)?, expect(Moments::CPU)?);
        let got = cpu::run(&graph, &variables, inputs.iter().copied())?;
        let mut compared = Vec::new();
        for ((name, pytorch), (_, path)) in pytorch.0.into_iter().zip(path.0) {
            let (answer, got) = (self.tensor(&name)?.clone(), got[name.as_str()].clone());
            compared.push((name.clone(), "PyTorch", pytorch, answer));
            compared.push((name, "the f32 path", path, got));
        }
        for ((name, pytorch), (_, path)) in pytorch.1.into_iter().zip(path.1) {
            let (key, got) = (format!("{name}_after"), variables.get(&name)?);
            compared.push((key.clone(), "PyTorch", pytorch, self.tensor(&key)?.clone()));
            compared.push((key, "the f32 path", path, got));
        }
        let answers = self.tensors.keys().filter(|key| is_output(key)).count();
        assert_eq!(
            compared.len(),
            2 * answers,
            "{}: outputs compared",
            self.name
        );
        Ok(compared)
    }

    /// What is wrong, in words.
    fn failures(&self) -> Tested<Vec<String>> {
        let mut failures = Vec::new();
        for (name, who, expected, tensor) in self.compared()? {
            let mut comparison = Comparison::default();
            comparison.add(&name, &expected, &tensor);
            let wrong = comparison.wrong.iter();
            failures.extend(wrong.map(|wrong| format!("{}: {who}: {wrong}", self.name)));
        }
        Ok(failures)
    }
}

/// Runs every case of a file and reports all that is wrong at once.
fn check_file(op: &str) -> Tested {
    let cases = load(op)?;
    assert!(cases.len() >= FEWEST, "{op}: only {} cases", cases.len());
    let (mut ran, mut failures) = (0, Vec::new());
    for case in &cases {
        match catch_unwind(|| case.failures().map_err(|error| error.to_string())) {
            Ok(Ok(wrong)) => {
                ran += 1;
                failures.extend(wrong);
            }
            Ok(Err(error)) => failures.push(format!("{}: {error}", case.name)),
            Err(_) => failures.push(format!("{}: a panic, printed above", case.name)),
        }
    }
    let report = failures.join("\n");
    assert!(
        failures.is_empty(),
        "{op}: {} wrong:\n{report}",
        failures.len()
    );
    assert_eq!(ran, cases.len(), "{op}: cases that ran");
    Ok(())
}

/// An element that the comparison must refuse where `pytorch` is right: beyond the bound, or one bit off where there
/// is none; a finite number where infinity or NaN is right.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the values are compared as f32"
)]
fn wrong_element(value: f64, bound: f64, pytorch: f32) -> f32 {
    if !(value as f32).is_finite() {
        1.0
    } else if bound > 0.0 {
        // Where the bound is below the spacing of the floats, the next float.
        ((value + 2.0 * bound) as f32).max((value as f32).next_up())
    } else {
        f32::from_bits(pytorch.to_bits() ^ 1)
    }
}

/// As [`wrong_element`], of f16.
fn wrong_half(value: f64, bound: f64, pytorch: f16) -> f32 {
    let nearest = f16::from_f64(value);
    if !nearest.is_finite() {
        1.0
    } else if bound > 0.0 {
        let above = f16::from_f64(value + 2.0 * bound).to_f32();
        above.max(f16::from_bits((nearest.to_bits() & 0x7fff) + 1).to_f32())
    } else {
        f16::from_bits(pytorch.to_bits() ^ 1).to_f32()
    }
}

/// The places of `compared` at which a wrong element is accepted.
fn accepted((name, _, expected, pytorch): &Compared) -> Tested<Vec<String>> {
    let (Expected::Within(dtype, bounded), Some(data)) = (expected, pytorch.to_f32()) else {
        return Ok(Vec::new());
    };
    let mut accepted = Vec::new();
    for index in (0..data.len()).rev().step_by((data.len() / 32).max(1)) {
        let (value, bound) = (bounded.value.data[index], bounded.error.data[index]);
        let mut data = data.to_vec();
        let wrong = match dtype {
            DType::F16 => wrong_half(value, bound, f16::from_f32(data[index])),
            _ => wrong_element(value, bound, data[index]),
        };
        data[index] = wrong;
        let mut comparison = Comparison::default();
        let tensor = Tensor::new(pytorch.shape(), data)?.cast(*dtype);
        comparison.add(name, expected, &tensor.ok_or("no floats")?);
        if comparison.wrong.is_none() {
            accepted.push(format!(
                "{name}[{index}]: {wrong:e} for {value:e} +- {bound:e}"
            ));
        }
    }
    Ok(accepted)
}

#[test]
fn one_wrong_element_of_any_case_is_found() -> Tested {
    let mut failures = Vec::new();
    for op in OPS {
        for case in load(op)? {
            for compared in case.compared()? {
                let accepted = accepted(&compared)?;
                failures.extend(
                    accepted
                        .iter()
                        .map(|place| format!("{} {place}", case.name)),
                );
            }
        }
    }
    let report = failures.join("\n");
    assert!(
        failures.is_empty(),
        "{} accepted:\n{report}",
        failures.len()
    );
    Ok(())
}

#[test]
fn a_nan_another_shape_another_type_and_another_counter_are_found() -> Tested {
    let cases = load("batch_norm")?;
    let case = cases
        .iter()
        .find(|case| case.name == "batch_norm/nchw_train");
    let compared = case.ok_or("no such case")?.compared()?;
    let refused = |key: &str, tensor: Tensor| {
        let found = compared.iter().find(|(name, ..)| name == key);
        let mut comparison = Comparison::default();
        if let Some((name, _, expected, _)) = found {
            comparison.add(name, expected, &tensor);
        }
        comparison.wrong.is_some()
    };
    assert!(
        refused("y", Tensor::new([2, 3, 4, 5], vec![f32::NAN; 120])?),
        "NaN"
    );
    assert!(
        refused("y", Tensor::new([2, 3, 20], vec![0.0f32; 120])?),
        "a shape"
    );
    assert!(
        refused("y", Tensor::new([2, 3, 4, 5], vec![0u8; 120])?),
        "a type"
    );
    let key = "num_batches_tracked_after";
    assert!(!refused(key, Tensor::counter(8)), "7 batches and one more");
    assert!(
        refused(key, Tensor::counter(7)),
        "a counter that did not count"
    );
    Ok(())
}

#[test]
fn every_layer_but_copy_has_a_file() -> Tested {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(folder())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "safetensors")
        {
            let stem = path.file_stem().ok_or("a file without a name")?;
            files.insert(stem.to_string_lossy().into_owned());
        }
    }
    let tested: BTreeSet<String> = OPS.iter().map(|&op| op.to_owned()).collect();
    assert_eq!(files, tested, "files of the folder and tests of this file");
    let names = wgcnn::cases::NAMES
        .into_iter()
        .filter(|name| !["copy", "fusion"].contains(name));
    assert_eq!(
        names.map(str::to_owned).collect::<BTreeSet<_>>(),
        tested,
        "layers"
    );
    Ok(())
}
