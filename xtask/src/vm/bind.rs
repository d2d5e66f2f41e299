//! Cards given to vfio-pci: by id, by address where another card is the same, live and from the next boot on; and
//! those that must not be.

use serde_json::{Value, json};

use crate::run;
use crate::vm::ansible::{BLACKLISTED, Options, Play};
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
/// Where Proxmox VE has its machines, and one of them.
const MACHINES: &str = "/etc/pve/qemu-server";
const MACHINE: &str = "boot: order=scsi0\\nmemory: 4096\\n";

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
        subject
            .guest
            .sh(&format!("update-grub; mkdir -p {MACHINES}; printf '{MACHINE}' >{MACHINES}/100.conf"))?;
        first = observe::files(subject.guest)?;
        let found = Cards::find(&subject.ansible.facts(subject.guest)?)?;
        let evidence = format!("{} and {} are the same card, USB is {}", found.one, found.other, found.usb);
        cards = Some(found);
        Ok(evidence)
    })?;
    let cards = cards?;
    steps.step("bind: refusals, nothing changed", || subject.bind_refusals(&cards, &first));
    steps.step("bind live by address, and back", || subject.bind_live(&cards, &first));
    steps.step("role: bind by id and by address, --check --diff", || subject.bind_check_mode(&cards, &first));
    steps.step("role: bind, reboot, proof, VM", || subject.bind(&cards))?;
    steps.step("bound by the boot, never on the host's driver", || subject.bound_by_the_boot(&cards))?;
    steps.step("bind: the kernel says viable", || {
        let seen: Result<Vec<String>, String> =
            [&cards.one, &cards.usb].iter().map(|address| viable(subject.guest, address)).collect();
        Ok(seen?.join("; "))
    });
    steps.step("role: second run, nothing to do", || {
        let last = subject.guest.boot_id()?;
        let play = subject.bind_role(&cards, Options { reboot: true, ..Options::default() })?;
        ensure(play.changed == 0, || play.text.clone())?;
        ensure(subject.guest.boot_id()? == last, || "it rebooted".to_owned())?;
        Ok(format!("changed=0, the same boot, {}", run::seconds(play.took)))
    });
    steps.step("role: absent, back to the host's drivers live", || {
        let play = subject.bind_role(&cards, Options { absent: true, ..Options::default() })?;
        expect_driver(subject.guest, &cards.one, DRIVER)?;
        expect_driver(subject.guest, &cards.usb, "xhci_hcd")?;
        observe::differences(&first, &observe::files(subject.guest)?)?;
        let (one, usb, files) = (&cards.one, &cards.usb, first.len());
        Ok(format!(
            "changed={}, {one} on {DRIVER}, {usb} on xhci_hcd, {files} files as at first",
            play.changed
        ))
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

    /// The role with the two cards and a virtual machine that gets one.
    fn bind_role(&mut self, cards: &Cards, options: Options<'_>) -> Result<Play, String> {
        let variables = json!({
            "vfio_host_devices": cards.wish(),
            "vfio_host_now": options.absent,
            "vfio_host_vms": [{ "vmid": 100, "host": [cards.one] }],
        });
        self.ansible.role(self.guest, Options { variables: Some(&variables), ..options })?.succeeded()
    }

    fn bind_check_mode(&mut self, cards: &Cards, first: &Files) -> Result<String, String> {
        let play = self.bind_role(cards, Options { check: true, reboot: true, ..Options::default() })?;
        observe::differences(first, &observe::files(self.guest)?)?;
        for part in [cards.one.as_str(), &format!("ids={USB_CONTROLLER}"), "hostpci0:"] {
            let shown = play.text.lines().any(|line| line.starts_with('+') && line.contains(part));
            ensure(shown, || format!("no added line with {part} in the diff:\n{}", play.text))?;
        }
        Ok(format!("{} tasks would change; no file touched", play.changed))
    }

    fn bind(&mut self, cards: &Cards) -> Result<String, String> {
        let last = self.guest.boot_id()?;
        let play = self.bind_role(cards, Options { reboot: true, ..Options::default() })?;
        let rebooted = play.reported("rebooted") && self.guest.boot_id()? != last;
        ensure(rebooted && play.verdict() == "ready", || play.text.clone())?;
        let devices = play.report["devices"].as_array().cloned().unwrap_or_default();
        let viable = |device: &Value| device["viable"] == json!(true) && device["driver"] == json!(VFIO_PCI);
        ensure(devices.len() == 2 && devices.iter().all(viable), || format!("{devices:?}"))?;
        let machine = self.guest.sh(&format!("grep '^hostpci0: {}' {MACHINES}/100.conf", cards.one))?;
        Ok(format!("changed={}, both proven viable; {}", play.changed, machine.trim()))
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
