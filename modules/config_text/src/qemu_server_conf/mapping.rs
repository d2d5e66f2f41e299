//! `/etc/pve/mapping/pci.cfg`: names for devices that mean the right one on each node of a cluster.
//!
//! A section is a name at the start of a line and the indented lines below it; each `map` line
//! is one device of one node. Source: src/PVE/Mapping/PCI.pm in proxmox/pve-guest-common.

use super::address::HostId;

/// One mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Its name.
    pub name: String,
    /// For each `map` line, the node and the addresses on it.
    pub maps: Vec<(String, Vec<HostId>)>,
}

impl Mapping {
    /// The devices that a node has for it: alternatives, of which the first free one is taken.
    pub fn on_node<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a [HostId]> {
        self.maps.iter().filter(move |(name, _)| name == node).map(|(_, ids)| ids.as_slice())
    }
}

/// Every mapping in the file.
pub fn mappings(text: &str) -> Vec<Mapping> {
    let mut found: Vec<Mapping> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if !line.starts_with(char::is_whitespace) {
            found.push(Mapping { name: line.trim_end().to_string(), maps: Vec::new() });
            continue;
        }
        let (Some(mapping), Some((key, value))) =
            (found.last_mut(), line.trim().split_once(char::is_whitespace))
        else {
            continue;
        };
        if key == "map" {
            mapping.maps.extend(map(value));
        }
    }
    found
}

/// `node=pve,path=0000:01:00.0,id=10de:1b80,…`
fn map(text: &str) -> Option<(String, Vec<HostId>)> {
    let pairs: Vec<(&str, &str)> = text.split(',').filter_map(|part| part.trim().split_once('=')).collect();
    let get = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let ids = get("path")?.split(';').map(HostId::parse).collect::<Option<Vec<_>>>()?;
    Some((get("node")?.to_string(), ids))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_has_its_own_devices() {
        let text = "gpu\n\tdescription the fast one\n\tmap id=10de:1b80,iommugroup=1,node=a,path=0000:01:00\n\t\
                    map id=10de:1b80,node=b,path=0000:41:00.0;0000:41:00.1\n\tmap id=1:2,node=b,path=0000:42:00\n\n\
                    nic\n\tmdev 1\n";
        let found = mappings(text);
        assert_eq!(found.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["gpu", "nic"]);
        assert_eq!(found[0].on_node("a").count(), 1);
        let on_b: Vec<usize> = found[0].on_node("b").map(<[HostId]>::len).collect();
        assert_eq!(on_b, [2, 1]);
        assert_eq!(found[0].on_node("c").count() + found[1].on_node("a").count(), 0);
        assert_eq!(mappings("\tmap node=a,path=x\n").len(), 0);
    }
}
