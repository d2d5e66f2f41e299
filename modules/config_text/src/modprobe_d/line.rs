//! Logical lines: what kmod's line reader makes of backslashes and line ends.

use std::ops::Range;

/// How a logical line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By a line feed.
    Newline,
    /// By the end of the file.
    EndOfFile,
    /// By the end of the file after a backslash: whatever is appended would join the line.
    Continuation,
}

/// One logical line and the bytes that make it up.
#[derive(Debug, Clone)]
pub(super) struct LogicalLine {
    /// Number of its first physical line, counted from 1.
    pub(super) number: usize,
    /// Its bytes in the file, line end included.
    pub(super) span: Range<usize>,
    /// Its text after continuation and unescaping, up to a NUL byte, where C strings end.
    pub(super) text: Vec<u8>,
    /// Where in the text each further physical line begins.
    pub(super) joints: Vec<usize>,
    pub(super) ending: Ending,
}

/// Splits a file into logical lines; the spans cover every byte.
///
/// A backslash joins lines in comments too. Before any other byte it is dropped and the byte kept.
pub(super) fn logical_lines(bytes: &[u8]) -> Vec<LogicalLine> {
    let mut lines = Vec::new();
    let (mut at, mut number) = (0, 1);
    while at < bytes.len() {
        let (start, first) = (at, number);
        let mut text = Vec::new();
        let mut joints = Vec::new();
        let mut ending = Ending::EndOfFile;
        while let Some(&byte) = bytes.get(at) {
            ending = Ending::EndOfFile;
            let rest = bytes.get(at..).unwrap_or_default();
            let plain = rest.iter().position(|b| matches!(b, b'\n' | b'\\')).unwrap_or(rest.len());
            if plain > 0 {
                text.extend_from_slice(rest.get(..plain).unwrap_or_default());
                at += plain;
                continue;
            }
            at += 1;
            match (byte, bytes.get(at)) {
                (b'\n', _) => {
                    number += 1;
                    ending = Ending::Newline;
                    break;
                }
                (b'\\', Some(b'\n')) => {
                    at += 1;
                    number += 1;
                    joints.push(text.len());
                    ending = Ending::Continuation;
                }
                (b'\\', Some(&escaped)) => {
                    at += 1;
                    text.push(escaped);
                }
                // kmod stores `EOF` as a byte here: a name at that place is not the name it seems.
                (b'\\', None) => {
                    text.push(0xff);
                    ending = Ending::Continuation;
                }
                // What is plain was taken above.
                (other, _) => text.push(other),
            }
        }
        if let Some(end) = text.iter().position(|&b| b == 0) {
            text.truncate(end);
        }
        lines.push(LogicalLine { number: first, span: start..at, text, joints, ending });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8]) -> Vec<(usize, String, Ending)> {
        logical_lines(bytes)
            .into_iter()
            .map(|l| (l.number, String::from_utf8_lossy(&l.text).into_owned(), l.ending))
            .collect()
    }

    #[test]
    fn a_backslash_joins_lines_and_the_number_is_the_first() {
        use Ending::*;
        assert_eq!(texts(b"a \\\n b\nc"), [(1, "a  b".into(), Newline), (3, "c".into(), EndOfFile)]);
        assert_eq!(texts(b"# x \\\nblacklist a\n"), [(1, "# x blacklist a".into(), Newline)]);
        assert_eq!(texts(b"a\\tb\\\\c\n"), [(1, "atb\\c".into(), Newline)]);
        assert_eq!(texts(b"a\0b\nc\n"), [(1, "a".into(), Newline), (2, "c".into(), Newline)]);
        assert_eq!(texts(b"a\\\n"), [(1, "a".into(), Continuation)]);
        assert_eq!(texts(b"a\\"), [(1, "a\u{fffd}".into(), Continuation)]);
        assert_eq!(texts(b""), []);
    }
}
