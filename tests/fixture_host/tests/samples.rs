//! The sample hosts in git are what the builder makes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Path, and a file's content or a link's target. Git keeps no empty folders: they do not count.
fn contents(top: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![top.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(top).unwrap().to_path_buf();
            if path.is_symlink() {
                found.insert(name, fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes());
            } else if path.is_dir() {
                open.push(path);
            } else {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn trees_and_builder_agree() {
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/hosts");
    for (name, build) in [
        ("pve-intel-two-gpus", fixture_host::pve_intel_two_gpus as fn(&Path) -> fixture_host::Host),
        ("debian-amd", fixture_host::debian_amd),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let built = build(&scratch.path().join("host"));
        let (built, kept) = (contents(built.dir()), contents(&hosts.join(name)));
        let differing: Vec<_> =
            built.keys().chain(kept.keys()).filter(|path| built.get(*path) != kept.get(*path)).collect();
        assert!(
            differing.is_empty(),
            "{name}: run `cargo run -p fixture_host --example samples`; differing: {differing:?}"
        );
        assert!(kept.len() < 600, "{name} has {} files", kept.len());
    }
}
