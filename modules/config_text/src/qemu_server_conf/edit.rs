//! Edits of one key's line in the main section; every other byte stays.

use super::conf::{Conf, Content, Line, Section};

impl Conf {
    /// Sets a key. A new line goes where Proxmox VE, which sorts keys, would look for it. `value` is
    /// one line of text.
    pub fn set(&mut self, key: &str, value: &str) {
        if self.get(key).as_deref() == Some(value) {
            return;
        }
        let ours = |line: &Line| line.section == Section::Main && line.has_key(key);
        if let Some(line) = self.lines.iter_mut().rfind(|line| ours(line)) {
            let Content::Pair { value: old, .. } = &mut line.content else { return };
            line.bytes.splice(old.clone(), value.bytes());
            *old = old.start..old.start + value.len();
            return;
        }
        self.insert(key, value);
    }

    /// Takes a key out; all of its lines, where there are several.
    pub fn remove(&mut self, key: &str) {
        let ours = |line: &Line| line.section == Section::Main && line.has_key(key);
        let last_goes = self.lines.last().is_some_and(|line| ours(line) && !is_ended(&line.bytes));
        self.lines.retain(|line| !ours(line));
        // A file without a final line end gets that back: the one before our line was ours.
        let end = self.line_end();
        if let (true, Some(last)) = (last_goes, self.lines.last_mut()) {
            let kept = last.bytes.strip_suffix(end).map_or(last.bytes.len(), <[u8]>::len);
            last.bytes.truncate(kept);
        }
    }

    fn insert(&mut self, key: &str, value: &str) {
        let main = self.lines.iter().take_while(|line| line.section == Section::Main);
        let after = |line: &Line| match line.pair() {
            Some((name, _)) => name < key.as_bytes(),
            None => matches!(line.content, Content::Description(_)),
        };
        let at = main.enumerate().filter(|(_, line)| after(line)).last().map_or(0, |(at, _)| at + 1);
        let end = self.line_end();
        let mut bytes = format!("{key}: {value}").into_bytes();
        match at.checked_sub(1).and_then(|at| self.lines.get_mut(at)) {
            // Behind a last line without an end: ours becomes the one without.
            Some(last) if !is_ended(&last.bytes) => last.bytes.extend(end),
            _ => bytes.extend(end),
        }
        let start = key.len() + 2;
        let content = Content::Pair { key: 0..key.len(), value: start..start + value.len() };
        self.lines.insert(at, Line { bytes, section: Section::Main, content });
    }

    /// How the lines of this file end.
    fn line_end(&self) -> &'static [u8] {
        match self.lines.as_slice() {
            // A single line may lack its end, and a lone `\r` would look like half of one.
            [first, _, ..] if first.bytes.ends_with(b"\r\n") => b"\r\n",
            _ => b"\n",
        }
    }
}

fn is_ended(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\n")
}
