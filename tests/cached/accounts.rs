//! The people on a proof's machine.

use std::fs;
use std::process::Command;

use crate::world::{run, shell};

/// Logs in over SSH and may do anything through sudo.
pub const LOGIN: &str = "pcipt-login";
/// Has an account, and nothing to do with the tasks: the attacker.
pub const OTHER: &str = "pcipt-other";
/// The login user's home.
pub const HOME: &str = "/home/pcipt-login";

/// Makes both accounts.
pub fn make() {
    for name in [LOGIN, OTHER] {
        run(Command::new("useradd").args(["--create-home", "--shell", "/bin/bash", "--password", "*", name]));
        run(Command::new("chmod").args(["755", &format!("/home/{name}")]));
    }
    // No files of the machine's own skeleton: they may differ.
    shell(&format!("rm -f {HOME}/.bash* {HOME}/.profile"));
    sudo("");
}

/// Gives the login user all rights without a password, with more lines of sudo's settings.
pub fn sudo(settings: &str) {
    let rule = format!("{settings}\n{LOGIN} ALL=(ALL:ALL) NOPASSWD: ALL\n");
    fs::write("/etc/sudoers.d/pcipt", rule).expect("sudo's rule");
    run(Command::new("chmod").args(["440", "/etc/sudoers.d/pcipt"]));
}

/// Runs lines of shell as the attacker.
pub fn as_other(script: &str) -> Command {
    let mut command = Command::new("runuser");
    command.args(["-u", OTHER, "--", "sh", "-c", script]).current_dir("/");
    command
}
