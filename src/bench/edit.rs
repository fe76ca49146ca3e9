//! The texts of kernels without some of what they do.
//!
//! An access has one form in `shaders/`: `name[index]` is a load, `name[index] = value;` or `atomicOr(&name[index], value);` a store.

use crate::kernel::Kernel;

/// The tables whose numbers are indices, which are loaded always: others would be of other places, or of none.
pub(super) const INDICES: [&str; 2] = ["columns", "lines"];
/// A number that no compiler knows, 0 unless a grid is folded: what is made of constants is computed before a kernel runs.
const UNKNOWN: &str = "params.origin.y";

/// The whole text without comments.
pub(super) fn text(kernel: &Kernel) -> String {
    let text = kernel.wgsl();
    let lines = text.lines();
    let lines = lines.map(|line| line.split("//").next().unwrap_or_default().trim_end());
    lines.collect::<Vec<_>>().join("\n")
}

/// A variable of a storage or uniform buffer: its name and the type of its elements.
pub(super) struct Variable<'a> {
    pub(super) name: &'a str,
    element: &'a str,
}

/// The arrays of a text in an address space, such as `storage, read`.
pub(super) fn variables_of<'a>(text: &'a str, space: &str) -> Vec<Variable<'a>> {
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

/// Bits of a name.
fn seed(name: &str) -> u32 {
    let bytes = name.bytes().map(u32::from);
    bytes.fold(0x85eb_ca6b, |seed, byte| {
        (seed ^ byte).wrapping_mul(0x0100_0193)
    })
}

/// A text that makes numbers of the place instead of what it would load of some variables.
pub(super) fn without_loads(text: &str, is_meant: impl Fn(&str) -> bool) -> String {
    let mut variables = variables_of(text, "storage, read");
    variables.extend(variables_of(text, "uniform"));
    let mut done = text.to_owned();
    for Variable { name, element } in variables {
        let next = without_load(&done, name);
        if INDICES.contains(&name) || !is_meant(name) || next == done {
            continue;
        }
        // Another for each variable, place and element of a lane: what is the same is computed once. From 1 to 2 in both types, with
        // either sign: a CPU is slow at what is subnormal.
        let (at, whole) = match element.starts_with("vec4") {
            true => (
                "vec4(at) ^ vec4(0u, 0x3c6ef372u, 0x78dde6e4u, 0xb54cda56u)",
                "vec4",
            ),
            false => ("at", ""),
        };
        let mixed = format!("(({at}) * {whole}(0x9e3779b9u)) ^ {whole}({}u)", seed(name));
        let varied = format!("({mixed}) & {whole}({UNKNOWN} + 0x807f83ffu)");
        let value = format!("({varied}) | {whole}({UNKNOWN} + 0x3f803c00u)");
        done = next
            + &format!(
                "\nfn made_{name}(at: u32) -> {element} {{ return bitcast<{element}>({value}); }}\n"
            );
    }
    done
}

/// The type of the elements of a variable, behind its alias.
fn element_of<'a>(text: &'a str, variable: &Variable<'a>) -> &'a str {
    let alias = format!("alias {} = ", variable.element);
    let aliased = text
        .split_once(&alias)
        .and_then(|(_, ty)| ty.split_once(';'));
    aliased.map_or(variable.element, |(ty, _)| ty)
}

/// A text whose stores to a variable of this type are calls of `put_` and its name.
fn without_store(text: &str, name: &str, element: &str) -> String {
    let put = |index: &str, value: &str| format!("put_{name}(u32({index}), {value});");
    let mut done = edited(text, &format!("{name}["), |rest| {
        let end = close(rest);
        // Of a member: all of them are it.
        let (member, value) = rest[end + 1..].split_once(" =")?;
        if value.starts_with('=') || !["", ".w"].contains(&member) {
            return None;
        }
        let length = value.find(';')?;
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
    done
}

/// A text that stores only a number that never comes.
pub(super) fn without_stores(text: &str) -> String {
    let mut done = text.to_owned();
    for variable in variables_of(text, "storage, read_write") {
        let (name, element) = (variable.name, element_of(text, &variable));
        let (value, store) = match element {
            "atomic<u32>" => ("u32", format!("atomicStore(&{name}[at], value);")),
            _ => (element, format!("{name}[at] = value;")),
        };
        let never = match value.starts_with("vec4") {
            true => {
                format!("all(bitcast<vec4<u32>>(value) == (vec4({UNKNOWN}) ^ vec4(0x7fc12345u)))")
            }
            false => format!("bitcast<u32>(value) == ({UNKNOWN} ^ 0x7fc12345u)"),
        };
        done = without_store(&done, name, element)
            + &format!(
                "\nfn put_{name}(at: u32, value: {value}) {{\n    if ({never}) {{ {store} }}\n}}\n"
            );
    }
    done
}

/// A text in which what is to be added to by a product stays as it is.
pub(super) fn without_products(text: &str) -> String {
    edited(text, "fma(", |rest| {
        let end = close(rest);
        // Behind the last comma that is not within brackets.
        let (mut sum, mut at) = (0, 0);
        while let Some(found) = rest[at..end].find([',', '(', '[']) {
            at += found + 1;
            match rest[..at].ends_with(',') {
                true => sum = at,
                false => at += close(&rest[at..end]),
            }
        }
        let sum = without_products(rest[sum..end].trim());
        Some((format!("({sum})"), end + 1))
    })
}

/// A text with another body of a function, if it has that.
pub(super) fn with_body(text: &str, function: &str, body: &str) -> String {
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

    #[test]
    fn accesses_within_accesses_are_replaced_and_names_that_contain_theirs_are_not() {
        let text = "var<storage, read> x: array<u32>;\nvar<storage, read_write> y: array<Out>;\nalias Out = u32;\n";
        let body = "y[x[x[1] + 2]] = max[0] + p.x[1] + x[3];";
        let text = format!("{text}{body}");
        let made = |text: String| text.lines().nth(3).map(str::to_owned);
        let expected = "y[made_x(u32(made_x(u32(1)) + 2))] = max[0] + p.x[1] + made_x(u32(3));";
        assert_eq!(
            made(without_loads(&text, |name| name == "x")).as_deref(),
            Some(expected)
        );
        let expected = "put_y(u32(x[x[1] + 2]), max[0] + p.x[1] + x[3]);";
        assert_eq!(made(without_stores(&text)).as_deref(), Some(expected));
        assert_eq!(without_loads(&text, |_| false), text);
    }

    #[test]
    fn of_a_multiply_add_the_sum_stays() {
        let without = without_products("a = fma(f(1, 2), b[g(3, 4)], fma(c, d, h(sums[i].x, 5)));");
        assert_eq!(without, "a = ((h(sums[i].x, 5)));");
    }
}
