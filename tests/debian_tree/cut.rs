//! Runs cut by SIGKILL: no file is ever half written, and the next run finishes what was left.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use proofs::{Snapshot, module_command, run_module};
use serde_json::{Value, json};

use crate::boot::{GRUB_CFG, expect_entries, expect_in_initramfs};
use crate::initramfs::{BLACKLIST, blacklist};
use crate::tree::Tree;

const SETTINGS: &str = "/etc/default/grub";
/// Where the slowed-down command leaves its process id.
const RUNNING: &str = "/var/tmp/running";

/// Puts a command in the place of `program` that says that it runs and then waits for a minute; returns
/// what puts the real one back.
fn slow_down(tree: &Tree, program: &str) -> impl Fn() {
    let (place, real) = (tree.at(program), tree.at(&format!("{program}.real")));
    fs::rename(&place, &real).expect("move the real command");
    // The comment keeps it a grub-mkconfig that reads drop-ins.
    tree.script(program, &format!("# default/grub.d/*.cfg\necho $$ > {RUNNING}\nexec sleep 60"));
    move || fs::rename(&real, &place).expect("put the real command back")
}

/// Starts the module, waits for the command it runs, and kills first the one, then the other.
fn cut_while_it_waits(tree: &Tree, module: &str, arguments: &Value) {
    let mut child = start(module, arguments);
    let marker = tree.at(RUNNING);
    let deadline = Instant::now() + Duration::from_secs(60);
    let command = loop {
        let said = fs::read_to_string(&marker).unwrap_or_default();
        if let Ok(id) = said.trim().parse::<u32>() {
            break id;
        }
        assert!(
            Instant::now() < deadline && child.try_wait().expect("a child").is_none(),
            "the command never ran"
        );
        sleep(Duration::from_millis(5));
    };
    child.kill().expect("kill the module");
    child.wait().expect("the module's end");
    let ended = Command::new("kill").args(["-9", &command.to_string()]).status().expect("kill starts");
    assert!(ended.success(), "the command was running");
    // Not our child: wait until the kernel has let it go.
    while Path::new(&format!("/proc/{command}/exe")).read_link().is_ok() {
        sleep(Duration::from_millis(1));
    }
    fs::remove_file(marker).expect("remove the marker");
}

fn start(module: &str, arguments: &Value) -> std::process::Child {
    let mut command = module_command(module);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the module starts");
    let mut input = child.stdin.take().expect("a piped standard input");
    input.write_all(arguments.to_string().as_bytes()).expect("the module reads its arguments");
    child
}

#[test]
fn boot_refresh_finishes_entries_that_a_cut_run_left() {
    let Some(tree) = Tree::new("cut-entries") else { return };
    let (settings, entries) = (tree.read(SETTINGS), tree.read(GRUB_CFG));
    let put_back = slow_down(&tree, "/usr/sbin/grub-mkconfig");
    cut_while_it_waits(&tree, "grub_iommu", &json!({"root": tree.path(), "vendor": "intel"}));
    put_back();
    assert!(tree.read(SETTINGS) != settings, "the run was cut after it wrote the settings");
    assert!(tree.read(GRUB_CFG) == entries, "grub.cfg is never written before the new entries are verified");
    finished_by_boot_refresh(&tree);
    expect_entries(&tree, &["intel_iommu=on"], &[]);
    undone_without_trace(&tree, "grub_iommu", json!({"root": tree.path(), "vendor": "intel"}));
}

#[test]
fn boot_refresh_finishes_images_that_a_cut_run_left() {
    let Some(tree) = Tree::new("cut-images") else { return };
    let put_back = slow_down(&tree, "/usr/sbin/update-initramfs");
    cut_while_it_waits(&tree, "driver_blacklist", &blacklist(&tree));
    put_back();
    assert!(tree.at(BLACKLIST).exists(), "the run was cut after it wrote the file");
    finished_by_boot_refresh(&tree);
    expect_in_initramfs(&tree, BLACKLIST);
}

/// The first boot_refresh has work to do, the second none.
fn finished_by_boot_refresh(tree: &Tree) {
    let arguments = json!({"root": tree.path()});
    let reply = run_module("boot_refresh", &arguments).expect_ok();
    assert!(reply.changed() && reply.json["actions"][0]["rc"] == 0, "{}", reply.json);
    let done = Snapshot::of(tree.path());
    let again = run_module("boot_refresh", &arguments).expect_ok();
    assert!(!again.changed() && again.json["actions"] == json!([]), "{}", again.json);
    assert_eq!(done.traces(&Snapshot::of(tree.path())), [""; 0], "a second refresh wrote something");
}

/// A cut run and what came after it leave the files that an uncut run leaves, and no more.
fn undone_without_trace(tree: &Tree, module: &str, mut arguments: Value) {
    let Some(fresh) = Tree::new(&format!("uncut-{module}")) else { return };
    arguments["state"] = "absent".into();
    assert!(run_module(module, &arguments).expect_ok().changed());
    let left = Snapshot::of(fresh.path()).differences(&Snapshot::of(tree.path()));
    assert_eq!(left, [""; 0], "a cut run left something behind");
}

/// Killed after ever more milliseconds, real commands and all: settings and entries are always whole, of
/// before or of after, and one more run brings everything into its state.
#[test]
fn killed_at_any_moment() {
    let Some(tree) = Tree::new("cut-anywhere") else { return };
    let arguments = |state: &str| json!({"root": tree.path(), "vendor": "intel", "state": state});
    let whole = |state: &str| {
        let started = Instant::now();
        assert!(run_module("grub_iommu", &arguments(state)).expect_ok().changed());
        (started.elapsed(), [tree.read(SETTINGS), tree.read(GRUB_CFG)], Snapshot::of(tree.path()))
    };
    // The first time is for the caches.
    let _ = whole("present");
    let [absent, present] = ["absent", "present"].map(whole);
    let uncut = absent.0.min(present.0);
    let mut cut = 0;
    for step in 0..24 {
        let (state, (_, wanted, files)) =
            if step % 2 == 0 { ("absent", &absent) } else { ("present", &present) };
        let after = uncut * step / 20;
        let mut child = start("grub_iommu", &arguments(state));
        sleep(after);
        cut += u32::from(child.try_wait().expect("a child").is_none());
        child.kill().expect("kill the module");
        child.wait().expect("the module's end");
        let now = [tree.read(SETTINGS), tree.read(GRUB_CFG)];
        for (now, (a, b)) in now.iter().zip(absent.1.iter().zip(&present.1)) {
            assert!(now == a || now == b, "half a file after {after:?}: {}", String::from_utf8_lossy(now));
        }
        // A command that the module started runs on, and the next run comes at once.
        let _ = run_module("grub_iommu", &arguments(state)).expect_ok();
        let again = run_module("grub_iommu", &arguments(state)).expect_ok();
        assert!(!again.changed(), "changed again after a cut at {after:?}: {}", again.json);
        assert!(
            *wanted == [tree.read(SETTINGS), tree.read(GRUB_CFG)],
            "not finished after a cut at {after:?}"
        );
        if step > 21 {
            let left = files.differences(&Snapshot::of(tree.path()));
            assert_eq!(left, [""; 0], "cut runs left something behind");
        }
    }
    assert!(cut >= 10, "only {cut} runs were cut");
}
