//! A device of the host as Proxmox VE names it.

use std::fmt;

/// `[domain:]bus:device[.function]`, hexadecimal; without a function, all functions of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostId {
    /// The PCI domain; 0 where it is not written.
    pub domain: u32,
    /// The bus.
    pub bus: u8,
    /// The device (slot).
    pub device: u8,
    /// The function; `None` for all of them.
    pub function: Option<u8>,
}

impl HostId {
    /// Reads an address; the case of its digits does not matter.
    pub fn parse(text: &str) -> Option<HostId> {
        let (front, device) = text.rsplit_once(':')?;
        let (domain, bus) = match front.split_once(':') {
            Some((domain, bus)) => (hex(domain, 4, 8)?, bus),
            None => (0, front),
        };
        let (device, function) = match device.split_once('.') {
            Some((device, function)) => (device, Some(hex(function, 1, 1)? as u8)),
            None => (device, None),
        };
        Some(HostId { domain, bus: hex(bus, 2, 2)? as u8, device: hex(device, 2, 2)? as u8, function })
    }

    /// Whether both name a function in common.
    pub fn overlaps(&self, other: &HostId) -> bool {
        let slot = |id: &HostId| (id.domain, id.bus, id.device);
        slot(self) == slot(other)
            && (self.function.is_none() || other.function.is_none() || self.function == other.function)
    }

    /// Whether it names the function at `address`, as sysfs writes it (`0000:01:00.0`).
    pub fn covers(&self, address: &str) -> bool {
        HostId::parse(address).is_some_and(|other| other.function.is_some() && self.overlaps(&other))
    }
}

impl fmt::Display for HostId {
    /// As sysfs has it: `0000:01:00.0`, or `0000:01:00` for all functions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}", self.domain, self.bus, self.device)?;
        match self.function {
            Some(function) => write!(f, ".{function:x}"),
            None => Ok(()),
        }
    }
}

fn hex(text: &str, least: usize, most: usize) -> Option<u32> {
    let digits = (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    digits.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_an_address() {
        for (text, shown) in [
            ("01:00.0", "0000:01:00.0"),
            ("0000:01:00.0", "0000:01:00.0"),
            ("0F:F2.0", "0000:0f:f2.0"),
            ("01:00", "0000:01:00"),
            ("10000:e1:00.f", "10000:e1:00.f"),
        ] {
            assert_eq!(HostId::parse(text).unwrap().to_string(), shown);
        }
        for text in [
            "",
            "01",
            "1:0.0",
            "01:00.",
            "01:00.10",
            "01:00.g",
            "000:01:00.0",
            "0:0:0:0",
            "01:00.0 ",
            "01:-0",
        ] {
            assert_eq!(HostId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn all_functions_overlap_with_each() {
        let id = |text| HostId::parse(text).unwrap();
        assert!(id("01:00").overlaps(&id("0000:01:00.1")) && id("01:00.1").overlaps(&id("01:00")));
        assert!(!id("01:00.0").overlaps(&id("01:00.1")) && !id("01:00").overlaps(&id("0001:01:00")));
        assert!(id("01:00").covers("0000:01:00.1") && !id("01:00.0").covers("0000:01:00.1"));
        assert!(!id("01:00").covers("0000:01:00"));
    }
}
