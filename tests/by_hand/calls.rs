//! Which caller it is, exit statuses, and what a wrong call does: nothing.

use std::fs;
use std::process::Command;

use proofs::{Reply, Snapshot, binary};

use crate::{Host, errors, modules, text};

#[test]
fn exit_statuses_and_verdicts() {
    let host = Host::new();
    let table: [(&[&str], i32, &str); 9] = [
        (&["--check"], 0, "changed: 1 file (check mode: nothing was changed)\n"),
        (&["--check", "--detailed-exitcode"], 2, "changed: 1 file (check mode: nothing was changed)\n"),
        (&["--detailed-exitcode"], 2, "changed: 1 file\n"),
        (&["--detailed-exitcode"], 0, "ok: nothing to change\n"),
        (&[], 0, "ok: nothing to change\n"),
        (&["state=absent", "backup=yes"], 0, "changed: 1 file\n"),
        (&["state=maybe"], 1, ""),
        (&["load=yes"], 1, ""),
        (&["modules=a b", "--detailed-exitcode"], 1, ""),
    ];
    for (words, status, end) in table {
        let output = host.vfio_modules(words).output().expect("vfio_modules starts");
        assert_eq!(output.status.code(), Some(status), "{words:?}: {}{}", text(&output), errors(&output));
        assert!(text(&output).ends_with(end), "{words:?}: {}", text(&output));
        assert_eq!(status == 1, errors(&output).starts_with("failed"), "{words:?}: {}", errors(&output));
        assert_eq!(words.contains(&"backup=yes"), text(&output).contains("backup: "), "{words:?}");
    }
}

#[test]
fn a_wrong_call_says_what_is_wrong_and_touches_nothing() {
    let host = Host::new();
    let before = Snapshot::of(host.dir.path());
    let table: [(&[&str], &str); 8] = [
        (&["--dry-run"], "--dry-run: no such option."),
        (&["--state=absent"], "options of the module are given without dashes: state=VALUE."),
        (&["-C"], "-C: no such option."),
        (&["absent"], "absent: options are given as NAME=VALUE."),
        (&["state=present", "state=absent"], "state: given twice."),
        (&["colour=red"], "Unsupported parameters for (vfio_modules) module: colour."),
        (
            &["_ansible_check_mode=no"],
            "Unsupported parameters for (vfio_modules) module: _ansible_check_mode.",
        ),
        (&["--", "--check"], "--check: options are given as NAME=VALUE."),
    ];
    for (words, part) in table {
        let output = host.vfio_modules(words).output().expect("vfio_modules starts");
        assert_eq!((output.status.code(), text(&output).as_str()), (Some(1), ""), "{words:?}");
        assert!(
            errors(&output).starts_with("failed: ") && errors(&output).contains(part),
            "{}",
            errors(&output)
        );
    }
    assert_eq!(before.differences(&Snapshot::of(host.dir.path())), [""; 0]);
}

#[test]
fn a_module_that_changes_hosts_wants_more_than_its_name() {
    for module in modules() {
        let output = Command::new(binary(&module)).arg("--version").output().expect("it starts");
        assert!(output.status.success());
        assert!(
            text(&output).starts_with(&format!("{module} {} ", env!("CARGO_PKG_VERSION"))),
            "{}",
            text(&output)
        );
        assert!(text(&output).contains("GPL-3.0-or-later"));
        let help = Command::new(binary(&module)).arg("--help").output().expect("it starts");
        let changes = text(&help).contains("--check");
        if changes {
            let bare = Command::new(binary(&module)).output().expect("it starts");
            assert_eq!(bare.status.code(), Some(1), "{module}: {}", text(&bare));
            assert!(errors(&bare).starts_with("failed: No options."), "{module}: {}", errors(&bare));
        }
    }
}

/// A file of Ansible's may have any name; one like an option needs its folder before it.
#[test]
fn one_path_is_ansibles_call_and_an_option_is_a_persons() {
    let host = Host::new();
    let arguments = format!(r#"{{"root": "{}", "initramfs": false}}"#, host.path("").display());
    let folder = host.dir.path();
    for name in ["arguments", "state=present", "odd=name"] {
        fs::write(folder.join(name), &arguments).expect("a file");
    }
    let run = |word: &str| {
        let mut command = Command::new(binary("vfio_modules"));
        command.current_dir(folder).arg(word).output().expect("vfio_modules starts")
    };
    for word in ["arguments", "./state=present", &folder.join("odd=name").display().to_string()] {
        let _ = Reply::of(&run(word)).expect_ok();
    }
    let missing = Reply::of(&run("no-such-file")).expect_failure();
    assert!(missing.contains("no-such-file: cannot read the arguments"), "{missing}");
    // Would work on this machine, so the option is one that ends before that.
    let by_hand = run("state=");
    assert_eq!((by_hand.status.code(), text(&by_hand).as_str()), (Some(1), ""));
    assert!(errors(&by_hand).starts_with("failed: value of state must be one of"), "{}", errors(&by_hand));
}

#[test]
fn what_a_module_found_and_ansibles_reply_are_json() {
    let host = Host::new();
    let facts = |words: &[&str], verdict: &str| {
        let output =
            Command::new(binary("iommu_facts")).arg(host.root()).args(words).output().expect("it starts");
        assert!(output.status.success(), "{}", errors(&output));
        assert_eq!(errors(&output).lines().last().unwrap_or_default(), verdict, "{}", errors(&output));
        serde_json::from_str::<serde_json::Value>(&text(&output)).expect("JSON")
    };
    let shown = facts(&["gather_subset=cpu,firmware"], "ok: not_configured");
    assert_eq!(shown["cpu"]["vendor"], "intel");
    let _ = facts(&["gather_subset=cpu", "filter=cpu"], "ok: no warnings");
    let reply = facts(&["gather_subset=cpu,firmware", "--json"], "");
    assert_eq!(reply["ansible_facts"]["pci_passthrough"], shown);
    let output = host.vfio_modules(&["--check", "--diff", "--json"]).output().expect("it starts");
    let reply = Reply::of(&output).expect_ok();
    assert!(reply.changed() && reply.json["diff"][0]["after"].is_string(), "{}", reply.json);
}
