//! `passthrough_check`: what stands between this host and passing its devices to guests. Reads only.

mod observe;
mod plan;
mod reply;

use std::process::ExitCode;

use host::Root;
use preflight::Selector;
use preflight::check::Phase;
use protocol::{Failure, Module, Planned, Spec};
use serde::Deserialize;
use serde_json::Value;

include!(concat!(env!("OUT_DIR"), "/spec.rs"));

/// What the check is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum When {
    Configure,
    Ready,
}

/// The module's options, as documented; `root` is the protocol's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    devices: Vec<Value>,
    phase: When,
    accept: Vec<String>,
    #[serde(rename = "root")]
    _root: String,
}

impl Args {
    fn phase(&self) -> Phase {
        match self.phase {
            When::Configure => Phase::Configure,
            When::Ready => Phase::Ready,
        }
    }

    fn selectors(&self) -> Result<Vec<Selector>, Failure> {
        let read = |given: &Value| {
            Selector::from_option(given)
                .map_err(|why| Failure::coded("invalid_value", format!("option devices: {why}")))
        };
        self.devices.iter().map(read).collect()
    }
}

struct PassthroughCheck;

impl Module for PassthroughCheck {
    const SPEC: &'static Spec = &SPEC;
    const READ_ONLY: bool = true;
    type Args = Args;
    type Observed = observe::Observed;

    fn observe(args: &Args, root: &Root) -> Result<observe::Observed, Failure> {
        plan::accepts_known_codes(args)?;
        Ok(observe::observe(root, &args.selectors()?))
    }

    fn plan(args: &Args, seen: &observe::Observed) -> Result<Planned, Failure> {
        plan::plan(args, seen)
    }
}

fn main() -> ExitCode {
    protocol::run::<PassthroughCheck>()
}

#[cfg(test)]
mod tests {
    #[test]
    fn args_are_the_documented_options() {
        protocol::testing::args_match_spec::<super::PassthroughCheck>();
    }
}
