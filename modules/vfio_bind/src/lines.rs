//! The file in modprobe.d: what it must say for vfio-pci to get devices by their ids.

use config_text::modprobe_d::{
    self, Config, ids_in_force, is_same_id, keeps_vfio_pci_out, own_ids, softdep_in_force,
};
use host::kernels::ModuleState;
use host::modprobe::{self, Edit};
use protocol::Failure;
use serde_json::Value;

use crate::method::{Bind, Method};
use crate::observe::{self, Observed};
use crate::{Args, method};

/// The first lines of a file that this module makes; where nothing else is left, the file goes.
pub const HEADER: &str = "# Devices for guests (pci.passthrough.vfio_bind). Of several ids= the last one counts, so that this\n\
     # file sorts last and repeats the ids of the others.\n";
/// The kernel keeps `ids=` in 1024 bytes with the final NUL (`drivers/vfio/pci/vfio_pci.c`).
const MAX_IDS: usize = 1023;

/// The file's bytes once `binds` are in force, and what is to be said.
#[derive(Debug, Default)]
pub struct Lines {
    pub after: Option<Vec<u8>>,
    /// Kernel parameters that bind devices where vfio-pci is built in.
    pub parameters: Vec<String>,
    pub warnings: Vec<String>,
}

/// The configuration without the file of this module.
pub fn others(args: &Args, seen: &Observed) -> Result<Config, Failure> {
    let (directory, name) = observe::place(args)?;
    Ok(modprobe::config(&seen.files, Some(Edit { directory, name, bytes: None })))
}

/// What the kernel command line alone gives vfio-pci.
pub fn on_cmdline(seen: &Observed) -> Option<Vec<String>> {
    ids_in_force(&Config::default().with_kernel_cmdline(&seen.cmdline)).map(|(_, ids)| ids)
}

/// Works the file out and holds it against what would be in force.
pub fn present(args: &Args, seen: &Observed, binds: &[Bind], others: &Config) -> Result<Lines, Failure> {
    let mut wanted: Vec<String> = Vec::new();
    for bind in binds.iter().filter(|bind| bind.method == Method::Ids) {
        if !wanted.contains(&bind.device.id) {
            wanted.push(bind.device.id.clone());
        }
    }
    let mut lines = Lines { after: seen.at_path.clone(), ..Lines::default() };
    let builtin = seen.kernels_with(ModuleState::Builtin);
    if !builtin.is_empty() && !wanted.is_empty() {
        lines.parameters = parameters(args, seen, &wanted);
        if !lines.parameters.is_empty() {
            return Err(vfio_pci_builtin(&builtin, &lines.parameters));
        }
    }
    if seen.is_builtin() {
        return Ok(lines);
    }
    edit(args, seen, binds, &wanted, others, &mut lines);
    if lines.after != seen.at_path {
        refuse_masked(args, seen)?;
    }
    in_force(args, seen, binds, &wanted, &lines)?;
    Ok(lines)
}

fn edit(args: &Args, seen: &Observed, binds: &[Bind], wanted: &[String], others: &Config, lines: &mut Lines) {
    let now = modprobe::config(&seen.files, None).with_kernel_cmdline(&seen.cmdline);
    let effective = ids_in_force(&now).map(|(_, ids)| ids).unwrap_or_default();
    let mine = own_ids(seen.at_path.as_deref().unwrap_or_default());
    // Bound by address: its id, which would take its twins too, is no longer ours to give.
    let dropped = |id: &String| {
        let by_address = binds.iter().any(|b| b.method == Method::Override && is_same_id(&b.device.id, id));
        by_address && !wanted.iter().any(|wanted| is_same_id(wanted, id))
    };
    let base = seen.at_path.as_deref().unwrap_or(HEADER.as_bytes());
    let mut after = base.to_vec();
    let missing = wanted.iter().any(|id| !effective.iter().any(|have| is_same_id(have, id)));
    if missing || mine.iter().any(dropped) {
        let found = ids_in_force(others);
        if let Some((place, ids)) = &found {
            for id in ids.iter().filter(|id| dropped(id)) {
                lines.warnings.push(format!(
                    "{place}: gives vfio-pci every device with the id {id}, the ones that are to stay with the host \
                     too; the line is another owner's and was left"
                ));
            }
        }
        let mut list = found.map(|(_, ids)| ids).unwrap_or_default();
        for id in mine.iter().filter(|id| !dropped(id)).chain(wanted) {
            if !list.iter().any(|have| is_same_id(have, id)) {
                list.push(id.clone());
            }
        }
        // Nothing but what the other files say by themselves.
        let only_theirs = mine.iter().all(dropped) && wanted.is_empty();
        after = modprobe_d::with_ids(&after, if only_theirs { &[] } else { &list });
    }
    for driver in softdeps(args, binds) {
        if !softdep_in_force(&now, driver).is_some_and(|(_, ours)| ours) {
            after = modprobe_d::with_softdep(&after, driver);
        }
    }
    if args.disable_vga && !modprobe_d::disables_vga(&now) {
        after = modprobe_d::with_disable_vga(&after);
    }
    if after != base || seen.at_path.is_some() {
        lines.after = (after != HEADER.as_bytes()).then_some(after);
    }
}

/// The drivers that vfio-pci must be loaded before.
fn softdeps<'a>(args: &Args, binds: &'a [Bind]) -> Vec<&'a str> {
    let by_id = binds.iter().filter(|bind| args.softdep && bind.method == method::Method::Ids);
    let mut drivers: Vec<&str> = by_id.flat_map(|bind| bind.drivers.iter().map(String::as_str)).collect();
    drivers.sort_unstable();
    drivers.dedup();
    drivers
}

/// Fails where the edit has no effect: of several `ids=` the last counts, of several softdeps the first.
fn in_force(
    args: &Args,
    seen: &Observed,
    binds: &[Bind],
    wanted: &[String],
    lines: &Lines,
) -> Result<(), Failure> {
    let (directory, name) = observe::place(args)?;
    let edit = Edit { directory, name, bytes: lines.after.as_deref() };
    let config = match lines.after == seen.at_path {
        true => modprobe::config(&seen.files, None),
        false => modprobe::config(&seen.files, Some(edit)),
    };
    let config = config.with_kernel_cmdline(&seen.cmdline);
    let refuse = |msg: String| Err(Failure::coded("not_in_force", msg));
    // The initramfs holds the line too, so that a binding by address would not help.
    if let Some(place) = keeps_vfio_pci_out(&config) {
        return refuse(format!(
            "{place}: this install line keeps vfio-pci from being loaded, so that no device would be bound; take that \
             line out"
        ));
    }
    let Some((place, ids)) = ids_in_force(&config) else {
        return match wanted.is_empty() {
            true => Ok(()),
            false => refuse(format!("{}: ids= there would not be in force", args.path)),
        };
    };
    if let Some(id) = wanted.iter().find(|id| !ids.iter().any(|have| is_same_id(have, id))) {
        let all: Vec<&str> = ids.iter().chain(wanted.iter()).map(String::as_str).collect();
        return refuse(match on_cmdline(seen) {
            Some(_) => format!(
                "{place}: vfio-pci.ids= there comes after every file and does not have {id}; make it vfio-pci.ids={} \
                 through the module for the boot loader, or take it out",
                all.join(",")
            ),
            None => format!(
                "{place}: ids= there is read after {} and the last one counts, but it does not have {id}; take that line \
                 out, or give a path that sorts after that file",
                args.path
            ),
        });
    }
    if let Some(list) = Some(ids.join(",")).filter(|list| list.len() > MAX_IDS && !wanted.is_empty()) {
        return Err(Failure::coded(
            "ids_too_long",
            format!("{place}: ids= would have {} bytes, and the kernel takes {MAX_IDS}", list.len()),
        ));
    }
    for driver in softdeps(args, binds) {
        if let Some((place, false)) = softdep_in_force(&config, driver) {
            return refuse(format!(
                "{place}: this softdep line for {driver} is read before {}, and only the first counts; add vfio-pci to \
                 its pre: list",
                args.path
            ));
        }
    }
    Ok(())
}

/// The parameters that the next boot lacks where vfio-pci is built in.
fn parameters(args: &Args, seen: &Observed, wanted: &[String]) -> Vec<String> {
    let mut list = on_cmdline(seen).unwrap_or_default();
    let before = list.len();
    for id in wanted {
        if !list.iter().any(|have| is_same_id(have, id)) {
            list.push(id.clone());
        }
    }
    let mut lacking = Vec::new();
    if list.len() > before {
        lacking.push(format!("vfio-pci.ids={}", list.join(",")));
    }
    let cmdline = Config::default().with_kernel_cmdline(&seen.cmdline);
    if args.disable_vga && !modprobe_d::disables_vga(&cmdline) {
        lacking.push("vfio-pci.disable_vga=1".to_string());
    }
    lacking
}

fn vfio_pci_builtin(releases: &[&str], parameters: &[String]) -> Failure {
    let msg = format!(
        "vfio-pci is built into {}, where modprobe.d has no effect; give the module for the boot loader (grub_iommu, \
         systemd_boot_iommu) these parameters, which are returned as `parameters`, and run this again: {}",
        releases.join(", "),
        parameters.join(" ")
    );
    let list: Vec<Value> = parameters.iter().map(|token| Value::from(token.as_str())).collect();
    Failure::coded("vfio_pci_builtin", msg).with("parameters", Value::Array(list))
}

/// Refuses to write a file that modprobe would not read.
fn refuse_masked(args: &Args, seen: &Observed) -> Result<(), Failure> {
    let (directory, name) = observe::place(args)?;
    let advice = "give another path, or remove the mask";
    let msg = match modprobe::mask(&seen.files, directory, name) {
        _ if seen.path_leads_nowhere => {
            format!(
                "{}: is a link that leads to no file, which masks files of this name; {advice}",
                args.path
            )
        }
        Some(mask) => format!("{}: modprobe reads {} instead of it; {advice}", args.path, mask.path()),
        None => return Ok(()),
    };
    Err(Failure::coded("path_masked", msg))
}
