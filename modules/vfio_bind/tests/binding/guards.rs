//! What must not be taken.

use fixture_host::{Host, pve_intel_two_gpus};
use proofs::rehearsed;
use serde_json::json;

use crate::host::{Bench, refused, warnings};

#[test]
fn what_the_host_needs_is_refused_and_force_goes_on() {
    for (device, code) in [
        ("00:17.0", "root_disk"),
        ("02:00.0", "default_route"),
        ("04:00.0", "sriov_active"),
        ("06:00.0", "group_incomplete"),
    ] {
        let bench = Bench::new();
        let reply = bench.present(json!([device]));
        assert_eq!(refused(&reply), code, "{device}");
        assert_eq!(reply.json["problems"][0]["code"], code);
        assert!(reply.msg().ends_with("force: true goes on in spite of it."), "{}", reply.msg());
        let reply = bench.run(json!({"devices": [device], "force": true})).expect_ok();
        assert!(reply.changed() && warnings(&reply).contains(code), "{}", reply.json);
    }
    let bench = Bench::new();
    let _ = bench.present(json!(["00:02.0"])).expect_ok();
    assert_eq!(refused(&bench.present(json!(["00:02.0", "01:00"]))), "only_display");
    let _ = bench.present(json!(["04:10.0"])).expect_ok();
}

#[test]
fn the_rest_of_the_group_is_guarded_too() {
    let bench = Bench::new();
    // A card in the group of the root disk's controller.
    bench.host.pci(&fixture_host::Pci::new("0000:0a:00.0", 0x1234, 0x5678, 0x020000).group(2));
    for group in ["require", "expand"] {
        let reply = bench.run(json!({"devices": ["0a:00.0"], "group": group}));
        assert_eq!(refused(&reply), "root_disk", "{group}");
        assert!(
            reply.msg().contains("0000:00:17.0, which is in IOMMU group 2 with 0000:0a:00.0"),
            "{}",
            reply.msg()
        );
    }
}

#[test]
fn a_second_run_on_a_bound_only_display_is_no_refusal() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::new(dir.path());
    host.folder("/etc/modprobe.d").folder("/run");
    let gpu = fixture_host::Pci::new("0000:01:00.0", 0x10de, 0x2484, 0x030000).boot_vga().group(1);
    host.pci(&gpu.driver("vfio-pci", "vfio_pci"));
    let arguments = json!({"devices": ["01:00.0"], "initramfs": false});
    let reply = rehearsed(env!("CARGO_BIN_EXE_vfio_bind"), dir.path(), &arguments).expect_ok();
    assert!(warnings(&reply).contains("only_display"));
    assert_eq!(reply.json["devices"][0]["bound"], true);
    assert_eq!(reply.json["devices"][0]["viable"], true);
    assert_eq!(reply.json["reboot_required"], false);
}

#[test]
fn without_groups_the_other_functions_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let host = pve_intel_two_gpus(dir.path());
    host.folder("/run");
    let arguments = json!({"devices": ["0000:01:00.0"], "initramfs": false});
    let reply = rehearsed(env!("CARGO_BIN_EXE_vfio_bind"), dir.path(), &arguments).expect_ok();
    let said = warnings(&reply);
    assert!(said.contains("the IOMMU is off") && said.contains("0000:01:00.1 (10de:228b"), "{said}");
    assert_eq!(reply.json["problems"][0]["code"], "group_unknown");
    assert_eq!(reply.json["devices"][0]["viable"], serde_json::Value::Null);
}

#[test]
fn a_live_rebind_is_for_the_running_system_alone() {
    let bench = Bench::new();
    let reply = bench.run(json!({"devices": ["01:00"], "now": true}));
    assert!(reply.expect_failure().contains("it is not the running system"));
}
