//! The module's results.

use preflight::check;
use preflight::{Device, Problem, Selector, blockers, verdict};
use serde_json::{Map, Value, json};

use crate::Args;
use crate::observe::Observed;

/// `problems`, `verdict` and `devices`.
pub fn results(
    args: &Args,
    selectors: &[Selector],
    problems: &[Problem],
    seen: &Observed,
) -> Map<String, Value> {
    let host = &seen.host;
    let shown = |problem: &Problem| {
        let mut shown = json!(problem);
        shown["accepted"] = args.accept.iter().any(|code| code == problem.code).into();
        shown
    };
    let devices = check::chosen(selectors, &host.devices);
    let devices: Vec<Value> = devices.iter().map(|device| one(device, &host.devices, problems)).collect();
    let mut results = Map::new();
    results.insert("problems".to_string(), problems.iter().map(shown).collect());
    results.insert("verdict".to_string(), json!(verdict(&host.evidence)));
    results.insert("devices".to_string(), devices.into());
    results
}

fn one(device: &Device, all: &[Device], problems: &[Problem]) -> Value {
    let group = device.iommu_group;
    let members: Option<Vec<&str>> = group.map(|group| {
        all.iter().filter(|d| d.iommu_group == Some(group)).map(|d| d.address.as_str()).collect()
    });
    let own = problems.iter().filter(|problem| problem.device.as_ref() == Some(&device.address));
    let codes: Vec<&str> = own.map(|problem| problem.code).collect();
    json!({
        "address": device.address,
        "id": device.id,
        "group": group,
        "members": members,
        "driver": device.driver,
        "viable": group.map(|group| blockers(group, all).is_empty()),
        "problems": codes,
    })
}
