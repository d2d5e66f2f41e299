//! `$VARIABLE` and `~` in paths, as Python's `os.path` expands them.

use std::env;
use std::fs;

/// `os.path.expandvars`: `$NAME` and `${NAME}`; a variable that is not set stays as it is.
pub fn variables(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = match rest[1..].strip_prefix('{') {
            Some(braced) => braced.split_once('}').map(|(name, _)| (name, name.len() + 3)),
            None => {
                let length =
                    rest[1..].bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
                (length > 0).then(|| (&rest[1..=length], length + 1))
            }
        };
        let value = name.and_then(|(name, length)| Some((lookup(name)?, length)));
        let length = value.as_ref().map_or(1, |(_, length)| *length);
        out.push_str(value.as_ref().map_or("$", |(value, _)| value));
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

fn lookup(name: &str) -> Option<String> {
    // `var_os` panics on names that cannot be in the environment.
    let possible = !name.is_empty() && !name.contains(['=', '\0']);
    possible.then(|| env::var_os(name)).flatten().map(|value| value.to_string_lossy().into_owned())
}

/// `os.path.expanduser`: `~` and `~user` at the start; an unknown user stays as it is.
pub fn user(path: &str) -> String {
    let Some(after) = path.strip_prefix('~') else { return path.to_string() };
    let (name, rest) = after.split_at(after.find('/').unwrap_or(after.len()));
    let home = if name.is_empty() {
        let uid = nix::unistd::getuid().to_string();
        lookup("HOME").or_else(|| passwd(|fields| fields.get(2) == Some(&uid.as_str())))
    } else {
        passwd(|fields| fields.first() == Some(&name))
    };
    match home {
        None => path.to_string(),
        Some(home) => match format!("{}{rest}", home.trim_end_matches('/')) {
            empty if empty.is_empty() => "/".to_string(),
            full => full,
        },
    }
}

/// The home in the first line of `/etc/passwd` that fits. Other name services are not asked: the
/// lookup would link 150 KB of libc and, in a static binary, load libraries of the host.
fn passwd(fits: impl Fn(&[&str]) -> bool) -> Option<String> {
    let bytes = fs::read("/etc/passwd").ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fits(fields))?;
    line.get(5).map(ToString::to_string)
}
