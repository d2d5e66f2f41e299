//! Carries a plan out, whole or not at all.

use std::ffi::OsString;
use std::time::Duration;

use host::Root;

use crate::backup;
use crate::boot_entries;
use crate::command;
use crate::error::{ApplyError, Step};
use crate::esp_entries;
use crate::initramfs::{self, KeptImages};
use crate::lock::Lock;
use crate::plan::{Action, Activation, Plan, Run};
use crate::write;

/// What was done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The commands that ran, each with its exit status.
    pub actions: Vec<Action>,
    /// The copies kept by `backup`: the changed file and its copy, both as whole paths.
    pub backups: Vec<(String, String)>,
}

/// Whether the plan can be carried out as far as can be told without changing anything: check mode
/// fails on what the real run would fail on before its first byte.
pub fn ready(root: &Root, plan: &Plan) -> Result<(), ApplyError> {
    let not_ready = |step| ApplyError {
        step: Box::new(step),
        not_restored: Vec::new(),
        actions: Vec::new(),
        restored: false,
    };
    for activation in &plan.activations {
        if let (Activation::Run(Run { live: true, command, .. }), false) = (activation, root.is_live()) {
            return Err(not_ready(Step::Unmet(format!(
                "{}: it is not the running system, so `{}` cannot be run for it; leave `load` or `now` out",
                root.path().display(),
                command.join(" ")
            ))));
        }
    }
    for activation in &plan.activations {
        let name = activation.command().first().map_or("", String::as_str);
        command::find(root, name).map_err(not_ready)?;
    }
    Ok(())
}

/// Carries `plan` out under the root's lock: backups, files in order, activations;
/// then asks `verify`, which looks at the host again. Whatever fails, every file of the plan and
/// every generated file gets its old bytes back, and the error says what failed.
pub fn run(
    root: &Root,
    plan: &Plan,
    backup: bool,
    verify: &mut dyn FnMut() -> Result<(), String>,
) -> Result<Outcome, ApplyError> {
    ready(root, plan)?;
    let mut work = Work {
        root,
        outcome: Outcome::default(),
        undo: Vec::new(),
        rerun: Vec::new(),
        entries: None,
        images: None,
    };
    let step = match work.steps(plan, backup, verify) {
        Ok(()) => return Ok(work.outcome),
        Err(step) => step,
    };
    let restored = !work.undo.is_empty() || !work.rerun.is_empty() || work.images.is_some();
    let not_restored = work.undo();
    Err(ApplyError { step: Box::new(step), not_restored, actions: work.outcome.actions, restored })
}

struct Work<'a> {
    root: &'a Root,
    outcome: Outcome,
    /// Files written so far, with the bytes they had.
    undo: Vec<(String, Option<Vec<u8>>)>,
    /// Commands that bring back what commands did, each with its time limit.
    rerun: Vec<(Vec<String>, Duration)>,
    /// The boot entries on ESPs before the first command that makes them.
    entries: Option<host::esp::Entries>,
    /// Links to the old initramfs images while new ones are built.
    images: Option<KeptImages<'a>>,
}

impl<'a> Work<'a> {
    fn steps(
        &mut self,
        plan: &Plan,
        backup: bool,
        verify: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<(), Step> {
        let root = self.root;
        let _lock = Lock::take(root)?;
        for file in &plan.files {
            if root.read_opt(&file.path)? != file.before {
                return Err(Step::ChangedMeanwhile { path: root.full(&file.path) });
            }
        }
        for file in plan.files.iter().filter(|f| !f.is_noop()) {
            if let (true, Some(bytes)) = (backup, &file.before) {
                let name: OsString = backup::name(&file.path).into();
                let copy = write::copy_beside(root, &file.path, &name, bytes)?;
                self.undo.push((copy.clone(), None));
                self.outcome.backups.push((root.full(&file.path), root.full(&copy)));
            }
            self.undo.push((file.path.clone(), file.before.clone()));
            put(root, &file.path, file.after.as_deref())?;
        }
        for activation in &plan.activations {
            self.activate(activation)?;
        }
        verify().map_err(Step::Unmet)?;
        // From here on nothing can fail: the old images may go.
        if let Some(images) = self.images.take() {
            images.discard();
        }
        Ok(())
    }

    fn activate(&mut self, activation: &Activation) -> Result<(), Step> {
        match activation {
            Activation::BootEntries(entries) => {
                let new = boot_entries::prepare(self.root, entries)?;
                self.undo.push((entries.output.clone(), new.before.clone()));
                let done = self.command(entries.command.clone(), entries.reason.clone(), boot_entries::LIMIT);
                new.finish(self.root, entries, done)
            }
            Activation::Run(run) => {
                if run.entries && self.entries.is_none() {
                    self.entries = Some(host::esp::observe(self.root)?);
                }
                if !run.undo.is_empty() {
                    self.rerun.push((run.undo.clone(), run.limit));
                }
                self.command(run.command.clone(), run.reason.clone(), run.limit)
            }
            Activation::Initramfs(initramfs) => {
                let images =
                    self.images.insert(KeptImages::keep(self.root, &initramfs.images, &initramfs.command)?);
                let done = command::run(self.root, &initramfs.command, initramfs::LIMIT);
                let verified = images.verify(initramfs);
                self.note(initramfs.command.clone(), initramfs.reason.clone(), done)?;
                verified?;
                let before = self.root.read_opt(host::initramfs::STAMP)?;
                self.undo.push((host::initramfs::STAMP.to_string(), before));
                let stamp = host::initramfs::stamp(self.root, &initramfs.images)?;
                write::replace(self.root, host::initramfs::STAMP, format!("{stamp}\n").as_bytes())
            }
        }
    }

    /// Runs a command and notes it among the actions, whether it fails or not.
    fn command(&mut self, words: Vec<String>, reason: String, limit: Duration) -> Result<(), Step> {
        let done = command::run(self.root, &words, limit);
        self.note(words, reason, done)
    }

    fn note(&mut self, words: Vec<String>, reason: String, done: Done) -> Result<(), Step> {
        let (rc, result) = match done {
            Ok(()) => (Some(0), Ok(())),
            Err((step, rc)) => (rc, Err(step)),
        };
        self.outcome.actions.push(Action { command: words, reason, rc });
        result
    }

    /// Brings every file back, the last written first; tells which could not be.
    fn undo(&mut self) -> Vec<String> {
        let mut failed = Vec::new();
        if let Some(images) = self.images.take() {
            failed.extend(images.bring_back());
        }
        for (path, before) in self.undo.drain(..).rev() {
            let now = self.root.read_opt(&path);
            if now.is_ok_and(|now| now == before) {
                continue;
            }
            if let Err(step) = put(self.root, &path, before.as_deref()) {
                failed.push(step.to_string());
            }
        }
        for (words, limit) in self.rerun.drain(..).rev() {
            if let Err((step, _)) = command::run(self.root, &words, limit) {
                failed.push(step.to_string());
            }
        }
        if let Some(before) = self.entries.take() {
            failed.extend(esp_entries::bring_back(self.root, &before));
        }
        failed
    }
}

/// A command's end: the error with the exit status, where there is one.
type Done = Result<(), (Step, Option<i32>)>;

/// Gives `path` these bytes; `None` removes it.
fn put(root: &Root, path: &str, bytes: Option<&[u8]>) -> Result<(), Step> {
    match bytes {
        Some(bytes) => write::replace(root, path, bytes),
        None => write::remove(root, path),
    }
}
