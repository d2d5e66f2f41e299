//! Programs that end in time, and with this one: a run that is cut leaves nothing behind.

use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

/// `program` as the kernel ends it (SIGKILL) when the thread that started it does, however that ends.
pub fn owned(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// The same command, ended after `limit`, and when this program ends. Exit status 124 tells the former.
pub fn bounded(limit: Duration, command: &Command) -> Command {
    let mut outer = Command::new("setpriv");
    // `timeout` passes SIGTERM on to what it runs.
    outer.args(["--pdeathsig", "TERM", "--", "timeout", "--kill-after=10"]);
    outer.arg(limit.as_secs().to_string()).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        outer.current_dir(dir);
    }
    outer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_in_time_and_hands_everything_on() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $WORD; exec sleep 60"]).env("WORD", "handed on");
        let output = bounded(Duration::from_secs(1), &command).output().expect("setpriv starts");
        assert_eq!(output.status.code(), Some(124));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "handed on\n");
    }
}
