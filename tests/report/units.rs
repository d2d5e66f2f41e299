//! The plugin's parts alone: tests/report/unit, by the Python of an Ansible environment.

use std::process::Command;

use proofs::{ansible, target_dir, workspace_dir};

pub fn every_part_does_its_work(version: &str) {
    let Some(env) = ansible("report::units", version) else { return };
    let ran = crate::run::succeed(
        Command::new(env.python())
            .args(["-m", "unittest", "discover", "--start-directory", "."])
            .current_dir(workspace_dir().join("tests/report/unit"))
            .env("PYTHONPATH", target_dir().join("installed"))
            .env("PYTHONDONTWRITEBYTECODE", "1"),
    );
    let count = ran.text.split_once("Ran ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<u32>().ok());
    assert!(count.is_some_and(|count| count > 40), "{}", ran.text);
}
