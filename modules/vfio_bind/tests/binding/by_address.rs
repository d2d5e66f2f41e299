//! The override by address: two identical cards, built-in drivers, other generators.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::host::{Bench, HOOK, INIT_TOP, OWN, RELEASE, refused, virtual_function, warnings};

#[test]
fn one_of_two_identical_cards() {
    let bench = Bench::new();
    let before = bench.snapshot();
    let reply = bench.present(json!(["0000:03:00.0"])).expect_ok();
    assert_eq!(reply.json["devices"][0]["method"], "override");
    assert_eq!(bench.taken(), ["take 0000:03:00.0 8086:10d3 8086:10d3"]);
    assert!(!bench.host.at(OWN).exists(), "ids= would take the other one too");
    assert_eq!(reply.json["files"], json!([INIT_TOP, HOOK]));
    for path in [INIT_TOP, HOOK] {
        assert_eq!(fs::metadata(bench.host.at(path)).unwrap().permissions().mode() & 0o777, 0o755, "{path}");
    }
    assert_eq!(reply.json["actions"][0]["command"][0], "update-initramfs");
    let _ = bench.absent(json!(["03:00.0"])).expect_ok();
    assert_eq!(bench.differences(&before), [""; 0]);
}

#[test]
fn an_id_is_refused_where_it_would_take_more() {
    let bench = Bench::new();
    let reply = bench.run(json!({"devices": ["03:00.0"], "method": "ids"}));
    assert_eq!(refused(&reply), "id_shared");
    assert!(reply.msg().contains("its id 8086:10d3 is that of 0000:02:00.0 too"), "{}", reply.msg());
    let reply = bench.run(json!({"devices": ["07:00.0"], "method": "ids"}));
    assert_eq!(refused(&reply), "driver_builtin");
    assert!(reply.msg().contains(&format!("tg3 is built into {RELEASE}")), "{}", reply.msg());
}

#[test]
fn a_built_in_driver_is_beaten_by_address_only() {
    let bench = Bench::new();
    let reply = bench.present(json!(["14e4:1657", "01:00"])).expect_ok();
    assert_eq!(bench.taken(), ["take 0000:07:00.0 14e4:1657 14e4:1657"]);
    assert_eq!(bench.lines(OWN)[0], "options vfio-pci ids=10de:2484,10de:228b");
    let methods: Vec<_> =
        reply.json["devices"].as_array().unwrap().iter().map(|d| d["method"].clone()).collect();
    assert_eq!(methods, ["ids", "ids", "override"]);
}

#[test]
fn a_device_changes_its_way_and_leaves_nothing_behind() {
    let bench = Bench::new();
    let before = bench.snapshot();
    let both = json!(["06:00.0", "06:01.0"]);
    let _ = bench.present(both.clone()).expect_ok();
    assert_eq!(bench.lines(OWN)[0], "options vfio-pci ids=8086:100e");
    let _ = bench.run(json!({"devices": both, "method": "override"})).expect_ok();
    assert_eq!(bench.taken().len(), 2);
    assert!(!bench.lines(OWN).iter().any(|line| line.contains("ids=")), "{:?}", bench.lines(OWN));
    let _ = bench.present(both.clone()).expect_ok();
    assert!(!bench.host.at(INIT_TOP).exists() && !bench.host.at(HOOK).exists());
    let _ = bench.absent(both).expect_ok();
    assert_eq!(bench.differences(&before), [""; 0]);
}

#[test]
fn an_id_in_another_file_takes_the_twin_and_is_told() {
    let bench = Bench::new();
    bench.host.file(OWN, "options vfio-pci ids=8086:10d3,1234:5678\n");
    bench.host.file("/etc/modprobe.d/a.conf", "options vfio-pci ids=8086:10d3\n");
    let reply = bench.present(json!(["03:00.0"])).expect_ok();
    assert!(
        warnings(&reply)
            .contains("/etc/modprobe.d/a.conf:1: gives vfio-pci every device with the id 8086:10d3")
    );
    assert_eq!(
        bench.lines(OWN),
        ["options vfio-pci ids=8086:10d3,1234:5678"],
        "theirs is kept, ours not given twice"
    );
}

#[test]
fn dracut_gets_a_module_of_its_own() {
    let bench = Bench::new();
    fs::remove_file(bench.host.at("/usr/sbin/update-initramfs")).unwrap();
    bench.host.file("/usr/bin/dracut", "").folder("/usr/lib/dracut/modules.d");
    let before = bench.snapshot();
    let reply = bench.present(json!(["03:00.0"])).expect_ok();
    let folder = "/usr/lib/dracut/modules.d/70pci-passthrough";
    let (script, setup) = (format!("{folder}/pci-passthrough.sh"), format!("{folder}/module-setup.sh"));
    assert_eq!(reply.json["files"], json!([script, setup]));
    assert!(bench.text(&script).contains("\ntake 0000:03:00.0 8086:10d3 8086:10d3\n"));
    assert_eq!(reply.json["actions"][0]["command"], json!(["dracut", "-f", "--regenerate-all"]));
    // The host changes to initramfs-tools: the device goes along.
    bench.host.file("/usr/sbin/update-initramfs", "").file("/usr/sbin/mkinitramfs", "");
    let _ = bench.present(json!(["03:00.0"])).expect_ok();
    assert_eq!(bench.taken().len(), 1);
    assert!(!bench.host.at(folder).exists());
    fs::remove_file(bench.host.at("/usr/sbin/update-initramfs")).unwrap();
    fs::remove_file(bench.host.at("/usr/sbin/mkinitramfs")).unwrap();
    let _ = bench.absent(json!(["03:00.0"])).expect_ok();
    assert_eq!(bench.differences(&before), [""; 0]);
}

#[test]
fn where_no_script_would_run_it_is_refused() {
    let bench = Bench::new();
    fs::remove_file(bench.host.at("/usr/sbin/update-initramfs")).unwrap();
    let said = |bench: &Bench, what: &str| {
        let reply = bench.present(json!(["03:00.0"]));
        assert_eq!(refused(&reply), "method_unsupported");
        assert!(
            reply.msg().contains(what) && reply.msg().contains("is that of 0000:02:00.0 too"),
            "{}",
            reply.msg()
        );
    };
    said(&bench, "no initramfs generator is installed");
    bench.host.file("/usr/bin/mkinitcpio", "");
    said(&bench, "mkinitcpio builds the initramfs");
    let bench = Bench::new();
    fs::remove_file(bench.host.at(&format!("/boot/initrd.img-{RELEASE}"))).unwrap();
    said(&bench, "no kernel here has an initramfs image");
}

#[test]
fn files_in_the_place_of_ours_are_left_alone() {
    let bench = Bench::new();
    bench.host.file(INIT_TOP, "#!/bin/sh\necho mine\n");
    assert_eq!(refused(&bench.present(json!(["03:00.0"]))), "foreign_file");
    assert_eq!(refused(&bench.absent(json!(["03:00.0"]))), "foreign_file");
    let bench = Bench::new();
    let _ = bench.present(json!(["03:00.0"])).expect_ok();
    fs::set_permissions(bench.host.at(INIT_TOP), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(refused(&bench.present(json!(["03:00.0"]))), "not_executable");
}

#[test]
fn addresses_that_moved_are_noticed() {
    let bench = Bench::new();
    let _ = bench.present(json!(["03:00.0"])).expect_ok();
    // The same address after a card was added: another device.
    bench.host.file(INIT_TOP, bench.text(INIT_TOP).replace("8086:10d3 8086:10d3", "10de:2484 1043:87b8"));
    let reply = bench.present(json!(["03:00.0"]));
    assert_eq!(refused(&reply), "device_drifted");
    assert!(
        reply
            .msg()
            .contains("8086:10d3 is there, not 10de:2484 as bound before, which is at 0000:01:00.0 now"),
        "{}",
        reply.msg()
    );
    let _ = bench.present(json!([{"address": "03:00.0", "expect_id": "8086:10d3"}])).expect_ok();
    assert_eq!(bench.taken(), ["take 0000:03:00.0 8086:10d3 8086:10d3"]);
}

/// A virtual function is made after the initramfs is done.
#[test]
fn a_virtual_function_is_bound_by_its_id_alone() {
    let bench = Bench::new();
    let reply = bench.run(json!({"devices": ["04:10.0"], "method": "override"}));
    assert_eq!(refused(&reply), "method_unsupported");
    assert!(reply.msg().contains("a virtual function of 0000:04:00.0"), "{}", reply.msg());
    let reply = bench.present(json!(["04:10.0"])).expect_ok();
    assert_eq!(reply.json["devices"][0]["method"], "ids");

    // Of two, both or none.
    bench.host.pci(&virtual_function("0000:04:10.2", 17));
    for method in ["auto", "ids"] {
        let reply = bench.run(json!({"devices": ["04:10.0"], "method": method}));
        assert_eq!(refused(&reply), "id_shared", "{method}");
        assert!(
            reply.msg().contains("0000:04:10.2")
                && reply.msg().contains("a virtual function of 0000:04:00.0"),
            "{}",
            reply.msg()
        );
        assert!(!reply.msg().contains("method: override or auto"), "{}", reply.msg());
    }
    assert!(!bench.host.at(INIT_TOP).exists());
    let both = json!(["04:10.0", "04:10.2"]);
    let _ = bench.present(both.clone()).expect_ok();
    assert_eq!(bench.lines(OWN)[0], "options vfio-pci ids=8086:10ed");

    // With a driver that is there before vfio-pci nothing does.
    let built_in = bench.text(&format!("/lib/modules/{RELEASE}/modules.builtin"));
    let built_in = format!("{built_in}kernel/drivers/net/ethernet/intel/ixgbevf/ixgbevf.ko\n");
    bench.host.file(&format!("/lib/modules/{RELEASE}/modules.builtin"), built_in);
    assert_eq!(refused(&bench.present(both)), "driver_builtin");
}
