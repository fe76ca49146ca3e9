//! Cases: graphs with data, one list for the command line, the tests and the benches.
//!
//! A case is plain data. Named ones are written down with their reason; random ones are made from a seed, and their
//! name holds it, so that a printed name replays the case.

mod add;
mod avg_pool;
mod batch_norm;
mod cast;
mod concat;
mod conv;
mod copy;
mod elementwise;
mod fusion;
mod half;
mod interpolate;
mod max_pool;
mod normalize;
mod relu;
mod sigmoid;
mod unit;

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::tensor::{DType, Data, Tensor, TensorType};
use crate::variables::Variables;
use ::half::f16;
use fastrand::Rng;

/// What the elements of a case's tensors are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Integers from -8 to 8 as floats: sums are exact, so that a wrong index shows as an inequality.
    Integers,
    /// Reals of both signs, about -4 to 4.
    Reals,
    /// Reals of standard deviation 0.01 around 10,000, for the first input: what cancellation destroys.
    Shifted,
    /// NaN, infinities, zeros of both signs, and ties.
    Specials,
    /// Reals, and one special value in sixty-four of the first input: sums that have one stand beside sums that do not.
    Rare,
    /// The largest floats, minus infinity, zeros of both signs: what a made-up identity would beat.
    Extremes,
    /// One value throughout, for the first input.
    Constant,
    /// Reals for inputs, and for variables their initial values: those of a network.
    Initial,
}

/// A graph with data.
#[derive(Clone, Debug)]
pub struct Case {
    /// `layer/what`, or `layer/random/seed`.
    pub name: String,
    /// What it is there to show.
    pub why: &'static str,
    /// The graph; its variables hold their initial values until data replaces them.
    pub graph: Graph,
    /// Of the data.
    pub seed: u64,
    /// Of the data.
    pub values: Values,
    /// Worth timing: its layer's work at a size that fills a device.
    pub bench: bool,
    /// Inputs that are not made from the seed.
    pub given: Vec<(String, Tensor)>,
}

/// A named input of a case.
pub type Input = (String, Tensor);

/// What has cases: the layers by name, `fusion`, layers in one kernel, and `unit`, layers together.
pub const NAMES: [&str; 14] = [
    "add",
    "avg_pool",
    "batch_norm",
    "cast",
    "concat",
    "conv",
    "copy",
    "fusion",
    "interpolate",
    "max_pool",
    "normalize",
    "relu",
    "sigmoid",
    "unit",
];

/// Where memory-bound layers are timed: aligned rows; rows that begin anywhere; a picture; planes of one row of memory.
const BENCH_SHAPES: [(&str, &[usize]); 4] = [
    ("large", &[8, 64, 112, 112]),
    ("odd", &[4, 19, 75, 113]),
    ("picture", &[1, 3, 300, 451]),
    ("tiny_planes", &[64, 512, 7, 7]),
];

/// The sweep: sizes of the input in f32, from what fits the nearest cache to what fits none.
const SIZES: [(&str, &[usize]); 5] = [
    ("size_16KiB", &[1, 4, 32, 32]),
    ("size_256KiB", &[1, 16, 64, 64]),
    ("size_1MiB", &[1, 64, 64, 64]),
    ("size_4MiB", &[1, 64, 128, 128]),
    ("size_64MiB", &[16, 64, 128, 128]),
];

/// A case per shape, as `layer/large_what`.
fn at_bench_shapes(
    layer: &str,
    what: &str,
    shapes: &[(&str, &[usize])],
    build: impl Fn(&mut Graph, &[usize]) -> Result<()>,
) -> Vec<Case> {
    let case = |(place, shape): &(&str, &[usize])| {
        let name = match what {
            "" => format!("{layer}/{place}"),
            what => format!("{layer}/{place}_{what}"),
        };
        Case::new(name, "memory-bound", |g| build(g, shape)).bench()
    };
    shapes.iter().map(case).collect()
}

/// Draws a graph; `Err` for attributes that do not fit.
type Random = fn(&mut Rng) -> Result<Graph>;

/// The named cases of one layer and the maker of its random ones.
fn family(name: &str) -> Option<(Vec<Case>, Random)> {
    let (cases, random): (fn() -> Vec<Case>, Random) = match name {
        "add" => (add::cases, add::random),
        "avg_pool" => (avg_pool::cases, avg_pool::random),
        "batch_norm" => (batch_norm::cases, batch_norm::random),
        "cast" => (cast::cases, cast::random),
        "concat" => (concat::cases, concat::random),
        "conv" => (conv::cases, conv::random),
        "copy" => (copy::cases, copy::random),
        "fusion" => (fusion::cases, fusion::random),
        "interpolate" => (interpolate::cases, interpolate::random),
        "max_pool" => (max_pool::cases, max_pool::random),
        "normalize" => (normalize::cases, normalize::random),
        "relu" => (relu::cases, relu::random),
        "sigmoid" => (sigmoid::cases, sigmoid::random),
        "unit" => (unit::cases, unit::random),
        _ => return None,
    };
    Some((cases(), random))
}

/// All named cases; those of reals a second time with integers, `+integers` behind the name, and those that compute with
/// floats another time in f16, `+f16`.
#[must_use]
pub fn named() -> Vec<Case> {
    let families = NAMES.iter().filter_map(|name| family(name));
    let cases = families.flat_map(|(cases, _)| cases);
    cases.flat_map(Case::in_all_modes).collect()
}

/// The case of a name that was printed.
///
/// # Errors
/// [`Error::Unknown`].
pub fn find(name: &str) -> Result<Case> {
    let unknown = || Error::Unknown {
        kind: "case",
        name: name.to_owned(),
        known: "`wgcnn check --list` prints them".to_owned(),
    };
    let parts: Vec<&str> = name.split('/').collect();
    if let [layer, "random", seed] = parts[..] {
        let seed = seed.parse().map_err(|_| unknown())?;
        return random(layer, seed).ok_or_else(unknown);
    }
    named()
        .into_iter()
        .find(|case| case.name == name)
        .ok_or_else(unknown)
}

/// The random case of a layer for a seed: attributes, shapes, values. `None` if there is no such layer.
#[must_use]
pub fn random(layer: &str, seed: u64) -> Option<Case> {
    let (_, make) = family(layer)?;
    let mut rng = Rng::with_seed(seed);
    // Attributes are drawn freely; what PyTorch rejects is drawn again.
    let graph = (0..10_000).find_map(|_| make(&mut rng).ok())?;
    let selecting = ["cast", "concat", "max_pool", "interpolate", "relu", "copy"].contains(&layer);
    let values = match rng.u8(0..4) {
        0 => Values::Integers,
        1 if selecting => pick(&mut rng, &[Values::Specials, Values::Extremes]),
        1 if layer == "batch_norm" => pick(&mut rng, &[Values::Shifted, Values::Rare]),
        1 => Values::Rare,
        _ => Values::Reals,
    };
    let case = Case {
        name: format!("{layer}/random/{seed}"),
        why: "random attributes, shapes and values",
        graph,
        seed,
        values,
        bench: false,
        given: Vec::new(),
    };
    let half = if rng.u8(0..3) == 0 {
        case.halved()
    } else {
        None
    };
    Some(match half {
        Some(half) => Case {
            name: case.name,
            ..half
        },
        None => case,
    })
}

impl Case {
    /// A case over `graph`, which `build` fills.
    fn new(
        name: impl Into<String>,
        why: &'static str,
        build: impl FnOnce(&mut Graph) -> Result<()>,
    ) -> Self {
        let name = name.into();
        let mut graph = Graph::new();
        let built = build(&mut graph);
        assert!(built.is_ok(), "case {name}: {built:?}");
        Self {
            name,
            why,
            graph,
            seed: 1,
            values: Values::Reals,
            bench: false,
            given: Vec::new(),
        }
    }

    /// A case of a graph with the variables that it begins with.
    pub(crate) fn of(graph: Graph) -> Self {
        let case = Self::new("graph", "a graph", |_| Ok(()));
        Self { graph, ..case }.with(Values::Initial)
    }

    const fn with(mut self, values: Values) -> Self {
        self.values = values;
        self
    }

    const fn bench(mut self) -> Self {
        self.bench = true;
        self
    }

    /// The case; where it has reals, with integers too; where it computes with floats, in f16 too.
    fn in_all_modes(self) -> Vec<Self> {
        let twice = self.values == Values::Reals && !self.bench && self.given.is_empty();
        let integers = twice.then(|| Self {
            name: format!("{}+integers", self.name),
            ..self.clone().with(Values::Integers)
        });
        let half = self.halved();
        [self].into_iter().chain(integers).chain(half).collect()
    }

    /// The case with activations and filters in f16, `+f16` behind the name; `None` if it has none, or is about types or about
    /// digits that f16 has not.
    fn halved(&self) -> Option<Self> {
        let graph = half::graph(&self.graph)?;
        let given = self.given.iter();
        let given = given.map(|(name, tensor)| {
            let half = tensor.cast(DType::F16);
            let half = half.unwrap_or_else(|| tensor.clone());
            (varied_channels(&half) == varied_channels(tensor)).then(|| (name.clone(), half))
        });
        Some(Self {
            name: format!("{}+f16", self.name),
            given: given.collect::<Option<_>>()?,
            graph,
            ..self.clone()
        })
    }

    /// The layer, or `unit`: the first part of the name.
    #[must_use]
    pub fn layer(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Type of the first input.
    #[must_use]
    pub fn input_type(&self) -> Option<&TensorType> {
        let (_, first) = self.graph.inputs().next()?;
        Some(&self.graph.values[first.index].ty)
    }

    /// Inputs by name.
    #[must_use]
    pub fn inputs(&self) -> Vec<Input> {
        let mut rng = Rng::with_seed(self.seed);
        let inputs = self.graph.inputs().enumerate();
        inputs
            .map(|(index, (name, value))| {
                let given = self.given.iter().find(|(given, _)| given == name);
                let tensor = given.map_or_else(
                    || self.tensor(&mut rng, name, &self.graph.values[value.index].ty, index),
                    |(_, tensor)| tensor.clone(),
                );
                (name.to_owned(), tensor)
            })
            .collect()
    }

    /// Fresh variables: data for the tensors of floats unless their initial values count, the initial values of counters.
    #[must_use]
    pub fn variables(&self) -> Variables {
        let mut rng = Rng::with_seed(!self.seed);
        let variables = Variables::initial(&self.graph);
        for (name, value, _) in self.graph.variables() {
            let ty = &self.graph.values[value.index].ty;
            if ty.dtype.is_float() && self.values != Values::Initial {
                let set = variables.set(name, self.tensor(&mut rng, name, ty, 1));
                assert!(set.is_ok(), "a variable takes its own type: {set:?}");
            }
        }
        variables
    }

    /// Data for the `index`-th input.
    fn tensor(&self, rng: &mut Rng, name: &str, ty: &TensorType, index: usize) -> Tensor {
        let count = ty.elements();
        let first = index == 0;
        let data = match ty.dtype {
            DType::U8 => Data::U8((0..count).map(|_| rng.u8(..)).collect()),
            DType::I64 => Data::I64((0..count).map(|_| rng.i64(..1 << 40)).collect()),
            DType::F32 if name.ends_with("running_var") => {
                Data::F32((0..count).map(|_| 0.25 + 4.0 * rng.f32()).collect())
            }
            DType::F32 => Data::F32(self.reals(rng, count, first, [10_000.0, 0.01], f32::MAX)),
            DType::F16 => {
                let reals = self.reals(rng, count, first, [1000.0, 2.0], f16::MAX.to_f32());
                Data::F16(reals.into_iter().map(f16::from_f32).collect())
            }
        };
        Tensor::dense(ty.shape.clone(), data)
    }

    /// Elements of a tensor of floats up to `largest`, and shift and scale of those that are shifted.
    fn reals(
        &self,
        rng: &mut Rng,
        count: usize,
        first: bool,
        [shift, scale]: [f32; 2],
        largest: f32,
    ) -> Vec<f32> {
        let constant = real(rng);
        let element = |_| match self.values {
            Values::Integers => f32::from(rng.i8(-8..=8)),
            Values::Reals => real(rng),
            Values::Shifted if first => shift + scale * real(rng),
            Values::Constant if first => constant,
            Values::Rare if first && rng.u8(0..64) == 0 => pick(rng, &SPECIALS),
            Values::Shifted | Values::Constant | Values::Rare | Values::Initial => real(rng),
            Values::Specials => pick(rng, &SPECIALS),
            Values::Extremes => match pick(rng, &EXTREMES) {
                finite if finite.is_finite() => finite.clamp(-largest, largest),
                infinite => infinite,
            },
        };
        (0..count).map(element).collect()
    }
}

/// Channels of a tensor [N, C, *] whose elements are not all the same.
fn varied_channels(tensor: &Tensor) -> usize {
    let ty = tensor.ty();
    let [_, channels, ref rest @ ..] = ty.shape[..] else {
        return 0;
    };
    let plane = rest.iter().product::<usize>() * ty.dtype.bytes();
    let planes = || tensor.bytes().chunks_exact(plane.max(1));
    let is_varied = |channel: &usize| {
        let planes = planes().skip(*channel).step_by(channels);
        let mut elements = planes.flat_map(|plane| plane.chunks_exact(ty.dtype.bytes()));
        let first = elements.next();
        elements.any(|element| Some(element) != first)
    };
    (0..channels).filter(is_varied).count()
}

/// A sum of uniform numbers: bell-shaped, mean 0, standard deviation 1.15, within -4 to 4.
fn real(rng: &mut Rng) -> f32 {
    2.0 * (rng.f32() + rng.f32() + rng.f32() + rng.f32() - 2.0)
}

const SPECIALS: [f32; 9] = [
    f32::NAN,
    // A NaN whose sign is set: among bits it is the largest integer unsigned and a low one signed.
    f32::from_bits(0xffc0_0001),
    f32::INFINITY,
    f32::NEG_INFINITY,
    0.0,
    -0.0,
    1.0,
    1.0,
    -1.0,
];

const EXTREMES: [f32; 8] = [
    f32::NEG_INFINITY,
    f32::NEG_INFINITY,
    f32::NEG_INFINITY,
    f32::MIN,
    f32::MIN,
    f32::MAX,
    -0.0,
    0.0,
];

/// One of a few.
fn pick<T: Copy>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())]
}

/// A shape [N, C, *]: H != W mostly, N > 1 mostly, C a multiple of nothing mostly.
fn random_shape(rng: &mut Rng, dims: usize, largest: usize) -> Vec<usize> {
    let mut shape = vec![pick(rng, &[1, 2, 2, 3, 5]), pick(rng, &[1, 3, 5, 7, 8])];
    shape.extend((0..dims).map(|_| rng.usize(1..=largest)));
    shape
}

/// As many values as dimensions.
fn each(rng: &mut Rng, dims: usize, choices: &[usize]) -> Vec<usize> {
    (0..dims).map(|_| pick(rng, choices)).collect()
}
