//! Which entry is meant, and which devices an entry holds.

use config_text::qemu_server_conf::{Conf, Device, HostId, Hostpci};
use protocol::Failure;

use crate::machine::{Entry, key};
use crate::observe::Observed;
use crate::wish::{INDEXES, Wish};

/// The functions that a device stands for: all of a slot where none is named and sysfs knows them.
/// A mapping stands for one only where this node has no alternative.
pub fn functions(device: &Device, seen: &Observed) -> Vec<HostId> {
    let alternatives = alternatives(device, seen);
    match alternatives.as_slice() {
        [only] => only.clone(),
        _ => Vec::new(),
    }
}

/// Each list of functions of which the machine may get one.
pub fn alternatives(device: &Device, seen: &Observed) -> Vec<Vec<HostId>> {
    let expanded = |ids: &[HostId]| ids.iter().flat_map(|id| expand(id, seen)).collect();
    match device {
        Device::Host(ids) => vec![expanded(ids)],
        Device::Mapping(name) => {
            let mapping = seen.mappings.iter().flatten().find(|mapping| mapping.name == *name);
            let node = seen.node.as_deref().unwrap_or_default();
            mapping.map(|mapping| mapping.on_node(node).map(expanded).collect()).unwrap_or_default()
        }
    }
}

fn expand(id: &HostId, seen: &Observed) -> Vec<HostId> {
    let covered = seen.devices.iter().filter(|device| id.covers(&device.address));
    let found: Vec<HostId> = covered.filter_map(|device| HostId::parse(&device.address)).collect();
    if found.is_empty() { vec![*id] } else { found }
}

/// Whether both entries name the same: the same mapping, or the same functions in any order.
pub fn same(one: &Device, other: &Device, seen: &Observed) -> bool {
    let set = |device: &Device| {
        let mut ids = functions(device, seen);
        ids.sort();
        ids
    };
    match (one, other) {
        (Device::Host(_), Device::Host(_)) => set(one) == set(other),
        _ => one == other,
    }
}

/// Whether a function is in both.
pub fn overlap(one: &Device, other: &Device, seen: &Observed) -> bool {
    let others = functions(other, seen);
    functions(one, seen).iter().any(|id| others.iter().any(|other| other.overlaps(id)))
}

/// Where the device goes, and the entry that is there by now.
pub struct Place<'a> {
    pub index: u8,
    pub existing: Option<&'a Entry>,
    /// Whether that is the same device, whose other sub-options stay.
    pub keeps: bool,
}

/// The entry to make or to change.
pub fn place<'a>(
    wish: &Wish,
    device: &Device,
    entries: &'a [Entry],
    conf: &Conf,
    seen: &Observed,
) -> Result<Place<'a>, Failure> {
    let is_same = |entry: &&Entry| entry.device().is_some_and(|other| same(device, &other, seen));
    let index = wish.index.or_else(|| entries.iter().find(is_same).map(|entry| entry.index));
    let free = INDEXES.filter(|index| !entries.iter().any(|entry| entry.index == *index));
    let rank = |index: &u8| {
        let key = key(*index);
        let held = conf.get(&key).map(|text| Hostpci::parse(&text));
        match held.as_ref().and_then(Hostpci::device) {
            // [PENDING] takes away this very device, which is to stay after all.
            Some(other) if same(device, &other, seen) => 0,
            // Free only once the machine has started anew: the last resort.
            _ if held.is_some() || conf.is_pending(&key) => 2,
            _ => 1,
        }
    };
    let Some(index) = index.or_else(|| free.min_by_key(rank)) else {
        let msg = format!(
            "{}: hostpci0 to hostpci15 are all in use; take one out, or give the index of the one to replace",
            seen.path
        );
        return Err(Failure::coded("no_free_index", msg));
    };
    let existing = entries.iter().find(|entry| entry.index == index);
    let keeps = existing.is_some_and(|entry| {
        let other = entry.device().filter(|_| entry.value.fault().is_none());
        other.is_some_and(|other| same(device, &other, seen) || overlap(device, &other, seen))
    });
    Ok(Place { index, existing, keeps })
}

/// Refuses for a device that another entry of the same machine has.
pub fn refuse_twice(wish: &Entry, entries: &[Entry], seen: &Observed) -> Result<(), Failure> {
    let Some(device) = wish.device() else { return Ok(()) };
    for entry in entries.iter().filter(|entry| entry.index != wish.index) {
        let shares = entry.device().is_some_and(|other| overlap(&device, &other, seen));
        // A device may give several of its parts to one machine.
        if shares && !(entry.is_mediated() && wish.is_mediated()) {
            let msg = format!(
                "{}: {} is {}, so the machine would have the device twice, and it would not start; \
                 give index: {} to change that entry, or take it out first",
                seen.path,
                entry.key(),
                entry.text,
                entry.index
            );
            return Err(Failure::coded("device_twice", msg));
        }
    }
    Ok(())
}

/// The entries to take out, and what is left although it looks as if it were meant.
pub fn leaving<'a>(wish: &Wish, entries: &'a [Entry], seen: &Observed) -> (Vec<&'a Entry>, Vec<String>) {
    let mut leave = Vec::new();
    let mut left = Vec::new();
    let at_index = |entry: &&Entry| wish.index.is_none_or(|index| entry.index == index);
    for entry in entries.iter().filter(at_index) {
        let held = entry.device();
        if let (true, Some(fault)) = (seen.qm, entry.value.syntax_fault()) {
            // For qm the line is not there; it goes when qm next writes the file.
            left.push(format!(
                "{}: Proxmox VE passes over {}: {} ({fault})",
                seen.path,
                entry.key(),
                entry.text
            ));
            continue;
        }
        match &wish.device {
            None => leave.push(entry),
            Some(device) if held.as_ref().is_some_and(|held| same(device, held, seen)) => leave.push(entry),
            Some(device) => {
                let shares = held.is_some_and(|held| overlap(device, &held, seen));
                if shares || wish.index.is_some() {
                    left.push(format!(
                        "{}: {} is {}, which is not what the task names; it was left",
                        seen.path,
                        key(entry.index),
                        entry.text
                    ));
                }
            }
        }
    }
    (leave, left)
}
