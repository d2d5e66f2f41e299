//! The kinds of proof, the quick ones first.

use std::process::Command;

use crate::ansible_env::{self, Env};
use crate::test::{Outcome, aarch64, count, sanity, size};
use crate::{collection, dist, paths, run, vm};

/// One kind of proof.
pub struct Kind {
    /// The name to choose it by.
    pub name: String,
    /// What it shows.
    pub what: String,
    how: How,
}

enum How {
    Cargo(&'static [&'static str]),
    Proof,
    Collection,
    Aarch64,
    Sanity(&'static str),
    Lint,
    Vm,
}

/// What several kinds need and the first of them makes.
#[derive(Default)]
pub struct Machine {
    collection: Option<Result<(), String>>,
}

const FORMAT: &[&str] = &["fmt", "--all", "--check"];
const CLIPPY: &[&str] =
    &["clippy", "--quiet", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"];
const CODE: &[&str] = &["test", "--locked", "--no-fail-fast", "--workspace", "--exclude", "proofs"];

/// All kinds. The proofs are the `[[test]]` entries of tests/Cargo.toml in the order given there.
pub fn all() -> Result<Vec<Kind>, String> {
    let kind = |name: &str, what: &str, how| Kind { name: name.to_owned(), what: what.to_owned(), how };
    let mut kinds = vec![
        kind("format", "cargo fmt", How::Cargo(FORMAT)),
        kind("clippy", "cargo clippy, every warning an error", How::Cargo(CLIPPY)),
        kind("code", "units, laws and fixtures of every crate", How::Cargo(CODE)),
        kind(
            "collection",
            "static binaries, Ansible environments, the collection built and installed",
            How::Collection,
        ),
    ];
    for (name, what) in proofs()? {
        kinds.push(kind(&name, &what, How::Proof));
    }
    kinds.push(kind(
        "aarch64",
        "the modules for aarch64 in QEMU's user mode: every fixture case; needs root",
        How::Aarch64,
    ));
    kinds.push(kind(
        "vm",
        "the role on real kernels with an Intel and an AMD IOMMU; where everything must run, or named",
        How::Vm,
    ));
    kinds.push(kind("lint", "ansible-lint, production profile", How::Lint));
    kinds.push(kind("sanity-2.16", "ansible-test sanity of ansible-core 2.16", How::Sanity("2.16")));
    kinds.push(kind(
        "sanity-newest",
        "ansible-test sanity of the newest ansible-core",
        How::Sanity("newest"),
    ));
    Ok(kinds)
}

impl Kind {
    /// Whether it runs only where everything must, or where it is asked for by its name: the guests take as
    /// long as all the rest together.
    pub fn takes_long(&self) -> bool {
        matches!(self.how, How::Vm)
    }

    /// Runs it to the end.
    pub fn run(&self, machine: &mut Machine) -> Outcome {
        match self.how {
            How::Cargo(arguments) => self.cargo(arguments),
            How::Proof => match machine.collection() {
                Ok(()) => self.cargo(&[
                    "test",
                    "--locked",
                    "--no-fail-fast",
                    "--package",
                    "proofs",
                    "--test",
                    &self.name,
                ]),
                Err(error) => Outcome::failed(format!("the collection is not there to prove: {error}")),
            },
            How::Collection => match machine.collection() {
                Ok(()) => size::small_enough(environments().judged()),
                Err(error) => Outcome::failed(error),
            },
            How::Aarch64 => match machine.collection() {
                Ok(()) => aarch64::run(&self.name),
                Err(error) => Outcome::failed(format!("there are no binaries to prove: {error}")),
            },
            How::Sanity(version) => self.with(machine, sanity::sanity, version),
            How::Vm => vm::proof(&self.name).judged(),
            How::Lint => self.with(machine, |_, name| sanity::lint(name), "newest"),
        }
    }

    fn cargo(&self, arguments: &[&str]) -> Outcome {
        let not_run = paths::target().join("logs").join(format!("test-{}.not-run", self.name));
        let mut cargo = Command::new("cargo");
        cargo.current_dir(paths::workspace()).args(arguments);
        cargo.env("RUST_BACKTRACE", "0");
        cargo.env("PASSTHROUGH_NOT_RUN", &not_run);
        // Whether a commit passes is not left to chance: the made-up cases are the same in every run, unless
        // the caller asks for others.
        if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
            cargo.env("PROPTEST_RNG_SEED", "1");
        }
        // The crates' own tests come before there is a collection: they run what cargo builds.
        if matches!(self.how, How::Proof) {
            cargo.env("PASSTHROUGH_BIN", collection::binaries_dir());
        }
        let done = paths::remove(&not_run)
            .and_then(|()| run::captured(&format!("test-{}", self.name), &self.name, &mut cargo));
        match done {
            Ok(done) if matches!(arguments.first(), Some(&"test")) => count::cargo_test(&done, &not_run),
            Ok(done) if done.status.success() => Outcome::passed(),
            Ok(done) => Outcome::failed(run::tail(&done.text, 60)),
            Err(error) => Outcome::failed(error),
        }
    }

    fn with(&self, machine: &mut Machine, check: impl Fn(&Env, &str) -> Outcome, version: &str) -> Outcome {
        if let Err(error) = machine.collection() {
            return Outcome::failed(format!("the collection is not there to check: {error}"));
        }
        match ansible_env::get(version) {
            Ok(env) => check(&env, &self.name),
            Err(error) => Outcome::not_run(&self.name, error).judged(),
        }
    }
}

impl Machine {
    /// The collection, built and installed once a run.
    fn collection(&mut self) -> Result<(), String> {
        let make = || ansible_env::get("2.19").and_then(|env| dist::make_all(&env)).map(|_| ());
        self.collection.get_or_insert_with(make).clone()
    }
}

/// Every environment that the proofs may ask for.
fn environments() -> Outcome {
    let mut outcome = Outcome::passed();
    for version in ansible_env::VERSIONS {
        match ansible_env::get(version) {
            Ok(_) => outcome.passed += 1,
            Err(error) => outcome.not_run.push((format!("ansible-core {version}"), error)),
        }
    }
    outcome
}

/// Name and description of each proof.
fn proofs() -> Result<Vec<(String, String)>, String> {
    let manifest = paths::read(&paths::workspace().join("tests/Cargo.toml"))?;
    entries(&String::from_utf8_lossy(&manifest))
}

/// The `[[test]]` entries of a manifest; the comment in each is its description.
fn entries(manifest: &str) -> Result<Vec<(String, String)>, String> {
    let mut entries = Vec::new();
    for entry in manifest.split("[[test]]").skip(1) {
        let name = entry.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        let name = name.ok_or("tests/Cargo.toml: a [[test]] without a name")?;
        let what = entry.lines().find_map(|line| line.strip_prefix("# "));
        let what = what.ok_or_else(|| format!("tests/Cargo.toml: no comment describes {name}"))?;
        entries.push((name.to_owned(), what.to_owned()));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proof_is_described() {
        let (one, two) = ("\n# What it shows\nname = \"one\"\n", "\nname = \"two\"\n");
        let found = entries(&format!("[[test]]{one}")).unwrap();
        assert_eq!(found, [("one".to_owned(), "What it shows".to_owned())]);
        assert!(entries(&format!("[[test]]{two}")).is_err_and(|error| error.contains("two")));
        assert!(!proofs().unwrap().is_empty());
    }
}
