//! Groups as a whole: who is left behind, who stands in the way, what the host would lose.

use super::{Context, Phase};
use crate::{Device, Problem, companions, guard_devices};

pub(super) fn check(context: &Context) -> Vec<Problem> {
    let devices = &context.seen.devices;
    let mut problems = Vec::new();
    let mut told = Vec::new();
    for device in context.chosen.iter().filter(|device| !device.bridge) {
        let Some(group) = device.iommu_group else {
            problems.push(unknown(context, device));
            continue;
        };
        if told.contains(&group) {
            continue;
        }
        told.push(group);
        let stays = |other: &&Device| !context.is_chosen(other) && !other.is_kept_for_guests();
        let left: Vec<&Device> = companions(device, devices).into_iter().filter(stays).collect();
        // Parts of the board are on no card: that they are left behind can never be mended by taking them.
        let (board, cards): (Vec<&Device>, Vec<&Device>) =
            left.into_iter().partition(|other| other.class >> 16 == 0x06 || context.phase == Phase::Ready);
        let blocking: Vec<&Device> = board.iter().copied().filter(|other| other.driver.is_some()).collect();
        if !blocking.is_empty() {
            problems.push(context.about(
                device,
                "group_not_viable",
                format!(
                    "IOMMU group {group} of {} cannot go to a guest: {}",
                    device.address,
                    list(&blocking)
                ),
                "give these devices to vfio-pci too, or put the card into another slot",
            ));
        }
        if !cards.is_empty() {
            problems.push(context.about(
                device,
                "group_incomplete",
                format!(
                    "IOMMU group {group} goes to a guest as a whole: {} goes with {}",
                    device.address,
                    list(&cards)
                ),
                "list these devices too; a device in another slot may have a group of its own",
            ));
        }
    }
    problems
}

/// What the host would lose.
pub(super) fn guards(context: &Context) -> Vec<Problem> {
    let addresses: Vec<&str> = context.chosen.iter().map(|device| device.address.as_str()).collect();
    guard_devices(&addresses, &context.seen.devices)
}

fn unknown(context: &Context, device: &Device) -> Problem {
    let off = context.seen.evidence.groups == 0;
    let message = match off {
        true => format!("the IOMMU is off, so the group of {} is not known", device.address),
        false => format!("{} is in no IOMMU group: no IOMMU stands before it", device.address),
    };
    let hint = match off {
        true => "switch the IOMMU on, reboot and check again",
        false => "put the card into another slot",
    };
    context.about(device, "group_unknown", message, hint)
}

fn list(devices: &[&Device]) -> String {
    let one = |device: &&Device| match &device.driver {
        Some(driver) => format!("{} ({}, on {driver})", device.address, device.id),
        None => format!("{} ({})", device.address, device.id),
    };
    devices.iter().map(one).collect::<Vec<_>>().join(", ")
}
