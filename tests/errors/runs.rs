//! Mistakes in names, sizes, files, and in what a run is given.

use super::{DUPLICATE, FOREIGN, LIMIT, MISSING, Row, SHAPE, UNKNOWN, UNSUPPORTED, x};
use wgcnn::ops::{BatchNorm, BatchNormState, Conv, Interpolate};
use wgcnn::plan::{Limits, Options, Plan};
use wgcnn::{DType, Graph, Result, Tensor, Variables, cpu};

/// A vector of zeros.
fn zeros(length: usize) -> Result<Tensor> {
    Tensor::filled(length, 0.0)
}

pub(super) fn sizes() -> Vec<Row> {
    rows! {
        SHAPE "an input beyond usize" ["input \"x\"", "the address space", "f32 [18446744073709551615, 2, 2, 2]"]
            |g| x(g, &[usize::MAX, 2, 2, 2]).map(drop);
        SHAPE "an input beyond usize behind an extent of 0" ["input \"x\"", "the address space", "f32 [0, "]
            |g| x(g, &[0, usize::MAX, 2, 2]).map(drop);
        SHAPE "an input of more bytes than isize" ["input \"x\"", "the address space", "f32 [4611686018427387903]"]
            |g| x(g, &[usize::MAX / 4]).map(drop);
        SHAPE "an output beyond usize" ["interpolate.0", "the address space", "18446744073709551615, 2]"] |g| {
            let x = x(g, &[1, 1, 2, 2])?;
            g.interpolate(x, Interpolate::size([usize::MAX, 2])).map(drop)
        };
        SHAPE "a factor beyond usize" ["interpolate.0", "the address space", "18446744073709551615, 2]"] |g| {
            let x = x(g, &[1, 1, 2, 2])?;
            g.interpolate(x, Interpolate::scale_factor([1e300, 1.0])).map(drop)
        };
        UNSUPPORTED "padding beyond the kernels" ["conv.0", "padding", "268435456"] |g| {
            let x = x(g, &[1, 1, 2, 2])?;
            let weight = g.input("weight", [1, 1, 1, 1], DType::F32)?;
            g.conv(x, weight, None, Conv::new(2).padding([usize::MAX, 0])).map(drop)
        };
        SHAPE "a state of more channels than usize counts in bytes" ["tensor", "the address space", "1844674407370955161"]
            |g| BatchNormState::variables(g, "bn", usize::MAX, true).map(drop);
        SHAPE "a state of more channels than the host holds" ["tensor", "the memory of the host", "[1152921504606846976]"]
            |g| BatchNormState::variables(g, "bn", 1 << 60, true).map(drop);
        SHAPE "an output that the host cannot hold" ["interpolate.0", "the memory of the host", "f32 [1, 1, 1152921504606846976]"] |g| {
            let value = x(g, &[1, 1, 2])?;
            g.interpolate(value, Interpolate::size([1 << 60]))?;
            cpu::run(g, &Variables::new(), [("x", &Tensor::new([1, 1, 2], vec![0.0f32; 2])?)]).map(drop)
        };
        SHAPE "no tensor with tables that the host cannot hold" ["interpolate.0", "the memory of the host", "f32 [0, 1, 1125899906842624]"] |g| {
            let value = x(g, &[0, 1, 2])?;
            g.interpolate(value, Interpolate::size([1 << 50]))?;
            cpu::run(g, &Variables::new(), [("x", &Tensor::new([0, 1, 2], Vec::<f32>::new())?)]).map(drop)
        };
        SHAPE "a tensor of too few elements" ["tensor", "6 elements for shape [2, 3]", "got 5"]
            |_| Tensor::new([2, 3], vec![0.0f32; 5]).map(drop);
        SHAPE "a scalar without an element" ["tensor", "1 elements for shape []", "got 0"]
            |_| Tensor::new(Vec::<usize>::new(), Vec::<i64>::new()).map(drop);
        SHAPE "a tensor beyond usize" ["tensor", "the address space", "18446744073709551615, 2]"]
            |_| Tensor::new([usize::MAX, 2], vec![0u8; 4]).map(drop);
    }
}

/// Plans the graph for a small adapter.
fn plan(graph: &Graph, change: fn(&mut Limits)) -> Result<()> {
    let mut limits = Limits {
        adapter: "Tiny GPU".to_owned(),
        ..Limits::default()
    };
    change(&mut limits);
    Plan::new(graph, &limits, Options::default()).map(drop)
}

pub(super) fn limits() -> Vec<Row> {
    rows! {
        LIMIT "filters of long rows above a binding"
            ["conv.0", "constant", "needs 4608", "max_storage_buffer_binding_size", "Tiny GPU has 4095"] |g| {
            let x = x(g, &[1, 16, 2, 9])?;
            let weight = g.constant(Tensor::new([8, 16, 1, 9], vec![0f32; 1152])?);
            let y = g.conv(x, weight, None, Conv::new(2))?;
            g.output("y", y)?;
            plan(g, |limits| limits.max_storage_buffer_binding_size = 4095)
        };
        LIMIT "a row of all channels above a binding"
            ["conv.0", "input \"x\"", "max_storage_buffer_binding_size", "Tiny GPU has 4096"] |g| {
            let x = x(g, &[1, 8, 3, 256])?;
            let weight = g.constant(Tensor::new([2, 8, 1, 1], vec![0f32; 16])?);
            let y = g.conv(x, weight, None, Conv::new(2))?;
            g.output("y", y)?;
            plan(g, |limits| limits.max_storage_buffer_binding_size = 4096)
        };
        LIMIT "no workgroup" ["needs 1", "max_compute_workgroups_per_dimension", "Tiny GPU has 0"] |g| {
            let x = x(g, &[1024])?;
            g.relu(x)?;
            plan(g, |limits| limits.max_compute_workgroups_per_dimension = 0)
        };
        LIMIT "a guard above all" ["input \"x\"", "needs 18446744073709551615"] |g| {
            let x = x(g, &[1024])?;
            g.relu(x)?;
            let options = Options { reuse: false, guard: u64::MAX - 7, fuse: true };
            Plan::new(g, &Limits::default(), options).map(drop)
        };
        LIMIT "a tensor above a buffer" ["input \"x\"", "needs 4096", "max_buffer_size", "Tiny GPU has 4095"] |g| {
            let x = x(g, &[1024])?;
            g.relu(x)?;
            plan(g, |limits| limits.max_buffer_size = 4095)
        };
        LIMIT "constants above a buffer" ["constant 0", "needs 4096", "max_buffer_size", "Tiny GPU has 4095"] |g| {
            let constant = g.constant(zeros(1024)?);
            let y = g.relu(constant)?;
            g.output("y", y)?;
            plan(g, |limits| limits.max_buffer_size = 4095)
        };
        LIMIT "too many storage buffers"
            ["add.0", "needs 6", "max_storage_buffers_per_shader_stage", "Tiny GPU has 2"] |g| {
            let (a, b) = (x(g, &[4])?, g.input("b", [4], DType::F32)?);
            let y = g.add(a, b)?;
            g.output("y", y)?;
            plan(g, |limits| limits.max_storage_buffers_per_shader_stage = 2)
        };
        LIMIT "too many storage buffers for batch norm"
            ["batch_norm.0", "max_storage_buffers_per_shader_stage", "Tiny GPU has 2"] |g| {
            let x = x(g, &[2, 3, 4])?;
            let state = BatchNormState::variables(g, "bn", 3, true)?;
            g.batch_norm(x, &state, BatchNorm::train())?;
            plan(g, |limits| limits.max_storage_buffers_per_shader_stage = 2)
        };
        LIMIT "a tensor above the defaults of WebGPU" ["input \"x\"", "needs 268500992", "has 268435456"] |g| {
            let x = x(g, &[1, 2, 8192, 4096 + 1])?;
            g.relu(x)?;
            plan(g, |_| {})
        };
        LIMIT "more elements than 32 bits count" ["input \"x\"", "needs 17179869184", "has 2147483648"] |g| {
            let x = x(g, &[65_536, 65_536])?;
            g.relu(x)?;
            plan(g, |limits| {
                limits.max_storage_buffer_binding_size = u64::MAX;
                limits.max_buffer_size = u64::MAX;
            })
        };
    }
}

pub(super) fn names() -> Vec<Row> {
    rows! {
        DUPLICATE "an input twice" ["input \"x\"", "twice"] super::twice;
        DUPLICATE "a variable twice" ["variable \"v\"", "twice"] |g| {
            g.variable("v", zeros(1)?)?;
            g.variable("v", zeros(2)?).map(drop)
        };
        DUPLICATE "a batch norm's variables twice" ["variable \"bn.running_mean\"", "twice"] |g| {
            BatchNormState::variables(g, "bn", 3, false)?;
            BatchNormState::variables(g, "bn", 3, false).map(drop)
        };
        DUPLICATE "an output twice" ["output \"y\"", "twice"] |g| {
            let x = x(g, &[1])?;
            g.output("y", x)?;
            g.output("y", x)
        };
        DUPLICATE "a variable assigned twice" ["assigned variable \"v\"", "twice"] |g| {
            let (x, v) = (x(g, &[1])?, g.variable("v", zeros(1)?)?);
            g.assign(v, x)?;
            g.assign(v, x)
        };
        UNKNOWN "a case that does not exist" ["no case \"max_pool/nope\""]
            |_| wgcnn::cases::find("max_pool/nope").map(drop);
    }
}

pub(super) fn foreign_values() -> Vec<Row> {
    rows! {
        FOREIGN "a value that only the original of a clone has" ["output \"y\"", "another graph"] |g| {
            let x = x(g, &[2, 3])?;
            let mut clone = g.clone();
            let y = g.relu(x)?;
            clone.sigmoid(x)?;
            clone.output("y", y)
        };
        FOREIGN "a value that only the clone has" ["output \"y\"", "another graph"] |g| {
            let x = x(g, &[2, 3])?;
            let mut clone = g.clone();
            let y = clone.relu(x)?;
            g.sigmoid(x)?;
            g.output("y", y)
        };
        SHAPE "assign: type" ["assign to \"v\"", "expected f32 [2]", "got f32 [1]"] |g| {
            let (x, v) = (x(g, &[1])?, g.variable("v", zeros(2)?)?);
            g.assign(v, x)
        };
        SHAPE "assign to an input" ["assign", "a variable", "another value"] |g| {
            let (x, v) = (x(g, &[1])?, g.variable("v", zeros(1)?)?);
            g.assign(x, v)
        };
        FOREIGN "a value of another graph" ["relu.0", "another graph"] |g| {
            x(g, &[1])?;
            let foreign = x(&mut Graph::new(), &[1])?;
            g.relu(foreign).map(drop)
        };
        FOREIGN "a value of a clone that has grown" ["relu.0", "another graph"] |g| {
            let grown = x(&mut g.clone(), &[1])?;
            g.relu(grown).map(drop)
        };
        FOREIGN "an output of another graph" ["output \"y\"", "another graph"] |g| {
            x(g, &[1])?;
            let foreign = x(&mut Graph::new(), &[1])?;
            g.output("y", foreign)
        };
        FOREIGN "assign a value of another graph" ["assign", "another graph"] |g| {
            let v = g.variable("v", zeros(1)?)?;
            let foreign = x(&mut Graph::new(), &[1])?;
            g.assign(v, foreign)
        };
        FOREIGN "the type of a value of another graph" ["another graph"] |g| {
            x(g, &[1])?;
            let foreign = x(&mut Graph::new(), &[1])?;
            g.ty(foreign).map(drop)
        };
    }
}

/// `relu(x)` of two elements on the CPU, given these inputs; f32 and f64 see the same mistake.
fn run(graph: &mut Graph, inputs: &[(&str, &Tensor)]) -> Result<()> {
    let x = x(graph, &[2])?;
    let y = graph.relu(x)?;
    graph.output("y", y)?;
    let variables = Variables::initial(graph);
    let ran = cpu::run(graph, &variables, inputs.iter().copied());
    let oracle = cpu::expect(graph, &variables, inputs, None);
    assert_eq!(ran.is_ok(), oracle.is_ok(), "the two precisions agree");
    ran.map(drop)
}

pub(super) fn feeds() -> Vec<Row> {
    rows! {
        MISSING "a missing input" ["input \"x\" is missing"]
            |g| run(g, &[]);
        UNKNOWN "an unknown input" ["no input \"z\"", "known: x"]
            |g| run(g, &[("x", &zeros(2)?), ("z", &zeros(2)?)]);
        DUPLICATE "an input fed twice" ["input \"x\"", "twice"]
            |g| run(g, &[("x", &zeros(2)?), ("x", &zeros(2)?)]);
        SHAPE "an input of another shape" ["input \"x\"", "expected f32 [2]", "got f32 [3]"]
            |g| run(g, &[("x", &zeros(3)?)]);
        SHAPE "an input of another type" ["input \"x\"", "expected f32 [2]", "got u8 [2]"]
            |g| run(g, &[("x", &Tensor::new([2], vec![0u8; 2])?)]);
    }
}

/// A run of a graph with the variable `v` of two elements.
fn run_with(graph: &mut Graph, variables: &Variables) -> Result<()> {
    let v = graph.variable("v", zeros(2)?)?;
    graph.output("y", v)?;
    let none: [(&str, &Tensor); 0] = [];
    cpu::run(graph, variables, none).map(drop)
}

pub(super) fn variables() -> Vec<Row> {
    rows! {
        MISSING "a missing variable" ["variable \"v\" is missing"]
            |g| run_with(g, &Variables::new());
        SHAPE "a variable of another shape" ["variable \"v\"", "expected f32 [2]", "got f32 [3]"] |g| {
            let variables = Variables::new();
            variables.set("v", zeros(3)?)?;
            run_with(g, &variables)
        };
        SHAPE "a variable set to another type" ["variable \"v\"", "expected f32 [3]", "got i64 []"] |_| {
            let variables = Variables::new();
            variables.set("v", zeros(3)?)?;
            variables.set("v", Tensor::counter(0))
        };
        UNKNOWN "an unknown variable" ["no variable \"w\"", "known: v"] |_| {
            let variables = Variables::new();
            variables.set("v", zeros(3)?)?;
            variables.get("w").map(drop)
        };
    }
}

/// Without the command line's libraries there are no pictures.
#[cfg(not(feature = "cli"))]
pub(super) fn files() -> Vec<Row> {
    Vec::new()
}

#[cfg(feature = "cli")]
pub(super) fn files() -> Vec<Row> {
    use std::path::Path;
    use wgcnn::{Error, picture};
    const IO: super::Kind = |error| matches!(error, Error::Io { .. });
    const PICTURE: super::Kind = |error| matches!(error, Error::Picture { .. });
    const ROOT: &str = env!("CARGO_MANIFEST_DIR");
    rows! {
        PICTURE "a text for a picture" ["Cargo.toml", "expected a picture"]
            |_| picture::load(&Path::new(ROOT).join("Cargo.toml")).map(drop);
        PICTURE "half a picture" ["half.png", "expected a picture"] |_| {
            let half = Path::new(env!("CARGO_TARGET_TMPDIR")).join("half.png");
            let whole = std::fs::read(Path::new(ROOT).join("tests/data/chelsea.png"));
            let written = whole.and_then(|whole| std::fs::write(&half, &whole[..whole.len() / 2]));
            assert!(written.is_ok(), "half a picture: {written:?}");
            picture::load(&half).map(drop)
        };
        IO "a picture that is not there" ["nowhere.png"]
            |_| picture::load(Path::new("nowhere.png")).map(drop);
        IO "a folder for a picture" ["tests"]
            |_| picture::load(&Path::new(ROOT).join("tests")).map(drop);
    }
}
