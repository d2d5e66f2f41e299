//! What goes wrong on real hosts: a drop-in against the wish, a grub-mkconfig that dies, a full disk.

use serde_json::json;

use crate::vm::guest::Guest;
use crate::vm::journey::{Reason, Subject};
use crate::vm::observe::{self, Files};
use crate::vm::table::{Steps, ensure};

const GRUB: &str = "pci.passthrough.grub_iommu";
const BLACKLIST: &str = "pci.passthrough.driver_blacklist";
/// Sorts after everything that a distribution installs.
const DROP_IN: &str = "/etc/default/grub.d/99-local.cfg";

/// As the C library words it.
const NO_SPACE: Reason<'_> = Reason::Words("No space left on device");

/// Runs all; each leaves the guest as it found it.
pub fn run(subject: &mut Subject<'_>, steps: &mut Steps) -> Option<()> {
    let mut first = Files::new();
    steps.step("first boot entries, by its own update-grub", || {
        subject.guest.sh("update-grub")?;
        first = observe::files(subject.guest)?;
        Ok(format!("{} files looked at", first.len()))
    })?;
    steps.step("a drop-in overrides the value", || subject.drop_in())?;
    let settled = observe::files(subject.guest).ok()?;
    steps.step("grub-mkconfig killed half way", || subject.killed(&settled))?;
    steps.step("disk full: the settings", || subject.no_room_for_settings(&settled))?;
    steps.step("disk full: the initramfs", || subject.no_room_for_initramfs(&settled))?;
    steps.step("after all that: apply", || {
        let reply = subject.done(GRUB, &json!({}))?;
        entries_carry_it(subject.guest)?;
        Ok(format!("added {}, removed {}", reply["added"], reply["removed"]))
    })
}

impl Subject<'_> {
    fn drop_in(&self) -> Result<String, String> {
        let line = "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet mitigations=off intel_iommu=off\"";
        self.guest.sh(&format!("mkdir -p /etc/default/grub.d; echo '{line}' > {DROP_IN}; update-grub"))?;
        let reply = self.done(GRUB, &json!({}))?;
        entries_carry_it(self.guest)?;
        let again = self.done(GRUB, &json!({}))?;
        ensure(again["changed"] == json!(false), || format!("a second run changes: {again}"))?;
        self.done(GRUB, &json!({ "state": "absent" }))?;
        self.guest.sh(&format!("rm {DROP_IN}; update-grub"))?;
        Ok(format!("in force through {}", reply["files"]))
    }

    fn killed(&self, settled: &Files) -> Result<String, String> {
        let script = "/etc/grub.d/15_killer";
        self.guest.sh(&format!("printf '#!/bin/sh\\nkill -9 $PPID\\n' > {script}; chmod +x {script}"))?;
        let message = self.refused(GRUB, &json!({}), Reason::Words("killed by signal 9"), settled)?;
        self.guest.sh(&format!("rm {script}"))?;
        Ok(format!("nothing changed: {message}"))
    }

    fn no_room_for_settings(&mut self, settled: &Files) -> Result<String, String> {
        fill(self.guest, 0)?;
        let message =
            self.with_room_for_ansible(|subject| subject.refused(GRUB, &json!({}), NO_SPACE, settled))?;
        Ok(format!("nothing changed: {message}"))
    }

    fn no_room_for_initramfs(&mut self, settled: &Files) -> Result<String, String> {
        let sum = "sha256sum /boot/initrd.img-*";
        let before = self.guest.sh(sum)?;
        // Enough for a modprobe.d file, by far not for an initramfs.
        fill(self.guest, 512)?;
        let arguments = json!({ "drivers": ["e1000e"] });
        let message =
            self.with_room_for_ansible(|subject| subject.refused(BLACKLIST, &arguments, NO_SPACE, settled))?;
        let after = self.guest.sh(sum)?;
        ensure(before == after, || format!("the images differ:\n{before}{after}"))?;
        Ok(format!("files and image as before: {message}"))
    }

    /// Ansible puts the module into memory: it is the module that is to meet the full disk. Then makes room.
    fn with_room_for_ansible(
        &mut self,
        work: impl FnOnce(&Self) -> Result<String, String>,
    ) -> Result<String, String> {
        self.ansible.remote_tmp = Some("/dev/shm/ansible");
        let done = work(self);
        self.ansible.remote_tmp = None;
        self.guest.sh("rm -f /fill /fill.*")?;
        done
    }
}

/// Fills the root file system, root's reserve included, but for some KiB.
fn fill(guest: &Guest, spare: u32) -> Result<(), String> {
    guest
        .sh(&format!(
            "dd if=/dev/zero of=/fill.spare bs=1K count={spare} 2>&1; \
         fallocate -l $(df --output=avail -B1 / | tail -n 1) /fill; \
         dd if=/dev/zero of=/fill.rest bs=4K 2>&1; sync; rm /fill.spare; sync; df / | tail -n 1"
        ))
        .map(|_| ())
}

/// Every entry that is no recovery entry switches the IOMMU on, and no longer off.
fn entries_carry_it(guest: &Guest) -> Result<(), String> {
    let lines = guest.sh("grep -E '^[[:space:]]*linux[[:space:]]' /boot/grub/grub.cfg")?;
    let entries: Vec<&str> = lines.lines().filter(|line| !line.contains(" single")).collect();
    let right = |line: &&str| line.contains(" intel_iommu=on") && !line.contains(" intel_iommu=off");
    ensure(!entries.is_empty() && entries.iter().all(right), || format!("grub.cfg has:\n{lines}"))
}
