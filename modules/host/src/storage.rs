//! From a mount or a swap area down to the devices under it: device mapper (LVM, LUKS), md,
//! partitions, loop files, Btrfs, ZFS, NVMe multipath.

use crate::proc::Mount;
use crate::sysfs::device_path;
use crate::{HostError, Root};

const BLOCK: &str = "/sys/class/block";
/// Stacks of real hosts are four or five deep; a loop of links must end.
const MAX_DEPTH: usize = 16;

/// A disk at the bottom of a stack: the kernel's name and its folder in `/sys/devices`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Leaf {
    /// `sda`, `nvme0n1`
    pub(crate) name: String,
    /// `/sys/devices/pci0000:00/…/block/sda`
    pub(crate) path: String,
}

/// What a mount stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ground {
    /// The disks, sorted, each once.
    pub(crate) leaves: Vec<Leaf>,
    /// Whether there must be more that could not be found (a ZFS pool nobody describes).
    pub(crate) incomplete: bool,
}

/// The disks under a mount.
pub(crate) fn under_mount(root: &Root, mount: &Mount, mounts: &[Mount]) -> Result<Ground, HostError> {
    Walk { root, mounts, ground: Ground::default() }.mount(mount, 0)
}

/// The disks under a swap area: a device's path, or a file's.
pub(crate) fn under_swap(root: &Root, path: &str, mounts: &[Mount]) -> Result<Ground, HostError> {
    let mut walk = Walk { root, mounts, ground: Ground::default() };
    match path.starts_with("/dev/") {
        true => walk.source(path, 0)?,
        false => walk.file(path, 0)?,
    }
    Ok(walk.found())
}

/// Every disk that hangs on a PCI function: what counts where a stack cannot be told.
pub(crate) fn all_disks(root: &Root) -> Result<Vec<Leaf>, HostError> {
    let mut walk = Walk { root, mounts: &[], ground: Ground::default() };
    for name in root.list("/sys/block")? {
        walk.block(&name.to_string_lossy(), 0)?;
    }
    Ok(walk.found().leaves)
}

struct Walk<'a> {
    root: &'a Root,
    mounts: &'a [Mount],
    ground: Ground,
}

impl Walk<'_> {
    fn mount(mut self, mount: &Mount, depth: usize) -> Result<Ground, HostError> {
        self.file_system(mount, depth)?;
        Ok(self.found())
    }

    fn found(mut self) -> Ground {
        self.ground.leaves.sort();
        self.ground.leaves.dedup();
        self.ground
    }

    fn file_system(&mut self, mount: &Mount, depth: usize) -> Result<(), HostError> {
        let (major, minor) = mount.device;
        match mount.fstype.as_str() {
            "zfs" => self.zfs(&mount.source),
            "btrfs" => self.btrfs(&mount.source, depth),
            "overlay" => mount
                .options
                .split(',')
                .filter_map(|option| option.split_once('='))
                .filter(|(key, _)| matches!(*key, "lowerdir" | "upperdir"))
                .flat_map(|(_, paths)| paths.split(':'))
                .try_for_each(|path| self.file(path, depth + 1)),
            "bcachefs" => mount.source.split(':').try_for_each(|source| self.source(source, depth)),
            _ if major == 0 => Ok(()),
            _ => match self.root.link(&format!("/sys/dev/block/{major}:{minor}")) {
                Some(target) => {
                    let target = target.to_string_lossy().into_owned();
                    self.block(target.rsplit('/').next().unwrap_or_default(), depth)
                }
                None => self.source(&mount.source, depth),
            },
        }
    }

    /// A file lies on the mount with the longest matching path.
    fn file(&mut self, path: &str, depth: usize) -> Result<(), HostError> {
        let covers = |m: &&Mount| {
            m.target == "/"
                || path.strip_prefix(m.target.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('/'))
        };
        // Of two mounts on one path the later one is seen.
        match self.mounts.iter().filter(covers).max_by_key(|m| m.target.len()) {
            Some(mount) if depth < MAX_DEPTH => self.file_system(mount, depth + 1),
            _ => Ok(()),
        }
    }

    /// A device node's path.
    fn source(&mut self, source: &str, depth: usize) -> Result<(), HostError> {
        match self.kernel_name(source)? {
            Some(name) => self.block(&name, depth),
            None => Ok(()),
        }
    }

    /// The kernel's name of a device node: `/dev/mapper/pve-root` is `dm-1`.
    fn kernel_name(&self, source: &str) -> Result<Option<String>, HostError> {
        let Some(name) = source.strip_prefix("/dev/") else { return Ok(None) };
        let known = |name: &str| !name.contains('/') && self.root.exists(&format!("{BLOCK}/{name}"));
        if known(name) {
            return Ok(Some(name.to_string()));
        }
        if let Some(target) = self.root.link(source) {
            let target = target.to_string_lossy().into_owned();
            let last = target.rsplit('/').next().unwrap_or_default();
            if known(last) {
                return Ok(Some(last.to_string()));
            }
        }
        let Some(mapped) = name.strip_prefix("mapper/") else { return Ok(None) };
        for dm in self.root.list(BLOCK)? {
            let dm = dm.to_string_lossy();
            if self.root.text(&format!("{BLOCK}/{dm}/dm/name")).as_deref() == Some(mapped) {
                return Ok(Some(dm.into_owned()));
            }
        }
        Ok(None)
    }

    fn block(&mut self, name: &str, depth: usize) -> Result<(), HostError> {
        let link =
            self.root.link(&format!("{BLOCK}/{name}")).map(|target| target.to_string_lossy().into_owned());
        let Some(mut path) = link.as_deref().and_then(device_path) else { return Ok(()) };
        if depth > MAX_DEPTH {
            return Ok(());
        }
        if self.root.exists(&format!("{path}/partition"))
            && let Some((disk, _)) = path.rsplit_once('/')
        {
            path = disk.to_string();
        }
        let slaves = self.root.list(&format!("{path}/slaves"))?;
        if !slaves.is_empty() {
            return slaves.iter().try_for_each(|slave| self.block(&slave.to_string_lossy(), depth + 1));
        }
        if let Some(file) = self.root.text(&format!("{path}/loop/backing_file")) {
            return self.file(&file, depth + 1);
        }
        let name = path.rsplit('/').next().unwrap_or_default().to_string();
        match path.split_once("/nvme-subsystem/").and_then(|(_, rest)| rest.split('/').next()) {
            Some(subsystem) => self.nvme_multipath(&name, subsystem)?,
            None => self.ground.leaves.push(Leaf { name, path }),
        }
        Ok(())
    }

    /// A namespace with several controllers is a virtual disk: each controller is a way to it.
    fn nvme_multipath(&mut self, name: &str, subsystem: &str) -> Result<(), HostError> {
        let folder = format!("/sys/devices/virtual/nvme-subsystem/{subsystem}");
        for entry in self.root.list(&folder)? {
            let target = self.root.link(&format!("{folder}/{}", entry.to_string_lossy()));
            let target = target.map(|target| target.to_string_lossy().into_owned()).unwrap_or_default();
            if let Some(at) = target.find("pci").filter(|_| target.contains("/nvme/")) {
                let path = format!("/sys/devices/{}", target.get(at..).unwrap_or_default());
                self.ground.leaves.push(Leaf { name: name.to_string(), path });
            }
        }
        Ok(())
    }

    fn btrfs(&mut self, source: &str, depth: usize) -> Result<(), HostError> {
        let Some(name) = self.kernel_name(source)? else {
            self.ground.incomplete = true;
            return Ok(());
        };
        for file_system in self.root.list("/sys/fs/btrfs")? {
            let members =
                self.root.list(&format!("/sys/fs/btrfs/{}/devices", file_system.to_string_lossy()))?;
            if members.iter().any(|member| *member == *name) {
                return members.iter().try_for_each(|member| self.block(&member.to_string_lossy(), depth));
            }
        }
        self.block(&name, depth)
    }

    /// A pool's members as udev recorded them; sysfs knows nothing of pools.
    fn zfs(&mut self, dataset: &str) -> Result<(), HostError> {
        let pool = dataset.split('/').next().unwrap_or_default();
        let mut found = false;
        for name in self.root.list(BLOCK)? {
            let name = name.to_string_lossy();
            let Some(number) = self.root.text(&format!("{BLOCK}/{name}/dev")) else { continue };
            let Some(record) = self.root.text(&format!("/run/udev/data/b{number}")) else { continue };
            let has = |line: &str| record.lines().any(|l| l == line);
            if has("E:ID_FS_TYPE=zfs_member") && has(&format!("E:ID_FS_LABEL={pool}")) {
                found = true;
                self.block(&name, 0)?;
            }
        }
        self.ground.incomplete |= !found;
        Ok(())
    }
}
