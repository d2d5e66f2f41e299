//! What modprobe.d, the lists of modules and the scripts in the initramfs say about the next boot.

use config_text::modprobe_d::{self, Config, Content, SourceFile};
use config_text::{device_override, modules_list};
use host::drop_in::{self, DropIn};
use host::initramfs::files;
use host::kernels::{self, ModuleState};
use host::{Root, modprobe, modules_load};
use preflight::check::{Binding, Override, Remark, Seen};

use super::Unread;
use super::boot::{Next, remark};

/// In the names of the files that this collection makes.
const OWN: &str = "pci-passthrough";
/// The table of soft dependencies in a kernel's folder.
const SOFTDEPS: &str = "modules.softdep";

/// Reads it.
pub fn observe(root: &Root, next: &Next, host: &mut Seen, unread: &mut Unread) {
    let needed = "what vfio-pci is told to take";
    let files = unread.take(modprobe::read(root), needed);
    let written = modprobe::config(&files, None);
    mistakes(root, &written, host, unread);
    let config = written.with_kernel_cmdline(next.line.as_bytes());
    let mut binding = Binding { builtin: is_builtin(root, next, unread), ..Binding::default() };
    if let Some((place, ids)) = modprobe_d::ids_in_force(&config) {
        (binding.ids, binding.ids_at) = (ids, place.to_string());
    }
    binding.kept_out = modprobe_d::keeps_vfio_pci_out(&config).map(|place| place.to_string());
    binding.held_back = held_back(root, &config, host, unread);
    let mut inputs: Vec<String> = Vec::new();
    for path in [files::INIT_TOP, files::DRACUT_SCRIPT] {
        let Some(bytes) = unread.take(root.read_opt(path), needed) else { continue };
        let Some(entries) = device_override::parse(&bytes) else { continue };
        if entries.is_empty() {
            host.remarks.push(nothing_left(path));
        }
        binding.overrides.extend(entries.into_iter().map(|entry| Override {
            address: entry.address,
            id: entry.id,
            subsystem: entry.subsystem,
            file: path.to_string(),
        }));
        inputs.push(path.to_string());
    }
    for file in files.iter().filter(|file| !file.masked && file.name.contains(OWN)) {
        let says = |line: &modprobe_d::Line| matches!(line.content, Content::Directive(_));
        if !modprobe_d::parse(&file.bytes).iter().any(says) {
            host.remarks.push(nothing_left(&file.path()));
        }
    }
    inputs.extend(files.iter().filter(|file| speaks_of_vfio(file)).map(DropIn::path));
    inputs.extend(next.kernels.iter().filter_map(|kernel| kernel.initrd.clone()));
    host.newer_than_boot =
        inputs.into_iter().find(|path| drop_in::newer_than_boot(root, path) == Some(true)).or_else(|| {
            // What the command line binds counts from the next boot on.
            let now = host.evidence.in_force.as_ref()?.join(" ");
            let now = Config::default().with_kernel_cmdline(now.as_bytes());
            let then = Config::default().with_kernel_cmdline(next.line.as_bytes());
            let ids = |config: &Config| modprobe_d::ids_in_force(config).map(|(_, ids)| ids);
            (ids(&now) != ids(&then)).then(|| "the configured kernel command line".to_string())
        });
    if host.unsafe_interrupts.is_none() {
        host.unsafe_interrupts = allows_unsafe_interrupts(&config);
    }
    host.binding = binding;
}

fn nothing_left(path: &str) -> Remark {
    Remark {
        code: "leftover_file",
        message: format!("{path}: this file of the collection says nothing any more"),
        hint: "remove it, then run boot_refresh".to_string(),
    }
}

fn speaks_of_vfio(file: &DropIn) -> bool {
    // /run is filled anew at each boot: its times say nothing.
    file.directory != "/run/modprobe.d" && file.bytes.windows(4).any(|window| window == b"vfio")
}

/// Mistakes in the files, and in files that nobody reads.
fn mistakes(root: &Root, config: &Config, host: &mut Seen, unread: &mut Unread) {
    let mut found = modprobe_d::lint(config);
    for file in modprobe::forgotten(root) {
        let source = SourceFile { directory: &file.directory, name: &file.name, bytes: &file.bytes };
        found.extend(modprobe_d::lint_unread(&source));
    }
    let lists = unread.take(modules_load::read(root), "which modules are loaded at boot");
    for list in lists.all.iter().filter(|list| list.counts) {
        found.extend(modules_list::lint(&list.path, &list.bytes));
    }
    host.remarks.extend(found.iter().map(|finding| remark("config_mistake", finding)));
}

/// Whether each installed kernel has vfio-pci built in.
fn is_builtin(root: &Root, next: &Next, unread: &mut Unread) -> bool {
    let builtin = |release: &str, unread: &mut Unread| {
        let index = unread.take(kernels::builtin_modules(root, release), "whether vfio-pci is built in");
        index.state("vfio_pci") == ModuleState::Builtin
    };
    !next.kernels.is_empty() && next.kernels.iter().all(|kernel| builtin(&kernel.release, unread))
}

/// The drivers of the devices that modprobe loads after vfio-pci, or not by itself.
fn held_back(root: &Root, config: &Config, host: &Seen, unread: &mut Unread) -> Vec<String> {
    // A kernel's own table of soft dependencies is read among the files, by its name.
    let release = kernels::running(root).unwrap_or_default();
    let table = root.read_opt(&format!("/lib/modules/{release}/{SOFTDEPS}"));
    let table = unread.take(table, "which drivers come before vfio-pci").unwrap_or_default();
    let own = host.devices.iter().filter_map(|device| device.module.clone());
    let mut drivers: Vec<String> = host.candidates.values().flatten().cloned().chain(own).collect();
    drivers.sort();
    drivers.dedup();
    drivers.retain(|driver| {
        let after = modprobe_d::softdep_in_force(config, driver).is_some_and(|(place, after)| {
            let first = place.file.rsplit('/').next() < Some(SOFTDEPS);
            after && (first || modprobe_d::softdep_in_table(&table, driver).is_none())
        });
        let blocked =
            config.install_command(driver).is_some_and(|(_, command)| modprobe_d::blocks_loading(command));
        after || blocked || config.is_blacklisted(driver)
    });
    drivers
}

/// Where VFIO is told to go without interrupt remapping.
fn allows_unsafe_interrupts(config: &Config) -> Option<String> {
    let options = config.options("vfio_iommu_type1");
    options.into_iter().rev().find_map(|(place, options)| {
        let text = String::from_utf8_lossy(options).replace('-', "_");
        let value =
            text.split_whitespace().rev().find_map(|word| word.strip_prefix("allow_unsafe_interrupts"));
        let is_on = matches!(value?.trim_start_matches('='), "" | "1" | "y" | "Y" | "on" | "t" | "T");
        is_on.then(|| place.to_string())
    })
}
