//! A unified diff, as `diff -u` writes it and `patch` reads it. Own code, because `similar` would be
//! 43 KB of every module for files of a few dozen lines.

use super::screen::{Look, Text};

/// Lines of context around a change.
const CONTEXT: usize = 3;
/// Beyond this many pairs of lines the part that differs is shown as replaced whole: 16 MB of table
/// is enough for 2,000 changed lines on each side.
const MAX_PAIRS: usize = 4 << 20;

/// Adds the diff of two texts, headed by what they are.
pub fn diff(out: &mut Text, path: &str, before: &[u8], after: &[u8]) {
    let (old, new) = (lines(before), lines(after));
    let script = script(&old, &new);
    let mut hunks = hunks(&script).peekable();
    if hunks.peek().is_none() {
        return;
    }
    out.look(Look::Header, format!("--- before: {path}"));
    out.look(Look::Header, format!("+++ after: {path}"));
    for hunk in hunks {
        let count = |wanted: [Step; 2]| hunk.steps.iter().filter(|step| wanted.contains(step)).count();
        let removed = place(hunk.old, count([Step::Keep, Step::Remove]));
        let added = place(hunk.new, count([Step::Keep, Step::Add]));
        out.look(Look::Place, format!("@@ -{removed} +{added} @@"));
        let mut old = old.iter().skip(hunk.old);
        let mut new = new.iter().skip(hunk.new);
        for step in hunk.steps {
            match step {
                Step::Keep => {
                    new.next();
                    line(out, Look::Plain, b' ', old.next());
                }
                Step::Remove => line(out, Look::Removed, b'-', old.next()),
                Step::Add => line(out, Look::Added, b'+', new.next()),
            }
        }
    }
}

/// Lines with their line breaks.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|b| *b == b'\n').collect()
}

/// `12,3`: the first line, counted from 1, and how many; the number alone is left out, and no line at
/// all stands behind the line named.
fn place(skipped: usize, count: usize) -> String {
    match count {
        0 => format!("{skipped},0"),
        1 => format!("{}", skipped + 1),
        _ => format!("{},{count}", skipped + 1),
    }
}

fn line(out: &mut Text, look: Look, sign: u8, line: Option<&&[u8]>) {
    let line = line.copied().unwrap_or_default();
    let text = line.strip_suffix(b"\n");
    out.look(look, [&[sign], text.unwrap_or(line)].concat());
    if text.is_none() {
        out.line("\\ No newline at end of file");
    }
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Keep,
    Remove,
    Add,
}

/// The steps from `old` to `new`, with as many lines kept as can be.
fn script(old: &[&[u8]], new: &[&[u8]]) -> Vec<Step> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let inner = |lines: &[&[u8]]| head..lines.len() - tail;
    let mut steps = vec![Step::Keep; head];
    steps.extend(middle(&old[inner(old)], &new[inner(new)]));
    steps.extend(vec![Step::Keep; tail]);
    steps
}

/// By the longest common subsequence: `kept` holds its length for each pair of rests.
fn middle(old: &[&[u8]], new: &[&[u8]]) -> Vec<Step> {
    let width = new.len() + 1;
    let pairs = (old.len() + 1).saturating_mul(width);
    let whole = pairs > MAX_PAIRS;
    let mut kept = vec![0_u32; if whole { 0 } else { pairs }];
    let length = |kept: &[u32], at: usize| kept.get(at).copied().unwrap_or(0);
    if !whole {
        for (i, a) in old.iter().enumerate().rev() {
            for (j, b) in new.iter().enumerate().rev() {
                let at = i * width + j;
                let best = match a == b {
                    true => length(&kept, at + width + 1) + 1,
                    false => length(&kept, at + width).max(length(&kept, at + 1)),
                };
                if let Some(cell) = kept.get_mut(at) {
                    *cell = best;
                }
            }
        }
    }
    let mut steps = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let at = i * width + j;
        let step = match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a == b && !whole => Step::Keep,
            // What goes stands before what comes.
            (Some(_), Some(_)) if whole || length(&kept, at + width) >= length(&kept, at + 1) => Step::Remove,
            (Some(_), None) => Step::Remove,
            _ => Step::Add,
        };
        i += usize::from(step != Step::Add);
        j += usize::from(step != Step::Remove);
        steps.push(step);
    }
    steps
}

/// A part of the diff: the lines before it on each side, and its steps.
struct Hunk<'a> {
    old: usize,
    new: usize,
    steps: &'a [Step],
}

/// The changes with their context; those whose contexts touch are one.
fn hunks(steps: &[Step]) -> impl Iterator<Item = Hunk<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let next =
            |from: usize| steps.get(from..)?.iter().position(|step| *step != Step::Keep).map(|n| from + n);
        let first = next(at)?;
        let mut last = first;
        while let Some(more) = next(last + 1).filter(|more| more - last <= 2 * CONTEXT + 1) {
            last = more;
        }
        let range = first.saturating_sub(CONTEXT).max(at)..(last + 1 + CONTEXT).min(steps.len());
        let before = steps.get(..range.start).unwrap_or_default();
        at = range.end;
        Some(Hunk {
            old: before.iter().filter(|step| **step != Step::Add).count(),
            new: before.iter().filter(|step| **step != Step::Remove).count(),
            steps: steps.get(range).unwrap_or_default(),
        })
    })
}

#[cfg(test)]
mod tests;
