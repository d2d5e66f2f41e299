//! The type checks of Ansible's argument spec: what becomes of a value of each type.

use crate::spec::Kind;
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

/// The value as `kind`, or Python's message for why it is none.
pub fn coerce(kind: Kind, value: Value, era: Era) -> Result<Value, String> {
    match kind {
        Kind::Str => string(value, era),
        Kind::Path => match string(value, era)? {
            Value::Str(text) => Ok(Value::Str(expand::user(&expand::variables(&text)))),
            other => Ok(other),
        },
        Kind::Raw => Ok(value),
        Kind::Bool => boolean(value, era),
        Kind::Int => int(value, era),
        Kind::Float => float(value),
        Kind::List => list(value),
        Kind::Dict => dict(value, era),
        Kind::Json | Kind::Jsonarg => json_text(value),
        Kind::Bytes => size(&value, false, era).ok_or_else(|| unable(&value, "a Byte value")),
        Kind::Bits => size(&value, true, era).ok_or_else(|| unable(&value, "a Bit value")),
    }
}

/// `kind` as the argument spec names it.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Str => "str",
        Kind::Bool => "bool",
        Kind::Int => "int",
        Kind::Float => "float",
        Kind::List => "list",
        Kind::Dict => "dict",
        Kind::Path => "path",
        Kind::Raw => "raw",
        Kind::Json => "json",
        Kind::Jsonarg => "jsonarg",
        Kind::Bytes => "bytes",
        Kind::Bits => "bits",
    }
}

fn unable(value: &Value, what: &str) -> String {
    format!("{} cannot be converted to {what}", class(value))
}

fn string(value: Value, era: Era) -> Result<Value, String> {
    match (&value, era) {
        (Value::None, Era::Legacy) => Err("'None' is not a string and conversion is not allowed".to_string()),
        (Value::None, Era::Tagged) => Ok(Value::Str(String::new())),
        _ => Ok(Value::Str(pytext::str(&value))),
    }
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

fn boolean(value: Value, era: Era) -> Result<Value, String> {
    let found = match &value {
        Value::Bool(value) => Some(*value),
        Value::Str(text) => boolean_word(text),
        Value::Int(0 | 1) | Value::Float(0.0 | 1.0) => Some(value.is_true()),
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

fn int(value: Value, era: Era) -> Result<Value, String> {
    let found = match &value {
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) => return Ok(value),
        Value::Str(text) if era == Era::Legacy => numbers::int(text),
        Value::Str(text) => numbers::whole(text),
        Value::Float(float) if era == Era::Tagged => numbers::whole_float(*float),
        _ => None,
    };
    found.ok_or_else(|| match era {
        Era::Legacy => unable(&value, "an int"),
        Era::Tagged => format!("\"{}\" cannot be converted to an int", pytext::repr(&value)),
    })
}

fn float(value: Value) -> Result<Value, String> {
    let found = match &value {
        Value::Float(float) => Some(*float),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Int(value) => Some(*value as f64),
        Value::BigInt(digits) => digits.parse().ok().filter(|float: &f64| float.is_finite()),
        Value::Str(text) => numbers::float(text),
        _ => None,
    };
    found.map(Value::Float).ok_or_else(|| unable(&value, "a float"))
}

fn list(value: Value) -> Result<Value, String> {
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

fn json_text(value: Value) -> Result<Value, String> {
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

fn size(value: &Value, bits: bool, era: Era) -> Option<Value> {
    numbers::size(&pytext::str(value), bits, era == Era::Legacy)
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
