//! Changes of single bytes of a file.

use std::ops::Range;

/// Bytes of a file that go, and bytes that come there instead.
pub(super) struct RawEdit {
    pub range: Range<usize>,
    pub insert: Vec<u8>,
    /// Only where the next byte that stays would turn a backslash before it into an escape.
    pub guard: bool,
}

impl RawEdit {
    pub(super) fn new(range: Range<usize>, insert: Vec<u8>) -> RawEdit {
        RawEdit { range, insert, guard: false }
    }
}

/// The changes, each with the index of its file.
pub(super) type Edits = Vec<(usize, RawEdit)>;

/// The bytes after the edits of one file.
pub(super) fn edited(bytes: &[u8], mut edits: Vec<&RawEdit>) -> Vec<u8> {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut result = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for (index, RawEdit { range, insert, guard }) in edits.iter().enumerate() {
        result.extend_from_slice(bytes.get(at..range.start).unwrap_or_default());
        at = at.max(range.end);
        if !guard || escapes(next_kept(bytes, at, &edits[index + 1..])) {
            result.extend_from_slice(insert);
        }
    }
    result.extend_from_slice(bytes.get(at..).unwrap_or_default());
    result
}

/// The byte that follows once the edits behind `at` are made.
fn next_kept(bytes: &[u8], mut at: usize, edits: &[&RawEdit]) -> Option<u8> {
    for edit in edits.iter().take_while(|edit| !edit.guard) {
        if edit.range.start > at {
            break;
        }
        if let Some(first) = edit.insert.first() {
            return Some(*first);
        }
        at = at.max(edit.range.end);
    }
    bytes.get(at).copied()
}

/// Whether a backslash before this byte is an escape between double quotes.
fn escapes(byte: Option<u8>) -> bool {
    byte.is_some_and(|byte| b"\"\\$`\n".contains(&byte))
}
