//! A virtual machine: its configuration and its entries.

use config_text::qemu_server_conf::{Conf, Device, Hostpci};

use crate::wish::INDEXES;

/// One `hostpciN` as it counts at the machine's next start.
#[derive(Debug, Clone)]
pub struct Entry {
    pub index: u8,
    pub text: String,
    pub value: Hostpci,
}

impl Entry {
    fn new(index: u8, text: String) -> Entry {
        Entry { index, value: Hostpci::parse(&text), text }
    }

    /// `hostpci0`.
    pub fn key(&self) -> String {
        key(self.index)
    }

    /// Whether only a part of the device, made by the host's driver, goes to the machine.
    pub fn is_mediated(&self) -> bool {
        self.value.get("mdev").is_some()
    }

    /// The device, where Proxmox VE takes the entry.
    pub fn device(&self) -> Option<Device> {
        self.value.device()
    }
}

/// The key of an entry.
pub fn key(index: u8) -> String {
    format!("hostpci{index}")
}

/// The entries, by index, with what is pending carried out.
pub fn entries(conf: &Conf) -> Vec<Entry> {
    let entry = |index| Some(Entry::new(index, conf.at_next_start(&key(index))?));
    INDEXES.filter_map(entry).collect()
}

/// Another machine of the same node.
#[derive(Debug)]
pub struct Other {
    pub vmid: u32,
    pub running: bool,
    conf: Conf,
}

impl Other {
    pub fn new(vmid: u32, running: bool, bytes: &[u8]) -> Other {
        Other { vmid, running, conf: Conf::parse(bytes) }
    }

    /// The entries it has or is to have: a running machine holds what it started with.
    pub fn entries(&self) -> Vec<Entry> {
        let mut all = entries(&self.conf);
        if self.running {
            let held = |index| Some(Entry::new(index, self.conf.get(&key(index))?));
            all.extend(INDEXES.filter_map(held));
        }
        all
    }
}
