//! Runs that do not come to their end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proofs::ansible;

use crate::browser::looks_right;
use crate::run::{Site, names};
use crate::runs::sample;

pub fn ctrl_c_leaves_a_report_of_what_was_seen(version: &str) {
    let Some(env) = ansible("report::ctrl_c", version) else { return };
    let site = sample(&env, "cut");
    let (rc, printed) = cut(&site, Signal::SIGINT, "10");
    assert_eq!(rc, Some(99), "{printed}");
    assert!(printed.contains("DIFF REPORT (of a run that was cut)"), "{printed}");
    let report = site.report();
    assert_eq!(report["status"], "cut");
    assert_eq!(report["totals"]["changed"], 2);
    assert_eq!(report["changes"].as_array().map(Vec::len), Some(2));
    assert_eq!(names(&site.reports), ["report.html", "report.json"]);
    if version == "newest" {
        looks_right("report::cut_page", "cut", &site);
    }
}

pub fn a_killed_run_leaves_its_last_report(version: &str) {
    let Some(env) = ansible("report::killed", version) else { return };
    let site = sample(&env, "killed");
    // Left by an earlier run: it must not pass for this one's.
    std::fs::write(site.reports.join("report.json"), "{\"status\": \"complete\"}").expect("a file");
    let (rc, printed) = cut(&site, Signal::SIGKILL, "0.001");
    assert_eq!(rc, None, "{printed}");
    let report = site.report();
    assert_eq!(report["status"], "running");
    assert!(site.page().contains("had not ended when this was written"));
}

/// Starts a check run, sends the signal while its second task runs; the exit status and what was printed.
fn cut(site: &Site, signal: Signal, interval: &str) -> (Option<i32>, String) {
    let play = site.check("cut.yml");
    // What starts this proof in the background may ignore the signal, and Python would go on doing so.
    let mut command = Command::new("env");
    command.arg("--default-signal=INT").arg(play.get_program()).args(play.get_args());
    command.envs(play.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PCI_PASSTHROUGH_REPORT_INTERVAL", interval).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child: Child = command.spawn().expect("ansible-playbook starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output"));
    let mut printed = String::new();
    while !printed.contains("TASK [Wait]") {
        assert!(lines.read_line(&mut printed).expect("a line") > 0, "it ended too soon:\n{printed}");
    }
    std::thread::sleep(Duration::from_secs(2));
    let pid = Pid::from_raw(child.id().try_into().expect("a process id"));
    kill(pid, signal).expect("the signal is sent");
    let rc = child.wait().expect("it ends").code();
    // A killed run's workers may hold the pipe open.
    if signal != Signal::SIGKILL {
        lines.read_to_string(&mut printed).expect("text");
    }
    (rc, printed)
}
