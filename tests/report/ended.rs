//! Runs in which some hosts fail, are let off or are left by a play, and others not.

use proofs::ansible;
use serde_json::json;

use crate::run::{Site, rows, run, succeed};

pub fn a_play_that_stops_leaves_hosts_unfinished(version: &str) {
    let Some(env) = ansible("report::stops", version) else { return };
    let site = Site::new(&env, "stops");
    site.inventory(["host1", "host2", "host3"].map(|name| (name, json!({}))));
    let with = |batch: usize, fatal: bool, culprit: &str| {
        let variables = json!({"batch": batch, "fatal": fatal, "culprit": culprit}).to_string();
        let mut command = site.check("stops.yml");
        command.env("PCI_PASSTHROUGH_REPORT_PREVIOUS", site.path("earlier.json"));
        command.args(["--extra-vars", &variables]);
        command
    };
    succeed(&mut with(1, false, "nobody"));
    std::fs::copy(site.reports.join("report.json"), site.path("earlier.json")).expect("a copy");
    for (batch, fatal, culprit, states) in [
        (1, false, "host1", ["failed", "not_finished", "not_finished"]),
        (2, false, "host3", ["changed", "changed", "failed"]),
        (3, true, "host2", ["not_finished", "failed", "not_finished"]),
    ] {
        let ran = run(&mut with(batch, fatal, culprit));
        let report = site.report();
        let what = format!("{batch} {fatal} {culprit}:\n{}", ran.text);
        assert_eq!(rows(&report["hosts"], &["state"]), states, "{what}");
        assert_eq!(report["status"], "complete", "{what}");
        // Nothing is known of what those hosts lack; the failing one alone differs.
        let drift = rows(&report["drift"]["entries"], &["kind", "what", "hosts"]);
        assert_eq!(drift, [format!("changed | state | {culprit}")], "{what}");
    }
}

pub fn trouble_is_not_mistaken(version: &str) {
    let Some(env) = ansible("report::trouble", version) else { return };
    let site = Site::new(&env, "trouble");
    site.inventory([
        ("idle", json!({})),
        ("intel", json!({"root": site.tree("pve-intel-two-gpus", "intel")})),
    ]);
    std::fs::write(site.path("password"), "x\n").expect("a file");
    std::fs::write(site.path("vaulted"), "hunter2\n").expect("a file");
    let mut encrypt = env.command("ansible-vault");
    encrypt.arg("encrypt").arg("--vault-password-file").arg(site.path("password"));
    succeed(encrypt.arg(site.path("vaulted")));
    let ran = run(site.check("trouble.yml").arg("--vault-password-file").arg(site.path("password")));
    let report = site.report();
    assert_eq!(
        rows(&report["hosts"], &["name", "state", "changed"]),
        ["idle | ok | false", "intel | failed | true"],
        "{}",
        ran.text
    );
    let problems = rows(&report["problems"], &["kind", "code", "message"]);
    for problem in [
        "failed | null | the real failure",
        "ignored | null | the rescued failure",
        "ignored | null | the imported failure",
    ] {
        assert!(problems.contains(&problem.to_owned()), "{problem}: {problems:#?}");
    }
    assert!(problems.iter().any(|row| row.starts_with("ignored | root_disk | ")), "{problems:#?}");
    let place = site.path("").display().to_string();
    let changes = rows(&report["changes"], &["path", "made", "private", "label"]);
    let changes: Vec<String> = changes.iter().map(|row| row.replace(&place, "")).collect();
    for row in ["unvaulted | false | true | new, 1 line", "owned | false | true | new, 1 line"] {
        assert!(changes.contains(&row.to_owned()), "{row}: {changes:#?}");
    }
    assert_eq!(
        changes.iter().filter(|row| row.ends_with("| false | true | new, 1 line")).count(),
        4,
        "{changes:#?}"
    );
    // The item that no guard refused.
    assert!(changes.iter().any(|row| row.ends_with("| false | false | new, 2 lines")), "{changes:#?}");
    assert!(changes.contains(&"real | true | false | new, 1 line".to_owned()), "{changes:#?}");
    assert!(!report.to_string().contains("hunter2") && !site.page().contains("hunter2"), "a secret shows");
    assert!(site.page().contains("check mode, but some tasks ran for real"));
    let without = rows(&report["changes_without_diff"], &["task", "made"]);
    assert_eq!(without, ["Fail and change, ignored | true"]);
}
