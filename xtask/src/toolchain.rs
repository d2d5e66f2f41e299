//! What builds the static binaries: the toolchains that can, found on this machine. Nothing is installed here.

use std::env::consts::ARCH;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{paths, run};

/// Where Debian puts its compiler, whatever else is on PATH.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// The sources of the standard library, where that compiler looks for them.
const DEBIAN_STD: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
/// What the linker is to find in place of an unwinder.
const UNWIND: &str = include_str!("toolchain/unwind.c");

/// A way to static binaries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    /// The toolchain on PATH, with the musl target from `rustup target add`.
    RustupMusl,
    /// Debian's compiler, library sources and musl for this architecture or another (`aarch64`): the standard
    /// library is built along, for size.
    DebianMusl(&'static str),
    /// The toolchain on PATH for its own target: glibc links statically too, and is larger.
    StaticGnu,
}

impl Toolchain {
    /// All of them, smallest binaries first.
    pub const ALL: [Toolchain; 3] =
        [Toolchain::DebianMusl(ARCH), Toolchain::RustupMusl, Toolchain::StaticGnu];

    /// The one with the smallest binaries of those on this machine.
    pub fn smallest() -> Toolchain {
        Toolchain::musl().unwrap_or(Toolchain::StaticGnu)
    }

    /// The one that links musl, or why there is none.
    pub fn musl() -> Result<Toolchain, String> {
        let mut reasons = Vec::new();
        for toolchain in [Toolchain::DebianMusl(ARCH), Toolchain::RustupMusl] {
            match toolchain.missing() {
                None => return Ok(toolchain),
                Some(reason) => reasons.push(reason),
            }
        }
        Err(reasons.join("; "))
    }

    /// The one for the other architecture that the collection ships, or why there is none.
    pub fn other() -> Result<Toolchain, String> {
        let other = Toolchain::DebianMusl(if ARCH == "x86_64" { "aarch64" } else { "x86_64" });
        match other.missing() {
            None => Ok(other),
            Some(reason) => Err(reason),
        }
    }

    /// The architecture it builds for, as `uname -m` and the folder of the binaries have it.
    pub fn arch(self) -> &'static str {
        match self {
            Toolchain::DebianMusl(arch) => arch,
            Toolchain::RustupMusl | Toolchain::StaticGnu => ARCH,
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Result<Toolchain, String> {
        let known = Toolchain::ALL.map(Toolchain::name).join(", ");
        let found = Toolchain::ALL.into_iter().find(|toolchain| toolchain.name() == name);
        let found = found.ok_or_else(|| format!("no such toolchain: {name} (there are: {known})"))?;
        match found.missing() {
            None => Ok(found),
            Some(reason) => Err(format!("the toolchain {name} is not complete here: {reason}")),
        }
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Toolchain::RustupMusl => "rustup-musl",
            Toolchain::DebianMusl(_) => "debian-musl",
            Toolchain::StaticGnu => "static-gnu",
        }
    }

    /// The target it builds for.
    pub fn triple(self) -> Result<String, String> {
        match self {
            Toolchain::RustupMusl | Toolchain::DebianMusl(_) => Ok(musl_triple(self.arch())),
            Toolchain::StaticGnu => host_triple(),
        }
    }

    /// What it lacks on this machine; nothing where it can build.
    pub fn missing(self) -> Option<String> {
        match self {
            Toolchain::RustupMusl => (!has_target(&musl_triple(ARCH))).then(|| {
                format!("the Rust toolchain lacks the target (rustup target add {})", musl_triple(ARCH))
            }),
            Toolchain::DebianMusl(arch) => {
                // The compiler that musl's own wrapper calls.
                let (wrapper, gcc) = (musl_gcc(arch), format!("/usr/bin/{arch}-linux-gnu-gcc"));
                let there = [DEBIAN_CARGO, DEBIAN_RUSTC, DEBIAN_STD, &wrapper, &gcc];
                let lacking: Vec<&str> =
                    there.into_iter().filter(|path| !Path::new(path).is_file()).collect();
                if !lacking.is_empty() {
                    let lacking = lacking.join(", ");
                    let of_another = match arch == ARCH {
                        true => String::new(),
                        false => format!(":{} gcc-{arch}-linux-gnu", debian_arch(arch)),
                    };
                    return Some(format!(
                        "no {lacking} (Debian's rustc-web cargo-web rust-web-src musl-dev{of_another})"
                    ));
                }
                let Some(found) = release(DEBIAN_RUSTC) else {
                    return Some(format!("{DEBIAN_RUSTC} does not run"));
                };
                let needed = env!("CARGO_PKG_RUST_VERSION");
                (minor(&found) < minor(needed))
                    .then(|| format!("{DEBIAN_RUSTC} is {found}, this needs {needed}"))
            }
            Toolchain::StaticGnu => None,
        }
    }

    /// Builds the workspace's binaries `packages`; returns the folder that holds them.
    pub fn build(self, packages: &[String]) -> Result<PathBuf, String> {
        let mut cargo = self.cargo_build()?;
        cargo.current_dir(paths::workspace()).arg("--locked");
        for package in packages {
            cargo.args(["--package", package]);
        }
        let what = match packages {
            [one] => format!("building {one} for {} ({})", self.arch(), self.name()),
            several => {
                format!("building {} static binaries for {} ({})", several.len(), self.arch(), self.name())
            }
        };
        run::logged(&format!("build-{}-{}", self.name(), self.arch()), &what, &mut cargo)?;
        self.built()
    }

    /// Builds a program that does nothing, with the same flags: what every Rust binary costs.
    pub fn build_empty(self) -> Result<PathBuf, String> {
        let dir = paths::target().join("figures/empty");
        let workspace = paths::read(&paths::workspace().join("Cargo.toml"))?;
        let workspace = String::from_utf8_lossy(&workspace).into_owned();
        let profile =
            workspace.split_once("[profile.release]").ok_or("Cargo.toml has no [profile.release]")?.1;
        let manifest = format!(
            "[package]\nname = \"empty\"\nedition = \"2024\"\n\n[workspace]\n\n[profile.release]{profile}"
        );
        paths::write(&dir.join("Cargo.toml"), manifest.as_bytes())?;
        paths::write(&dir.join("src/main.rs"), b"fn main() {}\n")?;
        let mut cargo = self.cargo_build()?;
        cargo.current_dir(&dir).env("CARGO_TARGET_DIR", paths::target());
        run::logged(&format!("build-empty-{}", self.name()), "building an empty program", &mut cargo)?;
        Ok(self.built()?.join("empty"))
    }

    fn built(self) -> Result<PathBuf, String> {
        Ok(paths::target().join(self.triple()?).join("release"))
    }

    fn cargo_build(self) -> Result<Command, String> {
        // Without unwinding nobody reads unwind tables; a fixed address needs no relocations, and so no page of
        // its own for what they would have filled in. Code and constants share their pages in the file.
        let flags = [
            "-Ctarget-feature=+crt-static",
            "-Cforce-unwind-tables=no",
            "-Crelocation-model=static",
            "-Clink-arg=-Wl,-z,norelro,-z,noseparate-code",
        ];
        let mut flags: Vec<String> = flags.into_iter().map(str::to_owned).collect();
        // The place of a panic names the crate, not the builder's home.
        if let Some(home) = cargo_home() {
            flags.push(format!("--remap-path-prefix={}=", home.join("registry/src").display()));
        }
        let mut cargo = match self {
            Toolchain::RustupMusl | Toolchain::StaticGnu => Command::new("cargo"),
            Toolchain::DebianMusl(_) => Command::new(DEBIAN_CARGO),
        };
        cargo.args(["build", "--release", "--target", &self.triple()?]);
        if let Toolchain::DebianMusl(arch) = self {
            cargo.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"]);
            cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
            // `cargo run` points it at the libraries of the toolchain that built this program.
            cargo.env_remove("LD_LIBRARY_PATH");
            flags.push("-Clink-self-contained=no".to_owned());
            flags.push(format!("-Clinker={}", musl_gcc(arch)));
            flags.push(format!("-Lnative={}", unwind_stub(arch)?.display()));
        }
        // The caller's own flags stay; `--target` keeps all of them away from build scripts.
        let given = std::env::var("RUSTFLAGS").unwrap_or_default();
        let all: Vec<&str> = given.split_whitespace().chain(flags.iter().map(String::as_str)).collect();
        cargo.env("CARGO_ENCODED_RUSTFLAGS", all.join("\x1f"));
        Ok(cargo)
    }
}

/// Compiles `libunwind.a`; returns its folder.
fn unwind_stub(arch: &str) -> Result<PathBuf, String> {
    let dir = paths::target().join("toolchain").join(arch);
    paths::write(&dir.join("unwind.c"), UNWIND.as_bytes())?;
    let mut gcc = Command::new(musl_gcc(arch));
    gcc.current_dir(&dir).args(["-Os", "-c", "unwind.c", "-o", "unwind.o"]);
    run::logged("unwind-stub", "compiling the stand-in for the unwinder", &mut gcc)?;
    let mut ar = Command::new("ar");
    ar.current_dir(&dir).args(["rcs", "libunwind.a", "unwind.o"]);
    run::logged("unwind-stub", "packing the stand-in for the unwinder", &mut ar)?;
    Ok(dir)
}

fn musl_triple(arch: &str) -> String {
    format!("{arch}-unknown-linux-musl")
}

/// gcc that links Debian's musl (package musl-dev).
fn musl_gcc(arch: &str) -> String {
    format!("/usr/bin/{arch}-linux-musl-gcc")
}

/// Debian's name of an architecture.
fn debian_arch(arch: &str) -> &'static str {
    if arch == "x86_64" { "amd64" } else { "arm64" }
}

fn cargo_home() -> Option<PathBuf> {
    let given = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    given.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

fn host_triple() -> Result<String, String> {
    let told = run::logged("rustc", "asking rustc for its target", Command::new("rustc").arg("-vV"))?;
    let host = told.stdout.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "`rustc -vV` names no host".to_owned())
}

/// Whether the toolchain on PATH has the standard library of `triple`.
fn has_target(triple: &str) -> bool {
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", triple]).output();
    output.is_ok_and(|output| {
        output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

/// The version in `rustc -V`: `rustc 1.96.0 (…)` → `1.96.0`.
fn release(rustc: &str) -> Option<String> {
    let output = Command::new(rustc).arg("-V").env_remove("LD_LIBRARY_PATH").output().ok()?;
    String::from_utf8_lossy(&output.stdout).split_whitespace().nth(1).map(str::to_owned)
}

/// `1.96.0` → 96; Rust's major version stays 1.
fn minor(version: &str) -> u32 {
    version.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_toolchain_has_a_name_of_its_own_and_static_gnu_needs_nothing() {
        let mut names = Toolchain::ALL.map(Toolchain::name).to_vec();
        names.dedup();
        assert_eq!(names.len(), Toolchain::ALL.len());
        assert!(Toolchain::named("static-gnu").is_ok_and(|found| found == Toolchain::StaticGnu));
        assert!(Toolchain::named("gcc").is_err_and(|error| error.contains("debian-musl, rustup-musl")));
    }

    #[test]
    fn the_other_architecture_is_another_and_what_it_lacks_is_named() {
        match Toolchain::other() {
            Ok(toolchain) => assert_ne!(toolchain.arch(), ARCH),
            Err(reason) => assert!(reason.contains("musl-dev"), "{reason}"),
        }
    }

    #[test]
    fn versions_compare_by_their_minor_number() {
        assert!(minor("1.63.0") < minor("1.95"));
        assert!(minor("1.100.0") > minor("1.95"));
    }
}
