//! Runs other programs: quietly with a log and a sign of life, or captured.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::paths;

/// What a captured program left behind.
pub struct Captured {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output, then standard error.
    pub text: String,
    /// Standard output alone.
    pub stdout: String,
}

/// Runs `command` with both outputs kept in `target/logs/NAME.log`, while a line on the terminal shows that it
/// is alive. On failure the end of the log is in the error.
pub fn logged(name: &str, what: &str, command: &mut Command) -> Result<Captured, String> {
    let done = captured(name, what, command)?;
    if done.status.success() {
        return Ok(done);
    }
    Err(format!(
        "{what} failed ({}):\n{}\nThe whole log: {}",
        done.status,
        tail(&done.text, 30),
        paths::shown(&log_path(name))
    ))
}

/// As [`logged`], but any exit status is fine: the caller judges.
pub fn captured(name: &str, what: &str, command: &mut Command) -> Result<Captured, String> {
    let (log, out) = (log_path(name), log_path(&format!("{name}.stdout")));
    paths::write(&log, b"")?;
    let open = |path: &PathBuf| File::create(path).map_err(|error| format!("{}: {error}", path.display()));
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(open(&out)?)
        .stderr(open(&log)?)
        .spawn()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let mut alive = Alive::new(what);
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
        alive.tick(start.elapsed());
    };
    alive.clear();
    let text_of =
        |path: &PathBuf| paths::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (stdout, stderr) = (text_of(&out)?, text_of(&log)?);
    let text = format!("{stdout}{stderr}");
    paths::write(&log, text.as_bytes())?;
    paths::remove(&out)?;
    Ok(Captured { status, text, stdout })
}

/// Where the output of the step `name` is kept.
pub fn log_path(name: &str) -> PathBuf {
    paths::target().join("logs").join(format!("{name}.log"))
}

/// The last `count` lines.
pub fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// `1.2 s`, `3 min 20 s`.
pub fn seconds(took: Duration) -> String {
    match took.as_secs() {
        0..10 => format!("{:.1} s", took.as_secs_f64()),
        10..120 => format!("{} s", took.as_secs()),
        more => format!("{} min {:02} s", more / 60, more % 60),
    }
}

/// Prints lines where a sign of life may be standing.
pub fn say(lines: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    println!("{lines}");
}

/// A line that counts the seconds on a terminal, and a line a minute elsewhere (a CI log).
struct Alive<'a> {
    what: &'a str,
    terminal: bool,
    shown: u64,
}

impl<'a> Alive<'a> {
    fn new(what: &'a str) -> Self {
        Self { what, terminal: std::io::stderr().is_terminal(), shown: 0 }
    }

    fn tick(&mut self, elapsed: Duration) {
        let now = elapsed.as_secs();
        let step = if self.terminal { 1 } else { 60 };
        if now < self.shown + step {
            return;
        }
        self.shown = now;
        if self.terminal {
            eprint!("\r\x1b[K    {} … {}", self.what, seconds(elapsed));
            // A sign of life that cannot be written is no reason to stop.
            let _ = std::io::stderr().flush();
        } else {
            eprintln!("    {} … {}", self.what, seconds(elapsed));
        }
    }

    fn clear(&self) {
        if self.terminal && self.shown > 0 {
            eprint!("\r\x1b[K");
        }
    }
}
