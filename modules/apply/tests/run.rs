//! Whole or not at all: what `apply::run` leaves behind when a step fails. Commands and generated
//! files are proven on a real Debian tree; here are the files.

use std::fs;
use std::path::Path;

use apply::{Activation, FileChange, Initramfs, Plan, Run};
use host::Root;

fn tree() -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    fs::write(dir.path().join("etc/a"), "a1").unwrap();
    fs::write(dir.path().join("etc/gone"), "g1").unwrap();
    let root = Root::open(dir.path()).unwrap();
    (dir, root)
}

fn change(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
    let bytes = |text: Option<&str>| text.map(|t| t.as_bytes().to_vec());
    FileChange { path: path.into(), before: bytes(before), after: bytes(after), mode: FileChange::PLAIN }
}

fn plan() -> Plan {
    Plan {
        files: vec![
            change("/etc/a", Some("a1"), Some("a2")),
            change("/etc/new/b", None, Some("b2")),
            change("/etc/gone", Some("g1"), None),
        ],
        ..Plan::default()
    }
}

fn state(dir: &Path) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(at) = todo.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().display().to_string();
                seen.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    seen.sort();
    seen
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect()
}

#[test]
fn every_file_of_the_plan_is_written() {
    let (dir, root) = tree();
    let mut asked = 0;
    apply::run(&root, &plan(), false, &mut || {
        asked += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(asked, 1);
    assert_eq!(state(dir.path()), pairs(&[("etc/a", "a2"), ("etc/new/b", "b2")]));
}

#[test]
fn a_failed_verification_brings_every_file_back_and_keeps_no_copy() {
    let (dir, root) = tree();
    let before = state(dir.path());
    let error = apply::run(&root, &plan(), true, &mut || Err("not in force".into())).unwrap_err();
    assert_eq!(error.to_string(), "not in force\nThis task left every file as it found it.");
    assert_eq!(state(dir.path()), before);
}

#[test]
fn what_somebody_else_wrote_meanwhile_is_not_lost() {
    let (dir, root) = tree();
    fs::write(dir.path().join("etc/gone"), "g2").unwrap();
    let before = state(dir.path());
    let error = apply::run(&root, &plan(), false, &mut || Ok(())).unwrap_err().to_string();
    assert!(error.contains("/etc/gone: was changed by somebody else"), "{error}");
    assert_eq!(state(dir.path()), before);
}

#[test]
fn a_missing_command_is_known_before_the_first_byte() {
    let (dir, root) = tree();
    let mut plan = plan();
    plan.activations.push(Activation::Initramfs(Initramfs {
        reason: "test".into(),
        command: vec!["update-initramfs".into()],
        images: vec![],
    }));
    let before = state(dir.path());
    let error = apply::run(&root, &plan, false, &mut || Ok(())).unwrap_err().to_string();
    assert!(error.starts_with("update-initramfs: not found in "), "{error}");
    assert_eq!(state(dir.path()), before);
}

#[test]
fn modules_are_not_loaded_for_another_tree() {
    let (dir, root) = tree();
    let before = state(dir.path());
    let plan = Plan { activations: vec![Activation::Run(Run::load_module("vfio"))], ..plan() };
    let error = apply::run(&root, &plan, false, &mut || Ok(())).unwrap_err().to_string();
    assert!(error.contains("is not the running system"), "{error}");
    assert_eq!(state(dir.path()), before);
}

#[test]
fn a_backup_holds_the_old_bytes_beside_the_file() {
    let (dir, root) = tree();
    let outcome = apply::run(&root, &plan(), true, &mut || Ok(())).unwrap();
    let changed: Vec<&str> = outcome.backups.iter().map(|(path, _)| path.as_str()).collect();
    let full = |path: &str| format!("{}{path}", dir.path().display());
    assert_eq!(changed, [full("/etc/a"), full("/etc/gone")], "a new file has no copy");
    assert_eq!(fs::read_to_string(&outcome.backups[0].1).unwrap(), "a1");
    assert!(outcome.backups[0].1.starts_with(&full("/etc/a.")) && outcome.backups[0].1.ends_with('~'));
}

#[test]
fn a_file_that_cannot_be_written_brings_the_others_back() {
    let (dir, root) = tree();
    let before = state(dir.path());
    let mut plan = plan();
    // A directory where a file belongs.
    fs::create_dir_all(dir.path().join("etc/taken/x")).unwrap();
    plan.files.push(change("/etc/taken", None, Some("t")));
    let error = apply::run(&root, &plan, false, &mut || Ok(())).unwrap_err().to_string();
    assert!(error.contains("/etc/taken: is a directory"), "{error}");
    assert_eq!(state(dir.path()), before);
}

fn by_command(script: &str) -> Plan {
    let run = Run {
        reason: "due".into(),
        command: ["sh", "-c", script].map(String::from).to_vec(),
        limit: std::time::Duration::from_secs(20),
        live: true,
        undo: Vec::new(),
        entries: false,
    };
    Plan { activations: vec![Activation::Run(run)], ..Plan::default() }
}

/// A command that writes the file itself works on the running system: the files lie in a scratch folder.
#[test]
fn a_file_that_a_command_writes_is_brought_back_by_its_undo() {
    if !proofs::need_root("apply::a_file_that_a_command_writes_is_brought_back_by_its_undo") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vm.conf").display().to_string();
    let root = Root::open(Path::new("/")).unwrap();
    let undo = format!("echo undone >> {path}.log; printf old > {path}");
    for (script, verdict, log, said) in [
        (format!("printf new > {path}"), Ok(()), false, ""),
        (format!("printf new > {path}"), Err("not so"), true, "not so"),
        ("exit 7".to_string(), Ok(()), false, "exit status 7"),
        (format!("printf half > {path}; exit 7"), Ok(()), true, "exit status 7"),
    ] {
        fs::write(&path, "old").unwrap();
        let _ = fs::remove_file(format!("{path}.log"));
        let mut plan = by_command(&script);
        plan.by_command = vec![change(&path, Some("old"), Some("new"))];
        if let Some(Activation::Run(run)) = plan.activations.first_mut() {
            run.undo = ["sh", "-c", &undo].map(String::from).to_vec();
        }
        assert_eq!(plan.changed_files().count(), 1);
        let done = apply::run(&root, &plan, false, &mut || verdict.map_err(String::from));
        assert_eq!(done.is_err(), !said.is_empty(), "{script}");
        if let Err(error) = done {
            assert!(error.to_string().contains(said) && error.not_restored.is_empty(), "{script}: {error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "old", "{script}");
        }
        assert_eq!(Path::new(&format!("{path}.log")).exists(), log, "{script}");
    }
    let mut plan = by_command("exit 0");
    plan.by_command = vec![change(&path, Some("else"), Some("new"))];
    let error = apply::run(&root, &plan, false, &mut || Ok(())).unwrap_err();
    assert!(error.to_string().contains("changed by somebody else"), "{error}");
}
