//! Real `/etc/kernel/cmdline` files and real loader entries: each is edited, holds what was wanted, and comes back
//! byte for byte; or it is refused, for a reason that is true.

use std::fs;
use std::path::{Path, PathBuf};

use config_text::kernel_cmdline::{Wish, tokens};
use config_text::loader_entry;
use fixture_host::Host;
use proofs::{Snapshot, binary, corpus, rehearsed};
use serde_json::json;

const NONE: &[&str] = &[];
const WANTED: [&str; 2] = ["intel_iommu=on", "pcie_acs_override=downstream,multifunction"];
/// Files that must be refused, and why.
const REFUSED: [(&str, &str); 1] = [("douglarek", "kernel_cmdline_no_root")];

fn files(corpus: &Path) -> Vec<(String, PathBuf)> {
    let list = fs::read_dir(corpus.join("kernel_cmdline")).expect("the corpus has kernel command lines");
    let mut files: Vec<_> = list
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    files.sort();
    files
}

#[test]
fn real_command_line_files_by_the_module() {
    let Some(corpus) = corpus("corpus_kernel_cmdline::files") else { return };
    let program = binary("systemd_boot_iommu");
    let mut seen = 0;
    for (name, path) in files(&corpus).into_iter().filter(|(name, _)| name.ends_with("kernel@cmdline")) {
        seen += 1;
        let before = fs::read(&path).expect("a file");
        let dir = tempfile::tempdir().expect("a folder");
        let host = Host::new(dir.path());
        host.file("/boot/efi/loader/loader.conf", "")
            .file("/boot/vmlinuz-6.1", "")
            .file("/etc/kernel/cmdline", &before);
        let first = Snapshot::of(dir.path());
        // Absent does not ask who wrote a parameter: only what is new comes and goes without a trace.
        let old = tokens(&before);
        let fresh: Vec<&str> =
            WANTED.into_iter().filter(|wanted| !old.iter().any(|t| t.raw == wanted.as_bytes())).collect();
        let run = |state: &str| {
            let arguments = json!({"state": state, "enable_parameter": "never", "vendor": "intel", "update": false,
                                   "parameters": fresh});
            rehearsed(program.to_str().expect("a path"), dir.path(), &arguments)
        };
        let reply = run("present");
        if let Some((_, code)) = REFUSED.iter().find(|(owner, _)| name.starts_with(owner)) {
            assert_eq!(reply.json["code"], *code, "{name}");
            println!("refused  {name}: {}", reply.json["code"]);
            continue;
        }
        let after = fs::read(host.at("/etc/kernel/cmdline")).expect("a file");
        let reply = reply.expect_ok();
        let count =
            |wanted: &str| tokens(&after).iter().filter(|token| token.raw == wanted.as_bytes()).count();
        assert!(WANTED.iter().all(|wanted| count(wanted) == 1), "{name}: {}", reply.json);
        assert!(
            old.iter().all(|token| tokens(&after).iter().any(|new| new.raw == token.raw)),
            "{name}: lost one"
        );
        let _ = run("absent").expect_ok();
        assert_eq!(first.differences(&Snapshot::of(dir.path())), [""; 0], "{name}");
        println!("undone   {name}");
    }
    assert!(seen >= 3, "the corpus has {seen} files");
}

#[test]
fn real_entries_are_edited_and_come_back() {
    let Some(corpus) = corpus("corpus_kernel_cmdline::entries") else { return };
    let mut seen = 0;
    for (name, path) in files(&corpus).into_iter().filter(|(name, _)| name.ends_with(".conf")) {
        seen += 1;
        let before = fs::read(&path).expect("a file");
        let parsed = loader_entry::parse(&before);
        let text = String::from_utf8_lossy(&before).into_owned();
        let has = |key: &str| text.lines().any(|line| line.split_whitespace().next() == Some(key));
        assert_eq!((parsed.linux.is_some(), parsed.title.is_some()), (has("linux"), has("title")), "{name}");
        assert_eq!(parsed.options.is_empty(), !has("options"), "{name}");
        let (after, _) = loader_entry::edit(&before, &Wish::new(&WANTED, NONE, true).expect("a wish"));
        let arguments = loader_entry::parse(&after).arguments(&after);
        assert!(
            WANTED.iter().all(|wanted| tokens(&arguments).iter().any(|t| t.raw == wanted.as_bytes())),
            "{name}"
        );
        let fresh: Vec<&str> = WANTED
            .into_iter()
            .filter(|wanted| !tokens(&parsed.arguments(&before)).iter().any(|t| t.raw == wanted.as_bytes()))
            .collect();
        let kept = |token: &Vec<u8>| tokens(&arguments).iter().any(|new| new.raw == token.as_slice());
        let replaced = !tokens(&parsed.arguments(&before))
            .iter()
            .map(|token| token.raw.to_vec())
            .all(|token| kept(&token));
        let (back, _) = loader_entry::edit(&after, &Wish::new(NONE, &fresh, false).expect("a wish"));
        assert_eq!(back == before, !replaced, "{name}: {}", String::from_utf8_lossy(&back));
        println!("{}  {name}", if replaced { "edited (a contrary value was replaced)" } else { "undone" });
    }
    assert!(seen >= 10, "the corpus has {seen} entries");
}
