//! Variables in a file that a POSIX shell sources (`/etc/default/grub` and its drop-ins): what the shell
//! would hold in them, and which bytes of which file each byte of the value comes from.
//!
//! The file is read by the shell's grammar (POSIX.1-2017 XCU 2, dash(1), bash(1)), never run. What is plain
//! text is followed exactly; what depends on a command, a condition or another file is
//! [`Piece::Computed`], never guessed. Code that cannot touch the variable in question does no harm.

mod builtin;
mod command;
mod compound;
mod evaluate;
mod redirection;
mod scan;
mod script;
mod value;
mod word;

pub use evaluate::Evaluation;
pub use script::Script;
pub use value::{Assigned, Piece, Value};

use thiserror::Error;

/// Which shell sources the file: `/bin/sh` is dash on Debian and its kin, bash on most others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// POSIX, as dash reads it: `VAR+=x` is a command that does not exist.
    #[default]
    Posix,
    /// bash: `VAR+=x` appends, `[[`, arrays and `function` are known.
    Bash,
}

/// The quoting around a piece of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// None.
    None,
    /// Single quotes.
    Single,
    /// Double quotes.
    Double,
}

/// Why the shell itself would give the file up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {what}: the shell refuses the file")]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// `text` as it has to be written inside `quote` to mean itself.
pub fn quoted(text: &[u8], quote: Quote) -> Vec<u8> {
    let mut result = Vec::with_capacity(text.len());
    for &byte in text {
        match quote {
            Quote::Single if byte == b'\'' => result.extend_from_slice(b"'\\''"),
            Quote::Double if b"\"\\$`".contains(&byte) => result.extend_from_slice(&[b'\\', byte]),
            Quote::None if !plain(byte) => result.extend_from_slice(&[b'\\', byte]),
            _ => result.push(byte),
        }
    }
    result
}

/// Bytes that need no quoting anywhere in an assignment.
fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.,:=+@%/^".contains(&byte) || byte >= 0x80
}

/// Whether `name` can name a variable.
fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}
