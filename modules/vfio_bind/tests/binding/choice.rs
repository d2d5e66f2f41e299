//! What `devices` names, held against the host.

use serde_json::json;

use crate::host::{Bench, OWN, refused};

#[test]
fn globs_and_slots() {
    for (devices, addresses) in [
        (json!(["10de:*"]), &["0000:01:00.0", "0000:01:00.1"][..]),
        (json!(["0000:01:00.*"]), &["0000:01:00.0", "0000:01:00.1"]),
        (json!(["01:00"]), &["0000:01:00.0", "0000:01:00.1"]),
        (json!(["01:00", "10de:228b"]), &["0000:01:00.0", "0000:01:00.1"]),
        (json!([{"id": "8086:10ed"}]), &["0000:04:10.0"]),
        (json!(["8086:100?"]), &["0000:06:00.0", "0000:06:01.0"]),
    ] {
        let bench = Bench::new();
        let reply = bench.present(devices.clone()).expect_ok();
        let found = reply.json["devices"].as_array().unwrap().iter().map(|d| d["address"].as_str().unwrap());
        assert_eq!(found.collect::<Vec<_>>(), addresses, "{devices}");
    }
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let bench = Bench::new();
    for device in ["10de:1b80", "0000:09:00.0", "1002:*", "09:00"] {
        let reply = bench.present(json!([device]));
        assert_eq!(refused(&reply), "device_not_found", "{device}");
        let msg = reply.msg();
        assert!(msg.starts_with(device) && msg.contains("0000:01:00.0 (10de:2484)"), "{msg}");
    }
    assert_eq!(refused(&bench.present(json!(["05:00.0"]))), "device_is_bridge");
    assert_eq!(refused(&bench.present(json!(["05:00"]))), "device_not_found");
    assert_eq!(refused(&bench.present(json!([60.0]))), "invalid_value");
}

#[test]
fn an_expected_id_that_is_elsewhere_now() {
    let bench = Bench::new();
    let at = |id| bench.present(json!([{"address": "0000:03:00.0", "expect_id": id}]));
    let reply = at("10de:2484");
    assert_eq!(refused(&reply), "device_drifted");
    assert!(reply.msg().contains("which is at 0000:01:00.0 now"), "{}", reply.msg());
    assert!(at("1234:5678").msg().contains("which is nowhere on this host now"));
    let _ = at("8086:10D3").expect_ok();
}

#[test]
fn a_group_goes_whole_or_not_at_all() {
    let bench = Bench::new();
    let reply = bench.present(json!(["06:00.0"]));
    assert_eq!(refused(&reply), "group_incomplete");
    assert!(reply.msg().contains("with 0000:06:01.0 (8086:100e, on e1000)"), "{}", reply.msg());
    assert!(!reply.msg().contains("0000:05:00.0"), "the bridge stays: {}", reply.msg());
    assert_eq!(reply.json["problems"][0]["code"], "group_incomplete");
    let arguments = json!({"devices": ["06:00.0"], "group": "expand"});
    let reply = bench.run(arguments.clone()).expect_ok();
    assert_eq!(reply.json["devices"].as_array().unwrap().len(), 2);
    assert_eq!(bench.lines(OWN)[0], "options vfio-pci ids=8086:100e");
    let mut absent = arguments;
    absent["state"] = json!("absent");
    assert_eq!(bench.run(absent).expect_ok().json["devices"].as_array().unwrap().len(), 2);
    assert!(!bench.host.at(OWN).exists());
}
