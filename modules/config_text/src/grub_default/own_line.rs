//! Lines of our own: how they are written, known again and taken out.

use std::ops::Range;

/// What marks a line as ours.
const MARK: &[u8] = b" # pci.passthrough";
/// What a drop-in of ours starts with.
const HEADER: &[u8] =
    b"# Kernel parameters for PCI passthrough, written by the Ansible collection pci.passthrough.\n";

/// A line that adds `tokens` to `variable`, or sets it where it is not `set`, without a line end.
fn text(variable: &str, tokens: &[u8], set: bool) -> Vec<u8> {
    let name = variable.as_bytes();
    if set {
        [name, b"=\"$", name, b" ", tokens, b"\"", MARK].concat()
    } else {
        [name, b"=\"", tokens, b"\"", MARK].concat()
    }
}

/// The file with a line of ours at its end; `drop_in` where the whole file is ours.
pub(super) fn append(
    file: Option<&[u8]>,
    drop_in: bool,
    variable: &str,
    tokens: &[u8],
    set: bool,
) -> Vec<u8> {
    let line =
        text(variable, &crate::shell_assignment::quoted(tokens, crate::shell_assignment::Quote::Double), set);
    match file {
        None if drop_in => [HEADER, &line, b"\n"].concat(),
        // A missing line end stays missing, so that taking the line out can restore it.
        Some(bytes) if !bytes.is_empty() && !bytes.ends_with(b"\n") => [bytes, b"\n", &line].concat(),
        bytes => [bytes.unwrap_or_default(), &line, b"\n"].concat(),
    }
}

/// Whether the word at `word` is the value of a line of ours that adds to `variable`.
pub(super) fn holds(bytes: &[u8], word: &Range<usize>, variable: &str) -> bool {
    let Some(before) = bytes.get(..word.start).and_then(|before| before.strip_suffix(b"=")) else {
        return false;
    };
    let at_line_start = before
        .strip_suffix(variable.as_bytes())
        .is_some_and(|before| before.is_empty() || before.ends_with(b"\n"));
    let behind = bytes.get(word.end..).and_then(|behind| behind.strip_prefix(MARK));
    at_line_start && behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(b"\n"))
}

/// The file without lines of ours that add nothing any more; `None` where a drop-in of ours is left with
/// nothing but its header.
pub(super) fn without_empty(bytes: Vec<u8>, variable: &str, drop_in: bool) -> Option<Vec<u8>> {
    let mut result = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if !is_empty(line.strip_suffix(b"\n").unwrap_or(line), variable) {
            result.extend_from_slice(line);
        } else if !line.ends_with(b"\n") && result.ends_with(b"\n") {
            // It stood at the end of a file without a final line end.
            result.pop();
        }
    }
    (!drop_in || (result != HEADER && !result.is_empty())).then_some(result)
}

fn is_empty(line: &[u8], variable: &str) -> bool {
    let name = variable.as_bytes();
    let value = line
        .strip_suffix(MARK)
        .and_then(|line| line.strip_prefix(name))
        .and_then(|line| line.strip_prefix(b"=\""))
        .and_then(|line| line.strip_suffix(b"\""));
    value.is_some_and(|value| {
        let reference = value.strip_prefix(b"$").and_then(|rest| rest.strip_prefix(name));
        reference.unwrap_or(value).iter().all(|byte| *byte == b' ')
    })
}
