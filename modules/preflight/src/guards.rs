//! What must not be taken from a host by accident.

use crate::{Device, Problem, Severity, UseKind};

/// What stands against keeping `driver` from loading on this host.
///
/// `builtin_in`: the releases of the installed kernels that have it built in. `devices`: every PCI
/// device. Codes: `driver_builtin`, `root_disk`, `default_route`, `only_display` (errors), `swap`,
/// `mount` (warnings).
pub fn guard_driver(driver: &str, builtin_in: &[String], devices: &[Device]) -> Vec<Problem> {
    let name = plain(driver);
    let mut problems = Vec::new();
    if !builtin_in.is_empty() {
        problems.push(Problem {
            code: "driver_builtin",
            severity: Severity::Error,
            device: None,
            message: format!(
                "{driver} is built into {}, so a blacklist has no effect on it",
                builtin_in.join(", ")
            ),
            hint: format!("bind the device to vfio-pci by its address instead of blacklisting {driver}"),
        });
    }
    for device in devices {
        for used in device.uses.iter().filter(|u| u.kind != UseKind::Display && u.modules.contains(&name)) {
            let severity = severity(used.kind);
            problems.push(Problem {
                code: used.kind.as_str(),
                severity,
                device: Some(device.address.clone()),
                message: format!("{driver} drives {} ({})", lost(used.kind), used.what),
                hint: match severity {
                    Severity::Error => format!(
                        "leave {driver} alone and bind only the device to pass to vfio-pci, by its address"
                    ),
                    Severity::Warning => "make sure that the host can do without it".to_string(),
                },
            });
        }
    }
    problems.extend(only_display(driver, &name, devices));
    problems
}

/// How bad it is to take what is used so.
pub(crate) fn severity(kind: UseKind) -> Severity {
    match kind {
        UseKind::RootDisk | UseKind::DefaultRoute => Severity::Error,
        UseKind::Swap | UseKind::Mount | UseKind::Display => Severity::Warning,
    }
}

/// What the host loses.
pub(crate) fn lost(kind: UseKind) -> &'static str {
    match kind {
        UseKind::RootDisk => "the disk that this host runs from",
        UseKind::DefaultRoute => "the interface of the default route",
        UseKind::Swap => "a swap area",
        UseKind::Mount => "a mounted file system",
        UseKind::Display => "a display",
    }
}

/// The display that would be lost where `taken` leaves the host none that shows something.
pub(crate) fn last_display<'a>(devices: &'a [Device], taken: &dyn Fn(&Device) -> bool) -> Option<&'a Device> {
    let shows = |d: &Device| d.boot_vga == Some(true) || (d.driver.is_some() && !d.is_kept_for_guests());
    let displays = || devices.iter().filter(|d| d.is_display());
    let lost = displays().find(|d| taken(d))?;
    (!displays().any(|d| !taken(d) && shows(d))).then_some(lost)
}

/// A problem where no display would be left to the host.
fn only_display(driver: &str, name: &str, devices: &[Device]) -> Option<Problem> {
    let lost = last_display(devices, &|d| is_driven_by(d, name))?;
    Some(Problem {
        code: "only_display",
        severity: Severity::Error,
        device: Some(lost.address.clone()),
        message: format!("{driver} drives {}, and no other display would be left to the host", lost.address),
        hint: "make sure that the host can be reached over SSH or a serial console, then use force: true"
            .to_string(),
    })
}

fn is_driven_by(device: &Device, name: &str) -> bool {
    device.module.as_deref() == Some(name) || device.driver.as_deref().is_some_and(|d| plain(d) == name)
}

/// A module's name as the kernel spells it.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Use;

    fn device(address: &str, class: u32, driver: &str, uses: &[(UseKind, &[&str])]) -> Device {
        let uses = uses
            .iter()
            .map(|(kind, modules)| Use {
                kind: *kind,
                what: "x".to_string(),
                modules: modules.iter().map(|m| m.to_string()).collect(),
            })
            .collect();
        let driver = (!driver.is_empty()).then(|| driver.to_string());
        Device {
            address: address.to_string(),
            class,
            module: driver.as_deref().map(plain),
            driver,
            uses,
            ..Device::default()
        }
    }

    fn codes(driver: &str, builtin: &[&str], devices: &[Device]) -> Vec<&'static str> {
        let builtin: Vec<String> = builtin.iter().map(|b| b.to_string()).collect();
        guard_driver(driver, &builtin, devices).iter().map(|p| p.code).collect()
    }

    #[test]
    fn any_module_on_the_way_to_the_disk_or_the_route_counts() {
        let devices = [
            device(
                "0000:00:02.0",
                0x010000,
                "virtio-pci",
                &[(UseKind::RootDisk, &["virtio_blk", "virtio_pci"])],
            ),
            device("0000:00:03.0", 0x020000, "e1000e", &[(UseKind::DefaultRoute, &["e1000e"])]),
            device(
                "0000:00:04.0",
                0x010802,
                "nvme",
                &[(UseKind::Swap, &["nvme"]), (UseKind::Mount, &["nvme"])],
            ),
        ];
        assert_eq!(codes("virtio-blk", &[], &devices), ["root_disk"]);
        assert_eq!(codes("virtio_pci", &[], &devices), ["root_disk"]);
        assert_eq!(codes("e1000e", &[], &devices), ["default_route"]);
        assert_eq!(codes("nvme", &[], &devices), ["swap", "mount"]);
        assert_eq!(codes("nouveau", &[], &devices), [""; 0]);
        assert_eq!(codes("simplefb", &["6.8.4-2-pve"], &devices), ["driver_builtin"]);
    }

    #[test]
    fn a_second_display_must_really_show_something() {
        let nvidia = device("0000:01:00.0", 0x030000, "nouveau", &[]);
        let igpu = device("0000:00:02.0", 0x030000, "i915", &[]);
        let stubbed = device("0000:02:00.0", 0x030000, "vfio-pci", &[]);
        let driverless = device("0000:03:00.0", 0x030000, "", &[]);
        let bmc = Device { boot_vga: Some(true), ..driverless.clone() };
        let audio = device("0000:01:00.1", 0x040300, "snd_hda_intel", &[]);
        for (others, driver, expected) in [
            (&[][..], "nouveau", &["only_display"][..]),
            (&[&igpu], "nouveau", &[]),
            (&[&igpu], "i915", &[]),
            (&[&stubbed], "nouveau", &["only_display"]),
            (&[&driverless], "nouveau", &["only_display"]),
            (&[&bmc], "nouveau", &[]),
            (&[&audio], "nouveau", &["only_display"]),
            (&[&audio], "snd_hda_intel", &[]),
        ] {
            let mut devices = vec![nvidia.clone()];
            devices.extend(others.iter().map(|d| (*d).clone()));
            assert_eq!(codes(driver, &[], &devices), expected, "{driver} {others:?}");
        }
        let twins = [nvidia.clone(), Device { address: "0000:02:00.0".to_string(), ..nvidia }];
        assert_eq!(codes("nouveau", &[], &twins), ["only_display"], "one blacklist takes both");
    }
}
