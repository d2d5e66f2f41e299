//! Runs a command under the root: no shell, a fixed environment, a time limit, output captured.

use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use host::Root;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
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
    let words: Vec<&str> =
        std::iter::once(program.as_str()).chain(arguments.iter().map(String::as_str)).collect();
    let child = inside(root, || Ok(spawn(&words, &null, &output)?)).map_err(start)?;
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    let status = loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) if Instant::now() >= deadline => {
                let _ = killpg(child, Signal::SIGKILL);
                let _ = waitpid(child, None);
                let how = format!("did not end within {} s and was killed", limit.as_secs());
                return Err((Step::Command { command: shown, how, output: last_lines(&mut output) }, None));
            }
            Ok(WaitStatus::StillAlive) => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(50));
            }
            Err(Errno::EINTR) => {}
            ended => break ended.map_err(|e| start(e.into()))?,
        }
    };
    let (how, code) = match status {
        WaitStatus::Exited(_, 0) => return Ok(()),
        WaitStatus::Exited(_, code) => (format!("failed with exit status {code}"), Some(code)),
        WaitStatus::Signaled(_, signal, _) => (format!("was killed by signal {}", signal as i32), None),
        _ => ("failed".to_string(), None),
    };
    Err((Step::Command { command: shown, how, output: last_lines(&mut output) }, code))
}

/// Starts the program that the first word names, in a process group of its own, so that the time limit
/// ends its children too. `std::process` would do the same for 25 KB more.
fn spawn(words: &[&str], input: &File, output: &File) -> Result<Pid, Errno> {
    let words: Result<Vec<CString>, _> = words.iter().map(|word| CString::new(*word)).collect();
    let words = words.map_err(|_| Errno::EINVAL)?;
    let program = words.first().ok_or(Errno::EINVAL)?;
    let path = format!("PATH={PATH}");
    let environment = [path.as_str(), "LC_ALL=C", "HOME=/root"].map(|v| CString::new(v).unwrap_or_default());
    let mut files = PosixSpawnFileActions::init()?;
    // No source is among the targets: Rust's start-up sees to it that the first three are taken.
    for (from, to) in [(input.as_raw_fd(), 0), (output.as_raw_fd(), 1), (output.as_raw_fd(), 2)] {
        files.add_dup2(from, to)?;
    }
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(
        PosixSpawnFlags::POSIX_SPAWN_SETPGROUP
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK,
    )?;
    attributes.set_pgroup(Pid::from_raw(0))?;
    // Rust ignores it, and a pipeline's first part would never end.
    attributes.set_sigdefault(&SigSet::from(Signal::SIGPIPE))?;
    attributes.set_sigmask(&SigSet::empty())?;
    posix_spawn(program.as_c_str(), &files, &attributes, &words, &environment)
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
