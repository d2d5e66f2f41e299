//! `if`, `for`, `case`, functions and bash's `[[` (POSIX XCU 2.9.4, 2.9.5).

use super::command::Parser;
use super::script::{Effect, Step, Word};
use super::{SyntaxError, is_name};

impl Parser<'_> {
    pub(super) fn if_command(&mut self, conditional: bool, sink: &mut Vec<Step>) -> Result<(), SyntaxError> {
        self.list(&["then"], conditional, sink)?;
        loop {
            match self.list(&["elif", "else", "fi"], true, sink)? {
                "elif" => {
                    self.list(&["then"], true, sink)?;
                }
                "else" => {
                    self.list(&["fi"], true, sink)?;
                    return Ok(());
                }
                _ => return Ok(()),
            }
        }
    }

    pub(super) fn for_command(&mut self, sink: &mut Vec<Step>) -> Result<(), SyntaxError> {
        self.skip_blanks();
        let line = self.line_of(self.at);
        if self.bash() && self.take(b"((") {
            self.arithmetic()?;
        } else {
            let name = self.name();
            if !is_name(&name) {
                return Err(self.error("'for' needs a variable's name"));
            }
            let effect = Effect::Touch { name: Some(name), why: "a loop sets it" };
            sink.push(Step { effect, conditional: true, line });
        }
        self.skip_lines();
        if self.take_keyword("in") {
            loop {
                self.skip_blanks();
                if matches!(self.peek(), None | Some(b'\n' | b';' | b'#')) {
                    break;
                }
                if self.word()?.range.is_empty() {
                    return Err(self.error("this is unexpected in the words of 'for'"));
                }
            }
        }
        self.flush_assigned(true, sink);
        self.skip_blanks();
        if self.peek() == Some(b';') {
            self.at += 1;
        }
        self.expect("do")?;
        self.list(&["done"], true, sink)?;
        Ok(())
    }

    pub(super) fn case_command(&mut self, opened: usize, sink: &mut Vec<Step>) -> Result<(), SyntaxError> {
        self.skip_blanks();
        self.word()?;
        self.flush_assigned(true, sink);
        self.expect("in")?;
        loop {
            self.skip_lines();
            if self.take_keyword("esac") {
                return Ok(());
            }
            if self.peek() == Some(b'(') {
                self.at += 1;
            }
            loop {
                self.skip_blanks();
                if self.word()?.range.is_empty() {
                    return Err(self.error_at(opened, "a pattern of this 'case' is missing"));
                }
                self.skip_blanks();
                match self.peek() {
                    Some(b'|') => self.at += 1,
                    Some(b')') => break,
                    _ => return Err(self.error("')' is missing after a pattern of 'case'")),
                }
            }
            self.at += 1;
            if self.list(&[";;", ";&", ";;&", "esac"], true, sink)? == "esac" {
                return Ok(());
            }
        }
    }

    /// bash's `[[ … ]]`, in which `<`, `(` and `&&` are operators of its own.
    pub(super) fn test_command(&mut self, opened: usize) -> Result<(), SyntaxError> {
        loop {
            self.skip_lines();
            match self.peek() {
                None => return Err(self.error_at(opened, "']]' is missing for what starts here")),
                Some(b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>') => self.at += 1,
                Some(_) => {
                    let word = self.word()?;
                    if word.bare(self.text).is_some_and(|word| word == b"]]") {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// The body of a function, after its name and `()`.
    pub(super) fn function(&mut self, name: &Word, sink: &mut Vec<Step>) -> Result<(), SyntaxError> {
        let line = self.line_of(name.range.start);
        let literal = name.literal(self.text).unwrap_or_default();
        if !is_name(&literal) && !self.bash() {
            return Err(self.error_at(name.range.start, "this cannot be a function's name"));
        }
        self.skip_lines();
        let mut body = Vec::new();
        self.command(false, &mut body)?;
        sink.push(Step { effect: Effect::Define { name: literal, body }, conditional: false, line });
        Ok(())
    }
}
