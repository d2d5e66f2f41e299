//! A guest that boots by UEFI and systemd-boot: its parameters are in /etc/kernel/cmdline, its entries on the ESP.

use serde_json::{Value, json};

use crate::vm::journey::Subject;
use crate::vm::observe::{self, Files};
use crate::vm::table::{Steps, ensure};

/// Runs it all; stops at the first step that others stand on.
pub fn run(subject: &mut Subject<'_>, steps: &mut Steps) -> Option<()> {
    let mut first = Files::new();
    steps.step("before: IOMMU off, booted by systemd-boot", || {
        first = observe::files(subject.guest)?;
        subject.booted_by_systemd_boot()
    })?;
    steps.step("facts equal lspci, find, modprobe", || subject.facts_equal_tools());
    steps.step("grub_iommu refuses", || subject.grub_refuses(&first))
}

impl Subject<'_> {
    fn booted_by_systemd_boot(&self) -> Result<String, String> {
        let boot = observe::boot(self.guest, self.vendor)?;
        let facts = self.ansible.facts(self.guest)?;
        let loader = &facts["bootloader"];
        let evidence = format!("{} groups; {}: {}", boot.groups, loader["kind"], loader["evidence"]);
        ensure(loader["kind"] == json!("systemd_boot"), || evidence.clone())?;
        ensure(loader["evidence"].to_string().contains("LoaderInfo says systemd-boot"), || evidence.clone())?;
        ensure(boot.groups == 0, || evidence.clone())?;
        Ok(evidence)
    }

    fn grub_refuses(&self, first: &Files) -> Result<String, String> {
        let (success, reply) = self.ansible.module(self.guest, "pci.passthrough.grub_iommu", &json!({}))?;
        ensure(!success && reply.to_string().contains("wrong_boot_loader"), || format!("{reply}"))?;
        observe::differences(first, &observe::files(self.guest)?)?;
        let message = reply.get("msg").and_then(Value::as_str).unwrap_or_default();
        Ok(message.lines().next().unwrap_or_default().to_owned())
    }
}
