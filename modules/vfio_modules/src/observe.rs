//! What the decision depends on.

use config_text::modules_list::DIRECTORIES;
use host::drop_in;
use host::initramfs::{self, InitramfsState};
use host::kernels::{self, ModuleState, same_module};
use host::modules_load::{self, ETC_MODULES, List, Lists};
use host::{HostError, Root, proc};
use protocol::Failure;

use crate::{Args, wish};

/// The file that the module makes where `/etc/modules` is not read.
const OWN: &str = "/etc/modules-load.d/vfio.conf";

/// What one installed kernel has.
#[derive(Debug, Clone)]
pub struct KernelModules {
    /// Its release.
    pub release: String,
    /// The state of each module that matters; `None` where the kernel's tables are missing.
    pub states: Option<Vec<(String, ModuleState)>>,
}

impl KernelModules {
    /// Where it has the module; `None` where that is not known.
    pub fn state(&self, module: &str) -> Option<ModuleState> {
        let states = self.states.as_ref()?;
        states.iter().find(|(name, _)| same_module(name, module)).map(|(_, state)| *state)
    }
}

/// The host as far as modules loaded at boot are concerned.
#[derive(Debug, Default)]
pub struct Observed {
    /// The modules that the task is about.
    pub wish: Vec<String>,
    /// Every list, masked ones too.
    pub lists: Vec<List>,
    /// The file to write.
    pub path: String,
    /// Its bytes; `None` where it is missing.
    pub at_path: Option<Vec<u8>>,
    /// Whether the file to write is a link to something that is no file, such as `/dev/null`.
    pub path_leads_nowhere: bool,
    /// The installed kernels.
    pub kernels: Vec<KernelModules>,
    /// The running one's release.
    pub running: Option<String>,
    /// The loaded modules; `None` where that cannot be known.
    pub loaded: Option<Vec<String>>,
    /// The modules that the kernel command line names.
    pub cmdline: Vec<String>,
    /// The images and whether they are out of date.
    pub initramfs: InitramfsState,
    /// Whether all lists are older than this boot, so that they are in force by now.
    pub booted_with: bool,
    /// Whether this is the running system.
    pub live: bool,
}

/// Reads the host.
pub fn observe(args: &Args, root: &Root) -> Result<Observed, Failure> {
    let given = args.modules.as_deref().map(wish::given).transpose()?;
    let Lists { all: lists, reads_etc_modules } = modules_load::read(root)?;
    let path = match &args.path {
        Some(path) => path.clone(),
        None if lists.iter().any(|list| list.path == ETC_MODULES && list.counts) => ETC_MODULES.to_string(),
        None => OWN.to_string(),
    };
    check_path(&path, reads_etc_modules)?;
    let installed = kernels::installed(root)?;
    let mut of_interest: Vec<String> = given.clone().unwrap_or_default();
    of_interest.extend(wish::default(crate::State::Absent, &[]));
    of_interest.extend(lists.iter().flat_map(|list| vfio_names(&list.bytes)));
    let mut kernels = Vec::new();
    for kernel in &installed {
        let index = kernels::modules(root, &kernel.release)?;
        let states = of_interest.iter().map(|name| (name.clone(), index.state(name))).collect();
        kernels.push(KernelModules {
            release: kernel.release.clone(),
            states: index.is_known().then_some(states),
        });
    }
    let path_leads_nowhere =
        root.link(&path).is_some() && !matches!(root.read(&path), Ok(_) | Err(HostError::TooLarge { .. }));
    let at_path = if path_leads_nowhere { None } else { root.read_opt(&path)? };
    // /run is filled anew at each boot: its times say nothing.
    let mut lasting = lists.iter().filter(|list| !list.path.starts_with("/run/"));
    let booted_with = lasting.all(|list| drop_in::newer_than_boot(root, &list.path) == Some(false));
    Ok(Observed {
        wish: given.unwrap_or_else(|| wish::default(args.state, &kernels)),
        lists,
        path,
        at_path,
        path_leads_nowhere,
        kernels,
        running: kernels::running(root),
        loaded: proc::loaded_modules(root),
        cmdline: proc::cmdline(root).map(|line| modules_load(&line)).unwrap_or_default(),
        initramfs: initramfs::observe(root, &installed)?,
        booted_with,
        live: root.is_live(),
    })
}

/// The file must be one that is read at boot.
fn check_path(path: &str, reads_etc_modules: bool) -> Result<(), Failure> {
    let refuse = |what: &str| {
        let msg = format!("option path: {path}: {what}; give {OWN} or leave it out");
        Err(Failure::coded("path_not_read", msg))
    };
    if path == ETC_MODULES {
        return match reads_etc_modules {
            true => Ok(()),
            false => refuse("no link in modules-load.d leads to it, so systemd does not read it"),
        };
    }
    let (directory, name) = path.rsplit_once('/').unwrap_or_default();
    if !DIRECTORIES.contains(&directory) {
        return refuse("systemd reads no lists of modules there");
    }
    if !name.ends_with(".conf") || name.starts_with('.') || name.chars().any(char::is_control) {
        return refuse("only files whose name ends in .conf and begins with no dot are read");
    }
    Ok(())
}

/// The names in a list that look like VFIO's.
fn vfio_names(bytes: &[u8]) -> Vec<String> {
    config_text::modules_list::names(bytes).into_iter().filter(|name| name.starts_with("vfio")).collect()
}

/// `modules_load=` and `modules-load=` of the kernel command line, which systemd heeds as well.
fn modules_load(line: &str) -> Vec<String> {
    let ours = line.split(" -- ").next().unwrap_or(line).split_whitespace();
    ours.filter_map(|token| token.strip_prefix("modules_load=").or(token.strip_prefix("modules-load=")))
        .flat_map(|names| names.split(','))
        .map(str::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_command_line_names_modules_too() {
        assert_eq!(modules_load("quiet modules-load=a,b modules_load=c -- modules_load=d"), ["a", "b", "c"]);
    }
}
