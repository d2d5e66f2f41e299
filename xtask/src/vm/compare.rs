//! The facts against what the guest's own tools say: `lspci -Dnnk`, `find` over the IOMMU groups,
//! `modprobe --showconfig`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::vm::guest::Guest;

/// What both sides tell of a PCI function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Function {
    class: String,
    id: String,
    subsystem: Option<String>,
    driver: Option<String>,
    modules: BTreeSet<String>,
}

/// Compares all; tells how much was compared, or every difference.
pub fn facts_equal_tools(guest: &Guest, facts: &Value) -> Result<String, String> {
    let mut differences = Vec::new();
    let functions = lspci(&guest.sh("lspci -Dnnk")?);
    compare("lspci -Dnnk", &functions, &devices(facts), &mut differences);
    let groups = links(&guest.sh("find /sys/kernel/iommu_groups -type l")?);
    compare("find /sys/kernel/iommu_groups", &groups, &groups_of_groups(facts), &mut differences);
    compare("find /sys/kernel/iommu_groups", &groups, &groups_of_devices(facts), &mut differences);
    let ids = showconfig_ids(&guest.sh("modprobe --showconfig")?);
    let told = strings(facts.pointer("/vfio/configured/ids"));
    if ids != told {
        differences.push(format!("modprobe --showconfig: vfio-pci ids {ids:?}, facts: {told:?}"));
    }
    if functions.is_empty() {
        differences.push("lspci lists nothing".to_owned());
    }
    if differences.is_empty() {
        let (functions, groups, ids) = (functions.len(), groups.len(), ids.len());
        return Ok(format!("{functions} functions, {groups} group members, {ids} vfio-pci ids, all equal"));
    }
    Err(differences.join("\n"))
}

fn compare<T: PartialEq + std::fmt::Debug>(
    tool: &str,
    tools: &BTreeMap<String, T>,
    facts: &BTreeMap<String, T>,
    differences: &mut Vec<String>,
) {
    for address in tools.keys().chain(facts.keys()).collect::<BTreeSet<_>>() {
        let (by_tool, by_facts) = (tools.get(address), facts.get(address));
        if by_tool != by_facts {
            differences.push(format!("{address}: {tool} says {by_tool:?}, the facts {by_facts:?}"));
        }
    }
}

/// The records of `lspci -Dnnk`: a line for the function, then indented lines.
fn lspci(output: &str) -> BTreeMap<String, Function> {
    let mut functions: BTreeMap<String, Function> = BTreeMap::new();
    let mut address = String::new();
    for line in output.lines() {
        if !line.starts_with('\t') {
            // `0000:01:00.0 Ethernet controller [0200]: Intel … [8086:10d3] (rev 01)`
            let Some((at, rest)) = line.split_once(' ') else { continue };
            at.clone_into(&mut address);
            let (class, device) = rest.split_once("]: ").unwrap_or((rest, ""));
            let class = class.rsplit('[').next().unwrap_or_default().to_owned();
            let id = last_bracket(device).unwrap_or_default();
            functions.insert(address.clone(), Function { class, id, ..Function::default() });
            continue;
        }
        let (Some(function), Some((key, value))) =
            (functions.get_mut(&address), line.trim_start().split_once(": "))
        else {
            continue;
        };
        match key {
            "Subsystem" => function.subsystem = last_bracket(value),
            "Kernel driver in use" => function.driver = Some(value.trim().to_owned()),
            "Kernel modules" => function.modules = value.split(", ").map(|m| m.trim().to_owned()).collect(),
            _ => {}
        }
    }
    functions
}

/// The `8086:10d3` of the last `[8086:10d3]`.
fn last_bracket(text: &str) -> Option<String> {
    let inside = text.rsplit('[').next()?.split(']').next()?;
    inside.contains(':').then(|| inside.to_owned())
}

fn devices(facts: &Value) -> BTreeMap<String, Function> {
    let text = |device: &Value, key: &str| device.get(key).and_then(Value::as_str).map(str::to_owned);
    let function = |device: &Value| {
        let function = Function {
            class: text(device, "class_id").unwrap_or_default().chars().take(4).collect(),
            id: text(device, "id").unwrap_or_default(),
            subsystem: text(device, "subsystem_id"),
            driver: text(device, "driver"),
            modules: strings(device.get("candidates")).into_iter().collect(),
        };
        (text(device, "address").unwrap_or_default(), function)
    };
    list(facts, "devices").map(function).collect()
}

/// The group of each member, from the paths of the links.
fn links(output: &str) -> BTreeMap<String, u64> {
    let member = |line: &str| {
        let (group, address) = line.strip_prefix("/sys/kernel/iommu_groups/")?.split_once("/devices/")?;
        Some((address.to_owned(), group.parse().ok()?))
    };
    output.lines().filter_map(member).collect()
}

fn groups_of_groups(facts: &Value) -> BTreeMap<String, u64> {
    let members = |group: &Value| {
        let id = group.get("id").and_then(Value::as_u64).unwrap_or(u64::MAX);
        strings(group.get("devices")).into_iter().map(move |address| (address, id)).collect::<Vec<_>>()
    };
    list(facts, "groups").flat_map(members).collect()
}

fn groups_of_devices(facts: &Value) -> BTreeMap<String, u64> {
    let member = |device: &Value| {
        Some((device.get("address")?.as_str()?.to_owned(), device.get("iommu_group")?.as_u64()?))
    };
    list(facts, "devices").filter_map(member).collect()
}

/// The `ids=` of `options vfio_pci …`; the last one counts, as for the kernel.
fn showconfig_ids(output: &str) -> Vec<String> {
    let options = output.lines().filter_map(|line| line.strip_prefix("options vfio_pci "));
    let ids =
        options.flat_map(str::split_whitespace).filter_map(|word| word.strip_prefix("ids=")).next_back();
    ids.into_iter().flat_map(|ids| ids.split(',')).map(str::to_owned).collect()
}

fn list<'a>(facts: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    facts.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LSPCI: &str = "\
0000:00:00.0 Host bridge [0600]: Intel Corporation 82G33/G31/P35/P31 Express DRAM Controller [8086:29c0]
\tSubsystem: Red Hat, Inc. QEMU Virtual Machine [1af4:1100]
0000:01:00.0 Ethernet controller [0200]: Intel Corporation 82574L [Gigabit] [8086:10d3] (rev 01)
\tKernel driver in use: e1000e
\tKernel modules: e1000e, other
";

    #[test]
    fn the_same_from_both_sides() {
        let facts = json!({"devices": [
            {"address": "0000:00:00.0", "class_id": "060000", "id": "8086:29c0", "subsystem_id": "1af4:1100",
             "driver": null, "candidates": [], "iommu_group": 0},
            {"address": "0000:01:00.0", "class_id": "020000", "id": "8086:10d3", "subsystem_id": null,
             "driver": "e1000e", "candidates": ["other", "e1000e"], "iommu_group": 1},
        ], "groups": [{"id": 0, "devices": ["0000:00:00.0"]}, {"id": 1, "devices": ["0000:01:00.0"]}]});
        let mut differences = Vec::new();
        compare("lspci", &lspci(LSPCI), &devices(&facts), &mut differences);
        let groups = links(
            "/sys/kernel/iommu_groups/1/devices/0000:01:00.0\n/sys/kernel/iommu_groups/0/devices/0000:00:00.0\n",
        );
        compare("find", &groups, &groups_of_groups(&facts), &mut differences);
        compare("find", &groups, &groups_of_devices(&facts), &mut differences);
        assert_eq!(differences, [""; 0]);
        compare("lspci", &lspci(&LSPCI.replace("e1000e,", "e1000,")), &devices(&facts), &mut differences);
        assert_eq!(differences.len(), 1, "{differences:?}");
    }

    #[test]
    fn the_ids_for_vfio_pci() {
        let text = "blacklist x\noptions vfio_pci ids=1:2,3:4 disable_vga=1\nalias a b\n";
        assert_eq!(showconfig_ids(text), ["1:2", "3:4"]);
        assert_eq!(showconfig_ids(""), [""; 0]);
    }
}
