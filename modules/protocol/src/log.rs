//! The line in the target's system log that every Ansible module leaves.

use std::io::{self, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;

use crate::arguments::Settings;
use crate::coerce::Era;
use crate::mask::{Secrets, hide_credentials, reads_like_password};
use crate::spec::{Opt, Rules};
use crate::value::Dict;
use crate::{local_time, pytext};

/// Where the system log listens.
const LOG: &str = "/dev/log";
/// The severity `LOG_INFO`.
const INFO: u8 = 6;
/// A daemon that does not read must not hold a task up.
const PATIENCE: Duration = Duration::from_secs(1);

/// The `Invoked with …` line, and the warnings that making it gave.
pub fn invocation(options: &[Opt], rules: &Rules, params: &Dict, secrets: &Secrets) -> (String, Vec<String>) {
    let mut warnings = Vec::new();
    let mut line = String::from("Invoked");
    for (name, value) in params.iter() {
        let option = options.iter().find(|opt| opt.aliases.contains(&name)).map_or(name, |opt| opt.name);
        let text = match rules.secret(option) {
            Some(true) => "NOT_LOGGING_PARAMETER".to_string(),
            None if reads_like_password(name) => {
                warnings.push(format!("Module did not set no_log for {name}"));
                "NOT_LOGGING_PASSWORD".to_string()
            }
            _ => secrets.hide(&hide_credentials(&pytext::str(value))),
        };
        line.push_str(if line.len() == "Invoked".len() { " with " } else { " " });
        line.push_str(name);
        line.push('=');
        line.push_str(&text);
    }
    (line, warnings)
}

/// Sends `lines` to the system log, unless the task asks for none. A target without a log is fine.
pub fn send(settings: &Settings, secrets: &Secrets, lines: &[String]) {
    if settings.no_log {
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let stamp = local_time::stamp(i64::try_from(now).unwrap_or(0));
    let priority = facility(&settings.syslog_facility) << 3 | INFO;
    for line in lines {
        let line = match settings.target_log_info.as_str() {
            "" => line.clone(),
            info => format!("{info} {line}"),
        };
        let name = &settings.module_name;
        // Nobody listens, or the line is larger than the socket takes: as with syslog(3), no error.
        let _ = deliver(&format!("<{priority}>{stamp} ansible-{name}: {}", secrets.hide(&line)));
    }
}

/// As `syslog(3)` does: a datagram, or to an old daemon a stream with a NUL after each line.
fn deliver(line: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    match socket.send_to(line.as_bytes(), LOG) {
        Err(error) if error.raw_os_error() == Some(Errno::EPROTOTYPE as i32) => {
            let mut stream = UnixStream::connect(LOG)?;
            stream.set_write_timeout(Some(PATIENCE))?;
            stream.write_all(line.as_bytes())?;
            stream.write_all(&[0])
        }
        sent => sent.map(|_| ()),
    }
}

/// The warnings as lines for the log: Ansible wrote them there until 2.19.
pub fn warning_lines(era: Era, warnings: &[String]) -> Vec<String> {
    match era {
        Era::Legacy => warnings.iter().map(|warning| format!("[WARNING] {warning}")).collect(),
        Era::Tagged => Vec::new(),
    }
}

/// The code of a facility's name (`syslog.h`); `LOG_USER` for an unknown one.
fn facility(name: &str) -> u8 {
    const NAMES: [&str; 11] =
        ["KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV"];
    let name = name.strip_prefix("LOG_").unwrap_or_default();
    let local =
        name.strip_prefix("LOCAL").and_then(|digit| digit.parse::<u8>().ok()).filter(|digit| *digit < 8);
    let code = NAMES.iter().zip(0..).find(|(known, _)| **known == name).map(|(_, code)| code);
    local.map(|digit| 16 + digit).or(code).unwrap_or(1)
}
