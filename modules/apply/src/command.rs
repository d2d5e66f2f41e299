//! Runs a command under the root: no shell, a fixed environment, a time limit, output captured.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use host::Root;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, killpg};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, chdir, chroot, fchdir};

use crate::error::Step;

/// The whole search path: nothing of the caller's environment decides which program runs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How many of the last lines of a failed command's output go into the message.
const LAST_LINES: usize = 12;

/// The path of `name` inside the root; an absolute name must exist.
pub(crate) fn find(root: &Root, name: &str) -> Result<String, Step> {
    let candidates: Vec<String> = if name.starts_with('/') {
        vec![name.to_string()]
    } else {
        PATH.split(':').map(|dir| format!("{dir}/{name}")).collect()
    };
    let executable =
        |path: &String| root.stat(path).is_some_and(|s| s.st_mode & 0o111 != 0 && !root.is_dir(path));
    candidates.into_iter().find(executable).ok_or_else(|| Step::NoCommand {
        command: name.to_string(),
        root: root.path().display().to_string(),
        path: PATH,
    })
}

/// Runs the argument vector chrooted into the root and waits at most `limit`. An exit status other
/// than 0 is an error that carries the last lines of its output.
pub(crate) fn run(root: &Root, words: &[String], limit: Duration) -> Result<(), (Step, Option<i32>)> {
    let shown = words.join(" ");
    let start = |source: std::io::Error| (Step::Start { command: shown.clone(), source }, None);
    let Some((name, arguments)) = words.split_first() else {
        return Err((Step::Unmet("an empty command cannot be run".into()), None));
    };
    let program = find(root, name).map_err(|step| (step, None))?;
    let mut output = File::from(memfd_create("output", MFdFlags::MFD_CLOEXEC).map_err(|e| start(e.into()))?);
    // Opened out here: the tree may have no devices.
    let null = File::open("/dev/null").map_err(start)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .env("HOME", "/root")
        .stdin(null)
        .stdout(output.try_clone().map_err(start)?)
        .stderr(output.try_clone().map_err(start)?)
        // A group of its own, so that the time limit ends its children too.
        .process_group(0);
    let mut child = inside(root, || command.spawn()).map_err(start)?;
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    let status = loop {
        match child.try_wait().map_err(start)? {
            Some(status) => break status,
            None if Instant::now() >= deadline => {
                let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
                let _ = child.wait();
                let how = format!("did not end within {} s and was killed", limit.as_secs());
                return Err((Step::Command { command: shown, how, output: last_lines(&mut output) }, None));
            }
            None => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(50));
            }
        }
    };
    if status.success() {
        return Ok(());
    }
    Err((
        Step::Command { command: shown, how: describe(status), output: last_lines(&mut output) },
        status.code(),
    ))
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with exit status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "failed".to_string(),
    }
}

/// The end of a command's output, led by a line break; empty where it printed nothing.
fn last_lines(output: &mut File) -> String {
    let mut bytes = Vec::new();
    let length = output.seek(SeekFrom::End(0)).unwrap_or(0);
    let _ = output.seek(SeekFrom::Start(length.saturating_sub(16 << 10)));
    let _ = output.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(LAST_LINES);
    lines[from..].iter().map(|line| format!("\n  {line}")).collect()
}

/// Runs `work` with the root as the process's root directory, and comes back. The modules are
/// single-threaded: nothing else looks a path up in between.
fn inside<T>(root: &Root, work: impl FnOnce() -> std::io::Result<T>) -> std::io::Result<T> {
    if root.is_live() {
        return work();
    }
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let outside = open("/", flags, Mode::empty())?;
    let here = open(".", flags, Mode::empty())?;
    chroot(root.path())?;
    let done = chdir("/").map_err(std::io::Error::from).and_then(|()| work());
    let back: Result<(), Errno> = fchdir(&outside).and_then(|()| chroot(".")).and_then(|()| fchdir(&here));
    back?;
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn words(text: &str) -> Vec<String> {
        text.split('|').map(str::to_string).collect()
    }

    fn live() -> Root {
        Root::open(Path::new("/")).unwrap()
    }

    #[test]
    fn a_failure_carries_status_and_last_lines() {
        let (step, rc) =
            run(&live(), &words("sh|-c|echo first; echo the reason >&2; exit 3"), Duration::from_secs(20))
                .unwrap_err();
        assert_eq!(rc, Some(3));
        assert_eq!(
            step.to_string(),
            "sh -c echo first; echo the reason >&2; exit 3: failed with exit status 3\n  first\n  the reason"
        );
    }

    #[test]
    fn a_flood_of_output_does_not_block_and_is_cut() {
        let (step, _) =
            run(&live(), &words("sh|-c|seq 1 200000; exit 1"), Duration::from_secs(60)).unwrap_err();
        let text = step.to_string();
        assert!(text.ends_with("\n  200000") && text.lines().count() == 1 + LAST_LINES);
    }

    #[test]
    fn the_time_limit_ends_children_too() {
        let (step, rc) =
            run(&live(), &words("sh|-c|sleep 60 & wait"), Duration::from_millis(200)).unwrap_err();
        assert!(rc.is_none() && step.to_string().contains("did not end within"), "{step}");
    }

    #[test]
    fn the_environment_is_fixed() {
        run(&live(), &words(r#"sh|-c|test "$LC_ALL" = C && test -z "$CARGO""#), Duration::from_secs(20))
            .unwrap();
    }

    #[test]
    fn a_missing_command_is_named() {
        let (step, _) = run(&live(), &words("no-such-command|-x"), Duration::from_secs(1)).unwrap_err();
        assert!(step.to_string().starts_with("no-such-command: not found in /"), "{step}");
    }
}
