//! The kernels installed under the root, and the modules each of them has.

use crate::{HostError, Root};

/// A kernel that can be booted: its image is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kernel {
    /// As `uname -r` prints it: the name of its folder under `/lib/modules`.
    pub release: String,
    /// `/boot/vmlinuz-REL`, or `/lib/modules/REL/vmlinuz` where /boot has none.
    pub image: Option<String>,
    /// The initramfs, under the name that the distribution gives it.
    pub initrd: Option<String>,
    /// `/boot/config-REL` or `/lib/modules/REL/config`.
    pub config: Option<String>,
}

impl Kernel {
    /// The name under which GRUB's entries know it: that of its image in /boot.
    pub fn entry_name(&self) -> &str {
        self.image.as_deref().and_then(config_text::grub_cfg::kernel_name).unwrap_or(&self.release)
    }
}

/// Where a kernel has a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleState {
    /// A file that modprobe can load (`modules.dep`).
    Loadable,
    /// Part of the kernel image (`modules.builtin`).
    Builtin,
    /// Neither.
    Missing,
}

/// What `depmod` and the kernel's build say about one release's modules.
#[derive(Debug, Default)]
pub struct ModuleIndex {
    dep: Vec<u8>,
    builtin: Vec<u8>,
}

/// The installed kernels, sorted by release. Rescue images (`0-rescue-…`) and what package
/// managers leave behind (`.dpkg-bak`, `.old`) are no kernels.
pub fn installed(root: &Root) -> Result<Vec<Kernel>, HostError> {
    let mut found: Vec<Kernel> = Vec::new();
    let mut claimed = Vec::new();
    for name in root.list("/lib/modules")? {
        let release = name.to_string_lossy().into_owned();
        let own = format!("/lib/modules/{release}/vmlinuz");
        // Arch names the image after the package (vmlinuz-linux) and records that name here.
        let package = root.text(&format!("/lib/modules/{release}/pkgbase"));
        let in_boot =
            package.map(|p| (format!("/boot/vmlinuz-{p}"), p)).filter(|(path, _)| root.exists(path));
        if let Some((image, package)) = in_boot {
            let initrd = first(root, [format!("/boot/initramfs-{package}.img")]);
            claimed.push(package);
            found.push(Kernel { release, image: Some(image), initrd, config: None });
        } else if root.exists(&own) {
            found.push(Kernel { release, image: Some(own), ..Kernel::default() });
        }
    }
    for name in root.list("/boot")? {
        let name = name.to_string_lossy().into_owned();
        let Some(release) = ["vmlinuz-", "vmlinux-", "kernel-"].iter().find_map(|p| name.strip_prefix(p))
        else {
            continue;
        };
        let is_copy = name.starts_with("vmlinux-") && is_copy(root, release);
        if is_copy || is_leftover(release) || claimed.iter().any(|c| c == release) {
            continue;
        }
        let image = Some(format!("/boot/{name}"));
        match found.iter_mut().find(|kernel| kernel.release == release) {
            Some(kernel) => kernel.image = image,
            None => found.push(Kernel { release: release.to_string(), image, ..Kernel::default() }),
        }
    }
    found.sort_by(|a, b| a.release.cmp(&b.release));
    for kernel in &mut found {
        let release = &kernel.release;
        if kernel.initrd.is_none() {
            kernel.initrd = first(
                root,
                [
                    format!("/boot/initrd.img-{release}"),
                    format!("/boot/initramfs-{release}.img"),
                    format!("/boot/initrd-{release}"),
                    format!("/boot/initrd-{release}.img"),
                    format!("/boot/initramfs-{release}"),
                ],
            );
        }
        kernel.config =
            first(root, [format!("/boot/config-{release}"), format!("/lib/modules/{release}/config")]);
    }
    Ok(found)
}

fn first<const N: usize>(root: &Root, paths: [String; N]) -> Option<String> {
    paths.into_iter().find(|path| root.exists(path))
}

/// Whether `/boot/vmlinux-REL` is a debugger's copy beside the image that boots, as openSUSE has it
/// (`vmlinux-REL.gz` beside `vmlinuz-REL`). No boot loader starts a compressed `vmlinux`.
fn is_copy(root: &Root, release: &str) -> bool {
    [".gz", ".xz", ".zst", ".bz2"].iter().any(|end| release.ends_with(end))
        || root.exists(&format!("/boot/vmlinuz-{release}"))
}

fn is_leftover(release: &str) -> bool {
    release.is_empty()
        || release.starts_with("0-rescue-")
        || release.contains(".dpkg-")
        || [".old", ".bak", ".sig", ".rpmsave", ".rpmnew"].iter().any(|end| release.ends_with(end))
}

/// The running kernel's release (`/proc/sys/kernel/osrelease`); `None` in a tree that is not running.
pub fn running(root: &Root) -> Option<String> {
    root.text("/proc/sys/kernel/osrelease").filter(|release| !release.is_empty())
}

/// Reads `modules.dep` and `modules.builtin` of one release; what is missing counts as empty.
pub fn modules(root: &Root, release: &str) -> Result<ModuleIndex, HostError> {
    let read = |file: &str| root.read_opt(&format!("/lib/modules/{release}/{file}"));
    Ok(ModuleIndex {
        dep: read("modules.dep")?.unwrap_or_default(),
        builtin: read("modules.builtin")?.unwrap_or_default(),
    })
}

/// As [`modules`] with what is built in alone: `modules.dep` is a hundred times larger.
pub fn builtin_modules(root: &Root, release: &str) -> Result<ModuleIndex, HostError> {
    let builtin = root.read_opt(&format!("/lib/modules/{release}/modules.builtin"))?;
    Ok(ModuleIndex { dep: Vec::new(), builtin: builtin.unwrap_or_default() })
}

impl ModuleIndex {
    /// Where the module is; `-` and `_` are the same in `name`, and `.ko.xz` the same as `.ko`.
    pub fn state(&self, name: &str) -> ModuleState {
        let listed = |table: &[u8]| table.split(|b| *b == b'\n').any(|line| is_module(line, name.as_bytes()));
        match () {
            () if listed(&self.builtin) => ModuleState::Builtin,
            () if listed(&self.dep) => ModuleState::Loadable,
            () => ModuleState::Missing,
        }
    }

    /// Whether the tables are there at all: a kernel without them says nothing about modules.
    pub fn is_known(&self) -> bool {
        !self.dep.is_empty() || !self.builtin.is_empty()
    }
}

/// Whether a line (`kernel/drivers/vfio/vfio.ko.zst: …`) is about the module.
fn is_module(line: &[u8], name: &[u8]) -> bool {
    let path = line.split(|b| *b == b':').next().unwrap_or_default();
    let file = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let plain = |b: u8| if b == b'-' { b'_' } else { b };
    file.len() > name.len()
        && file.iter().zip(name).all(|(a, b)| plain(*a) == plain(*b))
        && file.get(name.len()..).is_some_and(|rest| rest == b".ko" || rest.starts_with(b".ko."))
}

/// The longest name of a module: `MODULE_NAME_LEN` of the kernel, 56 bytes with the final NUL.
const MODULE_NAME_LEN: usize = 55;

/// Whether the kernel could have a module of this name: letters, digits, `_`, and `-` inside.
pub fn is_module_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= MODULE_NAME_LEN && !name.starts_with('-') && name.chars().all(fine)
}

/// Whether the two module names mean the same module: `-` and `_` do not differ.
pub fn same_module(a: &str, b: &str) -> bool {
    let plain = |c: u8| if c == b'-' { b'_' } else { c };
    a.len() == b.len() && a.bytes().zip(b.bytes()).all(|(a, b)| plain(a) == plain(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let root = Root::open(dir.path()).unwrap();
        (dir, root)
    }

    #[test]
    fn entries_know_a_kernel_by_its_image() {
        let (_dir, root) = tree(&[
            ("boot/vmlinuz-linux-lts", ""),
            ("lib/modules/6.6.54-1-lts/vmlinuz", ""),
            ("lib/modules/6.6.54-1-lts/pkgbase", "linux-lts\n"),
            ("boot/vmlinuz-6.1.0-18-amd64", ""),
        ]);
        let kernels = installed(&root).unwrap();
        let names: Vec<_> = kernels.iter().map(|k| (k.release.as_str(), k.entry_name())).collect();
        assert_eq!(names, [("6.1.0-18-amd64", "6.1.0-18-amd64"), ("6.6.54-1-lts", "linux-lts")]);
    }

    #[test]
    fn a_kernel_is_installed_when_its_image_is_there() {
        let (_dir, root) = tree(&[
            ("boot/vmlinuz-6.1.0-18-amd64", ""),
            ("boot/initrd.img-6.1.0-18-amd64", ""),
            ("boot/config-6.1.0-18-amd64", ""),
            ("boot/vmlinuz-6.1.0-17-amd64.dpkg-tmp", ""),
            ("boot/vmlinuz-0-rescue-0123", ""),
            ("boot/vmlinuz", ""),
            ("lib/modules/6.1.0-9-amd64/modules.dep", ""),
            ("lib/modules/6.5.6-300.fc39.x86_64/vmlinuz", ""),
            ("lib/modules/6.5.6-300.fc39.x86_64/config", ""),
        ]);
        let kernels = installed(&root).unwrap();
        let releases: Vec<_> = kernels.iter().map(|k| k.release.as_str()).collect();
        assert_eq!(releases, ["6.1.0-18-amd64", "6.5.6-300.fc39.x86_64"]);
        assert_eq!(kernels[0].image.as_deref(), Some("/boot/vmlinuz-6.1.0-18-amd64"));
        assert_eq!(kernels[0].initrd.as_deref(), Some("/boot/initrd.img-6.1.0-18-amd64"));
        assert_eq!(kernels[0].config.as_deref(), Some("/boot/config-6.1.0-18-amd64"));
        assert_eq!(kernels[1].config.as_deref(), Some("/lib/modules/6.5.6-300.fc39.x86_64/config"));
    }

    #[test]
    fn a_copy_for_the_debugger_is_no_kernel() {
        let (_dir, root) = tree(&[
            ("boot/vmlinuz-6.4.0-150600.23-default", ""),
            ("boot/vmlinux-6.4.0-150600.23-default.gz", ""),
            ("boot/vmlinuz-6.12.0-1-default", ""),
            ("boot/vmlinux-6.12.0-1-default", ""),
            ("boot/vmlinux-6.12.0-1-default.xz", ""),
            ("boot/vmlinux-6.1.0-18-powerpc64le", ""),
            ("boot/vmlinux-6.1.0-18-powerpc64le.zst", ""),
            ("boot/vmlinux-5.0.0.bz2", ""),
        ]);
        let images: Vec<_> = installed(&root).unwrap().into_iter().filter_map(|k| k.image).collect();
        assert_eq!(
            images,
            [
                "/boot/vmlinux-6.1.0-18-powerpc64le",
                "/boot/vmlinuz-6.12.0-1-default",
                "/boot/vmlinuz-6.4.0-150600.23-default",
            ]
        );
    }

    #[test]
    fn arch_names_the_image_after_the_package() {
        let (_dir, root) = tree(&[
            ("boot/vmlinuz-linux", ""),
            ("boot/initramfs-linux.img", ""),
            ("lib/modules/6.7.4-arch1-1/pkgbase", "linux\n"),
            ("lib/modules/6.7.4-arch1-1/vmlinuz", ""),
        ]);
        let kernels = installed(&root).unwrap();
        assert_eq!(kernels.len(), 1);
        assert_eq!(kernels[0].release, "6.7.4-arch1-1");
        assert_eq!(kernels[0].image.as_deref(), Some("/boot/vmlinuz-linux"));
        assert_eq!(kernels[0].initrd.as_deref(), Some("/boot/initramfs-linux.img"));
    }

    #[test]
    fn modules_are_found_whatever_their_spelling_and_compression() {
        let (dir, root) = tree(&[
            (
                "usr/lib/modules/6.8/modules.dep",
                "kernel/drivers/vfio/vfio_iommu_type1.ko.zst: kernel/drivers/vfio/vfio.ko.zst\n\
                 kernel/drivers/gpu/nvidia-drm.ko: kernel/drivers/gpu/nvidia.ko\n",
            ),
            ("usr/lib/modules/6.8/modules.builtin", "kernel/drivers/vfio/vfio-pci.ko\n"),
        ]);
        std::os::unix::fs::symlink("usr/lib", dir.path().join("lib")).unwrap();
        let index = modules(&root, "6.8").unwrap();
        let state = |name| index.state(name);
        assert_eq!(state("vfio_iommu_type1"), ModuleState::Loadable);
        assert_eq!(state("vfio-iommu-type1"), ModuleState::Loadable);
        assert_eq!(state("nvidia_drm"), ModuleState::Loadable);
        assert_eq!(state("vfio_pci"), ModuleState::Builtin);
        assert_eq!(
            state("vfio"),
            ModuleState::Missing,
            "a dependency's mention is no module of its own here"
        );
        assert_eq!(state("nvidia"), ModuleState::Missing);
        let builtin = builtin_modules(&root, "6.8").unwrap();
        assert_eq!(builtin.state("vfio-pci"), ModuleState::Builtin);
        assert_eq!(builtin.state("vfio_iommu_type1"), ModuleState::Missing);
        assert!(!modules(&root, "5.0").unwrap().is_known() && index.is_known());
        assert!(same_module("nvidia-drm", "nvidia_drm") && !same_module("nvidia", "nvidia_drm"));
    }

    #[test]
    fn this_machine_reads_without_error() {
        installed(&Root::open(Path::new("/")).unwrap()).unwrap();
    }
}
