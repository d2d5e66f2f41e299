//! The shell's grammar (POSIX XCU 2.10), as far as it decides what is assigned when.

use std::ops::Range;

use super::redirection::Heredoc;
use super::script::{Effect, Step, Word};
use super::{Dialect, SyntaxError};

/// Deeper nesting than anyone writes: the parser gives up rather than the stack.
const MAX_DEPTH: usize = 100;

/// Keywords that can only close or continue something.
const CLOSING: &[&str] = &["}", "do", "done", "elif", "else", "esac", "fi", "then"];

/// Walks over a file once, collecting what it does.
pub(super) struct Parser<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    dialect: Dialect,
    depth: usize,
    /// Where the lines end.
    pub(super) newlines: Vec<usize>,
    pub(super) heredocs: Vec<Heredoc>,
    /// Variables set by `${name:=…}` and arithmetic in words read since the last command.
    assigned: Vec<(Vec<u8>, usize)>,
    /// Whether the simple command being read has a redirection.
    pub(super) redirected: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a [u8], dialect: Dialect) -> Self {
        let newlines = (0..text.len()).filter(|at| text[*at] == b'\n').collect();
        Parser {
            text,
            at: 0,
            dialect,
            depth: 0,
            newlines,
            heredocs: Vec::new(),
            assigned: Vec::new(),
            redirected: false,
        }
    }

    /// The whole file.
    pub(super) fn script(mut self) -> Result<Vec<Step>, SyntaxError> {
        if let Some(at) = self.text.iter().position(|byte| *byte == 0) {
            return Err(self.error_at(at, "a NUL byte stands here: this is no shell file"));
        }
        let mut steps = Vec::new();
        match self.list(&[""], false, &mut steps) {
            // The shell reads line by line: what stands behind a `return` is never looked at.
            Err(error) if !steps.iter().any(|step| step.leaves() && step.line < error.line) => Err(error),
            _ => Ok(steps),
        }
    }

    pub(super) fn bash(&self) -> bool {
        self.dialect == Dialect::Bash
    }

    pub(super) fn enter(&mut self) -> Result<(), SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.error("this is nested too deeply to follow")) } else { Ok(()) }
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn assigned_in_expansion(&mut self, name: Vec<u8>, line: usize) {
        self.assigned.push((name, line));
    }

    /// The command inside backquotes has to be whole too.
    pub(super) fn check_inner(&mut self, inner: &[u8], at: usize) -> Result<(), SyntaxError> {
        self.enter()?;
        let mut parser = Parser::new(inner, self.dialect);
        parser.depth = self.depth;
        let checked = parser.list(&[""], false, &mut Vec::new());
        self.leave();
        checked.map(|_| ()).map_err(|error| self.error_at(at, error.what))
    }

    /// Up to the `)`; nothing that happens inside reaches the variables outside.
    pub(super) fn subshell(&mut self) -> Result<(), SyntaxError> {
        let outer = (std::mem::take(&mut self.assigned), self.redirected);
        self.list(&[")"], false, &mut Vec::new())?;
        (self.assigned, self.redirected) = outer;
        Ok(())
    }

    /// Commands up to one of `closers`, which is consumed and returned; `""` is the end of the file.
    pub(super) fn list(
        &mut self,
        closers: &[&'static str],
        conditional: bool,
        sink: &mut Vec<Step>,
    ) -> Result<&'static str, SyntaxError> {
        self.enter()?;
        let opened = self.at.saturating_sub(1);
        loop {
            self.skip_lines();
            let here = match self.peek() {
                None => Some(""),
                Some(b')') => Some(")"),
                Some(b';') if self.ahead(b";;&") && self.bash() => Some(";;&"),
                Some(b';') if self.ahead(b";&") && self.bash() => Some(";&"),
                Some(b';') if self.ahead(b";;") => Some(";;"),
                Some(b';') => Some(";"),
                _ => self.keyword().map(|(keyword, _)| keyword).filter(|keyword| CLOSING.contains(keyword)),
            };
            if let Some(here) = here {
                if let Some(closer) = closers.iter().find(|closer| **closer == here) {
                    self.take(here.as_bytes());
                    self.leave();
                    return Ok(closer);
                }
                return Err(match here {
                    "" => {
                        let missing = closers.last().copied().unwrap_or_default();
                        self.error_at(opened, format!("'{missing}' is missing for what starts here"))
                    }
                    here => self.error(format!("'{here}' is unexpected here")),
                });
            }
            let start = sink.len();
            self.and_or(conditional, sink)?;
            self.skip_blanks();
            match self.peek() {
                Some(b'&') => {
                    // In the background: a subshell.
                    self.at += 1;
                    sink.truncate(start);
                }
                Some(b';') if !self.ahead(b";;") && !self.ahead(b";&") => self.at += 1,
                None | Some(b'\n' | b'#' | b';' | b')') => {}
                Some(byte) => {
                    return Err(self.error(format!("'{}' is unexpected here", char::from(byte))));
                }
            }
        }
    }

    fn and_or(&mut self, conditional: bool, sink: &mut Vec<Step>) -> Result<(), SyntaxError> {
        self.pipeline(conditional, sink)?;
        loop {
            self.skip_blanks();
            if !self.take(b"&&") && !self.take(b"||") {
                return Ok(());
            }
            self.skip_lines();
            self.pipeline(true, sink)?;
        }
    }

    fn pipeline(&mut self, conditional: bool, sink: &mut Vec<Step>) -> Result<(), SyntaxError> {
        while self.take_keyword("!") {
            self.skip_blanks();
            if self.bash() && matches!(self.peek(), None | Some(b'\n' | b';' | b'#')) {
                return Ok(());
            }
        }
        let start = sink.len();
        self.command(conditional, sink)?;
        loop {
            self.skip_blanks();
            if self.ahead(b"||") || !((self.bash() && self.take(b"|&")) || self.take(b"|")) {
                return Ok(());
            }
            self.skip_lines();
            self.command(conditional, sink)?;
            // Each command of a pipe runs in a subshell.
            sink.truncate(start);
        }
    }

    pub(super) fn command(&mut self, conditional: bool, sink: &mut Vec<Step>) -> Result<(), SyntaxError> {
        self.enter()?;
        let start = self.at;
        let keyword = self.keyword().map(|(keyword, end)| {
            self.at = end;
            keyword
        });
        match keyword {
            Some("{") => {
                self.list(&["}"], conditional, sink)?;
            }
            Some("if") => self.if_command(conditional, sink)?,
            Some("while" | "until") => {
                self.list(&["do"], true, sink)?;
                self.list(&["done"], true, sink)?;
            }
            Some("for" | "select") => self.for_command(sink)?,
            Some("case") => self.case_command(start, sink)?,
            Some("function") => {
                self.skip_blanks();
                let name = self.word()?;
                self.skip_blanks();
                self.take_parentheses();
                self.function(&name, sink)?;
            }
            Some("[[") => self.test_command(start)?,
            Some(keyword) => {
                return Err(self.error_at(start, format!("'{keyword}' is unexpected here")));
            }
            None if self.bash() && self.take(b"((") => {
                self.arithmetic()?;
                self.flush_assigned(conditional, sink);
            }
            None if self.take(b"(") => {
                self.subshell()?;
            }
            None => {
                self.simple(conditional, sink)?;
                self.leave();
                return Ok(());
            }
        }
        loop {
            self.skip_blanks();
            if !self.redirection()? {
                break;
            }
        }
        self.leave();
        Ok(())
    }

    /// What expansions assigned in the words just read.
    pub(super) fn flush_assigned(&mut self, conditional: bool, sink: &mut Vec<Step>) {
        for (name, line) in std::mem::take(&mut self.assigned) {
            let effect = Effect::Touch { name: Some(name), why: "an expansion sets it" };
            sink.push(Step { effect, conditional, line });
        }
    }

    /// Reads the words of a simple command one by one.
    pub(super) fn simple_word(&mut self) -> Result<Option<Word>, SyntaxError> {
        loop {
            self.skip_blanks();
            match self.peek() {
                None | Some(b'\n' | b';' | b'|' | b')' | b'(' | b'#') => return Ok(None),
                Some(b'&') if !(self.bash() && self.ahead(b"&>")) => return Ok(None),
                _ if self.redirection()? => self.redirected = true,
                _ => return self.word().map(Some),
            }
        }
    }

    /// Whether `()` stands here, and steps over it.
    pub(super) fn take_parentheses(&mut self) -> bool {
        let start = self.at;
        if self.peek() == Some(b'(') {
            self.at += 1;
            self.skip_blanks();
            if self.peek() == Some(b')') {
                self.at += 1;
                return true;
            }
        }
        self.at = start;
        false
    }

    /// bash's array value, from its `(`.
    pub(super) fn array(&mut self) -> Result<Range<usize>, SyntaxError> {
        let start = self.at;
        self.at += 1;
        loop {
            self.skip_lines();
            match self.peek() {
                Some(b')') => break,
                Some(byte) if !b";&|<>(".contains(&byte) => {
                    self.word()?;
                }
                _ => return Err(self.error_at(start, "this '(' is never closed")),
            }
        }
        self.at += 1;
        Ok(start..self.at)
    }
}
