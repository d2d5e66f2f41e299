//! What a file does to variables, statement by statement, as plain data.

use std::ops::Range;

use super::command::Parser;
use super::{Dialect, Quote, SyntaxError};

/// A file, read by the shell's grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub(super) steps: Vec<Step>,
}

impl Script {
    /// Reads a file. Linear in its length; any bytes are accepted.
    ///
    /// # Errors
    /// Where the shell would stop with a syntax error: an open quote, a missing `fi`.
    pub fn parse(text: &[u8], dialect: Dialect) -> Result<Self, SyntaxError> {
        Ok(Script { steps: Parser::new(text, dialect).script()? })
    }
}

/// One thing that the file does, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub effect: Effect,
    /// Whether it depends on a condition, or may happen more than once.
    pub conditional: bool,
    /// From 1.
    pub line: usize,
}

impl Step {
    /// Whether nothing behind it in the file runs.
    pub(super) fn leaves(&self) -> bool {
        !self.conditional && matches!(self.effect, Effect::Return | Effect::Exit)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// `name=word`; with `append`, bash's `name+=word`.
    Assign { name: Vec<u8>, word: Word, append: bool },
    /// `unset name`.
    Unset { name: Vec<u8> },
    /// Something that changes the variable, or with `None` may change any, in a way not followed.
    Touch { name: Option<Vec<u8>>, why: &'static str },
    /// A function definition.
    Define { name: Vec<u8>, body: Vec<Step> },
    /// A command that may be a function.
    Call { name: Vec<u8> },
    /// `. file`: any variable may have changed, and unknown functions may exist now.
    Source,
    /// `return`: the rest of the file does not run.
    Return,
    /// `exit` or `exec`: nothing runs after it.
    Exit,
}

/// A shell word: where it stands and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Word {
    pub range: Range<usize>,
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Text that means itself. `raw` is empty for the inside of `""`; an escape is `\` and the one byte
    /// that counts.
    Text { raw: Range<usize>, quote: Quote, escape: bool },
    /// `$name` or `${name}`.
    Variable { name: Vec<u8>, line: usize },
    /// Anything else that the shell works out.
    Computed { why: &'static str, line: usize },
}

impl Word {
    /// What the word means, if it is plain text.
    pub fn literal(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text { raw, escape, .. } => {
                    value.extend_from_slice(&text[raw.start + usize::from(*escape)..raw.end]);
                }
                _ => return None,
            }
        }
        Some(value)
    }

    /// Whether nothing in it is quoted; a continued line is no quote.
    pub fn is_unquoted(&self) -> bool {
        let plain = |part: &Part| match part {
            Part::Text { quote, escape, .. } => *quote == Quote::None && !escape,
            Part::Variable { .. } | Part::Computed { .. } => true,
        };
        self.parts.iter().all(plain)
    }

    /// The word's text if nothing in it is quoted or expanded: only such a word is a keyword.
    pub fn bare(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.literal(text).filter(|_| self.is_unquoted())
    }
}
