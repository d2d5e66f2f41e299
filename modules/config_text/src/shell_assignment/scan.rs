//! What stands where the parser is: bytes, operators, keywords, blanks. A continued line interrupts none of them, for
//! the shell takes it out before it looks for tokens (POSIX XCU 2.2.1).

use super::SyntaxError;
use super::command::Parser;

const KEYWORDS: &[&str] = &[
    "!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "then", "until", "while",
];
const BASH_KEYWORDS: &[&str] = &["[[", "function", "select"];

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Where `what` ends, if it stands here; a continued line does not interrupt it (POSIX XCU 2.2.1).
    fn end_of(&self, what: &[u8]) -> Option<usize> {
        let mut at = self.at;
        for (index, byte) in what.iter().enumerate() {
            while index > 0 && self.continued(at) {
                at += 2;
            }
            if self.text.get(at) != Some(byte) {
                return None;
            }
            at += 1;
        }
        Some(at)
    }

    /// Whether a line ends at `at` and goes on in the next.
    pub(super) fn continued(&self, at: usize) -> bool {
        self.text.get(at..).is_some_and(|rest| rest.starts_with(b"\\\n"))
    }

    pub(super) fn ahead(&self, what: &[u8]) -> bool {
        self.end_of(what).is_some()
    }

    /// Steps over `what`, if it stands here.
    pub(super) fn take(&mut self, what: &[u8]) -> bool {
        let end = self.end_of(what);
        self.at = end.unwrap_or(self.at);
        end.is_some()
    }

    pub(super) fn line_of(&self, at: usize) -> usize {
        self.newlines.partition_point(|newline| *newline < at) + 1
    }

    pub(super) fn error_at(&self, at: usize, what: impl Into<String>) -> SyntaxError {
        SyntaxError { line: self.line_of(at), what: what.into() }
    }

    pub(super) fn error(&self, what: impl Into<String>) -> SyntaxError {
        self.error_at(self.at.min(self.text.len()), what)
    }

    /// The ends of continued lines, which the shell takes out before anything else.
    pub(super) fn skip_continued(&mut self) {
        while self.continued(self.at) {
            self.at += 2;
        }
    }

    pub(super) fn skip_blanks(&mut self) {
        self.skip_continued();
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
            self.skip_continued();
        }
    }

    /// Blanks, comments and newlines.
    pub(super) fn skip_lines(&mut self) {
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(b'#') => {
                    let rest = &self.text[self.at..];
                    self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                Some(b'\n') => {
                    self.at += 1;
                    self.skip_heredocs();
                }
                _ => return,
            }
        }
    }

    /// The keyword that stands here as a word of its own, and its end.
    pub(super) fn keyword(&self) -> Option<(&'static str, usize)> {
        let bash: &[&str] = if self.bash() { BASH_KEYWORDS } else { &[] };
        let here = |keyword: &&'static str| Some((*keyword, self.end_of_word(keyword, b" \t\n;&|()<>")?));
        KEYWORDS.iter().chain(bash).find_map(here)
    }

    /// Where the word `what` ends, if it stands here with one of `delimiters` behind it.
    fn end_of_word(&self, what: &str, delimiters: &[u8]) -> Option<usize> {
        let end = self.end_of(what.as_bytes())?;
        let mut next = end;
        while self.continued(next) {
            next += 2;
        }
        self.text.get(next).is_none_or(|byte| delimiters.contains(byte)).then_some(end)
    }

    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let end = match keyword {
            "in" => self.end_of_word(keyword, b" \t\n;"),
            _ => self.keyword().filter(|(here, _)| *here == keyword).map(|(_, end)| end),
        };
        self.at = end.unwrap_or(self.at);
        end.is_some()
    }

    pub(super) fn expect(&mut self, keyword: &'static str) -> Result<(), SyntaxError> {
        self.skip_lines();
        if self.take_keyword(keyword) { Ok(()) } else { Err(self.error(format!("'{keyword}' is missing"))) }
    }
}
