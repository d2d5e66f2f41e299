//! The tasks that are compared: each changes nothing on a host that is as it should be.

use std::path::Path;

/// A task and how it reaches the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Nothing on the target: what the controller takes for any task.
    Nothing,
    /// The least that can be run there.
    Raw,
    /// A module of the collection, from the cache on the target.
    Cached,
    /// The same binary, copied for the task as ansible-core does it.
    Ordinary,
    /// A Python module, over standard input or copied.
    Python(Peer, Pipelining),
}

/// A Python module that does such work in existing roles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    LineInFile,
    KernelBlacklist,
    Modprobe,
}

/// Whether `ansible_pipelining` is on; it is off unless a user turns it on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pipelining {
    On,
    Off,
}

impl Way {
    /// All that can be measured on this machine.
    pub fn all() -> Vec<Way> {
        let mut ways = vec![Way::Nothing, Way::Raw, Way::Cached, Way::Ordinary];
        for peer in [Peer::LineInFile, Peer::KernelBlacklist, Peer::Modprobe] {
            if peer != Peer::Modprobe || modprobe_runs() {
                ways.extend(
                    [Pipelining::On, Pipelining::Off].map(|pipelining| Way::Python(peer, pipelining)),
                );
            }
        }
        ways
    }

    /// As the tables name it.
    pub fn name(self) -> String {
        match self {
            Way::Nothing => "debug (nothing on the target)".to_owned(),
            Way::Raw => "raw: /bin/true".to_owned(),
            Way::Cached => "driver_blacklist".to_owned(),
            Way::Ordinary => "driver_blacklist, copied".to_owned(),
            Way::Python(peer, Pipelining::On) => format!("{}, pipelined", peer.name()),
            Way::Python(peer, Pipelining::Off) => peer.name().to_owned(),
        }
    }

    /// The task in a playbook, for the host whose files lie in `root`, a path or a template for it.
    pub fn task(self, root: &str) -> String {
        match self {
            Way::Nothing => "    - ansible.builtin.debug:\n        msg: nothing\n".to_owned(),
            Way::Raw => "    - ansible.builtin.raw: /bin/true\n      changed_when: false\n".to_owned(),
            Way::Cached | Way::Ordinary => format!(
                "    - pci.{}.driver_blacklist:\n        root: \"{root}\"\n        drivers: [nouveau]\n        \
                 initramfs: false\n",
                if self == Way::Cached { "passthrough" } else { "copied" }
            ),
            Way::Python(peer, pipelining) => format!(
                "    - {}:\n{}      vars:\n        ansible_pipelining: {}\n",
                peer.module(),
                peer.arguments(root),
                pipelining == Pipelining::On
            ),
        }
    }
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Peer::LineInFile => "lineinfile",
            Peer::KernelBlacklist => "kernel_blacklist",
            Peer::Modprobe => "modprobe",
        }
    }

    fn module(self) -> &'static str {
        match self {
            Peer::LineInFile => "ansible.builtin.lineinfile",
            Peer::KernelBlacklist => "community.general.kernel_blacklist",
            Peer::Modprobe => "community.general.modprobe",
        }
    }

    fn arguments(self, root: &str) -> String {
        match self {
            Peer::LineInFile => format!(
                "        path: \"{root}/etc/modprobe.d/blacklist.conf\"\n        line: blacklist nouveau\n"
            ),
            Peer::KernelBlacklist => format!(
                "        blacklist_file: \"{root}/etc/modprobe.d/blacklist.conf\"\n        name: nouveau\n"
            ),
            Peer::Modprobe => "        name: pci_passthrough_no_such\n        state: absent\n".to_owned(),
        }
    }
}

/// It looks at the running kernel's own files, which a kernel without loadable modules does not have.
pub fn modprobe_runs() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let builtin = Path::new("/lib/modules").join(release.trim()).join("modules.builtin");
    Path::new("/proc/modules").exists() && builtin.exists()
}

/// The files of a host that is as the tasks want it.
pub fn make_host(root: &Path) -> Result<(), String> {
    crate::paths::write(&root.join("etc/modprobe.d/blacklist.conf"), b"blacklist nouveau\n")
}
