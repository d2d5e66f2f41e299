//! A module's refusal: one message, an optional stable code, details for programs.

use serde_json::{Map, Value};

/// Becomes `{"failed": true, "msg": …}`. The message says what, where and what to do next.
///
/// One pointer: every `?` on the way hands it on, and 64 bytes would be moved each time.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure(Box<Said>);

/// The parts of a [`Failure`], which derefs to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
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
        Failure::said(None, msg.into())
    }

    /// A failure with a stable code.
    pub fn coded(code: &'static str, msg: impl Into<String>) -> Failure {
        Failure::said(Some(code), msg.into())
    }

    fn said(code: Option<&'static str>, msg: String) -> Failure {
        Failure(Box::new(Said { msg, code, details: Map::new() }))
    }

    /// Adds a field of the reply.
    pub fn with(mut self, key: &str, value: Value) -> Failure {
        self.0.details.insert(key.to_string(), value);
        self
    }

    /// The parts.
    pub fn into_parts(self) -> Said {
        *self.0
    }
}

impl std::ops::Deref for Failure {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.0
    }
}

impl From<host::HostError> for Failure {
    fn from(error: host::HostError) -> Failure {
        Failure::new(error.to_string())
    }
}
