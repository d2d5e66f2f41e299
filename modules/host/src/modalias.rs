//! Which drivers a kernel would offer a device: the aliases in its modules.
//!
//! `modules.alias` has tens of thousands of lines; they are read once for all devices, and only
//! those about PCI are looked at.

use std::collections::BTreeMap;

use crate::{HostError, Root};

/// The modules that match each modalias, sorted; without a match an empty list. `None` where the
/// kernel `release` has no tables.
pub fn candidates(
    root: &Root,
    release: &str,
    modaliases: &[&str],
) -> Result<Option<BTreeMap<String, Vec<String>>>, HostError> {
    let folder = format!("/lib/modules/{release}");
    let loadable = root.read_opt(&format!("{folder}/modules.alias"))?;
    let builtin = root.read_opt(&format!("{folder}/modules.builtin.modinfo"))?;
    if loadable.is_none() && builtin.is_none() {
        return Ok(None);
    }
    let mut wanted: Vec<Wanted> = modaliases.iter().filter_map(|text| Wanted::new(text)).collect();
    wanted.sort_by_key(|w| (w.ids.vendor(), w.text));
    wanted.dedup_by_key(|w| w.text);
    let mut offer = |pattern: &[u8], module: &[u8]| {
        let Some(pattern) = pattern.strip_prefix(b"pci:").and_then(fields) else { return };
        let range = match pattern.0[0] {
            Some(vendor) => {
                let start = wanted.partition_point(|w| w.ids.vendor() < Some(vendor));
                let end = wanted.partition_point(|w| w.ids.vendor() <= Some(vendor));
                start..end
            }
            None => 0..wanted.len(),
        };
        for device in wanted.get_mut(range).unwrap_or_default() {
            if pattern.matches(&device.ids) {
                device.modules.push(String::from_utf8_lossy(module).replace('-', "_"));
            }
        }
    };
    // alias pci:v00008086d00001533sv*sd*bc*sc*i* igb
    for line in loadable.iter().flat_map(|bytes| bytes.split(|b| *b == b'\n')) {
        if let Some(rest) = line.strip_prefix(b"alias ")
            && let Some(blank) = rest.iter().position(|b| *b == b' ')
        {
            offer(&rest[..blank], rest[blank + 1..].trim_ascii());
        }
    }
    // ahci.alias=pci:v*d*sv*sd*bc01sc06i01*, set apart by NUL
    for item in builtin.iter().flat_map(|bytes| bytes.split(|b| *b == 0)) {
        if let Some(dot) = item.iter().position(|b| *b == b'.')
            && let Some(pattern) = item[dot..].strip_prefix(b".alias=")
        {
            offer(pattern, &item[..dot]);
        }
    }
    let mut found = BTreeMap::new();
    for mut device in wanted {
        device.modules.sort();
        device.modules.dedup();
        found.insert(device.text.to_string(), device.modules);
    }
    Ok(Some(found))
}

struct Wanted<'a> {
    text: &'a str,
    ids: Fields,
    modules: Vec<String>,
}

impl Wanted<'_> {
    fn new(text: &str) -> Option<Wanted<'_>> {
        let ids = fields(text.as_bytes().strip_prefix(b"pci:")?)?;
        Some(Wanted { text, ids, modules: Vec::new() })
    }
}

/// Vendor, device, subsystem vendor and device, base class, subclass, interface; `None` is `*`.
struct Fields([Option<u32>; 7]);

impl Fields {
    fn vendor(&self) -> Option<u32> {
        self.0[0]
    }

    fn matches(&self, device: &Fields) -> bool {
        self.0.iter().zip(&device.0).all(|(pattern, id)| pattern.is_none() || pattern == id)
    }
}

/// The fields of what follows `pci:`, as the kernel's `scripts/mod/file2alias.c` writes them.
fn fields(text: &[u8]) -> Option<Fields> {
    let mut rest = text;
    let mut found = [None; 7];
    for (slot, name) in found.iter_mut().zip(["v", "d", "sv", "sd", "bc", "sc", "i"]) {
        rest = rest.strip_prefix(name.as_bytes())?;
        if let Some(after) = rest.strip_prefix(b"*") {
            rest = after;
            continue;
        }
        let digits =
            if name.len() == 1 && name != "i" || name.starts_with("s") && name != "sc" { 8 } else { 2 };
        let (number, after) = rest.split_at_checked(digits)?;
        *slot = Some(u32::from_str_radix(std::str::from_utf8(number).ok()?, 16).ok()?);
        rest = after;
    }
    matches!(rest, b"" | b"*").then_some(Fields(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPU: &str = "pci:v000010DEd00002484sv00001043sd000087B8bc03sc00i00";
    const SATA: &str = "pci:v00001022d00007901sv00001022sd00007901bc01sc06i01";

    #[test]
    fn ids_classes_and_built_in_ones() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("lib/modules/6.8");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            folder.join("modules.alias"),
            "# Aliases extracted from modules themselves.\n\
             alias pci:v000010DEd*sv*sd*bc03sc*i* nouveau\n\
             alias pci:v000010DEd00002484sv*sd*bc*sc*i* nvidia-drm\n\
             alias pci:v000010DEd00002485sv*sd*bc*sc*i* wrong\n\
             alias pci:v000010DEd*sv0000FFFFsd*bc*sc*i* wrong\n\
             alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n\
             alias usb:v*d* wrong\nalias pci:v0000 wrong\nalias\n",
        )
        .unwrap();
        std::fs::write(
            folder.join("modules.builtin.modinfo"),
            b"ahci.license=GPL\0ahci.alias=pci:v*d*sv*sd*bc01sc06i01*\0x\0",
        )
        .unwrap();
        let root = Root::open(dir.path()).unwrap();
        let found =
            candidates(&root, "6.8", &[SATA, GPU, GPU, "pci:v0000FFFFd*sv*sd*bc*sc*i*"]).unwrap().unwrap();
        assert_eq!(found[GPU], ["nouveau", "nvidia_drm"]);
        assert_eq!(found[SATA], ["ahci"]);
        assert_eq!(found.len(), 3);
        assert_eq!(candidates(&root, "5.0", &[GPU]).unwrap(), None);
    }
}
