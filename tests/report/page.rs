//! The page in a browser.

use std::process::Command;

use proofs::{ansible, target_dir, workspace_dir};
use serde_json::json;

use crate::browser::looks_right;
use crate::run::{Site, run, succeed};
use crate::runs::sample;

pub fn shows_the_sample_hosts() {
    let Some(env) = ansible("report::page_sample", "2.19") else { return };
    let site = sample(&env, "page-sample");
    run(&mut site.check("sample.yml"));
    looks_right("report::page_sample", "sample", &site);
}

/// A first run; then one host is there for the first time, one is not, one file is set right and one changed.
pub fn shows_drift() {
    let Some(env) = ansible("report::drift", "2.19") else { return };
    let site = Site::new(&env, "drift");
    let trees = ["one", "two", "three"].map(|name| (name, site.tree("pve-intel-two-gpus", name)));
    let hosts = |names: &[&str]| {
        let chosen = trees.iter().filter(|(name, _)| names.contains(name));
        let hosts = chosen.map(|(name, tree)| (*name, json!({"root": tree, "blacklist": []})));
        site.inventory(hosts.collect::<Vec<_>>());
    };
    hosts(&["one", "two"]);
    succeed(&mut site.check("sample.yml"));
    assert!(site.report()["drift"].is_null());

    let modules = trees[0].1.join("etc/modules");
    let already = std::fs::read_to_string(&modules).expect("a file") + "vfio\nvfio_iommu_type1\nvfio_pci\n";
    std::fs::write(modules, already).expect("written");
    let drop_in = trees[0].1.join("etc/default/grub.d/50-site-console.cfg");
    std::fs::write(drop_in, "GRUB_CMDLINE_LINUX_DEFAULT=\"splash\"\n").expect("written");
    hosts(&["one", "three"]);
    let mut command = site.check("sample.yml");
    // The very file that is written over.
    command.env("PCI_PASSTHROUGH_REPORT_PREVIOUS", site.reports.join("report.json"));
    command.args(["--extra-vars", "{\"blacklist\": [\"nouveau\"]}"]);
    let ran = succeed(&mut command);
    assert!(ran.text.contains("\nsince "), "{}", ran.text);
    let drift = &site.report()["drift"];
    assert_eq!((&drift["hosts_new"], &drift["hosts_gone"]), (&json!(["three"]), &json!(["two"])));
    let entries = crate::run::rows(&drift["entries"], &["kind", "subject", "hosts"]);
    assert!(entries.contains(&"gone | /etc/modules | one".to_owned()), "{entries:?}");
    assert!(
        entries.contains(&"changed | /etc/default/grub.d/50-site-console.cfg | one".to_owned()),
        "{entries:?}"
    );
    looks_right("report::drift", "drift", &site);
}

/// A thousand hosts with ten thousand changes: the page stays small and quick. The report is made without a run.
pub fn shows_many_changes_without_a_wait() {
    let Some(env) = ansible("report::many", "2.19") else { return };
    let site = Site::new(&env, "many");
    let units = workspace_dir().join("tests/report/unit");
    let mut python = Command::new(env.python());
    python.arg(units.join("test_cost.py")).arg(&site.reports).env("PYTHONDONTWRITEBYTECODE", "1");
    succeed(python.env("PYTHONPATH", target_dir().join("installed")));
    looks_right("report::many", "many", &site);
}

/// Host names, file names, contents and facts full of markup, scripts and control characters.
pub fn shows_hostile_words_as_text() {
    let Some(env) = ansible("report::hostile", "newest") else { return };
    let site = Site::new(&env, "hostile");
    let script = "</script><script>window.owned=1</script><img src=x onerror=window.owned=2>";
    let content = format!("{script}\u{1b}]0;owned\u{7}\u{202e}gpj\n{}\n", "x".repeat(20_000));
    let device = json!({"address": script, "id": script, "class_name": script, "device_name": script,
        "driver": script, "uses": [{"kind": script, "what": script}]});
    let facts = json!({"verdict": {"state": script, "reasons": [{"code": script, "message": script}]},
        "devices": [device], "groups": [{"id": 1, "type": script, "devices": [script]}]});
    let host = format!("h {script}");
    site.inventory([(
        host.as_str(),
        json!({"content": content, "facts": facts, "file": "a<script>window.owned=3<\\script>", "message": script}),
    )]);
    let ran = run(&mut site.check("hostile.yml"));
    assert!(!ran.text.contains("Callback dispatch"), "{}", ran.text);
    let summary = ran.text.split_once("DIFF REPORT").expect("a summary").1;
    assert!(!summary.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{summary:?}");
    let report = site.report();
    assert_eq!(report["totals"]["hosts"], 1);
    let change = report["changes"][0].to_string();
    for shown in ["\u{241b}]0;owned\u{2407}<U+202E>gpj", "\"cut\":[0,19000]", "onerror"] {
        assert!(change.contains(shown), "{shown} is not in {change}");
    }
    assert!(report["iommu"]["devices"].as_array().is_some_and(|devices| !devices.is_empty()), "{report}");
    looks_right("report::hostile", "hostile", &site);
}
