//! Real `/etc/default/grub` files against the real `sh`, and made-up ones (`grub_made_up`): what we take for the
//! command line is what the shell holds, our edit is in force there, and undoing it brings every byte back.

mod grub_made_up;
mod grub_module;
mod sandbox;

use std::fs;
use std::path::Path;

use config_text::grub_default::{self, CMDLINE, CMDLINE_DEFAULT, Change, File, Settings, Target};
use config_text::kernel_cmdline::{Token, Wish, key_eq, tokens};
use config_text::shell_assignment::Dialect;
use proofs::corpus;
use sandbox::{Sandbox, Values};

const MAIN: &str = "/etc/default/grub";
const OWN: &str = "/etc/default/grub.d/zz-pci-passthrough.cfg";
const NONE: &[&str] = &[];

/// What is asked for, and how a result is judged without any of the editor's own code.
struct Demand {
    present: &'static [&'static str],
    /// Tokens that contradict them.
    contrary: &'static [&'static str],
}

const DEMANDS: &[Demand] = &[
    Demand { present: &["intel_iommu=on"], contrary: &["intel_iommu=off", "amd_iommu=off", "iommu=off"] },
    Demand {
        present: &["intel_iommu=on", "iommu=pt"],
        contrary: &["intel_iommu=off", "amd_iommu=off", "iommu=off", "iommu=nopt", "iommu.passthrough=0"],
    },
    Demand {
        present: &["amd_iommu=on", "pcie_acs_override=downstream", "kvm.ignore_msrs=1"],
        contrary: &["intel_iommu=off", "amd_iommu=off", "iommu=off", "kvm.ignore_msrs=0"],
    },
];

/// How a file fared.
enum Fate {
    Right,
    /// With the reason that the user would read.
    Refused(String),
    Wrong(String),
}

/// Whether a token is the wanted one, itself or as part of a comma list.
fn gives(token: &[u8], wanted: &str) -> bool {
    let (token, wanted) = (Token::new(token), Token::new(wanted.as_bytes()));
    let parts = |value: Option<&[u8]>| -> Vec<Vec<u8>> {
        value.unwrap_or_default().split(|byte| *byte == b',').map(<[u8]>::to_vec).collect()
    };
    let there = parts(token.value());
    key_eq(token.key(), wanted.key()) && parts(wanted.value()).iter().all(|part| there.contains(part))
}

fn words(value: Option<&Vec<u8>>) -> Vec<Vec<u8>> {
    let value = value.map(Vec::as_slice).unwrap_or_default();
    tokens(value).iter().map(|token| token.raw.to_vec()).collect()
}

impl Demand {
    /// The tokens that neither are wanted nor contradict: they must come through unchanged. Of a comma list
    /// that the edit is about, each other part has to.
    fn others(&self, value: Option<&Vec<u8>>) -> Vec<Vec<u8>> {
        let about = || self.present.iter().chain(self.contrary);
        let touched = |word: &[u8]| about().any(|token| gives(word, token));
        let mut others = Vec::new();
        for word in words(value) {
            let token = Token::new(&word);
            let mine = about().any(|other| key_eq(token.key(), Token::new(other.as_bytes()).key()));
            match token.value().filter(|_| mine) {
                Some(list) => {
                    let parts =
                        list.split(|byte| *byte == b',').map(|part| [token.key(), b"=", part].concat());
                    others.extend(parts.filter(|part| !touched(part)));
                }
                None if !touched(&word) => others.push(word.clone()),
                None => {}
            }
        }
        others
    }

    /// Whether the tokens hold nothing that the edit is about.
    fn untouched_by(&self, values: &Values) -> bool {
        let line = words(Some(&values.entry()));
        !line.iter().any(|word| self.present.iter().chain(self.contrary).any(|token| gives(word, token)))
    }

    fn judge(&self, before: &Values, after: &Values) -> Result<(), String> {
        let line = words(Some(&after.entry()));
        for wanted in self.present {
            let count = line.iter().filter(|word| gives(word, wanted)).count();
            if count != 1 {
                return Err(format!("{wanted} is there {count} times"));
            }
        }
        for contrary in self.contrary {
            if line.iter().any(|word| gives(word, contrary)) {
                return Err(format!("{contrary} is still there"));
            }
        }
        let pairs = [(&before.cmdline, &after.cmdline), (&before.cmdline_default, &after.cmdline_default)];
        for (before, after) in pairs {
            if self.others(before.as_ref()) != self.others(after.as_ref()) {
                return Err("another token changed".into());
            }
        }
        Ok(())
    }
}

fn applied(files: &[File], changes: &[Change]) -> Vec<File> {
    let mut result = files.to_vec();
    for change in changes {
        result.retain(|file| file.name != change.name);
        if let Some(bytes) = &change.after {
            result.push(File { name: change.name.clone(), bytes: bytes.clone() });
        }
    }
    result.sort_by(|a, b| (a.name != MAIN, &a.name).cmp(&(b.name != MAIN, &b.name)));
    result
}

/// Puts one demand to one set of files.
fn fate(sandbox: &Sandbox, files: &[File], target: Target, demand: &Demand) -> Fate {
    match checked(sandbox, files, target, demand) {
        Ok(None) => Fate::Right,
        Ok(Some(reason)) => Fate::Refused(reason),
        Err(fault) => Fate::Wrong(fault),
    }
}

fn checked(
    sandbox: &Sandbox,
    files: &[File],
    target: Target,
    demand: &Demand,
) -> Result<Option<String>, String> {
    let settings = |files| Settings { files, dialect: sandbox.dialect };
    let before = sandbox.values(files);
    let wish = Wish::new(demand.present, NONE, true).expect("a good wish");
    let outcome = match (grub_default::edit(&settings(files), target, &wish), &before) {
        (Err(refusal), None) => return Ok(Some(refusal.to_string())),
        (Err(refusal), Some(_)) => return Err(format!("refused, though the shell reads it: {refusal}")),
        (Ok(_), None) => return Err("edited, though the shell gives it up".into()),
        (Ok(outcome), Some(_)) => outcome,
    };
    let before = before.ok_or("unreachable")?;
    if let Some(cmdline) = &outcome.before.cmdline
        && words(Some(cmdline)) != words(Some(&before.entry()))
    {
        return Err(format!("read as {:?}", String::from_utf8_lossy(cmdline)));
    }
    let edited = applied(files, &outcome.changes);
    let after = sandbox.values(&edited).ok_or("the shell gives the edited files up")?;
    demand.judge(&before, &after)?;
    if demand.present.iter().all(|wanted| before_holds_once(&before, wanted))
        && demand.judge(&before, &before).is_ok()
        && !outcome.changes.is_empty()
        && outcome.before.cmdline.is_some()
    {
        return Err("changed, though it was right".into());
    }
    let again = grub_default::edit(&settings(&edited), target, &wish)
        .map_err(|error| format!("second run: {error}"))?;
    if !again.changes.is_empty() {
        return Err("a second run changes it again".into());
    }
    let undo = Wish::new(NONE, demand.present, false).expect("a good wish");
    let undone =
        grub_default::edit(&settings(&edited), target, &undo).map_err(|error| format!("absent: {error}"))?;
    let restored = applied(&edited, &undone.changes);
    let gone = sandbox.values(&restored).ok_or("the shell gives the restored files up")?;
    if words(Some(&gone.entry())).iter().any(|word| demand.present.iter().any(|wanted| gives(word, wanted))) {
        return Err("absent leaves a parameter".into());
    }
    if demand.untouched_by(&before) && restored != files {
        return Err("absent does not restore the bytes".into());
    }
    Ok(None)
}

fn before_holds_once(before: &Values, wanted: &str) -> bool {
    words(Some(&before.entry())).iter().filter(|word| gives(word, wanted)).count() == 1
}

fn listed(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| {
            let entry = entry.expect("an entry");
            (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("a file"))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn real_files_are_edited_right() {
    let proof = "corpus grub";
    let Some(corpus) = corpus(proof) else { return };
    let Some(dash) = Sandbox::new(proof, Dialect::Posix) else { return };
    let Some(bash) = Sandbox::new(proof, Dialect::Bash) else { return };
    for sandbox in [dash, bash] {
        edits_right(&corpus, &sandbox);
    }
}

fn edits_right(corpus: &Path, sandbox: &Sandbox) {
    let main_files = listed(&corpus.join("grub_default"));
    let drop_ins = listed(&corpus.join("grub_d"));
    let (mut right, mut refused, mut wrong) = (0, 0, 0);
    let mut report = String::new();
    for (name, bytes) in &main_files {
        let main = File { name: MAIN.into(), bytes: bytes.clone() };
        let mut cases = vec![("alone", vec![main.clone()], MAIN)];
        // The distributions whose /bin/sh is bash read no drop-ins.
        if sandbox.dialect == Dialect::Posix {
            cases.push(("alone, drop-ins read", vec![main.clone()], OWN));
            for (drop_in, bytes) in &drop_ins {
                let short = drop_in.rsplit('@').next().unwrap_or(drop_in);
                let file = File { name: format!("/etc/default/grub.d/{short}"), bytes: bytes.clone() };
                cases.push((short, vec![main.clone(), file], OWN));
            }
        }
        let mut worst = Fate::Right;
        for (case, files, own_file) in &cases {
            for variable in [CMDLINE_DEFAULT, CMDLINE] {
                for demand in DEMANDS {
                    match fate(sandbox, files, Target { variable, own_file }, demand) {
                        Fate::Right => {}
                        Fate::Refused(reason) => {
                            if matches!(worst, Fate::Right) {
                                worst = Fate::Refused(reason);
                            }
                        }
                        Fate::Wrong(fault) => {
                            worst = Fate::Wrong(format!("{case}, {variable}, {:?}: {fault}", demand.present));
                        }
                    }
                }
            }
        }
        let verdict = match worst {
            Fate::Right => {
                right += 1;
                "right".to_string()
            }
            Fate::Refused(reason) => {
                refused += 1;
                format!("refused: {reason}")
            }
            Fate::Wrong(fault) => {
                wrong += 1;
                format!("WRONG: {fault}")
            }
        };
        report.push_str(&format!("  {name}: {verdict}\n"));
    }
    println!(
        "{report}grub_default under {:?}: {} files, right {right}, refused {refused}, wrong {wrong}",
        sandbox.dialect,
        main_files.len()
    );
    assert_eq!(wrong, 0, "\n{report}");
    assert!(right > 0, "the corpus holds no grub_default file");
}

/// Each was judged by reading the file: the same parameters stand in both variables.
#[test]
fn doubled_parameters_are_found_and_nothing_else() {
    let Some(corpus) = corpus("corpus grub, doubled and overridden parameters") else { return };
    let files = listed(&corpus.join("grub_default"));
    let mut found = Vec::new();
    for (name, bytes) in &files {
        let file = [File { name: MAIN.to_string(), bytes: bytes.clone() }];
        for finding in grub_default::lint(&Settings { files: &file, dialect: Dialect::Bash }) {
            let owner = name.split("__").next().unwrap_or_default();
            eprintln!("{owner}:{} {}: {}", finding.line, finding.code, finding.message);
            found.push(format!("{owner}:{} {}", finding.line, finding.code));
        }
    }
    eprintln!("{} files, {} findings", files.len(), found.len());
    assert_eq!(found.iter().filter(|line| *line == "mikumeow+PVE_BAK:9 parameter_doubled").count(), 2);
    // A corpus with more files may add to them.
    assert!(files.len() != 31 || found.len() == 2, "findings that nobody judged: {found:#?}");
}
