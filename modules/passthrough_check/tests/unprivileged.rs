//! Fails closed: what a user may not read, and what is broken, is `cannot_tell`, and never taken for fine.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use fixture_host::Host;
use serde_json::{Value, json};

/// Runs a copy of the module as nobody, where this runs as root.
fn as_nobody(scratch: &Path, arguments: &Value) -> Value {
    let program = scratch.join("passthrough_check");
    fs::copy(proofs::binary("passthrough_check"), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    command.arg("-");
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    proofs::answer(&mut command, arguments.to_string().as_bytes()).json
}

fn told(reply: &Value) -> Vec<String> {
    let problems = reply["problems"].as_array().unwrap().iter();
    problems.map(|p| format!("{} {}", p["code"].as_str().unwrap(), p["message"].as_str().unwrap())).collect()
}

#[test]
fn what_may_not_be_read_cannot_be_told() {
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
    let host = fixture_host::desktop_two_gpus(&scratch.path().join("host"));
    host.file("/etc/kernel/cmdline", "quiet\n").file("/lib/modules/6.8.12-4-pve/modules.softdep", "");
    let arguments = json!({ "root": host.dir(), "phase": "ready", "devices": ["01:00"] });
    assert_eq!(as_nobody(scratch.path(), &arguments)["problems"], json!([]), "all can be read");
    for path in [
        "/boot",
        "/boot/grub/grub.cfg",
        "/etc/default/grub",
        "/etc/kernel/cmdline",
        "/etc/modprobe.d",
        "/etc/modprobe.d/pci-passthrough-vfio.conf",
        "/etc/modules",
        "/etc/network/interfaces",
        "/lib/modules/6.8.12-4-pve/modules.alias",
        "/lib/modules/6.8.12-4-pve/modules.builtin",
        "/lib/modules/6.8.12-4-pve/modules.softdep",
        "/proc/cmdline",
        "/proc/cpuinfo",
        "/proc/fb",
        "/proc/interrupts",
        "/proc/net/route",
        "/proc/self/mountinfo",
        "/proc/swaps",
        "/proc/sys/kernel/osrelease",
        "/sys/bus/pci/devices",
        "/sys/class/iommu",
        "/sys/firmware/acpi/tables",
        "/sys/kernel/iommu_groups",
        "/sys/kernel/iommu_groups/2/reserved_regions",
    ] {
        let mode = fs::metadata(host.at(path)).unwrap().permissions();
        fs::set_permissions(host.at(path), Permissions::from_mode(0o000)).unwrap();
        let reply = as_nobody(scratch.path(), &arguments);
        fs::set_permissions(host.at(path), mode).unwrap();
        assert_eq!(reply["failed"], true, "{path}: {reply:#}");
        let told = told(&reply);
        assert!(told.iter().any(|t| t.starts_with("cannot_tell") && t.contains(path)), "{path}: {told:#?}");
    }
}

#[test]
fn an_empty_tree_and_broken_files_prove_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let host = Host::new(scratch.path().join("host"));
    let run = |phase: &str| {
        let arguments = json!({ "root": host.dir(), "phase": phase, "devices": ["01:00"] });
        proofs::run_module("passthrough_check", &arguments).json
    };
    assert_eq!(run("configure")["failed"], true);
    assert_eq!(run("ready")["failed"], true);
    host.folder("/etc/default/grub")
        .folder("/proc/cpuinfo")
        .folder("/etc/modprobe.d/x.conf")
        .folder("/proc/fb");
    host.file("/proc/cmdline", b"quiet \xff\xfe=\x80\n").file("/proc/self/mountinfo", "1 2 3\n - \n");
    host.file("/sys/bus/pci/devices/0000:01:00.0/vendor", "garbage").link("/proc/swaps", "swaps");
    host.file("/boot/grub/grub.cfg", b"\xff{{{\nmenuentry")
        .file("/etc/network/interfaces", b"\xff\n\tbridge-ports \xff");
    let reply = run("ready");
    assert_eq!(reply["failed"], true);
    let told = told(&reply);
    for path in ["/proc/cpuinfo", "/etc/default/grub"] {
        assert!(told.iter().any(|t| t.starts_with("cannot_tell") && t.contains(path)), "{path}: {told:#?}");
    }
}

#[test]
fn this_very_machine_without_privileges_and_with() {
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
    for phase in ["configure", "ready"] {
        for reply in [
            as_nobody(scratch.path(), &json!({ "phase": phase })),
            proofs::run_module("passthrough_check", &json!({ "phase": phase })).json,
        ] {
            let errors = reply["problems"].as_array().unwrap().iter().any(|p| p["severity"] == "error");
            assert_eq!((reply["failed"] == true, &reply["changed"] == true), (errors, false), "{reply:#}");
        }
    }
}
