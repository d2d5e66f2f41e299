//! Check mode held to its word: what it announces is what the real run does, and it leaves no trace.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::{Reply, Snapshot, answer};

/// Runs the module `program` on the tree `root` with `arguments`, first in check mode, then for real,
/// then once more, and gives the reply of the real run.
///
/// # Panics
/// If check mode leaves a trace under `root`, if its `changed`, `diff` or `msg` differ from the real run's, or
/// if the second real run changes anything.
#[must_use]
pub fn rehearsed(program: &str, root: &Path, arguments: &Value) -> Reply {
    let run = |check: bool| {
        let mut all = arguments.clone();
        all["root"] = json!(root);
        all["_ansible_check_mode"] = json!(check);
        all["_ansible_diff"] = json!(true);
        answer(Command::new(program).arg("-"), all.to_string().as_bytes())
    };
    let before = Snapshot::of(root);
    let announced = run(true);
    let traces = before.traces(&Snapshot::of(root));
    assert!(traces.is_empty(), "check mode left traces: {traces:#?}");
    let real = run(false);
    for key in ["failed", "changed", "diff", "msg", "code"] {
        assert_eq!(announced.json[key], real.json[key], "{key} of check mode and of the real run");
    }
    let after = Snapshot::of(root);
    if real.failed() {
        let differences = before.differences(&after);
        assert!(differences.is_empty(), "a failed run changed: {differences:#?}");
        return real;
    }
    assert_eq!(
        real.changed(),
        !before.differences(&after).is_empty(),
        "changed says what happened: {}",
        real.json
    );
    let again = run(false);
    assert!(!again.failed() && !again.changed(), "a second run: {}", again.json);
    let traces = after.traces(&Snapshot::of(root));
    assert!(traces.is_empty(), "a second run left traces: {traces:#?}");
    real
}
