//! The kernel command line: its tokens by the kernel's own rules, what is in force in it, and the edit
//! that brings it to a [`Wish`].
//!
//! Sources: `lib/cmdline.c` (`next_arg`), `kernel/params.c` (`parse_args`, `parameq`), `lib/ctype.c`.

mod edit;
mod rules;
mod splice;
mod wish;

pub use edit::{Action, Edit, Standing, plan, rewrite};
pub use rules::{concerns_passthrough, in_force};
pub(crate) use splice::{Splice, carry_out, splices};
pub use wish::{Wish, WishError};

/// One token as it is written, kernel quotes included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// The bytes of the token.
    pub raw: &'a [u8],
    /// Where they start in the text that was split.
    pub start: usize,
}

impl<'a> Token<'a> {
    /// A token that stands by itself, such as an option's value.
    pub fn new(raw: &'a [u8]) -> Self {
        Token { raw, start: 0 }
    }

    /// The position after the last byte.
    pub fn end(&self) -> usize {
        self.start + self.raw.len()
    }

    /// What stands before the first `=`, without the quote that opens a wholly quoted token.
    pub fn key(&self) -> &'a [u8] {
        let body = self.unquoted_start();
        match equals(body) {
            Some(at) => &body[..at],
            None => strip_end_quote(body, self.wholly_quoted()),
        }
    }

    /// What stands after the first `=`, without quotes; `None` for a flag.
    pub fn value(&self) -> Option<&'a [u8]> {
        let body = self.unquoted_start();
        let value = &body[equals(body)? + 1..];
        Some(match value.strip_prefix(b"\"") {
            Some(inner) => strip_end_quote(inner, true),
            None => strip_end_quote(value, self.wholly_quoted()),
        })
    }

    /// Whether both set the same key to the same value.
    pub fn same(&self, other: &Token) -> bool {
        key_eq(self.key(), other.key()) && self.value() == other.value()
    }

    /// Whether a double quote stays open at the end: whatever is appended would become part of it.
    pub fn open_quote(&self) -> bool {
        self.raw.iter().filter(|byte| **byte == b'"').count() % 2 == 1
    }

    fn wholly_quoted(&self) -> bool {
        self.raw.first() == Some(&b'"')
    }

    fn unquoted_start(&self) -> &'a [u8] {
        self.raw.strip_prefix(b"\"").unwrap_or(self.raw)
    }
}

/// The kernel does not count an `=` in the first place.
fn equals(body: &[u8]) -> Option<usize> {
    body.iter().skip(1).position(|byte| *byte == b'=').map(|at| at + 1)
}

fn strip_end_quote(bytes: &[u8], quoted: bool) -> &[u8] {
    if quoted { bytes.strip_suffix(b"\"").unwrap_or(bytes) } else { bytes }
}

/// Whether two keys are the same parameter: `-` and `_` are equal (`parameq`).
pub fn key_eq(a: &[u8], b: &[u8]) -> bool {
    let dash = |byte: u8| if byte == b'-' { b'_' } else { byte };
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| dash(*x) == dash(*y))
}

/// What the kernel takes for a blank: ASCII's six and 0xA0 (`lib/ctype.c`).
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ' | 0xA0)
}

/// A command line, split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cmdline<'a> {
    /// The kernel's tokens, in order.
    pub tokens: Vec<Token<'a>>,
    /// Where the `--` stands whose followers belong to init.
    pub init: Option<usize>,
}

/// Splits a command line. Linear in its length; any bytes are accepted.
pub fn parse(text: &[u8]) -> Cmdline<'_> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if is_blank(text[at]) {
            at += 1;
            continue;
        }
        let start = at;
        let mut in_quote = false;
        while at < text.len() && (in_quote || !is_blank(text[at])) {
            in_quote ^= text[at] == b'"';
            at += 1;
        }
        let raw = &text[start..at];
        if raw == b"--" {
            return Cmdline { tokens, init: Some(start) };
        }
        tokens.push(Token { raw, start });
    }
    Cmdline { tokens, init: None }
}

/// The kernel's tokens: everything before a ` -- `.
pub fn tokens(text: &[u8]) -> Vec<Token<'_>> {
    parse(text).tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raws(text: &[u8]) -> Vec<&[u8]> {
        tokens(text).iter().map(|token| token.raw).collect()
    }

    #[test]
    fn splits_like_next_arg() {
        let cases: &[(&[u8], &[&[u8]])] = &[
            (b"", &[]),
            (b" \t\n", &[]),
            (b"quiet  splash\tro", &[b"quiet", b"splash", b"ro"]),
            (b"dyndbg=\"file a.c +p\" ro", &[b"dyndbg=\"file a.c +p\"", b"ro"]),
            (b"\"a b=c d\" ro", &[b"\"a b=c d\"", b"ro"]),
            (b"a=\"b c", &[b"a=\"b c"]),
            (b"ro -- single splash", &[b"ro"]),
            (b"ro --x", &[b"ro", b"--x"]),
            (b"quiet\r", &[b"quiet"]),
        ];
        for (text, expected) in cases {
            assert_eq!(&raws(text), expected, "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(parse(b"ro -- s").init, Some(3));
    }

    #[test]
    fn key_and_value_lose_their_quotes() {
        type Case = (&'static [u8], &'static [u8], Option<&'static [u8]>);
        let cases: &[Case] = &[
            (b"quiet", b"quiet", None),
            (b"a=b=c", b"a", Some(b"b=c")),
            (b"a=", b"a", Some(b"")),
            (b"a=\"b c\"", b"a", Some(b"b c")),
            (b"\"a=b c\"", b"a", Some(b"b c")),
            (b"\"a\"", b"a", None),
            (b"=x=y", b"=x", Some(b"y")),
            (b"a=\"", b"a", Some(b"")),
        ];
        for (raw, key, value) in cases {
            let token = Token::new(raw);
            assert_eq!((token.key(), token.value()), (*key, *value), "{}", String::from_utf8_lossy(raw));
        }
        assert!(key_eq(b"vfio-pci.ids", b"vfio_pci.ids") && !key_eq(b"a", b"ab"));
    }
}
