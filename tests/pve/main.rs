//! `pve_hostpci` on a Proxmox VE node whose `qm` is a fake (tests/fakes/qm): what it asks of `qm`, that the diff is
//! what `qm` makes of the file, and what is left when `qm` fails.

mod node;

use std::fs;
use std::os::unix::fs::MetadataExt;

use node::Node;
use proofs::corpus;
use serde_json::{Value, json};

const MACHINE: &str = "# games%3A fast\nagent: 1\nboot: order=scsi0\nmachine: q35\nname: games\nonboot: 1\n\n\
                       [before]\nhostpci0: 0000:01:00,pcie=1\nsnaptime: 1\n";

fn gpu() -> Value {
    json!({"host": ["01:00"], "pcie": true})
}

fn with(mut arguments: Value, key: &str, value: impl Into<Value>) -> Value {
    arguments[key] = value.into();
    arguments
}

#[test]
fn a_stopped_machine_gets_it_through_qm_and_gives_it_back() {
    let Some(node) = Node::new("pve, stopped", MACHINE.as_bytes()) else { return };
    let reply = node.rehearsed(&gpu());
    assert_eq!(
        reply.json["actions"],
        json!([{"command": ["qm", "set", "100", "--hostpci0", "0000:01:00,pcie=1"], "reason": "hostpci0 changes", "rc": 0}])
    );
    assert_eq!(node.conf(), MACHINE.replacen("machine:", "hostpci0: 0000:01:00,pcie=1\nmachine:", 1));
    assert_eq!(reply.json["pending"], false);
    let reply = node.rehearsed(&with(gpu(), "onboot", "off"));
    assert_eq!(reply.json["actions"][0]["command"], json!(["qm", "set", "100", "--onboot", "0"]));
    let reply = node.rehearsed(&with(gpu(), "state", "absent"));
    assert_eq!(reply.json["actions"][0]["command"], json!(["qm", "set", "100", "--delete", "hostpci0"]));
    assert_eq!(node.conf(), MACHINE.replace("onboot: 1", "onboot: 0"));
}

#[test]
fn a_file_edited_by_hand_is_foreseen_as_qm_writes_it() {
    let machine = "name: x\r\n# first: \u{e9}\nboot: order=scsi0;hostpci3;net0\nhostpci3: host=00:14.0,x-vga=on\n\n\
                   agent: 1\n# second\n nonsense\n[PENDING]\nagent: 0\ndelete: name\n[snap]\nb: 1\na: 2\n[1]\nc: 1\n";
    let Some(node) = Node::new("pve, by hand", machine.as_bytes()) else { return };
    let _ = node.rehearsed(&json!({"host": ["01:00"], "onboot": "off"}));
    assert!(node.conf().starts_with("# first%3A %C3%A9\n# second\nagent: 0\nboot: "), "{}", node.conf());
    let _ = node.rehearsed(&json!({"index": 3, "state": "absent"}));
    assert!(node.conf().contains("boot: order=scsi0;net0\n"), "{}", node.conf());
}

#[test]
fn a_line_that_proxmox_passes_over_is_not_there_for_qm() {
    let machine = "agent: 1\nhostpci0: 0000:01:00,pcie=maybe\nhostpci16: 00:14.0\n";
    let Some(node) = Node::new("pve, passed over", machine.as_bytes()) else { return };
    let reply = node.rehearsed(&json!({"index": 0, "state": "absent"}));
    let warning = reply.json["warnings"][0].as_str().expect("a warning");
    assert!(!reply.changed() && warning.contains("passes over hostpci0"), "{warning}");
    let reply = node.rehearsed(&json!({"host": ["01:00"]}));
    assert_eq!((&reply.json["index"], node.conf().as_str()), (&json!(0), "agent: 1\nhostpci0: 0000:01:00\n"));
}

#[test]
fn a_running_machine_takes_it_up_later() {
    let Some(node) = Node::new("pve, running", MACHINE.as_bytes()) else { return };
    node.start();
    let reply = node.rehearsed(&with(gpu(), "onboot", "off"));
    assert_eq!(reply.json["pending"], true);
    let off = MACHINE.replace("onboot: 1", "onboot: 0");
    assert_eq!(
        node.conf(),
        off.replacen("\n[before]", "\n[PENDING]\nhostpci0: 0000:01:00,pcie=1\n\n[before]", 1)
    );
    assert_eq!(node.module(&gpu(), false).json["pending"], true, "it still waits");
    // Taken out again before it was taken up.
    assert_eq!(node.rehearsed(&with(gpu(), "state", "absent")).json["pending"], false);
    assert_eq!(node.conf(), off);
    // What the machine has now goes later, and may stay after all.
    let held = off.replacen("machine:", "hostpci0: 01:00,pcie=on\nmachine:", 1);
    node.host.file(node::CONF, &held);
    assert_eq!(node.rehearsed(&with(gpu(), "state", "absent")).json["pending"], true);
    assert!(node.conf().contains("\n[PENDING]\ndelete: hostpci0\n"));
    assert_eq!(node.rehearsed(&gpu()).json["pending"], false);
    assert_eq!(node.conf(), held);
}

#[test]
fn what_qm_says_when_it_fails_is_told_whole() {
    let Some(node) = Node::new("pve, failing", MACHINE.as_bytes()) else { return };
    // A setting that this version does not know.
    node.host.file("/run/fake-qm/old", "");
    let reply = node.module(&with(gpu(), "driver", "keep"), false);
    assert_eq!(reply.json["actions"][0]["rc"], 255);
    let msg = reply.expect_failure();
    for said in [
        "qm set 100 --hostpci0 0000:01:00,driver=keep,pcie=1: failed with exit status 255",
        "400 Parameter verification failed.",
        "hostpci0: invalid format - invalid key in comma-separated list property: driver",
        "qm set <vmid> [OPTIONS]",
    ] {
        assert!(msg.contains(said), "{said:?} is not in: {msg}");
    }
    assert!(!msg.contains("NOT brought back"), "{msg}");
    assert_eq!(node.conf(), MACHINE);
    // Another task holds the machine's lock.
    node.host.folder("/run/lock/qemu-server");
    let lock = fs::File::create(node.host.at("/run/lock/qemu-server/lock-100.conf")).expect("the lock");
    lock.lock().expect("nobody else has it");
    let msg = node.module(&gpu(), false).expect_failure();
    assert!(msg.contains("can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout"), "{msg}");
    assert_eq!(node.conf(), MACHINE);
}

#[test]
fn a_qm_that_does_not_keep_its_word_is_found_out() {
    let Some(node) = Node::new("pve, bad days", MACHINE.as_bytes()) else { return };
    node.host.file("/run/fake-qm/forgetful", "");
    let msg = node.module(&gpu(), false).expect_failure();
    assert!(msg.contains("not in force after all; still to do: qm set 100"), "{msg}");
    assert_eq!(node.conf(), MACHINE);
    fs::remove_file(node.host.at("/run/fake-qm/forgetful")).expect("the mark");
    // It fails after it wrote: what it wrote is taken back through it.
    for running in [false, true] {
        node.host.file("/run/fake-qm/late", "");
        if running {
            node.start();
        }
        let arguments = json!({"host": ["01:00"], "pcie": true, "onboot": "off", "backup": true});
        let msg = node.module(&arguments, false).expect_failure();
        assert!(msg.contains("fails late") && !msg.contains("NOT brought back"), "{msg}");
        assert_eq!(node.conf(), MACHINE, "running: {running}");
        // The folder goes with its last file.
        let copies = fs::read_dir(node.host.at("/var/lib/pci-passthrough")).map_or(0, Iterator::count);
        assert_eq!(copies, 0, "the copy went with the change");
    }
}

#[test]
fn a_copy_is_kept_where_qm_does_not_mind() {
    let Some(node) = Node::new("pve, backup", MACHINE.as_bytes()) else { return };
    let reply = node.module(&with(gpu(), "backup", true), false).expect_ok();
    let copy = reply.json["backup_file"].as_str().expect("a copy");
    assert!(copy.starts_with("/var/lib/pci-passthrough/100.conf."), "{copy}");
    assert_eq!(fs::read_to_string(node.host.at(copy)).expect("the copy"), MACHINE);
    assert_eq!(fs::metadata(node.host.at(copy)).expect("the copy").mode() & 0o777, 0o600);
    assert_eq!(node.machines(), ["100.conf"]);
}

#[test]
fn without_qm_the_file_is_edited() {
    let Some(node) = Node::new("pve, no qm", MACHINE.as_bytes()) else { return };
    fs::remove_file(node.qm()).expect("the fake goes");
    let reply = node.module(&gpu(), false).expect_ok();
    assert!(reply.changed() && reply.json["actions"] == json!([]));
    assert_eq!(node.conf(), MACHINE.replacen("machine:", "hostpci0: 0000:01:00,pcie=1\nmachine:", 1));
}

#[test]
fn real_machines_are_foreseen_as_qm_writes_them() {
    let proof = "corpus qemu_server, through the fake qm";
    let Some(corpus) = corpus(proof) else { return };
    let Some(node) = Node::new(proof, b"") else { return };
    let mut seen = 0;
    for entry in fs::read_dir(corpus.join("qemu_server")).expect("the corpus") {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).expect("a file");
        let locked = String::from_utf8_lossy(&bytes).lines().any(|line| line.starts_with("lock:"));
        if path.extension().is_none_or(|kind| kind != "conf") || locked {
            continue;
        }
        for running in [false, true] {
            node.host.file(node::CONF, &bytes);
            match running {
                true => node.start(),
                false => fs::remove_file(node.host.at("/run/qemu-server/100.pid")).unwrap_or_default(),
            }
            let device = json!({"host": ["00:1f.3"], "index": 15, "onboot": "off"});
            assert!(node.rehearsed(&device).changed(), "{}", path.display());
            assert!(node.rehearsed(&json!({"index": 15, "state": "absent"})).changed(), "{}", path.display());
        }
        seen += 1;
    }
    println!("{proof}: {seen} machines, stopped and running, foreseen byte for byte");
    assert!(seen > 0, "no machine in the corpus");
}
