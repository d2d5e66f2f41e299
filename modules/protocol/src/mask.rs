//! Keeps secrets out of results and logs.

use crate::coerce::Era;
use crate::pytext;
use crate::value::{Dict, Value};

/// What stands for a value that is or holds a secret.
const HIDDEN: &str = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER";
/// What stands for a secret inside a longer text.
const STARS: &str = "********";

/// The values of options marked as secret.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Longest first, so that a secret that is part of another does not leave the rest of it.
    texts: Vec<String>,
}

impl Secrets {
    /// Adds every string and number in `value`.
    pub fn add(&mut self, value: &Value) {
        match value {
            Value::None | Value::Bool(_) => {}
            Value::List(items) => items.iter().for_each(|item| self.add(item)),
            Value::Dict(items) => items.iter().for_each(|(_, item)| self.add(item)),
            Value::Str(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) => {
                let text = pytext::str(value);
                if !text.is_empty() && !self.texts.contains(&text) {
                    let at =
                        self.texts.partition_point(|other| other.chars().count() >= text.chars().count());
                    self.texts.insert(at, text);
                }
            }
        }
    }

    /// The text without secrets.
    pub fn hide(&self, text: &str) -> String {
        if self.texts.iter().any(|secret| secret == text) {
            return HIDDEN.to_string();
        }
        self.texts.iter().fold(text.to_string(), |text, secret| text.replace(secret, STARS))
    }

    /// Hides the secrets in all values of a result; its keys stay. A boolean or null at the top
    /// is never hidden, deeper down it is before ansible-core 2.19.
    pub fn hide_all(&self, result: &Dict, era: Era) -> Dict {
        let mut out = Dict::default();
        for (key, value) in result.iter() {
            let value = match value {
                Value::None | Value::Bool(_) => value.clone(),
                other => self.hide_in(other, era),
            };
            out.set(key, value);
        }
        out
    }

    fn hide_in(&self, value: &Value, era: Era) -> Value {
        match value {
            Value::Str(text) => Value::Str(self.hide(text)),
            Value::List(items) => Value::List(items.iter().map(|item| self.hide_in(item, era)).collect()),
            Value::Dict(items) => {
                let mut out = Dict::default();
                items.iter().for_each(|(key, item)| out.set(key, self.hide_in(item, era)));
                Value::Dict(out)
            }
            Value::None | Value::Bool(_) if era == Era::Tagged => value.clone(),
            other => {
                let text = pytext::str(other);
                match self.texts.iter().any(|secret| text.contains(secret.as_str())) {
                    true => Value::Str(HIDDEN.to_string()),
                    false => other.clone(),
                }
            }
        }
    }
}

/// Hides what looks like a password in `user:password@host` and `scheme://user:password@host`, as
/// Ansible does in its log: with false positives, for which it takes a colon anywhere before an `@`.
pub fn hide_credentials(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let find = |c: char, from: usize, to: usize| (from..to).find(|at| chars.get(*at) == Some(&c));
    let rfind_at = |to: usize| (0..to).rev().find(|at| chars.get(*at) == Some(&'@'));
    let rfind_scheme = |to: usize| {
        (0..to.saturating_sub(2)).rev().find(|at| chars.get(*at..at + 3) == Some(&[':', '/', '/']))
    };
    let slice = |from: usize, to: usize| chars.get(from..to).unwrap_or_default().iter().collect::<String>();
    // Pieces from the end of the text to its start.
    let mut pieces: Vec<String> = Vec::new();
    let mut begin = chars.len();
    let mut done = begin;
    'next: loop {
        let Some(end) = rfind_at(begin) else {
            pieces.push(slice(0, begin));
            break;
        };
        let mut before = end;
        loop {
            let scheme = rfind_scheme(before);
            begin = scheme.unwrap_or(0);
            match find(':', begin + 3, end) {
                Some(colon) => {
                    pieces.push(slice(end, done));
                    pieces.push(STARS.to_string());
                    pieces.push(slice(begin, colon + 1));
                    done = begin;
                    continue 'next;
                }
                None if begin == 0 => {
                    pieces.push(slice(0, done));
                    break 'next;
                }
                None => before = begin,
            }
        }
    }
    pieces.reverse();
    pieces.concat()
}

/// Whether an option's name reads like that of a password: `pass` with `word`, `phrase`, … as one
/// word of the name.
pub fn reads_like_password(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let parted = |c: char| c == '-' || c == '_' || c.is_whitespace();
    let ends = |rest: &str| rest.is_empty() || rest.strip_prefix(parted).is_some_and(|more| !more.is_empty());
    name.match_indices("pass").any(|(at, word)| {
        let before = name.get(..at).unwrap_or_default();
        let starts = at == 0 || (before.ends_with(parted) && before.chars().count() > 1);
        let rest = name.get(at + word.len()..).unwrap_or_default();
        let bare = rest.strip_prefix(parted).unwrap_or(rest);
        let words = ["word", "phrase", "wrd", "wd"];
        starts
            && (ends(rest)
                || bare.is_empty()
                || ends(bare)
                || words.iter().any(|word| bare.strip_prefix(word).is_some_and(ends)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(values: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        values.iter().for_each(|value| secrets.add(&Value::Str(value.to_string())));
        secrets
    }

    #[test]
    fn the_longest_secret_is_hidden_first() {
        let secrets = secrets(&["ab", "abc", ""]);
        assert_eq!(secrets.hide("xabcx ab"), "x********x ********");
        assert_eq!(secrets.hide("ab"), HIDDEN);
        assert_eq!(secrets.hide("none"), "none");
    }

    #[test]
    fn names_of_passwords() {
        for name in
            ["password", "pass", "Pass_Phrase", "db_password", "my-passwd-file", "pass_", "a pass word"]
        {
            assert!(reads_like_password(name), "{name}");
        }
        for name in ["passthrough_mode", "bypass", "compass", "_pass", "passes", "passwords"] {
            assert!(!reads_like_password(name), "{name}");
        }
    }

    #[test]
    fn credentials_in_urls_and_in_ssh_style() {
        for (text, want) in [
            ("https://user:secret@host/path", "https://user:********@host/path"),
            ("user:secret@host", "user:********@host"),
            ("a@b", "a@b"),
            ("plain", "plain"),
            ("x https://u:p@h y http://v:q@i", "x https://u:********@h y http://v:********@i"),
        ] {
            assert_eq!(hide_credentials(text), want);
        }
    }
}
