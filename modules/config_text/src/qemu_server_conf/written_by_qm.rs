//! What `qm set` makes of a file: Proxmox VE writes it anew, with sorted keys and sections.
//!
//! As `update_vm_api` in src/PVE/API2/Qemu.pm, `vmconfig_hotplug_pending`, `vmconfig_apply_pending` and
//! `write_vm_config` in src/PVE/QemuServer.pm of proxmox/qemu-server have it. Not foreseen is what
//! depends on more than the file: values of other keys that Proxmox VE spells anew (`yes` becomes
//! `1`, a path of a disk its volume), unknown keys, which it drops, and disks that a stopped
//! machine's `[PENDING]` takes away. In a file that it wrote itself there is none of these.

use std::collections::BTreeMap;

use super::conf::{Conf, Content, Section, is_space};
use super::hostpci::Hostpci;

/// One change that is asked of `qm set`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `--KEY VALUE`
    Set(String, String),
    /// `--delete KEY`
    Delete(String),
}

type Keys = BTreeMap<Vec<u8>, Vec<u8>>;

/// A section as Proxmox VE holds it.
#[derive(Debug, Default)]
struct Part {
    description: Option<Vec<u8>>,
    keys: Keys,
}

#[derive(Debug, Default)]
struct Parts {
    main: Part,
    pending: Part,
    special: BTreeMap<String, Part>,
    snapshots: BTreeMap<String, Part>,
}

/// The file as Proxmox VE writes it when nothing changes.
pub fn canonical(bytes: &[u8]) -> Vec<u8> {
    write(&Parts::read(bytes))
}

/// The file after `qm set` with these changes, of which a running machine takes `hostpciN` up at its
/// next start only.
pub fn after_qm_set(bytes: &[u8], changes: &[Change], running: bool) -> Vec<u8> {
    let mut parts = Parts::read(bytes);
    for change in changes.iter().filter(|change| matches!(change, Change::Delete(_))) {
        parts.ask(change);
    }
    for change in changes.iter().filter(|change| matches!(change, Change::Set(..))) {
        parts.ask(change);
    }
    parts.clean_up();
    match running {
        true => parts.take(b"onboot"),
        false => parts.carry_out(),
    }
    write(&parts)
}

impl Parts {
    fn read(bytes: &[u8]) -> Parts {
        let mut parts = Parts::default();
        for line in Conf::parse(bytes).lines {
            let part = match &line.section {
                Section::Main => &mut parts.main,
                Section::Pending => &mut parts.pending,
                Section::Special(name) => parts.special.entry(name.clone()).or_default(),
                Section::Snapshot(name) => parts.snapshots.entry(name.clone()).or_default(),
                Section::Unknown => continue,
            };
            match (&line.content, line.pair()) {
                (Content::Description(range), _) => {
                    let text = part.description.get_or_insert_default();
                    text.extend(unescape(line.text(range)));
                    text.push(b'\n');
                }
                (_, Some((b"description", value))) => {
                    part.description.get_or_insert_default().extend(unescape(value));
                }
                (_, Some((key, value))) if !is_dropped(key, value) => {
                    let key = if key == b"cdrom" { b"ide2" } else { key };
                    let belongs = match key {
                        b"snapstate" => matches!(line.section, Section::Snapshot(_)),
                        b"delete" => line.section == Section::Pending,
                        _ => true,
                    };
                    if belongs {
                        part.keys.insert(key.to_vec(), value.to_vec());
                    }
                }
                _ => {}
            }
        }
        parts
    }

    /// Notes a change in `[PENDING]`, where Proxmox VE puts each first.
    fn ask(&mut self, change: &Change) {
        match change {
            Change::Set(key, value) => {
                self.pending.keys.insert(key.clone().into_bytes(), value.clone().into_bytes());
                let mut deletes = self.deletes();
                deletes.remove(key.as_bytes());
                self.set_deletes(&deletes);
            }
            Change::Delete(key) => {
                let key = key.as_bytes().to_vec();
                if !self.main.keys.contains_key(&key) && !self.pending.keys.contains_key(&key) {
                    return;
                }
                self.pending.keys.remove(&key);
                self.leave_boot_order(&key);
                let mut deletes = self.deletes();
                deletes.insert(key, false);
                self.set_deletes(&deletes);
            }
        }
    }

    /// A device that goes leaves `boot: order=` too.
    fn leave_boot_order(&mut self, key: &[u8]) {
        let Some(boot) = self.main.keys.get(b"boot".as_slice()) else { return };
        let order = boot.split(|b| *b == b',').find_map(|part| part.strip_prefix(b"order="));
        let devices: Vec<&[u8]> = order.map(|o| o.split(|b| *b == b';').collect()).unwrap_or_default();
        if !devices.contains(&key) {
            return;
        }
        let left: Vec<&[u8]> = devices.into_iter().filter(|device| *device != key).collect();
        let order = match left.is_empty() {
            true => Vec::new(),
            false => [b"order=".as_slice(), &left.join(&b';')].concat(),
        };
        self.pending.keys.insert(b"boot".to_vec(), order);
    }

    /// Drops what is pending and changes nothing.
    fn clean_up(&mut self) {
        let main = &self.main.keys;
        self.pending.keys.retain(|key, value| main.get(key) != Some(value));
        let deletes =
            self.deletes().into_iter().filter(|(key, _)| self.main.keys.contains_key(key)).collect();
        self.set_deletes(&deletes);
    }

    /// Takes one pending key into the main section.
    fn take(&mut self, key: &[u8]) {
        if let Some(value) = self.pending.keys.remove(key) {
            self.main.keys.insert(key.to_vec(), value);
        }
    }

    /// All that is pending takes effect in a machine that does not run.
    fn carry_out(&mut self) {
        for key in self.deletes().into_keys() {
            self.main.keys.remove(&key);
        }
        self.pending.keys.remove(b"delete".as_slice());
        self.main.keys.append(&mut self.pending.keys);
        if let Some(description) = self.pending.description.take() {
            self.main.description = Some(description);
        }
    }

    /// The keys to go, and whether by force.
    fn deletes(&self) -> BTreeMap<Vec<u8>, bool> {
        let list = self.pending.keys.get(b"delete".as_slice()).map(Vec::as_slice).unwrap_or_default();
        let names = list.split(|b| matches!(b, b',' | b';') || is_space(*b)).filter(|name| !name.is_empty());
        names
            .map(|name| match name.strip_prefix(b"!") {
                Some(name) => (name.to_vec(), true),
                None => (name.to_vec(), false),
            })
            .collect()
    }

    fn set_deletes(&mut self, deletes: &BTreeMap<Vec<u8>, bool>) {
        let names: Vec<Vec<u8>> = deletes
            .iter()
            .map(|(name, force)| [if *force { b"!".as_slice() } else { b"" }, name].concat())
            .collect();
        match names.is_empty() {
            true => self.pending.keys.remove(b"delete".as_slice()),
            false => self.pending.keys.insert(b"delete".to_vec(), names.join(&b',')),
        };
    }
}

/// Whether Proxmox VE reads the file as if this line were not there.
fn is_dropped(key: &[u8], value: &[u8]) -> bool {
    let index = key.strip_prefix(b"hostpci").and_then(|index| std::str::from_utf8(index).ok());
    let Some(index) = index.and_then(|index| index.parse::<u32>().ok()) else { return false };
    index > 15 || Hostpci::parse(&String::from_utf8_lossy(value)).syntax_fault().is_some()
}

fn write(parts: &Parts) -> Vec<u8> {
    let mut out = section(&parts.main, false);
    if !parts.pending.keys.is_empty() || parts.pending.description.is_some() {
        out.extend(b"\n[PENDING]\n");
        out.extend(section(&parts.pending, true));
    }
    let has_cloudinit = parts.main.keys.values().any(|value| {
        let volume = value.split(|b| *b == b',').next().unwrap_or_default();
        volume.windows(9).any(|word| word == b"cloudinit")
    });
    for (name, part) in &parts.special {
        if name != "cloudinit" || has_cloudinit {
            out.extend(format!("\n[special:{name}]\n").into_bytes());
            out.extend(section(part, false));
        }
    }
    for (name, part) in &parts.snapshots {
        out.extend(format!("\n[{name}]\n").into_bytes());
        out.extend(section(part, false));
    }
    out
}

fn section(part: &Part, pending: bool) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(text) = &part.description {
        let end = text.iter().rposition(|b| !is_space(*b)).map_or(0, |last| last + 1);
        let text = text.get(..end).unwrap_or_default();
        match text.is_empty() {
            true if pending => out.extend(b"#\n"),
            true => {}
            false => {
                for line in text.split(|b| *b == b'\n') {
                    out.push(b'#');
                    out.extend(escape(line));
                    out.push(b'\n');
                }
            }
        }
    }
    for (key, value) in &part.keys {
        out.extend([key.as_slice(), b": ", value, b"\n"].concat());
    }
    out
}

/// `decode_text`: percent escapes, then UTF-8.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let digits = text.get(at + 1..at + 3).and_then(|d| std::str::from_utf8(d).ok());
        let code = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        match (byte, code.and_then(|d| u8::from_str_radix(d, 16).ok())) {
            (b'%', Some(code)) => {
                out.push(code);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned().into_bytes()
}

/// `encode_text`: what is not printable ASCII, and the colon.
fn escape(text: &[u8]) -> Vec<u8> {
    let plain = |b: &u8| matches!(b, 0x20..=0x39 | 0x3b..=0x7e);
    text.iter().flat_map(|b| if plain(b) { vec![*b] } else { format!("%{b:02X}").into_bytes() }).collect()
}
