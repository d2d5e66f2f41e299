//! A guest that boots by UEFI and systemd-boot: its parameters are in /etc/kernel/cmdline, its entries on the ESP.

use serde_json::{Value, json};

use crate::vm::ansible::BLACKLISTED;
use crate::vm::journey::{Reason, Subject};
use crate::vm::observe::{self, Files};
use crate::vm::table::{Steps, ensure};

const GRUB: &str = "pci.passthrough.grub_iommu";
const SYSTEMD_BOOT: &str = "pci.passthrough.systemd_boot_iommu";

/// Runs it all; stops at the first step that others stand on.
pub fn run(subject: &mut Subject<'_>, steps: &mut Steps) -> Option<()> {
    let mut first = Files::new();
    steps.step("before: IOMMU off, booted by systemd-boot", || {
        first = observe::files(subject.guest)?;
        subject.booted_by_systemd_boot()
    })?;
    steps.step("before: IOMMU off, verdict tells why", || subject.untouched());
    steps.step("facts equal lspci, find, modprobe", || subject.facts_equal_tools());
    steps.step("grub_iommu refuses", || {
        subject.refused(GRUB, &json!({}), Reason::Code("wrong_boot_loader"), &first)
    });
    steps.step("systemd_boot_iommu, check mode", || {
        let reply = subject.announced(SYSTEMD_BOOT, &json!({}))?;
        ensure(reply["changed"] == json!(true), || reply.to_string())?;
        observe::differences(&first, &observe::files(subject.guest)?)?;
        Ok(format!("would add {}, remove {}; no file touched", reply["added"], reply["removed"]))
    });
    steps.step("apply, module by module", || {
        let changed = subject.each_module("present")?;
        Ok(format!("changed: {}", changed.join(", ")))
    })?;
    steps.step("reboot, without Python", || subject.reboot_plain())?;
    steps.step("after: in force", || subject.in_force());
    steps.step("facts equal the tools again", || subject.facts_equal_tools());
    steps.step("second run: nothing to do", || {
        let changed = subject.each_module("present")?;
        ensure(changed.is_empty(), || format!("changed: {}", changed.join(", ")))?;
        Ok("none of the modules changes anything".to_owned())
    });
    steps.step("absent, module by module", || {
        let changed = subject.each_module("absent")?;
        let expected = observe::without(&first, subject.before.parameter());
        observe::differences(&expected, &observe::files(subject.guest)?)?;
        Ok(format!("changed: {}; {} files as at first", changed.join(", "), expected.len()))
    })?;
    steps.step("reboot again", || subject.reboot_plain())?;
    steps.step("after absent: the first parameters", || {
        let boot = observe::boot(subject.guest, subject.vendor)?;
        ensure(!boot.has(subject.vendor.parameter()), || format!("{:?}", boot.cmdline))?;
        ensure(boot.loaded(BLACKLISTED), || format!("{BLACKLISTED} is still kept out"))?;
        Ok(format!("no {}, {BLACKLISTED} loaded again", subject.vendor.parameter()))
    })
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

    /// What the role does by its modules; the names of those that changed something.
    fn each_module(&self, state: &str) -> Result<Vec<&'static str>, String> {
        let blacklist = json!({ "state": state, "drivers": [BLACKLISTED] });
        let modules: [(&'static str, Value); 3] = [
            (SYSTEMD_BOOT, json!({ "state": state })),
            ("pci.passthrough.vfio_modules", json!({ "state": state })),
            ("pci.passthrough.driver_blacklist", blacklist),
        ];
        let mut changed = Vec::new();
        for (module, arguments) in modules {
            let reply = self.done(module, &arguments)?;
            if reply["changed"] == json!(true) {
                changed.push(module);
            }
        }
        Ok(changed)
    }
}
