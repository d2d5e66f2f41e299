//! A stretch of the command line without anything computed inside, and edits of it in the files it comes from.

use std::ops::Range;

use super::Settings;
use super::raw_edit::{Edits, RawEdit};
use crate::kernel_cmdline::{Splice, Token, is_blank, parse};
use crate::shell_assignment::{Piece, Quote, quoted};

/// Text without anything computed inside.
pub(super) struct Stretch {
    pub(super) in_target: bool,
    pub(super) text: Vec<u8>,
    pub(super) spans: Vec<Span>,
    /// Numbers of the tokens that are whole: none that touches something computed.
    pub(super) whole: Range<usize>,
}

/// A piece and where its text stands in the stretch.
pub(super) struct Span {
    pub(super) at: Range<usize>,
    pub(super) file: usize,
    pub(super) assignment: usize,
    raw: Range<usize>,
    quote: Quote,
    escape: bool,
    uncertain: bool,
    /// Something that expands to nothing stands in the file between the text before and this.
    behind_expansion: bool,
}

impl Span {
    /// The bytes in the file that stand for this part of the text.
    fn raw(&self, at: Range<usize>) -> Range<usize> {
        if self.escape {
            return self.raw.clone();
        }
        self.raw.start + (at.start - self.at.start)..self.raw.start + (at.end - self.at.start)
    }
}

impl Stretch {
    pub(super) fn new(in_target: bool) -> Stretch {
        Stretch { in_target, text: Vec::new(), spans: Vec::new(), whole: 0..0 }
    }

    /// Adds a piece, if it is text.
    pub(super) fn take(&mut self, piece: &Piece, settings: &Settings) {
        let Piece::Text { file, assignment, raw, quote, escape, uncertain } = piece else { return };
        let bytes = settings.files.get(*file).map(|file| file.bytes.as_slice()).unwrap_or_default();
        let here = |span: &&Span| (span.file, span.assignment) == (*file, *assignment);
        // What stands between, if it is text at all, is that of an assignment before, and empty.
        let before = self.spans.iter().rev().find(here).filter(|before| before.at.end == self.text.len());
        let between = before.and_then(|before| bytes.get(before.raw.end..raw.start));
        let start = self.text.len();
        let from = raw.start + usize::from(*escape);
        self.text.extend(bytes.get(from..raw.end).unwrap_or_default());
        self.spans.push(Span {
            at: start..self.text.len(),
            file: *file,
            assignment: *assignment,
            raw: raw.clone(),
            quote: *quote,
            escape: *escape,
            uncertain: *uncertain,
            behind_expansion: between.is_some_and(|between| between.contains(&b'$')),
        });
    }

    pub(super) fn tokens(&self) -> Vec<Token<'_>> {
        let mut tokens = parse(&self.text).tokens;
        tokens.truncate(self.whole.end);
        tokens.drain(..self.whole.start.min(tokens.len()));
        tokens
    }

    /// Whether any of the text at `at` may not be there when the shell is done.
    pub(super) fn uncertain(&self, at: Range<usize>) -> bool {
        self.spans_of(&at).any(|span| span.uncertain)
    }

    /// The span that holds the text's byte at `at`.
    fn span_of(&self, at: usize) -> Option<&Span> {
        let after = self.spans.partition_point(|span| span.at.end <= at);
        self.spans.get(after..)?.iter().find(|span| span.at.contains(&at))
    }

    pub(super) fn edit(&self, splice: &Splice, edits: &mut Edits) {
        let Splice { range, blanks, insert } = splice;
        if range.is_empty() {
            if let Some((file, at, quote)) = self.room(range.start, insert) {
                edits.push((file, RawEdit::new(at..at, quoted(insert, quote))));
            }
            return;
        }
        let Some(first) = self.span_of(range.start) else { return };
        let home = (first.file, first.assignment);
        if !insert.is_empty() {
            let at = first.raw(range.start..range.start + 1).start;
            edits.push((first.file, RawEdit::new(at..at, quoted(insert, first.quote))));
        } else {
            self.guard_backslash(range.start.min(blanks.start), edits);
        }
        self.delete(range.clone(), edits);
        // Blanks that another assignment set are not ours to take; those before it may be all that was
        // there. Nor are those beyond an expansion, whose name would run into what comes next.
        let ours = |span: &&Span| (span.file, span.assignment) == home;
        let parted = |span: &Span, from: usize| span.behind_expansion && span.at.start >= from;
        if parted(first, range.start) {
            return;
        }
        let all: Vec<&Span> = self.spans_of(blanks).collect();
        if blanks.end <= range.start {
            let mut from = blanks.end;
            for span in all.iter().rev().copied().take_while(|span| ours(span)) {
                from = span.at.start.max(blanks.start);
                if parted(span, from) {
                    break;
                }
            }
            self.delete(from..blanks.end, edits);
        } else if !(self.is_tilde(blanks.end)
            && self.spans.iter().find(ours).is_some_and(|own| self.opens(own)))
            && all.into_iter().all(|span| ours(&span) && !parted(span, blanks.start))
        {
            self.delete(blanks.clone(), edits);
        }
    }

    /// Whether an assignment begins with this span, and with no blank: without its first tokens, what comes
    /// next stands right behind the `=`.
    fn opens(&self, span: &Span) -> bool {
        span.raw.start == span.assignment && self.text.get(span.at.start).is_some_and(|byte| !is_blank(*byte))
    }

    /// Whether a `~` stands here that would be a home directory right behind the `=`.
    fn is_tilde(&self, at: usize) -> bool {
        let plain = |span: &Span| span.quote == Quote::None && !span.escape;
        self.text.get(at) == Some(&b'~') && self.span_of(at).is_some_and(plain)
    }

    /// Whether one assignment set both bytes of the text.
    pub(super) fn together(&self, one: usize, other: usize) -> bool {
        let home = |at: usize| self.span_of(at).map(|span| (span.file, span.assignment));
        home(one) == home(other)
    }

    /// The spans that hold any of the text at `at`.
    fn spans_of(&self, at: &Range<usize>) -> impl Iterator<Item = &Span> {
        let (start, end) = (at.start, at.end);
        let from = self.spans.partition_point(|span| span.at.end <= start);
        let touching = self.spans.iter().skip(from).take_while(move |span| span.at.start < end);
        touching.filter(move |span| span.at.start.max(start) < span.at.end.min(end))
    }

    fn delete(&self, range: Range<usize>, edits: &mut Edits) {
        for span in self.spans_of(&range) {
            let part = range.start.max(span.at.start)..range.end.min(span.at.end);
            edits.push((span.file, RawEdit::new(span.raw(part), Vec::new())));
        }
    }

    /// A single backslash between double quotes means itself before a blank; it would not before what comes
    /// next once the blank is gone.
    fn guard_backslash(&self, at: usize, edits: &mut Edits) {
        let Some(before) = at.checked_sub(1) else { return };
        if self.text.get(before) != Some(&b'\\') {
            return;
        }
        if let Some(span) = self.span_of(before).filter(|span| span.quote == Quote::Double && !span.escape) {
            let at = span.raw(before..before + 1).end;
            edits.push((span.file, RawEdit { range: at..at, insert: b"\\".to_vec(), guard: true }));
        }
    }

    /// Where text inserted at `at` goes: behind the byte before it; at the start, inside quotes if there are
    /// any.
    fn room(&self, at: usize, insert: &[u8]) -> Option<(usize, usize, Quote)> {
        let behind = at.checked_sub(1).and_then(|before| self.span_of(before).map(|span| (before, span)));
        let here: Vec<&Span> = {
            let from = self.spans.partition_point(|span| span.at.end < at);
            self.spans.iter().skip(from).take_while(|span| span.at.start <= at).collect()
        };
        if insert.first() == Some(&b' ')
            && let Some((before, span)) = behind
        {
            return Some((span.file, span.raw(before..before + 1).end, span.quote));
        }
        let starts = || here.iter().filter(|span| span.at.start == at);
        let span = starts().find(|span| span.quote != Quote::None).or_else(|| starts().next());
        match (span, behind) {
            (Some(span), _) => Some((span.file, span.raw.start, span.quote)),
            (None, Some((before, span))) => Some((span.file, span.raw(before..before + 1).end, span.quote)),
            (None, None) => here.first().map(|span| {
                let offset = at - span.at.start;
                (span.file, span.raw.start + offset, span.quote)
            }),
        }
    }
}
