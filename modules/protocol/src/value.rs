//! An argument's value, as Python's `json.loads` would give it.

use serde_json::Map;

use crate::float::Float;
use crate::spec::Literal;

/// A JSON value with what JSON in Ansible's arguments has beyond `serde_json`: the order of keys,
/// integers of any size, `NaN` and the infinities.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits, in decimal digits with an optional sign.
    BigInt(String),
    Float(Float),
    Str(String),
    List(Vec<Value>),
    Dict(Dict),
}

/// A mapping that keeps the order of its keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dict(Vec<(String, Value)>);

impl Dict {
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets `key`; a key that is there keeps its place, as in Python.
    pub fn set(&mut self, key: &str, value: Value) {
        match self.get_mut(key) {
            Some(old) => *old = value,
            None => self.0.push((key.to_string(), value)),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v))
    }

    pub fn into_entries(self) -> impl Iterator<Item = (String, Value)> {
        self.0.into_iter()
    }

    /// Moves the entries out that `pick` wants.
    pub fn split_off(&mut self, pick: impl Fn(&str) -> bool) -> Dict {
        let (out, rest) = std::mem::take(&mut self.0).into_iter().partition(|(key, _)| pick(key));
        self.0 = rest;
        Dict(out)
    }
}

impl Value {
    /// Python's truth value.
    pub fn is_true(&self) -> bool {
        match self {
            Value::None => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::BigInt(_) => true,
            Value::Float(value) => !value.is_zero(),
            Value::Str(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Dict(items) => !items.0.is_empty(),
        }
    }

    /// Python's `==`: numbers and booleans compare by their numeric value.
    pub fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b))
            }
            (Value::Dict(a), Value::Dict(b)) => {
                a.0.len() == b.0.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| a.equals(b)))
            }
            (Value::Str(_) | Value::BigInt(_) | Value::None, _) => self == other,
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a.equals(&b),
                _ => false,
            },
        }
    }

    fn number(&self) -> Option<Float> {
        match self {
            Value::Bool(value) => Float::from_decimal(if *value { "1" } else { "0" }),
            Value::Int(value) => Float::from_decimal(&value.to_string()),
            Value::Float(value) => Some(value.clone()),
            _ => None,
        }
    }

    /// What JSON has no number for becomes the nearest float, or `null`.
    pub fn into_json(self) -> serde_json::Value {
        match self {
            Value::None => serde_json::Value::Null,
            Value::Bool(value) => value.into(),
            Value::Int(value) => value.into(),
            Value::BigInt(digits) => match digits.parse::<u64>() {
                Ok(value) => value.into(),
                Err(_) => digits.parse::<f64>().unwrap_or(f64::NAN).into(),
            },
            Value::Float(value) => value.to_f64().into(),
            Value::Str(text) => text.into(),
            Value::List(items) => items.into_iter().map(Value::into_json).collect(),
            Value::Dict(items) => serde_json::Value::Object(items.into_json()),
        }
    }
}

impl Dict {
    /// As [`Value::into_json`].
    pub fn into_json(self) -> Map<String, serde_json::Value> {
        self.0.into_iter().map(|(key, value)| (key, value.into_json())).collect()
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Value {
        match value {
            serde_json::Value::Null => Value::None,
            serde_json::Value::Bool(value) => Value::Bool(value),
            serde_json::Value::Number(number) => match (number.as_i64(), number.to_string()) {
                (Some(value), _) => Value::Int(value),
                (None, digits) if number.is_u64() => Value::BigInt(digits),
                (None, text) => Float::from_decimal(&text).map_or(Value::None, Value::Float),
            },
            serde_json::Value::String(text) => Value::Str(text),
            serde_json::Value::Array(items) => Value::List(items.into_iter().map(Value::from).collect()),
            serde_json::Value::Object(items) => Value::Dict(items.into()),
        }
    }
}

impl From<Map<String, serde_json::Value>> for Dict {
    fn from(items: Map<String, serde_json::Value>) -> Dict {
        Dict(items.into_iter().map(|(key, value)| (key, Value::from(value))).collect())
    }
}

impl From<Literal> for Value {
    fn from(literal: Literal) -> Value {
        match literal {
            Literal::None => Value::None,
            Literal::Bool(value) => Value::Bool(value),
            Literal::Int(value) => Value::Int(value),
            Literal::Float(text) => Float::from_decimal(text).map_or(Value::None, Value::Float),
            Literal::Str(text) => Value::Str(text.to_string()),
            Literal::List(items) => Value::List(items.iter().map(|item| Value::from(*item)).collect()),
            Literal::Dict(items) => Value::Dict(Dict(
                items.iter().map(|(key, item)| (key.to_string(), Value::from(*item))).collect(),
            )),
        }
    }
}
