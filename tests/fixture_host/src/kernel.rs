//! Processor, kernels, modules, command line.

use crate::Host;

impl Host {
    /// `/proc/cpuinfo` of two processors: `("GenuineIntel", "Intel(R) Xeon(R) …", "vmx")`.
    pub fn cpu(&self, vendor_id: &str, model: &str, flag: &str) -> &Host {
        let processor = |n: u32| {
            format!(
                "processor\t: {n}\nvendor_id\t: {vendor_id}\ncpu family\t: 6\nmodel name\t: {model}\n\
                 flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep {flag} lm\n\n"
            )
        };
        self.file("/proc/cpuinfo", processor(0) + &processor(1))
    }

    /// The command line in force.
    pub fn cmdline(&self, line: &str) -> &Host {
        self.file("/proc/cmdline", format!("{line}\n"))
    }

    /// An installed kernel: image, initramfs and config in /boot, tables in /lib/modules.
    /// `modules` and `builtin` are file names below `kernel/` (`drivers/vfio/vfio.ko`).
    pub fn kernel(&self, release: &str, modules: &[&str], builtin: &[&str], config: &[&str]) -> &Host {
        self.file(&format!("/boot/vmlinuz-{release}"), "fixture: stands for a kernel image\n");
        self.file(&format!("/boot/initrd.img-{release}"), "fixture: stands for an initramfs\n");
        self.file(
            &format!("/boot/config-{release}"),
            config.iter().map(|c| format!("{c}\n")).collect::<String>(),
        );
        let list = |names: &[&str], end: &str| {
            names.iter().map(|n| format!("kernel/{n}{end}\n")).collect::<String>()
        };
        self.file(&format!("/lib/modules/{release}/modules.dep"), list(modules, ":"));
        self.file(&format!("/lib/modules/{release}/modules.builtin"), list(builtin, ""))
    }

    /// `modules.alias` of a kernel: pairs of pattern and module.
    pub fn aliases(&self, release: &str, aliases: &[(&str, &str)]) -> &Host {
        let lines: String =
            aliases.iter().map(|(pattern, module)| format!("alias {pattern} {module}\n")).collect();
        self.file(&format!("/lib/modules/{release}/modules.alias"), lines)
    }

    /// The running kernel and its loaded modules.
    pub fn running(&self, release: &str, modules: &[&str]) -> &Host {
        self.file("/proc/sys/kernel/osrelease", format!("{release}\n"));
        for module in modules {
            self.folder(&format!("/sys/module/{module}"));
        }
        let lines: String =
            modules.iter().map(|m| format!("{m} 16384 0 - Live 0x0000000000000000\n")).collect();
        self.file("/proc/modules", lines)
    }

    /// An EFI variable as efivarfs shows it: four bytes of attributes, then the value.
    pub fn efi_variable(&self, name: &str, guid: &str, value: &[u8]) -> &Host {
        self.file(&format!("/sys/firmware/efi/efivars/{name}-{guid}"), [&[6, 0, 0, 0], value].concat())
    }

    /// What the boot loader says of itself in EFI's `LoaderInfo`.
    pub fn loader_info(&self, text: &str) -> &Host {
        let value: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        self.efi_variable("LoaderInfo", "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", &value)
    }
}
