//! Why a change was not carried out. Whatever the reason, every file is as it was before.

use host::hint;

use crate::plan::Action;

/// One failed step, in words for the user.
#[derive(Debug, thiserror::Error)]
pub enum Step {
    /// A system call on a file failed.
    #[error("{path}: cannot {doing}: {source}{}", hint(.source))]
    File {
        /// The whole path, root included.
        path: String,
        /// What was tried, as a verb.
        doing: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Reading the host failed.
    #[error(transparent)]
    Host(#[from] host::HostError),
    /// Another writer was there between reading and writing.
    #[error("{path}: was changed by somebody else while this ran; nothing was written, run again")]
    ChangedMeanwhile {
        /// The whole path, root included.
        path: String,
    },
    /// What was read back is not what was written.
    #[error("{path}: holds other bytes than were written; check the file system and the disk")]
    ReadBack {
        /// The whole path, root included.
        path: String,
    },
    /// Another run holds the lock.
    #[error(
        "{path}: another run still holds this lock after {seconds} s (process {holder}); wait for it and run again"
    )]
    Locked {
        /// The lock file, root included.
        path: String,
        /// How long it was waited for.
        seconds: u64,
        /// The process that wrote its id into the lock.
        holder: String,
    },
    /// A command that must run is not installed under the root.
    #[error("{command}: not found in {root} (looked in {path}); install it and run again")]
    NoCommand {
        /// The command's name.
        command: String,
        /// The root.
        root: String,
        /// The directories searched.
        path: &'static str,
    },
    /// A command could not be started.
    #[error("{command}: cannot start: {source}{}", start_hint(.source))]
    Start {
        /// The argument vector, blank-separated.
        command: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A command failed.
    #[error("{command}: {how}{output}")]
    Command {
        /// The argument vector, blank-separated.
        command: String,
        /// `failed with exit status 1`, `was killed by signal 9`, `did not end within 900 s`.
        how: String,
        /// Its last lines, each on a line of its own, or nothing.
        output: String,
    },
    /// A command ended well but its result is not what was wanted.
    #[error("{0}")]
    Unmet(String),
}

fn start_hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        // The program itself was found before.
        std::io::ErrorKind::NotFound => "; the interpreter or loader that it needs is missing under the root",
        _ => hint(error),
    }
}

/// A failed run: the step that failed, and how the files are now.
#[derive(Debug)]
pub struct ApplyError {
    /// What failed.
    pub step: Box<Step>,
    /// Files that could not be brought back, each with the reason. Empty in all but disasters.
    pub not_restored: Vec<String>,
    /// The commands that ran until then.
    pub actions: Vec<Action>,
    /// Whether files had been written and were brought back.
    pub restored: bool,
}

impl std::fmt::Display for ApplyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.step)?;
        if self.restored && self.not_restored.is_empty() {
            write!(f, "\nThis task left every file as it found it.")?;
        }
        for line in &self.not_restored {
            write!(f, "\nNOT brought back: {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ApplyError {}
