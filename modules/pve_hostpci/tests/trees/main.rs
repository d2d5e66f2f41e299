//! The built module on trees of files, where it edits the machine's configuration itself.

mod entries;
mod guards;
mod places;

use std::fs;
use std::path::Path;

use fixture_host::{Host, pve_intel_two_gpus};
use proofs::{Reply, rehearsed};
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
