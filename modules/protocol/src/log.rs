//! The line in the target's system log that every Ansible module leaves.

use std::ffi::CString;

use nix::syslog::{Facility, LogFlags, Priority, Severity, openlog, syslog};

use crate::arguments::Settings;
use crate::coerce::Era;
use crate::mask::{Secrets, hide_credentials, reads_like_password};
use crate::pytext;
use crate::spec::{Opt, Rules};
use crate::value::Dict;

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
///
/// libc's `syslog(3)` does it, for the local time and the several kinds of `/dev/log`.
pub fn send(settings: &Settings, secrets: &Secrets, lines: &[String]) {
    if settings.no_log || lines.is_empty() {
        return;
    }
    let Ok(ident) = CString::new(format!("ansible-{}", settings.module_name)) else { return };
    let facility = facility(&settings.syslog_facility);
    // libc keeps the pointer until the process ends.
    if openlog(Some(Box::leak(ident.into_boxed_c_str())), LogFlags::empty(), facility).is_err() {
        return;
    }
    let priority = Priority::new(Severity::LOG_INFO, facility);
    for line in lines {
        let line = match settings.target_log_info.as_str() {
            "" => line.clone(),
            info => format!("{info} {line}"),
        };
        // It fails only for a NUL in the line, which is lost then, as the rest of it would be.
        let _ = syslog(priority, secrets.hide(&line).as_str());
    }
}

/// The warnings as lines for the log: Ansible wrote them there until 2.19.
pub fn warning_lines(era: Era, warnings: &[String]) -> Vec<String> {
    match era {
        Era::Legacy => warnings.iter().map(|warning| format!("[WARNING] {warning}")).collect(),
        Era::Tagged => Vec::new(),
    }
}

/// nix has no name for `LOG_CRON` and `LOG_AUTHPRIV`; they go to `LOG_USER`, as unknown names do.
fn facility(name: &str) -> Facility {
    match name {
        "LOG_KERN" => Facility::LOG_KERN,
        "LOG_MAIL" => Facility::LOG_MAIL,
        "LOG_DAEMON" => Facility::LOG_DAEMON,
        "LOG_AUTH" => Facility::LOG_AUTH,
        "LOG_SYSLOG" => Facility::LOG_SYSLOG,
        "LOG_LPR" => Facility::LOG_LPR,
        "LOG_NEWS" => Facility::LOG_NEWS,
        "LOG_UUCP" => Facility::LOG_UUCP,
        "LOG_LOCAL0" => Facility::LOG_LOCAL0,
        "LOG_LOCAL1" => Facility::LOG_LOCAL1,
        "LOG_LOCAL2" => Facility::LOG_LOCAL2,
        "LOG_LOCAL3" => Facility::LOG_LOCAL3,
        "LOG_LOCAL4" => Facility::LOG_LOCAL4,
        "LOG_LOCAL5" => Facility::LOG_LOCAL5,
        "LOG_LOCAL6" => Facility::LOG_LOCAL6,
        "LOG_LOCAL7" => Facility::LOG_LOCAL7,
        _ => Facility::LOG_USER,
    }
}
