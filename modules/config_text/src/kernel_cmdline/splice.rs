//! From what happens to each token to replacements inside the text.

use std::ops::Range;

use super::{Action, Cmdline, parse};

/// A replacement inside a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Splice {
    /// What goes: a token, or nothing.
    pub range: Range<usize>,
    /// The blanks beside a dropped token that go with it.
    pub blanks: Range<usize>,
    /// What comes in its place.
    pub insert: Vec<u8>,
}

impl Splice {
    fn new(range: Range<usize>, insert: Vec<u8>) -> Self {
        Splice { blanks: range.end..range.end, range, insert }
    }
}

/// Turns actions on the tokens of `line` into splices of its `text`. `append` goes behind the last token
/// of `region` (token numbers) that stays, or to `empty_at` where there is none. `together` tells whether two
/// bytes of the text were set by the same assignment. Dropping what was appended gives the text back byte for
/// byte: tokens are added with the blank in front behind a token of the same assignment, otherwise with the
/// blank behind, and go with the same one.
pub(crate) fn splices(
    text: &[u8],
    line: &Cmdline,
    actions: &[Action],
    append: &[Vec<u8>],
    region: Range<usize>,
    mut empty_at: usize,
    together: impl Fn(usize, usize) -> bool,
) -> Vec<Splice> {
    let tokens = &line.tokens;
    let mut append = append.join(&b' ');
    let keeps = |index: &usize| actions.get(*index) != Some(&Action::Drop);
    let mut region = region;
    // A quote that stays open would swallow what comes behind it.
    if let Some(last) = tokens.last()
        && last.open_quote()
        && region.end == tokens.len()
        && keeps(&(tokens.len() - 1))
    {
        region.end -= 1;
        region.start = region.start.min(region.end);
        empty_at = empty_at.min(last.start);
        if region.is_empty() {
            empty_at = last.start;
        }
    }
    let anchor = region.clone().rev().find(keeps);
    let mut result = Vec::new();
    if region.is_empty() && !append.is_empty() {
        let blank_at = |at: Option<usize>| at.and_then(|at| text.get(at)).is_none_or(|b| super::is_blank(*b));
        let before: &[u8] = if blank_at(empty_at.checked_sub(1)) { b"" } else { b" " };
        let after: &[u8] = if blank_at(Some(empty_at)) { b"" } else { b" " };
        let insert = [before, &append, after].concat();
        append.clear();
        result.push(Splice::new(empty_at..empty_at, insert));
    }
    // Whether the run of dropped tokens that is under way goes with the blanks in front of each.
    let mut takes_front = None;
    for (index, (token, action)) in tokens.iter().zip(actions).enumerate() {
        let here = token.start..token.end();
        match action {
            Action::Keep => {}
            Action::Replace(raw) => result.push(Splice::new(here, raw.clone())),
            Action::Drop if anchor.is_none() && region.contains(&index) && !append.is_empty() => {
                result.push(Splice::new(here, std::mem::take(&mut append)));
            }
            Action::Drop => {
                let next = tokens.get(index + 1).map(|next| next.start).or(line.init);
                let follows = || line.init.is_some() || (index + 1..tokens.len()).any(|later| keeps(&later));
                let before = index.checked_sub(1).map(|before| tokens[before].end());
                let front = *takes_front.get_or_insert_with(|| {
                    before.is_some_and(|end| {
                        together(token.start - 1, token.start)
                            && (together(end - 1, token.start) || !follows())
                    })
                });
                let blanks = match (before.filter(|_| front), next) {
                    (Some(before), _) => before..token.start,
                    (None, Some(next)) => token.end()..next,
                    (None, None) => token.end()..token.end(),
                };
                result.push(Splice { range: here, blanks, insert: Vec::new() });
                continue;
            }
        }
        takes_front = None;
        if anchor == Some(index) && !append.is_empty() {
            let insert = [b" ".as_slice(), &append].concat();
            append.clear();
            result.push(Splice::new(token.end()..token.end(), insert));
        }
    }
    result.sort_by_key(|splice| (splice.range.start.min(splice.blanks.start), splice.range.end));
    result
}

/// The text after the splices, which are in order and do not overlap.
fn spliced(text: &[u8], splices: &[Splice]) -> Vec<u8> {
    let mut result = Vec::with_capacity(text.len());
    let mut at = 0;
    for Splice { range, blanks, insert } in splices {
        result.extend_from_slice(&text[at..range.start.min(blanks.start)]);
        result.extend_from_slice(insert);
        at = range.end.max(blanks.end);
    }
    result.extend_from_slice(&text[at..]);
    result
}

/// A plainly written command line after `actions` on its tokens, with `append` at the end of the kernel's part.
pub(crate) fn carry_out(text: &[u8], actions: &[Action], append: &[Vec<u8>]) -> Vec<u8> {
    let line = parse(text);
    let empty_at = line.init.unwrap_or(0);
    spliced(text, &splices(text, &line, actions, append, 0..line.tokens.len(), empty_at, |_, _| true))
}
