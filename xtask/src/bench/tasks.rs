//! Per-task times: every way in turns within one run of Ansible, near and over lines with a delay.

use std::time::Duration;

use crate::bench::bed::Bed;
use crate::bench::proxy::Proxy;
use crate::bench::sshd::Sshd;
use crate::bench::stats::Spread;
use crate::bench::ways::{Peer, Pipelining, Way, make_host, modprobe_runs};

/// The lines: name, round trip in milliseconds, rounds, tasks of each way in a round.
const LINES: [(&str, u64, usize, usize); 3] =
    [("loopback", 0, 7, 5), ("20 ms", 20, 3, 3), ("50 ms", 50, 3, 2)];

/// Measures and prints the table of times and that of goals.
pub fn run(bed: &Bed) -> Result<(), String> {
    let dir = bed.dir.join("tasks");
    let root = dir.join("root");
    make_host(&root)?;
    let root = root.display().to_string();
    let sshd = Sshd::start(&dir.join("sshd"), false)?;
    let ways = Way::all();
    let mut columns = Vec::new();
    for (line, round_trip, rounds, each) in LINES {
        let proxy = Proxy::start(sshd.port, Duration::from_millis(round_trip))?;
        let port = if round_trip == 0 { sshd.port } else { proxy.port };
        columns.push((line, measure(bed, &root, port, &ways, rounds, each)?));
    }
    println!(
        "milliseconds a task, median (least to most) of the rounds; x: times raw: /bin/true of the same round"
    );
    print!("  {:<30}", "");
    columns.iter().for_each(|(line, _)| print!(" {line:>28}"));
    println!(" {:>12}", "round trips");
    for way in &ways {
        print!("  {:<30}", way.name());
        for (_, column) in &columns {
            let ratio = column.ratio(*way, Way::Raw);
            print!(" {:>28}", format!("{} {:>5}", column.spread(*way), format!("{ratio:.1}x")));
        }
        println!(" {:>12.1}", round_trips(&columns, *way));
    }
    println!(
        "  round trips: what a task grows by from 20 to 50 ms, over these 30 ms.\n  \
         SSH needs two for a command, one more for what is on its standard input: a session takes none before it has\n  \
         its command, and arguments on the command line would be in the process list."
    );
    if !modprobe_runs() {
        println!(
            "  community.general.modprobe: not measured (this kernel has no /proc/modules and modules.builtin)"
        );
    }
    goals(&columns);
    Ok(())
}

/// How often a task waits for the line: the growth of its time by that of the round trip, between the two lines
/// that go through the proxy.
fn round_trips(columns: &[(&str, Column)], way: Way) -> f64 {
    let (Some((_, near)), Some((_, far))) = (columns.get(1), columns.get(2)) else { return f64::NAN };
    let delay = LINES[2].1 - LINES[1].1;
    (far.spread(way).median - near.spread(way).median) / delay as f64
}

/// The times of one line: for each way its rounds, milliseconds a task.
struct Column {
    times: Vec<(Way, Vec<f64>)>,
}

impl Column {
    fn rounds(&self, way: Way) -> &[f64] {
        self.times.iter().find(|(found, _)| *found == way).map_or(&[], |(_, times)| times)
    }

    fn spread(&self, way: Way) -> Spread {
        Spread::of(self.rounds(way))
    }

    /// The median of the rounds' ratios: what disturbs a round disturbs both.
    fn ratio(&self, way: Way, to: Way) -> f64 {
        let pairs = self.rounds(way).iter().zip(self.rounds(to));
        Spread::of(&pairs.map(|(a, b)| a / b).collect::<Vec<_>>()).median
    }
}

fn measure(
    bed: &Bed,
    root: &str,
    port: u16,
    ways: &[Way],
    rounds: usize,
    each: usize,
) -> Result<Column, String> {
    let mut text = String::from("- hosts: all\n  gather_facts: false\n  tasks:\n");
    // The first task of each way opens the connection and fills the caches of both sides.
    ways.iter().for_each(|way| text.push_str(&way.task(root)));
    for _ in 0..rounds {
        text.push_str(Bed::STAMP);
        for way in ways {
            text.push_str(&way.task(root).repeat(each));
            text.push_str(Bed::STAMP);
        }
    }
    let inventory = format!("measured ansible_port={port}\n");
    let played = bed.play("tasks", &inventory, &text, &[])?;
    let stamps = played.stamps(rounds * (ways.len() + 1))?;
    let mut times: Vec<(Way, Vec<f64>)> = ways.iter().map(|way| (*way, Vec::new())).collect();
    for round in stamps.chunks_exact(ways.len() + 1) {
        for ((_, times), pair) in times.iter_mut().zip(round.windows(2)) {
            times.push((pair[1] - pair[0]) / each as f64 * 1000.0);
        }
    }
    Ok(Column { times })
}

/// The goals of these tasks: what, over which line, of what, at least or at most how many times.
fn goals(columns: &[(&str, Column)]) {
    let peers = [Peer::LineInFile, Peer::KernelBlacklist, Peer::Modprobe];
    println!("goals");
    for (line, most) in [("loopback", 1.5), ("20 ms", 1.2)] {
        let Some((_, column)) = columns.iter().find(|(name, _)| *name == line) else { continue };
        let found = column.ratio(Way::Cached, Way::Raw);
        println!(
            "  {line:<10} against raw: /bin/true          {found:>5.2}x (at most {most}x): {}",
            met(found <= most)
        );
    }
    for (line, pipelining, least) in [
        ("loopback", Pipelining::On, 3.5),
        ("20 ms", Pipelining::On, 1.8),
        ("loopback", Pipelining::Off, 5.0),
    ] {
        let Some((_, column)) = columns.iter().find(|(name, _)| *name == line) else { continue };
        for way in peers.map(|peer| Way::Python(peer, pipelining)) {
            let found = column.ratio(way, Way::Cached);
            if found.is_finite() {
                let name = way.name();
                println!(
                    "  {line:<10} faster than {name:<27} {found:>5.2}x (at least {least}x): {}",
                    met(found >= least)
                );
            }
        }
    }
}

/// `met` or `missed`.
pub fn met(yes: bool) -> &'static str {
    if yes { "met" } else { "missed" }
}
