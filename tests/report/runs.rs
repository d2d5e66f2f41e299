//! Real runs: what the report holds afterwards.

use std::process::Command;

use proofs::{AnsibleEnv, ansible, not_run, target_dir};
use serde_json::{Value, json};

use crate::run::{Site, names, playbook, rows, run, succeed};

/// Ansible's own modules: every shape of diff, loops, delegation, what is rescued, ignored and hidden.
pub fn every_module_s_diff_is_grouped(version: &str) {
    let Some(env) = ansible("report::builtin", version) else { return };
    let site = Site::new(&env, "builtin");
    for number in 1..=3 {
        std::fs::write(site.path(&format!("host{number}.lines")), "# first\nCMDLINE=quiet\n")
            .expect("a file");
    }
    site.inventory([
        ("host1", json!({})),
        ("host2", json!({})),
        ("host3", json!({"odd": "iommu=pt"})),
        ("away", json!({"ansible_connection": "ssh", "ansible_ssh_executable": "/bin/false", "ansible_host": "192.0.2.7"})),
        ("elsewhere", json!({})),
    ]);
    let ran = run(site.check("builtin.yml").args(["--limit", "all:!elsewhere"]));
    assert_ne!(ran.rc, 0, "one host fails:\n{}", ran.text);
    let report = site.report();
    let place = site.path("").display().to_string();
    let changes = rows(&report["changes"], &["path", "aspect", "on", "label", "hosts"]);
    let changes: Vec<String> = changes.iter().map(|row| row.replace(&place, "")).collect();
    let all = "host1,host2,host3";
    let has = |row: String| assert!(changes.contains(&row), "{row}\nis not in\n{}", changes.join("\n"));
    has(format!("{{host}}.copied | content | null | new, 3 lines | {all}"));
    has("{host}.lines | content | null | +intel_iommu=on | host1,host2".to_owned());
    has("{host}.lines | content | null | +intel_iommu=on iommu=pt | host3".to_owned());
    // In check mode, the template module names no path: the task's own words stand for it.
    let templated = format!(".templated | content | null | new, 2 lines | {all}");
    assert!(changes.iter().any(|row| row.ends_with(&templated)), "{changes:#?}");
    has(format!("{{host}}.first | content | null | new, 1 line | {all}"));
    has(format!("{{host}}.second | content | null | new, 1 line | {all}"));
    assert!(
        changes.iter().any(|row| row.starts_with("{host}.d | attributes | null") && row.ends_with(all)),
        "{changes:#?}"
    );
    let elsewhere: Vec<&String> = changes.iter().filter(|row| row.contains("delegated")).collect();
    assert!(matches!(elsewhere[..], [one] if one.contains("| elsewhere |")), "{elsewhere:?}");

    let lines = changes.iter().position(|row| row.ends_with("iommu=pt | host3"));
    let more = changes.iter().position(|row| row.ends_with("intel_iommu=on | host1,host2"));
    assert!(lines < more, "outliers first: {changes:#?}");

    let without = rows(&report["changes_without_diff"], &["task", "hosts"]);
    for task in ["Run without a diff", "Ask for no diff", "Keep a secret", "Keep a secret in each item"] {
        assert!(without.contains(&format!("{task} | {all}")), "{task}: {without:?}");
    }
    let problems = rows(&report["problems"], &["kind", "message", "hosts"]);
    assert!(problems.contains(&"failed | no such luck | host2".to_owned()), "{problems:?}");
    assert!(problems.contains(&format!("ignored | hidden by no_log | {all}")), "{problems:?}");
    // Of three hosts one fails later: the rescued failure is one problem all the same.
    assert!(
        problems.iter().any(|row| row.contains("{host} is not well") && row.ends_with(all)),
        "{problems:?}"
    );
    assert!(
        problems.iter().any(|row| row.starts_with("unreachable |") && row.ends_with("| away")),
        "{problems:?}"
    );
    assert_eq!(
        rows(&report["hosts"], &["name", "state"]),
        ["away | unreachable", "host1 | changed", "host2 | failed", "host3 | changed"]
    );

    assert!(
        !report.to_string().contains("hunter2") && !site.page().contains("hunter2"),
        "a secret is in the report"
    );
    let summary = ran.text.split_once("DIFF REPORT").expect("a summary").1;
    assert!(!summary.contains("hunter2"), "{summary}");
    assert!(summary.contains("4 hosts, 3 would change, 1 failed, 1 unreachable"), "{summary}");
    assert!(summary.contains("3 hosts: Run without a diff  (without a diff)"), "{summary}");
    assert!(!ran.text.contains("diff_report'") && !ran.text.contains("Callback dispatch"), "{}", ran.text);
    assert_eq!(names(&site.reports), ["report.html", "report.json"]);
    keeps_to_its_schema(&env, &site);
}

pub fn plays_and_batches_make_one_report(version: &str) {
    let Some(env) = ansible("report::plays", version) else { return };
    let site = Site::new(&env, "plays");
    site.inventory(["host1", "host2", "host3", "host4", "host5"].map(|name| (name, json!({}))));
    let mut command = site.check("plays.yml");
    // The same playbook again makes another playbook of the same run.
    succeed(command.arg(playbook("plays.yml")).arg("--forks=3"));
    let report = site.report();
    assert_eq!(report["status"], "complete");
    assert_eq!(report["playbooks"], json!(["plays.yml", "plays.yml"]));
    assert_eq!(report["plays"], json!(["First", "Second"]));
    let hosts: Vec<String> = rows(&report["changes"], &["hosts"]);
    assert_eq!(hosts, ["host1,host3", "host1,host2,host3,host4,host5"]);
    assert_eq!(report["totals"]["hosts"], 5);
    keeps_to_its_schema(&env, &site);
}

pub fn one_module_makes_a_report(version: &str) {
    let Some(env) = ansible("report::one_module", version) else { return };
    let site = Site::new(&env, "one-module");
    site.inventory([
        ("intel", json!({"root": site.tree("pve-intel-two-gpus", "intel")})),
        ("amd", json!({"root": site.tree("debian-amd", "amd")})),
    ]);
    let mut command = site.command("ansible");
    command.env("ANSIBLE_LOAD_CALLBACK_PLUGINS", "true");
    let ran = succeed(command.args(["all", "-m", "pci.passthrough.iommu_facts", "-a", "root={{ root }}"]));
    assert!(ran.text.contains("DIFF REPORT"), "{}", ran.text);
    let report = site.report();
    assert_eq!(report["playbooks"], json!([]));
    assert_eq!(report["check_mode"], false);
    assert_eq!(rows(&report["hosts"], &["name", "state", "iommu_map"]).len(), 2);
    assert_eq!(report["iommu"]["maps"].as_array().map(Vec::len), Some(2));
    keeps_to_its_schema(&env, &site);
}

pub fn guards_verdicts_and_maps_are_there(version: &str) {
    let Some(env) = ansible("report::guards", version) else { return };
    let site = sample(&env, "sample");
    let ran = run(&mut site.check("sample.yml"));
    assert_ne!(ran.rc, 0, "guards refuse:\n{}", ran.text);
    let report = site.report();
    assert_eq!(
        rows(&report["hosts"], &["name", "state", "changed"]),
        ["debian-amd | refused | true", "pve-intel-two-gpus | refused | true"]
    );
    let verdicts: Vec<&Value> =
        report["hosts"].as_array().expect("hosts").iter().map(|host| &host["verdict"]["state"]).collect();
    assert_eq!(verdicts, [&json!("ready"), &json!("not_configured")]);
    let problems = rows(&report["problems"], &["kind", "code", "device", "hosts"]);
    assert!(
        problems.contains(&"refused | root_disk | 0000:03:00.0 | pve-intel-two-gpus".to_owned()),
        "{problems:?}"
    );
    assert!(
        problems.contains(&"refused | only_display | 0000:07:00.0 | debian-amd".to_owned()),
        "{problems:?}"
    );
    let paths = rows(&report["changes"], &["path", "label", "hosts"]);
    assert!(
        paths.contains(
            &"/etc/default/grub.d/50-site-console.cfg | +intel_iommu=on | pve-intel-two-gpus".to_owned()
        ),
        "{paths:?}"
    );
    assert!(paths.iter().all(|row| row.starts_with("/etc/")), "a tree's root is in a path: {paths:?}");
    assert_eq!(report["totals"]["would_reboot"], 2);
    let reasons = report["hosts"][1]["reboot_reasons"].to_string();
    assert!(reasons.contains("parameter_not_in_force"), "{reasons}");
    keeps_to_its_schema(&env, &site);
}

/// The two sample hosts, each with a driver that a guard will not have blacklisted.
pub fn sample(env: &AnsibleEnv, name: &str) -> Site {
    let site = Site::new(env, name);
    site.inventory([
        (
            "pve-intel-two-gpus",
            json!({"root": site.tree("pve-intel-two-gpus", "intel"), "blacklist": ["nvme"]}),
        ),
        ("debian-amd", json!({"root": site.tree("debian-amd", "amd"), "blacklist": ["amdgpu"]})),
    ]);
    site
}

pub fn a_run_of_ansible_runner_makes_a_report(version: &str) {
    let Some(env) = ansible("report::runner", version) else { return };
    let Some(packages) = python_packages("report::runner", &env) else { return };
    let site = sample(&env, "runner");
    let data = site.path("data");
    std::fs::create_dir_all(data.join("project")).expect("a folder");
    std::fs::copy(playbook("sample.yml"), data.join("project/site.yml")).expect("the playbook is copied");
    let mut path = env.dir().join("bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    // All of Ansible's settings come from the environment, which the runner hands on.
    let set = site.command("ansible-playbook");
    let mut runner = Command::new(env.python());
    runner.envs(set.get_envs().filter_map(|(name, value)| Some((name, value?))));
    runner.env("PATH", path).env("PYTHONPATH", packages);
    runner.args(["-m", "ansible_runner", "run"]).arg(&data).args(["-p", "site.yml", "--inventory"]);
    runner.arg(site.path("inventory.yml")).args(["--cmdline", "--check --diff"]);
    let ran = run(&mut runner);
    assert!(ran.text.contains("DIFF REPORT"), "{}", ran.text);
    let report = site.report();
    assert_eq!(
        (&report["status"], &report["totals"]["refused"]),
        (&json!("complete"), &json!(2)),
        "{}",
        ran.text
    );
}

pub fn the_documentation_is_rendered(version: &str) {
    let Some(env) = ansible("report::documentation", version) else { return };
    let ran = succeed(env.command("ansible-doc").args(["-t", "callback", "pci.passthrough.diff_report"]));
    for word in ["PCI_PASSTHROUGH_REPORT_DIRECTORY", "callback_diff_report", "report.schema.json"] {
        assert!(ran.text.contains(word), "{word} is missing in\n{}", ran.text);
    }
}

pub fn a_directory_that_cannot_be_written_stops_no_run(version: &str) {
    let Some(env) = ansible("report::unwritable", version) else { return };
    let site = Site::new(&env, "unwritable");
    site.inventory([("intel", json!({"root": site.tree("pve-intel-two-gpus", "intel"), "blacklist": []}))]);
    let mut command = site.check("sample.yml");
    command.env("PCI_PASSTHROUGH_REPORT_DIRECTORY", "/proc/no/such/place");
    let ran = succeed(&mut command);
    assert!(ran.text.contains("diff_report: no report is written from here on: "), "{}", ran.text);
    assert!(!ran.text.contains("DIFF REPORT"), "{}", ran.text);
}

/// Holds report.json against the schema that is shipped, with the package jsonschema.
fn keeps_to_its_schema(env: &AnsibleEnv, site: &Site) {
    let Some(packages) = python_packages("report::schema", env) else { return };
    let schema = target_dir().join(
        "installed/ansible_collections/pci/passthrough/plugins/plugin_utils/diff_report/report.schema.json",
    );
    let code = "import json, sys, jsonschema\n\
                schema, report = (json.load(open(path, encoding='utf-8')) for path in sys.argv[1:])\n\
                jsonschema.Draft202012Validator.check_schema(schema)\n\
                jsonschema.Draft202012Validator(schema).validate(report)\n";
    let mut python = Command::new(env.python());
    succeed(
        python
            .env("PYTHONPATH", packages)
            .args(["-c", code])
            .arg(schema)
            .arg(site.reports.join("report.json")),
    );
}

/// The folder with ansible-runner and jsonschema for the environment's Python, installed there the first time.
fn python_packages(name: &str, env: &AnsibleEnv) -> Option<std::path::PathBuf> {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let version = env.dir().file_name()?.to_string_lossy().into_owned();
    let dir = target_dir().join("report/packages").join(version);
    if dir.join("jsonschema").is_dir() && dir.join("ansible_runner").is_dir() {
        return Some(dir);
    }
    let mut pip = Command::new(env.python());
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(&dir);
    let ran = run(pip.args(["ansible-runner==2.4.*", "jsonschema==4.*"]));
    if ran.rc != 0 {
        not_run(name, &format!("pip cannot install ansible-runner and jsonschema: {}", ran.text.trim()));
        return None;
    }
    Some(dir)
}
