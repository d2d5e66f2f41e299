//! The built module on trees of files. Commands are proven on a real Debian tree.

use std::fs;
use std::path::Path;

use fixture_host::{Host, debian_amd, pve_intel_two_gpus};
use proofs::{Reply, Snapshot, rehearsed};
use serde_json::{Value, json};

fn run(root: &Path, arguments: Value) -> Reply {
    let mut all = json!({"update": false});
    for (key, value) in arguments.as_object().unwrap() {
        all[key] = value.clone();
    }
    rehearsed(env!("CARGO_BIN_EXE_grub_iommu"), root, &all)
}

/// Paths and contents.
type Files<'a> = &'a [(&'a str, &'a str)];

fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::new(dir.path());
    for (path, text) in files {
        host.file(path, text);
    }
    (dir, host)
}

fn text(host: &Host, path: &str) -> String {
    String::from_utf8(fs::read(host.at(path)).unwrap()).unwrap()
}

const PLAIN: &str = "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n";

#[test]
fn the_sample_hosts_come_back_byte_for_byte() {
    for (make, wanted) in [
        (pve_intel_two_gpus as fn(&Path) -> Host, json!(["intel_iommu=on", "iommu=pt"])),
        (debian_amd, json!(["amd_iommu=on", "iommu=pt"])),
    ] {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path());
        let before = Snapshot::of(dir.path());
        let reply = run(dir.path(), json!({"passthrough_mode": true})).expect_ok();
        assert!(reply.changed());
        assert_eq!(reply.json["added"], wanted, "the vendor is read from cpuinfo");
        let line = |when: &str| reply.json["cmdline"][when].as_str().unwrap().to_string();
        let kept: Vec<String> = line("after").split(' ').map(str::to_string).collect();
        let kept: Vec<String> =
            kept.into_iter().filter(|token| !wanted.as_array().unwrap().contains(&json!(token))).collect();
        assert_eq!(kept.join(" "), line("before"), "every other token in its place");
        assert_eq!(reply.json["reboot_required"], true);
        assert_eq!(reply.json["reboot_reasons"][0]["code"], "parameter_not_in_force");
        assert_eq!(reply.json["actions"][0]["rc"], Value::Null, "update: false only names what is due");
        assert_eq!(reply.json["entries"][0]["carries"], false);
        let gone = run(dir.path(), json!({"passthrough_mode": true, "state": "absent"})).expect_ok();
        assert_eq!(gone.json["removed"], wanted);
        assert!(before.differences(&Snapshot::of(dir.path())).is_empty());
    }
}

#[test]
fn the_main_file_a_drop_in_or_an_own_line() {
    let main = "/etc/default/grub";
    let own = "/etc/default/grub.d/zz-pci-passthrough.cfg";
    let table: &[(Files, &str, &str)] = &[
        (
            &[(main, PLAIN)],
            main,
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\nGRUB_CMDLINE_LINUX=\"\"\n",
        ),
        (
            &[
                (main, PLAIN),
                ("/etc/default/grub.d/50-cloudimg.cfg", "GRUB_CMDLINE_LINUX_DEFAULT=\"console=ttyS0\"\n"),
            ],
            "/etc/default/grub.d/50-cloudimg.cfg",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"console=ttyS0 intel_iommu=on\"\n",
        ),
        (
            &[
                (main, PLAIN),
                (
                    "/etc/default/grub.d/kdump.cfg",
                    "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=384M\"\n",
                ),
            ],
            main,
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\nGRUB_CMDLINE_LINUX=\"\"\n",
        ),
        (
            &[(main, "GRUB_CMDLINE_LINUX_DEFAULT=\"$(cat /etc/line)\"\n"), ("/etc/default/grub.d/a.cfg", "")],
            own,
            "# Kernel parameters for PCI passthrough, written by the Ansible collection pci.passthrough.\n\
             GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on\" # pci.passthrough\n",
        ),
    ];
    for (files, path, want) in table {
        let (dir, host) = tree(files);
        let before = Snapshot::of(dir.path());
        let reply = run(dir.path(), json!({"vendor": "intel"})).expect_ok();
        assert_eq!(reply.json["files"], json!([format!("{}{path}", dir.path().display())]));
        assert_eq!(text(&host, path), *want);
        let _ = run(dir.path(), json!({"vendor": "intel", "state": "absent"})).expect_ok();
        assert!(before.differences(&Snapshot::of(dir.path())).is_empty(), "{path}");
    }
}

#[test]
fn contrary_values_go_and_lists_stay() {
    let (dir, host) = tree(&[(
        "/etc/default/grub",
        "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=off,igfx_off iommu=off video=efifb:off\"\n",
    )]);
    let arguments =
        json!({"vendor": "intel", "remove": ["video"], "parameters": ["pcie_acs_override=downstream"]});
    let reply = run(dir.path(), arguments).expect_ok();
    assert_eq!(
        reply.json["cmdline"]["after"],
        "quiet intel_iommu=igfx_off intel_iommu=on pcie_acs_override=downstream"
    );
    assert!(text(&host, "/etc/default/grub").contains("quiet intel_iommu=igfx_off"));
}

#[test]
fn when_needed_asks_every_installed_kernel() {
    let config = "CONFIG_INTEL_IOMMU=y\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y\n";
    let debian = "CONFIG_INTEL_IOMMU=y\nCONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF=y\n";
    for (second, changed) in [(config, false), (debian, true)] {
        let (dir, _) = tree(&[
            ("/etc/default/grub", PLAIN),
            ("/boot/vmlinuz-6.8.12-1-pve", "x"),
            ("/boot/config-6.8.12-1-pve", config),
            ("/boot/vmlinuz-6.1.0-44-amd64", "x"),
            ("/boot/config-6.1.0-44-amd64", second),
        ]);
        let reply =
            run(dir.path(), json!({"vendor": "intel", "enable_parameter": "when_needed"})).expect_ok();
        assert_eq!(reply.changed(), changed);
    }
}

#[test]
fn the_wrong_loader_is_refused_with_its_evidence() {
    let settings = ("/etc/default/grub", PLAIN);
    let table: &[(Files, bool, &str)] = &[(
        &[settings, ("/boot/efi/loader/loader.conf", ""), ("/boot/vmlinuz-6.1", "x")],
        false,
        "boot_loader_unknown",
    )];
    for (files, update, code) in table {
        let (dir, _) = tree(files);
        let reply = run(dir.path(), json!({"vendor": "intel", "update": update}));
        assert_eq!(reply.json["code"], *code, "{}", reply.json);
        let forced = run(dir.path(), json!({"vendor": "intel", "update": false, "force": true})).expect_ok();
        assert!(forced.changed());
    }
    let dir = tempfile::tempdir().unwrap();
    Host::new(dir.path()).file("/etc/default/grub", PLAIN).loader_info("systemd-boot 252.33-1");
    let reply = run(dir.path(), json!({"vendor": "intel"}));
    assert_eq!(reply.json["code"], "wrong_boot_loader");
    assert!(reply.msg().contains("LoaderInfo says systemd-boot 252.33-1"), "{}", reply.msg());
    assert!(reply.msg().contains("pci.passthrough.systemd_boot_iommu"), "{}", reply.msg());
}

#[test]
fn a_machine_without_a_boot_loader_is_reported_as_such() {
    let (dir, _) = tree(&[("/.dockerenv", "")]);
    let reply = run(dir.path(), json!({})).expect_ok();
    assert!(!reply.changed() && reply.msg().starts_with("no boot loader on this machine"), "{}", reply.json);
    let (dir, _) = tree(&[("/boot/grub/grub.cfg", ""), ("/boot/vmlinuz-6.1", "x")]);
    let reply = run(dir.path(), json!({"vendor": "intel"}));
    assert_eq!(reply.json["code"], "no_settings");
    let (dir, _) = tree(&[("/etc/default/grub", PLAIN)]);
    assert_eq!(run(dir.path(), json!({})).json["code"], "vendor_unknown");
}

#[test]
fn a_line_that_the_kernel_would_cut_off_is_refused() {
    let long = format!("GRUB_CMDLINE_LINUX_DEFAULT=\"{}\"\n", "a=b ".repeat(510));
    let (dir, _) = tree(&[("/etc/default/grub", &long)]);
    assert_eq!(run(dir.path(), json!({"vendor": "intel"})).json["code"], "cmdline_too_long");
}

#[test]
fn a_line_that_grub_itself_would_cut_off_is_refused() {
    for value in ["quiet #splash", "quiet; splash", "quiet\n splash", "quiet } splash"] {
        let (dir, _) = tree(&[("/etc/default/grub", &format!("GRUB_CMDLINE_LINUX_DEFAULT=\"{value}\"\n"))]);
        let reply = run(dir.path(), json!({"vendor": "intel"}));
        assert_eq!(reply.json["code"], "grub_default_cut_off", "{value}: {}", reply.json);
    }
}
