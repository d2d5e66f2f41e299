//! `grub_iommu`: the kernel parameters of a host that boots by GRUB.

mod bls;
mod entries;
mod observe;
mod plan;
mod settings;

use std::process::ExitCode;

use host::Root;
use kernel_parameters::{Asked, EnableParameter, State, Vendor, Wanted};
use protocol::{Failure, Module, Planned, Spec};
use serde::Deserialize;
use serde_json::{Map, Value};

include!(concat!(env!("OUT_DIR"), "/spec.rs"));

/// The module's options, as documented; `root` and `backup` are the protocol's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    state: State,
    vendor: Vendor,
    enable_parameter: EnableParameter,
    passthrough_mode: bool,
    parameters: Vec<String>,
    remove: Vec<String>,
    variable: String,
    path: String,
    update_command: Option<Vec<String>>,
    update: bool,
    force: bool,
    #[serde(rename = "root")]
    _root: String,
    #[serde(rename = "backup")]
    _backup: bool,
}

impl Args {
    fn asked(&self) -> Asked<'_> {
        Asked {
            state: self.state,
            vendor: self.vendor,
            enable_parameter: self.enable_parameter,
            passthrough_mode: self.passthrough_mode,
            parameters: &self.parameters,
            remove: &self.remove,
            path: &self.path,
            update_command: self.update_command.as_deref(),
        }
    }
}

struct GrubIommu;

impl Module for GrubIommu {
    const SPEC: &'static Spec = &SPEC;
    type Args = Args;
    type Observed = observe::Observed;

    fn observe(args: &Args, root: &Root) -> Result<observe::Observed, Failure> {
        args.asked().check("/etc/default/grub")?;
        observe::observe(args, root)
    }

    fn plan(args: &Args, seen: &observe::Observed) -> Result<Planned, Failure> {
        plan::plan(args, seen)
    }

    fn settle(args: &Args, after: &observe::Observed, reply: &mut Map<String, Value>) {
        if let Ok(wanted) = Wanted::new(&args.asked(), &after.machine) {
            reply.insert("entries".into(), entries::reply(args, after, &wanted));
        }
    }
}

fn main() -> ExitCode {
    protocol::run::<GrubIommu>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arguments as a run would have them.
    pub(crate) fn args(given: Value) -> Args {
        let Value::Object(given) = given else { panic!("an object") };
        protocol::testing::args::<GrubIommu>(given).unwrap()
    }

    #[test]
    fn the_documented_options_are_the_arguments() {
        protocol::testing::args_match_spec::<GrubIommu>();
    }
}
