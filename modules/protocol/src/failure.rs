//! A module's refusal: one message, an optional stable code, details for programs.

use serde_json::{Map, Value};

/// Becomes `{"failed": true, "msg": …}`. The message says what, where and what to do next.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What is wrong, where (file:line) and what to do next.
    pub msg: String,
    /// A stable code for programs, returned as `code`.
    pub code: Option<&'static str>,
    /// More fields of the reply (`problems`, `actions`, …).
    pub details: Map<String, Value>,
}

impl Failure {
    /// A failure with a message only.
    pub fn new(msg: impl Into<String>) -> Failure {
        Failure { msg: msg.into(), code: None, details: Map::new() }
    }

    /// A failure with a stable code.
    pub fn coded(code: &'static str, msg: impl Into<String>) -> Failure {
        Failure { code: Some(code), ..Failure::new(msg) }
    }

    /// Adds a field of the reply.
    pub fn with(mut self, key: &str, value: Value) -> Failure {
        self.details.insert(key.to_string(), value);
        self
    }
}

impl From<host::HostError> for Failure {
    fn from(error: host::HostError) -> Failure {
        Failure::new(error.to_string())
    }
}
