//! `iommu_facts`: what this host is, and whether it can pass PCI devices to guests. Reads only.

mod evidence;
mod facts;
mod observe;
mod subset;

use std::process::ExitCode;

use apply::Plan;
use host::Root;
use protocol::{Failure, Module, Planned, Spec};
use serde::Deserialize;
use serde_json::{Map, json};

include!(concat!(env!("OUT_DIR"), "/spec.rs"));

/// The module's options, as documented; `root` is the protocol's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    gather_subset: Vec<String>,
    filter: Vec<String>,
    #[serde(rename = "root")]
    _root: String,
}

struct IommuFacts;

impl Module for IommuFacts {
    const SPEC: &'static Spec = &SPEC;
    const READ_ONLY: bool = true;
    type Args = Args;
    type Observed = observe::Observed;

    fn observe(args: &Args, root: &Root) -> Result<observe::Observed, Failure> {
        Ok(observe::observe(root, &subset::chosen(&args.gather_subset)?))
    }

    fn plan(args: &Args, seen: &observe::Observed) -> Result<Planned, Failure> {
        let mut parts = facts::facts(seen);
        if !args.filter.is_empty() {
            parts.retain(|name, _| subset::passes(&args.filter, name));
        }
        let plan = Plan { warnings: seen.warnings.clone(), ..Plan::default() };
        let mut reply = Map::new();
        reply.insert("ansible_facts".to_string(), json!({ "pci_passthrough": parts }));
        Ok(Planned { plan, reply })
    }
}

fn main() -> ExitCode {
    protocol::run::<IommuFacts>()
}

#[cfg(test)]
mod tests {
    #[test]
    fn args_are_the_documented_options() {
        protocol::testing::args_match_spec::<super::IommuFacts>();
    }
}
