//! Parts of kernels, and kernels without one: their results are wrong, and what they cost less is what the part costs.
//!
//! The texts of `shaders/` are edited, which have one form for each access: `name[index]` for a load, `name[index] = value;` or
//! `atomicOr(&name[index], value);` for a store.

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
/// The tables whose numbers are indices: without them all are 0, which is within every tensor.
const INDICES: [&str; 2] = ["columns", "lines"];

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

/// The whole text without comments.
fn text(kernel: &Kernel) -> String {
    let text = kernel.wgsl();
    let lines = text.lines();
    let lines = lines.map(|line| line.split("//").next().unwrap_or_default().trim_end());
    lines.collect::<Vec<_>>().join("\n")
}

/// A variable of a storage or uniform buffer: its name and the type of its elements.
struct Variable<'a> {
    name: &'a str,
    element: &'a str,
}

/// The arrays of a text in an address space, such as `storage, read`.
fn variables_of<'a>(text: &'a str, space: &str) -> Vec<Variable<'a>> {
    let declaration = format!("var<{space}> ");
    let declared = text.lines().filter_map(|line| {
        let (name, ty) = line.split_once(&declaration)?.1.split_once(": array<")?;
        let element = ty.trim_end_matches(";").strip_suffix('>')?;
        // The length of an array, if it has one.
        let element = match element.rsplit_once(", ") {
            Some((element, length)) if length.bytes().all(|c| c.is_ascii_digit()) => element,
            _ => element,
        };
        Some(Variable { name, element })
    });
    declared.collect()
}

/// Whether a name stands alone at `at`, and is no member of something.
fn stands_alone(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.')
}

/// Where the bracket is closed that is open at the beginning.
fn close(text: &str) -> usize {
    let mut depth = 1;
    let closed = text.char_indices().find(|(_, c)| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    closed.map_or(text.len(), |(at, _)| at)
}

/// Replaces what `edit` makes of a text from some place on where `open` stands alone: the new text, and how much it is instead of.
fn edited(text: &str, open: &str, edit: impl Fn(&str) -> Option<(String, usize)>) -> String {
    let (mut done, mut rest) = (String::new(), 0);
    while let Some(found) = text[rest..].find(open) {
        let at = rest + found;
        done.push_str(&text[rest..at]);
        let behind = at + open.len();
        rest = match edit(&text[behind..]).filter(|_| stands_alone(text, at)) {
            None => {
                done.push_str(open);
                behind
            }
            Some((new, length)) => {
                done.push_str(&new);
                behind + length
            }
        };
    }
    done + &text[rest..]
}

/// A text whose loads of a variable are calls of `made_` and its name.
fn without_load(text: &str, name: &str) -> String {
    edited(text, &format!("{name}["), |rest| {
        let end = close(rest);
        // A place may be one that is loaded.
        let place = without_load(&rest[..end], name);
        Some((format!("made_{name}(u32({place}))"), end + 1))
    })
}

fn without_loads(text: &str, is_meant: impl Fn(&str) -> bool) -> String {
    let mut variables = variables_of(text, "storage, read");
    variables.extend(variables_of(text, "uniform"));
    let mut done = text.to_owned();
    for Variable { name, element } in variables {
        let next = without_load(&done, name);
        if !is_meant(name) || next == done {
            continue;
        }
        // Near 1 in both types, and another for each place and each element of a lane: what is the same is computed once.
        let word = match INDICES.contains(&name) {
            true => "(at & params.origin.x)",
            false => "((at & 0xffu) | 0x3f803f80u)",
        };
        let value = match element {
            "vec4<u32>" | "vec4<f32>" => format!("(vec4({word}) ^ vec4(0u, 1u, 2u, 3u))"),
            _ => word.to_owned(),
        };
        done = next
            + &format!(
                "\nfn made_{name}(at: u32) -> {element} {{ return bitcast<{element}>({value}); }}\n"
            );
    }
    done
}

fn without_stores(text: &str) -> String {
    let mut done = text.to_owned();
    for Variable { name, element } in variables_of(text, "storage, read_write") {
        let element = match element {
            "Out" => {
                let aliased = text.split_once("alias Out = ");
                let aliased = aliased.and_then(|(_, ty)| ty.split_once(';'));
                aliased.map_or(element, |(ty, _)| ty)
            }
            _ => element,
        };
        let put = |index: &str, value: &str| format!("put_{name}(u32({index}), {value});");
        done = edited(&done, &format!("{name}["), |rest| {
            let end = close(rest);
            // Of a member: all of them are it.
            let (member, value) = rest[end + 1..].split_once(" =")?;
            let is_one = member.is_empty() || member == ".w";
            let length = value
                .find(';')
                .filter(|_| is_one && !value.starts_with('='))?;
            let new = match value[..length].trim() {
                value if member.is_empty() => put(&rest[..end], value),
                value => put(&rest[..end], &format!("{element}({value})")),
            };
            Some((new, end + 1 + member.len() + " =".len() + length + 1))
        });
        for function in ["atomicStore", "atomicAnd", "atomicOr"] {
            done = edited(&done, &format!("{function}(&{name}["), |rest| {
                let end = close(rest);
                let value = rest[end + 1..].strip_prefix(", ")?;
                let length = close(value);
                let new = put(&rest[..end], &value[..length]);
                Some((new, end + 1 + ", ".len() + length + ");".len()))
            });
        }
        let (value, store) = match element {
            "atomic<u32>" => ("u32", format!("atomicStore(&{name}[at], value);")),
            _ => (element, format!("{name}[at] = value;")),
        };
        let never = match value {
            "vec4<u32>" | "vec4<f32>" => {
                "all(bitcast<vec4<u32>>(value) == vec4(0x7fc12345u, 0x7fc12346u, 0x7fc12347u, 0x7fc12348u))"
            }
            _ => "bitcast<u32>(value) == 0x7fc12345u",
        };
        done += &format!(
            "\nfn put_{name}(at: u32, value: {value}) {{\n    if ({never}) {{ {store} }}\n}}\n"
        );
    }
    done
}

/// A text with another body of a function, if it has that.
fn with_body(text: &str, function: &str, body: &str) -> String {
    let Some(declared) = text.find(&format!("fn {function}(")) else {
        return text.to_owned();
    };
    let Some(open) = text[declared..].find('{') else {
        return text.to_owned();
    };
    let begin = declared + open + 1;
    let end = begin + close(&text[begin..]);
    format!("{} {body} {}", &text[..begin], &text[end..])
}

#[cfg(test)]
mod tests {
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
        for Variable { name, .. } in variables_of(&text.clone(), "storage, read_write") {
            text = with_body(&text, &format!("put_{name}"), "");
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

    #[test]
    fn accesses_within_accesses_are_replaced_and_names_that_contain_theirs_are_not() {
        let text = "var<storage, read> x: array<u32>;\nvar<storage, read_write> y: array<Out>;\nalias Out = u32;\n";
        let body = "y[x[x[1] + 2]] = max[0] + p.x[1] + x[3];";
        let without = |part: Part| {
            let made = part.left_out_of(&format!("{text}{body}"));
            made.lines().nth(3).map(str::to_owned)
        };
        let expected = "y[made_x(u32(made_x(u32(1)) + 2))] = max[0] + p.x[1] + made_x(u32(3));";
        assert_eq!(without(Part::Loads).as_deref(), Some(expected));
        let expected = "put_y(u32(x[x[1] + 2]), max[0] + p.x[1] + x[3]);";
        assert_eq!(without(Part::Stores).as_deref(), Some(expected));
        assert_eq!(without(Part::Tables).as_deref(), Some(body));
    }
}
