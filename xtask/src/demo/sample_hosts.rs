//! The role for real on copies of the bundled sample hosts: present, present again, absent.

use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::demo::{Demo, print_indented, recap};
use crate::paths;

/// The hosts under tests/fixtures/hosts, and what the role is asked to do there beyond its defaults.
const HOSTS: [(&str, &str); 2] = [
    ("pve-intel-two-gpus", "vfio_host_blacklist_drivers: [nouveau]"),
    ("debian-amd", "vfio_host_passthrough_mode: true"),
];

/// The folder in the results that holds the hosts' trees.
const TREES: &str = "hosts";

/// The time of change of every file of the copies, seconds since 1970: 2026-01-01.
const COPIED_AT: u64 = 1_767_225_600;

const PLAYBOOK: &str = "\
- name: Two sample hosts, for real
  hosts: all
  gather_facts: false
  roles:
    - role: pci.passthrough.vfio_host
";

impl Demo {
    /// Runs the role three times and holds the trees against their first bytes.
    pub fn sample_hosts(&mut self) -> Result<(), String> {
        println!(
            "\n== 5. The role for real on two sample hosts, copied to {}",
            paths::shown(&self.dir.join(TREES))
        );
        println!(
            "   They are trees of files without programs: update and initramfs are off, so boot entries and"
        );
        println!("   initramfs are reported as due instead of made.");
        let (playbook, inventory) = (self.dir.join("sample-hosts.yml"), self.dir.join("inventory.yml"));
        paths::write(&playbook, PLAYBOOK.as_bytes())?;
        let mut hosts = String::from("all:\n  vars:\n    ansible_connection: local\n");
        hosts.push_str("    vfio_host_update: false\n    vfio_host_initramfs: false\n  hosts:\n");
        for (name, wish) in HOSTS {
            let tree = self.dir.join(TREES).join(name);
            paths::copy_tree(&fixture(name), &tree)?;
            set_times(&tree)?;
            hosts.push_str(&format!("    {name}:\n      vfio_host_root: {}\n      {wish}\n", tree.display()));
        }
        paths::write(&inventory, hosts.as_bytes())?;

        println!("\n   First run: what the hosts lack is added");
        let first = self.play("first-run", &playbook, &inventory, &[])?;
        print_indented(&first);
        self.every_host(&first, "the first run changes", |changed| changed > 0);
        self.check(first.contains("\n+"), "the first run shows its diff");

        println!("\n   Second run: nothing is left to do");
        let second = self.play("second-run", &playbook, &inventory, &[])?;
        print_recap(&second);
        self.every_host(&second, "the second run leaves alone", |changed| changed == 0);

        println!("\n   absent: all of it is taken out again");
        let absent =
            self.play("absent", &playbook, &inventory, &["--extra-vars", "vfio_host_state=absent"])?;
        print_recap(&absent);
        self.every_host(&absent, "absent changes", |changed| changed > 0);
        for (name, _) in HOSTS {
            let differences = differences(&fixture(name), &self.dir.join(TREES).join(name))?;
            print_indented(&differences.join("\n"));
            self.check(differences.is_empty(), &format!("{name}: every file has its first bytes again"));
        }
        Ok(())
    }

    fn play(&self, name: &str, playbook: &Path, inventory: &Path, more: &[&str]) -> Result<String, String> {
        let mut ansible = self.command("ansible-playbook");
        ansible.arg("--inventory").arg(inventory).arg("--diff").args(more).arg(playbook);
        Ok(self.show(name, ansible)?.text)
    }

    fn every_host(&mut self, output: &str, what: &str, right: impl Fn(u32) -> bool) {
        for (name, _) in HOSTS {
            let recap = recap(output, name);
            let holds = recap.is_some_and(|(changed, failed)| failed == 0 && right(changed));
            self.check(
                holds,
                &format!("{what} {name} (changed={})", recap.map_or(0, |(changed, _)| changed)),
            );
        }
    }
}

/// Ansible's closing table alone, or all of it where it did not come so far.
fn print_recap(output: &str) {
    let recap = output.find("PLAY RECAP").and_then(|at| output.get(at..));
    print_indented(recap.unwrap_or(output));
}

/// Gives every file and directory of a tree the same time of change: what is generated is due where it is older than
/// what it is made from, and the order of copying is no reason.
fn set_times(dir: &Path) -> Result<(), String> {
    for name in paths::list(dir)? {
        let path = dir.join(name);
        let kind =
            std::fs::symlink_metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if kind.is_dir() {
            set_times(&path)?;
        } else if kind.is_file() {
            set_time(&path)?;
        }
    }
    set_time(dir)
}

fn set_time(path: &Path) -> Result<(), String> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(COPIED_AT);
    std::fs::File::open(path)
        .and_then(|file| file.set_modified(time))
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn fixture(name: &str) -> std::path::PathBuf {
    paths::workspace().join("tests/fixtures/hosts").join(name)
}

/// What differs between two trees: files' bytes, modes, links, and what is in one alone. The collection's own
/// lock under /run and its stamps under /var/lib/pci-passthrough are no configuration.
fn differences(first: &Path, now: &Path) -> Result<Vec<String>, String> {
    let mut differences = Vec::new();
    compare(first, now, "", &mut differences)?;
    Ok(differences)
}

fn compare(first: &Path, now: &Path, at: &str, differences: &mut Vec<String>) -> Result<(), String> {
    if ["/run", "/var/lib/pci-passthrough"].contains(&at) {
        return Ok(());
    }
    let (old, new) = (std::fs::symlink_metadata(first), std::fs::symlink_metadata(now));
    let (old, new) = match (old, new) {
        (Ok(old), Ok(new)) => (old, new),
        (Ok(_), Err(_)) => {
            differences.push(format!("{at}: is gone"));
            return Ok(());
        }
        (Err(_), Ok(_)) => {
            if !holds_only_own(now, at) {
                differences.push(format!("{at}: is new"));
            }
            return Ok(());
        }
        (Err(_), Err(error)) => return Err(format!("{}: {error}", now.display())),
    };
    if old.file_type() != new.file_type() || old.permissions() != new.permissions() {
        differences.push(format!("{at}: another type or mode"));
    } else if old.is_dir() {
        let mut names = paths::list(first)?;
        names.extend(paths::list(now)?);
        names.sort();
        names.dedup();
        for name in names {
            compare(&first.join(&name), &now.join(&name), &format!("{at}/{name}"), differences)?;
        }
    } else if old.is_symlink() {
        if std::fs::read_link(first).ok() != std::fs::read_link(now).ok() {
            differences.push(format!("{at}: points elsewhere"));
        }
    } else if paths::read(first)? != paths::read(now)? {
        differences.push(format!("{at}: other bytes"));
    }
    Ok(())
}

/// Whether a directory that the sample host lacks is there only for the collection's own stamps.
fn holds_only_own(now: &Path, at: &str) -> bool {
    let own = "/var/lib/pci-passthrough";
    let on_the_way = own.starts_with(&format!("{at}/"));
    on_the_way
        && paths::list(now)
            .is_ok_and(|names| names.iter().all(|name| own.starts_with(&format!("{at}/{name}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_gets_the_same_time() {
        let dir = tempfile::tempdir().unwrap();
        paths::write(&dir.path().join("etc/default/grub"), b"").unwrap();
        set_times(dir.path()).unwrap();
        for path in ["", "etc", "etc/default/grub"] {
            let time = std::fs::metadata(dir.path().join(path)).unwrap().modified().unwrap();
            assert_eq!(time, SystemTime::UNIX_EPOCH + Duration::from_secs(COPIED_AT), "{path}");
        }
    }

    #[test]
    fn every_difference_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        for (path, bytes) in [("etc/same", "a"), ("etc/other", "a"), ("etc/gone", "a")] {
            paths::write(&old.join(path), bytes.as_bytes()).unwrap();
        }
        paths::copy_tree(&old, &new).unwrap();
        assert_eq!(differences(&old, &new).unwrap(), Vec::<String>::new());
        paths::write(&new.join("etc/other"), b"b").unwrap();
        paths::write(&new.join("etc/added"), b"a").unwrap();
        paths::write(&new.join("run/pci-passthrough.lock"), b"").unwrap();
        paths::write(&new.join("var/lib/pci-passthrough/stamp"), b"").unwrap();
        paths::remove(&new.join("etc/gone")).unwrap();
        assert_eq!(
            differences(&old, &new).unwrap(),
            ["/etc/added: is new", "/etc/gone: is gone", "/etc/other: other bytes"]
        );
    }
}
