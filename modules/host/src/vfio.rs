//! Who has a device open through VFIO now: taking it back would wait until that program ends.

use crate::Root;
use crate::pci::is_address;

/// A program that holds a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its name: `kvm`, `qemu-system-x86`.
    pub name: String,
}

/// The program that has the group, or the device itself, open (`/dev/vfio/12`,
/// `/dev/vfio/devices/vfio0`); `None` where none has, and where other users' processes cannot be looked at.
pub fn holder(root: &Root, address: &str, group: Option<u32>) -> Option<Holder> {
    if !is_address(address) {
        return None;
    }
    let names = root.list(&format!("/sys/bus/pci/devices/{address}/vfio-dev")).unwrap_or_default();
    let mut nodes: Vec<String> =
        names.iter().map(|name| format!("/dev/vfio/devices/{}", name.to_string_lossy())).collect();
    if let Some(group) = group {
        nodes.push(format!("/dev/vfio/{group}"));
        nodes.push(format!("/dev/vfio/noiommu-{group}"));
    }
    for process in root.list("/proc").unwrap_or_default() {
        let Some(pid) = process.to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end while its files are listed.
        for fd in root.list(&format!("/proc/{pid}/fd")).unwrap_or_default() {
            let target = root.link(&format!("/proc/{pid}/fd/{}", fd.to_string_lossy())).unwrap_or_default();
            if nodes.iter().any(|node| target.to_string_lossy() == *node) {
                return Some(Holder {
                    pid,
                    name: root.text(&format!("/proc/{pid}/comm")).unwrap_or_default(),
                });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn an_open_group_or_device_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let device = dir.path().join("sys/bus/pci/devices/0000:01:00.0/vfio-dev/vfio3");
        fs::create_dir_all(device).unwrap();
        for (pid, target) in [(7, "/dev/null"), (9, "/dev/vfio/12"), (11, "/dev/vfio/devices/vfio3")] {
            let process = dir.path().join("proc").join(pid.to_string());
            fs::create_dir_all(process.join("fd")).unwrap();
            fs::write(process.join("comm"), "kvm\n").unwrap();
            symlink(target, process.join("fd/5")).unwrap();
        }
        let root = Root::open(dir.path()).unwrap();
        let pid = |address, group| holder(&root, address, group).map(|holder| holder.pid);
        assert_eq!(pid("0000:02:00.0", Some(12)), Some(9));
        assert_eq!(pid("0000:01:00.0", None), Some(11));
        assert_eq!(pid("0000:02:00.0", Some(1)), None);
        assert_eq!(pid("0000:02:00.0", None), None);
    }
}
