//! The configured kernel command line of hosts that boot by systemd-boot, and what stands for it where
//! it is missing.

use config_text::kernel_cmdline::tokens;
use config_text::kernel_cmdline_file::Reader;

use crate::{HostError, Root, proc};

/// Where the readers look.
pub const PATH: &str = "/etc/kernel/cmdline";
/// What `kernel-install` takes where there is no [`PATH`].
const VENDOR: &str = "/usr/lib/kernel/cmdline";

/// The file, as it is or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelCmdline {
    /// The file's bytes; `None` where there is no file.
    pub text: Option<Vec<u8>>,
    /// Without a file: where its reader takes the command line from, and what it is.
    pub fallback: Option<(String, Vec<u8>)>,
}

/// Reads the file at `path`. Where there is none, what its reader falls back to: kernel-install takes
/// `/usr/lib/kernel/cmdline` or the command line in force without `BOOT_IMAGE=` and `initrd=`
/// (`90-loaderentry.install`), proxmox-boot-tool the latter without `initrd=` (`zz-proxmox-boot`).
pub fn read(root: &Root, path: &str, reader: Reader) -> Result<KernelCmdline, HostError> {
    if let Some(text) = root.read_opt(path)? {
        return Ok(KernelCmdline { text: Some(text), fallback: None });
    }
    if let (Reader::KernelInstall, Some(text)) = (reader, root.read_opt(VENDOR)?) {
        return Ok(KernelCmdline { text: None, fallback: Some((VENDOR.to_string(), text)) });
    }
    let fallback = proc::cmdline(root).map(|line| {
        // What the boot loader adds at each boot.
        let added = |raw: &[u8]| {
            raw.starts_with(b"initrd=")
                || (reader == Reader::KernelInstall && raw.starts_with(b"BOOT_IMAGE="))
        };
        let init = config_text::kernel_cmdline::parse(line.as_bytes()).init;
        let mut kept: Vec<&[u8]> =
            tokens(line.as_bytes()).iter().map(|token| token.raw).filter(|raw| !added(raw)).collect();
        kept.extend(init.and_then(|at| line.as_bytes().get(at..)));
        ("/proc/cmdline".to_string(), [&kept.join(&b' '), b"\n".as_slice()].concat())
    });
    Ok(KernelCmdline { text: None, fallback })
}

impl KernelCmdline {
    /// The text that the entries are made from.
    pub fn effective(&self) -> Option<&[u8]> {
        self.text.as_deref().or(self.fallback.as_ref().map(|(_, text)| text.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_fallbacks_are_those_of_the_readers() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let root = Root::open(dir.path()).unwrap();
        let effective = |reader| read(&root, PATH, reader).unwrap().effective().map(<[u8]>::to_vec);
        assert_eq!(effective(Reader::KernelInstall), None);
        write("proc/cmdline", "BOOT_IMAGE=/vmlinuz initrd=\\4a\\initrd root=/dev/sda  ro -- x\n");
        assert_eq!(effective(Reader::KernelInstall).unwrap(), b"root=/dev/sda ro -- x\n");
        assert_eq!(
            effective(Reader::ProxmoxBootTool).unwrap(),
            b"BOOT_IMAGE=/vmlinuz root=/dev/sda ro -- x\n"
        );
        write("usr/lib/kernel/cmdline", "root=/dev/vda\n");
        assert_eq!(effective(Reader::KernelInstall).unwrap(), b"root=/dev/vda\n");
        assert!(effective(Reader::ProxmoxBootTool).unwrap().starts_with(b"BOOT_IMAGE"));
        write("etc/kernel/cmdline", "root=/dev/sdb\n");
        assert_eq!(effective(Reader::KernelInstall).unwrap(), b"root=/dev/sdb\n");
    }
}
