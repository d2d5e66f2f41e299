//! The type checks of Ansible's argument spec: what becomes of a value of each type.

use crate::float::Float;
use crate::value::{Dict, Value};
use crate::{expand, json, numbers, pyliteral, pytext};

/// The versions of ansible-core that differ in what they accept and say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Era {
    /// Before 2.19.
    Legacy,
    /// From 2.19 on.
    Tagged,
}

impl Era {
    /// How messages name the type of `value`.
    pub fn type_name(self, value: &Value) -> String {
        match self {
            Era::Legacy => class(value),
            Era::Tagged => pytext::type_name(value).to_string(),
        }
    }
}

/// `str(type(value))`.
fn class(value: &Value) -> String {
    format!("<class '{}'>", pytext::type_name(value))
}

fn unable(value: &Value, what: &str) -> String {
    format!("{} cannot be converted to {what}", class(value))
}

pub fn string(value: Value, era: Era) -> Result<Value, String> {
    match (&value, era) {
        (Value::None, Era::Legacy) => Err("'None' is not a string and conversion is not allowed".to_string()),
        (Value::None, Era::Tagged) => Ok(Value::Str(String::new())),
        _ => Ok(Value::Str(pytext::str(&value))),
    }
}

pub fn path(value: Value, era: Era) -> Result<Value, String> {
    match string(value, era)? {
        Value::Str(text) => Ok(Value::Str(expand::user(&expand::variables(&text)))),
        other => Ok(other),
    }
}

pub fn raw(value: Value, _: Era) -> Result<Value, String> {
    Ok(value)
}

/// The truth of a word that Ansible takes for a boolean.
pub fn boolean_word(word: &str) -> Option<bool> {
    // No character beyond ASCII becomes a letter of these words in lower case.
    match pytext::strip(&word.to_ascii_lowercase()) {
        "y" | "yes" | "on" | "1" | "true" | "t" => Some(true),
        "n" | "no" | "off" | "0" | "false" | "f" => Some(false),
        _ => None,
    }
}

pub fn boolean(value: Value, era: Era) -> Result<Value, String> {
    let found = match &value {
        Value::Bool(value) => Some(*value),
        Value::Str(text) => boolean_word(text),
        Value::Int(0 | 1) => Some(value.is_true()),
        Value::Float(float) if float.is_zero() || float.as_str() == "1.0" => Some(value.is_true()),
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) => None,
        Value::None | Value::List(_) | Value::Dict(_) => return Err(unable(&value, "a bool")),
    };
    found.map(Value::Bool).ok_or_else(|| {
        format!(
            "The value '{}' is not a valid boolean.{}Valid booleans include: 0, 1, '0', '1', 'f', 'false', 'n', \
             'no', 'off', 'on', 't', 'true', 'y', 'yes'",
            pytext::str(&value),
            if era == Era::Legacy { "  " } else { " " },
        )
    })
}

pub fn int(value: Value, era: Era) -> Result<Value, String> {
    let found = match &value {
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) => return Ok(value),
        Value::Str(text) if era == Era::Legacy => numbers::int(text),
        Value::Str(text) => numbers::whole(text),
        Value::Float(float) if era == Era::Tagged => numbers::whole_float(float),
        _ => None,
    };
    found.ok_or_else(|| match era {
        Era::Legacy => unable(&value, "an int"),
        Era::Tagged => format!("\"{}\" cannot be converted to an int", pytext::repr(&value)),
    })
}

pub fn float(value: Value, _: Era) -> Result<Value, String> {
    let found = match &value {
        Value::Float(_) => return Ok(value),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Int(value) => Some(*value as f64),
        Value::BigInt(digits) => digits.parse().ok().filter(|float: &f64| float.is_finite()),
        Value::Str(text) => numbers::float(text),
        _ => None,
    };
    found.map(|float| Value::Float(Float::from_f64(float))).ok_or_else(|| unable(&value, "a float"))
}

pub fn list(value: Value, _: Era) -> Result<Value, String> {
    match value {
        Value::List(_) => Ok(value),
        Value::Str(text) => {
            Ok(Value::List(text.split(',').map(|item| Value::Str(item.to_string())).collect()))
        }
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) => {
            Ok(Value::List(vec![Value::Str(pytext::str(&value))]))
        }
        Value::None | Value::Dict(_) => Err(unable(&value, "a list")),
    }
}

pub fn json_text(value: Value, _: Era) -> Result<Value, String> {
    match &value {
        Value::Str(text) => Ok(Value::Str(pytext::strip(text).to_string())),
        Value::List(_) | Value::Dict(_) => {
            let mut out = String::new();
            json::write(&mut out, &value, json::Style::Python);
            Ok(Value::Str(out))
        }
        _ => Err(unable(&value, "a json string")),
    }
}

pub fn bytes(value: Value, era: Era) -> Result<Value, String> {
    numbers::size(&pytext::str(&value), false, era == Era::Legacy)
        .ok_or_else(|| unable(&value, "a Byte value"))
}

pub fn bits(value: Value, era: Era) -> Result<Value, String> {
    numbers::size(&pytext::str(&value), true, era == Era::Legacy).ok_or_else(|| unable(&value, "a Bit value"))
}

/// A mapping; from a string, JSON or a Python literal in braces, or else `k=v` pairs.
pub fn dict(value: Value, era: Era) -> Result<Value, String> {
    let text = match value {
        Value::Dict(_) => return Ok(value),
        Value::Str(text) => text,
        other => return Err(unable(&other, "a dict")),
    };
    if text.starts_with('{') {
        return match json::parse(&text).ok().or_else(|| pyliteral::parse(&text)) {
            Some(found @ Value::Dict(_)) => Ok(found),
            _ => Err("unable to evaluate string as dictionary".to_string()),
        };
    }
    if !text.contains('=') {
        return Err("dictionary requested, could not parse JSON or key=value".to_string());
    }
    let mut out = Dict::default();
    for (at, field) in pairs(&text).iter().enumerate() {
        let Some((key, value)) = field.split_once('=') else {
            return Err(match era {
                Era::Legacy => {
                    format!("dictionary update sequence element #{at} has length 1; 2 is required")
                }
                Era::Tagged => {
                    "unable to evaluate string in the \"key=value\" format as dictionary".to_string()
                }
            });
        };
        out.set(key, Value::Str(value.to_string()));
    }
    Ok(Value::Dict(out))
}

/// The fields of `k=v, k2="a b"`: split at commas and blanks outside of quotes.
fn pairs(text: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quote = None;
    let mut escaped = false;
    for c in pytext::strip(text).chars() {
        if escaped {
            field.push(c);
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if quote.is_none() && (c == '\'' || c == '"') {
            quote = Some(c);
        } else if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && (c == ',' || c == ' ') {
            if !field.is_empty() {
                fields.push(std::mem::take(&mut field));
            }
        } else {
            field.push(c);
        }
    }
    if !field.is_empty() {
        fields.push(field);
    }
    fields
}
