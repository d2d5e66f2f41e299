//! Simple commands: assignments, and the builtins that change variables or leave the file
//! (POSIX XCU 2.9.1, 2.14; dash(1); bash(1)).

use super::command::Parser;
use super::script::{Effect, Part, Step, Word};
use super::{Quote, SyntaxError, is_name};

/// Assignments before these stay in force after them (POSIX XCU 2.14).
const SPECIAL: &[&[u8]] = &[
    b".",
    b":",
    b"break",
    b"continue",
    b"eval",
    b"exec",
    b"exit",
    b"export",
    b"readonly",
    b"return",
    b"set",
    b"shift",
    b"times",
    b"trap",
    b"unset",
];
/// Commands whose words have to be looked at.
const WATCHED: &[&[u8]] = &[
    b".",
    b"alias",
    b"builtin",
    b"command",
    b"declare",
    b"eval",
    b"exec",
    b"exit",
    b"export",
    b"getopts",
    b"let",
    b"local",
    b"mapfile",
    b"printf",
    b"read",
    b"readarray",
    b"readonly",
    b"return",
    b"source",
    b"trap",
    b"typeset",
    b"unset",
];
/// Why a name that a continued line interrupts is not followed.
const SPLIT_NAME: &str = "its name is written over two lines";
/// bash reads arrays in their words (`ASSIGNMENT_BUILTIN` in its builtins, and parse.y).
const DECLARING: &[&[u8]] =
    &[b"alias", b"declare", b"eval", b"export", b"let", b"local", b"readonly", b"typeset"];

/// `name=word` or bash's `name+=word`.
struct Assignment {
    name: Vec<u8>,
    word: Word,
    append: bool,
}

impl Parser<'_> {
    /// Assignments, a command with its words, redirections; or the head of a function.
    pub(super) fn simple(&mut self, conditional: bool, sink: &mut Vec<Step>) -> Result<(), SyntaxError> {
        let start = self.at;
        let mut assignments: Vec<Assignment> = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        let mut named: Option<Vec<u8>> = None;
        self.redirected = false;
        loop {
            let Some(word) = self.simple_word()? else {
                if self.peek() != Some(b'(') {
                    break;
                }
                let alone = assignments.is_empty() && words.len() == 1;
                if alone && self.take_parentheses() {
                    return self.function(&words.remove(0), sink);
                }
                let word = self.takes_array(&mut assignments, &mut words);
                let word = word.ok_or_else(|| self.error("'(' is unexpected here"))?;
                let line = self.line_of(self.at);
                word.range.end = self.array()?.end;
                word.parts.push(Part::Computed { why: "an array is assigned", line });
                continue;
            };
            if words.is_empty()
                && let Some(assignment) = self.assignment(&word)
            {
                assignments.push(assignment);
                continue;
            }
            if words.is_empty()
                && let Some(name) = self.split_name(&word)
            {
                let effect = Effect::Touch { name: Some(name), why: SPLIT_NAME };
                sink.push(Step { effect, conditional, line: self.line_of(start) });
                continue;
            }
            if words.is_empty() {
                named = word.literal(self.text);
                words.push(word);
            } else if named.as_ref().is_none_or(|name| WATCHED.contains(&name.as_slice())) {
                words.push(word);
            } else if words.len() == 1 {
                // Enough to tell that a '(' is no function's.
                words.push(Word::default());
            }
        }
        if self.at == start {
            return Err(self.error("a command is missing"));
        }
        let line = self.line_of(start);
        self.flush_assigned(conditional, sink);
        if words.is_empty() {
            // Where the redirection fails, nothing is assigned.
            let conditional = conditional || self.redirected;
            sink.extend(assignments.into_iter().map(|assignment| self.assign(assignment, conditional)));
            return Ok(());
        }
        if named.as_ref().is_some_and(|name| SPECIAL.contains(&name.as_slice())) {
            for Assignment { name, .. } in assignments {
                let why = "it is assigned before a builtin, which shells treat differently";
                sink.push(Step { effect: Effect::Touch { name: Some(name), why }, conditional, line });
            }
        }
        for effect in self.effects(&words) {
            sink.push(Step { effect, conditional, line });
        }
        Ok(())
    }

    fn assign(&self, assignment: Assignment, conditional: bool) -> Step {
        let line = self.line_of(assignment.word.range.start);
        let Assignment { name, word, append } = assignment;
        Step { effect: Effect::Assign { name, word, append }, conditional, line }
    }

    /// Takes `name=` off the front of a word, if it starts so without quotes.
    fn assignment(&self, word: &Word) -> Option<Assignment> {
        let Some(Part::Text { raw, quote: Quote::None, escape: false }) = word.parts.first() else {
            return None;
        };
        let text = &self.text[raw.clone()];
        let equals = text.iter().position(|byte| *byte == b'=')?;
        let append = self.bash() && equals > 0 && text[equals - 1] == b'+';
        let name = &text[..equals - usize::from(append)];
        if raw.start != word.range.start || !is_name(name) {
            return None;
        }
        let start = raw.start + equals + 1;
        let mut parts = word.parts.clone();
        if start == raw.end {
            parts.remove(0);
        } else if let Some(Part::Text { raw, .. }) = parts.first_mut() {
            raw.start = start;
        }
        Some(Assignment { name: name.to_vec(), word: Word { range: start..word.range.end, parts }, append })
    }

    /// The word that ends here with the `=` of an assignment, where bash reads `(` as the start of an array:
    /// in front of a command, or among the words of one that declares.
    fn takes_array<'w>(
        &self,
        assignments: &'w mut [Assignment],
        words: &'w mut [Word],
    ) -> Option<&'w mut Word> {
        let ends_here = |word: &Word| word.parts.is_empty() && word.range.end == self.at;
        let Some(first) = words.first() else {
            let last = assignments.last_mut()?;
            return (self.bash() && ends_here(&last.word)).then_some(&mut last.word);
        };
        let plain = |part: &Part| matches!(part, Part::Text { quote: Quote::None, escape: false, .. });
        let declares = first.parts.iter().all(plain)
            && first.literal(self.text).is_some_and(|name| DECLARING.contains(&name.as_slice()));
        let last = words.last_mut()?;
        let assigns = self.assignment(last).is_some_and(|assignment| ends_here(&assignment.word));
        (self.bash() && declares && assigns).then_some(last)
    }

    /// The name before an unquoted `=` where a continued line interrupts it.
    fn split_name(&self, word: &Word) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        for part in &word.parts {
            match part {
                Part::Text { raw, quote: Quote::None, escape: false } => {
                    text.extend_from_slice(&self.text[raw.clone()]);
                }
                _ => break,
            }
        }
        let equals = text.iter().position(|byte| *byte == b'=')?;
        let name = text.get(..equals)?;
        let name = name.strip_suffix(b"+").filter(|_| self.bash()).unwrap_or(name);
        is_name(name).then(|| name.to_vec())
    }

    /// What a command with these words does to variables.
    fn effects(&self, words: &[Word]) -> Vec<Effect> {
        let any = |why| vec![Effect::Touch { name: None, why }];
        let mut words = words;
        loop {
            let Some((first, rest)) = words.split_first() else { return Vec::new() };
            let Some(name) = first.literal(self.text) else {
                return any("a command whose name is computed may change it");
            };
            let arguments = || {
                rest.iter().filter(|word| !word.literal(self.text).is_some_and(|text| text.starts_with(b"-")))
            };
            let bash = self.bash();
            return match name.as_slice() {
                b"command" | b"builtin" => {
                    let options = rest.len() - rest.iter().skip_while(|word| self.is_option(word)).count();
                    words = &rest[options..];
                    continue;
                }
                b"." => vec![Effect::Source],
                // dash has no `source`: the file is not read.
                b"source" if bash => vec![Effect::Source],
                b"eval" | b"alias" | b"trap" => any("'eval', 'alias' or 'trap' may change it"),
                b"exit" => vec![Effect::Exit],
                b"exec" if !rest.is_empty() => vec![Effect::Exit],
                b"return" => vec![Effect::Return],
                b"export" | b"readonly" | b"local" => self.declared(arguments()),
                b"declare" | b"typeset" if bash => self.declared(arguments()),
                b"unset" => {
                    let functions = rest
                        .first()
                        .and_then(|word| word.literal(self.text))
                        .is_some_and(|text| text == b"-f");
                    if functions {
                        return Vec::new();
                    }
                    arguments()
                        .map(|word| match word.literal(self.text) {
                            Some(name) => Effect::Unset { name },
                            None => Effect::Touch { name: None, why: "'unset' of a computed name" },
                        })
                        .collect()
                }
                b"read" | b"getopts" => self.named(rest),
                b"mapfile" | b"readarray" | b"let" if bash => self.named(rest),
                b"printf" if bash && rest.first().is_some_and(|word| self.is_option(word)) => {
                    self.named(rest)
                }
                _ => vec![Effect::Call { name }],
            };
        }
    }

    fn is_option(&self, word: &Word) -> bool {
        word.literal(self.text).is_some_and(|text| text.starts_with(b"-"))
    }

    /// `export name=word name …`.
    fn declared<'w>(&self, words: impl Iterator<Item = &'w Word>) -> Vec<Effect> {
        words
            .filter_map(|word| match self.assignment(word) {
                Some(Assignment { name, word, append }) => Some(Effect::Assign { name, word, append }),
                None if self.split_name(word).is_some() => {
                    Some(Effect::Touch { name: self.split_name(word), why: SPLIT_NAME })
                }
                None if word.literal(self.text).is_some() => None,
                None => Some(Effect::Touch { name: None, why: "a computed name is declared" }),
            })
            .collect()
    }

    /// `read name …`: every word may be the name of what changes.
    fn named(&self, words: &[Word]) -> Vec<Effect> {
        let why = "a builtin sets it";
        words
            .iter()
            .map(|word| {
                let name = word.literal(self.text).map(|text| {
                    text.into_iter()
                        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                        .collect()
                });
                Effect::Touch { name, why }
            })
            .collect()
    }
}
