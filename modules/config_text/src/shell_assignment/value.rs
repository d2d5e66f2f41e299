//! A variable's value, piece by piece.

use std::ops::Range;

use super::Quote;

/// A piece of a variable's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands in a file.
    Text {
        /// Index of the file.
        file: usize,
        /// Which assignment of the file wrote it: where its word starts.
        assignment: usize,
        /// The bytes in the file; with `escape`, a backslash and the byte that counts.
        raw: Range<usize>,
        /// The quotes around it.
        quote: Quote,
        /// Whether the first byte of `raw` is a backslash that does not count.
        escape: bool,
        /// Whether the variable held or may hold it, but what came later keeps that from being known.
        uncertain: bool,
    },
    /// What only the shell can work out.
    Computed {
        /// Index of the file.
        file: usize,
        /// The assignment, as in [`Piece::Text`]; `None` where the whole value is unknown.
        assignment: Option<usize>,
        /// Where, from 1.
        line: usize,
        /// Why, as half a sentence.
        why: &'static str,
        /// Whether it may be one word with the text right before it.
        joins_before: bool,
        /// Whether it may be one word with the text right behind it.
        joins_behind: bool,
    },
}

/// An assignment whose word is part of the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// Index of the file.
    pub file: usize,
    /// The bytes of the word, quotes included.
    pub word: Range<usize>,
    /// Where, from 1.
    pub line: usize,
}

/// What a variable holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Value {
    /// Its pieces, in order.
    pub pieces: Vec<Piece>,
    /// The assignments they come from, in order: the one that set the variable, then those that build on
    /// it; where a piece belongs to no assignment, only those after it.
    pub assigned: Vec<Assigned>,
}

impl Value {
    /// The assignment that set the variable, if the word is plain text: where an edit can go, whatever
    /// later assignments put around it.
    pub fn literal_base(&self) -> Option<&Assigned> {
        let base = self.assigned.first()?;
        let literal = self.pieces.iter().all(|piece| match piece {
            Piece::Text { .. } => true,
            Piece::Computed { file, assignment, .. } => {
                assignment.is_some_and(|start| (*file, start) != (base.file, base.word.start))
            }
        });
        literal.then_some(base)
    }

    /// Where and why the value is not plain text, if so: file, line, reason.
    pub fn computed(&self) -> Option<(usize, usize, &'static str)> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Computed { file, line, why, .. } => Some((*file, *line, *why)),
            Piece::Text { .. } => None,
        })
    }

    /// The value as the shell would hold it, if it is plain text.
    pub fn text(&self, files: &[&[u8]]) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text { file, raw, escape, .. } => {
                    text.extend_from_slice(files.get(*file)?.get(raw.start + usize::from(*escape)..raw.end)?);
                }
                Piece::Computed { .. } => return None,
            }
        }
        Some(text)
    }

    /// The value where it may be `old` or `other` or neither.
    pub(super) fn unknown(
        file: usize,
        line: usize,
        why: &'static str,
        old: Option<Value>,
        other: Option<Value>,
    ) -> Value {
        let mut value = Value::default();
        for mut candidate in [old, other].into_iter().flatten() {
            for piece in &mut candidate.pieces {
                match piece {
                    Piece::Text { uncertain, .. } => *uncertain = true,
                    Piece::Computed { assignment, .. } => *assignment = None,
                }
            }
            value.pieces.append(&mut candidate.pieces);
            value.pieces.push(Piece::Computed {
                file,
                assignment: None,
                line,
                why,
                joins_before: false,
                joins_behind: false,
            });
        }
        // What is added later stands beside nobody knows what.
        let last =
            Piece::Computed { file, assignment: None, line, why, joins_before: false, joins_behind: true };
        value.pieces.push(last);
        value
    }
}
