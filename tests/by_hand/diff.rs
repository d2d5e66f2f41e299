//! The diff shown before a change, given to the real `patch`, makes of the file what the change makes of it.

use std::cell::Cell;
use std::fs;
use std::process::{Command, Stdio};

use proofs::need_program;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::{Host, text};

#[test]
fn patch_does_what_the_module_does() {
    let (Some(patch), Some(_)) = (
        need_program("by_hand: diff", "patch", "patch"),
        need_program("by_hand: diff -u", "diff", "diffutils"),
    ) else {
        return;
    };
    let line = "(vfio|vfio_pci|# note|loop|dummy|#vfio|  vfio_iommu_type1  |; x|)(\r)?";
    let file = (prop::collection::vec(line, 0..14), any::<bool>());
    let config = Config { cases: 96, failure_persistence: None, ..Config::default() };
    let changed = Cell::new(0);
    TestRunner::new(config)
        .run(&(file, any::<bool>()), |((lines, closed), absent)| {
            let host = Host::new();
            let path = host.path("etc/modules");
            let before = lines.join("\n") + if closed && !lines.is_empty() { "\n" } else { "" };
            fs::write(&path, &before).expect("a file");
            let state = if absent { "state=absent" } else { "state=present" };
            let shown = host.vfio_modules(&[state, "--check", "--diff"]).output().expect("it starts");
            prop_assert_eq!(shown.status.code(), Some(0));
            prop_assert_eq!(fs::read(&path).expect("the file"), before.as_bytes());
            let real = host.vfio_modules(&[state, "--diff"]).output().expect("it starts");
            let verdict = |text: &str| text.replace(" (check mode: nothing was changed)", "");
            prop_assert_eq!(verdict(&text(&shown)), text(&real));
            let copy = host.dir.path().join("copy");
            fs::write(&copy, &before).expect("a copy");
            if text(&real).starts_with("ok: ") {
                prop_assert_eq!(fs::read(&path).expect("the file"), before.as_bytes());
                return Ok(());
            }
            changed.set(changed.get() + 1);
            let mut patch = Command::new(&patch);
            patch.args(["--binary", "--silent", "--no-backup-if-mismatch", "--fuzz=0"]).arg(&copy);
            let mut patch = patch.stdin(Stdio::piped()).spawn().expect("patch starts");
            std::io::Write::write_all(&mut patch.stdin.take().expect("a pipe"), &shown.stdout)
                .expect("patch reads");
            prop_assert!(patch.wait().expect("patch ends").success());
            // patch removes a file that it empties.
            let patched = fs::read(&copy).unwrap_or_default();
            prop_assert_eq!(&patched, &fs::read(&path).unwrap_or_default(), "{}", text(&shown));
            // As many lines go and come as `diff` itself finds.
            fs::write(&copy, &before).expect("a copy");
            let own = Command::new("diff").arg("-u").arg(&copy).arg(&path).output().expect("diff starts");
            let count = |text: &str, sign| text.lines().skip(2).filter(|line| line.starts_with(sign)).count();
            for sign in ['-', '+', '@'] {
                prop_assert_eq!(
                    count(&text(&shown), sign),
                    count(&text(&own), sign),
                    "{}{}",
                    text(&shown),
                    text(&own)
                );
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let changed = changed.get();
    assert!(changed > 20, "only {changed} of the files changed");
}
