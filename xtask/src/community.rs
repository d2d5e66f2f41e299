//! community.general, whose modules are measured against.

use std::path::PathBuf;

use crate::{paths, python, run};

/// community.general out of the `ansible` package, which is where PyPI has it.
pub fn general() -> Result<PathBuf, String> {
    let dir = paths::target().join("figures/community");
    let mark = dir.join("complete");
    if mark.is_file() {
        return Ok(dir);
    }
    paths::remove(&dir)?;
    let python = python::first_of(&[11, 12, 13]).ok_or("needs Python 3.11 to 3.13")?;
    let wheels = dir.join("wheels");
    let mut venv = python::make_venv(&python, &dir.join("venv"))?;
    venv.args(["--no-deps", "--target"]).arg(&wheels).arg("ansible==12.*");
    run::logged("figures-community", "installing the ansible package for community.general", &mut venv)?;
    let from = wheels.join("ansible_collections/community/general");
    paths::copy_tree(&from, &dir.join("ansible_collections/community/general"))?;
    paths::remove(&wheels)?;
    paths::write(&mark, b"")?;
    Ok(dir)
}
