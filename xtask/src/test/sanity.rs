//! `ansible-test sanity` and `ansible-lint` on the staged collection, away from the user's own home.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ansible_env::Env;
use crate::test::{Outcome, count};
use crate::{collection, paths, python, run};

/// ansible-test brings pip into its environments with a script from a server of its own; the interpreter can
/// do the same with what it ships.
const BOOTSTRAP_PIP: &str = "\
import subprocess
import sys

arguments = [word for word in sys.argv[1:] if word not in ('--no-setuptools', '--no-wheel')]
subprocess.check_call([sys.executable, '-m', 'ensurepip', '--default-pip'], stdout=subprocess.DEVNULL)
sys.exit(subprocess.call([sys.executable, '-m', 'pip', 'install'] + arguments))
";

/// Every sanity test of the ansible-core in `env`, each in an environment made by ansible-test.
pub fn sanity(env: &Env, name: &str) -> Outcome {
    let prepared = prepare(name).and_then(|dir| Ok((home(env, name)?, dir)));
    let (home, dir) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return Outcome::failed(error),
    };
    let version = "import sys; print('%d.%d' % sys.version_info[:2], end='')";
    let asked =
        run::logged(name, "asking Python for its version", Command::new(env.python()).args(["-c", version]));
    let version = match asked {
        Ok(asked) => asked.stdout,
        Err(error) => return Outcome::failed(error),
    };
    let mut path = env.dir.join("bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new(env.dir.join("bin/ansible-test"));
    command.current_dir(dir).env("HOME", home).env("PATH", path).env("LC_ALL", "C.UTF-8");
    command.args(["sanity", "--venv", "--python", &version, "--color", "no"]);
    match run::captured(
        &format!("test-{name}"),
        &format!("{name} (the first time builds its environments)"),
        &mut command,
    ) {
        Ok(done) => count::sanity(&done),
        Err(error) => Outcome::failed(error),
    }
}

/// ansible-lint, of its own environment, with the production profile.
pub fn lint(name: &str) -> Outcome {
    let checked = prepare(name).and_then(|dir| Ok((lint_env()?, dir))).and_then(|(env, dir)| {
        let mut path = env.join("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new(env.join("bin/ansible-lint"));
        command.args(["--profile", "production", "--strict", "--offline", "--nocolor"]);
        command.current_dir(dir).env("PATH", path).env("LC_ALL", "C.UTF-8");
        command
            .env("ANSIBLE_HOME", env.join("home"))
            .env("ANSIBLE_COLLECTIONS_PATH", collection::installed_dir());
        run::logged(&format!("test-{name}"), "ansible-lint", &mut command)
    });
    match checked {
        Ok(_) => Outcome::passed(),
        Err(error) => Outcome::failed(error),
    }
}

/// A copy of the staged collection with a repository of its own: ansible-test and ansible-lint ask git which
/// files there are, and ours ignores target/. Environments of an earlier run in tests/output stay.
fn prepare(name: &str) -> Result<PathBuf, String> {
    let dir = paths::target().join(name).join("ansible_collections/pci/passthrough");
    paths::make_dir(&dir)?;
    for entry in paths::list(&dir)?.iter().filter(|entry| *entry != "tests" && *entry != ".git") {
        paths::remove(&dir.join(entry))?;
    }
    let tests = dir.join("tests");
    for entry in paths::list(&tests).unwrap_or_default().iter().filter(|entry| *entry != "output") {
        paths::remove(&tests.join(entry))?;
    }
    paths::copy_tree(&collection::staged_dir(), &dir)?;
    paths::write(&dir.join(".gitignore"), b"/.gitignore\n/tests/output/\n")?;
    run::logged(name, "git init", Command::new("git").args(["init", "--quiet"]).current_dir(&dir))?;
    Ok(dir)
}

/// A home for ansible-test: its caches, and pip's settings, since it hands no variable on to pip.
fn home(env: &Env, name: &str) -> Result<PathBuf, String> {
    let home = paths::target().join(name).join("home");
    for version in pip_versions(env)? {
        let script = format!(".ansible/test/cache/get_pip_{}.py", version.replace('.', "_"));
        paths::write(&home.join(script), BOOTSTRAP_PIP.as_bytes())?;
    }
    let listed = run::logged(
        name,
        "pip config list",
        Command::new(env.python()).args(["-m", "pip", "config", "list"]),
    )?;
    let mut settings = String::from("[global]\n");
    for line in listed.stdout.lines() {
        // `global.cert='…'` from a file, `:env:.cert='…'` from a variable.
        let Some((name, value)) = line.split_once('=') else { continue };
        let Some((_, key)) = name.rsplit_once('.') else { continue };
        let line = format!("{key} = {}\n", value.trim_matches('\''));
        if !settings.contains(&format!("\n{key} = ")) {
            settings.push_str(&line);
        }
    }
    if let Some(proxy) = ["https_proxy", "HTTPS_PROXY"].iter().find_map(|name| std::env::var(name).ok()) {
        settings.push_str(&format!("proxy = {proxy}\n"));
    }
    paths::write(&home.join(".config/pip/pip.conf"), settings.as_bytes())?;
    Ok(home)
}

/// The versions of pip that this ansible-test asks for: they are in the name of the script.
fn pip_versions(env: &Env) -> Result<Vec<String>, String> {
    let lib = env.dir.join("lib");
    let python = paths::list(&lib)?.into_iter().find(|name| name.starts_with("python3"));
    let python = python.ok_or_else(|| format!("{}: no python3.N", lib.display()))?;
    let source = lib.join(python).join("site-packages/ansible_test/_internal/python_requirements.py");
    let text = String::from_utf8_lossy(&paths::read(&source)?).into_owned();
    let quoted = |line: &str| {
        line.trim().strip_prefix("pip='")?.split_once('\'').map(|(version, _)| version.to_owned())
    };
    let versions: Vec<String> = text.lines().filter_map(quoted).collect();
    if versions.is_empty() {
        return Err(format!("{}: names no version of pip; has ansible-test changed?", source.display()));
    }
    Ok(versions)
}

fn lint_env() -> Result<PathBuf, String> {
    let dir = paths::target().join("ansible/lint");
    if is_complete(&dir) {
        return Ok(dir);
    }
    let python = python::first_of(&[13, 12, 14, 11, 10]).ok_or("ansible-lint needs Python 3.10 or later")?;
    let mut pip = python::make_venv(&python, &dir)?;
    run::logged("lint-env", "installing ansible-lint", pip.args(["ansible-lint"]))?;
    paths::write(&dir.join("complete"), b"")?;
    Ok(dir)
}

fn is_complete(dir: &Path) -> bool {
    dir.join("complete").is_file()
}
