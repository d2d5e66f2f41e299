//! From an interface down to the ports that carry it: bridges, bonds, VLANs, Open vSwitch.

use crate::sysfs::device_path;
use crate::{HostError, Root};

const NET: &str = "/sys/class/net";
/// A VLAN on a bridge on a bond is three deep; a loop must end.
const MAX_DEPTH: usize = 16;

/// The ports under an interface, sorted: name and folder in `/sys/devices` (`…/net/eno1`).
pub(crate) fn ports(root: &Root, name: &str) -> Result<Vec<(String, String)>, HostError> {
    let mut found = Vec::new();
    walk(root, name, 0, &mut found)?;
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(root: &Root, name: &str, depth: usize, found: &mut Vec<(String, String)>) -> Result<(), HostError> {
    let target = root.link(&format!("{NET}/{name}")).map(|target| target.to_string_lossy().into_owned());
    let Some(path) = target.as_deref().and_then(device_path).filter(|_| depth <= MAX_DEPTH) else {
        return Ok(());
    };
    if !path.starts_with("/sys/devices/virtual/") {
        found.push((name.to_string(), path));
        return Ok(());
    }
    for lower in lowers(root, &path)? {
        walk(root, &lower, depth + 1, found)?;
    }
    Ok(())
}

/// What a virtual interface stands on.
fn lowers(root: &Root, path: &str) -> Result<Vec<String>, HostError> {
    let mut names: Vec<String> =
        root.list(&format!("{path}/brif"))?.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    names.extend(linked(root, path)?);
    if let Some(bonded) = root.text(&format!("{path}/bonding/slaves")) {
        names.extend(bonded.split_whitespace().map(str::to_string));
    }
    if names.is_empty() && !path.ends_with("/lo") {
        // An Open vSwitch bridge's own port has no link to the ports: they all hang on ovs-system.
        names = linked(root, "/sys/devices/virtual/net/ovs-system")?;
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// The names in `lower_NAME` links, which every stacked interface has.
fn linked(root: &Root, path: &str) -> Result<Vec<String>, HostError> {
    let entries = root.list(path)?;
    Ok(entries.iter().filter_map(|e| e.to_str()?.strip_prefix("lower_")).map(str::to_string).collect())
}
