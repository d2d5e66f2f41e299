//! The built module on trees of files.

mod absent;
mod by_address;
mod by_id;
mod choice;
mod guards;
mod host;
mod script;
