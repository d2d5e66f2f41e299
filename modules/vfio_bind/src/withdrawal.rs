//! `state: absent`: takes away what binds the named devices, and only what this module wrote.

use apply::FileChange;
use config_text::device_override::Entry;
use config_text::modprobe_d::{self, ids_in_force, is_same_id, own_ids, own_softdeps};
use host::modprobe::{self, Edit};
use preflight::{Device, Selector};
use protocol::Failure;

use crate::lines::{self, HEADER};
use crate::observe::{self, Observed};
use crate::{Args, choice, dracut_conf};

/// What is left, and what is to be said.
#[derive(Debug)]
pub struct Withdrawal<'a> {
    /// The devices of this host that are given back.
    pub devices: Vec<&'a Device>,
    pub after: Option<Vec<u8>>,
    pub entries: Vec<Entry>,
    /// What changes in dracut's settings.
    pub dracut_conf: Option<FileChange>,
    /// The ids that vfio-pci still gets.
    pub ids: Vec<String>,
    pub warnings: Vec<String>,
}

/// Works out what is left.
pub fn withdraw<'a>(
    args: &Args,
    seen: &'a Observed,
    selectors: &[Selector],
    taken: Vec<Entry>,
) -> Result<Withdrawal<'a>, Failure> {
    let bytes = seen.at_path.as_deref().unwrap_or_default();
    let mine = own_ids(bytes);
    let devices = named(args, seen, selectors);
    let has = |address: &str| devices.iter().any(|d| d.address == address);
    let (gone, entries): (Vec<Entry>, Vec<Entry>) = taken.into_iter().partition(|entry| {
        has(&entry.address) || selectors.iter().any(|s| s.is_address(&entry.address) || s.is_id(&entry.id))
    });
    let mut drop: Vec<String> = Vec::new();
    for selector in selectors {
        drop.extend(mine.iter().filter(|id| selector.is_id(&id.to_ascii_lowercase())).cloned());
        drop.extend(selector.expected.as_ref().map(|expected| expected.id.clone()));
    }
    for device in &devices {
        // Another device than the expected one says nothing about the one that went.
        let other = selectors.iter().any(|s| {
            s.is_address(&device.address) && s.expected.as_ref().is_some_and(|expected| !expected.is(device))
        });
        if !other {
            drop.push(device.id.clone());
        }
    }
    let dropped = |id: &str| drop.iter().any(|gone| is_same_id(gone, id));
    let dracut_conf = dracut_conf::absent(args, seen, selectors, &dropped)?;
    let mut left: Vec<String> = mine.iter().filter(|id| !dropped(id)).cloned().collect();
    let others = lines::others(args, seen)?;
    let theirs = ids_in_force(&others).map(|(_, ids)| ids).unwrap_or_default();
    // What the other files say by themselves needs no copy.
    if left.iter().all(|id| theirs.iter().any(|have| is_same_id(have, id))) {
        left.clear();
    }
    let mut after = if left == mine { bytes.to_vec() } else { modprobe_d::with_ids(bytes, &left) };
    after = without_softdeps(&after, seen, &devices, &left);
    if left.is_empty() && entries.is_empty() {
        after = modprobe_d::without_disable_vga(&after);
    }
    let after = match &seen.at_path {
        Some(before) if after == HEADER.as_bytes() && after != *before => None,
        Some(_) => Some(after),
        None => None,
    };
    let (directory, name) = observe::place(args)?;
    let edit = Edit { directory, name, bytes: after.as_deref() };
    let config = match after == seen.at_path {
        true => modprobe::config(&seen.files, None),
        false => modprobe::config(&seen.files, Some(edit)),
    };
    let config = config.with_kernel_cmdline(&seen.cmdline);
    let mut warnings = Vec::new();
    let mut ids = Vec::new();
    if let Some((place, in_force)) = ids_in_force(&config) {
        for id in in_force.iter().filter(|id| dropped(id)) {
            warnings.push(format!(
                "{place}: still gives vfio-pci the id {id}; the line is another owner's and was left"
            ));
        }
        ids = in_force;
    }
    warnings.extend(twins(seen, &devices, &mine, &left));
    warnings.extend(unknown(selectors, seen, &gone));
    Ok(Withdrawal { devices, after, entries, dracut_conf, ids, warnings })
}

/// The devices of this host that are named, with their groups where that was asked for.
fn named<'a>(args: &Args, seen: &'a Observed, selectors: &[Selector]) -> Vec<&'a Device> {
    let is_named = |d: &&Device| !d.bridge && selectors.iter().any(|s| s.matches(d));
    let devices: Vec<&Device> = seen.devices.iter().filter(is_named).collect();
    choice::expanded(args, &devices, &seen.devices)
}

/// Takes out the softdeps of drivers that no device needs which is still bound by its id.
fn without_softdeps(bytes: &[u8], seen: &Observed, devices: &[&Device], left: &[String]) -> Vec<u8> {
    if own_softdeps(bytes).is_empty() {
        return bytes.to_vec();
    }
    let own_file = bytes.starts_with(HEADER.as_bytes());
    let still = |d: &&Device| left.iter().any(|id| is_same_id(id, &d.id));
    let kept: Vec<String> = seen.devices.iter().filter(still).flat_map(|d| seen.drivers_of(d)).collect();
    let given: Vec<String> = devices.iter().flat_map(|d| seen.drivers_of(d)).collect();
    modprobe_d::without_softdeps(bytes, &|driver| {
        let is = |list: &[String]| list.iter().any(|name| modprobe_d::same_module(name, driver));
        // Of an id that is not on this host the drivers are not known: theirs go with the last id, from a
        // file of this module's own.
        (left.is_empty() && own_file) || (is(&given) && !is(&kept))
    })
}

/// Devices that go back to the host with the named ones because they have the same id.
fn twins(seen: &Observed, devices: &[&Device], mine: &[String], left: &[String]) -> Vec<String> {
    let lost = |id: &str| mine.iter().any(|m| is_same_id(m, id)) && !left.iter().any(|l| is_same_id(l, id));
    let is_named = |other: &Device| devices.iter().any(|d| d.address == other.address);
    let twins = seen.devices.iter().filter(|other| {
        !other.bridge && !is_named(other) && lost(&other.id) && devices.iter().any(|d| d.id == other.id)
    });
    twins
        .map(|other| {
            format!(
                "{} has the same id {} and goes back to the host too; to keep it, name it with state: present",
                other.address, other.id
            )
        })
        .collect()
}

/// Addresses at which nothing is and for which nothing was recorded: their ids cannot be told.
fn unknown(selectors: &[Selector], seen: &Observed, gone: &[Entry]) -> Vec<String> {
    let nothing = |s: &&Selector| {
        s.one_address().is_some()
            && s.expected.is_none()
            && !seen.devices.iter().any(|d| s.is_address(&d.address))
            && !gone.iter().any(|entry| s.is_address(&entry.address))
    };
    let text = |s: &Selector| {
        format!(
            "{}: no device is there and none was bound by this address; if it was bound by its id, name the id",
            s.text
        )
    };
    selectors.iter().filter(nothing).map(text).collect()
}
