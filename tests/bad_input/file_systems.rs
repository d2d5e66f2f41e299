//! File systems that refuse: read-only, full, not ours. Needs root, to mount them or to become nobody.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use proofs::{Snapshot, answer, binary, need_root};

use crate::arguments::unprivileged;
use crate::sandbox::{Sandbox, judged, limited, modules, refused};

/// A file system in memory on the sandbox's root, in a mount namespace of this thread.
struct Memory<'a> {
    sandbox: &'a Sandbox,
}

impl Memory<'_> {
    fn mount<'a>(sandbox: &'a Sandbox, options: &str) -> Memory<'a> {
        let nothing = None::<&str>;
        unshare(CloneFlags::CLONE_NEWNS).expect("root may have a mount namespace");
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).expect("private mounts");
        mount(Some("tmpfs"), &sandbox.root(), Some("tmpfs"), MsFlags::empty(), Some(options))
            .expect("a tmpfs");
        Memory { sandbox }
    }

    fn read_only(&self) {
        let nothing = None::<&str>;
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(nothing, &self.sandbox.root(), nothing, flags, nothing).expect("remount read-only");
    }
}

impl Drop for Memory<'_> {
    fn drop(&mut self) {
        let _ = umount2(&self.sandbox.root(), MntFlags::MNT_DETACH);
    }
}

/// The modules that write, and a word that the message about the cause must hold.
const WRITERS: [&str; 6] =
    ["grub_iommu", "systemd_boot_iommu", "vfio_modules", "driver_blacklist", "vfio_bind", "pve_hostpci"];

#[test]
fn a_read_only_file_system_is_named() {
    if !need_root("bad_input::a_read_only_file_system_is_named") {
        return;
    }
    for (module, arguments) in modules().into_iter().filter(|(name, _)| WRITERS.contains(name)) {
        let sandbox = Sandbox::new();
        let memory = Memory::mount(&sandbox, "mode=755");
        sandbox.fill(&sandbox.root());
        memory.read_only();
        let before = Snapshot::of(&sandbox.root());
        let message = refused(module, &sandbox, &mut limited(module), &sandbox.rooted(&arguments));
        assert!(message.to_lowercase().contains("read-only"), "{module}: {message}");
        assert_eq!(before.traces(&Snapshot::of(&sandbox.root())), [""; 0], "{module}");
    }
}

#[test]
fn a_full_disk_leaves_no_half_file() {
    if !need_root("bad_input::a_full_disk_leaves_no_half_file") {
        return;
    }
    for (module, arguments) in modules().into_iter().filter(|(name, _)| WRITERS.contains(name)) {
        // With no inode left, with no block left.
        for (case, options) in [("inodes", "mode=755,nr_inodes=200"), ("blocks", "mode=755,size=256k")] {
            let sandbox = Sandbox::new();
            let _memory = Memory::mount(&sandbox, options);
            sandbox.fill(&sandbox.root());
            exhaust(&sandbox.root(), case);
            let before = Snapshot::of(&sandbox.root());
            let case = format!("{module}: no {case} left");
            let message = refused(&case, &sandbox, &mut limited(module), &sandbox.rooted(&arguments));
            assert!(message.contains("No space left"), "{case}: {message}");
            assert_eq!(before.differences(&Snapshot::of(&sandbox.root())), [""; 0], "{case}");
        }
    }
}

/// Fills the file system up. Where blocks are to run out, some inodes stay, and the other way round.
fn exhaust(root: &Path, what: &str) {
    let room = root.join("room");
    fs::create_dir(&room).expect("a folder");
    if what == "blocks" {
        // tmpfs gives whole pages, and none for an empty file.
        let mut size = 1 << 20;
        for number in 0.. {
            while size > 0 && fs::write(room.join(format!("{number}")), vec![0; size]).is_err() {
                size /= 2;
            }
            if size < 4096 {
                break;
            }
        }
        return;
    }
    for number in 0.. {
        if fs::write(room.join(format!("{number}")), "").is_err() {
            break;
        }
    }
}

#[test]
fn without_permission_nothing_is_written_and_root_is_named() {
    if !need_root("bad_input::without_permission_nothing_is_written_and_root_is_named") {
        return;
    }
    for (module, arguments) in modules().into_iter().filter(|(name, _)| WRITERS.contains(name)) {
        let sandbox = Sandbox::new();
        let program = sandbox.neighbour().join(module);
        fs::copy(binary(module), &program).expect("copy the module");
        let nobody = || {
            let mut command = unprivileged(&program);
            command.arg("-");
            command
        };
        // Readable, not writable.
        let message = refused(module, &sandbox, &mut nobody(), &sandbox.rooted(&arguments));
        assert!(message.contains("root") && message.contains("become"), "{module}: {message}");
        // Not even readable.
        let (file, unreadable) = match module {
            "grub_iommu" => ("etc/default/grub", 0o600),
            "systemd_boot_iommu" => ("etc/kernel/cmdline", 0o600),
            "vfio_modules" => ("etc/modules", 0o600),
            "pve_hostpci" => ("etc/pve/qemu-server/100.conf", 0o600),
            _ => ("etc/modprobe.d/local.conf", 0o600),
        };
        fs::set_permissions(sandbox.root().join(file), fs::Permissions::from_mode(unreadable))
            .expect("chmod");
        let before = sandbox.snapshot();
        let reply = answer(&mut nobody(), &sandbox.rooted(&arguments));
        let message = judged(&format!("{module}: unreadable"), &before, &sandbox, reply);
        assert!(message.contains(file), "{module}: {message}");
    }
}

/// Facts are for everybody: what needs root is left out.
#[test]
fn facts_without_permission_are_fewer_but_no_failure() {
    if !need_root("bad_input::facts_without_permission_are_fewer_but_no_failure") {
        return;
    }
    let sandbox = Sandbox::new();
    let program = sandbox.neighbour().join("iommu_facts");
    fs::copy(binary("iommu_facts"), &program).expect("copy the module");
    fs::set_permissions(sandbox.root().join("boot"), fs::Permissions::from_mode(0o700)).expect("chmod");
    let mut command = unprivileged(&program);
    let reply = answer(command.arg("-"), &sandbox.rooted(&serde_json::json!({}))).expect_ok();
    assert!(reply.json["ansible_facts"].is_object(), "{}", reply.json);
}
