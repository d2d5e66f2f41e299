//! What is printed, and how it looks on a terminal and elsewhere.

use std::env;

/// What a line is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Nothing of its own.
    Plain,
    /// A header of a diff.
    Header,
    /// Where in the file a part of a diff is.
    Place,
    /// A line that goes.
    Removed,
    /// A line that comes.
    Added,
}

/// Lines, each without its line break.
#[derive(Debug, Default)]
pub struct Text {
    lines: Vec<(Look, Vec<u8>)>,
}

impl Text {
    /// Adds a line; line breaks in it stay.
    pub fn line(&mut self, line: impl Into<Vec<u8>>) {
        self.look(Look::Plain, line);
    }

    /// Adds a line that looks like something.
    pub fn look(&mut self, look: Look, line: impl Into<Vec<u8>>) {
        self.lines.push((look, line.into()));
    }
}

/// A terminal, or a file or pipe.
pub struct Screen {
    terminal: bool,
    colour: bool,
}

impl Screen {
    /// Colour is for terminals, where neither `NO_COLOR` nor a dumb terminal forbids it.
    pub fn of(terminal: bool) -> Screen {
        let forbidden = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Screen { terminal, colour: terminal && !forbidden && !dumb }
    }

    /// The bytes to write.
    pub fn render(&self, text: &Text) -> Vec<u8> {
        let mut out = Vec::new();
        for (look, line) in &text.lines {
            let code: &[u8] = match look {
                _ if !self.colour => b"",
                Look::Plain => b"",
                Look::Header => b"\x1b[1m",
                Look::Place => b"\x1b[36m",
                Look::Removed => b"\x1b[31m",
                Look::Added => b"\x1b[32m",
            };
            out.extend_from_slice(code);
            match self.terminal {
                true => visible(&mut out, line),
                false => out.extend_from_slice(line),
            }
            if !code.is_empty() {
                out.extend_from_slice(b"\x1b[0m");
            }
            out.push(b'\n');
        }
        out
    }
}

/// As `ls` does on a terminal: what would move the cursor, change colours or the direction of writing
/// is shown as its code. Elsewhere bytes stay as they are, so that a diff can be applied.
fn visible(out: &mut Vec<u8>, line: &[u8]) {
    for chunk in line.utf8_chunks() {
        for c in chunk.valid().chars() {
            let turns =
                matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if (c.is_control() && c != '\n' && c != '\t') || turns {
                out.extend_from_slice(c.escape_unicode().to_string().as_bytes());
            } else {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_control_characters_and_a_pipe_every_byte() {
        let mut text = Text::default();
        text.look(Look::Added, &b"+a\x1b[2J\r\xff\tb\xc2\x9b\xe2\x80\xae"[..]);
        let terminal = Screen { terminal: true, colour: false };
        let seen = String::from_utf8(terminal.render(&text)).unwrap();
        assert_eq!(seen, "+a\\u{1b}[2J\\u{d}\\xff\tb\\u{9b}\\u{202e}\n");
        let pipe = Screen { terminal: false, colour: false };
        assert_eq!(pipe.render(&text), b"+a\x1b[2J\r\xff\tb\xc2\x9b\xe2\x80\xae\n");
        let colour = Screen { terminal: true, colour: true };
        assert!(colour.render(&text).starts_with(b"\x1b[32m+a\\u{1b}"));
    }
}
