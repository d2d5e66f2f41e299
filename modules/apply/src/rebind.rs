//! Another driver for a PCI device of the running system, through sysfs
//! (Documentation/ABI/testing/sysfs-bus-pci of the kernel).

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use host::Root;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use crate::error::Step;
use crate::plan::Rebind;
use crate::write::file_error;

const PROBE: &str = "/sys/bus/pci/drivers_probe";
const VFIO_PCI: &str = "/sys/bus/pci/drivers/vfio-pci";

/// How long a driver may take to bind in the background.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// How a device was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rebound {
    address: String,
    driver: Option<String>,
    driver_override: String,
}

/// Looks at the device before anything is written.
pub(crate) fn before(root: &Root, rebind: &Rebind) -> Rebound {
    let device = folder(&rebind.address);
    let driver_override = root.text(&format!("{device}/driver_override")).unwrap_or_default();
    Rebound {
        address: rebind.address.clone(),
        driver: driver(root, &rebind.address),
        // The kernel's way to print that there is none.
        driver_override: if driver_override == "(null)" { String::new() } else { driver_override },
    }
}

/// Gives the device its new driver; fails where the kernel does not bind it.
pub(crate) fn rebind(root: &Root, rebind: &Rebind) -> Result<(), Step> {
    let address = &rebind.address;
    if let Some(id) = &rebind.forget {
        // Not known to it is as good as forgotten.
        let _ = write(root, &format!("{VFIO_PCI}/remove_id"), id);
    }
    bind(root, address, rebind.driver.as_deref().unwrap_or_default())?;
    let fits = |now: Option<&str>| match rebind.driver.as_deref() {
        Some(wanted) => now == Some(wanted),
        None => now != Some("vfio-pci"),
    };
    // A driver may probe in the background.
    let deadline = Instant::now() + PROBE_LIMIT;
    while !fits(driver(root, address).as_deref()) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let now = driver(root, address);
    match fits(now.as_deref()) {
        true => Ok(()),
        false => Err(Step::Unmet(format!(
            "{address}: the kernel did not bind it to {}, it is on {}; the kernel log tells why",
            rebind.driver.as_deref().unwrap_or("a driver of the host"),
            now.as_deref().unwrap_or("no driver"),
        ))),
    }
}

/// Gives a device back to the driver that it had.
pub(crate) fn restore(root: &Root, was: &Rebound) -> Result<(), Step> {
    if driver(root, &was.address) != was.driver {
        match &was.driver {
            // Named, so that no other driver comes first.
            Some(name) => bind(root, &was.address, name)?,
            None => unbind(root, &was.address)?,
        }
    }
    write(root, &format!("{}/driver_override", folder(&was.address)), &was.driver_override)
}

/// Lets only `name` have the device (any driver that matches it where `name` is empty), and asks for it.
fn bind(root: &Root, address: &str, name: &str) -> Result<(), Step> {
    write(root, &format!("{}/driver_override", folder(address)), name)?;
    if name.is_empty() || driver(root, address).as_deref() != Some(name) {
        unbind(root, address)?;
        write(root, PROBE, address)?;
    }
    Ok(())
}

fn unbind(root: &Root, address: &str) -> Result<(), Step> {
    match driver(root, address) {
        Some(_) => write(root, &format!("{}/driver/unbind", folder(address)), address),
        None => Ok(()),
    }
}

fn driver(root: &Root, address: &str) -> Option<String> {
    let target = root.link(&format!("{}/driver", folder(address)))?;
    target.to_string_lossy().rsplit('/').next().map(str::to_string)
}

fn folder(address: &str) -> String {
    format!("/sys/bus/pci/devices/{address}")
}

/// Writes an attribute; the line feed alone clears `driver_override`.
fn write(root: &Root, path: &str, value: &str) -> Result<(), Step> {
    let at = root.locate(path)?;
    let flags = OFlag::O_WRONLY | OFlag::O_TRUNC | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let written = openat(&at.dir, at.name.as_os_str(), flags, Mode::empty()).and_then(|fd| {
        let line = format!("{value}\n");
        // One write: sysfs takes each for a value of its own.
        File::from(fd)
            .write_all(line.as_bytes())
            .map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(Errno::EIO as i32)))
    });
    written.map_err(|errno| file_error(root, path, "write", errno))
}

#[cfg(test)]
#[path = "rebind/tests.rs"]
mod tests;
