//! Where the cached way is not open, a task runs the ordinary way by itself.

use std::fs;
use std::path::Path;

use crate::accounts;
use crate::world::{Ran, Way, World, shell, within};

/// A task in the background, and a look at how it ended where nobody waits for it.
const BACKGROUND: &str = "
- hosts: target
  gather_facts: false
  tasks:
    - pci.passthrough.driver_blacklist:
        root: ROOT
        drivers: nouveau
        initramfs: false
      async: 60
      poll: POLL
      register: job
    - ansible.builtin.async_status:
        jid: '{{ job.ansible_job_id }}'
      register: done
      until: done.finished
      retries: 60
      delay: 1
      when: POLL == 0
    - ansible.builtin.assert:
        that: (job if POLL else done).changed
";

/// One task that changes the sample host, with these options; it must succeed.
#[track_caller]
fn change(world: &World, root: &Path, options: &[&str]) -> Ran {
    let arguments = format!("root={} drivers=nouveau initramfs=false", root.display());
    let ran = world.task(Way::Cached, "driver_blacklist", &arguments, options);
    assert!(ran.text.contains("CHANGED"), "{options:?}: {}", ran.text);
    ran.succeeded()
}

/// The same on a fresh copy of the sample host; it must have been copied the ordinary way, and `-vvv` says why.
#[track_caller]
fn ordinary(world: &World, what: &str, options: &[&str]) {
    let root = world.host("debian-amd");
    let ran = change(world, &root, &[options, &["-vvv"]].concat());
    assert!(ran.text.contains("driver_blacklist runs the ordinary way: "), "{what}: {}", ran.text);
    assert!(ran.files() > 0, "{what}: {:?}\n{}", ran.channels, ran.text);
    let left = shell(&format!("ls -A {}/.ansible/tmp", accounts::HOME));
    assert_eq!(left, "", "{what}: files are left");
}

/// The same; it must have run from the cache.
#[track_caller]
fn cached(world: &World, what: &str, options: &[&str]) {
    let root = world.host("debian-amd");
    let ran = change(world, &root, options);
    assert_eq!(ran.files(), 0, "{what}: {:?}\n{}", ran.channels, ran.text);
}

pub fn in_the_background(version: &str) {
    within("cached::in_the_background", version, |world| {
        for poll in ["1", "0"] {
            let root = world.host("debian-amd");
            let book = BACKGROUND.replace("ROOT", &root.display().to_string()).replace("POLL", poll);
            let ran = world.play(Way::Cached, &book, &["--become", "-vvv"]).succeeded();
            assert!(ran.text.contains("runs the ordinary way: async"), "{}", ran.text);
            assert!(ran.files() > 0, "{:?}", ran.channels);
            assert!(!Path::new("/var/lib/pci-passthrough").exists(), "nothing is cached");
        }
    });
}

pub fn where_the_way_is_not_open(version: &str) {
    within("cached::where_the_way_is_not_open", version, |world| {
        // su asks on a terminal, which is no way for arguments.
        shell("echo root:secret | chpasswd");
        ordinary(
            world,
            "su",
            &["--become", "--become-method=su", "--extra-vars=ansible_become_password=secret"],
        );
        world.connection("copying", "has_pipelining = True", "has_pipelining = False");
        ordinary(world, "a connection that cannot pipeline", &["--extra-vars=ansible_connection=copying"]);
        accounts::sudo(&format!("Defaults:{} requiretty", accounts::LOGIN));
        ordinary(world, "sudo that wants a terminal", &["--become"]);
        accounts::sudo(&format!("Defaults:{} use_pty", accounts::LOGIN));
        cached(world, "sudo that makes a terminal", &["--become"]);
        accounts::sudo("");
        let terminal = "--extra-vars=ansible_ssh_extra_args='-o RequestTTY=force'";
        ordinary(world, "a terminal in place of standard input", &[terminal]);
        world.configure("keep_remote_files = true");
        let root = world.host("debian-amd");
        let ran = change(world, &root, &["-vvv"]);
        assert!(ran.files() > 0, "files are kept");
        assert!(ran.text.contains("runs the ordinary way: keep_remote_files"), "{}", ran.text);
        world.configure("");
        shell(&format!("rm -rf {}/.ansible/tmp/*", accounts::HOME));

        // A local task that expects to be asked for a password has a terminal, too.
        let root = world.host("debian-amd");
        let local = format!(
            "ansible_connection=local ansible_become_user={} ansible_become_password=x",
            accounts::LOGIN
        );
        shell("chmod 755 /home");
        let ran = change(world, &root, &["--become", "--extra-vars", &local]);
        assert!(ran.channels.is_empty(), "{:?}", ran.channels);
    });
}

pub fn where_the_target_cannot_keep_or_run_the_copy(version: &str) {
    within("cached::where_the_target_cannot", version, |world| {
        cached(world, "root's cache", &["--become"]);
        let own = format!("{}/.cache", accounts::HOME);

        shell("mount -t tmpfs -o noexec,mode=755 none /var/lib/pci-passthrough");
        ordinary(world, "a file system without execution, root", &["--become"]);
        shell("umount /var/lib/pci-passthrough");
        cached(world, "and with it again", &["--become"]);
        shell(&format!(
            "mkdir -p {own}; mount -t tmpfs -o noexec,mode=700,uid=$(id -u {}) none {own}",
            accounts::LOGIN
        ));
        ordinary(world, "a file system without execution", &[]);
        shell(&format!("umount {own}"));

        shell(
            "mount --bind -o ro /var/lib/pci-passthrough /var/lib/pci-passthrough; mount -o remount,bind,ro /var/lib/pci-passthrough",
        );
        cached(world, "a full cache that is read only", &["--become"]);
        shell(
            "umount /var/lib/pci-passthrough; rm -rf /var/lib/pci-passthrough; touch /var/lib/pci-passthrough",
        );
        ordinary(world, "a file where the folder belongs", &["--become"]);
        shell(
            "rm /var/lib/pci-passthrough; mkdir -p /var/lib/pci-passthrough; mount -t tmpfs -o ro none /var/lib/pci-passthrough",
        );
        ordinary(world, "a cache that is read only", &["--become"]);
        shell("umount /var/lib/pci-passthrough");
        shell("mount -t tmpfs -o size=16k,mode=755 none /var/lib/pci-passthrough");
        ordinary(world, "a full disk", &["--become"]);
        assert_eq!(shell("ls -A /var/lib/pci-passthrough/bin"), "", "half a copy is left");
        shell("umount /var/lib/pci-passthrough; rm -rf /var/lib/pci-passthrough");

        let program = shell("realpath $(command -v sha256sum)");
        let nothing = world.path("nothing");
        fs::write(&nothing, "").expect("an empty file");
        shell(&format!("mount --bind {} {program}", nothing.display()));
        ordinary(world, "no sha256sum", &["--become"]);
        shell(&format!("umount {program}"));
        cached(world, "a cold cache", &["--become"]);
        shell(&format!("sed -i 's,:{}:,:/nonexistent:,' /etc/passwd", accounts::HOME));
        let ran = world.task(Way::Cached, "iommu_facts", "root=/nowhere", &[]);
        // Without a home the ordinary way cannot work either; its message is the one that is seen.
        let without = world.task(Way::Ordinary, "iommu_facts", "root=/nowhere", &[]);
        let why = "Failed to create temporary directory";
        assert!(without.text.contains(why) && ran.text.contains(why), "no home: {}", ran.text);
        assert_eq!(ran.rc, without.rc, "no home");
    });
}
