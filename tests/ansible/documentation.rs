//! `ansible-doc` on every module and on the role.

use proofs::ansible;
use serde_json::Value;

use crate::hosts::run;

/// The modules of the collection.
const MODULES: [&str; 9] = [
    "boot_refresh",
    "driver_blacklist",
    "grub_iommu",
    "iommu_facts",
    "passthrough_check",
    "pve_hostpci",
    "systemd_boot_iommu",
    "vfio_bind",
    "vfio_modules",
];

pub fn every_module_is_listed_and_rendered(version: &str) {
    let Some(env) = ansible("ansible::documentation", version) else { return };
    let listed = run(env.command("ansible-doc").args(["--list", "pci.passthrough"])).succeeded();
    for module in MODULES {
        let full = format!("pci.passthrough.{module}");
        assert!(listed.text.contains(&full), "{full} is not listed:\n{}", listed.text);
        let page = run(env.command("ansible-doc").arg(&full)).succeeded();
        for part in ["root", "EXAMPLES", "RETURN VALUES", "check_mode", "diff_mode"] {
            assert!(page.text.contains(part), "{full}: no {part} in\n{}", page.text);
        }
        let json = env.command("ansible-doc").args(["--json", &full]).output().expect("ansible-doc starts");
        let json: Value = serde_json::from_slice(&json.stdout).expect("ansible-doc --json prints JSON");
        let module = &json[full.as_str()];
        assert_eq!(module["doc"]["options"]["root"]["default"], "/", "{full}");
        assert!(module["examples"].as_str().is_some_and(|text| text.contains(&full)), "{full}: examples");
        assert!(module["return"].as_object().is_some_and(|map| !map.is_empty()), "{full}: RETURN is empty");
    }
}

pub fn the_role_is_described(version: &str) {
    let Some(env) = ansible("ansible::role_documentation", version) else { return };
    let page =
        run(env.command("ansible-doc").args(["--type", "role", "pci.passthrough.vfio_host"])).succeeded();
    for variable in ["vfio_host_state", "vfio_host_root", "vfio_host_blacklist_drivers"] {
        assert!(page.text.contains(variable), "{variable} is missing:\n{}", page.text);
    }
}
