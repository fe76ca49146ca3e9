//! Bad input: each row of one table is a mistake, the error that it must be, and what the message must say. A mistake
//! never panics and never gives numbers.

/// Rows: the variant, the mistake in words, parts of the message, and a function that makes the mistake in an empty
/// graph.
macro_rules! rows {
    ($($kind:ident $what:literal [$($says:literal),*] $mistake:expr;)*) => {
        vec![$($crate::Row {
            what: $what,
            kind: $kind,
            says: &[$($says),*],
            mistake: $mistake,
        }),*]
    };
}

#[path = "errors/layers.rs"]
mod layers;
#[path = "errors/runs.rs"]
mod runs;

use std::panic::catch_unwind;
use wgcnn::{DType, Error, Graph, Result, Value};

/// Whether an error is of the expected variant.
type Kind = fn(&Error) -> bool;

const ATTRIBUTE: Kind = |error| matches!(error, Error::Attribute { .. });
const DUPLICATE: Kind = |error| matches!(error, Error::DuplicateName { .. });
const FOREIGN: Kind = |error| matches!(error, Error::ForeignValue { .. });
const LIMIT: Kind = |error| matches!(error, Error::Limit { .. });
const MISSING: Kind = |error| matches!(error, Error::Missing { .. });
const SHAPE: Kind = |error| matches!(error, Error::Shape { .. });
const UNKNOWN: Kind = |error| matches!(error, Error::Unknown { .. });
const UNSUPPORTED: Kind = |error| matches!(error, Error::Unsupported { .. });

/// One mistake.
struct Row {
    what: &'static str,
    kind: Kind,
    /// Parts of the message: the node, what was expected, what came.
    says: &'static [&'static str],
    /// Makes the mistake, in an empty graph.
    mistake: fn(&mut Graph) -> Result<()>,
}

impl Row {
    /// What is wrong with the error, if anything.
    fn failure(&self) -> Option<String> {
        let what = self.what;
        let Ok(result) = catch_unwind(|| (self.mistake)(&mut Graph::new())) else {
            return Some(format!("{what}: a panic, printed above"));
        };
        let Err(error) = result else {
            return Some(format!("{what}: no error"));
        };
        if !(self.kind)(&error) {
            return Some(format!("{what}: another variant, {error:?}"));
        }
        let message = error.to_string();
        let silent = self.says.iter().find(|part| !message.contains(**part));
        silent.map(|part| format!("{what}: does not say {part:?}: {message}"))
    }
}

/// The input `x`, f32.
fn x(graph: &mut Graph, shape: &[usize]) -> Result<Value> {
    graph.input("x", shape, DType::F32)
}

#[test]
fn bad_input_is_a_typed_error_that_says_where_what_was_expected_and_what_came() {
    let tables = [
        layers::windows(),
        layers::attribute_lengths(),
        layers::convolutions(),
        layers::batch_norms(),
        layers::batch_norm_states(),
        layers::samplings(),
        layers::pictures_and_sums(),
        runs::sizes(),
        runs::limits(),
        runs::names(),
        runs::foreign_values(),
        runs::feeds(),
        runs::variables(),
        runs::files(),
    ];
    let rows: Vec<Row> = tables.into_iter().flatten().collect();
    let failures: Vec<String> = rows.iter().filter_map(Row::failure).collect();
    let (wrong, all, report) = (failures.len(), rows.len(), failures.join("\n"));
    assert!(failures.is_empty(), "{wrong} of {all} rows:\n{report}");
}

/// Declares one input twice.
fn twice(graph: &mut Graph) -> Result<()> {
    x(graph, &[1])?;
    x(graph, &[1]).map(drop)
}

#[test]
fn the_table_can_fail() {
    let wrong = rows! {
        SHAPE "no mistake" [] |g| x(g, &[1]).map(drop);
        SHAPE "another variant" [] twice;
        DUPLICATE "another text" ["a text that is not there"] twice;
        SHAPE "a panic" [] |g| {
            let value = x(g, &[1])?;
            assert!(g.ty(value)?.shape.is_empty(), "a panic that this test wants");
            Ok(())
        };
    };
    for row in &wrong {
        assert!(row.failure().is_some(), "{} is not found", row.what);
    }
    let right = rows! { DUPLICATE "a mistake" ["input", "\"x\""] twice; };
    assert_eq!(right[0].failure(), None);
}
