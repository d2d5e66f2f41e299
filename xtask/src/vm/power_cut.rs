//! Power cuts in the middle of the role: QEMU is killed at random moments, and each time the guest must boot
//! with the old or the new configuration, and another run must finish the work.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::run;
use crate::vm::ansible::{Ansible, Options};
use crate::vm::guest::{self, Guest};
use crate::vm::machine::{Disk, Machine, Vendor};
use crate::vm::observe::{self, Files};
use crate::vm::table::{Steps, ensure};

/// Only this one's guests can be saved and resumed.
const VENDOR: Vendor = Vendor::Intel;

/// A guest as it is right before the role, and where its files are.
struct Start<'a> {
    dir: &'a Path,
    key: &'a Path,
    disk: PathBuf,
    state: PathBuf,
    first: Files,
}

/// The configuration that an uncut run leads to, and how long that takes.
struct Goal {
    files: Files,
    took: Duration,
}

/// Cuts `count` times. `image` is a guest that has its IOMMU switched off by a parameter.
pub fn run(
    image: &Path,
    key: &Path,
    ansible: &mut Ansible,
    dir: &Path,
    count: usize,
    steps: &mut Steps,
) -> Option<()> {
    let mut start = None;
    steps.step("saved right before the role", || {
        let made = Start::make(image, key, dir)?;
        let evidence = format!("{} files looked at", made.first.len());
        start = Some(made);
        Ok(evidence)
    })?;
    let start = start?;
    let mut goal = None;
    steps.step("uncut run, for its length and its result", || {
        let found = start.goal(ansible)?;
        let evidence = format!("{} for the role", run::seconds(found.took));
        goal = Some(found);
        Ok(evidence)
    })?;
    let goal = goal?;
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut survived = 0;
    for number in 1..=count {
        let cut = || {
            let after = goal.took.mul_f64(random()?);
            let state = start.cut(ansible, &goal, after)?;
            let evidence = format!("after {}: {state}; finished by the next run", run::seconds(after));
            *found.entry(state).or_default() += 1;
            survived += 1;
            Ok(evidence)
        };
        // The others still show something when one fails.
        let _ = steps.step(&format!("power cut {number} of {count}"), cut);
    }
    steps.step("power cuts survived", || {
        let states: Vec<String> = found.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let evidence = format!("{survived} of {count}: {}", states.join(", "));
        ensure(survived == count, || evidence.clone())?;
        Ok(evidence)
    })
}

impl<'a> Start<'a> {
    fn make(image: &Path, key: &'a Path, dir: &'a Path) -> Result<Start<'a>, String> {
        let (disk, state) = (dir.join("before.raw"), dir.join("before.state"));
        copy(image, &disk, dir)?;
        let mut guest = Guest::start(machine(&disk), dir, key)?;
        guest.wait(None)?;
        guest.sh("update-grub")?;
        let first = observe::files(&guest)?;
        // What is on the disk before the role is not what is being tried.
        guest.sh("sync")?;
        guest.save(&state)?;
        Ok(Start { dir, key, disk, state, first })
    }

    /// The same guest again, on a disk of its own.
    fn again(&self) -> Result<(Guest, PathBuf), String> {
        let disk = self.dir.join("cut.raw");
        copy(&self.disk, &disk, self.dir)?;
        let mut guest = Guest::resume(machine(&disk), self.dir, self.key, &self.state)?;
        guest.wait(None)?;
        Ok((guest, disk))
    }

    fn goal(&self, ansible: &mut Ansible) -> Result<Goal, String> {
        let (guest, _) = self.again()?;
        let play = ansible.role(&guest, Options::default())?.succeeded()?;
        Ok(Goal { files: observe::files(&guest)?, took: play.took })
    }

    /// One cut; tells in which state the guest was found.
    fn cut(&self, ansible: &mut Ansible, goal: &Goal, after: Duration) -> Result<String, String> {
        let (guest, disk) = self.again()?;
        let mut role = ansible.start_role(&guest, Options::default())?;
        std::thread::sleep(after);
        guest.cut_power();
        // Its connection is gone, so it ends by itself.
        role.wait().map_err(|error| error.to_string())?;
        let mut guest = Guest::start(machine(&disk), self.dir, self.key)?;
        guest.wait(None)?;
        let state = self.judge(&guest, goal)?;
        let play = ansible.role(&guest, Options::default())?.succeeded()?;
        observe::differences(&goal.files, &observe::files(&guest)?)?;
        ensure(play.report.get("due").is_some_and(|due| due.as_array().is_some_and(Vec::is_empty)), || {
            format!("something is still due: {}", play.report)
        })?;
        let listed = "lsinitramfs /boot/initrd.img-$(uname -r) | grep -c pci-passthrough-blacklist";
        guest.sh(listed).map_err(|error| format!("the initramfs lacks the blacklist: {error}"))?;
        Ok(state)
    }

    /// Each file must be the old or the new one, and so must the boot be.
    fn judge(&self, guest: &Guest, goal: &Goal) -> Result<String, String> {
        let found = observe::files(guest)?;
        let mut new = 0;
        let changed: Vec<&String> = goal
            .files
            .keys()
            .chain(self.first.keys())
            .filter(|name| self.first.get(*name) != goal.files.get(*name))
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect();
        for name in found.keys().chain(self.first.keys()) {
            let (now, old, then) = (found.get(name), self.first.get(name), goal.files.get(name));
            ensure(now == old || now == then, || {
                format!("{name} is neither the old nor the new file: {now:?}")
            })?;
        }
        for name in &changed {
            new += usize::from(found.get(*name) == goal.files.get(*name));
        }
        let boot = observe::boot(guest, VENDOR)?;
        let (on, off) = (boot.has(VENDOR.parameter()), boot.has("intel_iommu=off"));
        ensure(on != off, || format!("neither the old nor the new command line: {:?}", boot.cmdline))?;
        let line = if on { "new" } else { "old" };
        Ok(format!("{line} command line, {new} of {} files new", changed.len()))
    }
}

fn machine(disk: &Path) -> Machine<'_> {
    Machine { vendor: VENDOR, disk: Disk::Raw(disk), uefi: None }
}

/// Between 0 and 1, evenly.
fn random() -> Result<f64, String> {
    let mut bytes = [0; 4];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| format!("/dev/urandom: {error}"))?;
    Ok(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}

/// Copies a disk, its holes as holes.
fn copy(from: &Path, to: &Path, dir: &Path) -> Result<(), String> {
    let mut cp = Command::new("cp");
    cp.args(["--sparse=always", "--reflink=auto", "--"]).arg(from).arg(to);
    run::logged(&guest::log_name(dir, "copy"), "copying a disk", &mut cp).map(|_| ())
}
