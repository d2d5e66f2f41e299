//! A guest that boots by UEFI and systemd-boot: its parameters are in /etc/kernel/cmdline, its entries on the ESP.

use serde_json::json;

use crate::vm::journey::{self, Reason, Subject};
use crate::vm::observe::{self, Files};
use crate::vm::table::{Steps, ensure};

/// Runs it all; stops at the first step that others stand on.
pub fn run(subject: &mut Subject<'_>, steps: &mut Steps) -> Option<()> {
    let mut first = Files::new();
    steps.step("booted by systemd-boot, and known as such", || {
        first = observe::files(subject.guest)?;
        subject.booted_by_systemd_boot()
    })?;
    steps.step("grub_iommu refuses", || {
        subject.refused("pci.passthrough.grub_iommu", &json!({}), Reason::Code("wrong_boot_loader"), &first)
    });
    journey::there_and_back(subject, &first, steps)
}

impl Subject<'_> {
    fn booted_by_systemd_boot(&self) -> Result<String, String> {
        let facts = self.ansible.facts(self.guest)?;
        let loader = &facts["bootloader"];
        let evidence = format!("{}: {}", loader["kind"], loader["evidence"]);
        ensure(loader["kind"] == json!("systemd_boot"), || evidence.clone())?;
        ensure(evidence.contains("LoaderInfo says systemd-boot"), || evidence.clone())?;
        Ok(evidence)
    }
}
