//! What a guest shows of itself, read by its own tools.

use std::collections::BTreeMap;

use crate::vm::guest::Guest;
use crate::vm::machine::Vendor;

/// The files that the role may write and those generated from them, as text by path.
pub type Files = BTreeMap<String, String>;

/// Stands before each file's content; no configuration file has such a line.
const MARK: &str = "=-=-= FILE ";

/// Every configuration file that the role may write, grub.cfg, the entries on the ESP,
/// and the configurations of virtual machines.
pub fn files(guest: &Guest) -> Result<Files, String> {
    let script = format!(
        "for f in /etc/default/grub /etc/default/grub.d/* /etc/modules /etc/modules-load.d/* /etc/modprobe.d/* \
         /etc/initramfs-tools/modules /etc/initramfs-tools/hooks/* /etc/initramfs-tools/scripts/*/* \
         /usr/lib/dracut/modules.d/*pci-passthrough/* /etc/dracut.conf.d/* \
         /boot/grub/grub.cfg /etc/kernel/cmdline /boot/efi/loader/entries/* /etc/pve/qemu-server/*; do [ -f \"$f\" ] || continue; \
         echo '{MARK}'\"$f\"; cat \"$f\"; done"
    );
    let output = guest.sh(&script)?;
    let parts = output.split(MARK).skip(1).filter_map(|part| part.split_once('\n'));
    Ok(parts.map(|(name, text)| (name.to_owned(), text.to_owned())).collect())
}

/// The same files without one kernel parameter.
pub fn without(files: &Files, parameter: Option<&str>) -> Files {
    let Some(parameter) = parameter else { return files.clone() };
    let spaced = format!(" {parameter}");
    files.iter().map(|(name, text)| (name.clone(), text.replace(&spaced, ""))).collect()
}

/// The paths that differ, with the first differing line of each.
pub fn differences(expected: &Files, found: &Files) -> Result<(), String> {
    let mut told = Vec::new();
    for name in expected.keys().chain(found.keys()).collect::<std::collections::BTreeSet<_>>() {
        match (expected.get(name), found.get(name)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => {
                let lines = a.lines().zip(b.lines()).find(|(a, b)| a != b);
                told.push(format!("{name}: {lines:?}"));
            }
            (Some(_), None) => told.push(format!("{name}: gone")),
            (None, text) => told.push(format!("{name}: new: {text:?}")),
        }
    }
    if told.is_empty() { Ok(()) } else { Err(format!("files differ:\n{}", told.join("\n"))) }
}

/// What a boot is like.
#[derive(Debug, Clone)]
pub struct Boot {
    /// The words of /proc/cmdline.
    pub cmdline: Vec<String>,
    /// The number of IOMMU groups.
    pub groups: usize,
    /// The loaded kernel modules.
    pub modules: Vec<String>,
    /// The kernel log's line that tells most about the IOMMU.
    pub log: String,
}

/// Looks at the running boot.
pub fn boot(guest: &Guest, vendor: Vendor) -> Result<Boot, String> {
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let pattern = match vendor {
        Vendor::Intel => "DMAR: IOMMU \\|DMAR: Intel(R)",
        Vendor::Amd => "AMD-Vi: ",
    };
    // What is switched on comes last in the log; whether devices have an IOMMU too (v2) is another matter.
    let log = guest.sh(&format!("dmesg | grep '{pattern}' | grep -v IOMMUv2 | tail -n 1"))?;
    let log = if log.trim().is_empty() { "no line about it in the kernel log".to_owned() } else { log };
    Ok(Boot {
        cmdline: words(guest.sh("cat /proc/cmdline")?),
        groups: words(guest.sh("ls /sys/kernel/iommu_groups")?).len(),
        modules: words(guest.sh("cut -d' ' -f1 /proc/modules")?),
        log: log.trim().to_owned(),
    })
}

impl Boot {
    /// Whether a parameter is in force.
    pub fn has(&self, parameter: &str) -> bool {
        self.cmdline.iter().any(|word| word == parameter)
    }

    /// Whether a module is loaded.
    pub fn loaded(&self, module: &str) -> bool {
        self.modules.iter().any(|name| name == module)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_which_file_differs() {
        let files = |text: &str| Files::from([("/a".to_owned(), text.to_owned())]);
        let first = files("x\nquiet intel_iommu=off y\n");
        let expected = without(&first, Some("intel_iommu=off"));
        assert_eq!(differences(&expected, &files("x\nquiet y\n")), Ok(()));
        let error = differences(&expected, &files("x\nquiet\n")).unwrap_err();
        assert!(error.contains("/a") && error.contains("quiet y"), "{error}");
    }
}
