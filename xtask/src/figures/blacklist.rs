//! A run without change of `driver_blacklist` against `community.general.kernel_blacklist`, as Ansible runs
//! each: the same playbook, in turns.

use std::path::Path;

use crate::ansible_env::{self, Env};
use crate::{collection, community, dist, figures, paths, run};

const ROUNDS: usize = 7;
const RUNS: usize = 10;

/// Prints both times and the ratio.
pub fn run() -> Result<(), String> {
    let env = ansible_env::get("2.19")?;
    dist::make(&env)?;
    let theirs = community::general()?;
    let dir = paths::target().join("figures/blacklist");
    paths::remove(&dir)?;
    paths::write(&dir.join("root/etc/modprobe.d/blacklist.conf"), b"blacklist nouveau\n")?;
    paths::write(&dir.join("playbook.yml"), playbook(&dir).as_bytes())?;
    let stamps = play(&env, &dir, &theirs)?;
    let (mut own, mut other, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in stamps.chunks_exact(3) {
        let (a, b) = (round[1] - round[0], round[2] - round[1]);
        own.push(a / RUNS as f64 * 1000.0);
        other.push(b / RUNS as f64 * 1000.0);
        ratios.push(b / a);
    }
    println!(
        "{ROUNDS} rounds of {RUNS} runs each in one playbook, ansible-core {}, local connection",
        env.core
    );
    println!("  driver_blacklist                    {:>6.0} ms a run", figures::median(own));
    println!("  community.general.kernel_blacklist  {:>6.0} ms a run", figures::median(other));
    println!("  ratio (median of the rounds)        {:>6.1}", figures::median(ratios));
    Ok(())
}

fn playbook(dir: &Path) -> String {
    let stamp = "    - ansible.builtin.debug:\n        msg: \"stamp={{ now(fmt='%s.%f') }}=\"\n";
    let each = format!("      loop: \"{{{{ range({RUNS}) | list }}}}\"\n");
    let mut text = String::from("- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n");
    for _ in 0..ROUNDS {
        text.push_str(stamp);
        text.push_str(
            "    - pci.passthrough.driver_blacklist:\n        drivers: [nouveau]\n        initramfs: false\n",
        );
        text.push_str(&format!("        root: {}\n{each}{stamp}", dir.join("root").display()));
        text.push_str("    - community.general.kernel_blacklist:\n        name: nouveau\n");
        text.push_str(&format!(
            "        blacklist_file: {}\n{each}{stamp}",
            dir.join("root/etc/modprobe.d/blacklist.conf").display()
        ));
    }
    text
}

/// Runs the playbook; returns the times at the stamps, seconds.
fn play(env: &Env, dir: &Path, theirs: &Path) -> Result<Vec<f64>, String> {
    let mut collections = collection::installed_dir().into_os_string();
    collections.push(":");
    collections.push(theirs);
    let mut ansible = env.command("ansible-playbook");
    ansible.arg(dir.join("playbook.yml")).env("ANSIBLE_COLLECTIONS_PATH", collections);
    ansible.env("ANSIBLE_PYTHON_INTERPRETER", env.python());
    let done = run::logged("figures-blacklist", "the playbook with both modules", &mut ansible)?;
    if !done.text.contains("changed=0") {
        return Err("one of the modules changed something: that is no run without change".to_owned());
    }
    let stamps = done.text.split("stamp=").skip(1).filter_map(|rest| rest.split('=').next()?.parse().ok());
    let stamps: Vec<f64> = stamps.collect();
    if stamps.len() == 3 * ROUNDS {
        Ok(stamps)
    } else {
        Err(format!("{} time stamps in the output", stamps.len()))
    }
}
