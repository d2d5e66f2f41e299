//! Ansible's module protocol for a compiled module: arguments in, reply out.

mod failure;
mod module;

pub use failure::Failure;
pub use module::{Module, Planned};
