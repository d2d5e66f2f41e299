//! What is refused, and what is only said.

use serde_json::json;

use crate::{CONF, MACHINE, codes, node, run, running, text, tree};

#[test]
fn a_device_twice_in_one_machine_is_refused() {
    let (dir, _host) = node("hostpci1: 01:00\nhostpci2: 00:02.0,mdev=i915-GVTg_V5_4\n");
    for arguments in [
        json!({"host": ["01:00.1"]}),
        json!({"host": ["01:00"], "index": 4}),
        json!({"host": ["02:00.0", "01:00.0"]}),
        json!({"host": ["01:00.1", "0000:01:00.1"]}),
        json!({"host": ["00:02.0"], "index": 3}),
    ] {
        let reply = run(dir.path(), arguments.clone());
        assert_eq!(reply.json["code"], "device_twice", "{arguments}: {}", reply.json);
    }
    // Two mediated devices of one card are two devices.
    let _ = run(dir.path(), json!({"host": ["00:02.0"], "index": 3, "mdev": "i915-GVTg_V5_8"})).expect_ok();
    // The entry itself may be widened.
    let _ = run(dir.path(), json!({"host": ["01:00.0"], "index": 1})).expect_ok();
}

#[test]
fn what_keeps_a_machine_from_starting_is_refused() {
    let table = [
        ("", json!({"host": ["01:00"], "pcie": true}), "pcie_needs_q35"),
        ("machine: pc-i440fx-8.1\n", json!({"host": ["01:00"], "pcie": true}), "pcie_needs_q35"),
        ("", json!({"host": ["09:00.0"]}), "device_not_found"),
        ("", json!({"host": ["01:00.2"]}), "device_not_found"),
        ("", json!({"host": ["01:00"], "romfile": "no.rom"}), "romfile_missing"),
        ("", json!({"host": ["01:00"], "mdev": "nvidia-63"}), "mdev_functions"),
        ("", json!({"host": ["00:02.0"], "legacy_igd": true}), "legacy_igd"),
        ("vga: none\nmachine: q35\n", json!({"host": ["00:02.0"], "legacy_igd": true}), "legacy_igd"),
        ("vga: none\n", json!({"host": ["01:00.0"], "legacy_igd": true}), "legacy_igd"),
        ("", json!({"mapping": "nowhere"}), "mapping_not_found"),
        ("", json!({"mapping": "nic"}), "mapping_not_found"),
    ];
    for (machine, arguments, code) in table {
        let (dir, host) = node(machine);
        host.folder("/usr/share/kvm").link("/etc/pve/local", "nodes/alpha");
        host.file("/etc/pve/mapping/pci.cfg", "nic\n\tmap node=beta,path=0000:01:00.0,id=1:2\n");
        let reply = run(dir.path(), arguments.clone());
        assert_eq!(reply.json["code"], code, "{machine} {arguments}: {}", reply.json);
        assert!(reply.msg().contains("Nothing was changed"), "{}", reply.msg());
        let mut forced = arguments.clone();
        forced["force"] = json!(true);
        let reply = run(dir.path(), forced).expect_ok();
        assert!(reply.changed() && codes(&reply).contains(&code), "{arguments}");
        // It is there now: only said.
        let reply = run(dir.path(), arguments).expect_ok();
        assert!(
            !reply.changed() && reply.json["warnings"][0].as_str().unwrap().contains(code),
            "{}",
            reply.json
        );
    }
    let (dir, _host) = node("vga: none\n");
    let reply = run(dir.path(), json!({"host": ["00:02.0"], "legacy_igd": true})).expect_ok();
    assert_eq!(codes(&reply), [""; 0]);
}

#[test]
fn what_the_host_needs_is_refused() {
    for (address, code) in [("03:00.0", "root_disk"), ("0000:02:00", "default_route")] {
        let (dir, _host) = node(MACHINE);
        let reply = run(dir.path(), json!({"host": [address]}));
        assert_eq!(reply.json["code"], code, "{}", reply.json);
        assert_eq!(
            reply.json["problems"][0]["device"],
            if code == "root_disk" { "0000:03:00.0" } else { "0000:02:00.0" }
        );
        let _ = run(dir.path(), json!({"host": [address], "force": true})).expect_ok();
        // Absent is always possible.
        let _ = run(dir.path(), json!({"host": [address], "state": "absent"})).expect_ok();
    }
    let (dir, _host) = node(MACHINE);
    let reply = run(dir.path(), json!({"host": ["00:02.0", "01:00.0"]}));
    assert_eq!(reply.json["code"], "only_display");
    // A mediated device leaves the card with its driver.
    let _ = run(dir.path(), json!({"host": ["02:00.0"], "mdev": "vendor-1"})).expect_ok();
}

#[test]
fn a_bridge_is_refused() {
    let (dir, host) = node(MACHINE);
    host.pci(&fixture_host::Pci::new("0000:0b:00.0", 0x1b36, 0x0001, 0x060400).driver("pcieport", ""));
    host.link("/etc/pve/local", "nodes/alpha")
        .file("/etc/pve/mapping/pci.cfg", "port\n\tmap node=alpha,path=0000:0b:00.0,id=1b36:0001\n");
    for wish in [json!({"host": ["0b:00.0"]}), json!({"host": ["0b:00"]}), json!({"mapping": "port"})] {
        let reply = run(dir.path(), wish.clone());
        assert_eq!(reply.json["code"], "device_is_bridge", "{wish}: {}", reply.json);
        assert_eq!(reply.json["problems"][0]["device"], "0000:0b:00.0");
    }
}

#[test]
fn other_machines_of_this_node_are_looked_at() {
    let (dir, host) = node(MACHINE);
    host.file("/etc/pve/qemu-server/200.conf", "hostpci0: 01:00.1\n[old]\nhostpci1: 01:00\n");
    host.file("/etc/pve/nodes/beta/qemu-server/300.conf", "hostpci0: 01:00\n");
    let reply = run(dir.path(), json!({"host": ["01:00.0"]})).expect_ok();
    assert_eq!(codes(&reply), [""; 0], "another function, a snapshot, another node");
    let reply = run(dir.path(), json!({"host": ["01:00"], "index": 0})).expect_ok();
    assert_eq!(codes(&reply), ["device_in_other_vm"]);
    assert_eq!(reply.json["problems"][0]["severity"], "warning");
    host.file(CONF, MACHINE);
    running(&host, 200);
    let reply = run(dir.path(), json!({"host": ["01:00"]}));
    assert_eq!(reply.json["code"], "device_in_other_vm");
    assert!(reply.msg().contains("machine 200 has the device as hostpci0, which runs"), "{}", reply.msg());
}

#[test]
fn mappings_stand_for_this_nodes_devices() {
    let (dir, host) = node("hostpci0: 01:00\nmachine: q35\n");
    host.link("/etc/pve/local", "nodes/alpha").file(
        "/etc/pve/mapping/pci.cfg",
        "gpu\n\tmap node=alpha,path=0000:01:00,id=1:2\n\ndisk\n\tmap node=alpha,path=0000:03:00.0,id=1:2\n\n\
         any\n\tmap node=alpha,path=0000:00:14.0\n\tmap node=alpha,path=0000:00:1f.3\n",
    );
    assert_eq!(run(dir.path(), json!({"mapping": "gpu"})).json["code"], "device_twice");
    assert_eq!(run(dir.path(), json!({"mapping": "disk"})).json["code"], "root_disk");
    let reply = run(dir.path(), json!({"mapping": "any", "pcie": true})).expect_ok();
    assert_eq!(reply.json["value"], "mapping=any,pcie=1");
    assert!(!run(dir.path(), json!({"mapping": "any"})).expect_ok().changed(), "reused");
    // The second device of the two that the mapping has here.
    assert_eq!(run(dir.path(), json!({"mapping": "any", "index": 5})).expect_ok().json["index"], 5);
    let reply = run(dir.path(), json!({"mapping": "any", "state": "absent"})).expect_ok();
    assert!(reply.changed() && text(&host) == "hostpci0: 01:00\nmachine: q35\n");
}

#[test]
fn a_locked_machine_is_left_alone() {
    let (dir, _host) = tree(&[(CONF, "hostpci0: 01:00\nlock: backup\n")]);
    let reply = run(dir.path(), json!({"host": ["02:00"]}));
    assert_eq!(reply.json["code"], "vm_locked");
    assert!(reply.msg().contains("locked (backup)"));
    assert!(!run(dir.path(), json!({"host": ["01:00"]})).expect_ok().changed());
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let (dir, _host) = tree(&[(CONF, "")]);
    for (arguments, said) in [
        (json!({"vmid": 99, "host": ["01:00"]}), "99"),
        (json!({"host": ["01:00"], "index": 16}), "from 0 to 15"),
        (json!({"host": ["01:00"], "index": -1}), "from 0 to 15"),
        (json!({"host": []}), "no device"),
        (json!({"host": [60]}), "without quotes"),
        (json!({"host": ["01:00.0;01:00.1"]}), "no PCI address"),
        (json!({"host": ["01:00,pcie=1"]}), "no PCI address"),
        (json!({"mapping": "a b"}), "no mapping's name"),
        (json!({"host": ["01:00"], "vendor_id": 4318}), "quotes"),
        (json!({"host": ["01:00"], "vendor_id": "10de"}), "0x and four"),
        (json!({"host": ["01:00"], "romfile": "../x"}), "below /usr/share/kvm"),
        (json!({"host": ["01:00"], "romfile": "/usr/share/kvm/x"}), "below /usr/share/kvm"),
        (json!({"host": ["01:00"], "romfile": "a b"}), "letters, digits"),
        (json!({"host": ["01:00"], "mdev": "a/b"}), "type's name"),
        (json!({"host": ["01:00.0", "01:00.1"], "mdev": "a"}), "one function"),
    ] {
        let reply = run(dir.path(), arguments.clone());
        assert_eq!(reply.json["code"], "invalid_value", "{arguments}: {}", reply.json);
        assert!(reply.msg().contains(said), "{arguments}: {}", reply.msg());
    }
    for arguments in [json!({}), json!({"state": "absent"}), json!({"host": ["01:00"], "mapping": "gpu"})] {
        let _ = run(dir.path(), arguments).expect_failure();
    }
}
