//! By id or by address: which way holds for each device.

use config_text::modprobe_d::{Config, Place, softdep_in_force, softdep_in_table};
use host::initramfs::Builder;
use host::kernels::ModuleState;
use preflight::Device;
use protocol::Failure;

use crate::observe::Observed;
use crate::{Args, MethodOption};

/// How a device is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `ids=`: every device with this id.
    Ids,
    /// A script in the initramfs: this address alone.
    Override,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Ids => "ids",
            Method::Override => "override",
        }
    }
}

/// A device and how it is bound.
#[derive(Debug, Clone)]
pub struct Bind<'a> {
    pub device: &'a Device,
    pub method: Method,
    /// The drivers that would take it.
    pub drivers: Vec<String>,
}

/// The way for each device. `others` is modprobe's configuration without the file of this module.
pub fn decide<'a>(
    args: &Args,
    seen: &Observed,
    chosen: &[&'a Device],
    others: &Config,
    file: &str,
) -> Result<Vec<Bind<'a>>, Failure> {
    let mut binds = Vec::new();
    for device in chosen {
        let drivers = seen.drivers_of(device);
        let obstacle = obstacle(args, seen, chosen, device, &drivers, others, file);
        if let Some(physical) = &device.physfn {
            by_id_alone(args, device, physical, obstacle.as_ref())?;
        }
        let method = match (args.method, obstacle) {
            (MethodOption::Override, _) => {
                supported(seen, device, "method: override was asked for")?;
                Method::Override
            }
            (MethodOption::Auto, Some((_, why))) => {
                supported(seen, device, &why)?;
                Method::Override
            }
            (MethodOption::Ids, Some((code, why))) => {
                let msg = format!("{}: {why}; use method: override or auto", device.address);
                return Err(Failure::coded(code, msg));
            }
            (_, None) => Method::Ids,
        };
        binds.push(Bind { device, method, drivers });
    }
    Ok(binds)
}

/// Fails where a virtual function cannot be bound by its id: there is no other way for it.
fn by_id_alone(
    args: &Args,
    device: &Device,
    physical: &str,
    obstacle: Option<&(&'static str, String)>,
) -> Result<(), Failure> {
    let (code, what) = match (args.method, obstacle) {
        (MethodOption::Override, None) => ("method_unsupported", "use method: ids or auto".to_string()),
        (MethodOption::Ids | MethodOption::Auto, None) => return Ok(()),
        (method, Some((code, why))) => {
            let way = match *code {
                "id_shared" => "list those too, or leave this one to",
                _ => "leave it to",
            };
            let code = if method == MethodOption::Override { "method_unsupported" } else { code };
            let what = format!(
                "nor does its id do: {why}; {way} what starts the guest, as Proxmox VE and libvirt (managed) bind it then"
            );
            (code, what)
        }
    };
    let msg = format!(
        "{}: it is a virtual function of {physical}, made after boot, so that no script in the initramfs can bind it by its \
         address; {what}",
        device.address
    );
    Err(Failure::coded(code, msg))
}

/// Why an id does not do for this device.
fn obstacle(
    args: &Args,
    seen: &Observed,
    chosen: &[&Device],
    device: &Device,
    drivers: &[String],
    others: &Config,
    file: &str,
) -> Option<(&'static str, String)> {
    let is_chosen = |other: &Device| chosen.iter().any(|d| d.address == other.address);
    let twins: Vec<&str> = seen
        .devices
        .iter()
        .filter(|other| other.id == device.id && !other.bridge && !is_chosen(other))
        .map(|other| other.address.as_str())
        .collect();
    if !twins.is_empty() {
        return Some(("id_shared", format!("its id {} is that of {} too", device.id, twins.join(", "))));
    }
    // Built in as well, vfio-pci has its ids before any driver is loaded.
    if !seen.kernels.is_empty() && seen.kernels_with(ModuleState::Builtin).len() == seen.kernels.len() {
        return None;
    }
    for driver in drivers {
        if let Some(releases) = seen.builtin_in.get(driver) {
            let why = format!(
                "its driver {driver} is built into {}, so that it is there before vfio-pci",
                releases.join(", ")
            );
            return Some(("driver_builtin", why));
        }
        if let Some(place) = other_softdep(args, seen, driver, others, file) {
            let why = format!(
                "{place}: the soft dependencies of {driver} there are the ones that count, and vfio-pci is not among \
                 them"
            );
            return Some(("not_in_force", why));
        }
    }
    None
}

/// Where another soft dependency of the driver comes before the one that this module's file would have:
/// kmod takes the first alone, and sorts the kernel's own table (`modules.softdep`) among the files.
fn other_softdep(args: &Args, seen: &Observed, driver: &str, others: &Config, file: &str) -> Option<Place> {
    const TABLE: &str = "modules.softdep";
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_string();
    let found = softdep_in_force(others, driver).filter(|(place, _)| name(&place.file) < name(file));
    let before_table = |name: &str| name < TABLE;
    if let Some((place, ours)) = found.as_ref().filter(|(place, _)| before_table(&name(&place.file))) {
        return (!ours && args.softdep).then(|| place.clone());
    }
    let ours_first = before_table(&name(file));
    let table = seen.kernels.iter().filter(|_| !ours_first).find_map(|kernel| {
        let (line, ours) = softdep_in_table(&kernel.softdeps, driver)?;
        let file = format!("/lib/modules/{}/{TABLE}", kernel.release);
        (!ours).then_some(Place { file, line })
    });
    table.or_else(|| found.filter(|(_, ours)| !ours).map(|(place, _)| place)).filter(|_| args.softdep)
}

/// Fails where no script of ours would run before the drivers are loaded.
fn supported(seen: &Observed, device: &Device, why: &str) -> Result<(), Failure> {
    let what = match seen.initramfs.generator.map(|generator| generator.builder) {
        Some(Builder::InitramfsTools | Builder::Dracut) if !seen.initramfs.images.is_empty() => return Ok(()),
        Some(Builder::InitramfsTools | Builder::Dracut) => "no kernel here has an initramfs image",
        Some(Builder::Mkinitcpio) => "mkinitcpio builds the initramfs",
        None => "no initramfs generator is installed",
    };
    Err(Failure::coded(
        "method_unsupported",
        format!(
            "{}: it has to be bound by its address ({why}), which is done inside an initramfs that initramfs-tools or \
             dracut builds, but {what}; put the cards to pass and to keep on different ids, or install one of the two",
            device.address
        ),
    ))
}
