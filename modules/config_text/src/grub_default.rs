//! `/etc/default/grub` and its drop-ins: the kernel command line they amount to, and the edit that brings it
//! to a [`Wish`].
//!
//! grub-mkconfig sources the main file, then (on Debian and its kin) `/etc/default/grub.d/*.cfg` in `C`
//! order; a normal entry's line is `$GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT`. Both variables count
//! for what is there; one of them, the target, takes what is added:
//! - in place, where the assignment that set the target is plain text, whatever later ones put around it;
//! - otherwise in a line of our own behind everything else, `VAR="$VAR token" # pci.passthrough`: at the end
//!   of the main file, or in a drop-in of our own. Such a line, and a drop-in of ours, goes when its last
//!   token goes, so that `absent` gives every byte back.
//!
//! The outcome is worked out anew from the edited files; it is refused unless the wish holds in it.

mod findings;
mod line;
mod own_line;
mod raw_edit;
mod stretch;

pub use findings::lint;
use thiserror::Error;

use crate::kernel_cmdline::{Standing, Token, Wish, plan};
use crate::shell_assignment::{Dialect, Evaluation, Script, SyntaxError, Value};
use line::Line;

/// The variable that every entry gets.
pub const CMDLINE: &str = "GRUB_CMDLINE_LINUX";
/// The variable that recovery entries do not get.
pub const CMDLINE_DEFAULT: &str = "GRUB_CMDLINE_LINUX_DEFAULT";

/// One file of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path, for messages and to order drop-ins.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The settings as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings<'a> {
    /// The files in the order they are sourced, the main file first.
    pub files: &'a [File],
    /// The shell that sources them.
    pub dialect: Dialect,
}

/// Where additions go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// [`CMDLINE_DEFAULT`] or [`CMDLINE`].
    pub variable: &'a str,
    /// The file for a line of our own: the main file's name, or a drop-in's that need not exist yet. It has
    /// to sort behind every other drop-in, or the line may not hold.
    pub own_file: &'a str,
}

/// Why and where a value is not plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    /// The variable.
    pub variable: String,
    /// The file's name.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// Half a sentence: `a command works it out`.
    pub why: &'static str,
}

/// The command line of a normal entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effective {
    /// Both variables' values, one blank between; `None` where one is computed.
    pub cmdline: Option<Vec<u8>>,
    /// What keeps it from being known.
    pub computed: Vec<Computed>,
}

/// A file before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file's name.
    pub name: String,
    /// `None` where it is new.
    pub before: Option<Vec<u8>>,
    /// `None` where it goes.
    pub after: Option<Vec<u8>>,
}

/// The edit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The files that change; none where the wish holds already.
    pub changes: Vec<Change>,
    /// The command line before.
    pub before: Effective,
    /// The command line after.
    pub after: Effective,
    /// Tokens that are new.
    pub added: Vec<Vec<u8>>,
    /// Tokens that are gone.
    pub removed: Vec<Vec<u8>>,
}

/// Why the settings cannot be edited. Nothing is changed then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The shell could not read the file, so grub-mkconfig fails on it too.
    #[error("{file}:{line}: {what}; grub-mkconfig cannot read this file: correct it first")]
    Syntax {
        /// The file's name.
        file: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// An unconditional `exit` ends grub-mkconfig itself.
    #[error("{file}:{line}: 'exit' ends grub-mkconfig here, before it writes anything: remove it first")]
    Exits {
        /// The file's name.
        file: String,
        /// From 1.
        line: usize,
    },
    /// Other tokens would change too, such as where the file ends inside a continued line.
    #[error(
        "the kernel parameters cannot be written without changing others in {variable}: \
         write its assignment as one plain line first"
    )]
    Entangled {
        /// The variable.
        variable: String,
    },
    /// The parameters would be written but not hold.
    #[error("{}", not_in_force(.variable, .cause))]
    NotInForce {
        /// The variable.
        variable: String,
        /// What keeps them from holding, where it is known.
        cause: Option<Computed>,
    },
}

impl Refusal {
    /// The stable code for the reply.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Syntax { .. } => "grub_default_syntax",
            Refusal::Exits { .. } => "grub_default_exits",
            Refusal::Entangled { .. } => "grub_default_entangled",
            Refusal::NotInForce { .. } => "grub_default_not_in_force",
        }
    }
}

fn not_in_force(variable: &str, cause: &Option<Computed>) -> String {
    match cause {
        Some(Computed { file, line, why, .. }) => format!(
            "{file}:{line}: {why}: the kernel parameters would not be in force in {variable}; \
             write that line as plain text first"
        ),
        None => format!(
            "the kernel parameters would not be in force in {variable}: something behind them, such as \
             'return' or ' -- ', takes them back; remove it first"
        ),
    }
}

/// The command line that the settings amount to.
///
/// # Errors
/// [`Refusal::Syntax`] and [`Refusal::Exits`].
pub fn effective(settings: &Settings) -> Result<Effective, Refusal> {
    Ok(State::read(settings)?.effective(settings))
}

/// What another variable of the settings holds: `None` where the shell could not read them or code works it
/// out, `Some(None)` where it is unset.
pub fn variable(settings: &Settings, name: &str) -> Option<Option<Vec<u8>>> {
    let scripts = scripts(settings).ok()?;
    let value = evaluate(settings, &scripts, name).ok()?;
    let bytes: Vec<&[u8]> = settings.files.iter().map(|file| file.bytes.as_slice()).collect();
    match value {
        Some(value) => value.text(&bytes).map(Some),
        None => Some(None),
    }
}

/// Brings the settings to `wish`: each wanted token exactly once on the command line, contrary values gone,
/// every other token kept in its place, every byte outside the touched tokens as it was.
///
/// # Errors
/// A [`Refusal`] where a file cannot be read as shell, or where the wish would not hold afterwards.
pub fn edit(settings: &Settings, target: Target, wish: &Wish) -> Result<Outcome, Refusal> {
    let before = State::read(settings)?;
    let line = Line::new(settings, &before, target.variable);
    let tokens = line.tokens();
    let standings = line.standings();
    let edit = plan(&tokens, wish, &standings);
    let mut outcome = Outcome {
        changes: Vec::new(),
        before: before.effective(settings),
        after: before.effective(settings),
        added: edit.added.clone(),
        removed: edit.removed.clone(),
    };
    if edit.is_noop() && held(wish, &tokens, &standings) {
        return Ok(outcome);
    }
    let files = line.apply(settings, &before, target, &edit);
    let after_settings = Settings { files: &files, dialect: settings.dialect };
    let after = State::read(&after_settings)?;
    outcome.after = after.effective(&after_settings);
    let after_line = Line::new(&after_settings, &after, target.variable);
    let after_tokens = after_line.tokens();
    let standings = after_line.standings();
    let settled = plan(&after_tokens, wish, &standings).is_noop();
    if !settled || !held(wish, &after_tokens, &standings) {
        let cause = outcome.after.computed.iter().find(|computed| computed.variable == target.variable);
        return Err(Refusal::NotInForce { variable: target.variable.to_owned(), cause: cause.cloned() });
    }
    let computed = |effective: &Effective| -> Vec<String> {
        effective.computed.iter().map(|computed| computed.variable.clone()).collect()
    };
    if edit.kept(&tokens) != without(&after_tokens, &edit.append)
        || computed(&outcome.before) != computed(&outcome.after)
    {
        return Err(Refusal::Entangled { variable: target.variable.to_owned() });
    }
    outcome.changes = changes(settings.files, &files);
    Ok(outcome)
}

/// Whether the tokens that can be relied on give everything that is wanted.
fn held(wish: &Wish, tokens: &[Token], standings: &[Standing]) -> bool {
    let certain = tokens.iter().zip(standings).filter(|(_, standing)| **standing != Standing::Uncertain);
    wish.held_by(&certain.map(|(token, _)| *token).collect::<Vec<_>>())
}

/// The tokens but those that were added.
fn without<'t>(tokens: &[Token<'t>], added: &[Vec<u8>]) -> Vec<&'t [u8]> {
    tokens.iter().map(|token| token.raw).filter(|raw| !added.iter().any(|added| added == raw)).collect()
}

fn changes(before: &[File], after: &[File]) -> Vec<Change> {
    let find = |files: &[File], name: &str| {
        files.iter().find(|file| file.name == name).map(|file| file.bytes.clone())
    };
    let gone = before.iter().filter(|file| !after.iter().any(|other| other.name == file.name));
    after
        .iter()
        .chain(gone)
        .map(|file| Change {
            name: file.name.clone(),
            before: find(before, &file.name),
            after: find(after, &file.name),
        })
        .filter(|change| change.before != change.after)
        .collect()
}

fn scripts(settings: &Settings) -> Result<Vec<Script>, Refusal> {
    let parse =
        |file: &File| {
            Script::parse(&file.bytes, settings.dialect)
                .map_err(|SyntaxError { line, what }| Refusal::Syntax { file: file.name.clone(), line, what })
        };
    settings.files.iter().map(parse).collect()
}

fn evaluate(settings: &Settings, scripts: &[Script], name: &str) -> Result<Option<Value>, Refusal> {
    let mut evaluation = Evaluation::new(name.as_bytes());
    for (index, script) in scripts.iter().enumerate() {
        evaluation.source(index, script);
    }
    if let Some((file, line)) = evaluation.exited() {
        let file = settings.files.get(file).map(|file| file.name.clone()).unwrap_or_default();
        return Err(Refusal::Exits { file, line });
    }
    Ok(evaluation.value().cloned())
}

/// Both variables, worked out.
struct State {
    /// In the order of the command line.
    values: [(&'static str, Option<Value>); 2],
}

impl State {
    fn read(settings: &Settings) -> Result<State, Refusal> {
        let scripts = scripts(settings)?;
        let mut values = [(CMDLINE, None), (CMDLINE_DEFAULT, None)];
        for (name, value) in &mut values {
            *value = evaluate(settings, &scripts, name)?;
        }
        Ok(State { values })
    }

    fn value(&self, variable: &str) -> Option<&Value> {
        self.values.iter().find(|(name, _)| *name == variable).and_then(|(_, value)| value.as_ref())
    }

    fn effective(&self, settings: &Settings) -> Effective {
        let bytes: Vec<&[u8]> = settings.files.iter().map(|file| file.bytes.as_slice()).collect();
        let mut effective = Effective { cmdline: Some(Vec::new()), computed: Vec::new() };
        for (variable, value) in &self.values {
            let Some(value) = value else { continue };
            if let Some((file, line, why)) = value.computed() {
                let file = settings.files.get(file).map(|file| file.name.clone()).unwrap_or_default();
                effective.computed.push(Computed { variable: (*variable).to_owned(), file, line, why });
            }
            effective.cmdline = match (effective.cmdline.take(), value.text(&bytes)) {
                (Some(line), Some(text)) if line.is_empty() || text.is_empty() => Some([line, text].concat()),
                (Some(line), Some(text)) => Some([line, text].join(&b' ')),
                _ => None,
            };
        }
        effective
    }
}
