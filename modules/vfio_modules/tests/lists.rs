//! The built module on trees of files.

use std::fs;
use std::path::Path;

use fixture_host::{Host, debian_amd, pve_intel_two_gpus};
use proofs::{Reply, Snapshot, rehearsed};
use serde_json::{Value, json};

const OWN: &str = "/etc/modules-load.d/vfio.conf";
const SYSTEMD: &str = "/usr/lib/systemd/systemd-modules-load";

fn run(root: &Path, arguments: Value) -> Reply {
    rehearsed(env!("CARGO_BIN_EXE_vfio_modules"), root, &arguments)
}

fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::new(dir.path());
    host.folder("/etc/modules-load.d").folder("/run");
    for (path, text) in files {
        host.file(path, text);
    }
    (dir, host)
}

fn text(host: &Host, path: &str) -> String {
    String::from_utf8(fs::read(host.at(path)).unwrap()).unwrap()
}

/// What differs in the tree, the lock file of the run left out.
fn differences(before: &Snapshot, root: &Path) -> Vec<String> {
    let mut lines = before.differences(&Snapshot::of(root));
    lines.retain(|line| !line.starts_with("/run/pci-passthrough.lock"));
    lines
}

#[test]
fn etc_modules_is_edited_where_it_is_read_and_comes_back() {
    for bytes in ["", "# /etc/modules\n\nloop\n", "loop", "# c\r\nloop\r\n", "vfio_foo\n"] {
        let (dir, host) = tree(&[("/etc/modules", bytes), (SYSTEMD, "")]);
        host.link("/etc/modules-load.d/modules.conf", "../modules");
        let before = Snapshot::of(dir.path());
        let reply = run(dir.path(), json!({})).expect_ok();
        assert!(reply.changed());
        assert_eq!(reply.json["path"], "/etc/modules");
        assert_eq!(reply.json["modules"][2]["name"], "vfio_pci");
        assert_eq!(reply.json["modules"][2]["configured_in"], json!(["/etc/modules"]));
        assert!(text(&host, "/etc/modules").starts_with(bytes));
        let _ = run(dir.path(), json!({"state": "absent"})).expect_ok();
        assert_eq!(differences(&before, dir.path()), [""; 0], "{bytes:?}");
    }
}

#[test]
fn an_own_file_is_made_and_removed_where_etc_modules_is_not_read() {
    for (files, said) in [
        (&[][..], "no /etc/modules"),
        (
            &[("/etc/modules", "vfio\nvfio_iommu_type1\nvfio_pci\n"), (SYSTEMD, "")],
            "a tutorial's file that nothing reads",
        ),
    ] {
        let (dir, host) = tree(files);
        let before = Snapshot::of(dir.path());
        let reply = run(dir.path(), json!({})).expect_ok();
        assert_eq!(reply.json["path"], OWN, "{said}");
        assert!(text(&host, OWN).ends_with("\nvfio\nvfio_iommu_type1\nvfio_pci\n"));
        if files.is_empty() {
            let _ = run(dir.path(), json!({"state": "absent"})).expect_ok();
            assert_eq!(differences(&before, dir.path()), [""; 0], "{said}");
        }
    }
}

#[test]
fn every_directory_counts_unless_masked() {
    let vfio = "vfio\nvfio-iommu-type1\nvfio-pci\n";
    for directory in ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"] {
        let path = format!("{directory}/modules-load.d/site.conf");
        let (dir, host) = tree(&[(&path, vfio)]);
        let reply = run(dir.path(), json!({})).expect_ok();
        assert!(!reply.changed(), "{directory}");
        assert_eq!(reply.json["modules"][1]["configured_in"], json!([path]));
        if directory != "/etc" {
            host.link("/etc/modules-load.d/site.conf", "/dev/null");
            assert!(run(dir.path(), json!({})).expect_ok().changed(), "{directory} masked");
        }
    }
    let (dir, _host) = tree(&[("/etc/modules-load.d/vfio.txt", vfio)]);
    assert!(run(dir.path(), json!({})).expect_ok().changed(), "no .conf");
}

#[test]
fn absent_takes_the_modules_off_every_list_under_etc() {
    let (dir, host) = tree(&[
        ("/etc/modules", "loop\nvfio\nvfio_pci ids=10de:1b80\nvfio_virqfd"),
        ("/etc/modules-load.d/a.conf", "vfio-pci\n"),
        ("/usr/lib/modules-load.d/b.conf", "# b\nvfio\n"),
    ]);
    let reply = run(dir.path(), json!({"state": "absent"})).expect_ok();
    assert_eq!(text(&host, "/etc/modules"), "loop");
    assert_eq!(text(&host, "/etc/modules-load.d/a.conf"), "");
    assert_eq!(reply.json["diff"].as_array().unwrap().len(), 2);
    let warnings = reply.json["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].as_str().unwrap().starts_with("/usr/lib/modules-load.d/b.conf:2: still loads vfio"));
    assert_eq!(reply.json["modules"][0]["configured_in"], json!(["/usr/lib/modules-load.d/b.conf"]));
}

#[test]
fn absent_edits_a_file_once_and_only_where_it_is_the_administrators() {
    let (dir, host) = tree(&[
        ("/etc/modules-load.d/b.conf", "loop\nvfio\n"),
        ("/usr/lib/modules-load.d/vendor.conf", "vfio\n"),
        ("/opt/site.conf", "vfio_pci\n"),
        ("/etc/site/list", "vfio_pci\n"),
    ]);
    host.link("/etc/modules-load.d/a.conf", "b.conf");
    host.link("/etc/modules-load.d/vendor.conf", "/usr/lib/modules-load.d/vendor.conf");
    host.link("/etc/modules-load.d/opt.conf", "../../opt/site.conf");
    host.link("/usr/lib/modules-load.d/site.conf", "/etc/site/list");
    let reply = run(dir.path(), json!({"state": "absent"})).expect_ok();
    assert_eq!(text(&host, "/etc/modules-load.d/b.conf"), "loop\n");
    assert_eq!(text(&host, "/etc/site/list"), "");
    assert_eq!(text(&host, "/usr/lib/modules-load.d/vendor.conf"), "vfio\n");
    assert_eq!(text(&host, "/opt/site.conf"), "vfio_pci\n");
    assert_eq!(reply.json["diff"].as_array().unwrap().len(), 2);
    let warnings = reply.json["warnings"].as_array().unwrap();
    let left =
        |path: &str| warnings.iter().any(|w| w.as_str().unwrap().starts_with(&format!("{path}:1: still")));
    assert!(left("/etc/modules-load.d/opt.conf") && left("/etc/modules-load.d/vendor.conf"), "{warnings:?}");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert_eq!(reply.json["modules"][0]["configured_in"], json!(["/etc/modules-load.d/vendor.conf"]));
}

#[test]
fn an_own_file_that_a_link_needs_stays() {
    let (dir, host) = tree(&[(SYSTEMD, "")]);
    let _ = run(dir.path(), json!({})).expect_ok();
    host.link("/etc/modules-load.d/also.conf", "vfio.conf");
    let reply = run(dir.path(), json!({"state": "absent"})).expect_ok();
    assert_eq!(reply.json["diff"].as_array().unwrap().len(), 1);
    assert!(text(&host, OWN).starts_with('#') && !text(&host, OWN).contains("vfio_pci\n"));
    assert!(!run(dir.path(), json!({"state": "absent"})).expect_ok().changed());
}

#[test]
fn virqfd_goes_by_the_installed_kernels() {
    let dir = tempfile::tempdir().unwrap();
    let (debian, pve) = (dir.path().join("debian"), dir.path().join("pve"));
    let old = debian_amd(&debian);
    let reply = run(&debian, json!({})).expect_ok();
    assert_eq!(reply.json["modules"][3]["name"], "vfio_virqfd");
    assert_eq!(reply.json["modules"][3]["kernels"]["6.1.0-18-amd64"], "loadable");
    assert_eq!(reply.json["modules"][3]["available"], true);
    assert!(text(&old, "/etc/modules").contains("vfio_virqfd"));
    assert_eq!(reply.json["reboot_required"], true);
    assert_eq!(reply.json["reboot_reasons"][0]["code"], "module_not_loaded");
    assert_eq!(reply.json["actions"], json!([]), "update-initramfs does not copy the list");

    let new = pve_intel_two_gpus(&pve);
    let reply = run(&pve, json!({})).expect_ok();
    assert_eq!(reply.json["modules"].as_array().unwrap().len(), 3);
    let reply = run(&pve, json!({"modules": ["vfio_virqfd"]})).expect_ok();
    assert!(reply.changed(), "who names it gets it");
    let warning = reply.json["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("module_not_available: no installed kernel has vfio_virqfd"), "{warning}");
    let lint = &reply.json["lint"][0];
    assert_eq!((&lint["code"], &lint["file"]), (&json!("module_not_available"), &json!("/etc/modules")));
    assert_eq!(reply.json["modules"][0]["available"], false);
    assert!(text(&new, "/etc/modules").ends_with("vfio_virqfd\n"));
}

#[test]
fn a_line_with_arguments_loads_nothing_and_is_named() {
    let (dir, host) = tree(&[("/etc/modules", "vfio\nvfio_iommu_type1\nvfio_pci ids=10de:1b80\n")]);
    let reply = run(dir.path(), json!({})).expect_ok();
    assert!(text(&host, "/etc/modules").ends_with("ids=10de:1b80\nvfio_pci\n"));
    assert_eq!(reply.json["lint"][0]["code"], "module_arguments");
    assert_eq!(reply.json["lint"][0]["line"], 3);
}

#[test]
fn a_module_that_is_loaded_or_built_in_needs_no_reboot() {
    let (dir, host) = tree(&[("/proc/modules", "vfio 1 0 - Live 0x0\nvfio_pci 1 0 - Live 0x0\n")]);
    host.kernel(
        "6.8.0",
        &["drivers/vfio/vfio.ko", "drivers/vfio/pci/vfio-pci.ko"],
        &["drivers/vfio/vfio_iommu_type1.ko"],
        &[],
    );
    let reply = run(dir.path(), json!({})).expect_ok();
    assert_eq!(reply.json["reboot_required"], false);
    let state =
        |n: usize| (reply.json["modules"][n]["loaded"].clone(), reply.json["modules"][n]["builtin"].clone());
    assert_eq!(
        [state(0), state(1), state(2)],
        [(json!(true), json!(false)), (json!(true), json!(true)), (json!(true), json!(false))]
    );
}

#[test]
fn what_no_kernel_has_is_not_listed() {
    let (dir, host) = tree(&[]);
    host.kernel("6.8.0-cloud", &["drivers/net/dummy.ko"], &[], &[]);
    let reply = run(dir.path(), json!({})).expect_ok();
    assert!(!reply.changed() && !host.at(OWN).exists());
    assert_eq!(reply.json["warnings"].as_array().unwrap().len(), 3);
}

#[test]
fn bad_arguments_are_refused() {
    let (dir, host) = tree(&[("/etc/modules-load.d/x.conf", ""), (SYSTEMD, "")]);
    host.link("/etc/modules-load.d/null.conf", "/dev/null");
    for (arguments, code, said) in [
        (json!({"modules": ["vfio\nloop"]}), "invalid_value", "no module's name"),
        (json!({"modules": ["vfio_pci ids=1:2"]}), "invalid_value", "modprobe.d"),
        (json!({"path": "/etc/modules"}), "path_not_read", "systemd does not read it"),
        (json!({"path": "/etc/modules-load.d/x"}), "path_not_read", "ends in .conf"),
        (json!({"path": "/etc/modprobe.d/x.conf"}), "path_not_read", "no lists of modules there"),
        (
            json!({"path": "/usr/lib/modules-load.d/x.conf"}),
            "path_masked",
            "reads /etc/modules-load.d/x.conf instead",
        ),
        (json!({"path": "/etc/modules-load.d/null.conf"}), "path_masked", "leads to no file"),
        (json!({"load": true}), "not_live", "running system alone"),
    ] {
        let reply = run(dir.path(), arguments);
        assert_eq!(reply.json["code"], code, "{}", reply.json);
        let msg = reply.expect_failure();
        assert!(msg.contains(said), "{msg}");
    }
}

#[test]
fn dracut_copies_the_list_so_a_rebuild_is_due() {
    let (dir, host) = tree(&[("/usr/bin/dracut", ""), ("/boot/initramfs-6.8.0.img", "")]);
    host.kernel("6.8.0", &["drivers/vfio/vfio.ko"], &[], &[]);
    let reply = run(dir.path(), json!({"modules": ["vfio"], "initramfs": false})).expect_ok();
    assert_eq!(reply.json["actions"][0]["command"], json!(["dracut", "-f", "--regenerate-all"]));
    assert_eq!(reply.json["actions"][0]["rc"], Value::Null);
}
