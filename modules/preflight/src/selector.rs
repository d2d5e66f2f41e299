//! Which devices a task means: by address or by id, one or a pattern.
//!
//! The forms: `0000:01:00.0`, `01:00.0` (domain 0000), `01:00` (every function of the slot),
//! `10de:1b80`, `10de:1b80:1043:87b8` (with the subsystem); `*` and `?` in any of them.

use config_text::modprobe_d::glob;
use serde_json::{Map, Value};

use crate::Device;

/// A value as a message shows it: the first part of a long one tells which it is.
fn shown(value: &str) -> String {
    const MOST: usize = 60;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_string(),
    }
}

/// One element of an option `devices`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// As the task has it, for messages.
    pub text: String,
    /// What it matches.
    pub by: By,
    /// The id that the device must have, `VENDOR:DEVICE` or with the subsystem.
    pub expect_id: Option<String>,
}

/// What a selector is compared with; lower case, `*` and `?` as in a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The whole address: `0000:01:00.*`.
    Address(String),
    /// Vendor and device: `10de:*`.
    Id(String),
    /// Vendor, device and subsystem: `10de:1b80:1043:*`.
    FullId(String),
}

impl Selector {
    /// Reads an element: a string, or a dictionary with `address` or `id`, and `expect_id`.
    ///
    /// # Errors
    /// What is wrong, in half a sentence that begins with the element.
    pub fn from_option(given: &Value) -> Result<Selector, String> {
        match given {
            Value::String(text) => Selector::from_text(text),
            Value::Object(parts) => Selector::from_parts(parts),
            // PyYAML follows YAML 1.1, where digits set apart by colons are a number to the base of 60.
            Value::Number(number) => Err(format!(
                "{number} is a number: YAML reads an address without quotes as one; write it in quotes, as \
                 '0000:01:00.0'"
            )),
            other => {
                let other = shown(&other.to_string());
                Err(format!("{other} is neither a string nor a dictionary with address or id"))
            }
        }
    }

    fn from_text(text: &str) -> Result<Selector, String> {
        let by = address(text).or_else(|| id(text)).ok_or_else(|| {
            let text = shown(text);
            format!("'{text}' is neither an address, as 0000:01:00.0, nor an id, as 10de:1b80 or 10de:*")
        })?;
        Ok(Selector { text: text.to_string(), by, expect_id: None })
    }

    fn from_parts(parts: &Map<String, Value>) -> Result<Selector, String> {
        let whole = || shown(&Value::Object(parts.clone()).to_string());
        let known = ["address", "id", "expect_id"];
        if let Some(unknown) = parts.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!(
                "{} has an unknown key '{}'; it takes {}",
                whole(),
                shown(unknown),
                known.join(", ")
            ));
        }
        let text = |key: &str| match parts.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(other) => {
                Err(format!("{key}: {} is no string; write it in quotes", shown(&other.to_string())))
            }
        };
        let (text, by) = match (text("address")?, text("id")?) {
            (Some(given), None) => {
                let by = address(given);
                (
                    given,
                    by.ok_or_else(|| {
                        format!("address: '{given}' is no address, as 0000:01:00.0", given = shown(given))
                    })?,
                )
            }
            (None, Some(given)) => {
                let by = id(given);
                (
                    given,
                    by.ok_or_else(|| {
                        format!("id: '{given}' is no id, as 10de:1b80 or 10de:*", given = shown(given))
                    })?,
                )
            }
            _ => return Err(format!("{} needs one of address and id, and not both", whole())),
        };
        let expect_id = parts.get("expect_id").and_then(Value::as_str).map(str::to_ascii_lowercase);
        if parts.get("expect_id").is_some_and(|given| !given.is_null()) {
            let plain = |text: &String| id(text).is_some() && !text.contains(['*', '?']);
            if !expect_id.as_ref().is_some_and(plain) {
                let given = shown(&parts.get("expect_id").unwrap_or(&Value::Null).to_string());
                return Err(format!("expect_id: {given} is no id, as 10de:1b80 or 10de:1b80:1043:87b8"));
            }
        }
        let selector = Selector { text: text.to_string(), by, expect_id };
        if selector.expect_id.is_some() && (selector.is_pattern() || !matches!(selector.by, By::Address(_))) {
            let text = shown(text);
            return Err(format!(
                "'{text}' is not one address, so that expect_id has nothing to be held against"
            ));
        }
        Ok(selector)
    }

    /// Whether the device is meant.
    pub fn matches(&self, device: &Device) -> bool {
        let matches = |pattern: &str, text: &str| glob::matches(pattern.as_bytes(), text.as_bytes());
        match &self.by {
            By::Address(pattern) => matches(pattern, &device.address),
            By::Id(pattern) => matches(pattern, &device.id),
            By::FullId(pattern) => matches(pattern, &full_id(device)),
        }
    }

    /// Whether it may mean several devices by their place or kind, rather than name one.
    pub fn is_pattern(&self) -> bool {
        let (By::Address(text) | By::Id(text) | By::FullId(text)) = &self.by;
        text.contains(['*', '?'])
    }

    /// What the device should be and is not; `None` where it is, or nothing is expected.
    pub fn drift(&self, device: &Device) -> Option<(&str, String)> {
        let expected = self.expect_id.as_deref()?;
        let found = if expected.len() > 9 { full_id(device) } else { device.id.clone() };
        (found != expected).then_some((expected, found))
    }
}

/// `10de:1b80:1043:87b8`; zeros where the function has no subsystem.
fn full_id(device: &Device) -> String {
    format!("{}:{}", device.id, device.subsystem.as_deref().unwrap_or("0000:0000"))
}

/// Hexadecimal digits of one of the widths, or a pattern; lower case.
fn part(text: &str, widths: std::ops::RangeInclusive<usize>) -> Option<String> {
    let fits = match text.contains(['*', '?']) {
        true => (1..=*widths.end()).contains(&text.len()),
        false => widths.contains(&text.len()),
    };
    let fine = |b: u8| b.is_ascii_hexdigit() || matches!(b, b'*' | b'?');
    (fits && text.bytes().all(fine)).then(|| text.to_ascii_lowercase())
}

/// `[DOMAIN:]BUS:DEVICE[.FUNCTION]`.
fn address(text: &str) -> Option<By> {
    let (place, function) = text.split_once('.').unwrap_or((text, "*"));
    let mut parts = place.rsplit(':');
    let (device, bus) = (parts.next()?, parts.next()?);
    let domain = parts.next().unwrap_or("0000");
    if parts.next().is_some() {
        return None;
    }
    // A bus has two digits where a vendor has four.
    let bus = part(bus, 2..=2)?;
    let function = part(function, 1..=1).filter(|f| matches!(f.as_bytes(), [b'0'..=b'7' | b'*' | b'?']))?;
    Some(By::Address(format!("{}:{bus}:{}.{function}", part(domain, 4..=8)?, part(device, 2..=2)?)))
}

/// `VENDOR:DEVICE[:SUBVENDOR:SUBDEVICE]`.
fn id(text: &str) -> Option<By> {
    let parts: Option<Vec<String>> = text.split(':').map(|text| part(text, 4..=4)).collect();
    let parts = parts?;
    match parts.len() {
        2 => Some(By::Id(parts.join(":"))),
        4 => Some(By::FullId(parts.join(":"))),
        _ => None,
    }
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
            ("10de:1b80:1043:87b8", Ok(By::FullId("10de:1b80:1043:87b8".to_string()))),
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
            (json!(60.0), "60.0 is a number: YAML reads an address without quotes as one"),
            (json!(["a"]), "is neither a string nor a dictionary"),
            (json!({"address": "10de:1b80"}), "address: '10de:1b80' is no address"),
            (json!({"address": 60}), "address: 60 is no string; write it in quotes"),
            (json!({"id": "01:00.0"}), "id: '01:00.0' is no id"),
            (json!({"id": "10de:1b80", "address": "01:00.0"}), "needs one of address and id"),
            (json!({}), "needs one of address and id"),
            (json!({"id": "10de:1b80", "method": "ids"}), "unknown key 'method'"),
            (json!({"address": "01:00.0", "expect_id": "10de:*"}), "expect_id: \"10de:*\" is no id"),
            (json!({"address": "01:00.0", "expect_id": 7}), "expect_id: 7 is no id"),
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
            ("10de:1b80:1043:*", true),
            ("10de:1b80:1043:87b9", false),
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
            assert_eq!(selector.drift(&device).is_some(), drifts, "{expected}");
        }
    }
}
