//! The file, line by line.

use std::ops::Range;

/// Which part of the file a line belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Section {
    Main,
    Pending,
    /// `[special:NAME]`
    Special(String),
    Snapshot(String),
    /// A head that Proxmox VE passes over, with all that follows.
    Unknown,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Blank,
    Head,
    /// The text behind `#`.
    Description(Range<usize>),
    Pair {
        key: Range<usize>,
        value: Range<usize>,
    },
    /// A line that Proxmox VE passes over.
    Unknown,
}

/// One line; the ranges of its content count from its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// With its end.
    pub bytes: Vec<u8>,
    pub section: Section,
    pub content: Content,
}

impl Line {
    pub fn text(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    /// Key and value, where it has them.
    pub fn pair(&self) -> Option<(&[u8], &[u8])> {
        match &self.content {
            Content::Pair { key, value } => Some((self.text(key), self.text(value))),
            _ => None,
        }
    }

    pub fn has_key(&self, name: &str) -> bool {
        self.pair().is_some_and(|(key, _)| key == name.as_bytes())
    }
}

/// A virtual machine's configuration; writing it gives the same bytes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conf {
    pub(super) lines: Vec<Line>,
}

impl Conf {
    /// Reads any bytes: what makes no sense is kept and passed over, as Proxmox VE does.
    pub fn parse(bytes: &[u8]) -> Conf {
        let mut section = Section::Main;
        let lines = bytes.split_inclusive(|b| *b == b'\n').map(|line| {
            let mut content = content(line);
            match head(line) {
                Some(new) => {
                    section = new;
                    content = Content::Head;
                }
                None if section == Section::Unknown && content != Content::Blank => {
                    content = Content::Unknown
                }
                None => {}
            }
            Line { bytes: line.to_vec(), section: section.clone(), content }
        });
        Conf { lines: lines.collect() }
    }

    /// The bytes.
    pub fn write(&self) -> Vec<u8> {
        self.lines.iter().map(|line| line.bytes.as_slice()).collect::<Vec<_>>().concat()
    }

    /// The value of a key in the main section; the last line of several counts. Bytes that are no
    /// UTF-8 are shown as such.
    pub fn get(&self, key: &str) -> Option<String> {
        self.value(&Section::Main, key)
    }

    /// The value that `[PENDING]` sets for a key.
    pub fn pending(&self, key: &str) -> Option<String> {
        self.value(&Section::Pending, key)
    }

    /// The keys that `[PENDING]` takes away, a `!` before them left out.
    pub fn pending_deletes(&self) -> Vec<String> {
        let list = self.pending("delete").unwrap_or_default();
        let names = list.split(|c: char| c == ',' || c == ';' || c.is_ascii_whitespace());
        names.map(|name| name.trim_start_matches('!').to_string()).filter(|name| !name.is_empty()).collect()
    }

    /// Whether `[PENDING]` says anything about a key.
    pub fn is_pending(&self, key: &str) -> bool {
        self.pending(key).is_some() || self.pending_deletes().iter().any(|name| name == key)
    }

    /// The value of a key at the machine's next start, `[PENDING]` carried out.
    pub fn at_next_start(&self, key: &str) -> Option<String> {
        if let Some(value) = self.pending(key) {
            return Some(value);
        }
        let deleted = self.pending_deletes().iter().any(|name| name == key);
        self.get(key).filter(|_| !deleted)
    }

    /// The number of the line, from 1, that sets a key in the main section.
    pub fn line_of(&self, key: &str) -> Option<usize> {
        let sets = |line: &Line| line.section == Section::Main && line.has_key(key);
        self.lines.iter().rposition(sets).map(|at| at + 1)
    }

    fn value(&self, section: &Section, key: &str) -> Option<String> {
        let line = self.lines.iter().rfind(|line| line.section == *section && line.has_key(key))?;
        line.pair().map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }
}

/// A boolean as Proxmox VE reads one (`parse_boolean`).
pub fn boolean(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["1", "on", "yes", "true"]) {
        return Some(true);
    }
    is(&["0", "off", "no", "false"]).then_some(false)
}

/// The section that a line opens.
fn head(line: &[u8]) -> Option<Section> {
    let text = trim_end(line).strip_prefix(b"[")?.strip_suffix(b"]")?;
    if text.contains(&b']') {
        return None;
    }
    let name = String::from_utf8_lossy(text).into_owned();
    let lower = name.to_ascii_lowercase();
    let is_word = |name: &str| {
        let mut bytes = name.bytes();
        bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
            && name.len() >= 2
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    Some(match lower.strip_prefix("special:") {
        _ if lower == "pending" => Section::Pending,
        Some(special @ ("cloudinit" | "fleecing")) => Section::Special(special.to_string()),
        _ if is_word(&name) => Section::Snapshot(name),
        _ => Section::Unknown,
    })
}

fn content(line: &[u8]) -> Content {
    let end = trim_end(line).len();
    if end == 0 {
        return Content::Blank;
    }
    if line.first() == Some(&b'#') {
        let end = line.strip_suffix(b"\n").unwrap_or(line).len();
        return Content::Description(1..end);
    }
    // ^([a-z][a-z_\-]*\d*):\s*(.+?)\s*$
    let word = line.iter().take_while(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-')).count();
    let digits = line.iter().skip(word).take_while(|b| b.is_ascii_digit()).count();
    let colon = word + digits;
    let starts_well = line.first().is_some_and(u8::is_ascii_lowercase);
    if !starts_well || line.get(colon) != Some(&b':') {
        return Content::Unknown;
    }
    let blanks = line.iter().skip(colon + 1).take_while(|b| is_space(**b)).count();
    let start = colon + 1 + blanks;
    if start >= end {
        return Content::Unknown;
    }
    Content::Pair { key: 0..colon, value: start..end }
}

fn trim_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|b| !is_space(*b)).map_or(0, |last| last + 1);
    line.get(..end).unwrap_or_default()
}

/// White space as a Perl pattern has it.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}
