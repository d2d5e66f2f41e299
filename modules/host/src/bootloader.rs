//! Which boot loader boots this host, and what that is concluded from.

use config_text::grub_cfg;

use crate::{HostError, Root, bls, firmware, grub, kernel_cmdline, kernels};

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
    /// Whether GRUB's entries are Boot Loader Specification files: `GRUB_ENABLE_BLSCFG=true`, or, where the
    /// settings do not tell, a `blscfg` command in `grub.cfg`.
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
    let cmdline = note(&[kernel_cmdline::PATH]);
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
        None => match (grub, systemd_boot) {
            // Fedora and the RHEL family have the file beside GRUB, so it tells only where there is no GRUB.
            (false, found) if found || cmdline => Kind::SystemdBoot,
            _ if proxmox_boot_tool => Kind::Unknown,
            (true, false) => Kind::Grub,
            (true, true) => Kind::Unknown,
            (false, _) if has_kernels || firmware.efi == Some(true) => Kind::Unknown,
            (false, _) => Kind::None,
        },
    };
    let bls = if kind == Kind::Grub { bls_evidence(root) } else { None };
    evidence.extend(bls.clone());
    if evidence.is_empty() {
        evidence.push("no file of a known boot loader".to_string());
    }
    Ok(Bootloader { kind, proxmox_boot_tool, bls: bls.is_some(), evidence })
}

fn lists_an_esp(root: &Root) -> Result<bool, HostError> {
    let bytes = root.read_opt("/etc/kernel/proxmox-boot-uuids")?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#')))
}

/// What tells that GRUB's entries are files of their own. What cannot be read tells nothing: a broken
/// `/etc/default/grub` is for the module that edits it to name.
fn bls_evidence(root: &Root) -> Option<String> {
    match grub::setting(root, "GRUB_ENABLE_BLSCFG") {
        Some(Some(value)) => {
            (value == b"true").then(|| format!("{} has GRUB_ENABLE_BLSCFG=true", grub::SETTINGS))
        }
        Some(None) => None,
        // An image may come without GRUB's settings: what was generated once is what boots.
        None => {
            let path = grub::CONFIG_PATHS.into_iter().find(|path| root.exists(path))?;
            let config = root.read_opt(path).ok().flatten()?;
            let has_entries = || bls::read(root).is_ok_and(|found| !found.files.is_empty());
            (grub_cfg::reads_entry_files(&config) && has_entries()).then(|| format!("{path} has blscfg"))
        }
    }
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
    const CMDLINE: &str = "etc/kernel/cmdline=root=UUID=1 ro\n";

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
            (&[KERNEL, ESPS, DEFAULT, CMDLINE], None, Kind::Unknown),
            (&[KERNEL, ESPS, CMDLINE], None, Kind::SystemdBoot),
            (&[KERNEL, ESPS, LOADER], None, Kind::SystemdBoot),
            (&[KERNEL, ESPS], None, Kind::Unknown),
            (&[CMDLINE], None, Kind::SystemdBoot),
            (&[KERNEL, CMDLINE, EFI_UNMOUNTED], None, Kind::SystemdBoot),
            (&[DEFAULT, CMDLINE], None, Kind::Grub),
            (&[CMDLINE, BIOS], None, Kind::None),
            (&[CMDLINE, ".dockerenv"], None, Kind::None),
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
    fn proxmox_boot_tool_needs_an_esp() {
        assert!(detect_in(&[ESPS], None).proxmox_boot_tool);
        assert!(!detect_in(&["etc/kernel/proxmox-boot-uuids=# none\n"], None).proxmox_boot_tool);
    }

    #[test]
    fn entry_files_are_told_by_the_setting_as_the_shell_reads_it() {
        for (settings, bls) in [
            ("GRUB_ENABLE_BLSCFG=true\n", true),
            ("GRUB_ENABLE_BLSCFG='true'\n", true),
            ("GRUB_ENABLE_BLSCFG=true  # keep\n", true),
            ("export GRUB_ENABLE_BLSCFG=true\n", true),
            ("GRUB_TIMEOUT=5; GRUB_ENABLE_BLSCFG=true\n", true),
            ("GRUB_ENABLE_BLSCFG=true\nGRUB_ENABLE_BLSCFG=false\n", false),
            ("GRUB_ENABLE_BLSCFG=true\nunset GRUB_ENABLE_BLSCFG\n", false),
            ("# GRUB_ENABLE_BLSCFG=true\n", false),
            ("GRUB_ENABLE_BLSCFG=\"tr\n", false),
        ] {
            let found = detect_in(&[&format!("etc/default/grub={settings}")], None);
            assert_eq!(found.bls, bls, "{settings:?}");
        }
    }

    #[test]
    fn without_a_setting_that_can_be_read_the_generated_file_tells_of_entry_files() {
        const BLSCFG: &str = "boot/grub2/grub.cfg=insmod blscfg\nif x; then\n  blscfg\nfi\n";
        const ENTRY: &str = "boot/loader/entries/4a-6.8.conf=linux /vmlinuz-6.8\n";
        const CODE: &str = "etc/default/grub=GRUB_ENABLE_BLSCFG=$(x)\n";
        for (files, bls) in [
            (&[BLSCFG, ENTRY][..], true),
            (&[BLSCFG, ENTRY, CODE], true),
            (&[BLSCFG, ENTRY, "etc/default/grub=GRUB_TIMEOUT=5\n"], false),
            (&[BLSCFG], false),
            (&["boot/grub2/grub.cfg=insmod blscfg\n# blscfg\n", ENTRY], false),
        ] {
            let found = detect_in(files, None);
            assert_eq!((found.kind, found.bls), (Kind::Grub, bls), "{files:?}");
        }
    }

    #[test]
    fn this_machine_is_told_without_error() {
        detect(&Root::open(Path::new("/")).unwrap()).unwrap();
    }
}
