//! `driver_blacklist`: which drivers modprobe must not load by itself.

mod name;
mod observe;
mod plan;
mod reply;

use std::process::ExitCode;

use host::{Root, modprobe};
use protocol::{Failure, Module, Planned, Spec};
use serde::Deserialize;
use serde_json::{Map, Value};

include!(concat!(env!("OUT_DIR"), "/spec.rs"));

/// Whether the drivers are to be blacklisted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Present,
    Absent,
}

/// The module's options, as documented; `root` and `backup` are the protocol's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    drivers: Vec<String>,
    state: State,
    path: String,
    block_explicit_load: bool,
    initramfs: bool,
    force: bool,
    #[serde(rename = "root")]
    _root: String,
    #[serde(rename = "backup")]
    _backup: bool,
}

struct DriverBlacklist;

impl Module for DriverBlacklist {
    const SPEC: &'static Spec = &SPEC;
    type Args = Args;
    type Observed = observe::Observed;

    fn observe(args: &Args, root: &Root) -> Result<observe::Observed, Failure> {
        observe::observe(args, root)
    }

    fn plan(args: &Args, seen: &observe::Observed) -> Result<Planned, Failure> {
        plan::plan(args, seen)
    }

    fn settle(args: &Args, after: &observe::Observed, reply: &mut Map<String, Value>) {
        reply.extend(reply::results(
            &name::drivers(args).unwrap_or_default(),
            &modprobe::config(&after.files, None),
            after,
        ));
    }
}

fn main() -> ExitCode {
    protocol::run::<DriverBlacklist>()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_the_documented_options() {
        protocol::testing::args_match_spec::<super::DriverBlacklist>();
    }
}
