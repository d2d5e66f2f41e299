//! `cargo xtask ansible-env`: one virtual environment a version of ansible-core, in target/ansible.

use std::path::PathBuf;
use std::process::Command;

use crate::python::{self, Python};
use crate::{paths, run};

/// The versions, oldest first; the folders' names.
pub const VERSIONS: [&str; 3] = ["2.16", "2.19", "newest"];

/// An empty configuration file in each environment: it keeps the user's own out.
const CONFIG: &str = "ansible.cfg";

/// One environment.
#[derive(Debug, Clone)]
pub struct Env {
    /// Its folder.
    pub dir: PathBuf,
    /// The exact version of ansible-core in it.
    pub core: String,
}

impl Env {
    /// A program of the environment, with nothing of the user's own Ansible configuration, and with the
    /// installed collection in reach.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.dir.join("bin").join(program));
        let home = self.dir.join("home");
        command
            .current_dir(paths::workspace())
            .env("ANSIBLE_CONFIG", self.dir.join(CONFIG))
            .env("ANSIBLE_HOME", &home)
            .env("ANSIBLE_LOCAL_TEMP", home.join("tmp"))
            .env("ANSIBLE_REMOTE_TEMP", home.join("tmp"))
            .env("ANSIBLE_COLLECTIONS_PATH", crate::collection::installed_dir())
            .env("ANSIBLE_LOCALHOST_WARNING", "false")
            .env("ANSIBLE_INVENTORY_UNPARSED_WARNING", "false")
            .env("ANSIBLE_DEVEL_WARNING", "false")
            .env("ANSIBLE_CALLBACK_RESULT_FORMAT", "yaml")
            .env("ANSIBLE_NOCOLOR", "1")
            .env("LC_ALL", "C.UTF-8");
        command
    }

    /// The interpreter.
    pub fn python(&self) -> PathBuf {
        self.dir.join("bin/python")
    }
}

/// The command: makes the versions named, or all.
pub fn run(versions: &[String]) -> Result<(), String> {
    for version in versions {
        if !VERSIONS.contains(&version.as_str()) {
            return Err(format!("no such version: {version} (there are: {})", VERSIONS.join(", ")));
        }
    }
    for version in
        VERSIONS.iter().filter(|version| versions.is_empty() || versions.iter().any(|v| v == *version))
    {
        let env = get(version)?;
        println!("{version}: ansible-core {} in {}", env.core, paths::shown(&env.dir));
    }
    Ok(())
}

/// The environment of `version`, made if it is not there yet.
pub fn get(version: &str) -> Result<Env, String> {
    let dir = paths::target().join("ansible").join(version);
    let mark = dir.join("ansible-core.version");
    if let Ok(core) = std::fs::read_to_string(&mark) {
        return Ok(Env { dir, core });
    }
    let (python, requirement) = choose(version)?;
    let what = format!("installing {requirement} with Python 3.{}", python.minor);
    let mut pip = python::make_venv(&python, &dir)?;
    run::logged(&format!("ansible-env-{version}"), &what, pip.arg(&requirement))?;
    let ask = "import importlib.metadata as m; print(m.version('ansible-core'), end='')";
    let asked = run::logged(
        &format!("ansible-env-{version}"),
        &what,
        Command::new(dir.join("bin/python")).args(["-c", ask]),
    )?;
    paths::write(&dir.join(CONFIG), b"")?;
    // Written last: an interrupted install is done again.
    paths::write(&mark, asked.stdout.as_bytes())?;
    Ok(Env { dir, core: asked.stdout })
}

fn choose(version: &str) -> Result<(Python, String), String> {
    // What each ansible-core supports on the controller, the best-tried first.
    let (minors, requirement): (&[u32], &str) = match version {
        "2.16" => (&[11, 12, 10], "ansible-core==2.16.*"),
        "2.19" => (&[11, 12, 13], "ansible-core==2.19.*"),
        _ => (&[14, 13, 12, 11], "ansible-core"),
    };
    match python::first_of(minors) {
        Some(python) => Ok((python, requirement.to_owned())),
        None => Err(format!(
            "{requirement} needs one of {}, with venv or pip, and this machine has none. \
             On Debian or Ubuntu: apt-get install python3 python3-venv",
            minors.iter().map(|minor| format!("Python 3.{minor}")).collect::<Vec<_>>().join(", "),
        )),
    }
}
