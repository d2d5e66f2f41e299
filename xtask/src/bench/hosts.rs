//! The growth with the number of hosts: each its own sshd with its own files, all on this machine.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::bench::bed::Bed;
use crate::bench::sshd::{self, Sshd};
use crate::bench::ways::{Peer, Pipelining, Way, make_host};
use crate::{paths, run};

const FORKS: &str = "50";
/// Tasks of a run.
const TASKS: usize = 3;

/// Prints the table: the hosts, the targets' share of the machine included.
pub fn run(bed: &Bed, counts: &[usize]) -> Result<(), String> {
    let most = counts.iter().copied().max().unwrap_or(0);
    let dirs: Vec<PathBuf> = (0..most).map(|number| bed.dir.join(format!("hosts/{number}"))).collect();
    dirs.iter().try_for_each(|dir| make_host(&dir.join("root")))?;
    let all = Sshd::start_many(&dirs)?;
    println!(
        "{TASKS} tasks without change, forks {FORKS}, connections open; targets and controller share this machine"
    );
    println!(
        "  {:<28} {:>6} {:>10} {:>14} {:>16} {:>18}",
        "", "hosts", "wall", "wall a host", "controller CPU", "controller memory"
    );
    let ways = [Way::Cached, Way::Python(Peer::LineInFile, Pipelining::On), Way::Raw];
    for count in counts {
        let hosts: String =
            all.iter().take(*count).enumerate().map(|(number, sshd)| line(bed, number, sshd)).collect();
        for way in ways {
            let cost = measure(bed, &hosts, way)?;
            println!(
                "  {:<28} {count:>6} {:>8.1} s {:>11.0} ms {:>14.1} s {:>15.0} MB",
                way.name(),
                cost.wall,
                cost.wall / *count as f64 * 1000.0,
                cost.cpu,
                cost.memory / 1e6
            );
        }
    }
    Ok(())
}

fn line(bed: &Bed, number: usize, sshd: &Sshd) -> String {
    format!(
        "host{number} ansible_port={} root={}\n",
        sshd.port,
        bed.dir.join(format!("hosts/{number}/root")).display()
    )
}

/// What a run took: seconds, seconds of the controller's processors, bytes at most.
struct Cost {
    wall: f64,
    cpu: f64,
    memory: f64,
}

fn measure(bed: &Bed, hosts: &str, way: Way) -> Result<Cost, String> {
    let task = way.task("{{ root }}");
    let text =
        |tasks: usize| format!("- hosts: all\n  gather_facts: false\n  tasks:\n{}", task.repeat(tasks));
    let options = ["--forks", FORKS];
    // Opens the connections and fills the caches.
    bed.play("hosts", hosts, &text(1), &options)?;
    let (inventory, book) = (bed.dir.join("hosts.ini"), bed.dir.join("hosts.yml"));
    paths::write(&inventory, format!("{hosts}{}", sshd::variables(&bed.env.python())).as_bytes())?;
    paths::write(&book, text(TASKS).as_bytes())?;
    let output = paths::target().join("logs/bench-hosts.log");
    let file = std::fs::File::create(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    // The shell's own `times` tells what its children have used, those included that have ended.
    let ansible = bed.command(&inventory, &book);
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", "\"$@\"; status=$?; times >&2; exit $status", "sh"]);
    shell.arg(ansible.get_program()).args(ansible.get_args()).args(options);
    for (name, value) in ansible.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let start = Instant::now();
    let child = shell
        .current_dir(paths::workspace())
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(Stdio::piped())
        .spawn();
    let child = child.map_err(|error| format!("sh: {error}"))?;
    let (ended, parent) = (AtomicBool::new(false), child.id());
    let (done, memory) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !ended.load(Ordering::Relaxed) {
                most = most.max(memory_of(parent));
                std::thread::sleep(Duration::from_millis(100));
            }
            most
        });
        let done = child.wait_with_output();
        ended.store(true, Ordering::Relaxed);
        (done, watcher.join().unwrap_or(0))
    });
    let done = done.map_err(|error| format!("sh: {error}"))?;
    let wall = start.elapsed().as_secs_f64();
    let told = String::from_utf8_lossy(&done.stderr);
    if !done.status.success() {
        let text = std::fs::read_to_string(&output).unwrap_or_default();
        return Err(format!("ansible-playbook: {}: {}", done.status, run::tail(&format!("{text}{told}"), 6)));
    }
    let cpu = told.lines().last().map(cpu_seconds).ok_or("sh told no times")?;
    Ok(Cost { wall, cpu, memory: memory as f64 })
}

/// `0m1.234s 0m0.500s` → 1.734.
fn cpu_seconds(times: &str) -> f64 {
    let one = |word: &str| -> Option<f64> {
        let (minutes, seconds) = word.trim_end_matches('s').split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    times.split_whitespace().filter_map(one).sum()
}

/// The memory of the Python processes below `parent`, bytes; what several share is counted once.
fn memory_of(parent: u32) -> u64 {
    let mut family = vec![parent];
    let mut total = 0;
    while let Some(process) = family.pop() {
        let children =
            std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
        family.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        if !name.contains("ansible") && !name.contains("python") {
            continue;
        }
        let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
        let kilobytes = rollup
            .lines()
            .find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        total += kilobytes.unwrap_or(0) * 1024;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shells_times_are_added() {
        assert!((cpu_seconds("1m1.500s 0m0.250s") - 61.75).abs() < 1e-9);
    }
}
