//! What `devices` may name: addresses, ids, globs.

use config_text::modprobe_d::glob;
use host::pci::is_address;
use protocol::Failure;
use serde_json::Value;

/// One element of `devices`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// As the user wrote it.
    pub text: String,
    pub wants: Wants,
    /// The id that must be found at the address.
    pub expect_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wants {
    /// `0000:01:00.0`
    Address(String),
    /// `0000:01:00.*`
    Addresses(String),
    /// `10de:1b80`
    Id(String),
    /// `10de:*`
    Ids(String),
}

impl Selector {
    /// Whether it means this device.
    pub fn matches(&self, address: &str, id: &str) -> bool {
        self.is_address(address) || self.is_id(id)
    }

    /// Whether it names this address.
    pub fn is_address(&self, address: &str) -> bool {
        match &self.wants {
            Wants::Address(wanted) => wanted == address,
            Wants::Addresses(pattern) => glob::matches(pattern.as_bytes(), address.as_bytes()),
            Wants::Id(_) | Wants::Ids(_) => false,
        }
    }

    /// Whether it names this id.
    pub fn is_id(&self, id: &str) -> bool {
        match &self.wants {
            Wants::Id(wanted) => wanted == id,
            Wants::Ids(pattern) => glob::matches(pattern.as_bytes(), id.as_bytes()),
            Wants::Address(_) | Wants::Addresses(_) => false,
        }
    }
}

/// The elements, each checked.
pub fn parse(devices: &[Value]) -> Result<Vec<Selector>, Failure> {
    devices.iter().map(one).collect()
}

fn one(value: &Value) -> Result<Selector, Failure> {
    match value {
        Value::String(text) => {
            let wants = address(text).or_else(|| id(text)).ok_or_else(|| {
                refuse(
                    text,
                    "is neither an address such as 0000:01:00.0 nor an id such as 10de:1b80; globs are 0000:01:00.* \
                     and 10de:*",
                )
            })?;
            Ok(Selector { text: text.clone(), wants, expect_id: None })
        }
        Value::Object(map) => {
            if let Some(key) = map.keys().find(|key| !["address", "id", "expect_id"].contains(&key.as_str()))
            {
                return Err(refuse(key, "is no key of a device; the keys are address, id and expect_id"));
            }
            let text = |key: &str| match map.get(key) {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(text)) => Ok(Some(text.as_str())),
                Some(other) => Err(number(other)),
            };
            let (by_address, by_id, expected) = (text("address")?, text("id")?, text("expect_id")?);
            let expect_id = match expected.map(|text| (text, id(text))) {
                None => None,
                Some((_, Some(Wants::Id(id)))) => Some(id),
                Some((text, _)) => return Err(refuse(text, "is no id such as 10de:1b80 (expect_id)")),
            };
            let (text, wants) = match (by_address, by_id) {
                (Some(text), None) => {
                    let wants =
                        address(text).ok_or_else(|| refuse(text, "is no address such as 0000:01:00.0"))?;
                    (text, wants)
                }
                (None, Some(text)) => {
                    (text, id(text).ok_or_else(|| refuse(text, "is no id such as 10de:1b80"))?)
                }
                _ => return Err(refuse(&value.to_string(), "needs either address or id")),
            };
            if expect_id.is_some() && !matches!(wants, Wants::Address(_)) {
                return Err(refuse(
                    text,
                    "is not one address, so that expect_id has nothing to be held against",
                ));
            }
            Ok(Selector { text: text.to_string(), wants, expect_id })
        }
        other => Err(number(other)),
    }
}

/// YAML 1.1 reads `0000:01:00.0` without quotes as a number of base 60.
fn number(value: &Value) -> Failure {
    let hint = match value {
        Value::Number(_) => {
            "is a number: YAML takes an address without quotes for one (0000:01:00.0 is 60.0); put it in quotes"
        }
        _ => "is neither a text nor a dictionary with address or id",
    };
    refuse(&value.to_string(), hint)
}

fn refuse(text: &str, what: &str) -> Failure {
    let text: String = text.chars().take(60).collect();
    Failure::coded("invalid_value", format!("option devices: {text:?} {what}"))
}

/// `[DOMAIN:]BUS:DEVICE[.FUNCTION]`; without a function all of them, as Proxmox VE has it.
fn address(text: &str) -> Option<Wants> {
    let text = text.to_ascii_lowercase();
    let (place, function) = match text.split_once('.') {
        Some((place, function)) => (place, function),
        None => (text.as_str(), "*"),
    };
    let parts: Vec<&str> = place.split(':').collect();
    let (domain, bus, device) = match parts.as_slice() {
        [bus, device] => ("0000", *bus, *device),
        [domain, bus, device] => (*domain, *bus, *device),
        _ => return None,
    };
    // What two parts without a dot mean is told by their length: 01:00 is a slot, 10de:1b80 an id.
    let fits = digits(domain, 8) && digits(bus, 2) && digits(device, 2) && digits(function, 1);
    if !fits {
        return None;
    }
    let whole = format!("{domain}:{bus}:{device}.{function}");
    match is_address(&whole) {
        true => Some(Wants::Address(whole)),
        false => whole.contains(['*', '?']).then_some(Wants::Addresses(whole)),
    }
}

fn id(text: &str) -> Option<Wants> {
    let text = text.to_ascii_lowercase();
    let (vendor, device) = text.split_once(':')?;
    if !(digits(vendor, 4) && digits(device, 4)) {
        return None;
    }
    if text.contains(['*', '?']) {
        return Some(Wants::Ids(text));
    }
    (vendor.len() == 4 && device.len() == 4).then_some(Wants::Id(text))
}

/// Hexadecimal digits and wildcards.
fn digits(text: &str, most: usize) -> bool {
    let fits = |c: char| c.is_ascii_hexdigit() || matches!(c, '*' | '?');
    (1..=most).contains(&text.len()) && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_spellings_of_a_device() {
        let a = |text: &str| Wants::Address(text.to_string());
        let g = |text: &str| Wants::Addresses(text.to_string());
        for (value, wants) in [
            (json!("0000:01:00.0"), a("0000:01:00.0")),
            (json!("01:00.1"), a("0000:01:00.1")),
            (json!("0000:0B:00.0"), a("0000:0b:00.0")),
            (json!("10000:e1:00.0"), a("10000:e1:00.0")),
            (json!("01:00"), g("0000:01:00.*")),
            (json!("0000:01:00"), g("0000:01:00.*")),
            (json!("0000:01:00.*"), g("0000:01:00.*")),
            (json!("10DE:1b80"), Wants::Id("10de:1b80".to_string())),
            (json!("10de:*"), Wants::Ids("10de:*".to_string())),
            (json!("*:1b8?"), Wants::Ids("*:1b8?".to_string())),
            (json!({"address": "01:00.0", "expect_id": "10DE:1B80"}), a("0000:01:00.0")),
            (json!({"id": "10de:1b80"}), Wants::Id("10de:1b80".to_string())),
        ] {
            assert_eq!(one(&value).unwrap().wants, wants, "{value}");
        }
        let glob = one(&json!("0000:01:00")).unwrap();
        assert!(glob.matches("0000:01:00.7", "") && !glob.matches("0000:01:01.0", ""));
    }

    #[test]
    fn what_names_no_device_is_refused() {
        for value in [
            json!(60.0),
            json!(""),
            json!("nouveau"),
            json!("0000:01:00.8"),
            json!("10de:1b8"),
            json!("10de:1b80:1462:3301"),
            json!("01:00.0 ids=1:2"),
            json!("10de:1b80\n"),
            json!("0000:01:00.$(x)"),
            json!({"id": "10de:1b80", "address": "01:00.0"}),
            json!({"id": "10de:1b80", "expect_id": "10de:1b80"}),
            json!({"address": "01:00.0", "expect_id": "10de:*"}),
            json!({"address": 60.0}),
            json!({"slot": "01:00"}),
            json!({}),
            json!(["01:00.0"]),
            json!(null),
        ] {
            assert_eq!(one(&value).unwrap_err().code, Some("invalid_value"), "{value}");
        }
        assert!(one(&json!(60.0)).unwrap_err().msg.contains("quotes"));
    }
}
