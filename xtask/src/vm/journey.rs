//! From untouched to ready and back: a guest with its IOMMU switched off by a parameter.

use serde_json::{Value, json};

use crate::run;
use crate::vm::ansible::{self, Ansible, BLACKLISTED, Options};
use crate::vm::guest::Guest;
use crate::vm::image::Before;
use crate::vm::machine::Vendor;
use crate::vm::observe::{self, Files};
use crate::vm::table::{Steps, ensure};
use crate::vm::{compare, guards};

/// The modules that must be there for a device to be passed on, on every kernel.
const VFIO: [&str; 3] = ["vfio", "vfio_iommu_type1", "vfio_pci"];

/// A guest and what it is.
pub struct Subject<'a> {
    /// The guest, booted.
    pub guest: &'a mut Guest,
    /// Ansible.
    pub ansible: &'a mut Ansible,
    /// Its IOMMU.
    pub vendor: Vendor,
    /// Its first command line.
    pub before: Before,
    /// How many IOMMU groups it had before anything was changed, once that was looked at.
    pub groups_before: Option<usize>,
}

/// Why a module must fail.
#[derive(Debug, Clone, Copy)]
pub enum Reason<'a> {
    /// A guard's, by its stable code.
    Code(&'a str),
    /// A guard's over a group, which may find several, each with its code.
    Problem(&'a str),
    /// What the machine itself said, which the message must hold.
    Words(&'a str),
}

/// Runs it all on a guest that boots by GRUB.
pub fn run(subject: &mut Subject<'_>, steps: &mut Steps) -> Option<()> {
    let mut first = Files::new();
    steps.step("first boot entries, by its own update-grub", || {
        subject.guest.sh("update-grub")?;
        first = observe::files(subject.guest)?;
        Ok(format!("{} files looked at", first.len()))
    })?;
    there_and_back(subject, &first, steps)
}

/// The role, whichever boot loader the guest has, from the files that were there `first`; stops at the first step that
/// others stand on.
pub fn there_and_back(subject: &mut Subject<'_>, first: &Files, steps: &mut Steps) -> Option<()> {
    steps.step("before: IOMMU off, verdict tells why", || subject.untouched());
    steps.step("facts equal lspci, find, modprobe", || subject.facts_equal_tools());
    steps.step("guards refuse", || {
        let evidence = guards::refuse(subject.guest, subject.ansible)?;
        observe::differences(first, &observe::files(subject.guest)?)?;
        Ok(evidence)
    });
    steps.step("--check --diff on the fresh host", || subject.check_mode(first));
    steps.step("apply", || subject.apply())?;
    steps.step("reboot by the role, without Python", || subject.reboot())?;
    steps.step("after: in force", || subject.in_force());
    steps.step("facts equal the tools again", || subject.facts_equal_tools());
    steps.step("second run: nothing to do", || subject.second_run());
    steps.step("absent, with its reboot", || subject.absent(first))
}

/// A guest without any parameter: what the kernel does by itself, and what the verdict says to that.
pub fn kernel_default(subject: &mut Subject<'_>, steps: &mut Steps) -> Option<()> {
    steps.step("no parameter: the kernel's own default", || {
        let boot = observe::boot(subject.guest, subject.vendor)?;
        let facts = subject.ansible.facts(subject.guest)?;
        let default = facts.pointer("/kernel/default_on").and_then(Value::as_str);
        let (state, default) = (ansible::state(&facts), default.unwrap_or("null"));
        let evidence = format!("{} groups, default_on {default}, verdict {state}; {}", boot.groups, boot.log);
        ensure(boot.groups > 0 && state == "ready", || evidence.clone())?;
        ensure(default.starts_with("on"), || evidence.clone())?;
        Ok(evidence)
    })
}

impl Subject<'_> {
    /// A module's reply, which must be a success.
    pub fn done(&self, module: &str, arguments: &Value) -> Result<Value, String> {
        let (success, reply) = self.ansible.module(self.guest, module, arguments, false)?;
        ensure(success, || format!("{module} fails: {reply}"))?;
        Ok(reply)
    }

    /// A module's message, which must be a failure for that reason that left the files alone.
    pub fn refused(
        &self,
        module: &str,
        arguments: &Value,
        reason: Reason<'_>,
        expected: &Files,
    ) -> Result<String, String> {
        let (success, reply) = self.ansible.module(self.guest, module, arguments, false)?;
        ensure(!success, || format!("{module} does not fail: {reply}"))?;
        observe::differences(expected, &observe::files(self.guest)?)?;
        let message = reply["msg"].as_str().unwrap_or_default();
        let right = match reason {
            Reason::Code(code) => reply["code"] == json!(code),
            Reason::Problem(code) => {
                let problems = reply["problems"].as_array().into_iter().flatten();
                let is_it =
                    |problem: &Value| problem["code"] == json!(code) && problem["severity"] == json!("error");
                problems.into_iter().any(is_it)
            }
            Reason::Words(words) => message.contains(words),
        };
        ensure(right, || format!("{module} does not fail for {reason:?}: {reply}"))?;
        Ok(message.lines().next().unwrap_or_default().to_owned())
    }

    pub fn untouched(&mut self) -> Result<String, String> {
        let boot = observe::boot(self.guest, self.vendor)?;
        self.groups_before = Some(boot.groups);
        let facts = self.ansible.facts(self.guest)?;
        let (state, reasons) = (ansible::state(&facts), ansible::reasons(&facts));
        let evidence = format!("{} groups; {state}: {}; {}", boot.groups, reasons.join(", "), boot.log);
        ensure(self.before.parameter().is_some_and(|parameter| boot.has(parameter)), || {
            format!("{:?} is not in force: {:?}", self.before, boot.cmdline)
        })?;
        ensure(boot.groups == 0 && state == "not_configured", || evidence.clone())?;
        ensure(reasons.iter().any(|code| code == "iommu_disabled_parameter"), || evidence.clone())?;
        ensure(boot.loaded(BLACKLISTED), || format!("{BLACKLISTED} is not even loaded"))?;
        Ok(evidence)
    }

    /// With an options file that spells the module the other way round, for ids that no card has.
    pub fn facts_equal_tools(&mut self) -> Result<String, String> {
        let path = "/run/modprobe.d/guest.conf";
        self.guest.sh(&format!(
            "mkdir -p /run/modprobe.d; echo 'options vfio-pci ids=1234:abcd,10de:ffff' > {path}"
        ))?;
        let facts = self.ansible.facts(self.guest)?;
        let evidence = compare::facts_equal_tools(self.guest, &facts)?;
        self.guest.sh(&format!("rm {path}"))?;
        Ok(evidence)
    }

    fn check_mode(&mut self, first: &Files) -> Result<String, String> {
        let last = self.guest.boot_id()?;
        let options = Options { check: true, reboot: true, ..Options::default() };
        let play = self.ansible.role(self.guest, options)?.succeeded()?;
        observe::differences(first, &observe::files(self.guest)?)?;
        ensure(self.guest.boot_id()? == last, || "check mode rebooted the guest".to_owned())?;
        ensure(play.changed == 5, || format!("{} tasks would change\n{}", play.changed, play.text))?;
        for part in [self.vendor.parameter(), "vfio_pci", BLACKLISTED] {
            let shown = play.text.lines().any(|line| line.starts_with('+') && line.contains(part));
            ensure(shown, || format!("no added line with {part} in the diff:\n{}", play.text))?;
        }
        Ok(format!("{} tasks would change, reboot included; no file touched", play.changed))
    }

    fn apply(&mut self) -> Result<String, String> {
        let play = self.ansible.role(self.guest, Options::default())?.succeeded()?;
        let evidence = format!("changed={}, verdict {}", play.changed, play.verdict());
        ensure(play.changed == 4, || format!("{evidence}\n{}", play.text))?;
        ensure(play.reported("reboot_required") && play.verdict() == "reboot_required", || {
            format!("no reboot required: {evidence}\n{}", play.text)
        })?;
        Ok(format!("{evidence}, reboot_required"))
    }

    /// The role again, now allowed to reboot: that is all it finds to do.
    fn reboot(&mut self) -> Result<String, String> {
        let last = self.guest.boot_id()?;
        let (builtin, reply) =
            self.ansible.module(self.guest, "ansible.builtin.reboot", &json!({}), false)?;
        ensure(!builtin, || format!("ansible.builtin.reboot does without Python: {reply}"))?;
        ensure(self.guest.boot_id()? == last, || "ansible.builtin.reboot did reboot".to_owned())?;
        let play =
            self.ansible.role(self.guest, Options { reboot: true, ..Options::default() })?.succeeded()?;
        let now = self.guest.boot_id()?;
        ensure(now != last && play.reported("rebooted"), || format!("no new boot:\n{}", play.text))?;
        ensure(play.changed == 1 && play.verdict() == "ready", || play.text.clone())?;
        Ok(format!("back in another boot, {} for the whole run; verdict ready", run::seconds(play.took)))
    }

    pub fn in_force(&mut self) -> Result<String, String> {
        let boot = observe::boot(self.guest, self.vendor)?;
        ensure(boot.has(self.vendor.parameter()), || format!("{:?}", boot.cmdline))?;
        if let Some(contrary) = self.before.parameter() {
            ensure(!boot.has(contrary), || format!("{contrary} is still there: {:?}", boot.cmdline))?;
        }
        ensure(boot.groups > 0, || "no IOMMU groups".to_owned())?;
        for module in VFIO {
            ensure(boot.loaded(module), || format!("{module} is not loaded: {:?}", boot.modules))?;
        }
        ensure(!boot.loaded(BLACKLISTED), || format!("{BLACKLISTED} is loaded"))?;
        let (before, after) = (self.groups_before.map_or("?".to_owned(), |n| n.to_string()), boot.groups);
        Ok(format!("{before} -> {after} groups, vfio_pci loaded, {BLACKLISTED} not; {}", boot.log))
    }

    fn second_run(&mut self) -> Result<String, String> {
        let last = self.guest.boot_id()?;
        let play =
            self.ansible.role(self.guest, Options { reboot: true, ..Options::default() })?.succeeded()?;
        ensure(play.changed == 0, || play.text.clone())?;
        ensure(self.guest.boot_id()? == last, || "it rebooted".to_owned())?;
        Ok(format!("changed=0, the same boot, {}", run::seconds(play.took)))
    }

    fn absent(&mut self, first: &Files) -> Result<String, String> {
        let last = self.guest.boot_id()?;
        let options = Options { absent: true, reboot: true, ..Options::default() };
        let play = self.ansible.role(self.guest, options)?.succeeded()?;
        ensure(self.guest.boot_id()? != last, || format!("no reboot:\n{}", play.text))?;
        let expected = observe::without(first, self.before.parameter());
        observe::differences(&expected, &observe::files(self.guest)?)?;
        let boot = observe::boot(self.guest, self.vendor)?;
        ensure(!boot.has(self.vendor.parameter()), || format!("{:?}", boot.cmdline))?;
        ensure(boot.loaded(BLACKLISTED), || format!("{BLACKLISTED} is still kept out"))?;
        let files = expected.len();
        Ok(format!("changed={}, {files} files as at first, {BLACKLISTED} loaded again", play.changed))
    }
}
