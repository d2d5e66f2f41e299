//! The module's binary on the sample hosts, on large ones, and on this machine.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fixture_host::{Host, Pci};
use serde_json::{Map, Value, json};

/// Runs the binary as Ansible does, arguments on standard input; returns the reply.
fn reply(arguments: &Value) -> Map<String, Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_iommu_facts"))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the module starts");
    child.stdin.take().unwrap().write_all(arguments.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let reply: Map<String, Value> = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(output.status.success(), !reply.contains_key("failed"), "{reply:?}");
    reply
}

fn facts_with(mut arguments: Value, root: &Path) -> Map<String, Value> {
    arguments["root"] = json!(root);
    let mut reply = reply(&arguments);
    assert_eq!(reply["changed"], json!(false));
    let facts = reply["ansible_facts"]["pci_passthrough"].take();
    facts.as_object().unwrap_or_else(|| panic!("no facts in {reply:?}")).clone()
}

fn facts(root: &Path) -> Value {
    Value::Object(facts_with(json!({}), root))
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/hosts").join(name)
}

fn device<'a>(facts: &'a Value, address: &str) -> &'a Value {
    let devices = facts["devices"].as_array().unwrap();
    devices.iter().find(|d| d["address"] == address).unwrap_or_else(|| panic!("no {address}"))
}

/// `kind what` of each use.
fn uses(device: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_string();
    device["uses"].as_array().unwrap().iter().map(|u| text(&u["kind"]) + " " + &text(&u["what"])).collect()
}

fn codes(facts: &Value) -> (String, Vec<String>) {
    let reasons = facts["verdict"]["reasons"].as_array().unwrap();
    let codes = reasons.iter().map(|r| r["code"].as_str().unwrap().to_string()).collect();
    (facts["verdict"]["state"].as_str().unwrap().to_string(), codes)
}

#[test]
fn an_intel_host_that_needs_the_parameter() {
    let facts = facts(&sample("pve-intel-two-gpus"));
    assert_eq!(
        facts["cpu"],
        json!({ "vendor": "intel", "vendor_id": "GenuineIntel", "model": "12th Gen Intel(R) Core(TM) i5-12500",
                "virtualization": "vmx", "virtual_machine": false })
    );
    assert_eq!(
        facts["firmware"],
        json!({ "dmar": true, "ivrs": false, "iort": false, "efi": true, "secure_boot": false })
    );
    assert_eq!(facts["bootloader"]["kind"], "grub");
    assert_eq!(facts["kernel"]["release"], "6.5.13-1-pve");
    assert_eq!(facts["kernel"]["default_on"], "off");
    assert_eq!(facts["kernel"]["parameters"]["console"], json!(["tty0", "ttyS0,115200n8"]));
    let releases: Vec<&Value> =
        facts["kernel"]["installed"].as_array().unwrap().iter().map(|k| &k["release"]).collect();
    assert_eq!(releases, ["6.5.11-8-pve", "6.5.13-1-pve"]);
    assert_eq!((&facts["iommu"]["active"], &facts["iommu"]["mode"]), (&json!(false), &Value::Null));
    assert_eq!(facts["groups"], json!([]));
    assert_eq!(facts["devices"].as_array().unwrap().len(), 14);

    let gpu = device(&facts, "0000:01:00.0");
    assert_eq!(gpu["id"], "10de:2484");
    assert_eq!(gpu["subsystem_id"], "1043:87b8");
    assert_eq!(gpu["vendor_name"], "NVIDIA Corporation");
    assert_eq!(gpu["class_name"], "VGA compatible controller");
    assert_eq!(gpu["driver"], "nouveau");
    assert_eq!(gpu["candidates"], json!(["nouveau", "nvidiafb"]));
    assert_eq!(gpu["boot_vga"], false);
    assert_eq!(gpu["reset_methods"], json!(["bus"]));
    assert_eq!(device(&facts, "0000:00:1f.0")["reset_methods"], json!([]), "hidden where there is no reset");
    assert_eq!(uses(device(&facts, "0000:00:02.0")), ["display boot VGA, card0, fb0"]);
    assert_eq!(uses(device(&facts, "0000:02:00.0")), ["default_route vmbr0 over enp2s0"]);
    assert_eq!(
        uses(device(&facts, "0000:03:00.0")),
        ["root_disk / on nvme0n1", "root_disk /boot/efi on nvme0n1", "swap /dev/dm-0 on nvme0n1"]
    );
    assert_eq!(device(&facts, "0000:00:01.0")["bridge"], true);

    assert_eq!(
        facts["vfio"]["modules"][2],
        json!({ "name": "vfio_pci", "available": "loadable", "loaded": false })
    );
    assert_eq!(facts["vfio"]["modules"][3]["available"], "missing");
    assert_eq!(codes(&facts), ("not_configured".to_string(), vec!["parameter_missing".to_string()]));
}

#[test]
fn an_amd_host_that_needs_nothing() {
    let facts = facts(&sample("debian-amd"));
    assert_eq!(facts["cpu"]["vendor"], "amd");
    assert_eq!(facts["firmware"]["ivrs"], true);
    assert_eq!(facts["kernel"]["default_on"], "on");
    assert_eq!(facts["iommu"]["driver"], "amd-iommu");
    assert_eq!(facts["iommu"]["interrupt_remapping"], true);
    assert_eq!(facts["iommu"]["mode"], "translated");
    assert_eq!(facts["groups"].as_array().unwrap().len(), 12);
    assert_eq!(facts["groups"][5]["devices"], json!(["0000:00:14.0", "0000:00:14.3"]));
    assert_eq!(facts["groups"][5]["reserved_regions"][0]["type"], "msi");
    assert_eq!(device(&facts, "0000:07:00.0")["iommu_group"], 7);
    assert_eq!(device(&facts, "0000:08:00.0")["subsystem_name"], "9211-8i");
    assert_eq!(uses(device(&facts, "0000:0b:00.0"))[0], "root_disk / on sda");
    assert_eq!(uses(device(&facts, "0000:05:00.0")), ["default_route enp5s0"]);
    assert_eq!(facts["vfio"]["modules"][3]["available"], "loadable", "6.1 still has vfio_virqfd");
    assert_eq!(codes(&facts), ("ready".to_string(), vec![]));
}

#[test]
fn the_verdict_follows_what_is_configured() {
    let scratch = tempfile::tempdir().unwrap();
    let host = fixture_host::pve_intel_two_gpus(&scratch.path().join("host"));
    let late = "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on\"\n";
    host.file("/etc/default/grub.d/zz.cfg", late);
    let (state, reasons) = codes(&facts(host.dir()));
    assert_eq!(
        (state.as_str(), reasons),
        ("not_configured", vec!["parameter_missing".to_string(), "boot_entries_out_of_date".to_string()])
    );

    let generated = std::fs::read_to_string(host.at("/boot/grub/grub.cfg")).unwrap();
    host.file("/boot/grub/grub.cfg", generated.replace("ro quiet", "ro quiet intel_iommu=on"));
    let mut reply = reply(&json!({ "root": host.dir() }));
    let (state, reasons) = codes(&reply["ansible_facts"]["pci_passthrough"].take());
    assert_eq!((state.as_str(), reasons[0].as_str()), ("reboot_required", "not_rebooted"));

    let host = fixture_host::pve_intel_two_gpus(&scratch.path().join("off"));
    std::fs::remove_file(host.at("/sys/firmware/acpi/tables/DMAR")).unwrap();
    assert_eq!(codes(&facts(host.dir())), ("unsupported".to_string(), vec!["firmware_off".to_string()]));
}

#[test]
fn the_verdict_reads_the_entries_of_every_loader() {
    use fixture_host::loaders::{
        ESPS, RELEASES, bls_path, debian_systemd_boot, fedora_40, proxmox_entry, proxmox_grub,
        proxmox_grub_cfg, proxmox_grub_path, proxmox_systemd_boot, rhel_8,
    };
    const LINE: &str = "root=a intel_iommu=on\n";
    type Case = (&'static str, fn(&Path) -> Host, fn(&Host));
    let cases: [Case; 5] = [
        (
            "systemd_boot",
            |root| debian_systemd_boot(root, LINE),
            |host| {
                host.file(
                    "/boot/efi/loader/entries/4a4b-6.8.4-2-pve.conf",
                    "version 6.8.4-2-pve\nlinux /x\n",
                );
            },
        ),
        (
            "systemd_boot",
            |root| proxmox_systemd_boot(root, LINE),
            |host| {
                let entry = format!("version {0}\nlinux /vmlinuz-{0}\noptions root=a\n", RELEASES[0]);
                host.file(&proxmox_entry(ESPS[1], RELEASES[0]), entry);
            },
        ),
        (
            "grub",
            |root| proxmox_grub(root, "quiet intel_iommu=on"),
            |host| {
                host.file(&proxmox_grub_path(ESPS[1]), proxmox_grub_cfg("quiet"));
            },
        ),
        (
            "grub",
            |root| {
                let host = fedora_40(root);
                let settings = std::fs::read_to_string(host.at("/etc/default/grub")).unwrap();
                host.file("/etc/default/grub", settings.replace("quiet", "quiet intel_iommu=on"));
                for release in ["6.8.5-301.fc40.x86_64", "6.9.4-200.fc40.x86_64"] {
                    let entry =
                        format!("version {release}\nlinux /vmlinuz-{release}\noptions intel_iommu=on\n");
                    host.file(&bls_path(release), entry);
                }
                host
            },
            |host| {
                let release = "6.8.5-301.fc40.x86_64";
                host.file(&bls_path(release), format!("version {release}\nlinux /vmlinuz-{release}\n"));
            },
        ),
        (
            "grub",
            |root| {
                let host = rhel_8(root);
                let settings = std::fs::read_to_string(host.at("/etc/default/grub")).unwrap();
                host.file("/etc/default/grub", settings.replace("quiet", "quiet intel_iommu=on"));
                let block = fixture_host::loaders::grubenv("kernelopts=root=a intel_iommu=on\n");
                host.file("/boot/efi/EFI/redhat/grubenv", block);
                host
            },
            |host| {
                let block = fixture_host::loaders::grubenv("kernelopts=root=a\n");
                host.file("/boot/efi/EFI/redhat/grubenv", block);
            },
        ),
    ];
    for (at, (kind, make, stale)) in cases.iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let host = make(dir.path());
        host.file("/proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t: vmx\n")
            .file("/proc/cmdline", "root=a\n")
            .file("/proc/sys/kernel/osrelease", "6.8.12-4-pve\n")
            .folder("/sys/class/iommu")
            .folder("/sys/kernel/iommu_groups")
            .file("/sys/firmware/acpi/tables/DMAR", "");
        // A BIOS machine, unless the host says how it booted.
        if !host.at("/sys/firmware/efi").exists() && *kind == "systemd_boot" {
            host.loader_info("systemd-boot 252");
        }
        let before = facts(dir.path());
        assert_eq!(before["bootloader"]["kind"], *kind, "{at}: {}", before["bootloader"]);
        let (state, reasons) = codes(&before);
        assert_eq!(state, "reboot_required", "{at}: {reasons:?}");
        stale(&host);
        let (state, reasons) = codes(&facts(dir.path()));
        assert_eq!(state, "not_configured", "{at}: {reasons:?}");
        assert!(reasons.contains(&"boot_entries_out_of_date".to_string()), "{at}: {reasons:?}");
    }
}

#[test]
fn vfio_as_it_is_configured_and_bound() {
    let scratch = tempfile::tempdir().unwrap();
    let host = fixture_host::debian_amd(&scratch.path().join("host"));
    host.file(
        "/etc/modprobe.d/vfio.conf",
        "options vfio-pci ids=1234:5678\noptions vfio_pci ids=1000:0072 disable_vga=1\n",
    );
    host.file("/etc/modules", "vfio\nvfio-pci\nloop\n");
    host.file("/sys/module/vfio/initstate", "live\n");
    let entry = config_text::device_override::Entry {
        address: "0000:03:00.0".to_string(),
        id: "8086:1533".to_string(),
        subsystem: "8086:0001".to_string(),
    };
    let script = config_text::device_override::init_top_script(&[entry]);
    host.file("/etc/initramfs-tools/scripts/init-top/00-pci-passthrough", script);
    host.pci(&Pci::new("0000:09:00.0", 0x10de, 0x2484, 0x030000).driver("vfio-pci", "vfio_pci").sriov(16, 4));
    let facts = facts(host.dir());
    assert_eq!(
        facts["vfio"]["configured"],
        json!({ "modules": ["vfio", "vfio_pci"], "ids": ["1000:0072"], "addresses": ["0000:03:00.0"] })
    );
    assert_eq!(facts["vfio"]["bound"], json!(["0000:09:00.0"]));
    assert_eq!(facts["vfio"]["modules"][0]["loaded"], true);
    assert_eq!(device(&facts, "0000:09:00.0")["sriov"], json!({ "total": 16, "active": 4 }));
}

#[test]
fn etc_modules_counts_where_it_is_read() {
    let scratch = tempfile::tempdir().unwrap();
    for (systemd, link, expected) in
        [(false, false, json!(["vfio_pci"])), (true, false, json!([])), (true, true, json!(["vfio_pci"]))]
    {
        let host = Host::new(scratch.path().join(format!("{systemd}-{link}")));
        host.file("/etc/modules", "vfio_pci\n");
        if systemd {
            host.file("/usr/lib/systemd/systemd-modules-load", "");
        }
        if link {
            host.link("/etc/modules-load.d/modules.conf", "../modules");
        }
        assert_eq!(facts(host.dir())["vfio"]["configured"]["modules"], expected, "{systemd} {link}");
    }
}

#[test]
fn four_thousand_functions() {
    // A hundred thousand small files: in memory where that is possible.
    let memory = Path::new("/dev/shm");
    let scratch = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let host = fixture_host::synthetic(&scratch.path().join("host"), 4096, 1024);
    let facts = facts(host.dir());
    let devices = facts["devices"].as_array().unwrap();
    assert_eq!((devices.len(), facts["groups"].as_array().unwrap().len()), (4096, 1024));
    let members: usize =
        facts["groups"].as_array().unwrap().iter().map(|g| g["devices"].as_array().unwrap().len()).sum();
    assert_eq!(members, 4096);
    assert_eq!(facts["vfio"]["bound"].as_array().unwrap().len(), 1024);
    assert_eq!(device(&facts, "0001:ff:00.7")["iommu_group"], 1023);
    assert_eq!(codes(&facts).0, "ready");
}

#[test]
fn subsets_and_filters() {
    let host = sample("debian-amd");
    let names =
        |arguments: Value| facts_with(arguments, &host).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(json!({ "gather_subset": ["!all", "!min", "devices"] })), ["devices"]);
    assert_eq!(
        names(json!({ "gather_subset": "!all" })),
        ["bootloader", "cpu", "firmware", "iommu", "kernel", "verdict"]
    );
    assert_eq!(names(json!({ "filter": ["ver*", "cpu"] })), ["cpu", "verdict"]);
    let refused = reply(&json!({ "gather_subset": ["hardware"] }));
    assert!(refused["msg"].as_str().unwrap().starts_with("gather_subset: there is no 'hardware'"));
}

#[test]
fn an_empty_tree_and_broken_files_are_no_failure() {
    let scratch = tempfile::tempdir().unwrap();
    let host = Host::new(scratch.path().join("host"));
    let empty = facts(host.dir());
    assert_eq!(empty["cpu"], Value::Null);
    assert_eq!(empty["bootloader"]["kind"], "none");
    assert_eq!((&empty["iommu"]["active"], &empty["iommu"]["log"]), (&Value::Null, &Value::Null));
    assert_eq!(empty["kernel"]["parameters"], Value::Null);
    assert_eq!(codes(&empty).0, "unsupported");

    host.folder("/etc/default/grub")
        .folder("/proc/cpuinfo")
        .folder("/etc/modprobe.d/x.conf")
        .folder("/boot/grub/grub.cfg");
    host.file("/proc/cmdline", b"quiet \xff\xfe=\x80\n").file("/proc/self/mountinfo", "1 2 3\n - \n");
    host.file("/sys/bus/pci/devices/0000:00:00.0/vendor", "garbage").folder("/sys/bus/pci/devices/evil");
    host.file("/sys/kernel/iommu_groups/x/type", "").file("/usr/share/misc/pci.ids", b"\xff\n\t\xff\nC \xff");
    host.file("/etc/kernel/proxmox-boot-uuids/x", "").link("/proc/swaps", "swaps");
    let mut reply = reply(&json!({ "root": host.dir() }));
    assert!(!reply.contains_key("failed"), "{reply:?}");
    let warnings = reply["warnings"].to_string();
    assert!(warnings.contains("proxmox-boot-uuids: is a directory"), "{warnings}");
    let broken = reply["ansible_facts"]["pci_passthrough"].take();
    assert_eq!((&broken["bootloader"], &broken["devices"]), (&Value::Null, &json!([])));
}

#[test]
fn without_privileges_what_may_not_be_read_is_null() {
    let scratch = tempfile::tempdir().unwrap();
    let open = Permissions::from_mode(0o755);
    std::fs::set_permissions(scratch.path(), open.clone()).unwrap();
    let host = fixture_host::pve_intel_two_gpus(&scratch.path().join("host"));
    std::fs::set_permissions(host.at("/boot"), Permissions::from_mode(0o000)).unwrap();
    std::fs::set_permissions(host.at("/etc/default/grub"), Permissions::from_mode(0o000)).unwrap();
    let binary = scratch.path().join("iommu_facts");
    std::fs::copy(env!("CARGO_BIN_EXE_iommu_facts"), &binary).unwrap();
    std::fs::set_permissions(&binary, open).unwrap();
    let arguments = scratch.path().join("arguments");
    for root in [host.dir(), Path::new("/")] {
        std::fs::write(&arguments, json!({ "root": root }).to_string()).unwrap();
        let mut command = Command::new(&binary);
        command.arg(&arguments);
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(65534).gid(65534);
        }
        let output = command.output().unwrap();
        let reply: Map<String, Value> = serde_json::from_slice(&output.stdout).expect("one JSON object");
        assert!(output.status.success(), "{reply:?}");
        let facts = &reply["ansible_facts"]["pci_passthrough"];
        assert_eq!(facts["devices"].as_array().unwrap().len(), functions(root));
        if root == host.dir() {
            assert_eq!(facts["kernel"]["installed"], Value::Null);
            assert_eq!((&facts["bootloader"], reply.get("warnings")), (&Value::Null, None));
            assert_eq!(device(facts, "0000:03:00.0")["uses"].as_array().unwrap().len(), 3);
        }
    }
    std::fs::set_permissions(host.at("/boot"), Permissions::from_mode(0o755)).unwrap();
}

/// How many links there are in the root's `/sys/bus/pci/devices`.
fn functions(root: &Path) -> usize {
    std::fs::read_dir(root.join("sys/bus/pci/devices")).map(|dir| dir.count()).unwrap_or_default()
}

#[test]
fn this_very_machine() {
    let facts = facts(Path::new("/"));
    assert_eq!(facts["devices"].as_array().unwrap().len(), functions(Path::new("/")));
    let osrelease = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(facts["kernel"]["release"], osrelease.trim());
    let groups = std::fs::read_dir("/sys/kernel/iommu_groups").map(|dir| dir.count()).unwrap_or_default();
    assert_eq!(facts["groups"].as_array().unwrap().len(), groups);
    assert_eq!(facts["iommu"]["active"] == json!(true), codes(&facts).0 == "ready" || groups > 0);
}
