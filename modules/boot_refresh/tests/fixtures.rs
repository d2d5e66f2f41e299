//! What is due, and what is not. The commands themselves are proven on a real Debian tree.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use fixture_host::Host;
use proofs::{Reply, answer, rehearsed};
use serde_json::{Value, json};

type Change = fn(&Host);

const GRUB: &str = "/etc/default/grub";

/// Both parts only named, so that no command is needed.
fn due(root: &Path) -> Value {
    let arguments = json!({"update": false, "initramfs": false});
    let reply: Reply = rehearsed(env!("CARGO_BIN_EXE_boot_refresh"), root, &arguments).expect_ok();
    assert!(!reply.changed());
    reply.json
}

fn run_once(arguments: &Value) -> Reply {
    let mut command = Command::new(env!("CARGO_BIN_EXE_boot_refresh"));
    answer(command.arg("-"), arguments.to_string().as_bytes())
}

fn set_age(host: &Host, path: &str, minutes: u64) {
    let time = SystemTime::now() - Duration::from_secs(60 * minutes);
    std::fs::File::open(host.at(path)).unwrap().set_modified(time).unwrap();
}

/// A host whose entries and image are up to date.
fn host(dir: &Path) -> Host {
    let host = Host::new(dir);
    host.file("/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\n")
        .file("/boot/vmlinuz-6.1", "x")
        .file("/boot/initrd.img-6.1", "x")
        .file("/usr/sbin/update-initramfs", "")
        .file("/etc/modprobe.d/a.conf", "blacklist nouveau\n")
        .file(
            "/boot/grub/grub.cfg",
            "menuentry 'Debian' {\n linux /boot/vmlinuz-6.1 root=/dev/sda1 ro quiet intel_iommu=on\n}\n",
        );
    for (path, minutes) in [
        ("/etc/default/grub", 30),
        ("/etc/modprobe.d/a.conf", 30),
        ("/etc/modprobe.d", 30),
        ("/boot/grub/grub.cfg", 20),
        ("/boot/initrd.img-6.1", 20),
    ] {
        set_age(&host, path, minutes);
    }
    host
}

#[test]
fn nothing_is_due_on_a_host_in_order() {
    let dir = tempfile::tempdir().unwrap();
    host(dir.path());
    let reply = due(dir.path());
    assert_eq!(reply["actions"], json!([]));
    assert_eq!(
        (&reply["boot_entries"]["stale"], &reply["initramfs_images"]["stale"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn each_way_to_be_out_of_date_is_named() {
    let table: [(Change, &str, &str); 5] = [
        (
            |host| {
                host.file(GRUB, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on iommu=pt\"\n");
            },
            "boot_entries",
            "the entry \"Debian\" (6.1) has no iommu=pt",
        ),
        (
            |host| {
                host.file(GRUB, "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
            },
            "boot_entries",
            "the entry \"Debian\" (6.1) still has intel_iommu=on",
        ),
        (
            |host| set_age(host, GRUB, 1),
            "boot_entries",
            "/etc/default/grub is newer than /boot/grub/grub.cfg",
        ),
        (
            |host| {
                host.file("/boot/grub/grub.cfg", "# nothing\n");
            },
            "boot_entries",
            "no entry boots an installed kernel",
        ),
        (
            |host| set_age(host, "/etc/modprobe.d/a.conf", 1),
            "initramfs_images",
            "/boot/initrd.img-6.1 is older than /etc/modprobe.d/a.conf",
        ),
    ];
    for (change, part, reason) in table {
        let dir = tempfile::tempdir().unwrap();
        change(&host(dir.path()));
        let reply = due(dir.path());
        assert_eq!(reply[part]["stale"], reason);
        assert_eq!(reply["actions"][0]["reason"], reason);
        assert_eq!(reply["actions"].as_array().unwrap().len(), 1, "{reply}");
    }
}

#[test]
fn a_refresh_without_its_command_fails_and_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let host = host(dir.path());
    set_age(&host, "/etc/default/grub", 1);
    let reply = run_once(&json!({"root": dir.path()}));
    assert!(reply.msg().starts_with("grub-mkconfig: not found in "), "{}", reply.msg());
}
