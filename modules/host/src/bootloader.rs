//! Which boot loader boots this host, and what that is concluded from.

use crate::{HostError, Root, firmware, kernels};

/// The loader that decides the kernel command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// GRUB 2: `/etc/default/grub`.
    Grub,
    /// systemd-boot: `/etc/kernel/cmdline`.
    SystemdBoot,
    /// None at all: a container, or a virtual machine whose kernel comes from outside.
    None,
    /// One that is not known here, or evidence that disagrees.
    Unknown,
}

impl Kind {
    /// `grub`, `systemd_boot`, `none` or `unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Grub => "grub",
            Kind::SystemdBoot => "systemd_boot",
            Kind::None => "none",
            Kind::Unknown => "unknown",
        }
    }
}

/// The boot loader and the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootloader {
    /// Which one.
    pub kind: Kind,
    /// Whether proxmox-boot-tool copies kernels to the ESPs in `/etc/kernel/proxmox-boot-uuids`:
    /// then `/boot/grub/grub.cfg` is not what boots.
    pub proxmox_boot_tool: bool,
    /// Whether GRUB's entries are Boot Loader Specification files (`GRUB_ENABLE_BLSCFG=true`).
    pub bls: bool,
    /// Each fact that was found, one clause each.
    pub evidence: Vec<String>,
}

const GRUB_FILES: [&str; 3] = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/etc/default/grub"];
const SYSTEMD_BOOT_FILES: [&str; 6] = [
    "/boot/efi/loader/loader.conf",
    "/efi/loader/loader.conf",
    "/boot/loader/loader.conf",
    "/boot/efi/EFI/systemd",
    "/efi/EFI/systemd",
    "/boot/EFI/systemd",
];
const CONTAINER_MARKS: [&str; 3] = ["/run/systemd/container", "/.dockerenv", "/run/.containerenv"];

/// Finds the boot loader. What the loader itself left in EFI's `LoaderInfo` counts most, then
/// how the machine booted, then the files that are there.
pub fn detect(root: &Root) -> Result<Bootloader, HostError> {
    let firmware = firmware::read(root)?;
    let mut evidence = Vec::new();
    let proxmox_boot_tool = lists_an_esp(root)?;
    if proxmox_boot_tool {
        evidence.push("/etc/kernel/proxmox-boot-uuids lists an ESP".to_string());
    }
    let mut note = |paths: &[&str]| {
        let found: Vec<_> =
            paths.iter().filter(|path| root.exists(path)).map(|p| format!("{p} exists")).collect();
        evidence.extend_from_slice(&found);
        !found.is_empty()
    };
    let grub = note(&GRUB_FILES);
    let systemd_boot = note(&SYSTEMD_BOOT_FILES);
    let container = note(&CONTAINER_MARKS);
    let has_kernels = !kernels::installed(root)?.is_empty();
    match firmware.efi {
        Some(true) => evidence.push("/sys/firmware/efi exists".to_string()),
        Some(false) => evidence.push("no /sys/firmware/efi: booted by BIOS or directly".to_string()),
        None => {}
    }
    if let Some(info) = &firmware.loader_info {
        evidence.push(format!("LoaderInfo says {info}"));
    }
    let said = firmware.loader_info.as_deref().map(|info| {
        // GRUB's bli module sets the variable too, so only its text tells.
        match info.split([' ', '/']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "systemd-boot" | "sd-boot" | "gummiboot" => Kind::SystemdBoot,
            "grub" => Kind::Grub,
            _ => Kind::Unknown,
        }
    });
    let kind = match said {
        _ if container && !(grub && has_kernels) => Kind::None,
        Some(kind) => kind,
        // systemd-boot exists on EFI only, and always leaves its variable.
        None if firmware.efi == Some(false) || firmware.variables => match grub {
            true => Kind::Grub,
            false if has_kernels => Kind::Unknown,
            false => Kind::None,
        },
        None if proxmox_boot_tool => Kind::Unknown,
        None => match (grub, systemd_boot) {
            (true, false) => Kind::Grub,
            (false, true) => Kind::SystemdBoot,
            (true, true) => Kind::Unknown,
            (false, false) if has_kernels || firmware.efi == Some(true) => Kind::Unknown,
            (false, false) => Kind::None,
        },
    };
    let bls = kind == Kind::Grub && has_bls(root)?;
    if bls {
        evidence.push("/etc/default/grub has GRUB_ENABLE_BLSCFG=true".to_string());
    }
    if evidence.is_empty() {
        evidence.push("no file of a known boot loader".to_string());
    }
    Ok(Bootloader { kind, proxmox_boot_tool, bls, evidence })
}

fn lists_an_esp(root: &Root) -> Result<bool, HostError> {
    let bytes = root.read_opt("/etc/kernel/proxmox-boot-uuids")?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#')))
}

fn has_bls(root: &Root) -> Result<bool, HostError> {
    // A broken /etc/default/grub is for the module that edits it to name.
    let text = root.text("/etc/default/grub").unwrap_or_default();
    let on = |line: &str| {
        line.strip_prefix("GRUB_ENABLE_BLSCFG=")
            .is_some_and(|v| v.trim_matches(['"', '\'', ' ', '\r']) == "true")
    };
    Ok(text.lines().rfind(|line| line.starts_with("GRUB_ENABLE_BLSCFG=")).is_some_and(on))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    const INFO: &str = "sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

    fn detect_in(files: &[&str], loader_info: Option<&str>) -> Bootloader {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, bytes: &[u8]| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        for file in files {
            let (path, text) = file.split_once('=').unwrap_or((file, ""));
            write(path, text.as_bytes());
        }
        if let Some(info) = loader_info {
            let mut bytes = vec![6, 0, 0, 0];
            bytes.extend(info.encode_utf16().flat_map(u16::to_le_bytes));
            write(INFO, &bytes);
        }
        detect(&Root::open(dir.path()).unwrap()).unwrap()
    }

    const BIOS: &str = "sys/firmware/acpi/tables/FACP";
    const EFI_UNMOUNTED: &str = "sys/firmware/efi/runtime";
    const EFI_VARIABLE: &str = "sys/firmware/efi/efivars/BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    const KERNEL: &str = "boot/vmlinuz-6.8.4-2-pve";
    const GRUB: &str = "boot/grub/grub.cfg";
    const DEFAULT: &str = "etc/default/grub";
    const ESPS: &str = "etc/kernel/proxmox-boot-uuids=ABCD-1234\n";
    const LOADER: &str = "boot/efi/loader/loader.conf";

    #[test]
    fn the_loaders_own_words_count_most() {
        for (files, info, kind) in [
            (&[BIOS, KERNEL, GRUB, DEFAULT][..], None, Kind::Grub),
            (&[DEFAULT], None, Kind::Grub),
            (&[KERNEL, GRUB, LOADER], Some("systemd-boot 252.22-1~deb12u1"), Kind::SystemdBoot),
            (&[KERNEL, GRUB, LOADER], Some("GRUB 2.12-1~bpo12+1"), Kind::Grub),
            (&[KERNEL, GRUB], Some("rEFInd 0.14.0"), Kind::Unknown),
            (&[KERNEL, GRUB, LOADER, EFI_VARIABLE], None, Kind::Grub),
            (&[KERNEL, GRUB, LOADER, EFI_UNMOUNTED], None, Kind::Unknown),
            (&[KERNEL, GRUB, LOADER], None, Kind::Unknown),
            (&[KERNEL, LOADER], None, Kind::SystemdBoot),
            (&[KERNEL, ESPS, DEFAULT], Some("systemd-boot 255"), Kind::SystemdBoot),
            (&[KERNEL, ESPS, DEFAULT, EFI_VARIABLE], None, Kind::Grub),
            (&[KERNEL, ESPS, DEFAULT, BIOS], None, Kind::Grub),
            (&[KERNEL, ESPS, DEFAULT], None, Kind::Unknown),
            (&[KERNEL], None, Kind::Unknown),
            (&[], None, Kind::None),
            (&[BIOS], None, Kind::None),
            (&[".dockerenv", EFI_VARIABLE], Some("systemd-boot 255"), Kind::None),
            (&["run/systemd/container=lxc", DEFAULT], None, Kind::None),
            (&["run/.containerenv", KERNEL, GRUB, DEFAULT], None, Kind::Grub),
        ] {
            let found = detect_in(files, info);
            assert_eq!(found.kind, kind, "{files:?} {info:?} {:?}", found.evidence);
            assert!(!found.evidence.is_empty());
        }
    }

    #[test]
    fn proxmox_boot_tool_needs_an_esp_and_bls_the_setting() {
        assert!(detect_in(&[ESPS], None).proxmox_boot_tool);
        assert!(!detect_in(&["etc/kernel/proxmox-boot-uuids=# none\n"], None).proxmox_boot_tool);
        assert!(detect_in(&["etc/default/grub=GRUB_ENABLE_BLSCFG=true\n"], None).bls);
        assert!(
            !detect_in(&["etc/default/grub=GRUB_ENABLE_BLSCFG=true\nGRUB_ENABLE_BLSCFG=false\n"], None).bls
        );
    }

    #[test]
    fn this_machine_is_told_without_error() {
        detect(&Root::open(Path::new("/")).unwrap()).unwrap();
    }
}
