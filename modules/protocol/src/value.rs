//! An argument's value, as Python's `json.loads` would give it.

use serde_json::{Map, Number};

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
    Float(f64),
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
            Value::Float(value) => *value != 0.0,
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
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Value::Bool(value) => Some(f64::from(u8::from(*value))),
            Value::Int(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// For `serde`: what it has no number for becomes the nearest float, or `null`.
    pub fn into_json(self) -> serde_json::Value {
        match self {
            Value::None => serde_json::Value::Null,
            Value::Bool(value) => value.into(),
            Value::Int(value) => value.into(),
            Value::BigInt(digits) => match digits.parse::<u64>() {
                Ok(value) => value.into(),
                Err(_) => number(digits.parse().unwrap_or(f64::NAN)),
            },
            Value::Float(value) => number(value),
            Value::Str(text) => text.into(),
            Value::List(items) => items.into_iter().map(Value::into_json).collect(),
            Value::Dict(items) => serde_json::Value::Object(items.into_json()),
        }
    }
}

fn number(value: f64) -> serde_json::Value {
    Number::from_f64(value).map_or(serde_json::Value::Null, serde_json::Value::Number)
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
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(value), _, _) => Value::Int(value),
                (None, Some(value), _) => Value::BigInt(value.to_string()),
                (None, None, Some(value)) => Value::Float(value),
                (None, None, None) => Value::None,
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
            Literal::Float(value) => Value::Float(value),
            Literal::Str(text) => Value::Str(text.to_string()),
            Literal::List(items) => Value::List(items.iter().map(|item| Value::from(*item)).collect()),
            Literal::Dict(items) => Value::Dict(Dict(
                items.iter().map(|(key, item)| (key.to_string(), Value::from(*item))).collect(),
            )),
        }
    }
}
