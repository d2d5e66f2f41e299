//! The facts of this machine, and the role on it in check mode.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::demo::{Demo, print_indented, recap};
use crate::paths;

/// The files that the role would change on a real run, and the directories of such files.
const WATCHED: [&str; 7] = [
    "/etc/default/grub",
    "/etc/default/grub.d",
    "/etc/modules",
    "/etc/modules-load.d",
    "/etc/modprobe.d",
    "/boot",
    "/boot/grub",
];

const PLAYBOOK: &str = "\
- name: This machine, read only
  hosts: localhost
  connection: local
  gather_facts: false
  roles:
    - role: pci.passthrough.vfio_host
";

impl Demo {
    /// What the module says about this very machine.
    pub fn facts(&mut self) -> Result<(), String> {
        println!("\n== 3. The facts of this machine");
        let mut ansible = self.command("ansible");
        ansible.args(["-m", "pci.passthrough.iommu_facts", "localhost"]);
        let done = self.show("facts", ansible)?;
        let json =
            done.stdout.split_once("=> ").and_then(|(_, json)| serde_json::from_str::<Value>(json).ok());
        let Some(facts) = json.as_ref().and_then(|reply| reply.pointer("/ansible_facts/pci_passthrough"))
        else {
            print_indented(&done.text);
            self.check(false, "iommu_facts gives the facts of this machine");
            return Ok(());
        };
        let text = serde_json::to_string_pretty(facts).map_err(|error| error.to_string())?;
        paths::write(&self.dir.join("facts.json"), text.as_bytes())?;
        for (label, pointer) in [
            ("processor", "/cpu/vendor"),
            ("boot loader", "/bootloader/kind"),
            ("kernel", "/kernel/release"),
            ("IOMMU active", "/iommu/active"),
        ] {
            println!("   {label:<14} {}", plain(facts.pointer(pointer)));
        }
        for (label, key) in [("IOMMU groups", "groups"), ("PCI functions", "devices")] {
            let count = facts.get(key).and_then(Value::as_array).map(Vec::len);
            println!("   {label:<14} {}", count.map_or("unknown".to_owned(), |count| count.to_string()));
        }
        println!("   {:<14} {}", "verdict", plain(facts.pointer("/verdict/state")));
        for reason in facts.pointer("/verdict/reasons").and_then(Value::as_array).into_iter().flatten() {
            println!("   {:<14} {}: {}", "", plain(reason.get("code")), plain(reason.get("message")));
        }
        self.check(done.status.success(), "iommu_facts gives the facts of this machine");
        Ok(())
    }

    /// The role on this very machine, in check mode.
    pub fn read_only_role(&mut self) -> Result<(), String> {
        println!("\n== 4. The role on this machine, read only: --check --diff");
        let playbook = self.dir.join("this-machine.yml");
        paths::write(&playbook, PLAYBOOK.as_bytes())?;
        let before = watched();
        let mut ansible = self.command("ansible-playbook");
        ansible.args(["--check", "--diff"]).arg(&playbook);
        let done = self.show("this-machine", ansible)?;
        print_indented(&done.text);
        if done.text.contains("\"bootloader\": \"none\"") {
            println!(
                "   This machine has no boot loader (a container, or a kernel started from outside): no kernel parameters to set."
            );
        }
        let ended_well =
            done.status.success() && recap(&done.text, "localhost").is_some_and(|(_, failed)| failed == 0);
        self.check(ended_well, "the role runs to its end in check mode");
        self.check(
            watched() == before,
            &format!("size and time of change are the same in {}", WATCHED.join(", ")),
        );
        Ok(())
    }
}

/// Strings bare, the rest as JSON; what only root may see is null.
fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "unknown (null)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Size and time of change of the watched files and of what lies in the watched directories.
fn watched() -> BTreeMap<PathBuf, (u64, Option<SystemTime>)> {
    let mut seen = BTreeMap::new();
    let mut look = |path: &Path| {
        if let Ok(meta) = std::fs::symlink_metadata(path) {
            seen.insert(path.to_owned(), (meta.len(), meta.modified().ok()));
        }
    };
    for path in WATCHED.map(Path::new) {
        look(path);
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            look(&entry.path());
        }
    }
    seen
}
