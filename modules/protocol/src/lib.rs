//! Ansible's module protocol for a compiled module: arguments in, reply out.
//!
//! ansible-core does nothing for a binary: validation, check mode, `diff`, masking of secrets, the
//! log line and `invocation` are all the module's business. Here they are done as Python's
//! `AnsibleModule` does them, with its messages, so that a user sees no difference.
//!
//! A module is a type that implements [`Module`]; its `main` is [`run`].

mod arguments;
mod by_hand;
mod coerce;
mod deserialize;
mod expand;
mod failure;
mod float;
mod json;
mod local_time;
mod log;
mod mask;
mod module;
mod numbers;
mod pyliteral;
mod pytext;
mod reply;
mod rules;
mod run;
mod spec;
pub mod testing;
mod validate;
mod value;

pub use failure::Failure;
pub use module::{Module, Planned};
pub use run::run;
pub use spec::{Deprecation, Kind, Literal, Opt, RequiredIf, Rules, Spec};
