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
use crate::plan::{Action, Activation, FileChange, Plan};
use crate::rebind::{self, Rebound};
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
        if activation.is_live() && !root.is_live() {
            let command = activation.command();
            return Err(not_ready(Step::Unmet(format!(
                "{}: it is not the running system, so `{}` cannot be run for it; leave `load` or `now` out",
                root.path().display(),
                command.join(" ")
            ))));
        }
    }
    for activation in &plan.activations {
        if !matches!(activation, Activation::Rebind(_)) {
            let command = activation.command();
            command::find(root, command.first().map_or("", String::as_str)).map_err(not_ready)?;
        }
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
        rebound: Vec::new(),
        rerun: Vec::new(),
        by_command: &plan.by_command,
        entries: None,
        images: None,
    };
    let step = match work.steps(plan, backup, verify) {
        Ok(()) => return Ok(work.outcome),
        Err(step) => step,
    };
    let restored =
        !work.undo.is_empty() || !work.rerun.is_empty() || !work.rebound.is_empty() || work.images.is_some();
    let not_restored = work.undo();
    Err(ApplyError { step: Box::new(step), not_restored, actions: work.outcome.actions, restored })
}

struct Work<'a> {
    root: &'a Root,
    outcome: Outcome,
    /// Files written so far, with the bytes and the permission bits they had.
    undo: Vec<(String, Option<Vec<u8>>, u32)>,
    /// Devices that got another driver.
    rebound: Vec<Rebound>,
    /// Commands that bring back what commands did, each with its time limit.
    rerun: Vec<(Vec<String>, Duration)>,
    /// Files that commands write.
    by_command: &'a [FileChange],
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
        for file in plan.files.iter().chain(&plan.by_command) {
            if root.read_opt(&file.path)? != file.before {
                return Err(Step::ChangedMeanwhile { path: root.full(&file.path) });
            }
        }
        for file in plan.files.iter().filter(|f| !f.is_noop()) {
            if let (true, Some(bytes)) = (backup, &file.before) {
                let name: OsString = backup::name(&file.path).into();
                let copy = write::copy_beside(root, &file.path, &name, bytes)?;
                self.undo.push((copy.clone(), None, FileChange::PLAIN));
                self.outcome.backups.push((root.full(&file.path), root.full(&copy)));
            }
            let mode = root.stat(&file.path).map_or(file.mode, |stat| stat.st_mode);
            self.undo.push((file.path.clone(), file.before.clone(), mode));
            put(root, &file.path, file.after.as_deref(), file.mode)?;
        }
        for file in plan.by_command.iter().filter(|f| !f.is_noop()) {
            if let (true, Some(bytes)) = (backup, &file.before) {
                let copy = write::copy_aside(root, &backup::name(&file.path), bytes)?;
                self.undo.push((copy.clone(), None, FileChange::PLAIN));
                self.outcome.backups.push((root.full(&file.path), root.full(&copy)));
            }
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
                self.undo.push((entries.output.clone(), new.before.clone(), FileChange::PLAIN));
                let done = self.command(entries.command.clone(), entries.reason.clone(), boot_entries::LIMIT);
                new.finish(self.root, entries, done)
            }
            Activation::Rebind(rebind) => {
                // Noted before the first write, so that a device is given back however far this came.
                self.rebound.push(rebind::before(self.root, rebind));
                if let Some(load) = &rebind.load {
                    // The driver may be missing or blacklisted: then the device stays without one.
                    let _ = self.command(load.command.clone(), load.reason.clone(), load.limit);
                }
                let done = rebind::rebind(self.root, rebind).map_err(|step| (step, None));
                self.note(activation.command(), rebind.reason.clone(), done)
            }
            Activation::Run(run) => {
                if run.entries && self.entries.is_none() {
                    self.entries = Some(host::esp::observe(self.root)?);
                }
                if !run.undo.is_empty() {
                    self.rerun.push((run.undo.clone(), run.limit));
                }
                self.command(run.command.clone(), run.reason.clone(), run.limit)?;
                if run.entries { esp_entries::settle(self.root) } else { Ok(()) }
            }
            Activation::Initramfs(initramfs) => {
                let images =
                    self.images.insert(KeptImages::keep(self.root, &initramfs.images, &initramfs.command)?);
                let done = command::run(self.root, &initramfs.command, initramfs::LIMIT);
                let verified = images.verify(initramfs);
                self.note(initramfs.command.clone(), initramfs.reason.clone(), done)?;
                verified?;
                let before = self.root.read_opt(host::initramfs::STAMP)?;
                self.undo.push((host::initramfs::STAMP.to_string(), before, FileChange::PLAIN));
                let stamp = host::initramfs::stamp(self.root, &initramfs.images)?;
                write::replace(
                    self.root,
                    host::initramfs::STAMP,
                    format!("{stamp}\n").as_bytes(),
                    FileChange::PLAIN,
                )
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
        for device in self.rebound.drain(..).rev() {
            failed.extend(rebind::restore(self.root, &device).err().map(|step| step.to_string()));
        }
        for (path, before, mode) in self.undo.drain(..).rev() {
            let now = self.root.read_opt(&path);
            if now.is_ok_and(|now| now == before) {
                continue;
            }
            if let Err(step) = put(self.root, &path, before.as_deref(), mode) {
                failed.push(step.to_string());
            }
        }
        // A command that failed before it wrote anything left nothing to bring back.
        let as_before =
            |file: &FileChange| self.root.read_opt(&file.path).is_ok_and(|now| now == file.before);
        if !self.by_command.is_empty() && self.by_command.iter().all(as_before) {
            self.rerun.clear();
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

/// Gives `path` these bytes, and the permission bits where it is new; `None` removes it.
fn put(root: &Root, path: &str, bytes: Option<&[u8]>, mode: u32) -> Result<(), Step> {
    match bytes {
        Some(bytes) => write::replace(root, path, bytes, mode),
        None => write::remove(root, path),
    }
}
