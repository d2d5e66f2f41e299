//! Real modprobe.d and modules files, and made-up ones, against the real modprobe: our reading prints what
//! `modprobe -C DIR --showconfig` prints, our edits are in force there, and undoing them brings every byte
//! back.

mod modprobe_bind;
mod modprobe_oracle;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use config_text::modprobe_d::{self, Config, SourceFile};
use config_text::modules_list;
use modprobe_oracle::{File, Modprobe};
use proofs::{corpus, run_module};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

/// The files of one kind in the corpus: name and content.
fn real_files(proof: &str, kind: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let dir = corpus(proof)?.join(kind);
    let mut files = Vec::new();
    for entry in fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
        let path = entry.expect("a directory entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        files.push((name, fs::read(&path).expect("a corpus file")));
    }
    assert!(!files.is_empty(), "{}: no files", dir.display());
    files.sort();
    Some(files)
}

fn table(kind: &str, files: usize, wrong: &[String]) {
    let right = files - wrong.len();
    eprintln!("{kind}: {files} files, {right} right, 0 refused, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_file_reads_as_modprobe_reads_it() {
    let proof = "corpus modprobe_d";
    let Some(files) = real_files(proof, "modprobe_d") else { return };
    let Some(modprobe) = Modprobe::find(proof) else { return };
    let mut wrong = Vec::new();
    for (name, bytes) in &files {
        if let Err(difference) = modprobe.agrees(&[vec![("file.conf".to_string(), bytes.as_slice())]]) {
            wrong.push(format!("{name}\n{difference}"));
        }
    }
    table(proof, files.len(), &wrong);
}

#[test]
fn the_files_of_one_owner_read_together_and_masked() {
    let proof = "corpus modprobe_d, owner by owner";
    let Some(files) = real_files(proof, "modprobe_d") else { return };
    let Some(modprobe) = Modprobe::find(proof) else { return };
    let mut owners: BTreeMap<&str, Vec<File>> = BTreeMap::new();
    for (name, bytes) in &files {
        let (owner, rest) = name.split_once("__").unwrap_or((name, name));
        // The names as they were, so that order and `.conf` are what they were.
        let base = rest.rsplit('@').next().unwrap_or(rest).to_string();
        owners.entry(owner).or_default().push((base, bytes));
    }
    let mut wrong = Vec::new();
    for (owner, files) in &owners {
        let mask = vec![(files[0].0.clone(), &b"blacklist mask\n"[..])];
        for directories in [vec![files.clone()], vec![mask, files.clone()]] {
            if let Err(difference) = modprobe.agrees(&directories) {
                wrong.push(format!("{owner}\n{difference}"));
            }
        }
    }
    table(proof, owners.len() * 2, &wrong);
}

#[test]
fn edits_of_each_file_are_in_force_and_come_off_again() {
    let proof = "corpus modprobe_d, edited";
    let Some(files) = real_files(proof, "modprobe_d") else { return };
    let Some(modprobe) = Modprobe::find(proof) else { return };
    let drivers = ["nouveau", "snd-hda-intel", "xhci_pci"];
    let lines = drivers.map(|driver| format!("blacklist {}\n", driver.replace('-', "_")).into_bytes());
    let mut wrong = Vec::new();
    for (name, bytes) in &files {
        for block in [false, true] {
            let edit = |bytes: &[u8]| {
                let out = modprobe_d::with_blacklist(bytes, &drivers);
                if block { modprobe_d::with_install_false(&out, &drivers) } else { out }
            };
            let edited = edit(bytes);
            let again = edit(&edited);
            let scratch = tempfile::tempdir().expect("a scratch directory");
            fs::write(scratch.path().join("file.conf"), &edited).expect("a file");
            let shown = modprobe.shows(&[scratch.path()]);
            let has = |line: &[u8]| shown.split_inclusive(|&b| b == b'\n').any(|found| found == line);
            let in_force = lines.iter().all(|line| has(line));
            let agrees = modprobe.agrees(&[vec![("file.conf".to_string(), edited.as_slice())]]).is_ok();
            let off = modprobe_d::absent(&edited, &drivers);
            let restored = off == modprobe_d::absent(bytes, &drivers);
            let pristine = modprobe_d::absent(bytes, &drivers) != *bytes || off == *bytes;
            if !(again == edited && in_force && agrees && restored && pristine) {
                wrong.push(format!(
                    "{name}: again {} in force {in_force} agrees {agrees} restored {restored}",
                    again == edited
                ));
            }
        }
    }
    table(proof, files.len(), &wrong);
}

#[test]
fn the_module_edits_each_file() {
    let proof = "corpus modprobe_d, by driver_blacklist";
    let Some(files) = real_files(proof, "modprobe_d") else { return };
    let Some(modprobe) = Modprobe::find(proof) else { return };
    let drivers = ["nouveau", "snd-hda-intel"];
    let mut wrong = Vec::new();
    for (name, bytes) in &files {
        let (scratch, file) = scratch_file("etc/modprobe.d/file.conf", bytes);
        let run = |state: &str| {
            let arguments = json!({
                "drivers": drivers, "state": state, "path": "/etc/modprobe.d/file.conf", "root": scratch.path(),
                "block_explicit_load": true,
            });
            run_module("driver_blacklist", &arguments).expect_ok().changed()
        };
        let had = modprobe_d::absent(bytes, &drivers) != *bytes;
        let _ = run("present");
        let shown = modprobe.shows(&[&scratch.path().join("etc/modprobe.d")]);
        let has = |line: String| shown.split_inclusive(|&b| b == b'\n').any(|found| found == line.as_bytes());
        let in_force = drivers.iter().all(|driver| {
            let driver = driver.replace('-', "_");
            has(format!("blacklist {driver}\n")) && has(format!("install {driver} /bin/false\n"))
        });
        let settled = !run("present");
        let _ = run("absent");
        let restored = had || fs::read(&file).expect("the file") == *bytes;
        if !(in_force && settled && restored) {
            wrong.push(format!("{name}: in force {in_force} settled {settled} restored {restored}"));
        }
    }
    table(proof, files.len(), &wrong);
}

#[test]
fn the_module_edits_each_list() {
    let proof = "corpus modules, by vfio_modules";
    let Some(files) = real_files(proof, "modules") else { return };
    let modules = ["vfio", "vfio_iommu_type1", "vfio_pci", "vfio_virqfd"];
    let mut wrong = Vec::new();
    for (name, bytes) in &files {
        let (scratch, file) = scratch_file("etc/modules", bytes);
        let run = |state: &str| {
            run_module("vfio_modules", &json!({"state": state, "root": scratch.path()})).expect_ok().changed()
        };
        let had = modules_list::absent(bytes, &modules) != *bytes;
        let _ = run("present");
        let edited = fs::read(&file).expect("the file");
        let listed = modules[..3]
            .iter()
            .all(|m| modules_list::parse(&edited).iter().filter(|e| e.loads(m)).count() == 1);
        let settled = !run("present");
        let _ = run("absent");
        let restored = had || fs::read(&file).expect("the file") == *bytes;
        if !(listed && settled && restored && edited.starts_with(bytes)) {
            wrong.push(format!("{name}: listed {listed} settled {settled} restored {restored}"));
        }
    }
    table(proof, files.len(), &wrong);
}

/// A tree with this one file in it.
fn scratch_file(path: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let file = scratch.path().join(path);
    fs::create_dir_all(file.parent().expect("a parent")).expect("directories");
    fs::write(&file, bytes).expect("a file");
    (scratch, file)
}

/// Every finding in the corpus, as owner:line, each judged by reading the file: all are real mistakes.
/// `ids=%DEVICES%` stands in a template that its owner's script fills in before it is installed.
const MISTAKES: [(&str, &str); 14] = [
    ("Pavo-IM+Proxintosh:2", "vfio_pci_ids_overridden"),
    ("Pavo-IM+Proxintosh:3", "vfio_pci_ids_overridden"),
    ("Pavo-IM+Proxintosh:4", "vfio_pci_ids_overridden"),
    ("Pavo-IM+Proxintosh:5", "vfio_pci_ids_overridden"),
    ("Pavo-IM+Proxintosh:6", "vfio_pci_ids_overridden"),
    ("Pavo-IM+Proxintosh:7", "vfio_pci_ids_overridden"),
    ("booski+winguest:2", "vfio_pci_ids_malformed"),
    ("correabuscar+etc:3", "file_not_read"),
    ("iroger+ASRock-TRX40-proxmox:2", "vfio_pci_ids_overridden"),
    ("iroger+ASRock-TRX40-proxmox:4", "vfio_pci_ids_overridden"),
    ("iroger+ASRock-TRX40-proxmox:9", "vfio_pci_ids_overridden"),
    ("iroger+ASRock-TRX40-proxmox:12", "vfio_pci_ids_overridden"),
    ("mikumeow+PVE_BAK:1", "softdep_blank"),
    ("smartperson+ubuntu-x570-qemu-setup:2", "unknown_vfio_pci_option"),
];

/// How many files of the corpus were read to judge the findings.
const MODPROBE_D_READ: usize = 97;

#[test]
fn findings_are_real_mistakes_and_no_other_file_has_one() {
    let proof = "corpus modprobe_d, lint";
    let Some(files) = real_files(proof, "modprobe_d") else { return };
    let mut found = Vec::new();
    for (name, bytes) in &files {
        let (owner, rest) = name.split_once("__").unwrap_or((name, name));
        let file = SourceFile { directory: "/corpus", name: rest.rsplit('@').next().unwrap_or(rest), bytes };
        let findings = modprobe_d::lint(&Config::from_files(&[file]));
        for finding in findings.into_iter().chain(modprobe_d::lint_unread(&file)) {
            eprintln!("{owner}:{} {}: {} ({})", finding.line, finding.code, finding.message, finding.hint);
            found.push((format!("{owner}:{}", finding.line), finding.code));
        }
    }
    eprintln!("{proof}: {} files, {} findings", files.len(), found.len());
    judged(&files, MODPROBE_D_READ, &found, &MISTAKES);
}

/// The findings are those that were judged. A corpus with more files may add to them.
fn judged(
    files: &[(String, Vec<u8>)],
    read: usize,
    found: &[(String, &'static str)],
    expected: &[(&str, &str)],
) {
    for (place, code) in expected {
        let has = found.iter().any(|(p, c)| p == place && c == code);
        assert!(has, "{place} {code} is missing in {found:#?}");
    }
    if files.len() == read {
        assert_eq!(found.len(), expected.len(), "a finding that nobody judged: {found:#?}");
    }
}

#[test]
fn lines_with_arguments_in_lists_of_modules_are_found() {
    let proof = "corpus modules, lint";
    let Some(files) = real_files(proof, "modules") else { return };
    let mut found = Vec::new();
    for (name, bytes) in &files {
        let owner = name.split("__").next().unwrap_or_default();
        for finding in modules_list::lint("/etc/modules", bytes) {
            eprintln!("{owner}:{} {}: {} ({})", finding.line, finding.code, finding.message, finding.hint);
            found.push((format!("{owner}:{}", finding.line), finding.code));
        }
    }
    eprintln!("{proof}: {} files, {} findings", files.len(), found.len());
    judged(&files, 23, &found, &[("MikeRamos58+vfio-setup:8", "module_arguments")]);
}

#[test]
fn lists_of_modules_are_edited_and_restored() {
    let proof = "corpus modules";
    let Some(files) = real_files(proof, "modules") else { return };
    let modules = ["vfio", "vfio_iommu_type1", "vfio_pci"];
    let mut wrong = Vec::new();
    for (name, bytes) in &files {
        let edited = modules_list::present(bytes, &modules);
        let loads =
            |text: &[u8], module: &str| modules_list::parse(text).iter().filter(|e| e.loads(module)).count();
        let once = modules.iter().all(|module| loads(&edited, module) == 1);
        let kept = modules_list::names(bytes).iter().all(|other| loads(&edited, other) >= 1);
        let again = modules_list::present(&edited, &modules) == edited;
        let off = modules_list::absent(&edited, &modules);
        let clean = modules_list::absent(bytes, &modules);
        let gone = modules.iter().all(|module| loads(&off, module) == 0);
        if !(once && kept && again && gone && off == clean && edited.starts_with(bytes)) {
            wrong.push(format!("{name}: once {once} kept {kept} again {again} gone {gone}"));
        }
    }
    table(proof, files.len(), &wrong);
}

/// Text that brings out every rule of the format, and bytes that break them.
fn made_up() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "blacklist",
        "install",
        "remove",
        "options",
        "softdep",
        "alias",
        "include",
        "pre:",
        "post:",
        "a-b",
        "x[a-c]-d",
        "y[-",
        "]",
        "/bin/false",
        "ids=10de:1b80",
        "\"q q\"",
        " ",
        "  ",
        "\t",
        "\n",
        "\n",
        "\n",
        "\\\n",
        "\\",
        "#",
        "\r\n",
        "\x0b",
        "\0",
        "\u{e9}",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..24)
        .prop_flat_map(|words| (Just(words), proptest::collection::vec(any::<bool>(), 24)))
        .prop_map(|(words, blanks)| {
            let mut text = Vec::new();
            for (word, blank) in words.iter().zip(blanks) {
                text.extend(word.bytes());
                text.extend(blank.then_some(b' '));
            }
            text
        })
}

#[test]
fn made_up_files_read_as_modprobe_reads_them() {
    let Some(modprobe) = Modprobe::find("made-up modprobe.d files") else { return };
    let names = proptest::sample::select(vec![
        "a.conf", "B.conf", "b.conf", "c.conf~", ".d.conf", "e.alias", ".conf",
    ]);
    let directory = proptest::collection::btree_map(names, made_up(), 0..4);
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() });
    let result = runner.run(&proptest::collection::vec(directory, 1..3), |directories| {
        let files = |map: &BTreeMap<&str, Vec<u8>>| -> Vec<(String, Vec<u8>)> {
            map.iter().map(|(name, bytes)| (name.to_string(), bytes.clone())).collect()
        };
        let owned: Vec<_> = directories.iter().map(files).collect();
        let borrowed: Vec<Vec<File>> =
            owned.iter().map(|d| d.iter().map(|(n, b)| (n.clone(), b.as_slice())).collect()).collect();
        modprobe.agrees(&borrowed).map_err(TestCaseError::fail)
    });
    if let Err(difference) = result {
        panic!("{difference}");
    }
}
