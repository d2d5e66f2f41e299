//! What a module must survive: arguments, values, files and file systems that are bad. Each case is answered by
//! one clear message and exit status 1, and changes nothing.

mod arguments;
mod file_systems;
mod files;
mod sandbox;
mod smuggling;
