//! Where the machine is.

use std::fs;

use fixture_host::Host;
use serde_json::json;

use crate::{codes, run, tree};

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
