//! The files of the shaders: names, headers, and where else a layer must show.

use super::Tested;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use wgcnn::ops::kernels;

/// Most lines of a kernel file.
const MOST_LINES: usize = 160;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Stems of the WGSL files of a folder.
fn stems(folder: &Path) -> Tested<BTreeSet<String>> {
    let mut stems = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wgsl")
        {
            let stem = path.file_stem().ok_or("a file without a name")?;
            stems.insert(stem.to_string_lossy().into_owned());
        }
    }
    assert!(!stems.is_empty(), "no shaders in {}", folder.display());
    Ok(stems)
}

/// The layers: everything that has cases but `fusion` and `unit`.
fn layers() -> impl Iterator<Item = &'static str> {
    wgcnn::cases::NAMES
        .into_iter()
        .filter(|name| !["fusion", "unit"].contains(name))
}

#[test]
fn every_kernel_file_begins_with_what_a_reader_needs() {
    for kernel in kernels() {
        let (name, source) = (kernel.name, kernel.source);
        let has_line = |start: &str| source.lines().any(|line| line.starts_with(start));
        assert!(source.starts_with("// "), "{name}: no comment at the top");
        for start in ["// Grid: ", "// Numerics: "] {
            assert!(
                has_line(start),
                "{name}: no line that begins with {start:?}"
            );
        }
        assert!(has_line("fn main("), "{name}: no entry point `main`");
        let lines = source.lines().count();
        assert!(
            lines <= MOST_LINES,
            "{name}: {lines} lines, {MOST_LINES} are the most"
        );
    }
}

#[test]
fn a_layer_has_one_stem_in_shaders_ops_cpu_and_cases() -> Tested {
    for layer in layers() {
        let shader = format!("shaders/{layer}.wgsl");
        let modules = ["ops", "cpu", "cases"].map(|folder| format!("src/{folder}/{layer}.rs"));
        for file in modules.into_iter().chain([shader]) {
            assert!(root().join(&file).is_file(), "{layer}: there is no {file}");
        }
    }
    for stem in stems(&root().join("shaders"))? {
        let mut owners = layers().chain(["peak"]);
        let owned = owners.any(|layer| stem == layer || stem.starts_with(&format!("{layer}_")));
        assert!(
            owned,
            "shaders/{stem}.wgsl belongs to no layer, and not to `bench`"
        );
    }
    Ok(())
}

#[test]
fn every_shader_file_is_used() -> Tested {
    let folder = root().join("shaders");
    let used: BTreeSet<String> = kernels()
        .iter()
        .map(|kernel| kernel.name.to_owned())
        .collect();
    assert_eq!(stems(&folder)?, used, "kernel files and kernels");
    for kernel in kernels() {
        let file = std::fs::read_to_string(folder.join(format!("{}.wgsl", kernel.name)))?;
        assert_eq!(
            file,
            kernel.source,
            "{}: its file and its source",
            kernel.label()
        );
    }
    for stem in stems(&folder.join("helpers"))? {
        let text = std::fs::read_to_string(folder.join(format!("helpers/{stem}.wgsl")))?;
        let used = kernels().iter().any(|kernel| kernel.wgsl().contains(&text));
        assert!(used, "shaders/helpers/{stem}.wgsl is in no kernel");
    }
    Ok(())
}

/// `max_pool`: `MaxPool`.
fn type_name(layer: &str) -> String {
    let capitalised = |word: &str| word[..1].to_uppercase() + &word[1..];
    layer.split('_').map(capitalised).collect()
}

#[test]
fn the_readme_has_a_row_for_every_layer_but_copy() -> Tested {
    let readme = std::fs::read_to_string(root().join("README.md"))?;
    for layer in layers().filter(|&layer| layer != "copy") {
        let row = format!("| `{}`", type_name(layer));
        let found = readme.lines().any(|line| line.starts_with(&row));
        assert!(
            found,
            "README.md has no row of the table that begins with {row}"
        );
    }
    Ok(())
}
