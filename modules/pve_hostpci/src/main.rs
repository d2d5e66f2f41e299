//! `pve_hostpci`: the host's PCI devices in a virtual machine of Proxmox VE.

mod choice;
mod guards;
mod machine;
mod observe;
mod plan;
mod wish;
mod write;

use std::process::ExitCode;

use host::Root;
use protocol::{Failure, Literal, Module, Planned, RequiredIf, Rules, Spec};
use serde::Deserialize;

include!(concat!(env!("OUT_DIR"), "/spec.rs"));

/// Whether the machine is to have the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Present,
    Absent,
}

/// What becomes of the machine's start at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Onboot {
    Keep,
    Off,
}

/// The module's options, as documented; `root` and `backup` are the protocol's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    vmid: i64,
    state: State,
    index: Option<i64>,
    host: Option<Vec<String>>,
    mapping: Option<String>,
    pcie: Option<bool>,
    x_vga: Option<bool>,
    rombar: Option<bool>,
    romfile: Option<String>,
    legacy_igd: Option<bool>,
    mdev: Option<String>,
    driver: Option<String>,
    vendor_id: Option<String>,
    device_id: Option<String>,
    sub_vendor_id: Option<String>,
    sub_device_id: Option<String>,
    onboot: Onboot,
    force: bool,
    #[serde(rename = "root")]
    _root: String,
    #[serde(rename = "backup")]
    _backup: bool,
}

struct PveHostpci;

impl Module for PveHostpci {
    const SPEC: &'static Spec = &SPEC;
    const RULES: Rules = Rules {
        mutually_exclusive: &[&["host", "mapping"]],
        required_if: &[
            RequiredIf {
                option: "state",
                equals: Literal::Str("present"),
                required: &["host", "mapping"],
                any: true,
            },
            RequiredIf {
                option: "state",
                equals: Literal::Str("absent"),
                required: &["index", "host", "mapping"],
                any: true,
            },
        ],
        ..Rules::NONE
    };
    type Args = Args;
    type Observed = observe::Observed;

    fn observe(args: &Args, root: &Root) -> Result<observe::Observed, Failure> {
        observe::observe(args, root)
    }

    fn plan(args: &Args, seen: &observe::Observed) -> Result<Planned, Failure> {
        plan::plan(args, seen)
    }
}

fn main() -> ExitCode {
    protocol::run::<PveHostpci>()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_the_documented_options() {
        protocol::testing::args_match_spec::<super::PveHostpci>();
    }
}
