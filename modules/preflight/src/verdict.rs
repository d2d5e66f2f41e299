//! Can this host pass devices to guests, and if not, why not.
//!
//! What counts is what the kernel shows: units in `/sys/class/iommu` and groups in
//! `/sys/kernel/iommu_groups`. Kernel log lines and `vmx`/`svm` prove nothing.

use serde::Serialize;

use crate::evidence::{Evidence, IommuDefault, Vendor};
use crate::parameters::{disabled, switched_on, wrong_vendor};

/// What a host is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The IOMMU is on; nothing stands against passing a device.
    Ready,
    /// Configured; the next boot puts it in force.
    RebootRequired,
    /// Something has to be configured.
    NotConfigured,
    /// Configuration cannot help: firmware, kernel, container.
    Unsupported,
}

/// Why, for people (`message`) and for programs (`code`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// A stable code: `firmware_off`, `parameter_missing`, …
    pub code: &'static str,
    /// One or two sentences: what is the matter and what to do.
    pub message: String,
}

/// The judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What the host is ready for.
    pub state: State,
    /// Why; what needs attention although the host is ready comes here too.
    pub reasons: Vec<Reason>,
}

/// Judges. The codes: `firmware_off`, `iommu_disabled_parameter`, `parameter_missing`,
/// `not_rebooted`, `no_groups`, `not_running`, `no_boot_loader`, `vfio_modules_missing`,
/// `no_interrupt_remapping`, `wrong_vendor_parameter`, `boot_entries_out_of_date`.
pub fn verdict(seen: &Evidence) -> Verdict {
    let mut reasons = Vec::new();
    let mut add = |code: &'static str, message: String| reasons.push(Reason { code, message });
    let state =
        if seen.units > 0 && seen.groups > 0 { active(seen, &mut add) } else { inactive(seen, &mut add) };
    if let (Some(vendor), Some(tokens)) = (seen.vendor, &seen.in_force)
        && let Some(token) = wrong_vendor(vendor, tokens)
    {
        add(
            "wrong_vendor_parameter",
            format!("{token} has no effect on a host whose IOMMU is {}'s; it can be removed", name(vendor)),
        );
    }
    Verdict { state, reasons }
}

fn active(seen: &Evidence, add: &mut impl FnMut(&'static str, String)) -> State {
    let mut state = State::Ready;
    if seen.vfio == Some(false) {
        add(
            "vfio_modules_missing",
            "the running kernel has no vfio-pci: install a kernel that has it".to_string(),
        );
        state = State::Unsupported;
    }
    if seen.interrupt_remapping == Some(false) && !seen.unsafe_interrupts {
        let message = "interrupts are not remapped, so VFIO refuses to hand devices out: switch interrupt remapping \
                       on in the firmware, and take intremap=off off the command line";
        add("no_interrupt_remapping", message.to_string());
        state = State::Unsupported;
    }
    if let Some(token) = seen.next_boot.iter().flatten().find_map(|tokens| disabled(seen.vendor, tokens)) {
        add(
            "iommu_disabled_parameter",
            format!("the next boot switches the IOMMU off: its entries carry {token}"),
        );
    }
    state
}

fn inactive(seen: &Evidence, add: &mut impl FnMut(&'static str, String)) -> State {
    if seen.firmware == Some(false) {
        let table = seen.vendor.map_or("DMAR, IVRS or IORT", Vendor::table);
        let what = match seen.virtual_machine {
            true => "this virtual machine has no emulated IOMMU",
            false => "switch VT-d, AMD-Vi or IOMMU on in the firmware's setup",
        };
        add("firmware_off", format!("the firmware announces no IOMMU (no ACPI table {table}): {what}"));
        if seen.no_boot_loader {
            add("no_boot_loader", "no boot loader: the kernel is started from outside".to_string());
        }
        return State::Unsupported;
    }
    if seen.no_boot_loader {
        let message = "no boot loader: a container, or a machine whose kernel is started from outside, where only \
                       the host outside can switch the IOMMU on";
        add("no_boot_loader", message.to_string());
        return State::Unsupported;
    }
    // None: not known. Some(None): each entry switches the IOMMU on.
    let next = seen.next_boot.as_deref().filter(|entries| !entries.is_empty());
    let next = next.map(|entries| entries.iter().find_map(|tokens| obstacle(seen, tokens)));
    let set = seen.settings.as_deref().is_some_and(|tokens| obstacle(seen, tokens).is_none());
    let now = seen.in_force.as_deref().map(|tokens| obstacle(seen, tokens));
    match (now, next) {
        (None, None) => {
            add("not_running", "this tree is not running, and its boot entries cannot be read".to_string());
            State::NotConfigured
        }
        (None, Some(None)) => {
            add("not_running", "this tree is not running; its boot entries switch the IOMMU on".to_string());
            State::RebootRequired
        }
        (Some(Some(reason)), Some(None)) => {
            add(
                "not_rebooted",
                "the boot entries switch the IOMMU on, but this boot was without: reboot".to_string(),
            );
            add(reason.code, reason.message);
            State::RebootRequired
        }
        (None, Some(Some(reason))) | (Some(Some(reason)), _) => {
            add(reason.code, reason.message);
            if set {
                let message = "the boot loader's settings switch the IOMMU on, but its entries were not generated \
                               since: run boot_refresh";
                add("boot_entries_out_of_date", message.to_string());
            }
            State::NotConfigured
        }
        (Some(None), _) => {
            let message = match seen.groups {
                0 => {
                    "the command line does not switch the IOMMU off, yet there are no IOMMU groups: look at the \
                      kernel log and at the firmware's settings"
                }
                _ => "there are IOMMU groups, but no IOMMU unit: look at the kernel log",
            };
            add("no_groups", message.to_string());
            State::Unsupported
        }
    }
}

/// What in a command line keeps the IOMMU from being on.
fn obstacle(seen: &Evidence, tokens: &[String]) -> Option<Reason> {
    if let Some(token) = disabled(seen.vendor, tokens) {
        let message = format!("{token} on the kernel command line switches the IOMMU off");
        return Some(Reason { code: "iommu_disabled_parameter", message });
    }
    let needed = match (seen.vendor, seen.default) {
        (Some(Vendor::Intel), Some(IommuDefault::Off) | None) => !switched_on(tokens),
        _ => false,
    };
    needed.then(|| Reason {
        code: "parameter_missing",
        message: "intel_iommu=on is not on the kernel command line, and the kernel does not switch the IOMMU on by \
                  itself"
            .to_string(),
    })
}

fn name(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Intel => "Intel",
        Vendor::Amd => "AMD",
        Vendor::Arm => "Arm",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        Some(line.split_whitespace().map(str::to_string).collect())
    }

    fn entry(line: &str) -> Option<Vec<Vec<String>>> {
        words(line).map(|tokens| vec![tokens])
    }

    fn intel() -> Evidence {
        Evidence {
            vendor: Some(Vendor::Intel),
            firmware: Some(true),
            in_force: words("quiet"),
            next_boot: entry("quiet"),
            default: Some(IommuDefault::Off),
            vfio: Some(true),
            ..Evidence::default()
        }
    }

    fn amd() -> Evidence {
        Evidence { vendor: Some(Vendor::Amd), default: Some(IommuDefault::On), ..intel() }
    }

    fn on(evidence: Evidence) -> Evidence {
        Evidence { units: 1, groups: 13, ..evidence }
    }

    #[test]
    fn the_state_and_its_reasons() {
        use State::*;
        let cases: &[(&str, Evidence, State, &[&str])] = &[
            ("on", on(intel()), Ready, &[]),
            (
                "on, whatever the words",
                on(Evidence { in_force: words("intel_iommu=off"), ..intel() }),
                Ready,
                &[],
            ),
            ("nothing set", intel(), NotConfigured, &["parameter_missing"]),
            (
                "set, not booted",
                Evidence { next_boot: entry("intel_iommu=on"), ..intel() },
                RebootRequired,
                &["not_rebooted", "parameter_missing"],
            ),
            (
                "set in one entry of two",
                Evidence {
                    next_boot: Some(vec![vec!["intel_iommu=on".to_string()], vec!["quiet".to_string()]]),
                    ..intel()
                },
                NotConfigured,
                &["parameter_missing"],
            ),
            (
                "set, entries not generated",
                Evidence { settings: words("quiet intel_iommu=on"), ..intel() },
                NotConfigured,
                &["parameter_missing", "boot_entries_out_of_date"],
            ),
            (
                "off in force, on later wins",
                Evidence { in_force: words("intel_iommu=off intel_iommu=on"), ..intel() },
                Unsupported,
                &["no_groups"],
            ),
            (
                "off in force, kept",
                Evidence {
                    in_force: words("intel_iommu=on,sm_on intel-iommu=off"),
                    next_boot: None,
                    ..intel()
                },
                NotConfigured,
                &["iommu_disabled_parameter"],
            ),
            (
                "off in force, default on, next without it",
                Evidence {
                    in_force: words("intel_iommu=off"),
                    default: Some(IommuDefault::OnExceptIgpu),
                    ..intel()
                },
                RebootRequired,
                &["not_rebooted", "iommu_disabled_parameter"],
            ),
            (
                "no table",
                Evidence { firmware: Some(false), in_force: words("intel_iommu=on"), ..intel() },
                Unsupported,
                &["firmware_off"],
            ),
            ("AMD by itself", on(amd()), Ready, &[]),
            (
                "AMD switched off",
                Evidence { in_force: words("amd_iommu=off"), next_boot: entry("amd_iommu=off"), ..amd() },
                NotConfigured,
                &["iommu_disabled_parameter"],
            ),
            (
                "AMD, iommu=off, mended",
                Evidence { in_force: words("iommu=off"), ..amd() },
                RebootRequired,
                &["not_rebooted", "iommu_disabled_parameter"],
            ),
            (
                "AMD with Intel's word",
                on(Evidence { in_force: words("intel_iommu=on"), ..amd() }),
                Ready,
                &["wrong_vendor_parameter"],
            ),
            (
                "AMD with Intel's word only",
                Evidence { in_force: words("intel_iommu=on"), firmware: Some(false), ..amd() },
                Unsupported,
                &["firmware_off", "wrong_vendor_parameter"],
            ),
            ("AMD, no groups", amd(), Unsupported, &["no_groups"]),
            ("groups without a unit", Evidence { groups: 2, ..amd() }, Unsupported, &["no_groups"]),
            (
                "container",
                Evidence { no_boot_loader: true, next_boot: None, firmware: None, ..intel() },
                Unsupported,
                &["no_boot_loader"],
            ),
            (
                "direct boot",
                Evidence { no_boot_loader: true, firmware: Some(false), ..intel() },
                Unsupported,
                &["firmware_off", "no_boot_loader"],
            ),
            (
                "tree, ready",
                Evidence { in_force: None, firmware: None, next_boot: entry("intel_iommu=on"), ..intel() },
                RebootRequired,
                &["not_running"],
            ),
            (
                "tree, not ready",
                Evidence { in_force: None, firmware: None, ..intel() },
                NotConfigured,
                &["parameter_missing"],
            ),
            (
                "tree, unknown",
                Evidence { in_force: None, firmware: None, next_boot: None, ..intel() },
                NotConfigured,
                &["not_running"],
            ),
            (
                "no vfio",
                on(Evidence { vfio: Some(false), ..intel() }),
                Unsupported,
                &["vfio_modules_missing"],
            ),
            (
                "no remapping",
                on(Evidence { interrupt_remapping: Some(false), ..intel() }),
                Unsupported,
                &["no_interrupt_remapping"],
            ),
            (
                "no remapping, accepted",
                on(Evidence { interrupt_remapping: Some(false), unsafe_interrupts: true, ..intel() }),
                Ready,
                &[],
            ),
            (
                "on, off at next boot",
                on(Evidence { next_boot: entry("iommu=off"), ..intel() }),
                Ready,
                &["iommu_disabled_parameter"],
            ),
            (
                "Arm needs no word",
                Evidence { vendor: Some(Vendor::Arm), in_force: words("iommu=off"), ..intel() },
                Unsupported,
                &["no_groups"],
            ),
        ];
        for (name, evidence, state, codes) in cases {
            let found = verdict(evidence);
            let found_codes: Vec<_> = found.reasons.iter().map(|r| r.code).collect();
            assert_eq!((found.state, found_codes.as_slice()), (*state, *codes), "{name}: {found:?}");
        }
    }

    #[test]
    fn nothing_known_is_no_crash_and_not_ready() {
        assert_ne!(verdict(&Evidence::default()).state, State::Ready);
    }
}
