//! Which entry is made, changed or taken out.

use proofs::Snapshot;
use serde_json::{Value, json};

use crate::{CONF, MACHINE, codes, node, run, running, text, tree};

#[test]
fn present_writes_one_line_and_absent_takes_it_away() {
    let (dir, host) = node(MACHINE);
    let before = Snapshot::of(dir.path());
    let reply =
        run(dir.path(), json!({"host": ["01:00"], "pcie": true, "x_vga": true, "rombar": true})).expect_ok();
    assert_eq!(
        text(&host),
        MACHINE.replacen("machine:", "hostpci0: 0000:01:00,pcie=1,x-vga=1\nmachine:", 1),
        "one line, where it sorts"
    );
    assert_eq!(reply.json["index"], 0);
    assert_eq!(reply.json["key"], "hostpci0");
    assert_eq!(reply.json["value"], "0000:01:00,pcie=1,x-vga=1");
    assert_eq!(
        (&reply.json["before"], &reply.json["pending"], &reply.json["onboot"]),
        (&Value::Null, &json!(false), &json!(false))
    );
    assert_eq!(codes(&reply), [""; 0]);
    let reply = run(dir.path(), json!({"host": ["0000:01:00"], "state": "absent"})).expect_ok();
    assert_eq!(reply.json["before"], "0000:01:00,pcie=1,x-vga=1");
    let mut lines = before.differences(&Snapshot::of(dir.path()));
    lines.retain(|line| !line.starts_with("/run/pci-passthrough.lock"));
    assert_eq!(lines, [""; 0]);
}

#[test]
fn the_same_in_other_words_needs_nothing() {
    for line in [
        "hostpci3: 01:00,pcie=1,x-vga=1",
        "hostpci3: x-vga=on,pcie=yes,host=0000:01:00",
        "hostpci3: host=01:00,rombar=1,pcie=1,driver=vfio,x-vga=1",
        "hostpci3: 01:00.0;01:00.1,pcie=1,x-vga=1",
    ] {
        let machine = format!("machine: pc-q35-8.1\n{line}\n");
        let (dir, _host) = node(&machine);
        let host = if line.contains(';') { json!(["01:00.0", "01:00.1"]) } else { json!(["0000:01:00"]) };
        let reply = run(dir.path(), json!({"host": host, "pcie": true, "x_vga": true})).expect_ok();
        assert!(!reply.changed(), "{line}: {}", reply.json);
        assert_eq!(
            (&reply.json["index"], &reply.json["value"]),
            (&json!(3), &json!(&line["hostpci3: ".len()..]))
        );
    }
}

#[test]
fn what_is_not_given_stays_and_what_is_given_changes() {
    let machine = "hostpci0: host=01:00,new-in-9=x,pcie=1,romfile=old.rom\nmachine: q35\n";
    let (dir, host) = node(machine);
    host.file("/usr/share/kvm/new.rom", "rom");
    let arguments = json!({"host": ["01:00"], "pcie": false, "romfile": "new.rom", "vendor_id": "0x10DE", "driver": "keep"});
    let _ = run(dir.path(), arguments).expect_ok();
    assert_eq!(
        text(&host),
        "hostpci0: host=01:00,new-in-9=x,romfile=new.rom,driver=keep,vendor-id=0x10DE\nmachine: q35\n"
    );
    let arguments = json!({"host": ["01:00"], "romfile": "", "vendor_id": "", "driver": "vfio"});
    let _ = run(dir.path(), arguments).expect_ok();
    assert_eq!(text(&host), "hostpci0: host=01:00,new-in-9=x\nmachine: q35\n");
}

#[test]
fn indexes_are_found_filled_and_run_out() {
    let (dir, host) = tree(&[(CONF, "hostpci0: 01:00.0\nhostpci2: 03:00.0\n")]);
    assert_eq!(run(dir.path(), json!({"host": ["02:00.0"]})).expect_ok().json["index"], 1);
    assert_eq!(run(dir.path(), json!({"host": ["04:00.0"]})).expect_ok().json["index"], 3);
    assert_eq!(run(dir.path(), json!({"host": ["05:00.0"], "index": 15})).expect_ok().json["index"], 15);
    // Another device at this index is replaced, with a warning that names it.
    let reply = run(dir.path(), json!({"host": ["06:00.0"], "index": 0})).expect_ok();
    assert!(
        reply.json["warnings"][0].as_str().unwrap().contains("100.conf:1: hostpci0 was 01:00.0"),
        "{}",
        reply.json
    );
    assert_eq!(reply.json["before"], "01:00.0");
    let full: String = (0..16).map(|i| format!("hostpci{i}: {:02x}:00.0\n", i + 1)).collect();
    host.file(CONF, full);
    assert_eq!(run(dir.path(), json!({"host": ["7f:00.0"]})).json["code"], "no_free_index");
}

#[test]
fn an_index_that_is_to_become_free_is_not_free_yet() {
    let (dir, host) = node("hostpci0: 01:00.0\nmachine: q35\n\n[PENDING]\ndelete: hostpci0\n");
    let reply = run(dir.path(), json!({"host": ["00:14.0"]})).expect_ok();
    assert_eq!(reply.json["index"], 1, "{}", reply.json);
    // The device that goes may stay after all, where it is.
    host.file(CONF, "hostpci0: 01:00.0\n\n[PENDING]\ndelete: hostpci0\n");
    assert_eq!(run(dir.path(), json!({"host": ["01:00.0"]})).json["code"], "pending_conflict");
    // With no other left, what stands against that one is said.
    let full: String = (1..16).map(|i| format!("hostpci{i}: {:02x}:00.0\n", i + 16)).collect();
    host.file(CONF, format!("hostpci0: 01:00.0\n{full}\n[PENDING]\ndelete: hostpci0\n"));
    assert_eq!(run(dir.path(), json!({"host": ["00:14.0"]})).json["code"], "pending_conflict");
}

#[test]
fn the_pending_section_is_left_to_proxmox() {
    let machine = "hostpci0: 01:00\n\n[PENDING]\ndelete: hostpci0\nhostpci1: 00:14.0\n";
    let (dir, host) = node(machine);
    // What is pending counts already.
    assert!(!run(dir.path(), json!({"host": ["00:14.0"]})).expect_ok().changed());
    assert!(!run(dir.path(), json!({"host": ["01:00"], "state": "absent"})).expect_ok().changed());
    for arguments in [json!({"host": ["01:00"], "index": 0}), json!({"index": 1, "state": "absent"})] {
        let reply = run(dir.path(), arguments.clone());
        assert_eq!(reply.json["code"], "pending_conflict", "{arguments}");
    }
    assert_eq!(text(&host), machine);
    let _ = run(dir.path(), json!({"host": ["00:1f.3"], "index": 2})).expect_ok();
    assert_eq!(text(&host), machine.replacen("\n\n", "\nhostpci2: 0000:00:1f.3\n\n", 1));
}

#[test]
fn a_running_machine_takes_it_up_later() {
    let (dir, host) = node(MACHINE);
    running(&host, 100);
    let reply = run(dir.path(), json!({"host": ["01:00"]})).expect_ok();
    assert_eq!((&reply.json["running"], &reply.json["pending"]), (&json!(true), &json!(true)));
    assert!(reply.json["warnings"][0].as_str().unwrap().contains("shut down and started again"));
}

#[test]
fn start_at_boot_is_said_and_can_be_switched_off() {
    let (dir, host) = node("agent: 1\nonboot: 1\n");
    let reply = run(dir.path(), json!({"host": ["01:00"]})).expect_ok();
    assert_eq!((codes(&reply), &reply.json["onboot"]), (vec!["onboot_enabled"], &json!(true)));
    let reply = run(dir.path(), json!({"host": ["01:00"], "onboot": "off"})).expect_ok();
    assert_eq!((codes(&reply), &reply.json["onboot"]), (vec![], &json!(false)));
    assert_eq!(text(&host), "agent: 1\nhostpci0: 0000:01:00\nonboot: 0\n");
    // As YAML reads an unquoted off.
    assert!(!run(dir.path(), json!({"host": ["01:00"], "onboot": false})).expect_ok().changed());
}

#[test]
fn a_line_that_proxmox_passes_over_is_written_anew() {
    for fault in ["pcie=maybe", " pcie=1", "pcie =1", "PCIE=1"] {
        let (dir, host) = node(&format!("hostpci0: 0000:01:00,{fault}\nmachine: q35\n"));
        let reply = run(dir.path(), json!({"host": ["01:00"], "pcie": true})).expect_ok();
        assert!(
            reply.json["warnings"][0].as_str().unwrap().contains("100.conf:1: Proxmox VE passed over"),
            "{fault}: {}",
            reply.json
        );
        assert_eq!(text(&host), "hostpci0: 0000:01:00,pcie=1\nmachine: q35\n", "{fault}");
    }
}

#[test]
fn absent_takes_what_is_named_and_says_what_it_left() {
    let machine = "boot: order=scsi0;hostpci0\nhostpci0: 01:00,pcie=1\nhostpci1: 02:00.0;02:00.1\n";
    let (dir, host) = tree(&[(CONF, machine)]);
    for arguments in [
        json!({"host": ["02:00.0"]}),
        json!({"host": ["01:00"], "index": 1}),
        json!({"host": ["05:00"]}),
        json!({"index": 7}),
    ] {
        let mut arguments = arguments;
        arguments["state"] = json!("absent");
        let reply = run(dir.path(), arguments.clone()).expect_ok();
        let expected = arguments.get("host").is_some_and(|host| *host != json!(["05:00"]));
        let warned = reply.json.get("warnings").is_some();
        assert!(!reply.changed() && warned == expected, "{arguments}: {}", reply.json);
    }
    let reply = run(dir.path(), json!({"host": ["02:00.1", "02:00.0"], "state": "absent"})).expect_ok();
    assert_eq!(reply.json["index"], 1);
    let reply = run(dir.path(), json!({"index": 0, "state": "absent"})).expect_ok();
    assert!(reply.json["warnings"][0].as_str().unwrap().contains("boot: still names hostpci0"));
    assert_eq!(text(&host), "boot: order=scsi0;hostpci0\n");
}
