//! The command line as stretches of plain text, each byte of which is known by file and position.

use std::ops::Range;

use super::raw_edit::{Edits, RawEdit, edited};
use super::stretch::{Span, Stretch};
use super::{File, Settings, State, Target, own_line};
use crate::kernel_cmdline::{Action, Cmdline, Edit, Standing, Token, is_blank, parse, splices};
use crate::shell_assignment::{Piece, Quote, quoted};

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
                let mut stretch = Stretch::new(*variable == target);
                let mut cut_after = false;
                let mut cut_next = false;
                for piece in pieces.by_ref() {
                    if let Piece::Computed { joins_before, joins_behind, .. } = piece {
                        (cut_after, cut_next) = (*joins_before, *joins_behind);
                        break;
                    }
                    stretch.take(piece, settings);
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
