//! What a module wants done, as plain data. `plan` builds it, `diff` shows it, `apply` runs it.

use std::ffi::OsStr;
use std::time::Duration;

use host::initramfs::InitramfsState;
use serde::Serialize;

use crate::write::hidden_name;

/// One file's bytes before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Path inside the root (`/etc/default/grub`), links not resolved.
    pub path: String,
    /// The bytes seen by `observe`; `None` where there was no file.
    pub before: Option<Vec<u8>>,
    /// The bytes wanted; `None` to remove the file.
    pub after: Option<Vec<u8>>,
    /// Permission bits of a file that is new, `0o644` unless it is a program; one that is there keeps its own.
    pub mode: u32,
}

impl FileChange {
    /// Permission bits of a configuration file: world-readable.
    pub const PLAIN: u32 = 0o644;
    /// Permission bits of a script.
    pub const SCRIPT: u32 = 0o755;

    /// Whether before and after are the same.
    pub fn is_noop(&self) -> bool {
        self.before == self.after
    }
}

/// Something that makes changed files take effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activation {
    /// Generate the boot loader's entries anew.
    BootEntries(BootEntries),
    /// Rebuild the initramfs of every installed kernel.
    Initramfs(Initramfs),
    /// Run a command whose effect the closing look at the host reads back.
    Run(Run),
    /// Give a device of the running system another driver.
    Rebind(Rebind),
}

/// Another driver for one PCI device, now, through sysfs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebind {
    /// Why, for the reply.
    pub reason: String,
    /// `0000:01:00.0`.
    pub address: String,
    /// The driver that alone may have it (its `driver_override`); `None` to give it back to
    /// whichever driver matches it.
    pub driver: Option<String>,
    /// What vfio-pci was told of this device by `ids=` and has to forget: `10de 1b80`.
    pub forget: Option<String>,
    /// What loads the driver first; that it fails is no fault.
    pub load: Option<Run>,
}

/// How `grub.cfg` is generated and what must hold in it afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootEntries {
    /// Why it is due, for the reply.
    pub reason: String,
    /// The generated file inside the root (`/boot/grub/grub.cfg`).
    pub output: String,
    /// The command.
    pub command: Vec<String>,
    /// The file the command writes: [`BootEntries::beside`] the output, whose place it takes once
    /// it is verified, or the output itself.
    pub writes: String,
    /// Releases of the installed kernels, whose entries count.
    pub kernels: Vec<String>,
    /// Kernel parameters every non-recovery entry must carry.
    pub present: Vec<String>,
    /// Kernel parameters no non-recovery entry may carry.
    pub absent: Vec<String>,
}

/// How the initramfs images are rebuilt and what must hold afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initramfs {
    /// Why it is due, for the reply.
    pub reason: String,
    /// The command, such as `update-initramfs -u -k all`.
    pub command: Vec<String>,
    /// The images inside the root that must have been written anew.
    pub images: Vec<String>,
}

impl BootEntries {
    /// Where a new file is generated before it takes the place of `output`.
    pub fn beside(output: &str) -> String {
        let (dir, name) = output.rsplit_once('/').unwrap_or(("", output));
        format!("{dir}/{}", hidden_name(OsStr::new(name)).to_string_lossy())
    }
}

impl Activation {
    /// The argument vector; for what is no command, words that tell it: `rebind ADDRESS DRIVER`.
    pub fn command(&self) -> Vec<String> {
        match self {
            Activation::BootEntries(entries) => entries.command.clone(),
            Activation::Initramfs(initramfs) => initramfs.command.clone(),
            Activation::Run(run) => run.command.clone(),
            Activation::Rebind(Rebind { address, driver, .. }) => {
                let words = ["rebind", address].into_iter().chain(driver.as_deref());
                words.map(str::to_string).collect()
            }
        }
    }

    /// Whether it works on the running system alone.
    pub fn is_live(&self) -> bool {
        matches!(self, Activation::Run(Run { live: true, .. }) | Activation::Rebind(_))
    }

    /// Why it is due.
    pub fn reason(&self) -> &str {
        match self {
            Activation::BootEntries(entries) => &entries.reason,
            Activation::Initramfs(initramfs) => &initramfs.reason,
            Activation::Run(run) => &run.reason,
            Activation::Rebind(rebind) => &rebind.reason,
        }
    }

    /// As an action that was not run.
    pub fn due(&self) -> Action {
        Action { command: self.command(), reason: self.reason().to_string(), rc: None }
    }
}

/// A command that was run or is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// The argument vector.
    pub command: Vec<String>,
    /// Why.
    pub reason: String,
    /// Its exit status; null where it was not run (check mode, `update: false`).
    pub rc: Option<i32>,
}

/// A command that is all there is to do: nothing is verified but what a second look at the host shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Why it is due, for the reply.
    pub reason: String,
    /// The command.
    pub command: Vec<String>,
    /// The longest it may take.
    pub limit: Duration,
    /// Whether it works on the running system alone, so that a tree elsewhere refuses it.
    pub live: bool,
    /// What brings its work back once the files of the plan have their old bytes again; empty where
    /// it changes nothing when it fails.
    pub undo: Vec<String>,
    /// Whether it makes boot entries on ESPs: they are read before, and after `undo` they must be as before.
    pub entries: bool,
}

impl Run {
    /// Loads the kernel module `name`, by modprobe(8).
    pub fn load_module(name: &str) -> Run {
        Run {
            reason: format!("{name} is not loaded"),
            command: ["modprobe", "--", name].map(String::from).to_vec(),
            limit: Duration::from_secs(120),
            live: true,
            undo: Vec::new(),
            entries: false,
        }
    }

    /// Makes boot entries anew from settings, by `command`; with the old settings it brings the old
    /// entries back.
    pub fn make_entries(reason: &str, command: Vec<String>) -> Run {
        Run {
            reason: reason.to_string(),
            undo: command.clone(),
            command,
            // kernel-install of some distributions builds an initramfs for each kernel.
            limit: Duration::from_secs(3600),
            live: false,
            entries: true,
        }
    }
}

/// Why a reboot is needed: what is in force differs from what is configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebootReason {
    /// A stable code, such as `parameter_not_in_force`.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
}

/// All that a module wants done on this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Files in the order they are written.
    pub files: Vec<FileChange>,
    /// Files that an activation's command writes, with the bytes they are to have: shown as changes,
    /// never written here. Where the command wants it that way (`qm` on Proxmox VE's cluster file
    /// system), its `undo` is run only if one of them is no longer as it was.
    pub by_command: Vec<FileChange>,
    /// What makes them take effect, in the order to run.
    pub activations: Vec<Activation>,
    /// What is due but was asked not to be run (`update: false`).
    pub left_due: Vec<Action>,
    /// Why the host must reboot once the plan is carried out.
    pub reboot: Vec<RebootReason>,
    /// For the user.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Every file that changes, whoever writes it.
    pub fn changed_files(&self) -> impl Iterator<Item = &FileChange> {
        self.files.iter().chain(&self.by_command).filter(|file| !file.is_noop())
    }

    /// Whether nothing would be done.
    pub fn is_empty(&self) -> bool {
        self.files.iter().all(FileChange::is_noop) && self.activations.is_empty()
    }

    /// Adds an activation that is due: to be run, or only to be named where the user asked so.
    pub fn activate(&mut self, activation: Activation, wanted: bool) {
        if wanted {
            self.activations.push(activation);
        } else {
            self.left_due.push(activation.due());
        }
    }

    /// Adds the rebuild of the initramfs if it is due: because a file of this plan goes into it
    /// (`changes`: its path), or because it was out of date before. With `wanted: false` it is
    /// only named among the actions.
    pub fn refresh_initramfs(&mut self, state: &InitramfsState, changes: Option<&str>, wanted: bool) {
        if let Some(reason) = state.due(changes) {
            let initramfs = Initramfs { reason, command: state.command(), images: state.images.clone() };
            self.activate(Activation::Initramfs(initramfs), wanted);
        }
    }
}
