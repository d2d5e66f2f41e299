//! What a variable holds after several files were sourced one after the other.

use super::script::{Effect, Part, Script, Step, Word};
use super::value::{Assigned, Piece, Value};

/// The state of one variable while files are sourced in order, functions included.
pub struct Evaluation<'s> {
    variable: &'s [u8],
    value: Option<Value>,
    /// Name and body of each function; one that is defined again is there again.
    functions: Vec<(&'s [u8], &'s [Step])>,
    /// A file that is not known was sourced: unknown commands may be its functions.
    foreign: bool,
    exited: Option<(usize, usize)>,
}

impl<'s> Evaluation<'s> {
    /// The variable is unset before the first file.
    pub fn new(variable: &'s [u8]) -> Self {
        Evaluation { variable, value: None, functions: Vec::new(), foreign: false, exited: None }
    }

    /// What the variable holds now; `None` while it is unset.
    pub fn value(&self) -> Option<&Value> {
        self.value.as_ref()
    }

    /// File and line of an `exit` that ends the sourcing script itself.
    pub fn exited(&self) -> Option<(usize, usize)> {
        self.exited
    }

    /// Sources one more file. Its index is what [`Piece::Text`] names it by.
    pub fn source(&mut self, file: usize, script: &'s Script) {
        if self.exited.is_some() {
            return;
        }
        let mut may_have_returned = false;
        for step in &script.steps {
            let conditional = step.conditional || may_have_returned;
            match &step.effect {
                Effect::Return if conditional => may_have_returned = true,
                Effect::Return => return,
                Effect::Exit if conditional => {}
                Effect::Exit => {
                    self.exited = Some((file, step.line));
                    return;
                }
                effect => self.apply(file, step.line, conditional, effect),
            }
        }
    }

    fn apply(&mut self, file: usize, line: usize, conditional: bool, effect: &'s Effect) {
        match effect {
            Effect::Assign { name, word, append } if name == self.variable => {
                let old = self.value.take();
                self.value = Some(if conditional {
                    conditionally(old, file, line, word, *append, self.variable)
                } else {
                    assigned(old, file, line, word, *append, self.variable)
                });
            }
            Effect::Unset { name } if name == self.variable => {
                if conditional {
                    self.forget(file, line, "it is unset under a condition");
                } else {
                    self.value = None;
                }
            }
            Effect::Touch { name, why } if name.as_ref().is_none_or(|name| name == self.variable) => {
                self.forget(file, line, why);
            }
            Effect::Source => {
                self.foreign = true;
                self.forget(file, line, "another file is sourced, which may change it");
            }
            Effect::Define { name, body } => {
                self.functions.push((name, body));
            }
            Effect::Call { name } => {
                if self.functions.iter().any(|(known, _)| known == name) {
                    if self.touches(name) {
                        self.forget(file, line, "a function sets it");
                    }
                } else if self.foreign && !is_utility(name) {
                    let why = "a function of a sourced file may set it";
                    self.forget(file, line, why);
                }
            }
            _ => {}
        }
    }

    fn forget(&mut self, file: usize, line: usize, why: &'static str) {
        self.value = Some(Value::unknown(file, line, why, self.value.take(), None));
    }

    /// Whether a function, or one that it calls or defines, may change the variable.
    fn touches(&self, name: &[u8]) -> bool {
        let mine = |name: &[u8]| name == self.variable;
        let mut seen: Vec<&[u8]> = Vec::new();
        let mut names = vec![name];
        while let Some(name) = names.pop() {
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            let bodies = self.functions.iter().filter(|(known, _)| *known == name).map(|(_, body)| *body);
            let mut bodies: Vec<&[Step]> = bodies.collect();
            if bodies.is_empty() && self.foreign && !is_utility(name) {
                return true;
            }
            while let Some(body) = bodies.pop() {
                for step in body {
                    match &step.effect {
                        Effect::Assign { name, .. } | Effect::Unset { name } if mine(name) => return true,
                        Effect::Touch { name, .. } if name.as_ref().is_none_or(|name| mine(name)) => {
                            return true;
                        }
                        Effect::Source => return true,
                        Effect::Call { name } => names.push(name),
                        Effect::Define { body, .. } => bodies.push(body),
                        _ => {}
                    }
                }
            }
        }
        false
    }
}

/// The value after `variable=word`.
fn assigned(
    old: Option<Value>,
    file: usize,
    line: usize,
    word: &Word,
    append: bool,
    variable: &[u8],
) -> Value {
    let assignment = word.range.start;
    let was_set = old.is_some();
    let mut old = old;
    let mut value = if append { old.take().unwrap_or_default() } else { Value::default() };
    let computed = |why, line| Piece::Computed {
        file,
        assignment: Some(assignment),
        line,
        why,
        joins_before: true,
        joins_behind: true,
    };
    for part in &word.parts {
        match part {
            Part::Text { raw, quote, escape } => value.pieces.push(Piece::Text {
                file,
                assignment,
                raw: raw.clone(),
                quote: *quote,
                escape: *escape,
                uncertain: false,
            }),
            Part::Variable { name, .. } if name == variable && !was_set => {}
            Part::Variable { name, line } if name == variable => match old.take() {
                Some(old) => {
                    value.pieces.extend(old.pieces);
                    value.assigned = old.assigned;
                }
                None => value.pieces.push(computed("it is repeated in its own value", *line)),
            },
            Part::Variable { line, .. } => value.pieces.push(computed("it holds another variable", *line)),
            Part::Computed { why, line } => value.pieces.push(computed(why, *line)),
        }
    }
    value.assigned.push(Assigned { file, word: word.range.clone(), line });
    value
}

/// The value after an assignment that may or may not happen.
fn conditionally(
    old: Option<Value>,
    file: usize,
    line: usize,
    word: &Word,
    append: bool,
    variable: &[u8],
) -> Value {
    let refers = |part: &&Part| matches!(part, Part::Variable { name, .. } if name == variable);
    let why = "it is assigned under a condition";
    let builds_on = append || word.parts.iter().filter(refers).count() == 1;
    if old.is_none() || !builds_on {
        // Where it is set before, what it says of itself more than once is not followed.
        let repeated = old.is_some() && word.parts.iter().any(|part| refers(&part));
        let other = if repeated { None } else { Some(assigned(None, file, line, word, append, variable)) };
        return Value::unknown(file, line, why, old, other);
    }
    // What it adds is uncertain; what it adds to is not.
    let mut value = assigned(old, file, line, word, append, variable);
    for piece in &mut value.pieces {
        if let Piece::Text { file: here, assignment, uncertain, .. } = piece
            && (*here, *assignment) == (file, word.range.start)
        {
            *uncertain = true;
        }
    }
    let assignment = Some(word.range.start);
    value.pieces.push(Piece::Computed {
        file,
        assignment,
        line,
        why,
        joins_before: false,
        joins_behind: true,
    });
    value
}

/// Commands that no sourced file is expected to replace by a function.
fn is_utility(name: &[u8]) -> bool {
    const UTILITIES: &[&[u8]] = &[
        b":", b"[", b"[[", b"cat", b"cd", b"cp", b"cut", b"echo", b"false", b"grep", b"mkdir", b"printf",
        b"pwd", b"rm", b"sed", b"set", b"shift", b"sleep", b"test", b"touch", b"tr", b"true", b"umask",
        b"uname",
    ];
    UTILITIES.contains(&name)
}
