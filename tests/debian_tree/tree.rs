//! A Debian installation with its own GRUB, kernels, kmod and initramfs-tools: built once, copied for
//! each scenario.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use proofs::{need_program, need_root, not_run, target_dir};

/// The Debian release the tree is made of.
const SUITE: &str = "bookworm";
/// Changes with the recipe below: an older tree is then built anew.
const RECIPE: &str = "5";
/// What the scenarios need, and what the tree needs to look like a host: systemd brings
/// /etc/modules-load.d/modules.conf.
const PACKAGES: &str = "linux-image-cloud-amd64,grub-pc,kmod,initramfs-tools,zstd,systemd";
/// A second kernel, the lowest other version the archive has: entries and images are one per kernel.
const SECOND_KERNEL: &str = r#"
    name=$(apt-cache search --names-only '^linux-image-[0-9]+[.][0-9]+[.][0-9]+.*-cloud-amd64$' |
        cut -d' ' -f1 | sort -V | while read -r name; do
            dpkg-query -W "$name" >/dev/null 2>&1 || { echo "$name"; break; }
        done)
    test -n "$name" || { echo "the archive has no second kernel" >&2; exit 1; }
    DEBIAN_FRONTEND=noninteractive apt-get -qq --yes install "$name" >/dev/null
"#;

/// Nothing in a scenario writes there: mounted read-only from the first tree instead of copied, as it is most of
/// the bytes.
const SHARED: [&str; 3] = ["usr/bin", "usr/lib", "usr/share"];

/// A private copy of the tree, with /proc, /sys and /dev as an image builder mounts them. They are mounted
/// in a mount namespace of the calling thread (and of the programs it starts) only.
pub struct Tree {
    path: PathBuf,
    /// Where the rest of the copy comes from.
    base: PathBuf,
    /// What is mounted, in the order of mounting.
    mounted: Vec<PathBuf>,
}

impl Tree {
    /// A fresh copy for the scenario `name`; `None` after [`not_run`] where the machine cannot make one.
    pub fn new(name: &str) -> Option<Tree> {
        let base = base(&format!("debian_tree::{name}"))?;
        let path = home().join(format!("copy-{name}"));
        own_mounts();
        remove(&path);
        fs::create_dir_all(path.join("usr")).expect("a folder for the copy");
        for (from, except) in [("", "usr"), ("usr", "bin lib share")] {
            for entry in fs::read_dir(base.join(from)).expect("the tree is a directory") {
                let entry = entry.expect("an entry of the tree");
                if !except.split(' ').any(|name| entry.file_name() == name) {
                    run(Command::new("cp")
                        .args(["-a", "--reflink=auto"])
                        .arg(entry.path())
                        .arg(path.join(from)));
                }
            }
        }
        let mut tree = Tree { path, base, mounted: Vec::new() };
        for dir in SHARED {
            fs::create_dir(tree.path.join(dir)).expect("a place to mount");
            tree.bind(&tree.base.join(dir), dir);
        }
        tree.mount_system();
        Some(tree)
    }

    /// Mounts /proc, /sys and /dev, as image builders do.
    fn mount_system(&mut self) {
        let at = self.path.join("proc");
        mount(Some("proc"), &at, Some("proc"), MsFlags::MS_RDONLY, None::<&str>).expect("mount /proc");
        self.mounted.push(at);
        for dir in ["sys", "dev"] {
            self.bind(&Path::new("/").join(dir), dir);
        }
    }

    /// Shows `from` at `inside`, read-only: nothing in a scenario may reach the machine it runs on. Devices can be
    /// written all the same.
    fn bind(&mut self, from: &Path, inside: &str) {
        let (nothing, at) = (None::<&str>, self.path.join(inside));
        mount(Some(from), &at, nothing, MsFlags::MS_BIND, nothing).expect("bind mount");
        self.mounted.push(at.clone());
        let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(nothing, &at, nothing, flags, nothing).expect("make a bind mount read-only");
    }

    /// Takes /proc, /sys and /dev away.
    pub fn unmount_system(&mut self) {
        self.unmount(&["proc", "sys", "dev"]);
    }

    /// Takes /sys away, so that the tree may have one of its own.
    pub fn own_sysfs(&mut self) {
        self.unmount(&["sys"]);
    }

    fn unmount(&mut self, dirs: &[&str]) {
        for dir in dirs.iter().map(|dir| self.path.join(dir)) {
            if let Some(place) = self.mounted.iter().position(|mounted| *mounted == dir) {
                umount2(&self.mounted.remove(place), MntFlags::MNT_DETACH).expect("unmount");
            }
        }
    }

    /// Gives files and folders outside /usr/bin, /usr/lib and /usr/share the state that they were installed in, and
    /// mounts what was unmounted.
    pub fn mend(&mut self, inside: &[&str]) {
        for path in inside.iter().map(|path| path.trim_start_matches('/')) {
            remove(&self.path.join(path));
            run(Command::new("cp").arg("-a").arg(self.base.join(path)).arg(self.path.join(path)));
        }
        self.unmount_system();
        self.mount_system();
    }

    /// The root folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the tree, seen from outside.
    pub fn at(&self, inside: &str) -> PathBuf {
        self.path.join(inside.trim_start_matches('/'))
    }

    /// The bytes of a file.
    pub fn read(&self, inside: &str) -> Vec<u8> {
        fs::read(self.at(inside)).unwrap_or_else(|e| panic!("{inside}: {e}"))
    }

    /// Writes a file.
    pub fn write(&self, inside: &str, content: &str) {
        fs::write(self.at(inside), content).unwrap_or_else(|e| panic!("{inside}: {e}"));
    }

    /// Writes an executable shell script.
    pub fn script(&self, inside: &str, body: &str) {
        self.write(inside, &format!("#!/bin/sh\n{body}\n"));
        self.mode(inside, 0o755);
    }

    /// Sets the permission bits.
    pub fn mode(&self, inside: &str, bits: u32) {
        fs::set_permissions(self.at(inside), fs::Permissions::from_mode(bits))
            .unwrap_or_else(|e| panic!("{inside}: {e}"));
    }

    /// Runs a program of the tree inside it; it must succeed.
    pub fn inside(&self, words: &[&str]) -> Output {
        run(chroot(&self.path).args(words))
    }

    /// Releases of the installed kernels, sorted.
    pub fn kernels(&self) -> Vec<String> {
        let names = fs::read_dir(self.at("/boot")).expect("/boot is a directory");
        let names = names.map(|entry| entry.expect("an entry of /boot").file_name());
        let mut releases: Vec<String> =
            names.filter_map(|name| name.to_str()?.strip_prefix("vmlinuz-").map(str::to_owned)).collect();
        releases.sort();
        releases
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        for place in self.mounted.drain(..).rev() {
            umount2(&place, MntFlags::MNT_DETACH).expect("unmount");
        }
        // A failed scenario's copy stays to be looked at until the next run.
        if !std::thread::panicking() && self.path != self.base {
            remove(&self.path);
        }
    }
}

/// Builds the tree unless it is there.
fn base(name: &str) -> Option<PathBuf> {
    static BUILDING: Mutex<()> = Mutex::new(());
    if !need_root(name) {
        return None;
    }
    need_program(name, "mmdebstrap", "mmdebstrap")?;
    let _one_at_a_time = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let base = home().join(format!("base-{SUITE}-{RECIPE}"));
    let refused = home().join(format!("base-{SUITE}-{RECIPE}.refused"));
    if !base.exists() {
        own_mounts();
        build(&base, &refused);
    }
    // A kernel without a real disk under the folder (overlay, tmpfs) gives GRUB no device to boot from.
    match fs::read_to_string(&refused) {
        Ok(why) => {
            not_run(name, &format!("grub-probe finds no disk under {}: {why}", home().display()));
            None
        }
        Err(_) => Some(base),
    }
}

fn build(base: &Path, refused: &Path) {
    let started = std::time::Instant::now();
    let new = base.with_extension("new");
    remove(&new);
    fs::create_dir_all(home()).expect("a folder for the trees");
    println!(
        "debian_tree: installing Debian {SUITE} into {} (under a minute on a good line)",
        base.display()
    );
    run(Command::new("mmdebstrap")
        .env("LC_ALL", "C")
        .args(["--quiet", "--mode=root", "--variant=minbase"])
        .arg("--keyring=/usr/share/keyrings/debian-archive-keyring.gpg")
        .args(["man", "locale", "doc"].map(|dir| format!("--dpkgopt=path-exclude=/usr/share/{dir}/*")))
        .arg("--aptopt=Apt::Install-Recommends \"false\"")
        // Its maintainer scripts ask for a disk to install to: none.
        .arg(
            "--essential-hook=echo grub-pc grub-pc/install_devices_empty boolean true | \
             chroot \"$1\" debconf-set-selections",
        )
        // Images without drivers are made four times as fast, by the same programs.
        .arg(
            "--essential-hook=mkdir -p \"$1/etc/initramfs-tools/conf.d\" && \
             echo MODULES=list > \"$1/etc/initramfs-tools/conf.d/few-drivers\"",
        )
        .arg(format!("--include={PACKAGES}"))
        .arg(format!("--customize-hook=chroot \"$1\" sh -ec '{}'", SECOND_KERNEL.replace('\'', r"'\''")))
        .args(["--skip=cleanup/reproducible", SUITE])
        .arg(&new)
        .args(sources()));
    // The first grub.cfg, as the installer leaves one.
    let mut tree = Tree { path: new.clone(), base: new.clone(), mounted: Vec::new() };
    tree.mount_system();
    let made = chroot(&new).arg("update-grub").output().expect("chroot starts");
    drop(tree);
    if !made.status.success() {
        fs::write(refused, String::from_utf8_lossy(&made.stderr).trim()).expect("a note beside the tree");
    }
    fs::rename(&new, base).expect("the finished tree gets its name");
    println!("debian_tree: installed in {} s", started.elapsed().as_secs());
}

/// Where this machine itself installs from, as lines for sources.list: its mirrors of the release, security
/// updates included (they bring the second kernel), or of another Debian release the same mirror.
fn sources() -> Vec<String> {
    let format = "$(REPO_URI) $(CODENAME) $(COMPONENT)";
    let listed =
        run(Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]));
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let targets = listed.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?, words.next()?))
    });
    let main = targets.clone().find(|(uri, ..)| uri.trim_end_matches('/').ends_with("/debian"));
    let (mirror, ..) = main.expect("apt's sources name a Debian mirror (a URI that ends in /debian)");
    let mut sources = vec![format!("deb {mirror} {SUITE} main")];
    for (uri, codename, component) in targets {
        if codename == format!("{SUITE}-security") && component == "main" {
            sources.push(format!("deb {uri} {codename} main"));
        }
    }
    sources
}

fn home() -> PathBuf {
    target_dir().join("debian-tree")
}

/// Gives this thread a mount namespace of its own, from which nothing spreads back.
fn own_mounts() {
    unshare(CloneFlags::CLONE_NEWNS).expect("root may have a mount namespace");
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).expect("make the mounts private");
}

fn chroot(root: &Path) -> Command {
    let mut command = Command::new("chroot");
    command.arg(root).env_clear().env("LC_ALL", "C").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// Removes a tree of files, never what is mounted in it.
fn remove(path: &Path) {
    run(Command::new("rm").args(["-rf", "--one-file-system", "--"]).arg(path));
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    output
}
