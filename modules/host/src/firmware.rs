//! What the firmware handed over: ACPI tables, EFI, Secure Boot, the boot loader's own words.

use crate::{HostError, Root};

/// Vendor GUID of the variables in systemd's Boot Loader Interface.
const LOADER: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// GUID of EFI's global variables (UEFI specification, 3.3).
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const EFIVARS: &str = "/sys/firmware/efi/efivars";

/// What the firmware says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Firmware {
    /// The ACPI tables' names, sorted; `None` where the kernel shows none (no ACPI, no sysfs).
    pub acpi_tables: Option<Vec<String>>,
    /// Whether the machine booted by EFI; `None` without a `/sys/firmware`.
    pub efi: Option<bool>,
    /// Whether Secure Boot is on; `None` where it cannot be told.
    pub secure_boot: Option<bool>,
    /// Variable `LoaderInfo`, such as `systemd-boot 252.22-1~deb12u1` or `GRUB 2.12`.
    pub loader_info: Option<String>,
    /// Whether EFI variables can be read at all (efivarfs is mounted).
    pub variables: bool,
}

impl Firmware {
    /// Whether the ACPI table is there; `None` where no table can be seen.
    pub fn table(&self, name: &str) -> Option<bool> {
        self.acpi_tables.as_ref().map(|tables| tables.iter().any(|t| t == name))
    }
}

/// Reads what the firmware says. Names of the tables only: their content is for root.
pub fn read(root: &Root) -> Result<Firmware, HostError> {
    let mut tables: Vec<String> = root
        .list("/sys/firmware/acpi/tables")?
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    tables.retain(|name| name != "data" && name != "dynamic");
    let efi = root.is_dir("/sys/firmware").then(|| root.is_dir("/sys/firmware/efi"));
    if efi != Some(true) {
        let secure_boot = efi.map(|_| false);
        let acpi_tables = (!tables.is_empty()).then_some(tables);
        return Ok(Firmware { acpi_tables, efi, secure_boot, ..Firmware::default() });
    }
    Ok(Firmware {
        acpi_tables: (!tables.is_empty()).then_some(tables),
        efi,
        secure_boot: variable(root, "SecureBoot", GLOBAL).and_then(|v| v.first().map(|b| *b == 1)),
        loader_info: variable(root, "LoaderInfo", LOADER).map(|v| utf16(&v)),
        variables: !root.list(EFIVARS).unwrap_or_default().is_empty(),
    })
}

/// A variable's value; efivarfs puts four bytes of attributes before it.
fn variable(root: &Root, name: &str, guid: &str) -> Option<Vec<u8>> {
    let mut bytes = root.read(&format!("{EFIVARS}/{name}-{guid}")).ok()?;
    (bytes.len() >= 4).then(|| bytes.split_off(4))
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn variables_carry_attributes_and_utf16() {
        let dir = tempfile::tempdir().unwrap();
        let vars = dir.path().join("sys/firmware/efi/efivars");
        fs::create_dir_all(&vars).unwrap();
        fs::create_dir_all(dir.path().join("sys/firmware/acpi/tables/data")).unwrap();
        fs::write(dir.path().join("sys/firmware/acpi/tables/DMAR"), b"").unwrap();
        let mut info = vec![6, 0, 0, 0];
        info.extend("GRUB 2.12\0".encode_utf16().flat_map(u16::to_le_bytes));
        fs::write(vars.join(format!("LoaderInfo-{LOADER}")), info).unwrap();
        fs::write(vars.join(format!("SecureBoot-{GLOBAL}")), [6, 0, 0, 0, 1]).unwrap();
        let firmware = read(&Root::open(dir.path()).unwrap()).unwrap();
        assert_eq!(firmware.loader_info.as_deref(), Some("GRUB 2.12"));
        fs::write(vars.join(format!("LoaderInfo-{LOADER}")), [1]).unwrap();
        let short = read(&Root::open(dir.path()).unwrap()).unwrap();
        assert_eq!(short.loader_info, None, "shorter than its attributes");
        assert_eq!((firmware.secure_boot, firmware.efi), (Some(true), Some(true)));
        assert_eq!((firmware.table("DMAR"), firmware.table("IVRS")), (Some(true), Some(false)));
        assert_eq!(firmware.acpi_tables.unwrap(), ["DMAR"]);
    }

    #[test]
    fn a_tree_without_sysfs_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let firmware = read(&Root::open(dir.path()).unwrap()).unwrap();
        assert_eq!(firmware, Firmware::default());
        assert_eq!(firmware.table("DMAR"), None);
    }
}
