//! Redirections and here-documents (POSIX XCU 2.7).

use super::SyntaxError;
use super::command::Parser;

/// A here-document whose body is still to come.
pub(super) struct Heredoc {
    end: Vec<u8>,
    strip_tabs: bool,
    /// A quoted end word makes the body mean itself: no line is continued.
    quoted: bool,
}

impl Parser<'_> {
    /// A redirection, if one stands here.
    pub(super) fn redirection(&mut self) -> Result<bool, SyntaxError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
            self.skip_continued();
        }
        let both = self.bash() && self.at == start && self.ahead(b"&>");
        if !both && !matches!(self.peek(), Some(b'<' | b'>')) {
            self.at = start;
            return Ok(false);
        }
        if self.bash() && (self.take(b"<(") || self.take(b">(")) {
            self.subshell()?;
            return Ok(true);
        }
        let posix: &[&[u8]] = &[b"<<-", b"<<", b"<&", b"<>", b"<", b">>", b">&", b">|", b">"];
        let bash: &[&[u8]] = if self.bash() { &[b"<<<", b"&>>", b"&>"] } else { &[] };
        let operator = bash.iter().chain(posix).copied().find(|operator| self.take(operator));
        let operator = operator.unwrap_or(b"<");
        self.skip_blanks();
        if self.bash() && self.ahead(b"<(") {
            return self.redirection();
        }
        let target = self.word()?;
        if target.range.is_empty() {
            return Err(self.error("the file of a redirection is missing"));
        }
        if operator.starts_with(b"<<") && operator != b"<<<" {
            let end = target.literal(self.text).unwrap_or_else(|| self.text[target.range.clone()].to_vec());
            let quoted = !target.is_unquoted();
            self.heredocs.push(Heredoc { end, strip_tabs: operator == b"<<-", quoted });
        }
        Ok(true)
    }

    /// The bodies of the here-documents that were announced on the line that just ended.
    pub(super) fn skip_heredocs(&mut self) {
        for heredoc in std::mem::take(&mut self.heredocs) {
            let mut continued = false;
            while self.at < self.text.len() {
                let rest = &self.text[self.at..];
                let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                let mut line = &rest[..length];
                while heredoc.strip_tabs && line.first() == Some(&b'\t') {
                    line = &line[1..];
                }
                self.at = (self.at + length + 1).min(self.text.len());
                if line == heredoc.end && !continued {
                    break;
                }
                let backslashes = line.iter().rev().take_while(|byte| **byte == b'\\').count();
                continued = !heredoc.quoted && backslashes % 2 == 1;
            }
        }
    }
}
