//! Parts of kernels, and kernels without one: their results are wrong, and what they cost less is what the part costs.

use super::edit::{text, with_body, without_loads, without_products, without_stores};
use crate::kernel::Kernel;
use crate::plan::Dispatch;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

/// What can be left out of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Loads of the tensors that it computes from; instead, numbers made of the place.
    Loads,
    /// Loads of all else but indices: weights, functions of channels, results by their arguments, partial moments.
    Tables,
    /// Stores; only a number that never comes is stored.
    Stores,
    /// Moving elements that begin within a lane to their places.
    Moving,
    /// Rounding to f16.
    Rounding,
    /// Conversion of the tensors' f16 to f32.
    Unpacking,
    /// The exponential function.
    Exponential,
    /// Comparing elements by their order, of which maxima are made.
    Comparing,
    /// What of windows is in the input.
    Edges,
    /// Squares of deviations.
    Squares,
    /// Merging the moments of a workgroup's threads, in its memory and behind barriers.
    Merging,
    /// Multiply-adds: sums stay as they are. What they alone need is left out with them.
    Products,
}

/// The tensors that kernels compute from, by their names in WGSL.
const TENSORS: [&str; 5] = ["x", "other", "a", "b", "skip"];
/// What is loaded only where a constant says so.
const WAYS: [(&str, &str); 3] = [
    ("way_in", "IN_AFFINE"),
    ("way_out", "OUT_AFFINE"),
    ("skip", "OUT_SKIP"),
];

/// What says that numbers are computed on a way in or out.
const WAY_CONSTANTS: [&str; 4] = ["IN_AFFINE", "IN_RELU", "OUT_AFFINE", "OUT_SKIP"];
/// How the names of kernels begin that move or compare bits, but for their ways in and out.
const MOVERS: [&str; 5] = ["concat", "copy", "interpolate", "max_pool", "relu"];

fn is_tensor(name: &str) -> bool {
    TENSORS.contains(&name)
}

impl Part {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 12] = [
        Self::Loads,
        Self::Tables,
        Self::Stores,
        Self::Moving,
        Self::Rounding,
        Self::Unpacking,
        Self::Exponential,
        Self::Comparing,
        Self::Edges,
        Self::Squares,
        Self::Merging,
        Self::Products,
    ];

    /// Whether a dispatch has it.
    pub(super) fn is_in(self, dispatch: &Dispatch) -> bool {
        let is = |name| {
            let constants = &mut dispatch.constants.iter();
            constants.any(|&(constant, value)| constant == name && value != 0.0)
        };
        // Every kernel with a way in or out has its loads, which no thread makes if nothing is on it.
        let made = |name: &str| {
            let way = WAYS.iter().find(|(load, _)| *load == name);
            way.is_none_or(|&(_, constant)| is(constant))
        };
        let text = text(dispatch.kernel);
        let name = dispatch.kernel.name;
        let has_way = || WAY_CONSTANTS.into_iter().any(is);
        let computes = !MOVERS.iter().any(|mover| name.starts_with(mover)) || has_way();
        match self {
            Self::Loads => without_loads(&text, |name| is_tensor(name) && made(name)) != text,
            Self::Tables => without_loads(&text, |name| !is_tensor(name) && made(name)) != text,
            Self::Rounding | Self::Unpacking if !computes => false,
            Self::Rounding if !is("HALF") && !is("NARROW") => false,
            Self::Unpacking if !is("HALF") && (name != "cast" || is("NARROW")) => false,
            // Some have what a stretch needs, and none.
            Self::Moving if is("ALIGNED") || text.matches("load_stretch(").count() == 1 => false,
            Self::Edges if !is("BORDER") && !is("BORDER_H") => false,
            _ => self.left_out_of(&text) != text,
        }
    }

    /// A text of WGSL, free of comments, without the part.
    fn left_out_of(self, text: &str) -> String {
        match self {
            Self::Loads => without_loads(text, is_tensor),
            Self::Tables => without_loads(text, |name| !is_tensor(name)),
            Self::Stores => without_stores(text),
            Self::Moving => with_body(&with_body(text, "shifted", "return left;"), "skip_quad", ""),
            Self::Rounding => with_body(text, "half_bits", "return bitcast<vec4<u32>>(number);"),
            Self::Unpacking => with_body(text, "half_number", "return bitcast<f32>(bits);"),
            Self::Exponential => text.replace(" exp(", " ("),
            Self::Comparing => with_body(text, "better4", "return a ^ b;"),
            Self::Edges => with_body(text, "inside", "return vec4(within);"),
            Self::Squares => with_body(text, "squared", "return sum;"),
            Self::Merging => with_body(text, "merge_workgroup", "return own;"),
            Self::Products => without_products(text),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loads => "loads",
            Self::Tables => "tables",
            Self::Stores => "stores",
            Self::Moving => "moving",
            Self::Rounding => "rounding",
            Self::Unpacking => "unpacking",
            Self::Exponential => "exponential",
            Self::Comparing => "comparing",
            Self::Edges => "edges",
            Self::Squares => "squares",
            Self::Merging => "merging",
            Self::Products => "multiply-adds",
        })
    }
}

/// A kernel without these parts. Kernels are static: each is made once, and stays.
pub(super) fn kernel_without(kernel: &'static Kernel, parts: &[Part]) -> &'static Kernel {
    static MADE: OnceLock<Mutex<HashMap<(String, String), &'static Kernel>>> = OnceLock::new();
    let names: Vec<_> = parts.iter().map(ToString::to_string).collect();
    let variant = format!("{} without {}", kernel.variant, names.join(", "));
    let made = MADE.get_or_init(Mutex::default);
    let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry((kernel.name.to_owned(), variant.clone()))
        .or_insert_with(|| {
            let all = parts.iter();
            let source = all.fold(text(kernel), |text, part| part.left_out_of(&text));
            Box::leak(Box::new(Kernel {
                name: kernel.name,
                variant: variant.leak(),
                source: source.leak(),
                helpers: &[],
                params: kernel.params,
                uniform: kernel.uniform,
                behind: kernel.behind,
            }))
        })
}

#[cfg(test)]
mod tests {
    use super::super::edit::{INDICES, variables_of};
    use super::*;
    use crate::ops::kernels;
    use crate::plan::{Limits, Options, Plan};
    use naga::valid::{Capabilities, GlobalUse, ValidationFlags, Validator};
    use naga::{AddressSpace, StorageAccess};
    use std::error::Error;

    type Tested<T = ()> = std::result::Result<T, Box<dyn Error>>;

    fn is_index(name: &str) -> bool {
        INDICES.contains(&name)
    }

    /// What a text reads of buffers, but for parameters, and what it writes.
    fn accesses(text: &str) -> Tested<[Vec<String>; 2]> {
        let parsed = naga::front::wgsl::parse_str(text);
        let module = parsed.map_err(|error| error.emit_to_string(text))?;
        let capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
        let mut validator = Validator::new(ValidationFlags::all(), capabilities);
        let info = validator.validate(&module);
        let info = info.map_err(|error| error.emit_to_string(text))?;
        let main = info.get_entry_point(0);
        let names = |is_meant: &dyn Fn(AddressSpace) -> bool, access| {
            let variables = module.global_variables.iter();
            let used = variables.filter(|(handle, variable)| {
                is_meant(variable.space) && main[*handle].contains(access)
            });
            let names = used.filter_map(|(_, variable)| variable.name.clone());
            let mut names: Vec<_> = names.filter(|name| name != "params").collect();
            names.sort();
            names
        };
        let written = AddressSpace::Storage {
            access: StorageAccess::LOAD | StorageAccess::STORE,
        };
        let read = AddressSpace::Storage {
            access: StorageAccess::LOAD,
        };
        Ok([
            names(
                &|space| space == read || space == AddressSpace::Uniform,
                GlobalUse::READ,
            ),
            names(&|space| space == written, GlobalUse::WRITE),
        ])
    }

    /// The same of a kernel without some parts, if what it puts goes nowhere.
    fn accesses_without(kernel: &'static Kernel, parts: &[Part]) -> Tested<[Vec<String>; 2]> {
        let mut text = kernel_without(kernel, parts).wgsl();
        for variable in variables_of(&text.clone(), "storage, read_write") {
            text = with_body(&text, &format!("put_{}", variable.name), "");
        }
        let label = kernel.label();
        accesses(&text).map_err(|error| format!("{label} without {parts:?}: {error}").into())
    }

    #[test]
    fn a_kernel_without_a_part_has_none_of_it_and_all_else() -> Tested {
        for kernel in kernels() {
            let [reads, writes] = accesses(&kernel.wgsl())?;
            assert!(!writes.is_empty(), "{} writes nothing", kernel.label());
            for part in Part::ALL {
                let mut expected = [reads.clone(), writes.clone()];
                match part {
                    Part::Loads => expected[0].retain(|name| !is_tensor(name)),
                    Part::Tables => expected[0].retain(|name| is_tensor(name) || is_index(name)),
                    Part::Stores => expected[1].clear(),
                    _ => {}
                }
                let found = accesses_without(kernel, &[part])?;
                assert_eq!(found, expected, "{} without {part}", kernel.label());
            }
            let mut found = accesses_without(kernel, &Part::ALL)?.concat();
            found.retain(|name| !is_index(name));
            assert!(found.is_empty(), "{} {found:?}", kernel.label());
        }
        Ok(())
    }

    #[test]
    fn what_a_part_is_has_gone_from_every_kernel_that_has_it() {
        let marks = [
            (Part::Moving, "vec4(left.zw, right.xy)"),
            (Part::Moving, "(by & 4u)"),
            (Part::Rounding, "0xc8000fffu"),
            (Part::Unpacking, "unpack2x16float(bits >> 16u)"),
            (Part::Exponential, " exp("),
            (Part::Comparing, "zero - 1i"),
            (Part::Edges, "if (!BORDER)"),
            (Part::Squares, "fma(d, d, sum)"),
            (Part::Merging, "merge_eight(0u, 8u)"),
            (Part::Products, "fma("),
        ];
        for (part, mark) in marks {
            let has = |kernel: &&'static Kernel| text(kernel).contains(mark);
            let kernels: Vec<_> = kernels().into_iter().filter(has).collect();
            assert!(!kernels.is_empty(), "{part}: {mark}");
            for kernel in kernels {
                let less = kernel_without(kernel, &[part]);
                let label = kernel.label();
                assert!(
                    !less.source.contains(mark),
                    "{label} without {part}: {mark}"
                );
            }
        }
    }

    #[test]
    fn dispatches_have_the_parts_that_their_constants_let_them() -> Tested {
        // By name: parts that it has, and that it has not.
        let expected: [(&str, &[Part], &[Part]); 9] = [
            (
                "relu/large+f16",
                &[Part::Loads],
                &[Part::Tables, Part::Rounding, Part::Unpacking],
            ),
            (
                "cast/large_narrow",
                &[Part::Rounding],
                &[Part::Unpacking, Part::Tables],
            ),
            ("cast/large_widen", &[Part::Unpacking], &[Part::Rounding]),
            (
                "add/large+f16",
                &[Part::Rounding, Part::Unpacking],
                &[Part::Tables],
            ),
            (
                "max_pool/odd_3x3+f16",
                &[Part::Moving, Part::Edges, Part::Comparing],
                &[Part::Rounding],
            ),
            (
                "max_pool/large_2x2",
                &[Part::Comparing],
                &[Part::Moving, Part::Edges],
            ),
            (
                "batch_norm/large_eval",
                &[Part::Tables],
                &[Part::Rounding, Part::Moving],
            ),
            (
                "batch_norm/large_train",
                &[Part::Merging, Part::Squares],
                &[Part::Unpacking],
            ),
            (
                "fusion/large_norm-relu-max_pool+f16",
                &[Part::Tables, Part::Rounding],
                &[Part::Moving],
            ),
        ];
        for (name, has, has_not) in expected {
            let graph = crate::cases::find(name)?.graph;
            let plan = Plan::new(&graph, &Limits::default(), Options::default())?;
            let is_in = |part: &Part| {
                let run = &plan.dispatches[plan.prologue..];
                run.iter().any(|dispatch| part.is_in(dispatch))
            };
            for part in has {
                assert!(is_in(part), "{name} has no {part}");
            }
            for part in has_not {
                assert!(!is_in(part), "{name} has {part}");
            }
        }
        Ok(())
    }
}
