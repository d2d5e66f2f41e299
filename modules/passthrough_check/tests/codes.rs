//! For each code a host that raises it and nothing else, made from a healthy one by one change; and
//! healthy hosts that raise nothing. The codes are those of the documentation, no more and no less.

mod hosts;

use std::collections::BTreeMap;

use fixture_host::Host;
use hosts::{CASES, Case, check, codes};
use preflight::Severity;
use preflight::check::CODES;
use serde_json::{Value, json};

#[test]
fn each_code_has_a_host_that_raises_it_and_nothing_else() {
    let mut wrong = Vec::new();
    for case in CASES {
        let dir = tempfile::tempdir().unwrap();
        let host = case.host(dir.path());
        let reply = check(&host, case.phase, case.devices, &[]);
        let found = codes(&reply);
        let expected = CODES.iter().find(|code| code.name == case.code).expect("a code of the table");
        let severity = if case.phase == "ready" { expected.ready } else { expected.configure };
        let failed = reply["failed"] == true;
        if found != [case.code] || failed != (severity == Severity::Error) {
            wrong.push(format!("{} ({}): failed {failed}, {:#}", case.code, case.phase, reply["problems"]));
            continue;
        }
        let problem = &reply["problems"][0];
        let said = if failed { reply["msg"].clone() } else { reply["warnings"][0].clone() };
        for text in ["message", "hint"] {
            let text = problem[text].as_str().unwrap();
            assert!(!text.is_empty() && said.as_str().unwrap().contains(text), "{}: {said}", case.code);
        }
        if failed {
            assert_eq!(reply["code"], case.code);
            let accepted = check(&host, case.phase, case.devices, &[case.code]);
            assert_eq!(
                (&accepted["failed"], &accepted["problems"][0]["accepted"]),
                (&Value::Null, &json!(true))
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_documented_code_has_its_host_and_the_other_way_round() {
    let documentation = proofs::workspace_dir().join("collection/plugins/modules/passthrough_check.py");
    let text = std::fs::read_to_string(documentation).unwrap();
    // - 'V(firmware_off) [error, error]: …
    let documented: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("- 'V(")?.split_once(") ["))
        .map(|(code, rest)| (code, rest.split(']').next().unwrap_or_default()))
        .collect();
    let word = |severity| if severity == Severity::Error { "error" } else { "warning" };
    for code in CODES {
        let severities = format!("{}, {}", word(code.configure), word(code.ready));
        assert_eq!(
            documented.get(code.name),
            Some(&severities.as_str()),
            "{} in the documentation",
            code.name
        );
        assert!(CASES.iter().any(|case| case.code == code.name), "{} has no host", code.name);
    }
    assert_eq!(documented.len(), CODES.len(), "documented codes that do not exist");
}

type Healthy = (fn(&std::path::Path) -> Host, &'static [&'static str]);

/// Each with the devices to pass.
const HEALTHY: [Healthy; 3] = [
    (fixture_host::desktop_two_gpus, &["0000:01:00.0", "10de:228b"]),
    (fixture_host::sriov_server, &["8086:154c"]),
    (fixture_host::zfs_two_hbas, &["01:00"]),
];

#[test]
fn healthy_hosts_raise_nothing_in_either_phase() {
    for (build, devices) in HEALTHY {
        let dir = tempfile::tempdir().unwrap();
        let host = build(dir.path());
        for phase in ["configure", "ready"] {
            for devices in [devices, &[]] {
                let reply = check(&host, phase, devices, &[]);
                assert_eq!(codes(&reply), [""; 0], "{phase} {:#}", reply["problems"]);
                assert_eq!((&reply["verdict"]["state"], &reply["changed"]), (&json!("ready"), &json!(false)));
                let shown = reply["devices"].as_array().unwrap();
                assert_eq!(shown.is_empty(), devices.is_empty());
                assert!(shown.iter().all(|d| d["viable"] == true && d["driver"] == "vfio-pci"), "{shown:?}");
            }
        }
    }
}

#[test]
fn on_a_fresh_host_everything_that_can_be_mended_is_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let host = fixture_host::pve_intel_two_gpus(dir.path());
    let reply = check(&host, "configure", &["01:00"], &[]);
    assert_eq!(reply["failed"], Value::Null, "{reply:#}");
    let found = codes(&reply);
    assert!(found.contains(&"parameter_missing") && found.contains(&"host_driver_bound"), "{found:?}");
    assert!(check(&host, "ready", &["01:00"], &[])["failed"] == true);
}

#[test]
fn a_device_shows_its_group_and_its_problems() {
    let case = CASES.iter().find(|case| case.code == "group_incomplete").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let reply = check(&case.host(dir.path()), case.phase, case.devices, &[]);
    assert_eq!(
        reply["devices"],
        json!([{
            "address": "0000:01:00.0", "id": "10de:2484", "group": 2, "driver": "vfio-pci", "viable": false,
            "members": ["0000:00:01.0", "0000:01:00.0", "0000:01:00.1"], "problems": ["group_incomplete"],
        }])
    );
}

#[test]
fn what_is_no_way_for_a_device_is_not_advised() {
    let dir = tempfile::tempdir().unwrap();
    let host = fixture_host::sriov_server(dir.path());
    let reply = check(&host, "ready", &["0000:41:0a.0"], &[]);
    let problem = &reply["problems"][0];
    assert_eq!((codes(&reply), &problem["code"]), (vec!["identical_devices"], &json!("identical_devices")));
    let hint = problem["hint"].as_str().unwrap();
    assert!(hint.contains("virtual function") && !hint.contains("override"), "{hint}");
    let dir = tempfile::tempdir().unwrap();
    let host = fixture_host::desktop_two_gpus(dir.path());
    host.rebind("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0", "nouveau", "nouveau");
    host.file("/etc/modprobe.d/harden.conf", "# x\ninstall vfio-pci /bin/false\n");
    let reply = check(&host, "configure", &["01:00"], &[]);
    assert!(
        reply["problems"][0]["message"].as_str().unwrap().contains("/etc/modprobe.d/harden.conf:2 keeps"),
        "{reply:#}"
    );
}

#[test]
fn accept_goes_by_code_and_no_other_error_slips_through() {
    let both = |host: &Host| {
        (CASES.iter().find(|case| case.code == "no_interrupt_remapping").unwrap().change)(host);
        (CASES.iter().find(|case| case.code == "rmrr").unwrap().change)(host);
    };
    let dir = tempfile::tempdir().unwrap();
    let host = Case { change: both, ..CASES[0] }.host(dir.path());
    let devices = &["0000:01:00.0", "0000:01:00.1"];
    let reply = check(&host, "ready", devices, &["rmrr"]);
    assert_eq!((&reply["failed"], &reply["code"]), (&json!(true), &json!("no_interrupt_remapping")));
    let msg = reply["msg"].as_str().unwrap();
    assert!(msg.contains("(no_interrupt_remapping)") && !msg.contains("(rmrr)"), "{msg}");
    let accepted = check(&host, "ready", devices, &["rmrr", "no_interrupt_remapping"]);
    assert_eq!((&accepted["failed"], &accepted["warnings"]), (&Value::Null, &Value::Null));
    let unknown = check(&host, "ready", devices, &["rmr"]);
    assert_eq!((&unknown["failed"], &unknown["code"]), (&json!(true), &json!("unknown_code")));
    assert!(unknown["msg"].as_str().unwrap().starts_with("accept: there is no code 'rmr'; use some of"));
}

#[test]
fn what_vfio_bind_writes_is_what_the_check_looks_for() {
    for method in ["ids", "override"] {
        let dir = tempfile::tempdir().unwrap();
        let host = fixture_host::desktop_two_gpus(dir.path());
        host.remove("/etc/modprobe.d/pci-passthrough-vfio.conf");
        for (function, driver) in [("0", "nouveau"), ("1", "snd_hda_intel")] {
            let device = format!("/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.{function}");
            host.rebind(&device, driver, driver);
        }
        let devices = &["0000:01:00.0", "0000:01:00.1"];
        assert_eq!(codes(&check(&host, "configure", devices, &[])), ["host_driver_bound"]);
        let bind = json!({ "root": dir.path(), "devices": devices, "method": method, "initramfs": false });
        let _ = proofs::run_module("vfio_bind", &bind).expect_ok();
        assert_eq!(codes(&check(&host, "configure", devices, &[])), ["reboot_required"], "{method}");
        // After a boot with all that the devices are still the host's: somebody was faster.
        assert_eq!(codes(&check(&host, "ready", devices, &[])), ["host_driver_bound"], "{method}");
    }
}

#[test]
fn a_message_about_many_devices_ends() {
    let dir = tempfile::tempdir().unwrap();
    let host = fixture_host::synthetic(&dir.path().join("host"), 64, 16);
    let reply = check(&host, "ready", &["8086:*"], &[]);
    let (msg, problems) = (reply["msg"].as_str().unwrap(), reply["problems"].as_array().unwrap());
    assert!(problems.len() > 40 && msg.len() < 4000 && msg.contains(" more errors are in problems"), "{msg}");
}
