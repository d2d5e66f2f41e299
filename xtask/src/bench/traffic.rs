//! Bytes and remote commands of a task, counted outside of Ansible: in a proxy and in sshd.

use std::time::Duration;

use crate::bench::bed::Bed;
use crate::bench::proxy::Proxy;
use crate::bench::sshd::Sshd;
use crate::bench::ways::{Way, make_host};

/// Tasks of each way, over a connection that is open.
const TASKS: usize = 5;

/// Prints the table.
pub fn run(bed: &Bed) -> Result<(), String> {
    let dir = bed.dir.join("traffic");
    let root = dir.join("root");
    make_host(&root)?;
    let root = root.display().to_string();
    let sshd = Sshd::start(&dir.join("sshd"), true)?;
    let proxy = Proxy::start(sshd.port, Duration::ZERO)?;
    let inventory = format!("measured ansible_port={}\n", proxy.port);
    let count = |tasks: String| -> Result<(u64, usize), String> {
        let before = (proxy.bytes(), sshd.commands());
        let text = format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}");
        bed.play("traffic", &inventory, &text, &[])?;
        Ok((proxy.bytes() - before.0, sshd.commands() - before.1))
    };
    println!("a task on the wire, both ways, as `ssh -C` has it; the mean of {TASKS}");
    println!("  {:<30} {:>12} {:>16}", "", "bytes", "remote commands");
    for way in Way::all().into_iter().filter(|way| *way != Way::Nothing) {
        // The first opens the connection, which the rest share, and fills the cache, where there is one.
        count(way.task(&root))?;
        let (bytes, commands) = count(way.task(&root).repeat(TASKS))?;
        let (bytes, commands) = (bytes / TASKS as u64, commands as f64 / TASKS as f64);
        println!("  {:<30} {bytes:>12} {commands:>16.1}", way.name());
    }
    Ok(())
}
