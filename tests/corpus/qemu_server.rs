//! Real configurations of virtual machines: read and written back byte for byte, edited in one line only, and,
//! where Proxmox VE wrote them itself, foreseen as it would write them again.

use std::fs;

use config_text::qemu_server_conf::{Change, Conf, Hostpci, after_qm_set, canonical};
use proofs::corpus;

/// Name and content of each file.
fn files(proof: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let dir = corpus(proof)?.join("qemu_server");
    let mut files = Vec::new();
    for entry in fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
        let path = entry.expect("a directory entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        files.push((name, fs::read(&path).expect("a corpus file")));
    }
    files.sort();
    assert!(!files.is_empty(), "{}: no files", dir.display());
    Some(files)
}

/// The configurations among them; the others are command lines of QEMU.
fn configurations(proof: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let files: Vec<_> = files(proof)?.into_iter().filter(|(name, _)| name.ends_with(".conf")).collect();
    assert!(!files.is_empty(), "no configuration in the corpus");
    Some(files)
}

/// The lines of `after` that are not in `before`, in order, and the other way round.
fn differences<'a>(before: &'a [u8], after: &'a [u8]) -> (Vec<&'a [u8]>, Vec<&'a [u8]>) {
    let lines = |bytes: &'a [u8]| bytes.split_inclusive(|b| *b == b'\n').collect::<Vec<_>>();
    let (mut old, mut new) = (lines(before), lines(after));
    while !old.is_empty() && old.first() == new.first() {
        old.remove(0);
        new.remove(0);
    }
    while !old.is_empty() && old.last() == new.last() {
        old.pop();
        new.pop();
    }
    (old, new)
}

#[test]
fn each_file_is_written_back_byte_for_byte() {
    let Some(files) = files("corpus qemu_server") else { return };
    for (name, bytes) in &files {
        assert!(Conf::parse(bytes).write() == *bytes, "{name}");
    }
    println!("corpus qemu_server: {} files, each written back as it was", files.len());
}

#[test]
fn each_entry_is_understood_and_written_back() {
    let Some(files) = configurations("corpus qemu_server, entries") else { return };
    let mut entries = 0;
    for (name, bytes) in &files {
        let conf = Conf::parse(bytes);
        for value in (0..16).filter_map(|index| conf.get(&format!("hostpci{index}"))) {
            let entry = Hostpci::parse(&value);
            assert_eq!(entry.fault(), None, "{name}: {value}");
            assert_eq!(entry.write(), value, "{name}");
            assert!(entry.device().is_some() && entry.same_as(&entry), "{name}: {value}");
            entries += 1;
        }
        let in_file =
            String::from_utf8_lossy(bytes).lines().filter(|line| line.starts_with("hostpci")).count();
        let read = (0..16).filter(|index| conf.get(&format!("hostpci{index}")).is_some()).count();
        assert_eq!(read, in_file, "{name}: no snapshot of the corpus has an entry");
    }
    println!("corpus qemu_server: {entries} hostpci entries, all understood");
    assert!(entries > 0, "the corpus holds no hostpci entry");
}

#[test]
fn an_edit_of_each_file_touches_one_line_and_comes_off_again() {
    let Some(files) = configurations("corpus qemu_server, edited") else { return };
    for (name, bytes) in &files {
        let mut conf = Conf::parse(bytes);
        for index in 0..16 {
            let key = format!("hostpci{index}");
            let had = conf.get(&key);
            conf.set(&key, "0000:7f:00.0,pcie=1");
            let edited = conf.write();
            let (old, new) = differences(bytes, &edited);
            // Behind a last line without an end, that line gets one.
            let behind = edited.ends_with(b"0000:7f:00.0,pcie=1") && had.is_none();
            let ended = usize::from(behind && !bytes.is_empty());
            assert_eq!(
                (old.len(), new.len()),
                (usize::from(had.is_some()) + ended, 1 + ended),
                "{name} {key}"
            );
            match &had {
                Some(value) => conf.set(&key, value),
                None => conf.remove(&key),
            }
            assert!(conf.write() == *bytes, "{name} {key}");
        }
    }
    println!("corpus qemu_server: {} files edited at 16 keys and brought back", files.len());
}

/// Files that Proxmox VE's own `write_vm_config` wrote: what it gave in upstream's snapshot tests, and those of
/// real nodes, one of which was edited by hand (its `args` stand before `agent`).
fn is_proxmox_own(name: &str) -> bool {
    name.contains("snapshot-expected") || (name.contains("etc@pve@") && !name.starts_with("Andrei-Paul"))
}

#[test]
fn what_proxmox_wrote_is_what_we_foresee() {
    let Some(files) = configurations("corpus qemu_server, as qm writes") else { return };
    let mut own = 0;
    for (name, bytes) in files.iter().filter(|(name, _)| is_proxmox_own(name)) {
        // A copy in a repository may have lost its last line end.
        let whole = [bytes.as_slice(), if bytes.ends_with(b"\n") { b"" } else { b"\n" }].concat();
        assert_eq!(
            String::from_utf8_lossy(&canonical(bytes)),
            String::from_utf8_lossy(&whole),
            "{name}: not as Proxmox VE wrote it"
        );
        own += 1;
        // In such a file, qm's work and an edit of our own are the same.
        let mut conf = Conf::parse(&whole);
        conf.set("hostpci9", "mapping=gpu");
        let set = [Change::Set("hostpci9".to_string(), "mapping=gpu".to_string())];
        assert!(after_qm_set(&whole, &set, false) == conf.write(), "{name}");
        let delete = [Change::Delete("hostpci9".to_string())];
        let unset = after_qm_set(&conf.write(), &delete, false);
        conf.remove("hostpci9");
        assert!(unset == conf.write(), "{name}");
    }
    println!("corpus qemu_server: {own} files that Proxmox VE wrote, foreseen byte for byte");
    assert!(own > 0, "no file of Proxmox VE's own in the corpus");
}
