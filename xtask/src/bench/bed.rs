//! What every measurement needs: one Ansible, the collections, a folder.

use std::path::{Path, PathBuf};

use crate::ansible_env::{self, Env};
use crate::bench::sshd;
use crate::{collection, community, dist, paths, run};

/// The test bed.
pub struct Bed {
    pub env: Env,
    pub dir: PathBuf,
    /// The installed collection, community.general, and `pci.copied`: the same modules without the action plugin.
    collections: String,
}

/// A playbook that ran to its end.
pub struct Played {
    text: String,
}

impl Bed {
    /// A task that tells the time.
    pub const STAMP: &str = "    - ansible.builtin.debug:\n        msg: \"stamp={{ now(fmt='%s.%f') }}=\"\n      run_once: true\n";

    /// Builds and installs everything.
    pub fn make(version: &str) -> Result<Bed, String> {
        let builder = ansible_env::get("2.19")?;
        dist::make(&builder)?;
        let env = ansible_env::get(version)?;
        let dir = paths::target().join("bench");
        paths::remove(&dir)?;
        paths::make_dir(&dir)?;
        sshd::make_key()?;
        let copied = dir.join("collections");
        let to = copied.join("ansible_collections/pci/copied");
        paths::copy_tree(&collection::installed_dir().join("ansible_collections/pci/passthrough"), &to)?;
        paths::write(&to.join("meta/runtime.yml"), b"---\nrequires_ansible: \">=2.16.0\"\n")?;
        let places = [collection::installed_dir(), community::general()?, copied];
        let collections = places.map(|path| path.display().to_string()).join(":");
        Ok(Bed { env, dir, collections })
    }

    /// Runs a playbook over SSH; `hosts` are the inventory's lines for them.
    pub fn play(&self, name: &str, hosts: &str, playbook: &str, options: &[&str]) -> Result<Played, String> {
        let (inventory, book) = (self.dir.join(format!("{name}.ini")), self.dir.join(format!("{name}.yml")));
        paths::write(&inventory, format!("{hosts}{}", sshd::variables(&self.env.python())).as_bytes())?;
        paths::write(&book, playbook.as_bytes())?;
        let mut ansible = self.command(&inventory, &book);
        let done =
            run::logged(&format!("bench-{name}"), &format!("measuring ({name})"), ansible.args(options))?;
        Ok(Played { text: done.stdout })
    }

    /// `ansible-playbook` as every measurement starts it.
    pub fn command(&self, inventory: &Path, book: &Path) -> std::process::Command {
        let mut ansible = self.env.command("ansible-playbook");
        ansible.arg("--inventory").arg(inventory).arg(book);
        ansible
            .env("ANSIBLE_COLLECTIONS_PATH", &self.collections)
            .env("ANSIBLE_REMOTE_TEMP", "~/.ansible/tmp");
        ansible.env_remove("ANSIBLE_CALLBACK_RESULT_FORMAT");
        ansible
    }
}

impl Played {
    /// How many tasks reported a result, and how many were skipped, in each part between two stamps.
    pub fn tasks(&self) -> Vec<(usize, usize)> {
        let starts = |part: &str, words: &[&str]| {
            part.lines().filter(|line| words.iter().any(|word| line.starts_with(word))).count()
        };
        let parts = self.text.split("stamp=").skip(1);
        // The stamp itself reports one.
        let count = |part: &str| {
            (starts(part, &["ok: ", "changed: "]).saturating_sub(1), starts(part, &["skipping: "]))
        };
        parts.map(count).collect()
    }

    /// The times at the stamps, seconds.
    pub fn stamps(&self, expected: usize) -> Result<Vec<f64>, String> {
        let stamps =
            self.text.split("stamp=").skip(1).filter_map(|rest| rest.split('=').next()?.parse().ok());
        let stamps: Vec<f64> = stamps.collect();
        if stamps.len() == expected {
            Ok(stamps)
        } else {
            Err(format!("{} time stamps instead of {expected}:\n{}", stamps.len(), run::tail(&self.text, 12)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_counted_between_stamps() {
        let text = "ok: [a] => {\n stamp=1.5=\n}\nok: [a]\nskipping: [a]\nchanged: [a]\nok: [a] => {\n stamp=2.0=\n}\n";
        let played = Played { text: text.to_owned() };
        assert_eq!(played.stamps(2).unwrap(), [1.5, 2.0]);
        assert_eq!(played.tasks()[0], (2, 1));
        assert!(played.stamps(3).is_err());
    }
}
