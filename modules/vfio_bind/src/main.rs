//! `vfio_bind`: which devices vfio-pci owns, from the next boot on or now.

mod choice;
mod dracut_conf;
mod guard;
mod lines;
mod live;
mod method;
mod observe;
mod plan;
mod reply;
mod scripts;
mod withdrawal;

use std::process::ExitCode;

use host::Root;
use preflight::Selector;
use protocol::{Failure, Module, Planned, Spec};
use serde::Deserialize;
use serde_json::{Map, Value};

include!(concat!(env!("OUT_DIR"), "/spec.rs"));

/// Whether vfio-pci is to have the devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Present,
    Absent,
}

/// How a device is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MethodOption {
    Auto,
    Ids,
    Override,
}

/// What to do about the other members of a device's IOMMU group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GroupOption {
    Require,
    Expand,
}

/// The module's options, as documented; `root` and `backup` are the protocol's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    devices: Vec<Value>,
    state: State,
    method: MethodOption,
    group: GroupOption,
    softdep: bool,
    disable_vga: bool,
    now: bool,
    path: String,
    initramfs: bool,
    force: bool,
    #[serde(rename = "root")]
    _root: String,
    #[serde(rename = "backup")]
    _backup: bool,
}

impl Args {
    /// What `devices` names, each element checked.
    fn selectors(&self) -> Result<Vec<Selector>, Failure> {
        let read = |given: &Value| {
            Selector::from_option(given)
                .map_err(|why| Failure::coded("invalid_value", format!("option devices: {why}")))
        };
        self.devices.iter().map(read).collect()
    }
}

struct VfioBind;

impl Module for VfioBind {
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
        // The same decision on the host as it is now: drivers and groups are then the new ones.
        if let Ok(planned) = plan::plan(args, after) {
            reply.extend(planned.reply.into_iter().filter(|(key, _)| key == "devices"));
        }
    }
}

fn main() -> ExitCode {
    protocol::run::<VfioBind>()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_the_documented_options() {
        protocol::testing::args_match_spec::<super::VfioBind>();
    }
}
