//! The command line as stretches of plain text, each byte of which is known by file and position.

use std::ops::Range;

use super::raw_edit::{Edits, RawEdit, edited};
use super::{File, Settings, State, Target, own_line};
use crate::kernel_cmdline::{Action, Cmdline, Edit, Splice, Standing, Token, is_blank, parse, splices};
use crate::shell_assignment::{Piece, Quote, quoted};

/// Text without anything computed inside.
struct Stretch {
    in_target: bool,
    text: Vec<u8>,
    spans: Vec<Span>,
    /// Numbers of the tokens that are whole: none that touches something computed.
    whole: Range<usize>,
}

/// A piece and where its text stands in the stretch.
struct Span {
    at: Range<usize>,
    file: usize,
    assignment: usize,
    raw: Range<usize>,
    quote: Quote,
    escape: bool,
    uncertain: bool,
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

/// The command line of a normal entry.
pub(super) struct Line {
    stretches: Vec<Stretch>,
}

impl Line {
    pub(super) fn new(settings: &Settings, state: &State, target: &str) -> Line {
        let mut line = Line { stretches: Vec::new() };
        let mut ended = false;
        for (variable, value) in &state.values {
            let mut pieces = value.iter().flat_map(|value| &value.pieces).peekable();
            let mut cut_before = false;
            while pieces.peek().is_some() {
                let mut stretch = Stretch {
                    in_target: *variable == target,
                    text: Vec::new(),
                    spans: Vec::new(),
                    whole: 0..0,
                };
                let mut cut_after = false;
                let mut cut_next = false;
                for piece in pieces.by_ref() {
                    match piece {
                        Piece::Text { file, assignment, raw, quote, escape, uncertain } => {
                            let start = stretch.text.len();
                            let bytes = settings.files.get(*file).map(|file| file.bytes.as_slice());
                            let from = raw.start + usize::from(*escape);
                            stretch.text.extend(bytes.and_then(|b| b.get(from..raw.end)).unwrap_or_default());
                            stretch.spans.push(Span {
                                at: start..stretch.text.len(),
                                file: *file,
                                assignment: *assignment,
                                raw: raw.clone(),
                                quote: *quote,
                                escape: *escape,
                                uncertain: *uncertain,
                            });
                        }
                        Piece::Computed { joins_before, joins_behind, .. } => {
                            (cut_after, cut_next) = (*joins_before, *joins_behind);
                            break;
                        }
                    }
                }
                let cmdline = parse(&stretch.text);
                let count = cmdline.tokens.len();
                let first = cmdline.tokens.first().is_some_and(|token| cut_before && token.start == 0);
                let last = cmdline.tokens.last().is_some_and(|t| cut_after && t.end() == stretch.text.len());
                stretch.whole = if ended { 0..0 } else { usize::from(first)..count - usize::from(last) };
                if stretch.whole.start > stretch.whole.end {
                    stretch.whole = 0..0;
                }
                // Behind `--`, or inside a quote that stays open, nothing is a parameter.
                ended |= cmdline.init.is_some() || cmdline.tokens.last().is_some_and(Token::open_quote);
                line.stretches.push(stretch);
                cut_before = cut_next;
            }
        }
        line
    }

    /// The tokens that are known as a whole, in order.
    pub(super) fn tokens(&self) -> Vec<Token<'_>> {
        self.stretches.iter().flat_map(Stretch::tokens).collect()
    }

    /// How far each token can be relied on.
    pub(super) fn standings(&self) -> Vec<Standing> {
        let standing = |stretch: &Stretch, token: &Token| {
            if stretch.uncertain(token.start..token.end()) {
                Standing::Uncertain
            } else if stretch.in_target {
                Standing::Preferred
            } else {
                Standing::Certain
            }
        };
        let of = |stretch| Stretch::tokens(stretch).into_iter().map(move |token| standing(stretch, &token));
        self.stretches.iter().flat_map(of).collect()
    }

    /// The files after the edit.
    pub(super) fn apply(&self, settings: &Settings, state: &State, target: Target, edit: &Edit) -> Vec<File> {
        let place = if edit.append.is_empty() { None } else { self.place(settings, state, target) };
        let mut edits = Edits::new();
        let mut actions = edit.actions.iter();
        for (index, stretch) in self.stretches.iter().enumerate() {
            let cmdline = parse(&stretch.text);
            let own: Vec<Action> = (0..cmdline.tokens.len())
                .map(|token| match stretch.whole.contains(&token) {
                    true => actions.next().cloned().unwrap_or(Action::Keep),
                    false => Action::Keep,
                })
                .collect();
            let base = match &place {
                Some(Place::Stretch { index: here, base }) if *here == index => Some(base.clone()),
                _ => None,
            };
            let append: &[Vec<u8>] = if base.is_some() { &edit.append } else { &[] };
            let (region, empty_at) = region(&stretch.text, &cmdline, base.unwrap_or(0..0));
            let together = |one, other| stretch.together(one, other);
            for splice in splices(&stretch.text, &cmdline, &own, append, region, empty_at, together) {
                stretch.edit(&splice, &mut edits);
            }
        }
        if let Some(Place::Empty { file, at }) = place {
            let tokens = quoted(&edit.append.join(&b' '), Quote::None);
            edits.push((file, RawEdit::new(at..at, tokens)));
        }
        let mut files = settings.files.to_vec();
        for (index, file) in files.iter_mut().enumerate() {
            let own: Vec<&RawEdit> =
                edits.iter().filter(|(of, _)| *of == index).map(|(_, edit)| edit).collect();
            if !own.is_empty() {
                file.bytes = edited(&file.bytes, own);
            }
        }
        if place.is_none() && !edit.append.is_empty() {
            add_own_line(&mut files, state, target, &edit.append.join(&b' '));
        }
        let main = files.first().map(|file| file.name.clone());
        files
            .into_iter()
            .filter_map(|File { name, bytes }| {
                let drop_in = name == target.own_file && main.as_ref() != Some(&name);
                let mut left = Some(bytes);
                for (variable, _) in &state.values {
                    left = left.and_then(|bytes| own_line::without_empty(bytes, variable, drop_in));
                }
                left.map(|bytes| File { name, bytes })
            })
            .collect()
    }

    /// Where in the files there is room for more tokens: in the assignment that set the variable, if it is
    /// plain text, or in a line of ours behind everything computed.
    fn place(&self, settings: &Settings, state: &State, target: Target) -> Option<Place> {
        let value = state.value(target.variable)?;
        let ours = || {
            value.assigned.iter().rev().find(|assigned| {
                let bytes = settings.files.get(assigned.file).map(|file| file.bytes.as_slice());
                own_line::holds(bytes.unwrap_or_default(), &assigned.word, target.variable)
            })
        };
        let (assigned, last_only) = match value.literal_base() {
            Some(base) => (base, false),
            None => (ours()?, true),
        };
        let mine = |span: &&Span| (span.file, span.assignment) == (assigned.file, assigned.word.start);
        let candidates = self.stretches.iter().enumerate().filter(|(_, stretch)| stretch.in_target);
        let mut found = candidates.filter(|(_, stretch)| stretch.spans.iter().any(|span| mine(&span)));
        match if last_only { found.next_back() } else { found.next() } {
            Some((index, stretch)) => {
                let start = stretch.spans.iter().find(mine).map_or(0, |span| span.at.start);
                let end = stretch.spans.iter().rev().find(mine).map_or(start, |span| span.at.end);
                Some(Place::Stretch { index, base: start..end })
            }
            None if !last_only => Some(Place::Empty { file: assigned.file, at: assigned.word.start }),
            None => None,
        }
    }
}

/// Where tokens can be added.
enum Place {
    /// Inside a stretch, within the text of one assignment.
    Stretch { index: usize, base: Range<usize> },
    /// Behind the `=` of an assignment that has no text.
    Empty { file: usize, at: usize },
}

/// The numbers of the tokens that end inside `base`, and where a token goes if there are none.
fn region(text: &[u8], cmdline: &Cmdline, base: Range<usize>) -> (Range<usize>, usize) {
    let ending_by = |at: usize| cmdline.tokens.iter().take_while(|token| token.end() <= at).count();
    let (start, end) = (ending_by(base.start), ending_by(base.end));
    // Where later text follows without a blank, behind the blanks that set it apart.
    let joined = text.get(base.end).is_some_and(|byte| !is_blank(*byte));
    let edge = if joined { base.end } else { base.start };
    let wanted = cmdline.init.filter(|init| base.contains(init)).unwrap_or(edge);
    // Never inside a token that other assignments complete.
    let around = cmdline.tokens.iter().find(|token| token.start < wanted && wanted < token.end());
    (start..end, around.map_or(wanted, |token| token.start))
}

impl Stretch {
    fn tokens(&self) -> Vec<Token<'_>> {
        let mut tokens = parse(&self.text).tokens;
        tokens.truncate(self.whole.end);
        tokens.drain(..self.whole.start.min(tokens.len()));
        tokens
    }

    /// Whether any of the text at `at` may not be there when the shell is done.
    fn uncertain(&self, at: Range<usize>) -> bool {
        self.spans_of(&at).any(|span| span.uncertain)
    }

    /// The span that holds the text's byte at `at`.
    fn span_of(&self, at: usize) -> Option<&Span> {
        let after = self.spans.partition_point(|span| span.at.end <= at);
        self.spans.get(after..)?.iter().find(|span| span.at.contains(&at))
    }

    fn edit(&self, splice: &Splice, edits: &mut Edits) {
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
        // there.
        let ours = |span: &Span| (span.file, span.assignment) == home;
        let all: Vec<&Span> = self.spans_of(blanks).collect();
        if blanks.end <= range.start {
            let own = all.iter().rev().take_while(|span| ours(span)).last();
            let from = own.map_or(blanks.end, |span| span.at.start.max(blanks.start));
            self.delete(from..blanks.end, edits);
        } else if all.into_iter().all(ours) {
            self.delete(blanks.clone(), edits);
        }
    }

    /// Whether one assignment set both bytes of the text.
    fn together(&self, one: usize, other: usize) -> bool {
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

/// Adds a line of ours; a new drop-in takes its place among the others.
fn add_own_line(files: &mut Vec<File>, state: &State, target: Target, tokens: &[u8]) {
    let set = state.value(target.variable).is_some();
    let drop_in = files.first().is_none_or(|main| main.name != target.own_file);
    if let Some(file) = files.iter_mut().find(|file| file.name == target.own_file) {
        file.bytes = own_line::append(Some(&file.bytes), drop_in, target.variable, tokens, set);
        return;
    }
    let bytes = own_line::append(None, drop_in, target.variable, tokens, set);
    let behind_main = files.len().min(1);
    let at = behind_main
        + files[behind_main..].iter().take_while(|file| file.name.as_str() < target.own_file).count();
    files.insert(at, File { name: target.own_file.to_owned(), bytes });
}
