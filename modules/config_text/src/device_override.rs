//! The scripts that keep devices for vfio-pci by their addresses, inside the initramfs and before any
//! driver is loaded. The devices stand in the script itself, and are read back from there.

/// A device that is taken by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `0000:01:00.0`.
    pub address: String,
    /// Vendor and device that must be there (`10de:1b80`): addresses move when a card is added.
    pub id: String,
    /// Subsystem vendor and device that must be there; `0000:0000` where it has none.
    pub subsystem: String,
}

/// The begin of the script; a file without it is somebody else's.
const HEADER: &str =
    "#!/bin/sh\n# Binds PCI devices to vfio-pci by their addresses (pci.passthrough.vfio_bind).\n";
/// initramfs-tools asks each script what must run before it.
const PREREQS: &str = "case \"$1\" in\nprereqs)\n    exit 0\n    ;;\nesac\n";
const BODY: &str = include_str!("device_override/take.sh");

/// The hook that brings vfio-pci into an image of initramfs-tools.
pub const INITRAMFS_TOOLS_HOOK: &str = include_str!("device_override/initramfs_tools_hook.sh");
/// dracut's `module-setup.sh`, which brings vfio-pci and the script into an image.
pub const DRACUT_SETUP: &str = include_str!("device_override/dracut_setup.sh");

/// A script for initramfs-tools' `init-top`.
pub fn init_top_script(entries: &[Entry]) -> String {
    script(&format!("{HEADER}{PREREQS}"), entries)
}

/// A script for dracut's `pre-udev`. dracut reads it into its own shell, so that all of it runs in
/// a subshell.
pub fn dracut_script(entries: &[Entry]) -> String {
    let text = script("", entries);
    format!("{HEADER}({text})\n")
}

fn script(before: &str, entries: &[Entry]) -> String {
    let lines: String =
        entries.iter().map(|e| format!("take {} {} {}\n", e.address, e.id, e.subsystem)).collect();
    format!("{before}{}", BODY.replace("@DEVICES@\n", &lines))
}

/// The devices that a script takes; `None` where it is no script of ours.
pub fn parse(bytes: &[u8]) -> Option<Vec<Entry>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let body = text.strip_prefix(HEADER)?;
    let entry = |line: &str| {
        let mut words = line.strip_prefix("take ")?.split(' ').map(str::to_string);
        let entry = Entry { address: words.next()?, id: words.next()?, subsystem: words.next()? };
        words.next().is_none().then_some(entry)
    };
    Some(body.lines().filter_map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            devices in proptest::collection::vec((0u32..0x10000, 0u8..32, 0u8..8, any::<[u16; 4]>()), 0..5)
        ) {
            let entries: Vec<Entry> = devices
                .iter()
                .map(|(bus, slot, function, [a, b, c, d])| Entry {
                    address: format!("{:04x}:{:02x}:{slot:02x}.{function}", bus >> 8, bus & 0xff),
                    id: format!("{a:04x}:{b:04x}"),
                    subsystem: format!("{c:04x}:{d:04x}"),
                })
                .collect();
            for text in [init_top_script(&entries), dracut_script(&entries)] {
                prop_assert_eq!(parse(text.as_bytes()).unwrap(), entries.clone());
            }
        }
    }

    #[test]
    fn a_strange_script_is_not_ours() {
        for text in ["", "#!/bin/sh\ntake 0000:01:00.0 10de:1b80 1043:87b8\n"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert!(!init_top_script(&[]).contains("@DEVICES@"));
        assert!(parse(init_top_script(&[]).as_bytes()).is_some());
    }
}
