//! Parts of kernels, and kernels without one: their results are wrong, and what they cost less is what the part costs.

use super::edit::{text, with_body, without_loads, without_stores};
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
    /// Loads of all else: weights, functions of channels, indices, results by their arguments, partial moments.
    Tables,
    /// Stores; only a number that never comes is stored.
    Stores,
    /// Moving elements that begin within a lane to their places.
    Moving,
    /// Rounding to f16.
    Rounding,
    /// Conversion of f16 to f32.
    Unpacking,
    /// The exponential function.
    Exponential,
}

/// The tensors that kernels compute from, by their names in WGSL.
const TENSORS: [&str; 5] = ["x", "other", "a", "b", "skip"];
impl Part {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::Loads,
        Self::Tables,
        Self::Stores,
        Self::Moving,
        Self::Rounding,
        Self::Unpacking,
        Self::Exponential,
    ];

    /// Whether a dispatch has it.
    pub(super) fn is_in(self, dispatch: &Dispatch) -> bool {
        let is = |name| {
            let constants = &mut dispatch.constants.iter();
            constants.any(|&(constant, value)| constant == name && value != 0.0)
        };
        let may = match self {
            Self::Rounding | Self::Unpacking => is("HALF"),
            Self::Moving => !is("ALIGNED"),
            _ => true,
        };
        may && self.left_out_of(&text(dispatch.kernel)) != text(dispatch.kernel)
    }

    /// A text of WGSL, free of comments, without the part.
    fn left_out_of(self, text: &str) -> String {
        match self {
            Self::Loads => without_loads(text, |name| TENSORS.contains(&name)),
            Self::Tables => without_loads(text, |name| !TENSORS.contains(&name)),
            Self::Stores => without_stores(text),
            Self::Moving => with_body(&with_body(text, "shifted", "return left;"), "skip_quad", ""),
            Self::Rounding => with_body(text, "half_bits", "return bitcast<vec4<u32>>(number);"),
            Self::Unpacking => with_body(text, "half_number", "return bitcast<f32>(bits);"),
            Self::Exponential => text.replace(" exp(", " ("),
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
    use super::super::edit::variables_of;
    use super::*;
    use crate::ops::kernels;
    use naga::valid::{Capabilities, GlobalUse, ValidationFlags, Validator};
    use naga::{AddressSpace, StorageAccess};
    use std::error::Error;

    type Tested<T = ()> = std::result::Result<T, Box<dyn Error>>;

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
                    Part::Loads => expected[0].retain(|name| !TENSORS.contains(&name.as_str())),
                    Part::Tables => expected[0].retain(|name| TENSORS.contains(&name.as_str())),
                    Part::Stores => expected[1].clear(),
                    _ => {}
                }
                let found = accesses_without(kernel, &[part])?;
                assert_eq!(found, expected, "{} without {part}", kernel.label());
            }
            let found = accesses_without(kernel, &Part::ALL)?;
            assert_eq!(found.concat().len(), 0, "{} {found:?}", kernel.label());
        }
        Ok(())
    }

    #[test]
    fn each_part_is_in_some_kernel() {
        for part in Part::ALL {
            let mut kernels = kernels().into_iter();
            let has = kernels.any(|kernel| part.left_out_of(&text(kernel)) != text(kernel));
            assert!(has, "{part}");
        }
    }
}
