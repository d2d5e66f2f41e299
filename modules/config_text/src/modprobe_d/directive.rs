//! One line's meaning.

use std::ops::Range;

use super::line::{Ending, logical_lines};

/// What a line asks for. Module names are normalised as kmod does: `-` becomes `_`, except inside
/// `[...]`. Everything is bytes, for kmod knows no encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// `alias WILDCARD MODULE`.
    Alias {
        /// The alias, a shell wildcard.
        name: Vec<u8>,
        /// The module it stands for.
        module: Vec<u8>,
    },
    /// `blacklist MODULE`: the module's own aliases are ignored. The name is no wildcard.
    Blacklist {
        /// The module.
        module: Vec<u8>,
    },
    /// `install MODULE COMMAND`: run the command instead of loading.
    Install {
        /// The module, a shell wildcard.
        module: Vec<u8>,
        /// The rest of the line, blanks included.
        command: Vec<u8>,
    },
    /// `remove MODULE COMMAND`.
    Remove {
        /// The module, a shell wildcard.
        module: Vec<u8>,
        /// The rest of the line, blanks included.
        command: Vec<u8>,
    },
    /// `options MODULE OPTION...`.
    Options {
        /// The module.
        module: Vec<u8>,
        /// The rest of the line with blanks for tabs.
        options: Vec<u8>,
    },
    /// `softdep MODULE pre: MODULE... post: MODULE...`.
    Softdep {
        /// The module, a shell wildcard.
        module: Vec<u8>,
        /// Loaded before it, as written.
        pre: Vec<Vec<u8>>,
        /// Loaded after it, as written.
        post: Vec<Vec<u8>>,
    },
    /// `weakdep MODULE MODULE...` (kmod 33 and later; earlier ones ignore the line).
    Weakdep {
        /// The module, a shell wildcard.
        module: Vec<u8>,
        /// The modules it may ask for, as written.
        modules: Vec<Vec<u8>>,
    },
}

/// Why kmod ignores a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// The first word is no directive.
    UnknownDirective,
    /// A name or value is missing.
    Incomplete,
    /// A module name holds a `[` without `]`, or the other way round.
    Brackets,
    /// `include` or `config`, which kmod does not follow.
    Unsupported,
}

/// What a logical line holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing: blank, or a comment (`#` in the first column).
    Nothing,
    /// A directive in force.
    Directive(Directive),
    /// A line that kmod skips with an error message.
    Ignored(Ignored),
}

/// One logical line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Number of its first physical line, counted from 1.
    pub number: usize,
    /// Its bytes in the file, line end included.
    pub span: Range<usize>,
    /// The logical text.
    pub text: Vec<u8>,
    /// Its meaning.
    pub content: Content,
    /// Where in the text each further physical line begins.
    pub(super) joints: Vec<usize>,
    /// Whether text appended to the file would become part of this line.
    pub(super) open: bool,
}

/// Reads a whole file. The spans of the lines cover every byte, in order.
pub fn parse(bytes: &[u8]) -> Vec<Line> {
    let line = |raw: super::line::LogicalLine| Line {
        number: raw.number,
        joints: raw.joints,
        span: raw.span,
        content: content(&raw.text),
        text: raw.text,
        open: raw.ending == Ending::Continuation,
    };
    logical_lines(bytes).into_iter().map(line).collect()
}

fn content(text: &[u8]) -> Content {
    if matches!(text.first(), None | Some(b'#')) {
        return Content::Nothing;
    }
    let mut words = Words { rest: text };
    let Some(keyword) = words.word() else { return Content::Nothing };
    match directive(keyword, words) {
        Ok(directive) => Content::Directive(directive),
        Err(why) => Content::Ignored(why),
    }
}

fn directive(keyword: &[u8], mut words: Words) -> Result<Directive, Ignored> {
    let mut name = || words.word().ok_or(Ignored::Incomplete).and_then(normalised);
    Ok(match keyword {
        b"alias" => Directive::Alias { name: name()?, module: name()? },
        b"blacklist" => Directive::Blacklist { module: name()? },
        b"install" => Directive::Install { module: name()?, command: words.remainder()?.to_vec() },
        b"remove" => Directive::Remove { module: name()?, command: words.remainder()?.to_vec() },
        b"options" => {
            let module = name()?;
            let options = words.remainder()?.iter().map(|&b| if b == b'\t' { b' ' } else { b }).collect();
            Directive::Options { module, options }
        }
        b"softdep" => {
            let module = name()?;
            let (pre, post) = soft_dependencies(words.remainder()?);
            Directive::Softdep { module, pre, post }
        }
        b"weakdep" => {
            let module = name()?;
            let modules = blank_separated(words.remainder()?).map(<[u8]>::to_vec).collect();
            Directive::Weakdep { module, modules }
        }
        b"include" | b"config" => return Err(Ignored::Unsupported),
        _ => return Err(Ignored::UnknownDirective),
    })
}

/// Words as `strtok_r(3)` with blank and tab cuts them: one separator is eaten after each word, so
/// that the rest of the line may begin with blanks.
struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    fn word(&mut self) -> Option<&'a [u8]> {
        let blank = |b: &u8| matches!(b, b' ' | b'\t');
        let start = self.rest.iter().position(|b| !blank(b))?;
        let tail = self.rest.get(start..)?;
        let end = tail.iter().position(blank).unwrap_or(tail.len());
        self.rest = tail.get(end + 1..).unwrap_or_default();
        tail.get(..end)
    }

    fn remainder(&self) -> Result<&'a [u8], Ignored> {
        if self.rest.is_empty() { Err(Ignored::Incomplete) } else { Ok(self.rest) }
    }
}

/// `-` becomes `_`, except inside `[...]`.
fn normalised(name: &[u8]) -> Result<Vec<u8>, Ignored> {
    let mut inside = false;
    let mut out = Vec::with_capacity(name.len());
    for &byte in name {
        match byte {
            b'[' => inside = true,
            b']' if !inside => return Err(Ignored::Brackets),
            b']' => inside = false,
            _ => {}
        }
        out.push(if byte == b'-' && !inside { b'_' } else { byte });
    }
    if inside { Err(Ignored::Brackets) } else { Ok(out) }
}

/// Blanks as C's `isspace` sees them.
fn blank_separated(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| is_space(*b)).filter(|word| !word.is_empty())
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn soft_dependencies(text: &[u8]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut pre, mut post) = (Vec::new(), Vec::new());
    let mut into = None;
    let mut words = blank_separated(text);
    // kmod takes a single leading blank for a part of the first word, which is then neither `pre:`
    // nor `post:`; so `softdep a  pre: b` (two blanks) means nothing.
    if text.first().is_some_and(|b| is_space(*b)) && text.get(1).is_some_and(|b| !is_space(*b)) {
        words.next();
    }
    for word in words {
        match word {
            b"pre:" => into = Some(&mut pre),
            b"post:" => into = Some(&mut post),
            module => {
                if let Some(list) = into.as_mut() {
                    list.push(module.to_vec());
                }
            }
        }
    }
    (pre, post)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Content {
        parse(text.as_bytes()).remove(0).content
    }

    fn blacklist(name: &str) -> Content {
        Content::Directive(Directive::Blacklist { module: name.into() })
    }

    /// Each row was compared with `modprobe -C DIR --showconfig` of kmod 30.
    #[test]
    fn lines_mean_what_kmod_makes_of_them() {
        for (text, wanted) in [
            ("", Content::Nothing),
            ("   ", Content::Nothing),
            ("# blacklist a", Content::Nothing),
            (" # blacklist a", Content::Ignored(Ignored::UnknownDirective)),
            ("  blacklist a-b", blacklist("a_b")),
            ("blacklist a b", blacklist("a")),
            ("blacklist a # why", blacklist("a")),
            ("blacklist x\\\ny", blacklist("xy")),
            ("blacklist c[-a-]-d", blacklist("c[-a-]_d")),
            ("blacklist a\r\n", blacklist("a\r")),
            ("blacklist a \r\n", blacklist("a")),
            ("blacklist", Content::Ignored(Ignored::Incomplete)),
            ("blacklist bad]", Content::Ignored(Ignored::Brackets)),
            ("alias a-b[- c", Content::Ignored(Ignored::Brackets)),
            ("options a", Content::Ignored(Ignored::Incomplete)),
            ("softdep a ", Content::Ignored(Ignored::Incomplete)),
            ("Blacklist a", Content::Ignored(Ignored::UnknownDirective)),
            ("include x", Content::Ignored(Ignored::Unsupported)),
        ] {
            let text = if text.is_empty() { "\n" } else { text };
            assert_eq!(one(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn the_rest_of_a_line_keeps_its_blanks() {
        let Content::Directive(Directive::Install { module, command }) = one("install foo-x   /bin/false  ")
        else {
            panic!("an install line");
        };
        assert_eq!((module.as_slice(), command.as_slice()), (&b"foo_x"[..], &b"  /bin/false  "[..]));
        let Content::Directive(Directive::Options { options, .. }) = one("options a\tb\tc") else {
            panic!("an options line");
        };
        assert_eq!(options, b"b c");
    }

    #[test]
    fn soft_dependencies_need_their_keywords_apart() {
        let deps = |text: &str| match one(text) {
            Content::Directive(Directive::Softdep { pre, post, .. }) => {
                let join = |list: Vec<Vec<u8>>| String::from_utf8(list.join(&b' ')).unwrap();
                (join(pre), join(post))
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(deps("softdep e foo post: x-y pre: z w"), ("z w".into(), "x-y".into()));
        assert_eq!(deps("softdep drm pre:vfio-pci"), (String::new(), String::new()));
        assert_eq!(deps("softdep a  pre: b"), (String::new(), String::new()));
        assert_eq!(deps("softdep a   pre: b"), ("b".into(), String::new()));
    }
}
