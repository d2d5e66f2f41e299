//! Words: quoting and expansion (POSIX XCU 2.2, 2.6).

use super::Quote;
use super::SyntaxError;
use super::command::Parser;
use super::script::{Part, Word};

impl Parser<'_> {
    /// Reads a word that starts here. Empty where an operator stands.
    pub(super) fn word(&mut self) -> Result<Word, SyntaxError> {
        let start = self.at;
        let mut parts = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
                b'\\' => self.backslash(&mut parts),
                b'\'' => self.single(&mut parts)?,
                b'"' => self.double(&mut parts)?,
                b'$' => self.dollar(&mut parts, Quote::None)?,
                b'`' => self.backquote(&mut parts)?,
                b'~' if self.before(start).is_none_or(|byte| b"=:".contains(&byte)) => {
                    parts.push(self.computed("'~' stands for a home directory"));
                    self.at += 1;
                }
                _ => self.run(&mut parts, Quote::None, |byte, before| {
                    b" \t\n;&|()<>\\'\"$`".contains(&byte) || (byte == b'~' && b"=:".contains(&before))
                }),
            }
        }
        Ok(Word { range: start..self.at, parts })
    }

    /// The byte before this one in the word that begins at `start`.
    fn before(&self, start: usize) -> Option<u8> {
        let mut word = self.text.get(start..self.at)?;
        while let Some(rest) = word.strip_suffix(b"\\\n") {
            word = rest;
        }
        word.last().copied()
    }

    /// At least one byte of plain text, up to one that `stops`.
    fn run(&mut self, parts: &mut Vec<Part>, quote: Quote, stops: impl Fn(u8, u8) -> bool) {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            if stops(byte, self.text[self.at - 1]) {
                break;
            }
            self.at += 1;
        }
        parts.push(Part::Text { raw: start..self.at, quote, escape: false });
    }

    fn computed(&self, why: &'static str) -> Part {
        Part::Computed { why, line: self.line_of(self.at) }
    }

    /// Outside quotes: `\` and newline vanish, any other byte means itself.
    fn backslash(&mut self, parts: &mut Vec<Part>) {
        let start = self.at;
        match self.text.get(start + 1) {
            Some(b'\n') => self.at += 2,
            Some(_) => {
                self.at += 2;
                parts.push(Part::Text { raw: start..self.at, quote: Quote::None, escape: true });
            }
            None => {
                self.at += 1;
                parts.push(Part::Text { raw: start..self.at, quote: Quote::None, escape: false });
            }
        }
    }

    fn single(&mut self, parts: &mut Vec<Part>) -> Result<(), SyntaxError> {
        let start = self.at + 1;
        let length = self.text[start..].iter().position(|byte| *byte == b'\'');
        let Some(length) = length else {
            return Err(self.error("this single quote is never closed"));
        };
        parts.push(Part::Text { raw: start..start + length, quote: Quote::Single, escape: false });
        self.at = start + length + 1;
        Ok(())
    }

    fn double(&mut self, parts: &mut Vec<Part>) -> Result<(), SyntaxError> {
        let open = self.at;
        let count = parts.len();
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(self.error_at(open, "this double quote is never closed")),
                Some(b'"') => break,
                Some(b'\\') => match self.text.get(self.at + 1) {
                    Some(b'\n') => self.at += 2,
                    Some(b'$' | b'`' | b'"' | b'\\') => {
                        let raw = self.at..self.at + 2;
                        parts.push(Part::Text { raw, quote: Quote::Double, escape: true });
                        self.at += 2;
                    }
                    _ => self.run(parts, Quote::Double, |byte, _| b"\"\\$`".contains(&byte)),
                },
                Some(b'$') => self.dollar(parts, Quote::Double)?,
                Some(b'`') => self.backquote(parts)?,
                Some(_) => self.run(parts, Quote::Double, |byte, _| b"\"\\$`".contains(&byte)),
            }
        }
        if parts.len() == count {
            // An empty pair is a place where text can go.
            parts.push(Part::Text { raw: self.at..self.at, quote: Quote::Double, escape: false });
        }
        self.at += 1;
        Ok(())
    }

    fn dollar(&mut self, parts: &mut Vec<Part>, quote: Quote) -> Result<(), SyntaxError> {
        let sign = self.at;
        let line = self.line_of(sign);
        // A line may continue between the sign and what it expands.
        self.at += 1;
        self.skip_continued();
        match self.peek() {
            Some(b'(') => {
                parts.push(self.computed("a command works it out"));
                if self.take(b"((") {
                    self.arithmetic()
                } else {
                    self.at += 1;
                    self.subshell()
                }
            }
            Some(b'{') => self.braces(parts, quote),
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                let name = self.name();
                parts.push(Part::Variable { name, line });
                Ok(())
            }
            Some(byte) if byte.is_ascii_digit() || b"@*#?-$!".contains(&byte) => {
                parts.push(self.computed("it holds one of the shell's own parameters"));
                self.at += 1;
                Ok(())
            }
            Some(b'\'') if quote == Quote::None && self.bash() => self.ansi_c(parts),
            Some(b'"') if quote == Quote::None && self.bash() => {
                parts.push(self.computed("$\"…\" is translated"));
                self.double(&mut Vec::new())
            }
            _ => {
                self.at = sign + 1;
                parts.push(Part::Text { raw: sign..self.at, quote, escape: false });
                Ok(())
            }
        }
    }

    /// bash's `$'…'`.
    fn ansi_c(&mut self, parts: &mut Vec<Part>) -> Result<(), SyntaxError> {
        let open = self.at;
        parts.push(self.computed("$'…' is not plain text in every shell"));
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(self.error_at(open, "this quote is never closed")),
                Some(b'\'') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }

    /// The name that starts here; a continued line does not end it.
    pub(super) fn name(&mut self) -> Vec<u8> {
        let mut name = Vec::new();
        loop {
            match self.peek() {
                Some(byte) if byte.is_ascii_alphanumeric() || byte == b'_' => {
                    name.push(byte);
                    self.at += 1;
                }
                _ if self.continued(self.at) => self.at += 2,
                _ => return name,
            }
        }
    }

    /// `${…}`.
    fn braces(&mut self, parts: &mut Vec<Part>, quote: Quote) -> Result<(), SyntaxError> {
        let open = self.at;
        let line = self.line_of(open);
        self.enter()?;
        self.at += 1;
        self.skip_continued();
        let name = self.name();
        let named = super::is_name(&name);
        if named && self.peek() == Some(b'}') {
            self.at += 1;
            self.leave();
            parts.push(Part::Variable { name, line });
            return Ok(());
        }
        parts.push(Part::Computed { why: "an expansion works it out", line });
        // dash takes one of its own parameters for the name, whatever follows.
        if name.is_empty() && !self.bash() && self.peek().is_some_and(|byte| b"@*#?-$!".contains(&byte)) {
            self.at += 1;
        }
        if named && (self.ahead(b"=") || self.ahead(b":=")) {
            self.assigned_in_expansion(name, line);
        }
        let pattern = self.ahead(b"#") || self.ahead(b"%");
        loop {
            match self.peek() {
                None => return Err(self.error_at(open, "this '${' is never closed")),
                Some(b'}') => break,
                Some(b'\\') => self.at += 2,
                Some(b'\'') if quote == Quote::None || pattern => self.single(&mut Vec::new())?,
                Some(b'"') => self.double(&mut Vec::new())?,
                Some(b'$') => self.dollar(&mut Vec::new(), quote)?,
                Some(b'`') => self.backquote(&mut Vec::new())?,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        self.leave();
        Ok(())
    }

    /// The rest of `$((…))` or bash's `((…))`.
    pub(super) fn arithmetic(&mut self) -> Result<(), SyntaxError> {
        let open = self.at;
        self.enter()?;
        let mut parentheses = 2;
        while parentheses > 0 {
            match self.peek() {
                None => return Err(self.error_at(open, "'((' is never closed")),
                Some(b'(') => parentheses += 1,
                Some(b')') => parentheses -= 1,
                Some(b'`') => {
                    self.backquote(&mut Vec::new())?;
                    continue;
                }
                Some(b'$') => {
                    self.dollar(&mut Vec::new(), Quote::Double)?;
                    continue;
                }
                Some(b'\\') => self.at += 1,
                Some(_) => {}
            }
            self.at += 1;
        }
        self.leave();
        self.at = self.at.min(self.text.len());
        self.assigned_in_arithmetic(open..self.at);
        Ok(())
    }

    /// Every name in an arithmetic expression that assigns anything.
    fn assigned_in_arithmetic(&mut self, range: std::ops::Range<usize>) {
        let (text, line) = (&self.text[range.clone()], self.line_of(range.start));
        if !text.contains(&b'=') && !text.windows(2).any(|pair| pair == b"++" || pair == b"--") {
            return;
        }
        for name in text.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_') {
            if super::is_name(name) {
                self.assigned_in_expansion(name.to_vec(), line);
            }
        }
    }

    fn backquote(&mut self, parts: &mut Vec<Part>) -> Result<(), SyntaxError> {
        let open = self.at;
        parts.push(self.computed("a command works it out"));
        self.at += 1;
        let mut inner = Vec::new();
        loop {
            match self.peek() {
                None => return Err(self.error_at(open, "this backquote is never closed")),
                Some(b'`') => break,
                Some(b'\\') => {
                    match self.text.get(self.at + 1) {
                        Some(byte @ (b'`' | b'\\' | b'$')) => inner.push(*byte),
                        Some(byte) => inner.extend_from_slice(&[b'\\', *byte]),
                        None => {}
                    }
                    self.at += 2;
                }
                Some(byte) => {
                    inner.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        // dash reads the command at once, bash when it runs it.
        if !self.bash() {
            self.check_inner(&inner, open)?;
        }
        Ok(())
    }
}
