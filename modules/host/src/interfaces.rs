//! `/etc/network/interfaces` (interfaces(5), ifupdown and ifupdown2): the network cards that it names.

use crate::{HostError, Root};

const FILE: &str = "/etc/network/interfaces";
const DROP_INS: &str = "/etc/network/interfaces.d";

/// A name in the file that no interface has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingCard {
    /// The interface's name: `enp3s0`.
    pub name: String,
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// The physical ports of bridges and bonds that are configured and not there: the kernel names a card
/// after its place, so that a card put in beside it can rename it. Empty where no interface can be
/// seen at all (another tree), and for what is made at run time (VLANs, taps).
pub fn missing_cards(root: &Root) -> Result<Vec<MissingCard>, HostError> {
    if !root.is_dir("/sys/class/net") {
        return Ok(Vec::new());
    }
    let mut files = vec![FILE.to_string()];
    for name in root.list(DROP_INS)? {
        files.push(format!("{DROP_INS}/{}", name.to_string_lossy()));
    }
    let mut missing = Vec::new();
    for file in files {
        let Some(bytes) = root.read_opt(&file)? else { continue };
        let text = String::from_utf8_lossy(&bytes);
        for (number, line) in text.lines().enumerate() {
            for name in ports(line).filter(|name| is_card(name)) {
                let is_there = root.exists(&format!("/sys/class/net/{name}"));
                let told = missing.iter().any(|m: &MissingCard| m.name == name);
                if !is_there && !told {
                    missing.push(MissingCard {
                        name: name.to_string(),
                        file: file.clone(),
                        line: number + 1,
                    });
                }
            }
        }
    }
    Ok(missing)
}

/// The ports in a line such as `bridge-ports enp3s0 enp4s0`.
fn ports(line: &str) -> impl Iterator<Item = &str> {
    let mut words = line.split_whitespace();
    let key = words.next().unwrap_or_default().replace('_', "-");
    let takes = ["bridge-ports", "bond-slaves", "slaves"].contains(&key.as_str());
    words.filter(move |_| takes)
}

/// Whether the name is one that udev or the kernel gives a card: `enp3s0`, `eno1`, `eth0`, `wlp2s0`.
fn is_card(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric());
    let known = ["enp", "eno", "ens", "enx", "enP", "eth", "wlp", "wlan"];
    plain && known.iter().any(|k| name.starts_with(k)) && name.bytes().any(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn ports_that_are_not_there() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["sys/class/net/enp3s0", "etc/network/interfaces.d"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let text = "auto lo\niface lo inet loopback\n\niface enp9s0 inet manual\n\nauto vmbr0\niface vmbr0 inet static\n\
                    \taddress 192.0.2.2/24\n\tbridge-ports enp3s0 enp4s0 tap100i0 enp4s0.5\n\tbridge_ports none\n\
                    #\tbridge-ports enp8s0\n\tbond-slaves enp4s0 eno1\n";
        fs::write(dir.path().join("etc/network/interfaces"), text).unwrap();
        fs::write(dir.path().join("etc/network/interfaces.d/more"), "bridge_ports eth1 regex eth.*\n")
            .unwrap();
        let root = Root::open(dir.path()).unwrap();
        let found = missing_cards(&root).unwrap();
        let shown: Vec<_> = found.iter().map(|m| (m.name.as_str(), m.line)).collect();
        assert_eq!(shown, [("enp4s0", 9), ("eno1", 12), ("eth1", 1)]);
        fs::remove_dir_all(dir.path().join("sys")).unwrap();
        assert_eq!(missing_cards(&root).unwrap(), []);
    }
}
