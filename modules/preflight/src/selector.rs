//! Which devices a task means: by address or by id, one or a pattern.
//!
//! The forms: `0000:01:00.0`, `01:00.0` (domain 0000), `01:00` (every function of the slot, as Proxmox
//! VE has it), `10de:1b80`; `*` and `?` in any of them.

use config_text::modprobe_d::glob;
use serde_json::{Map, Value};

use crate::Device;

/// One element of an option `devices`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// As the task has it, for messages.
    pub text: String,
    /// What it is compared with.
    pub by: By,
    /// What must be at the address; only beside one address.
    pub expected: Option<Expected>,
}

/// What a selector is compared with; lower case, `*` and `?` as in a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The whole address: `0000:01:00.*`.
    Address(String),
    /// Vendor and device: `10de:*`.
    Id(String),
}

/// The device that a task expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Vendor and device: `10de:1b80`.
    pub id: String,
    /// Subsystem vendor and device, where they were given: `1043:87b8`.
    pub subsystem: Option<String>,
}

impl Expected {
    /// `10de:1b80` or `10de:1b80:1043:87b8`.
    fn read(text: &str) -> Option<Expected> {
        let parts: Option<Vec<String>> = text.split(':').map(|text| part(text, 4..=4)).collect();
        match parts.filter(|_| !is_pattern(text))?.as_slice() {
            [vendor, device] => Some(Expected { id: format!("{vendor}:{device}"), subsystem: None }),
            [vendor, device, sub_vendor, sub_device] => Some(Expected {
                id: format!("{vendor}:{device}"),
                subsystem: Some(format!("{sub_vendor}:{sub_device}")),
            }),
            _ => None,
        }
    }

    /// Whether the device is the one.
    pub fn is(&self, device: &Device) -> bool {
        let found = device.subsystem.as_deref().unwrap_or("0000:0000");
        self.id == device.id && self.subsystem.as_deref().is_none_or(|expected| expected == found)
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.subsystem {
            Some(subsystem) => write!(f, "{}:{subsystem}", self.id),
            None => f.write_str(&self.id),
        }
    }
}

impl Selector {
    /// Reads an element: a string, or a dictionary with `address` or `id`, and with `expect_id`.
    ///
    /// # Errors
    /// What is wrong, in half a sentence that begins with the element.
    pub fn from_option(given: &Value) -> Result<Selector, String> {
        match given {
            Value::String(text) => match address(text).or_else(|| id(text)) {
                Some(by) => Ok(Selector { text: text.clone(), by, expected: None }),
                None if is_number(text) => Err(unquoted(text)),
                None => Err(format!(
                    "'{}' is neither an address, as 0000:01:00.0, nor an id, as 10de:1b80 or 10de:*",
                    shown(text)
                )),
            },
            Value::Object(keys) => Selector::from_keys(keys),
            Value::Number(number) => Err(unquoted(&number.to_string())),
            other => {
                let other = shown(&other.to_string());
                Err(format!("{other} is neither a string nor a dictionary with address or id"))
            }
        }
    }

    fn from_keys(keys: &Map<String, Value>) -> Result<Selector, String> {
        let known = ["address", "id", "expect_id"];
        if let Some(unknown) = keys.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!(
                "'{}' is no key of a device; the keys are {}",
                shown(unknown),
                known.join(", ")
            ));
        }
        let text = |key: &str| match keys.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if !is_number(text) => Ok(Some(text.as_str())),
            Some(Value::String(other)) => Err(no_string(key, other)),
            Some(other) => Err(no_string(key, &other.to_string())),
        };
        let refused = |key: &str, text: &str, what: &str| format!("{key}: '{}' is no {what}", shown(text));
        let (text, by, expected) = match (text("address")?, text("id")?, text("expect_id")?) {
            (Some(text), None, expected) => {
                let by = address(text).ok_or_else(|| refused("address", text, "address, as 0000:01:00.0"))?;
                (text, by, expected)
            }
            (None, Some(text), expected) => {
                let by = id(text).ok_or_else(|| refused("id", text, "id, as 10de:1b80 or 10de:*"))?;
                (text, by, expected)
            }
            _ => {
                let whole = shown(&Value::Object(keys.clone()).to_string());
                return Err(format!("{whole} needs one of address and id, and not both"));
            }
        };
        let mut selector = Selector { text: text.to_string(), by, expected: None };
        if let Some(expected) = expected {
            let read = Expected::read(expected);
            let what = "id, as 10de:1b80 or 10de:1b80:1043:87b8";
            selector.expected = Some(read.ok_or_else(|| refused("expect_id", expected, what))?);
            if selector.one_address().is_none() {
                let text = shown(text);
                return Err(format!(
                    "'{text}' is not one address, so that expect_id has nothing to be held against"
                ));
            }
        }
        Ok(selector)
    }

    /// Whether the device is meant.
    pub fn matches(&self, device: &Device) -> bool {
        self.is_address(&device.address) || self.is_id(&device.id)
    }

    /// Whether it names this address.
    pub fn is_address(&self, address: &str) -> bool {
        matches!(&self.by, By::Address(pattern) if glob::matches(pattern.as_bytes(), address.as_bytes()))
    }

    /// Whether it names this id.
    pub fn is_id(&self, id: &str) -> bool {
        matches!(&self.by, By::Id(pattern) if glob::matches(pattern.as_bytes(), id.as_bytes()))
    }

    /// The address, where it names exactly one.
    pub fn one_address(&self) -> Option<&str> {
        match &self.by {
            By::Address(address) if !is_pattern(address) => Some(address),
            _ => None,
        }
    }

    /// Whether it has wildcards: such a one passes over bridges.
    pub fn is_pattern(&self) -> bool {
        let (By::Address(text) | By::Id(text)) = &self.by;
        is_pattern(text)
    }
}

/// PyYAML follows YAML 1.1, where digits set apart by colons are a number to the base of 60.
fn unquoted(number: &str) -> String {
    format!(
        "{number} is a number: YAML reads an address without quotes as one; write it in quotes, as '0000:01:00.0'"
    )
}

fn no_string(key: &str, given: &str) -> String {
    format!("{key}: {} is no string; write it in quotes", shown(given))
}

/// Whether the text is what a number turns into on its way through the arguments.
fn is_number(text: &str) -> bool {
    text.split_once('.').is_some_and(|(whole, part)| {
        [whole, part].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    })
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// A value as a message shows it: the first part of a long one tells which it is.
fn shown(value: &str) -> String {
    const MOST: usize = 60;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_string(),
    }
}

/// Hexadecimal digits of one of the widths, or a pattern; lower case.
fn part(text: &str, widths: std::ops::RangeInclusive<usize>) -> Option<String> {
    let fits = match is_pattern(text) {
        true => (1..=*widths.end()).contains(&text.len()),
        false => widths.contains(&text.len()),
    };
    let fine = |b: u8| b.is_ascii_hexdigit() || matches!(b, b'*' | b'?');
    (fits && text.bytes().all(fine)).then(|| text.to_ascii_lowercase())
}

/// `[DOMAIN:]BUS:DEVICE[.FUNCTION]`. A bus has two digits where a vendor has four.
fn address(text: &str) -> Option<By> {
    let (place, function) = text.split_once('.').unwrap_or((text, "*"));
    let parts: Vec<&str> = place.split(':').collect();
    let (domain, bus, device) = match parts.as_slice() {
        [bus, device] => ("0000", *bus, *device),
        [domain, bus, device] => (*domain, *bus, *device),
        _ => return None,
    };
    let function = part(function, 1..=1).filter(|f| matches!(f.as_bytes(), [b'0'..=b'7' | b'*' | b'?']))?;
    let (domain, bus, device) = (part(domain, 4..=8)?, part(bus, 2..=2)?, part(device, 2..=2)?);
    Some(By::Address(format!("{domain}:{bus}:{device}.{function}")))
}

/// `VENDOR:DEVICE`.
fn id(text: &str) -> Option<By> {
    let (vendor, device) = text.split_once(':')?;
    Some(By::Id(format!("{}:{}", part(vendor, 4..=4)?, part(device, 4..=4)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(given: Value) -> Result<By, String> {
        Selector::from_option(&given).map(|selector| selector.by)
    }

    #[test]
    fn addresses_and_ids_are_told_apart() {
        let address = |text: &str| Ok(By::Address(text.to_string()));
        let id = |text: &str| Ok(By::Id(text.to_string()));
        for (given, expected) in [
            ("0000:01:00.0", address("0000:01:00.0")),
            ("0000:0B:00.0", address("0000:0b:00.0")),
            ("10000:e1:00.0", address("10000:e1:00.0")),
            ("01:00.0", address("0000:01:00.0")),
            ("01:00", address("0000:01:00.*")),
            ("0000:01:00", address("0000:01:00.*")),
            ("0000:01:00.*", address("0000:01:00.*")),
            ("0000:01:*", address("0000:01:*.*")),
            ("10de:1b80", id("10de:1b80")),
            ("10DE:*", id("10de:*")),
            ("8086:15??", id("8086:15??")),
            ("*:1b8?", id("*:1b8?")),
        ] {
            assert_eq!(read(json!(given)), expected, "{given}");
        }
        assert_eq!(read(json!({"address": "01:00.0"})), address("0000:01:00.0"));
        assert_eq!(read(json!({"id": "10de:*", "expect_id": null})), id("10de:*"));
    }

    #[test]
    fn what_is_neither_is_named() {
        for (given, expected) in [
            (json!("gpu"), "'gpu' is neither an address"),
            (json!(""), "'' is neither"),
            (json!("0000:01:00.8"), "is neither"),
            (json!("01:00.0 ids=1:2"), "is neither"),
            (json!("10de:1b80\n"), "is neither"),
            (json!("10de:1b8"), "is neither"),
            (json!("10de"), "is neither"),
            (json!("10de:1b80:1043"), "is neither"),
            (json!("10de:1b80:1043:87b8"), "is neither"),
            (json!(null), "null is neither a string nor"),
            (json!(60.0), "60.0 is a number: YAML reads an address without quotes as one"),
            (json!(["a"]), "is neither a string nor a dictionary"),
            (json!({"address": "10de:1b80"}), "address: '10de:1b80' is no address"),
            (json!("8086"), "'8086' is neither an address"),
            (json!("60.1"), "60.1 is a number: YAML reads an address without quotes as one"),
            (json!({"address": "60.0"}), "address: 60.0 is no string; write it in quotes"),
            (json!({"address": 60}), "address: 60 is no string; write it in quotes"),
            (json!({"id": "01:00.0"}), "id: '01:00.0' is no id"),
            (json!({"id": "10de:1b80", "address": "01:00.0"}), "needs one of address and id"),
            (json!({}), "needs one of address and id"),
            (json!({"id": "10de:1b80", "method": "ids"}), "'method' is no key of a device"),
            (json!({"address": "01:00.0", "expect_id": "10de:*"}), "expect_id: '10de:*' is no id"),
            (json!({"address": "01:00.0", "expect_id": 7}), "expect_id: 7 is no string"),
            (json!({"address": "01:00", "expect_id": "10de:1b80"}), "'01:00' is not one address"),
            (json!({"id": "10de:1b80", "expect_id": "10de:1b80"}), "'10de:1b80' is not one address"),
        ] {
            let said = read(given.clone()).unwrap_err();
            assert!(said.contains(expected), "{given}: {said}");
        }
    }

    #[test]
    fn devices_are_matched_and_drift_is_seen() {
        let device = Device {
            address: "0000:01:00.0".to_string(),
            id: "10de:1b80".to_string(),
            subsystem: Some("1043:87b8".to_string()),
            ..Device::default()
        };
        for (given, expected) in [
            ("01:00.0", true),
            ("0000:01:00.1", false),
            ("01:00", true),
            ("0000:*:00.0", true),
            ("10de:1b80", true),
            ("10de:*", true),
            ("1002:*", false),
        ] {
            assert_eq!(Selector::from_option(&json!(given)).unwrap().matches(&device), expected, "{given}");
        }
        for (expected, drifts) in [
            ("10DE:1b80", false),
            ("10de:1b80:1043:87b8", false),
            ("10de:1b81", true),
            ("10de:1b80:1043:0001", true),
        ] {
            let selector =
                Selector::from_option(&json!({"address": "01:00.0", "expect_id": expected})).unwrap();
            assert_eq!(!selector.expected.unwrap().is(&device), drifts, "{expected}");
        }
    }
}
