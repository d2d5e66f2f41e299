//! Cards given to vfio-pci: by id, by address where another card is the same, live and from the next boot on; and
//! those that must not be.

use serde_json::{Value, json};

use crate::run;
use crate::vm::ansible::BLACKLISTED;
use crate::vm::guest::Guest;
use crate::vm::journey::{Reason, Subject};
use crate::vm::observe::{self, Files};
use crate::vm::table::{Steps, ensure};

const BIND: &str = "pci.passthrough.vfio_bind";
const VFIO_PCI: &str = "vfio-pci";
/// The driver of the cards that there are several of; it binds in the initramfs.
const DRIVER: &str = BLACKLISTED;
/// How QEMU's cards say what they are.
const NETWORK_CARD: &str = "8086:10d3";
const USB_CONTROLLER: &str = "1b36:000d";
const BEHIND_A_BRIDGE: &str = "8086:100e";
const WITH_VIRTUAL_FUNCTIONS: &str = "8086:10c9";

/// Asks the kernel by VFIO's own calls.
const VIABLE: &str = include_str!("../../../tests/vm/viable.pl");

/// The cards of this guest, by their addresses.
struct Cards {
    /// Identical with the next one, in another group.
    one: String,
    other: String,
    usb: String,
    /// One of two in a group.
    grouped: String,
    sriov: String,
    root_disk: String,
    ssh: String,
}

/// Runs it all on a guest that has IOMMU groups, and leaves it as it was.
pub fn run(subject: &mut Subject<'_>, steps: &mut Steps) -> Option<()> {
    let (mut first, mut cards) = (Files::new(), None);
    steps.step("cards to pass, cards to keep", || {
        first = observe::files(subject.guest)?;
        let found = Cards::find(&subject.ansible.facts(subject.guest)?)?;
        let evidence = format!("{} and {} are the same card, USB is {}", found.one, found.other, found.usb);
        cards = Some(found);
        Ok(evidence)
    })?;
    let cards = cards?;
    steps.step("bind: refusals, nothing changed", || subject.bind_refusals(&cards, &first));
    steps.step("bind live by address, and back", || subject.bind_live(&cards, &first));
    steps.step("bind by id and by address", || subject.bind(&cards, &first))?;
    steps.step("bind: reboot", || subject.reboot_plain())?;
    steps.step("bound by the boot, never on the host's driver", || subject.bound_by_the_boot(&cards))?;
    steps.step("bind: the kernel says viable", || {
        let seen: Result<Vec<String>, String> =
            [&cards.one, &cards.usb].iter().map(|address| viable(subject.guest, address)).collect();
        Ok(seen?.join("; "))
    });
    steps.step("bind: second run, nothing to do", || {
        let reply = subject.bind_done(&cards.wish(), "present", false)?;
        ensure(reply["changed"] == json!(false), || format!("{reply}"))?;
        Ok("changed: false".to_owned())
    });
    steps.step("bind: absent, back to the host's drivers live", || {
        subject.bind_done(&cards.wish(), "absent", true)?;
        expect_driver(subject.guest, &cards.one, DRIVER)?;
        expect_driver(subject.guest, &cards.usb, "xhci_hcd")?;
        observe::differences(&first, &observe::files(subject.guest)?)?;
        Ok(format!("{} on {DRIVER}, {} on xhci_hcd, {} files as at first", cards.one, cards.usb, first.len()))
    })
}

impl Cards {
    fn find(facts: &Value) -> Result<Cards, String> {
        let devices = facts.get("devices").and_then(Value::as_array).ok_or("no devices in the facts")?;
        let text = |device: &Value, key: &str| device[key].as_str().unwrap_or_default().to_owned();
        let with_id = |id: &str, place: usize| {
            let mut found = devices.iter().filter(|device| device["id"] == json!(id));
            found.nth(place).map(|device| text(device, "address")).ok_or(format!("no card {id} [{place}]"))
        };
        let used_for = |purpose: &str| {
            let mut found = devices.iter().filter(|device| device["uses"].to_string().contains(purpose));
            found.next().map(|device| text(device, "address")).ok_or(format!("no device is {purpose}"))
        };
        Ok(Cards {
            one: with_id(NETWORK_CARD, 0)?,
            other: with_id(NETWORK_CARD, 1)?,
            usb: with_id(USB_CONTROLLER, 0)?,
            grouped: with_id(BEHIND_A_BRIDGE, 0)?,
            sriov: with_id(WITH_VIRTUAL_FUNCTIONS, 0)?,
            root_disk: used_for("root_disk")?,
            ssh: used_for("default_route")?,
        })
    }

    /// One of two identical cards by its address, another card by its id.
    fn wish(&self) -> Value {
        json!([{ "address": self.one, "expect_id": NETWORK_CARD }, { "id": USB_CONTROLLER }])
    }
}

impl Subject<'_> {
    fn bind_done(&self, devices: &Value, state: &str, now: bool) -> Result<Value, String> {
        self.done(BIND, &json!({ "devices": devices, "state": state, "now": now }))
    }

    fn bind_refusals(&self, cards: &Cards, first: &Files) -> Result<String, String> {
        let refused = |address: &str, code: &str| {
            let arguments = json!({ "devices": [{ "address": address }], "now": true });
            let driver = driver(self.guest, address)?;
            self.refused(BIND, &arguments, Reason::Problem(code), first)?;
            expect_driver(self.guest, address, &driver)?;
            Ok(format!("{address}: {code}"))
        };
        let mut seen = vec![
            refused(&cards.grouped, "group_incomplete"),
            refused(&cards.root_disk, "root_disk"),
            refused(&cards.ssh, "default_route"),
        ];
        let functions = format!("/sys/bus/pci/devices/{}/sriov_numvfs", cards.sriov);
        self.guest.sh(&format!("modprobe igb; echo 2 > {functions}"))?;
        seen.push(refused(&cards.sriov, "sriov_active"));
        self.guest.sh(&format!("echo 0 > {functions}"))?;
        Ok(seen.into_iter().collect::<Result<Vec<String>, String>>()?.join(", "))
    }

    fn bind_live(&self, cards: &Cards, first: &Files) -> Result<String, String> {
        // Without the initramfs, which is built anew, and looked at, when it is the boot that binds.
        let live = |state: &str| {
            let devices = json!([{ "address": cards.other }]);
            json!({ "devices": devices, "state": state, "now": true, "initramfs": false })
        };
        let last = self.guest.boot_id()?;
        self.done(BIND, &live("present"))?;
        expect_driver(self.guest, &cards.other, VFIO_PCI)?;
        expect_driver(self.guest, &cards.one, DRIVER)?;
        let seen = viable(self.guest, &cards.other)?;
        self.done(BIND, &live("absent"))?;
        expect_driver(self.guest, &cards.other, DRIVER)?;
        observe::differences(first, &observe::files(self.guest)?)?;
        ensure(self.guest.boot_id()? == last, || "the guest has rebooted".to_owned())?;
        Ok(seen)
    }

    fn bind(&self, cards: &Cards, first: &Files) -> Result<String, String> {
        let arguments = json!({ "devices": cards.wish() });
        let announced = self.announced(BIND, &arguments)?;
        ensure(announced["changed"] == json!(true), || format!("check mode: {announced}"))?;
        observe::differences(first, &observe::files(self.guest)?)?;
        let reply = self.done(BIND, &arguments)?;
        for key in ["changed", "reboot_required"] {
            ensure(reply[key] == json!(true), || format!("not {key}: {reply}"))?;
        }
        Ok(format!("reboot_required: {}", reply["reboot_reasons"]))
    }

    fn bound_by_the_boot(&self, cards: &Cards) -> Result<String, String> {
        expect_driver(self.guest, &cards.one, VFIO_PCI)?;
        expect_driver(self.guest, &cards.usb, VFIO_PCI)?;
        expect_driver(self.guest, &cards.other, DRIVER)?;
        let lines = |driver: &str, address: &str| {
            let count = self.guest.sh(&format!("dmesg | grep -c '{driver} {address}' || true"))?;
            count.trim().parse::<usize>().map_err(|error| format!("{count}: {error}"))
        };
        // That the driver does say something shows that its silence means something.
        let (kept, passed) = (lines(DRIVER, &cards.other)?, lines(DRIVER, &cards.one)?);
        let usb = lines("xhci_hcd", &cards.usb)?;
        let evidence = format!(
            "lines in the kernel log: {DRIVER} {} {passed}, xhci_hcd {} {usb}, {DRIVER} {} {kept}",
            cards.one, cards.usb, cards.other
        );
        ensure(kept > 0 && passed == 0 && usb == 0, || evidence.clone())?;
        Ok(evidence)
    }

    /// Reboots by the collection's own action.
    pub fn reboot_plain(&self) -> Result<String, String> {
        let last = self.guest.boot_id()?;
        let start = std::time::Instant::now();
        self.done("pci.passthrough.reboot", &json!({ "reboot_timeout": 900 }))?;
        ensure(self.guest.boot_id()? != last, || "it is the same boot".to_owned())?;
        Ok(format!("back in another boot after {}", run::seconds(start.elapsed())))
    }
}

/// The driver that has a device; empty without one.
fn driver(guest: &Guest, address: &str) -> Result<String, String> {
    let link = format!("readlink /sys/bus/pci/devices/{address}/driver || true");
    Ok(guest.sh(&link)?.trim().rsplit('/').next().unwrap_or_default().to_owned())
}

fn expect_driver(guest: &Guest, address: &str, expected: &str) -> Result<(), String> {
    let found = driver(guest, address)?;
    ensure(found == expected, || format!("{address} is on {found:?}, not {expected:?}"))
}

/// Whether the kernel would give the device to a virtual machine, in its own words.
fn viable(guest: &Guest, address: &str) -> Result<String, String> {
    let group = format!("$(basename $(readlink /sys/bus/pci/devices/{address}/iommu_group))");
    let seen = guest.sh(&format!("perl - {group} {address} <<'END'\n{VIABLE}\nEND\n"))?;
    Ok(seen.trim().to_owned())
}
