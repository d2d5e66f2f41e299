//! How a change reaches the file: by `qm set`, which locks, checks and writes it anew, or by an edit
//! of one line where there is no `qm`.

use std::time::Duration;

use apply::{Activation, FileChange, Plan, Run};
use config_text::qemu_server_conf::{Change, Conf, Hostpci, after_qm_set};
use protocol::Failure;

use crate::observe::Observed;

/// `qm` waits ten seconds for the machine's lock, and for the cluster when that has no quorum.
const LIMIT: Duration = Duration::from_secs(120);

/// Plans the changes of the file `bytes`.
pub fn plan(vmid: u32, bytes: &[u8], changes: &[Change], seen: &Observed) -> Result<Plan, Failure> {
    let conf = Conf::parse(bytes);
    if let Some(lock) = conf.get("lock") {
        let msg = format!(
            "{}: machine {vmid} is locked ({lock}); wait until that is done, or use qm unlock {vmid} where nothing runs",
            seen.path
        );
        return Err(Failure::coded("vm_locked", msg));
    }
    let change = |after| FileChange {
        path: seen.path.clone(),
        before: Some(bytes.to_vec()),
        after: Some(after),
        mode: FileChange::PLAIN,
    };
    if seen.qm {
        let run = Run {
            reason: format!("{} changes", keys(changes).join(", ")),
            command: command(vmid, changes),
            limit: LIMIT,
            live: true,
            undo: command(vmid, &undo(&conf, changes, seen.running)),
            entries: false,
        };
        return Ok(Plan {
            by_command: vec![change(after_qm_set(bytes, changes, seen.running))],
            activations: vec![Activation::Run(run)],
            ..Plan::default()
        });
    }
    if let Some(key) = keys(changes).iter().find(|key| conf.is_pending(key)) {
        let msg = format!(
            "{}: [PENDING] changes {key} at the machine's next start, and that section is Proxmox VE's own; \
             start the machine, or use qm set {vmid} --revert {key}, and run again",
            seen.path
        );
        return Err(Failure::coded("pending_conflict", msg));
    }
    let mut edited = conf;
    for change in changes {
        match change {
            Change::Set(key, value) => edited.set(key, value),
            Change::Delete(key) => edited.remove(key),
        }
    }
    let mut plan = Plan { files: vec![change(edited.write())], ..Plan::default() };
    let order = edited.get("boot").unwrap_or_default();
    for change in changes {
        let Change::Delete(key) = change else { continue };
        if order.split([',', ';', '=']).any(|name| name == key) {
            plan.warnings.push(format!("{}: boot: still names {key}; Proxmox VE passes over it", seen.path));
        }
    }
    Ok(plan)
}

/// The keys that change.
fn keys(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|(Change::Set(key, _) | Change::Delete(key))| key.as_str()).collect()
}

/// `qm set VMID …`, each value an argument of its own.
fn command(vmid: u32, changes: &[Change]) -> Vec<String> {
    let mut words = ["qm", "set", &vmid.to_string()].map(String::from).to_vec();
    let mut gone: Vec<&str> = Vec::new();
    for change in changes {
        match change {
            Change::Set(key, value) => words.extend([format!("--{key}"), value.clone()]),
            Change::Delete(key) => gone.push(key),
        }
    }
    if !gone.is_empty() {
        words.extend(["--delete".to_string(), gone.join(",")]);
    }
    words
}

/// The changes that bring back what `conf` has now.
fn undo(conf: &Conf, changes: &[Change], running: bool) -> Vec<Change> {
    let back = |key: &str| {
        let before = match running && key != "onboot" {
            true => conf.at_next_start(key),
            false => conf.get(key),
        };
        // A line that Proxmox VE passes over cannot be set.
        let good = |value: &String| key == "onboot" || Hostpci::parse(value).syntax_fault().is_none();
        match before.filter(good) {
            Some(value) => Change::Set(key.to_string(), value),
            None => Change::Delete(key.to_string()),
        }
    };
    let mut undo: Vec<Change> = keys(changes).into_iter().map(back).collect();
    let takes_out = changes.iter().any(|change| matches!(change, Change::Delete(_)));
    if let (true, Some(boot)) = (takes_out, conf.get("boot").filter(|boot| boot.contains("hostpci"))) {
        undo.push(Change::Set("boot".to_string(), boot));
    }
    undo
}
