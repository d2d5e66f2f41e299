//! The facts as JSON: one key a part.

use host::kernels::{Kernel, ModuleState};
use host::pci::PciDevice;
use preflight::IommuDefault;
use serde_json::{Map, Value, json};

use crate::observe::{Observed, VFIO_MODULES};
use crate::subset::Subset;

/// The chosen parts by name.
pub(crate) fn facts(seen: &Observed) -> Map<String, Value> {
    let part = |subset: &Subset| match subset {
        Subset::Bootloader => bootloader(seen),
        Subset::Cpu => cpu(seen),
        Subset::Devices => seen.devices.iter().map(|d| device(seen, d)).collect(),
        Subset::Firmware => firmware(seen),
        Subset::Groups => groups(seen),
        Subset::Iommu => iommu(seen),
        Subset::Kernel => kernel(seen),
        Subset::Verdict => json!(seen.verdict),
        Subset::Vfio => vfio(seen),
    };
    seen.subsets.iter().map(|subset| (subset.name().to_string(), part(subset))).collect()
}

fn cpu(seen: &Observed) -> Value {
    let Some(cpu) = &seen.cpu else { return Value::Null };
    json!({
        "vendor": cpu.vendor.map(|vendor| vendor.as_str()),
        "vendor_id": cpu.vendor_id,
        "model": cpu.model_name,
        "virtualization": cpu.virtualization,
        "virtual_machine": cpu.hypervisor,
    })
}

fn firmware(seen: &Observed) -> Value {
    let firmware = &seen.firmware;
    json!({
        "dmar": firmware.table("DMAR"),
        "ivrs": firmware.table("IVRS"),
        "iort": firmware.table("IORT"),
        "efi": firmware.efi,
        "secure_boot": firmware.secure_boot,
    })
}

fn bootloader(seen: &Observed) -> Value {
    let Some(loader) = &seen.bootloader else { return Value::Null };
    json!({
        "kind": loader.kind.as_str(),
        "proxmox_boot_tool": loader.proxmox_boot_tool,
        "evidence": loader.evidence,
    })
}

fn kernel(seen: &Observed) -> Value {
    let one = |(kernel, default): &(Kernel, Option<IommuDefault>)| {
        json!({
            "release": kernel.release,
            "image": kernel.image,
            "initrd": kernel.initrd,
            "default_on": default.map(|default| default.as_str()),
        })
    };
    let installed: Option<Vec<Value>> =
        seen.kernels.as_ref().map(|kernels| kernels.iter().map(one).collect());
    json!({
        "release": seen.running,
        "installed": installed,
        "default_on": seen.default_on().map(|default| default.as_str()),
        "cmdline": seen.cmdline,
        "parameters": seen.cmdline.as_deref().map(parameters),
    })
}

/// The command line as `ansible_proc_cmdline` has it: `true` for a flag, a list for what repeats.
fn parameters(cmdline: &str) -> Map<String, Value> {
    let mut found: Map<String, Value> = Map::new();
    for token in config_text::kernel_cmdline::tokens(cmdline.as_bytes()) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let value = token.value().map_or(Value::Bool(true), |value| Value::String(text(value)));
        match found.entry(text(token.key())).or_insert(Value::Null) {
            slot @ Value::Null => *slot = value,
            Value::Array(values) => values.push(value),
            slot => *slot = Value::Array(vec![slot.take(), value]),
        }
    }
    found
}

fn iommu(seen: &Observed) -> Value {
    let unit = |unit: &String| match unit {
        name if name.starts_with("dmar") => "intel-iommu",
        name if name.starts_with("ivhd") => "amd-iommu",
        name if name.starts_with("smmu") => "arm-smmu",
        _ => "other",
    };
    json!({
        "active": seen.has_sysfs.then_some(!seen.units.is_empty() && !seen.groups.is_empty()),
        "driver": seen.units.first().map(unit),
        "units": seen.units,
        "interrupt_remapping": seen.interrupt_remapping,
        "mode": mode(seen),
        "log": seen.log,
    })
}

/// The default domain of most groups; single groups differ by device and by firmware.
fn mode(seen: &Observed) -> Option<&'static str> {
    let types: Vec<&str> = seen.groups.iter().filter_map(|group| group.domain_type.as_deref()).collect();
    let identity = types.iter().filter(|kind| **kind == "identity").count();
    match types.len() {
        0 => None,
        all if identity * 2 > all => Some("pt"),
        _ => Some("translated"),
    }
}

fn groups(seen: &Observed) -> Value {
    let group = |group: &host::iommu::Group| {
        let region = |region: &host::iommu::ReservedRegion| json!({ "start": region.start, "end": region.end, "type": region.kind });
        json!({
            "id": group.id,
            "type": group.domain_type,
            "devices": group.devices,
            "reserved_regions": group.reserved_regions.iter().map(region).collect::<Vec<_>>(),
        })
    };
    seen.groups.iter().map(group).collect()
}

fn device(seen: &Observed, device: &PciDevice) -> Value {
    let candidates = seen.candidates.as_ref().and_then(|found| found.get(&device.modalias));
    json!({
        "address": device.address,
        "id": device.id(),
        "subsystem_id": device.subsystem_id(),
        "class_id": format!("{:06x}", device.class),
        "revision": device.revision.map(|revision| format!("{revision:02x}")),
        "vendor_name": seen.names.vendor(device),
        "device_name": seen.names.device(device),
        "subsystem_name": seen.names.subsystem(device),
        "class_name": seen.names.class(device),
        "driver": device.driver,
        "candidates": candidates,
        "iommu_group": device.iommu_group,
        "boot_vga": device.boot_vga,
        "numa_node": device.numa_node,
        "reset_methods": device.reset_methods,
        "sriov": device.sriov.map(|sriov| json!({ "total": sriov.total, "active": sriov.active })),
        "physfn": device.physfn,
        "bridge": device.bridge,
        "enabled": device.enabled,
        "uses": seen.uses.get(&device.address).map(Vec::as_slice).unwrap_or_default(),
    })
}

fn vfio(seen: &Observed) -> Value {
    let state = |name: &str| {
        seen.modules.as_ref().map(|index| match index.state(name) {
            ModuleState::Loadable => "loadable",
            ModuleState::Builtin => "builtin",
            ModuleState::Missing => "missing",
        })
    };
    let loaded = |name: &str| {
        let loaded = seen.loaded.as_ref()?;
        loaded.iter().find(|(module, _)| *module == name).map(|(_, loaded)| *loaded)
    };
    let modules: Vec<Value> = VFIO_MODULES
        .iter()
        .map(|name| json!({ "name": name, "available": state(name), "loaded": loaded(name) }))
        .collect();
    let bound: Vec<&str> = seen
        .devices
        .iter()
        .filter(|device| device.driver.as_deref() == Some("vfio-pci"))
        .map(|device| device.address.as_str())
        .collect();
    json!({
        "modules": modules,
        "configured": {
            "modules": seen.listed_modules,
            "ids": seen.listed_ids,
            "addresses": seen.listed_addresses,
        },
        "bound": bound,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_as_a_dictionary() {
        let found = parameters("quiet console=tty0 console=ttyS0,115200 a=\"b c\" console=x -- init=y");
        let expected = json!({ "quiet": true, "console": ["tty0", "ttyS0,115200", "x"], "a": "b c" });
        assert_eq!(Value::Object(found), expected);
    }
}
