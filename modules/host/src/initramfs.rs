//! The initramfs: who generates it, what goes into it, whether it is out of date.
//!
//! Decompressing an image on each run would be far too dear. Instead, what goes into it is hashed,
//! and the hash is kept after each rebuild; modification times decide where there is no such stamp.

use config_text::{modprobe_d, modules_list};
use nix::sys::stat::FileStat;

use crate::kernels::Kernel;
use crate::root::{HostError, Root};

/// Where the hash of the inputs of the last verified rebuild is kept.
pub const STAMP: &str = "/var/lib/pci-passthrough/initramfs";

/// The files of ours that generators read: a script that binds devices by their addresses, and what brings
/// it, vfio-pci and modprobe.d into the image.
pub mod files {
    /// initramfs-tools' script; scripts without prerequisites run in the byte order of their names, and
    /// this one has to run before `udev`.
    pub const INIT_TOP: &str = "/etc/initramfs-tools/scripts/init-top/00-pci-passthrough";
    /// initramfs-tools' hook.
    pub const HOOK: &str = "/etc/initramfs-tools/hooks/pci-passthrough";
    /// dracut's script.
    pub const DRACUT_SCRIPT: &str = "/usr/lib/dracut/modules.d/70pci-passthrough/pci-passthrough.sh";
    /// dracut's module.
    pub const DRACUT_SETUP: &str = "/usr/lib/dracut/modules.d/70pci-passthrough/module-setup.sh";
    /// dracut's settings for `vfio_bind`.
    pub const DRACUT_VFIO: &str = "/etc/dracut.conf.d/pci-passthrough-vfio.conf";
    /// dracut's settings for `driver_blacklist`.
    pub const DRACUT_BLACKLIST: &str = "/etc/dracut.conf.d/pci-passthrough-blacklist.conf";
    /// All of them.
    pub const ALL: [&str; 6] = [INIT_TOP, HOOK, DRACUT_SCRIPT, DRACUT_SETUP, DRACUT_VFIO, DRACUT_BLACKLIST];

    /// What reads the file.
    pub fn reader(path: &str) -> super::Builder {
        if [INIT_TOP, HOOK].contains(&path) { super::Builder::InitramfsTools } else { super::Builder::Dracut }
    }
}

/// What builds an image, whatever command starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// Debian's and Ubuntu's.
    InitramfsTools,
    /// Fedora's, SUSE's, and Ubuntu's since 25.10, there behind `update-initramfs`.
    Dracut,
    /// Arch's.
    Mkinitcpio,
}

/// A program that builds initramfs images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generator {
    /// Whose scripts and hooks go into the image.
    pub builder: Builder,
    /// The command that rebuilds the images of all installed kernels.
    pub command: &'static [&'static str],
    /// Whether it copies `modules-load.d` into the image, besides `modprobe.d`.
    pub copies_modules_load: bool,
}

/// The generators by the program that tells them apart, in the order they are looked for.
/// update-initramfs(8) reads its own `/etc/initramfs-tools/modules` instead of modules-load.d;
/// dracut's `00systemd` module installs modules-load.d; mkinitcpio's `modconf` hook takes modprobe.d.
const GENERATORS: [(&str, Generator); 3] = [
    (
        "update-initramfs",
        Generator {
            builder: Builder::InitramfsTools,
            command: &["update-initramfs", "-u", "-k", "all"],
            copies_modules_load: false,
        },
    ),
    (
        "dracut",
        Generator {
            builder: Builder::Dracut,
            command: &["dracut", "-f", "--regenerate-all"],
            copies_modules_load: true,
        },
    ),
    (
        "mkinitcpio",
        Generator {
            builder: Builder::Mkinitcpio,
            command: &["mkinitcpio", "-P"],
            copies_modules_load: false,
        },
    ),
];

/// What is known of the host's initramfs images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InitramfsState {
    /// `None` where no known generator is installed.
    pub generator: Option<Generator>,
    /// The images of the installed kernels.
    pub images: Vec<String>,
    /// Why the images are out of date by now; `None` where they are not, or there are none.
    pub stale: Option<String>,
}

impl InitramfsState {
    /// Why a rebuild is due: what is stale already, or the input a plan is about to change.
    pub fn due(&self, about_to_change: Option<&str>) -> Option<String> {
        if self.images.is_empty() {
            return None;
        }
        about_to_change
            .map(|path| format!("{path} changes and goes into the initramfs"))
            .or_else(|| self.stale.clone())
    }

    /// Whether a change of modules-load.d has to reach the images.
    pub fn copies_modules_load(&self) -> bool {
        self.generator.is_some_and(|g| g.copies_modules_load)
    }

    /// The command that rebuilds; where no generator is installed, the one whose absence is reported.
    pub fn command(&self) -> Vec<String> {
        self.generator.unwrap_or(GENERATORS[0].1).command.iter().map(|word| word.to_string()).collect()
    }
}

/// Looks at the images of `kernels` and at what goes into them.
pub fn observe(root: &Root, kernels: &[Kernel]) -> Result<InitramfsState, HostError> {
    let images: Vec<String> = kernels.iter().filter_map(|k| k.initrd.clone()).collect();
    let generator = generator(root);
    let mut state = InitramfsState { generator, images, stale: None };
    if !state.images.is_empty() {
        state.stale = stale(root, &state)?;
    }
    Ok(state)
}

/// The generator installed under the root.
pub fn generator(root: &Root) -> Option<Generator> {
    let there = |name: &str| {
        ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|d| root.exists(&format!("{d}/{name}")))
    };
    let (_, mut generator) = *GENERATORS.iter().find(|(name, _)| there(name))?;
    if generator.builder == Builder::InitramfsTools && there("dracut") && !there("mkinitramfs") {
        (generator.builder, generator.copies_modules_load) = (Builder::Dracut, true);
    }
    Some(generator)
}

/// What the stamp holds after a rebuild: a hash of all inputs and one of the images' times, 16
/// hexadecimal digits each. Of images that somebody else rebuilt since it says nothing; then times
/// decide. It tells changes apart; it is no protection against forgery, which root alone could attempt.
pub fn stamp(root: &Root, images: &[String]) -> Result<String, HostError> {
    Ok(format!("{} {}", inputs(root)?.digest(), images_digest(root, images)))
}

fn stale(root: &Root, state: &InitramfsState) -> Result<Option<String>, HostError> {
    let inputs = inputs(root)?;
    let stamp = root.text(STAMP).unwrap_or_default();
    if let Some((stamped, images)) = stamp.split_once(' ')
        && images == images_digest(root, &state.images)
    {
        let changed = stamped != inputs.digest();
        return Ok(changed.then(|| "what goes into the initramfs has changed since it was built".to_string()));
    }
    let oldest = state.images.iter().filter_map(|path| Some((mtime(&root.stat(path)?), path))).min();
    Ok(match (oldest, inputs.newest) {
        (Some((built, image)), Some((changed, path))) if built < changed => {
            Some(format!("{image} is older than {path}"))
        }
        _ => None,
    })
}

fn images_digest(root: &Root, images: &[String]) -> String {
    let mut all = Inputs::default();
    for image in images {
        let time = root.stat(image).map(|stat| mtime(&stat));
        all.add(format!("{image} {time:?}").as_bytes());
    }
    all.digest()
}

struct Inputs {
    hash: u64,
    newest: Option<((i64, i64), String)>,
}

impl Default for Inputs {
    fn default() -> Inputs {
        Inputs { hash: 0xcbf2_9ce4_8422_2325, newest: None }
    }
}

impl Inputs {
    fn digest(&self) -> String {
        format!("{:016x}", self.hash)
    }

    /// FNV-1a: four lines, and the same in every build of the modules.
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0]) {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    fn seen(&mut self, path: &str, stat: Option<FileStat>) {
        let Some(stat) = stat else { return };
        let time = mtime(&stat);
        if self.newest.as_ref().is_none_or(|(newest, _)| *newest < time) {
            self.newest = Some((time, path.to_string()));
        }
    }
}

fn inputs(root: &Root) -> Result<Inputs, HostError> {
    let mut inputs = Inputs::default();
    let generator = generator(root);
    let with_modules_load = generator.is_some_and(|g| g.copies_modules_load);
    let modules_load: &[&str] = if with_modules_load { &modules_list::DIRECTORIES } else { &[] };
    for dir in modprobe_d::DIRECTORIES.iter().chain(modules_load) {
        let names = root.list(dir)?;
        // A removed file shows only in its directory's time. One that was never used tells nothing.
        if dir.starts_with("/etc") {
            inputs.seen(dir, root.stat(dir));
        }
        for name in names {
            let Some(name) = name.to_str().filter(|n| n.ends_with(".conf")) else { continue };
            let path = format!("{dir}/{name}");
            inputs.add(path.as_bytes());
            inputs.add(&unmasked(root, &path)?.unwrap_or_default());
            inputs.seen(&path, root.stat(&path));
        }
    }
    for path in files::ALL {
        // Where none is there the hash is that of a host that never had one.
        if let Some(bytes) = unmasked(root, path)? {
            inputs.add(path.as_bytes());
            inputs.add(&bytes);
            inputs.seen(path, root.stat(path));
        }
        // A removed one shows in the time of its directory.
        let is_read = generator.is_some_and(|generator| generator.builder == files::reader(path));
        if let Some((dir, _)) = path.rsplit_once('/').filter(|(dir, _)| is_read && dir.starts_with("/etc/")) {
            inputs.seen(dir, root.stat(dir));
        }
    }
    Ok(inputs)
}

/// The content of a file that a generator reads. A link to /dev/null masks a file: its name may count, its
/// content is nothing.
///
/// # Errors
/// [`HostError`] where it cannot be read.
pub fn unmasked(root: &Root, path: &str) -> Result<Option<Vec<u8>>, HostError> {
    match root.read_opt(path) {
        Err(HostError::NotAFile { .. }) => Ok(None),
        other => other,
    }
}

fn mtime(stat: &FileStat) -> (i64, i64) {
    (stat.st_mtime, stat.st_mtime_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File, create_dir_all};
    use std::time::{Duration, SystemTime};

    fn at(path: &std::path::Path, minutes_ago: u64) {
        let time = SystemTime::now() - Duration::from_secs(60 * minutes_ago);
        File::open(path).unwrap().set_modified(time).unwrap();
    }

    /// A tree whose image is ten minutes old, its configuration `config` minutes.
    fn tree(config: u64) -> (tempfile::TempDir, Root, Vec<Kernel>) {
        let dir = tempfile::tempdir().unwrap();
        let path = |p: &str| dir.path().join(p);
        for d in ["etc/modprobe.d", "boot", "usr/sbin"] {
            create_dir_all(path(d)).unwrap();
        }
        for f in ["etc/modprobe.d/a.conf", "boot/initrd.img-6.1", "usr/sbin/update-initramfs"] {
            fs::write(path(f), "x").unwrap();
        }
        at(&path("boot/initrd.img-6.1"), 10);
        at(&path("etc/modprobe.d/a.conf"), config);
        at(&path("etc/modprobe.d"), config);
        let kernel = Kernel {
            release: "6.1".into(),
            image: None,
            initrd: Some("/boot/initrd.img-6.1".into()),
            config: None,
        };
        let root = Root::open(dir.path()).unwrap();
        (dir, root, vec![kernel])
    }

    #[test]
    fn an_older_image_is_stale_and_a_newer_one_is_not() {
        let (_dir, root, kernels) = tree(5);
        let state = observe(&root, &kernels).unwrap();
        assert_eq!(state.stale.as_deref().unwrap(), "/boot/initrd.img-6.1 is older than /etc/modprobe.d");
        let (_dir, root, kernels) = tree(15);
        assert_eq!(observe(&root, &kernels).unwrap().stale, None);
    }

    #[test]
    fn the_stamp_of_a_rebuild_wins_over_times() {
        let (dir, root, kernels) = tree(5);
        create_dir_all(dir.path().join("var/lib/pci-passthrough")).unwrap();
        let images = ["/boot/initrd.img-6.1".to_string()];
        fs::write(dir.path().join(&STAMP[1..]), stamp(&root, &images).unwrap()).unwrap();
        assert_eq!(observe(&root, &kernels).unwrap().stale, None);
        // A file with an old time, as archives and packages bring them, counts all the same.
        fs::write(dir.path().join("etc/modprobe.d/old.conf"), "new").unwrap();
        at(&dir.path().join("etc/modprobe.d/old.conf"), 60);
        at(&dir.path().join("etc/modprobe.d"), 60);
        let why = observe(&root, &kernels).unwrap().stale.unwrap();
        assert_eq!(why, "what goes into the initramfs has changed since it was built");
        fs::remove_file(dir.path().join("etc/modprobe.d/old.conf")).unwrap();
        at(&dir.path().join("etc/modprobe.d"), 5);
        assert_eq!(observe(&root, &kernels).unwrap().stale, None);
        // Rebuilt by hand in between, then the old configuration put back: the stamp no longer speaks.
        at(&dir.path().join("boot/initrd.img-6.1"), 7);
        assert!(observe(&root, &kernels).unwrap().stale.is_some());
        at(&dir.path().join("boot/initrd.img-6.1"), 10);
        fs::write(dir.path().join("etc/modprobe.d/b.conf"), "new").unwrap();
        assert!(observe(&root, &kernels).unwrap().stale.is_some());
    }

    #[test]
    fn the_scripts_that_bind_by_address_are_inputs() {
        let (dir, root, kernels) = tree(15);
        create_dir_all(dir.path().join("var/lib/pci-passthrough")).unwrap();
        let before = stamp(&root, &["/boot/initrd.img-6.1".to_string()]).unwrap();
        fs::write(dir.path().join(&STAMP[1..]), &before).unwrap();
        for path in files::ALL {
            let path = dir.path().join(&path[1..]);
            create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "x").unwrap();
            assert!(observe(&root, &kernels).unwrap().stale.is_some(), "{}", path.display());
            fs::remove_file(&path).unwrap();
            assert_eq!(observe(&root, &kernels).unwrap().stale, None, "{}", path.display());
        }
    }

    #[test]
    fn a_folder_counts_for_the_generator_that_reads_it() {
        let (dir, root, kernels) = tree(15);
        let folder = dir.path().join("etc/dracut.conf.d");
        create_dir_all(&folder).unwrap();
        assert_eq!(observe(&root, &kernels).unwrap().stale, None, "initramfs-tools does not read it");
        fs::rename(dir.path().join("usr/sbin/update-initramfs"), dir.path().join("usr/sbin/dracut")).unwrap();
        let stale = observe(&root, &kernels).unwrap().stale;
        assert_eq!(stale.as_deref(), Some("/boot/initrd.img-6.1 is older than /etc/dracut.conf.d"));
        // A masked file is one that says nothing.
        let masked = dir.path().join(&files::DRACUT_VFIO[1..]);
        std::os::unix::fs::symlink("/dev/null", masked).unwrap();
        at(&folder, 15);
        assert_eq!(observe(&root, &kernels).unwrap().stale, None);
    }

    #[test]
    fn dracut_behind_update_initramfs_is_dracut() {
        let (dir, root, _) = tree(5);
        fs::write(dir.path().join("usr/sbin/dracut"), "").unwrap();
        let found = generator(&root).unwrap();
        assert_eq!((found.builder, found.command[0]), (Builder::Dracut, "update-initramfs"));
        fs::write(dir.path().join("usr/sbin/mkinitramfs"), "").unwrap();
        assert_eq!(generator(&root).unwrap().builder, Builder::InitramfsTools);
    }

    #[test]
    fn a_host_without_images_never_rebuilds() {
        let (_dir, root, _) = tree(5);
        assert_eq!(observe(&root, &[]).unwrap().due(Some("/etc/modprobe.d/a.conf")), None);
    }
}
