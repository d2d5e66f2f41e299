//! The built module on trees of files, where it edits the machine's configuration itself.

use std::fs;
use std::path::Path;

use fixture_host::{Host, pve_intel_two_gpus};
use proofs::{Reply, Snapshot, rehearsed};
use serde_json::{Value, json};

const CONF: &str = "/etc/pve/qemu-server/100.conf";
const MACHINE: &str = "# a description: kept\nagent: 1\nmachine: q35\nname: games\n\n[before]\nhostpci0: 0000:01:00,pcie=1\n\
                       snaptime: 1\n";

fn run(root: &Path, arguments: Value) -> Reply {
    let mut all = json!({"vmid": 100});
    all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    rehearsed(env!("CARGO_BIN_EXE_pve_hostpci"), root, &all)
}

fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::new(dir.path());
    host.folder("/etc/pve/qemu-server").folder("/run");
    for (path, text) in files {
        host.file(path, text);
    }
    (dir, host)
}

/// A host with devices, machine 100 in it.
fn node(machine: &str) -> (tempfile::TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    let host = pve_intel_two_gpus(dir.path());
    host.folder("/run").file(CONF, machine);
    (dir, host)
}

fn text(host: &Host) -> String {
    fs::read_to_string(host.at(CONF)).unwrap()
}

/// A process that looks as `vm_running_locally` wants it.
fn running(host: &Host, vmid: u32) {
    host.file(&format!("/run/qemu-server/{vmid}.pid"), "4242\n").file(
        "/proc/4242/cmdline",
        format!("/usr/bin/kvm\0-id\0{vmid}\0-pidfile\0/var/run/qemu-server/{vmid}.pid\0"),
    );
}

fn codes(reply: &Reply) -> Vec<&str> {
    reply.json["problems"].as_array().unwrap().iter().map(|p| p["code"].as_str().unwrap()).collect()
}

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
fn a_running_machine_takes_it_up_later() {
    let (dir, host) = node(MACHINE);
    running(&host, 100);
    let reply = run(dir.path(), json!({"host": ["01:00"]})).expect_ok();
    assert_eq!((&reply.json["running"], &reply.json["pending"]), (&json!(true), &json!(true)));
    assert!(reply.json["warnings"][0].as_str().unwrap().contains("shut down and started again"));
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

#[test]
fn a_machine_that_is_not_there_is_named_by_its_path() {
    let (dir, host) = tree(&[]);
    let reply = run(dir.path(), json!({"host": ["01:00"]}));
    assert_eq!(reply.json["code"], "vm_not_found");
    assert!(reply.msg().starts_with("/etc/pve/qemu-server/100.conf: no such file"), "{}", reply.msg());
    let reply = run(dir.path(), json!({"index": 0, "state": "absent"})).expect_ok();
    assert!(!reply.changed() && reply.json["warnings"][0].as_str().unwrap().contains("no machine 100"));
    host.file("/etc/pve/nodes/beta/qemu-server/100.conf", "");
    let reply = run(dir.path(), json!({"host": ["01:00"]}));
    assert!(
        reply.msg().contains("/etc/pve/nodes/beta/qemu-server/100.conf: run this on that node"),
        "{}",
        reply.msg()
    );
    // On a node, /etc/pve/qemu-server is a link.
    fs::remove_dir(host.at("/etc/pve/qemu-server")).unwrap();
    host.link("/etc/pve/local", "nodes/beta").link("/etc/pve/qemu-server", "local/qemu-server");
    assert!(run(dir.path(), json!({"host": ["01:00"]})).expect_ok().changed());
}

/// In a copy of the cluster's files, `/etc/pve/qemu-server` may be missing: the cluster file system makes it.
#[test]
fn a_copy_without_the_cluster_file_systems_links_will_do() {
    let conf = |node: &str| format!("/etc/pve/nodes/{node}/qemu-server/100.conf");
    let copy = |files: &[(&str, &str)]| {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::new(dir.path());
        host.folder("/run").file(&conf("alpha"), "agent: 1\n");
        for (path, text) in files {
            host.file(path, text);
        }
        (dir, host)
    };
    let alpha = "/etc/hostname";
    let mapping = ("/etc/pve/mapping/pci.cfg", "gpu\n\tmap node=alpha,path=0000:01:00,id=1:2\n");
    let beta = "/etc/pve/nodes/beta/qemu-server/100.conf";
    for files in [
        &[mapping][..],
        &[mapping, (alpha, "alpha.example.org\n"), (beta, "")],
        &[mapping, (alpha, "alpha\n"), ("/etc/pve/nodes/alpha/qemu-server/200.conf", "hostpci0: 01:00\n")],
    ] {
        let (dir, host) = copy(files);
        let reply = run(dir.path(), json!({"mapping": "gpu"})).expect_ok();
        let written = fs::read_to_string(host.at(&conf("alpha"))).unwrap();
        assert_eq!(written, "agent: 1\nhostpci0: mapping=gpu\n", "{files:?}");
        let other = files.iter().any(|(path, _)| path.ends_with("200.conf"));
        assert_eq!(codes(&reply), if other { vec!["device_in_other_vm"] } else { vec![] });
    }
    // Another node's machine, and two nodes of which neither is known to be this one.
    for (files, said) in [
        (&[(alpha, "gamma\n")][..], "machine 100 is /etc/pve/nodes/alpha/qemu-server/100.conf"),
        (&[(beta, "")], "machine 100 is /etc/pve/nodes/"),
    ] {
        let (dir, _host) = copy(files);
        let reply = run(dir.path(), json!({"host": ["01:00"]}));
        assert_eq!(reply.json["code"], "vm_not_found");
        assert!(reply.msg().contains(said), "{}", reply.msg());
    }
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
