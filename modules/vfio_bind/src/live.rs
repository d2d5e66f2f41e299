//! `now: true`: the running system gets it at once; without it, what a reboot is needed for.

use apply::{Activation, Plan, Rebind, RebootReason, Run};
use host::modprobe;
use preflight::Device;
use protocol::Failure;

use crate::Args;
use crate::method::Bind;
use crate::observe::Observed;

const VFIO_PCI: &str = "vfio-pci";

/// Whether vfio-pci, or one of its variants, has the device.
pub fn is_bound(device: &Device) -> bool {
    device.driver.as_deref().is_some_and(|driver| driver != "pci-stub" && preflight::keeps_for_guests(driver))
}

/// Takes the devices now, or says that a reboot is due. `due`: whether files or images change.
pub fn take(args: &Args, seen: &Observed, binds: &[Bind], due: bool, plan: &mut Plan) {
    let waiting = binds.iter().map(|bind| bind.device).filter(|device| !is_bound(device));
    for (at, device) in waiting.enumerate() {
        if args.now {
            if at == 0 && !seen.vfio_pci_live {
                plan.activations.push(Activation::Run(Run::load_module(VFIO_PCI)));
            }
            plan.activations.push(Activation::Rebind(Rebind {
                reason: format!("{} is {}", device.address, on(device)),
                address: device.address.clone(),
                driver: Some(VFIO_PCI.to_string()),
                forget: None,
                load: None,
            }));
            continue;
        }
        let message = format!("{} is configured for vfio-pci but {}", device.address, on(device));
        if due || !seen.booted_with {
            plan.reboot.push(RebootReason { code: "device_not_bound", message });
        } else {
            plan.warnings.push(format!(
                "{message}, although this boot began with that configuration: look for its address in the kernel \
                 log, and whether vfio-pci is loaded at boot; now: true rebinds it at once"
            ));
        }
    }
}

/// Gives the devices back now, or says that a reboot is due.
pub fn give_back(
    args: &Args,
    seen: &Observed,
    devices: &[&Device],
    still: &dyn Fn(&Device) -> bool,
    due: bool,
    plan: &mut Plan,
) -> Result<(), Failure> {
    for device in devices {
        let kept = device.driver.as_deref() == Some(VFIO_PCI);
        let held = seen.driver_overrides.get(&device.address).is_some_and(|name| name == VFIO_PCI);
        if args.now && (kept || held) {
            if let Some(holder) = seen.holders.get(&device.address) {
                let msg = format!(
                    "{}: the process {} ({}) has it, or its group, open; the kernel would wait for it without end: \
                     stop the virtual machine first",
                    device.address, holder.pid, holder.name
                );
                return Err(Failure::coded("device_in_use", msg));
            }
            plan.activations.push(Activation::Rebind(Rebind {
                reason: format!("{} is to go back to the host", device.address),
                address: device.address.clone(),
                driver: None,
                forget: Some(device.id.replace(':', " ")),
                load: load(seen, device),
            }));
        } else if kept && !still(device) {
            let message = format!("{} is no longer configured for vfio-pci but still on it", device.address);
            if due || !seen.booted_with {
                plan.reboot.push(RebootReason { code: "device_still_bound", message });
            } else {
                plan.warnings
                    .push(format!("{message}: something else bound it after boot; now: true gives it back"));
            }
        }
    }
    Ok(())
}

/// Loads the host's own driver by the device's modalias, as udev would; blacklists hold (-b).
fn load(seen: &Observed, device: &Device) -> Option<Run> {
    let config = modprobe::config(&seen.files, None);
    let drivers = seen.candidates.get(&device.modalias)?;
    let allowed = drivers.iter().any(|driver| !config.is_blacklisted(driver));
    let safe = device.modalias.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':');
    (allowed && safe).then(|| Run {
        command: ["modprobe", "-b", "--", &device.modalias].map(str::to_string).to_vec(),
        reason: format!("{} needs a driver of the host ({})", device.address, drivers.join(", ")),
        ..Run::load_module("")
    })
}

fn on(device: &Device) -> String {
    match &device.driver {
        Some(driver) => format!("on {driver}"),
        None => "on no driver".to_string(),
    }
}
