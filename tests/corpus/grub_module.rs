//! The same real files, edited by the module as Ansible runs it, in trees of files.

use std::fs;
use std::path::Path;

use config_text::grub_default::File;
use config_text::shell_assignment::Dialect;
use proofs::{Snapshot, binary, corpus, rehearsed};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::{Demand, listed};

const DEMAND: Demand = Demand {
    present: &["intel_iommu=on", "iommu=pt"],
    contrary: &["intel_iommu=off", "amd_iommu=off", "iommu=off", "iommu=nopt", "iommu.passthrough=0"],
};

fn arguments(state: &str) -> Value {
    json!({"state": state, "vendor": "intel", "passthrough_mode": true, "update": false})
}

/// The settings of the tree, as grub-mkconfig reads them.
fn settings(root: &Path) -> Vec<File> {
    let read = |name: String| File { bytes: fs::read(root.join(&name[1..])).expect("a file"), name };
    let dir = "/etc/default/grub.d";
    let drop_ins = listed(&root.join(&dir[1..])).into_iter().map(|(name, _)| format!("{dir}/{name}"));
    std::iter::once("/etc/default/grub".to_string()).chain(drop_ins).map(read).collect()
}

fn checked(sandbox: &Sandbox, root: &Path) -> Result<Option<String>, String> {
    let program = binary("grub_iommu");
    let program = program.to_str().expect("a path in UTF-8");
    let before = Snapshot::of(root);
    let values = sandbox.values(&settings(root));
    let reply = rehearsed(program, root, &arguments("present"));
    let values = match (reply.failed(), values) {
        (true, None) => return Ok(Some(reply.msg().to_string())),
        (true, Some(_)) => return Err(format!("refused, though the shell reads it: {}", reply.msg())),
        (false, None) => return Err("edited, though the shell gives it up".into()),
        (false, Some(values)) => values,
    };
    let after = sandbox.values(&settings(root)).ok_or("the shell gives the edited files up")?;
    DEMAND.judge(&values, &after)?;
    let _ = rehearsed(program, root, &arguments("absent")).expect_ok();
    let differences = before.differences(&Snapshot::of(root));
    if DEMAND.untouched_by(&values) && !differences.is_empty() {
        return Err(format!("absent does not restore: {differences:?}"));
    }
    Ok(None)
}

#[test]
fn the_module_edits_real_files_right() {
    let proof = "corpus grub_iommu";
    let Some(corpus) = corpus(proof) else { return };
    let Some(sandbox) = Sandbox::new(proof, Dialect::Posix) else { return };
    let drop_ins = listed(&corpus.join("grub_d"));
    let alone = ("alone".to_string(), Vec::new());
    let (mut right, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    for (name, main) in listed(&corpus.join("grub_default")) {
        for (drop_in, bytes) in std::iter::once(&alone).chain(&drop_ins) {
            let root = tempfile::tempdir().expect("a folder");
            let dir = root.path().join("etc/default/grub.d");
            fs::create_dir_all(&dir).expect("folders");
            fs::write(root.path().join("etc/default/grub"), &main).expect("a file");
            if !bytes.is_empty() {
                fs::write(dir.join(drop_in.rsplit('@').next().unwrap_or(drop_in)), bytes).expect("a file");
            }
            match checked(&sandbox, root.path()) {
                Ok(None) => right += 1,
                Ok(Some(reason)) => refused.push(format!("  {name}, {drop_in}: refused: {reason}")),
                Err(fault) => wrong.push(format!("  {name}, {drop_in}: WRONG: {fault}")),
            }
        }
    }
    println!(
        "{}grub_default by the module, alone and with each drop-in: {} cases, right {right}, refused {}, wrong {}",
        [refused.as_slice(), &wrong].concat().iter().map(|line| format!("{line}\n")).collect::<String>(),
        right + refused.len() + wrong.len(),
        refused.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(right > 0, "the corpus holds no grub_default file");
}
