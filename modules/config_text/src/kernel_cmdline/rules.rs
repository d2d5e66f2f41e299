//! What repeated keys and comma lists mean, key by key, and which values contradict each other.
//!
//! Sources: `Documentation/admin-guide/kernel-parameters.txt`, `drivers/iommu/intel/iommu.c`
//! (`intel_iommu_setup`), `drivers/iommu/amd/init.c` (`parse_amd_iommu_options`),
//! `arch/x86/kernel/pci-dma.c` (`iommu_setup`), dracut.cmdline(7), kernel-command-line(7).

use super::{Token, key_eq, tokens};

/// How several occurrences of one key work together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The last one wins.
    Last,
    /// Each one counts, as a whole.
    Repeat,
    /// Each one counts, and so does each part of its comma list.
    List,
}

const LIST: &[&[u8]] = &[
    b"amd_iommu",
    b"initcall_blacklist",
    b"intel_iommu",
    b"intremap",
    b"iommu",
    b"modprobe.blacklist",
    b"modules_load",
    b"pci",
    b"pcie_acs_override",
    b"rd.driver.blacklist",
    b"rd.driver.post",
    b"rd.driver.pre",
    b"rd.modules_load",
];

const REPEAT: &[&[u8]] = &[
    b"acpi_osi",
    b"bond",
    b"bridge",
    b"cgroup_disable",
    b"cgroup_enable",
    b"console",
    b"crashkernel",
    b"cryptdevice",
    b"dyndbg",
    b"earlycon",
    b"earlyprintk",
    b"efi",
    b"fbcon",
    b"hugepages",
    b"hugepagesz",
    b"ifname",
    b"ip",
    b"luks.name",
    b"luks.options",
    b"luks.uuid",
    b"memmap",
    b"nameserver",
    b"netconsole",
    b"rd.break",
    b"rd.dm.uuid",
    b"rd.luks.key",
    b"rd.luks.name",
    b"rd.luks.options",
    b"rd.luks.uuid",
    b"rd.lvm.lv",
    b"rd.lvm.vg",
    b"rd.md.uuid",
    b"rd.route",
    b"rd.systemd.mask",
    b"rd.systemd.wants",
    b"rd.znet",
    b"reboot",
    b"systemd.mask",
    b"systemd.set_credential",
    b"systemd.setenv",
    b"systemd.wants",
    b"team",
    b"udev.property",
    b"video",
    b"vlan",
];

/// Parts of one key's list that undo each other; the later one wins in the kernel.
const CONTRARY: &[(&[u8], &[u8], &[u8])] = &[
    (b"amd_iommu", b"on", b"off"),
    (b"amd_iommu", b"force_enable", b"off"),
    (b"intel_iommu", b"on", b"off"),
    (b"intel_iommu", b"sm_on", b"sm_off"),
    (b"intremap", b"on", b"off"),
    (b"iommu", b"force", b"noforce"),
    (b"iommu", b"force", b"off"),
    (b"iommu", b"on", b"off"),
    (b"iommu", b"pt", b"nopt"),
    (b"iommu", b"pt", b"off"),
];

/// What switches every x86 IOMMU off, whatever else the line says.
const OFF: &[(&[u8], &[u8])] = &[(b"amd_iommu", b"off"), (b"intel_iommu", b"off"), (b"iommu", b"off")];

/// Parameters that decide who gets a PCI device; so do those that begin with `vfio`.
const PASSTHROUGH: &[&[u8]] = &[
    b"amd_iommu",
    b"initcall_blacklist",
    b"intel_iommu",
    b"intremap",
    b"iommu",
    b"modprobe.blacklist",
    b"module_blacklist",
    b"pci_stub.ids",
    b"pcie_acs_override",
];

/// Whether passthrough depends on the parameter.
pub fn concerns_passthrough(token: &Token) -> bool {
    let key = token.key();
    key.starts_with(b"vfio") || PASSTHROUGH.iter().any(|known| key_eq(known, key))
}

pub(super) fn rule(key: &[u8]) -> Rule {
    let among = |keys: &[&[u8]]| keys.iter().any(|known| key_eq(known, key));
    if among(LIST) {
        Rule::List
    } else if among(REPEAT) {
        Rule::Repeat
    } else {
        Rule::Last
    }
}

/// Whether an occurrence means something by its place among others: each `hugepages=` belongs to the
/// `hugepagesz=` before it, so that two equal ones are not the same.
pub(super) fn is_positional(key: &[u8]) -> bool {
    key_eq(key, b"hugepages") || key_eq(key, b"hugepagesz")
}

/// The parts of a comma list; a flag has none.
pub(super) fn parts<'a>(token: &Token<'a>) -> Vec<&'a [u8]> {
    match token.value() {
        Some(value) => value.split(|byte| *byte == b',').filter(|part| !part.is_empty()).collect(),
        None => Vec::new(),
    }
}

/// Whether `part` of the list parameter `key` switches the IOMMU off.
pub(super) fn switches_off(key: &[u8], part: &[u8]) -> bool {
    OFF.iter().any(|(off_key, off)| key_eq(off_key, key) && *off == part)
}

/// Whether `token`, a key that is no list, contradicts `wanted` from under another name.
pub(super) fn contradicts_by_name(token: &Token, wanted: &Token) -> bool {
    let pass_through = key_eq(wanted.key(), b"iommu") && parts(wanted).contains(&b"pt".as_slice());
    pass_through
        && key_eq(token.key(), b"iommu.passthrough")
        && matches!(token.value(), Some(b"0" | b"n" | b"N" | b"no" | b"off" | b"false"))
}

/// Whether `part` of the list parameter `key` contradicts `wanted`.
pub(super) fn part_contradicts(key: &[u8], part: &[u8], wanted: &Token) -> bool {
    let wants_on = [b"intel_iommu".as_slice(), b"amd_iommu"].iter().any(|on| key_eq(on, wanted.key()))
        && parts(wanted).iter().any(|part| *part == b"on" || *part == b"force_enable");
    if wants_on && key_eq(key, b"iommu") && part == b"off" {
        return true;
    }
    key_eq(key, wanted.key())
        && parts(wanted).iter().any(|want| {
            CONTRARY.iter().any(|(known, a, b)| {
                key_eq(known, key) && ((a == want && *b == part) || (b == want && *a == part))
            })
        })
}

/// Whether `token` alone gives what `wanted` asks for.
pub(super) fn satisfies(token: &Token, wanted: &Token) -> bool {
    if !key_eq(token.key(), wanted.key()) {
        return false;
    }
    match (rule(wanted.key()), wanted.value()) {
        (Rule::List, Some(_)) => {
            let have = parts(token);
            token.value() == wanted.value() || {
                let want = parts(wanted);
                !want.is_empty() && want.iter().all(|part| have.contains(part))
            }
        }
        _ => token.value() == wanted.value(),
    }
}

/// Whether `token` is in force on a command line (`/proc/cmdline`, a boot entry's arguments): it is
/// there, itself or as part of a comma list, and nothing after it takes it back.
///
/// ```
/// use config_text::kernel_cmdline::in_force;
/// assert!(in_force(b"ro intel_iommu=on,sm_on", b"intel_iommu=on"));
/// assert!(!in_force(b"intel_iommu=on intel_iommu=off", b"intel_iommu=on"));
/// assert!(!in_force(b"vfio-pci.ids=1:2 vfio_pci.ids=3:4", b"vfio-pci.ids=1:2"));
/// ```
pub fn in_force(cmdline: &[u8], token: &[u8]) -> bool {
    holds(&tokens(cmdline), &Token::new(token))
}

/// [`in_force`] over tokens that are split already.
pub(super) fn holds(line: &[Token], wanted: &Token) -> bool {
    let same_key = || line.iter().filter(|token| key_eq(token.key(), wanted.key()));
    match rule(wanted.key()) {
        Rule::Last => same_key().next_back().is_some_and(|token| satisfies(token, wanted)),
        Rule::Repeat => same_key().any(|token| satisfies(token, wanted)),
        Rule::List => {
            let off_elsewhere = line.iter().any(|token| {
                !key_eq(token.key(), wanted.key())
                    && parts(token).iter().any(|part| part_contradicts(token.key(), part, wanted))
            });
            let mut held = false;
            for token in same_key() {
                held |= satisfies(token, wanted);
                // Within one list the later part wins too.
                let list = parts(token);
                let last_contrary = list.iter().rposition(|part| part_contradicts(token.key(), part, wanted));
                let last_wanted = list.iter().rposition(|part| parts(wanted).contains(part));
                if last_contrary.is_some() && last_contrary > last_wanted {
                    held = false;
                }
            }
            held && !off_elsewhere
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_force_considers_lists_and_what_comes_later() {
        let cases: &[(&[u8], &[u8], bool)] = &[
            (b"quiet intel_iommu=on", b"intel_iommu=on", true),
            (b"intel-iommu=on", b"intel_iommu=on", true),
            (b"intel_iommu=\"on\"", b"intel_iommu=on", true),
            (b"intel_iommu=on,igfx_off", b"intel_iommu=on", true),
            (b"intel_iommu=igfx_off", b"intel_iommu=on", false),
            (b"intel_iommu=off intel_iommu=on", b"intel_iommu=on", true),
            (b"intel_iommu=on intel_iommu=off", b"intel_iommu=on", false),
            (b"intel_iommu=on,off", b"intel_iommu=on", false),
            (b"intel_iommu=off,on", b"intel_iommu=on", true),
            (b"iommu=off intel_iommu=on", b"intel_iommu=on", false),
            (b"intel_iommu=on -- x", b"intel_iommu=on", true),
            (b"quiet -- intel_iommu=on", b"intel_iommu=on", false),
            (b"iommu=pt iommu=soft", b"iommu=pt", true),
            (b"iommu=pt iommu=nopt", b"iommu=pt", false),
            (b"default_hugepagesz=1G default_hugepagesz=2M", b"default_hugepagesz=1G", false),
            (b"console=tty0 console=ttyS0", b"console=tty0", true),
            (b"console=ttyS0,115200", b"console=ttyS0", false),
            (b"quiet", b"quiet", true),
            (b"quiet=1", b"quiet", false),
            (b"", b"quiet", false),
        ];
        for (line, token, expected) in cases {
            let what = String::from_utf8_lossy(line);
            assert_eq!(in_force(line, token), *expected, "{what} / {}", String::from_utf8_lossy(token));
        }
    }
}
