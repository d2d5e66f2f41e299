//! The sub-options of `hostpciN`: what Proxmox VE takes and when two values mean the same.

use super::conf::boolean;

enum Kind {
    Boolean {
        default: bool,
    },
    /// `0x` and four hexadecimal digits.
    Id,
    Driver,
    RomFile,
    Mdev,
}

/// The sub-options beside the device itself, in the order in which a new entry lists them: that of
/// Proxmox VE's own `print_property_string`.
pub const SETTINGS: [&str; 11] = [
    "device-id",
    "driver",
    "legacy-igd",
    "mdev",
    "pcie",
    "rombar",
    "romfile",
    "sub-device-id",
    "sub-vendor-id",
    "vendor-id",
    "x-vga",
];

fn kind(key: &str) -> Option<Kind> {
    Some(match key {
        "pcie" | "x-vga" | "legacy-igd" => Kind::Boolean { default: false },
        "rombar" => Kind::Boolean { default: true },
        "vendor-id" | "device-id" | "sub-vendor-id" | "sub-device-id" => Kind::Id,
        "driver" => Kind::Driver,
        "romfile" => Kind::RomFile,
        "mdev" => Kind::Mdev,
        _ => return None,
    })
}

/// What is wrong with a value; `None` where Proxmox VE takes it, and for sub-options that are not
/// known here, which a newer Proxmox VE may know.
pub fn setting_fault(key: &str, value: &str) -> Option<&'static str> {
    let good = match kind(key)? {
        Kind::Boolean { .. } => boolean(value).is_some(),
        Kind::Id => {
            let digits = value.strip_prefix("0x").unwrap_or_default();
            digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit())
        }
        Kind::Driver => ["vfio", "keep"].contains(&value),
        Kind::RomFile => !value.is_empty() && !value.contains([',', ';']),
        Kind::Mdev => !value.is_empty() && !value.contains(['/', '.', ':', ',']),
    };
    if good {
        return None;
    }
    Some(match kind(key)? {
        Kind::Boolean { .. } => "must be 1 or 0",
        Kind::Id => "must be 0x and four hexadecimal digits, such as 0x10de",
        Kind::Driver => "must be vfio or keep",
        Kind::RomFile => "must be a file's name without , and ;",
        Kind::Mdev => "must be a type's name without / . : and ,",
    })
}

/// Whether two values of a sub-option mean the same, `None` standing for the default.
pub fn same_setting(key: &str, one: Option<&str>, other: Option<&str>) -> bool {
    meaning(key, one) == meaning(key, other)
}

/// One spelling for each meaning; `None` for the default.
fn meaning(key: &str, value: Option<&str>) -> Option<String> {
    let value = value?;
    match kind(key) {
        Some(Kind::Boolean { default }) => {
            let on = boolean(value)?;
            (on != default).then(|| u8::from(on).to_string())
        }
        Some(Kind::Id) => Some(value.to_ascii_lowercase()),
        Some(Kind::Driver) => (value != "vfio").then(|| value.to_string()),
        Some(Kind::RomFile | Kind::Mdev) | None => Some(value.to_string()),
    }
}

/// Whether a text is a name such as that of a mapping (`pve-configid`).
pub fn is_config_id(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() >= 2
        && bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proxmox_takes() {
        for (key, good, bad) in [
            ("pcie", &["1", "on", "Yes", "TRUE", "0", "off"][..], &["", "2", "maybe"][..]),
            ("vendor-id", &["0x10de", "0x10DE"], &["10de", "0x10d", "0x10deg", "4318", "0X10de"]),
            ("driver", &["vfio", "keep"], &["", "vfio-pci"]),
            ("romfile", &["a.rom", "dir/a.rom"], &["", "a;b", "a,b"]),
            ("mdev", &["i915-GVTg_V5_4", "nvidia-63"], &["", "a/b", "a.b", "a:b"]),
            ("new-option", &["anything"], &[]),
        ] {
            for value in good {
                assert_eq!(setting_fault(key, value), None, "{key}={value}");
            }
            for value in bad {
                assert!(setting_fault(key, value).is_some(), "{key}={value}");
            }
        }
        assert!(is_config_id("someNic") && is_config_id("a_-1"));
        assert!(!is_config_id("a") && !is_config_id("1a") && !is_config_id("a b"));
    }

    #[test]
    fn the_same_in_other_words() {
        for (key, one, other, same) in [
            ("pcie", Some("on"), Some("1"), true),
            ("pcie", Some("0"), None, true),
            ("pcie", Some("1"), None, false),
            ("rombar", Some("yes"), None, true),
            ("rombar", Some("off"), Some("0"), true),
            ("rombar", Some("0"), None, false),
            ("vendor-id", Some("0x10DE"), Some("0x10de"), true),
            ("driver", Some("vfio"), None, true),
            ("driver", Some("keep"), None, false),
            ("romfile", Some("A.rom"), Some("a.rom"), false),
            ("new", None, Some("1"), false),
        ] {
            assert_eq!(same_setting(key, one, other), same, "{key} {one:?} {other:?}");
        }
    }
}
