//! What the decision depends on.

use config_text::qemu_server_conf::{Mapping, mappings};
use host::{HostError, Root, uses};
use preflight::Device;
use protocol::Failure;

use crate::machine::Other;
use crate::wish::{ROM_FILES, Wish};
use crate::{Args, State};

/// The machines of this node: on a node, a link to `nodes/NODE/qemu-server`. Other nodes' machines
/// use other nodes' devices.
const MACHINES: &str = "/etc/pve/qemu-server";
const NODES: &str = "/etc/pve/nodes";
const MAPPINGS: &str = "/etc/pve/mapping/pci.cfg";
/// Where commands are looked for, as when they are run.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The ROM file that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RomFile {
    /// There, or not asked for.
    Fine,
    Missing,
    /// Nor is there a folder of them, as on a tree without Proxmox VE's QEMU.
    NoFolder,
}

/// The node as far as a machine's devices are concerned.
#[derive(Debug)]
pub struct Observed {
    /// The machine's file.
    pub path: String,
    /// Its bytes; `None` where there is no such machine.
    pub bytes: Option<Vec<u8>>,
    /// The machine's place on another node.
    pub elsewhere: Option<String>,
    /// Whether the machine runs.
    pub running: bool,
    /// Whether `qm` is there and works on this very system.
    pub qm: bool,
    /// The node's other machines.
    pub others: Vec<Other>,
    /// Every PCI device with what the host uses it for; empty where sysfs does not tell.
    pub devices: Vec<Device>,
    /// The cluster's mappings; `None` where there is no file of them.
    pub mappings: Option<Vec<Mapping>>,
    /// This node's name.
    pub node: Option<String>,
    pub romfile: RomFile,
}

/// Reads the node.
pub fn observe(args: &Args, root: &Root) -> Result<Observed, Failure> {
    let wish = Wish::new(args)?;
    let (machines, node) = machines(root)?;
    let path = format!("{machines}/{}.conf", wish.vmid);
    let bytes = root.read_opt(&path)?;
    let mut others = Vec::new();
    for name in root.list(&machines)? {
        let Some(vmid) = name.to_str().and_then(|name| name.strip_suffix(".conf")) else { continue };
        let Some(vmid) = vmid.parse().ok().filter(|other| *other != wish.vmid) else { continue };
        // A machine may be moved away while the list is read.
        if let Some(bytes) = root.read_opt(&format!("{machines}/{vmid}.conf"))? {
            others.push(Other::new(vmid, is_running(root, vmid), &bytes));
        }
    }
    let present = args.state == State::Present;
    Ok(Observed {
        elsewhere: if bytes.is_none() { elsewhere(root, wish.vmid)? } else { None },
        path,
        bytes,
        running: is_running(root, wish.vmid),
        qm: root.is_live() && has_qm(root),
        others,
        devices: uses::devices(root)?,
        mappings: root.read_opt(MAPPINGS)?.map(|bytes| mappings(&String::from_utf8_lossy(&bytes))),
        node,
        romfile: match wish.setting("romfile") {
            Some(name) if present && !name.is_empty() => romfile(root, name),
            _ => RomFile::Fine,
        },
    })
}

/// The folder of this node's machines, and the node's name. The cluster file system makes the link; a copy of
/// its files may have the nodes' folders alone, and then one node at most can be this one.
fn machines(root: &Root) -> Result<(String, Option<String>), HostError> {
    let known = node(root);
    if root.is_live() || root.exists(MACHINES) {
        return Ok((MACHINES.to_string(), known));
    }
    let nodes = root.list(NODES)?;
    let only = nodes.first().filter(|_| nodes.len() == 1).map(|name| name.to_string_lossy().into_owned());
    let node = known.or(only);
    let own = node.as_deref().map(|node| format!("{NODES}/{node}/qemu-server"));
    Ok((own.filter(|path| root.is_dir(path)).unwrap_or_else(|| MACHINES.to_string()), node))
}

/// The file of the machine on another node of the cluster.
fn elsewhere(root: &Root, vmid: u32) -> Result<Option<String>, HostError> {
    for node in root.list(NODES)? {
        let path = format!("{NODES}/{}/qemu-server/{vmid}.conf", node.to_string_lossy());
        if root.exists(&path) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// As `vm_running_locally` in PVE::QemuServer::Helpers: the process in the pid file is a QEMU that
/// was started with that pid file.
fn is_running(root: &Root, vmid: u32) -> bool {
    let file = format!("/run/qemu-server/{vmid}.pid");
    let Some(pid) = root.text(&file).and_then(|pid| pid.parse::<u32>().ok()) else { return false };
    let Ok(cmdline) = root.read(&format!("/proc/{pid}/cmdline")) else { return false };
    let mut words = cmdline.split(|b| *b == 0).map(String::from_utf8_lossy);
    let program = words.next().unwrap_or_default().into_owned();
    let name = program.rsplit('/').next().unwrap_or_default();
    (program.ends_with("kvm") || name.starts_with("qemu-system-")) && words.any(|word| word.ends_with(&file))
}

fn has_qm(root: &Root) -> bool {
    PATH.iter().any(|dir| {
        let path = format!("{dir}/qm");
        root.stat(&path).is_some_and(|stat| stat.st_mode & 0o111 != 0) && !root.is_dir(&path)
    })
}

/// The name by which the cluster knows this node: `/etc/pve/local` is a link to `nodes/NAME`.
fn node(root: &Root) -> Option<String> {
    let link = root.link("/etc/pve/local").map(|target| target.to_string_lossy().into_owned());
    let from_link = link.as_deref().and_then(|target| target.rsplit('/').next()).map(str::to_string);
    let hostname = || root.text("/proc/sys/kernel/hostname").or_else(|| root.text("/etc/hostname"));
    let from_hostname = || hostname()?.split('.').next().map(str::to_string);
    from_link.or_else(from_hostname).filter(|name| !name.is_empty())
}

fn romfile(root: &Root, name: &str) -> RomFile {
    match (root.exists(&format!("{ROM_FILES}/{name}")), root.is_dir(ROM_FILES)) {
        (true, _) => RomFile::Fine,
        (false, true) => RomFile::Missing,
        (false, false) => RomFile::NoFolder,
    }
}
