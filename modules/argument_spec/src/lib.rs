//! Turns a module's DOCUMENTATION into its constant table of options, at build time.
//!
//! `collection/plugins/modules/NAME.py` is the single source of a module's options: `ansible-doc`
//! shows it to the user, and [`generate`] makes the `protocol::Spec` of it that the binary validates
//! its arguments with. Nothing parses YAML on the target. What documentation has no field for
//! (`mutually_exclusive`, `no_log`, …) stands beside the module's `Args`, as `protocol::Rules`.

mod document;
mod emit;
mod fragment;
mod prose;
mod python_source;
mod table;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::{env, fs};

pub use document::Node;
pub use emit::rust_item;
pub use table::{Kind, Opt, options};

/// What is wrong with a piece of documentation, and in which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError {
    /// The file, as it was read.
    pub file: PathBuf,
    /// What is wrong there (`option state: …`).
    pub message: String,
}

impl std::fmt::Display for SpecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.message)
    }
}

impl std::error::Error for SpecError {}

/// The namespace and name of the collection, as fragment names begin.
const COLLECTION: &str = "pci.passthrough";

/// Writes `$OUT_DIR/spec.rs` for the module `name`: the item `const SPEC: protocol::Spec`.
///
/// For build scripts: the documentation is found from `CARGO_MANIFEST_DIR`, and an error in it stops
/// the build with the file's name.
pub fn generate(name: &str) {
    println!("cargo:rerun-if-changed=build.rs");
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let plugins = manifest.join("../../collection/plugins");
    let mut inputs = Vec::new();
    let text = read_spec(&plugins, name, &mut inputs);
    for input in &inputs {
        println!("cargo:rerun-if-changed={}", input.display());
    }
    let text = match text {
        Ok(text) => text,
        Err(error) => panic!("the argument spec of {name} cannot be made: {error}"),
    };
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("spec.rs");
    if let Err(error) = fs::write(&out, text) {
        panic!("{}: cannot write the argument spec: {error}", out.display());
    }
}

/// The Rust source for the module `name` of the collection whose `plugins` folder is given.
/// Every file read is pushed to `inputs`, also where the result is an error.
pub fn read_spec(plugins: &Path, name: &str, inputs: &mut Vec<PathBuf>) -> Result<String, SpecError> {
    let file = plugins.join("modules").join(format!("{name}.py"));
    let at = |message: String| SpecError { file: file.clone(), message };
    inputs.push(file.clone());
    let source = fs::read_to_string(&file).map_err(|e| at(format!("cannot read the documentation: {e}")))?;
    let mut doc =
        document::parse(&python_source::constant(&source, "DOCUMENTATION").map_err(at)?).map_err(at)?;
    match doc.get("module") {
        Some(Node::Str(module)) if module == name => {}
        other => return Err(at(format!("`module:` must be {name}, it is {other:?}"))),
    }
    for slug in fragment::names(&doc).map_err(at)? {
        let (stem, constant) = fragment::locate(&slug, COLLECTION).map_err(at)?;
        let file = plugins.join("doc_fragments").join(format!("{stem}.py"));
        let at = |message: String| SpecError { file: file.clone(), message };
        if !inputs.contains(&file) {
            inputs.push(file.clone());
        }
        let source =
            fs::read_to_string(&file).map_err(|e| at(format!("cannot read the fragment {slug}: {e}")))?;
        let part = document::parse(&python_source::constant(&source, &constant).map_err(at)?).map_err(at)?;
        fragment::extend(&mut doc, part).map_err(at)?;
    }
    let table = options(&doc).map_err(at)?;
    let summary = prose::first_sentence(doc.get("short_description"));
    if summary.is_empty() {
        return Err(at("`short_description:` is missing".to_string()));
    }
    Ok(rust_item(name, &summary, &table))
}
