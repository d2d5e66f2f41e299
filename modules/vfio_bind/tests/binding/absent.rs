//! `state: absent` where the host is no longer what it was.

use serde_json::json;

use crate::host::{Bench, INIT_TOP, OWN, warnings};

#[test]
fn a_device_that_is_gone_can_be_taken_out() {
    let bench = Bench::new();
    bench.host.file(OWN, "options vfio-pci ids=dead:beef,cafe:0001\nsoftdep tg3 pre: vfio-pci\n");
    let _ = bench.present(json!(["03:00.0"])).expect_ok();
    let script = bench.text(INIT_TOP).replace("0000:03:00.0", "0000:42:00.0");
    bench.host.file(INIT_TOP, script);
    let reply = bench.absent(json!(["0000:41:00.0"])).expect_ok();
    assert!(!reply.changed() && warnings(&reply).contains("if it was bound by its id, name the id"));
    let _ = bench.absent(json!(["0000:42:00.0"])).expect_ok();
    assert!(!bench.host.at(INIT_TOP).exists());
    let _ = bench.absent(json!([{"address": "0000:41:00.0", "expect_id": "dead:beef"}])).expect_ok();
    assert_eq!(bench.lines(OWN), ["options vfio-pci ids=cafe:0001", "softdep tg3 pre: vfio-pci"]);
    let _ = bench.absent(json!(["cafe:*"])).expect_ok();
    assert_eq!(bench.text(OWN), "softdep tg3 pre: vfio-pci\n", "what another owner wrote stays");
}

#[test]
fn another_card_at_the_address_keeps_its_binding() {
    let bench = Bench::new();
    let _ = bench.present(json!(["01:00", "03:00.0"])).expect_ok();
    // The address was that of a card which is gone; the one that has it now is bound by its id.
    let script = bench.text(INIT_TOP).replace("take 0000:03:00.0 8086:10d3", "take 0000:01:00.0 dead:beef");
    bench.host.file(INIT_TOP, script);
    let _ = bench.absent(json!([{"address": "0000:01:00.0", "expect_id": "dead:beef"}])).expect_ok();
    assert!(!bench.host.at(INIT_TOP).exists());
    assert_eq!(bench.lines(OWN)[0], "options vfio-pci ids=10de:2484,10de:228b");
}

#[test]
fn a_twin_that_goes_back_too_is_named() {
    let bench = Bench::new();
    let _ = bench.present(json!(["06:00.0", "06:01.0"])).expect_ok();
    let reply = bench.absent(json!(["06:00.0"])).expect_ok();
    assert!(
        warnings(&reply).contains("0000:06:01.0 has the same id 8086:100e and goes back to the host too")
    );
}

#[test]
fn a_device_that_is_still_on_vfio_pci_needs_a_reboot() {
    let bench = Bench::new();
    let card = fixture_host::Pci::new("0000:09:00.0", 0x1234, 0x5678, 0x020000).group(20);
    bench.host.pci(&card.driver("vfio-pci", "vfio_pci"));
    let _ = bench.present(json!(["09:00.0"])).expect_ok();
    let reply = bench.absent(json!(["09:00.0"])).expect_ok();
    assert_eq!(reply.json["reboot_reasons"][0]["code"], "device_still_bound", "{}", reply.json);
    assert_eq!(reply.json["devices"][0]["bound"], true);
}
