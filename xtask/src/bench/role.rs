//! The whole role against a playbook that does its job with the Python modules: one after the other in a run of
//! Ansible, and that several times. In a run of many plays each task would carry the memory of all of them.

use std::path::Path;

use crate::bench::bed::Bed;
use crate::bench::sshd::Sshd;
use crate::bench::stats::Spread;
use crate::bench::tasks::met;
use crate::paths;

/// The tasks of the other side.
const PEERS: &str = include_str!("peers.yml");
/// Runs of each: the first changes the host, the others find it done.
const RUNS: usize = 6;
const GOAL: f64 = 5.0;

/// One side of the comparison.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Role,
    Peers { pipelining: bool },
}

const SIDES: [Side; 3] = [Side::Role, Side::Peers { pipelining: true }, Side::Peers { pipelining: false }];

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::Role => "role pci.passthrough.vfio_host",
            Side::Peers { pipelining: true } => "Python modules, pipelined",
            Side::Peers { pipelining: false } => "Python modules",
        }
    }

    fn play(self, root: &Path) -> String {
        let root = root.display();
        match self {
            Side::Role => format!(
                "- hosts: all\n  gather_facts: false\n  vars:\n    vfio_host_root: {root}\n    vfio_host_update: false\n    \
                 vfio_host_initramfs: false\n    vfio_host_blacklist_drivers: [nouveau]\n    vfio_host_force: true\n  \
                 roles: [pci.passthrough.vfio_host]\n"
            ),
            Side::Peers { pipelining } => {
                format!(
                    "- hosts: all\n  vars:\n    root: {root}\n    ansible_pipelining: {pipelining}\n{PEERS}"
                )
            }
        }
    }
}

/// Prints the table.
pub fn run(bed: &Bed) -> Result<(), String> {
    let dir = bed.dir.join("role");
    let sshd = Sshd::start(&dir.join("sshd"), false)?;
    let stamp = format!("- hosts: all\n  gather_facts: false\n  tasks:\n{}", Bed::STAMP);
    let mut text = format!(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.raw: /bin/true\n{stamp}"
    );
    for (number, _) in SIDES.iter().enumerate() {
        let host = paths::workspace().join("tests/fixtures/hosts/pve-intel-two-gpus");
        paths::copy_tree(&host, &dir.join(number.to_string()))?;
    }
    for (number, side) in SIDES.iter().enumerate() {
        text.push_str(&side.play(&dir.join(number.to_string())));
        text.push_str(&stamp);
    }
    let inventory = format!("measured ansible_port={}\n", sshd.port);
    let (mut times, mut tasks): (Vec<f64>, _) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let played = bed.play("role", &inventory, &text, &[])?;
        let stamps = played.stamps(SIDES.len() + 1)?;
        times.extend(stamps.windows(2).map(|pair| (pair[1] - pair[0]) * 1000.0));
        tasks = played.tasks();
    }
    println!(
        "milliseconds from the first task to the last, loopback; no change: median (least to most) of {}",
        RUNS - 1
    );
    println!(
        "  {:<32} {:>10} {:>24} {:>8} {:>8} {:>8}",
        "", "first run", "no change", "ratio", "tasks", "skipped"
    );
    let again = |number: usize| -> Vec<f64> {
        times.chunks_exact(SIDES.len()).skip(1).filter_map(|round| round.get(number).copied()).collect()
    };
    let mut ratios = Vec::new();
    for (number, side) in SIDES.iter().enumerate() {
        let first = times.get(number).copied().unwrap_or(f64::NAN);
        let pairs: Vec<f64> =
            again(number).iter().zip(again(0)).map(|(theirs, ours)| theirs / ours).collect();
        let ratio = Spread::of(&pairs).median;
        let (run, skipped) = tasks.get(number).copied().unwrap_or_default();
        println!(
            "  {:<32} {first:>10.0} {:>24} {ratio:>7.1}x {run:>8} {skipped:>8}",
            side.name(),
            Spread::of(&again(number)).to_string()
        );
        if *side != Side::Role {
            ratios.push((side.name(), ratio));
        }
    }
    println!("goals");
    for (name, ratio) in ratios {
        println!(
            "  no change, faster than {name:<26} {ratio:>5.1}x (at least {GOAL}x): {}",
            met(ratio >= GOAL)
        );
    }
    Ok(())
}
