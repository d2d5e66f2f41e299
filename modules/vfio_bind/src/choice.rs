//! From what the user names to the devices of this host.

use config_text::device_override::Entry;
use preflight::{Device, Expected, Selector, companions};
use protocol::Failure;

use crate::observe::Observed;
use crate::{Args, GroupOption};

/// How many devices a message lists before it stops.
const SHOWN: usize = 40;

/// The devices that are named, by address. `taken` are those recorded for it by address.
pub fn choose<'a>(
    selectors: &[Selector],
    seen: &'a Observed,
    taken: &[Entry],
) -> Result<Vec<&'a Device>, Failure> {
    let mut chosen: Vec<&Device> = Vec::new();
    for selector in selectors {
        let found: Vec<&Device> = seen.devices.iter().filter(|d| selector.matches(d)).collect();
        if found.is_empty() {
            return Err(not_found(selector, &seen.devices));
        }
        if let Some(address) = selector.one_address() {
            for device in &found {
                not_drifted(selector, address, device, seen, taken)?;
            }
        }
        if let (false, Some(bridge)) = (selector.is_pattern(), found.iter().find(|d| d.bridge)) {
            let msg = format!(
                "{}: {} is a bridge, which vfio-pci does not take; name the devices behind it",
                selector.text, bridge.address
            );
            return Err(Failure::coded("device_is_bridge", msg));
        }
        chosen.extend(found.into_iter().filter(|d| !d.bridge));
        if chosen.is_empty() {
            return Err(not_found(selector, &seen.devices));
        }
    }
    Ok(in_order(chosen))
}

/// The chosen devices, with what goes along where that was asked for.
pub fn expanded<'a>(args: &Args, chosen: &[&'a Device], devices: &'a [Device]) -> Vec<&'a Device> {
    let mut all = chosen.to_vec();
    if args.group == GroupOption::Expand {
        all.extend(chosen.iter().flat_map(|device| companions(device, devices)));
    }
    in_order(all)
}

fn in_order(mut devices: Vec<&Device>) -> Vec<&Device> {
    devices.sort_by(|a, b| a.address.cmp(&b.address));
    devices.dedup_by(|a, b| a.address == b.address);
    devices
}

fn not_found(selector: &Selector, devices: &[Device]) -> Failure {
    let there: Vec<String> = devices
        .iter()
        .filter(|d| !d.bridge)
        .take(SHOWN)
        .map(|d| format!("{} ({})", d.address, d.id))
        .collect();
    let there = match there.is_empty() {
        true => "no PCI devices are to be seen under this root".to_string(),
        false => format!("there are {}", there.join(", ")),
    };
    Failure::coded("device_not_found", format!("{}: no such device on this host; {there}", selector.text))
}

/// Fails where another device is at the address than the one that was meant.
fn not_drifted(
    selector: &Selector,
    address: &str,
    device: &Device,
    seen: &Observed,
    taken: &[Entry],
) -> Result<(), Failure> {
    let recorded = taken.iter().find(|entry| entry.address == address);
    let recorded = recorded.map(|entry| Expected { id: entry.id.clone(), subsystem: None });
    let (expected, why) = match (&selector.expected, &recorded) {
        (Some(expected), _) => (expected, "expected"),
        (None, Some(recorded)) => (recorded, "bound before"),
        (None, None) => return Ok(()),
    };
    if expected.is(device) {
        return Ok(());
    }
    let now: Vec<&str> = seen.devices.iter().filter(|d| expected.is(d)).map(|d| d.address.as_str()).collect();
    let now = match now.is_empty() {
        true => "is nowhere on this host now".to_string(),
        false => format!("is at {} now", now.join(", ")),
    };
    Err(Failure::coded(
        "device_drifted",
        format!(
            "{address}: {} is there, not {expected} as {why}, which {now}; addresses move when a card is added or taken \
             out: give the new address, and take the old one away by state: absent",
            device.id
        ),
    ))
}
