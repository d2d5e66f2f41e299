//! What procfs tells: processor, command line, modules, mounts, swap, default routes.
//!
//! Formats: proc(5), proc_pid_mountinfo(5). What is missing is `None` or empty: a container or
//! another tree has no procfs.

use std::fs::File;
use std::io::Read;

use nix::fcntl::OFlag;
pub use preflight::Vendor;

use crate::Root;

/// The first processor of `/proc/cpuinfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Whose IOMMU to expect; `None` for a processor that this project does not know.
    pub vendor: Option<Vendor>,
    /// `GenuineIntel`, `AuthenticAMD`, …; the implementer's number on Arm.
    pub vendor_id: String,
    /// Such as `AMD EPYC 7302 16-Core Processor`.
    pub model_name: Option<String>,
    /// `vmx` or `svm` where the flags show it. Says nothing about the IOMMU.
    pub virtualization: Option<&'static str>,
    /// Whether this is a virtual machine's processor (flag `hypervisor`).
    pub hypervisor: bool,
}

/// The processor; `None` without a readable `/proc/cpuinfo`.
pub fn cpu(root: &Root) -> Option<Cpu> {
    // The first processor is enough, and the kernel may wait for each processor's frequency.
    let text = head(root, "/proc/cpuinfo", 8192)?;
    let first = text.split("\n\n").next().unwrap_or_default();
    let field = |name: &str| {
        first
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().to_string())
    };
    let flags = field("flags").unwrap_or_default();
    let has = |flag: &str| flags.split(' ').any(|f| f == flag);
    let (vendor_id, arm) = match (field("vendor_id"), field("CPU implementer")) {
        (Some(id), _) => (id, false),
        (None, Some(id)) => (id, true),
        (None, None) => return None,
    };
    let vendor = match vendor_id.as_str() {
        _ if arm => Some(Vendor::Arm),
        "GenuineIntel" | "CentaurHauls" | "Shanghai" => Some(Vendor::Intel),
        "AuthenticAMD" | "HygonGenuine" => Some(Vendor::Amd),
        _ => None,
    };
    let virtualization = ["vmx", "svm"].into_iter().find(|flag| has(flag));
    Some(Cpu {
        vendor,
        vendor_id,
        model_name: field("model name"),
        virtualization,
        hypervisor: has("hypervisor"),
    })
}

/// At most `limit` bytes of the file's start: some tables take the kernel long to write.
pub(crate) fn head(root: &Root, path: &str, limit: u64) -> Option<String> {
    let fd = root.open_at(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK).ok()?;
    let mut bytes = Vec::new();
    File::from(fd).take(limit).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The command line in force (`/proc/cmdline`), without its end of line.
pub fn cmdline(root: &Root) -> Option<String> {
    root.text("/proc/cmdline")
}

/// The loaded modules' names (`/proc/modules`); `None` where the kernel has no loadable modules
/// or there is no procfs.
pub fn loaded_modules(root: &Root) -> Option<Vec<String>> {
    let text = root.text("/proc/modules")?;
    Some(text.lines().filter_map(|line| line.split(' ').next()).map(str::to_string).collect())
}

/// Whether the module is in the running kernel, loaded or built in (`/sys/module`).
pub fn is_module_live(root: &Root, name: &str) -> bool {
    root.is_dir(&format!("/sys/module/{}", name.replace('-', "_")))
}

/// One mount of this process's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Major and minor of the file system; major 0 has no block device of its own (btrfs, NFS).
    pub device: (u32, u32),
    /// What is mounted: `/dev/sda1`, `rpool/ROOT/pve-1`, `overlay`.
    pub source: String,
    /// Where.
    pub target: String,
    /// `ext4`, `zfs`, …
    pub fstype: String,
    /// The file system's own options, such as overlay's `lowerdir=`.
    pub options: String,
}

/// The mounts in the order in which they were made; a later one covers an earlier one.
pub fn mounts(root: &Root) -> Vec<Mount> {
    let text = root.text("/proc/self/mountinfo").unwrap_or_default();
    text.lines().filter_map(mount).collect()
}

fn mount(line: &str) -> Option<Mount> {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(2);
    let (major, minor) = left.next()?.split_once(':')?;
    let target = left.nth(1)?;
    let mut right = right.split(' ');
    let (fstype, source) = (right.next()?, right.next()?);
    Some(Mount {
        device: (major.parse().ok()?, minor.parse().ok()?),
        source: unescape(source),
        target: unescape(target),
        fstype: fstype.to_string(),
        options: right.next().unwrap_or_default().to_string(),
    })
}

/// The swap areas: a device's or a file's path each.
pub fn swaps(root: &Root) -> Vec<String> {
    let text = root.text("/proc/swaps").unwrap_or_default();
    text.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(unescape).collect()
}

/// Undoes the octal escapes (`\040` for a blank) that the kernel uses in these tables.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|d| std::str::from_utf8(d).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The interfaces that carry a default route of the main table, IPv4 and IPv6, each once.
pub fn default_route_interfaces(root: &Root) -> Vec<String> {
    const UP: u32 = 0x1;
    const REJECT: u32 = 0x200;
    let usable = |flags: &str| u32::from_str_radix(flags, 16).is_ok_and(|f| f & UP != 0 && f & REJECT == 0);
    let mut found: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if name != "lo" && !found.iter().any(|f| f == name) {
            found.push(name.to_string());
        }
    };
    for line in root.text("/proc/net/route").unwrap_or_default().lines().skip(1) {
        let f: Vec<&str> = line.split_whitespace().collect();
        if let [name, destination, _, flags, _, _, _, mask, ..] = f.as_slice()
            && *destination == "00000000"
            && *mask == "00000000"
            && usable(flags)
        {
            add(name);
        }
    }
    for line in root.text("/proc/net/ipv6_route").unwrap_or_default().lines() {
        let f: Vec<&str> = line.split_whitespace().collect();
        if let [destination, prefix, .., flags, name] = f.as_slice()
            && destination.bytes().all(|b| b == b'0')
            && *prefix == "00"
            && usable(flags)
        {
            add(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
    fn the_vendor_is_the_iommus() {
        for (text, vendor, flag) in [
            (
                "vendor_id\t: GenuineIntel\nmodel name\t: X\nflags\t\t: fpu vmx\n\nprocessor\n",
                Some(Vendor::Intel),
                Some("vmx"),
            ),
            ("vendor_id\t: AuthenticAMD\nflags\t\t: svm hypervisor\n", Some(Vendor::Amd), Some("svm")),
            ("vendor_id\t: HygonGenuine\nflags\t\t: vmxy\n", Some(Vendor::Amd), None),
            ("vendor_id\t:   Shanghai  \n", Some(Vendor::Intel), None),
            ("processor\t: 0\nCPU implementer\t: 0x41\n", Some(Vendor::Arm), None),
            ("vendor_id\t: IBM/S390\n", None, None),
        ] {
            let (_dir, root) = tree(&[("proc/cpuinfo", text)]);
            let cpu = cpu(&root).unwrap();
            assert_eq!((cpu.vendor, cpu.virtualization), (vendor, flag), "{text}");
        }
        let (_dir, root) = tree(&[("proc/cpuinfo", "")]);
        assert_eq!(cpu(&root), None);
        let (_dir, root) = tree(&[]);
        assert_eq!(cpu(&root), None);
    }

    #[test]
    fn mounts_and_swaps_undo_the_escapes() {
        let (_dir, root) = tree(&[
            (
                "proc/self/mountinfo",
                "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
                 30 27 0:33 /@ /mnt/a\\040b rw - btrfs /dev/sda2 rw,subvol=/@\nbroken\n",
            ),
            ("proc/swaps", "Filename\tType\n/dev/dm-1 partition 1 0 -2\n/swap\\040file file 1 0 -3\n"),
        ]);
        let mounts = mounts(&root);
        assert_eq!(mounts.len(), 2);
        assert_eq!((mounts[0].device, mounts[0].source.as_str()), ((254, 0), "/dev/vda"));
        assert_eq!((mounts[1].target.as_str(), mounts[1].fstype.as_str()), ("/mnt/a b", "btrfs"));
        assert_eq!(swaps(&root), ["/dev/dm-1", "/swap file"]);
    }

    #[test]
    fn default_routes_of_both_families_once_each() {
        let (_dir, root) = tree(&[
            (
                "proc/net/route",
                "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                 vmbr0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                 vmbr0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
                 down0\t00000000\t0101A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n",
            ),
            (
                "proc/net/ipv6_route",
                "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth9\n\
                 00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n",
            ),
        ]);
        assert_eq!(default_route_interfaces(&root), ["vmbr0", "eth9"]);
    }

    #[test]
    fn modules_are_named_once_a_line() {
        let (_dir, root) =
            tree(&[("proc/modules", "vfio_pci 16384 0 - Live 0x0\nvfio 1 1 vfio_pci, Live 0x0\n")]);
        assert_eq!(loaded_modules(&root).unwrap(), ["vfio_pci", "vfio"]);
    }
}
