//! `boot_refresh`: boot entries and initramfs, brought up to date if they are due.

mod bls;
mod esps;
mod observe;
mod plan;

use std::process::ExitCode;

use host::Root;
use protocol::{Failure, Module, Planned, Spec};
use serde::Deserialize;
use serde_json::{Map, Value};

include!(concat!(env!("OUT_DIR"), "/spec.rs"));

/// The module's options, as documented; `root` is the protocol's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    update: bool,
    initramfs: bool,
    #[serde(rename = "root")]
    _root: String,
}

struct BootRefresh;

impl Module for BootRefresh {
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
        plan::show(after, reply);
    }
}

fn main() -> ExitCode {
    protocol::run::<BootRefresh>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_options_are_the_arguments() {
        protocol::testing::args_match_spec::<BootRefresh>();
    }
}
