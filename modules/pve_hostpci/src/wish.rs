//! What the arguments ask for, checked.

use config_text::qemu_server_conf::{Device, HostId, is_config_id, setting_fault};
use protocol::Failure;

use crate::Args;

/// The indexes that Proxmox VE knows: `$MAX_HOSTPCI_DEVICES` in PVE::QemuServer::PCI.
pub const INDEXES: std::ops::Range<u8> = 0..16;
/// Where QEMU looks for ROM files on a node.
pub const ROM_FILES: &str = "/usr/share/kvm";

/// A file's name has no more bytes, and what is longer is no name of anything.
const LONGEST: usize = 255;

/// The entry that the task is about.
#[derive(Debug, Clone)]
pub struct Wish {
    pub vmid: u32,
    pub index: Option<u8>,
    pub device: Option<Device>,
    /// The sub-options that were given, by Proxmox VE's names; an empty value takes one out.
    pub settings: Vec<(&'static str, String)>,
}

impl Wish {
    pub fn new(args: &Args) -> Result<Wish, Failure> {
        // As `pve-vmid` in PVE::JSONSchema.
        let Some(vmid) = u32::try_from(args.vmid).ok().filter(|id| (100..=999_999_999).contains(id)) else {
            return refuse(
                "vmid",
                &args.vmid.to_string(),
                "is no machine's number; they go from 100 to 999999999",
            );
        };
        let index = match args.index {
            None => None,
            Some(given) => match u8::try_from(given).ok().filter(|index| INDEXES.contains(index)) {
                None => return refuse("index", &given.to_string(), "is not from 0 to 15"),
                index => index,
            },
        };
        Ok(Wish { vmid, index, device: device(args)?, settings: settings(args)? })
    }

    /// The value given for a sub-option.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }
}

fn device(args: &Args) -> Result<Option<Device>, Failure> {
    if let Some(name) = &args.mapping {
        return match is_config_id(name) && name.len() <= LONGEST {
            true => Ok(Some(Device::Mapping(name.clone()))),
            false => refuse(
                "mapping",
                name,
                "is no mapping's name: two or more letters, digits, - and _, beginning with a letter",
            ),
        };
    }
    let Some(host) = &args.host else { return Ok(None) };
    if host.is_empty() {
        return refuse("host", "", "names no device; give at least one address");
    }
    let mut ids: Vec<HostId> = Vec::new();
    for text in host {
        let Some(id) = HostId::parse(text) else {
            let unquoted = text.bytes().all(|b| b.is_ascii_digit());
            return refuse(
                "host",
                text,
                match unquoted {
                    true => "is a number, as YAML makes it of an address without quotes; write \"01:00\"",
                    false => "is no PCI address; give 0000:01:00.0, or 0000:01:00 for all functions",
                },
            );
        };
        if let Some(other) = ids.iter().find(|other| other.overlaps(&id)) {
            let msg = format!("option host: {other} and {id} name the same device; give each function once");
            return Err(Failure::coded("device_twice", msg));
        }
        ids.push(id);
    }
    if ids.len() > 1 && args.mdev.as_deref().is_some_and(|mdev| !mdev.is_empty()) {
        return refuse("mdev", "", "a mediated device belongs to one function; give one address");
    }
    Ok(Some(Device::Host(ids)))
}

fn settings(args: &Args) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut settings = Vec::new();
    let booleans = [
        ("pcie", args.pcie),
        ("x-vga", args.x_vga),
        ("rombar", args.rombar),
        ("legacy-igd", args.legacy_igd),
    ];
    for (key, value) in booleans {
        settings.extend(value.map(|on| (key, u8::from(on).to_string())));
    }
    let texts = [
        ("romfile", "romfile", &args.romfile),
        ("mdev", "mdev", &args.mdev),
        ("driver", "driver", &args.driver),
        ("vendor-id", "vendor_id", &args.vendor_id),
        ("device-id", "device_id", &args.device_id),
        ("sub-vendor-id", "sub_vendor_id", &args.sub_vendor_id),
        ("sub-device-id", "sub_device_id", &args.sub_device_id),
    ];
    for (key, option, value) in texts {
        let Some(value) = value else { continue };
        if value.is_empty() {
            settings.push((key, String::new()));
            continue;
        }
        if let Some(fault) = setting_fault(key, value) {
            let number = key.ends_with("-id") && value.bytes().all(|b| b.is_ascii_digit());
            let quoted = if number { "; put it in quotes, YAML made a number of it" } else { "" };
            return refuse(option, value, &format!("{fault}{quoted}"));
        }
        if value.len() > LONGEST || !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+/".contains(&b))
        {
            return refuse(
                option,
                value,
                "may hold letters, digits and . _ - + / alone, at most 255 of them",
            );
        }
        if key == "romfile" && value.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            return refuse(option, value, "must be a file below /usr/share/kvm; give its path from there");
        }
        settings.push((key, value.clone()));
    }
    Ok(settings)
}

fn refuse<T>(option: &str, value: &str, what: &str) -> Result<T, Failure> {
    let value: String = value.chars().take(60).collect();
    let value = if value.is_empty() { String::new() } else { format!("{value:?} ") };
    Err(Failure::coded("invalid_value", format!("option {option}: {value}{what}")))
}
