//! `systemd_boot_iommu`: the kernel parameters of a host that boots by systemd-boot.

mod observe;
mod plan;
mod reply;

use std::process::ExitCode;

use host::Root;
use kernel_parameters::{Asked, EnableParameter, State, Vendor};
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

struct SystemdBootIommu;

impl Module for SystemdBootIommu {
    const SPEC: &'static Spec = &SPEC;
    type Args = Args;
    type Observed = observe::Observed;

    fn observe(args: &Args, root: &Root) -> Result<observe::Observed, Failure> {
        args.asked().check(host::kernel_cmdline::PATH)?;
        observe::observe(args, root)
    }

    fn plan(args: &Args, seen: &observe::Observed) -> Result<Planned, Failure> {
        plan::plan(args, seen)
    }

    fn settle(args: &Args, after: &observe::Observed, reply: &mut Map<String, Value>) {
        if let Ok(wanted) = kernel_parameters::Wanted::new(&args.asked(), &after.machine) {
            reply.insert("entries".into(), reply::entries(args, after, &wanted));
        }
    }
}

fn main() -> ExitCode {
    protocol::run::<SystemdBootIommu>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_options_are_the_arguments() {
        protocol::testing::args_match_spec::<SystemdBootIommu>();
    }
}
