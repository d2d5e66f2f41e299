//! `vfio_modules`: the modules for PCI passthrough, loaded at boot.

mod observe;
mod plan;
mod reply;
mod wish;

use std::process::ExitCode;

use host::Root;
use protocol::{Failure, Module, Planned, Spec};
use serde::Deserialize;
use serde_json::{Map, Value};

include!(concat!(env!("OUT_DIR"), "/spec.rs"));

/// Whether the modules are to be loaded at boot.
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
    state: State,
    modules: Option<Vec<String>>,
    path: Option<String>,
    load: bool,
    initramfs: bool,
    #[serde(rename = "root")]
    _root: String,
    #[serde(rename = "backup")]
    _backup: bool,
}

struct VfioModules;

impl Module for VfioModules {
    const SPEC: &'static Spec = &SPEC;
    type Args = Args;
    type Observed = observe::Observed;

    fn observe(args: &Args, root: &Root) -> Result<observe::Observed, Failure> {
        observe::observe(args, root)
    }

    fn plan(args: &Args, seen: &observe::Observed) -> Result<Planned, Failure> {
        plan::plan(args, seen)
    }

    fn settle(_args: &Args, after: &observe::Observed, reply: &mut Map<String, Value>) {
        reply.extend(reply::results(&after.wish, &after.lists, after));
    }
}

fn main() -> ExitCode {
    protocol::run::<VfioModules>()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_the_documented_options() {
        protocol::testing::args_match_spec::<super::VfioModules>();
    }
}
