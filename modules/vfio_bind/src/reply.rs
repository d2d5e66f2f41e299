//! The module's results.

use config_text::modprobe_d::is_same_id;
use preflight::{Device, blockers, companions};
use serde_json::{Value, json};

use crate::live::is_bound;
use crate::method::Bind;
use crate::observe::Observed;

/// The devices that vfio-pci is to have.
pub fn bound(seen: &Observed, binds: &[Bind]) -> Value {
    binds
        .iter()
        .map(|bind| one(seen, bind.device, Some("vfio-pci".into()), bind.method.as_str().into()))
        .collect()
}

/// The devices that go back to the host. The wanted driver is the one that will most likely take it.
pub fn given(seen: &Observed, devices: &[&Device], ids: &[String], entries: &[String]) -> Value {
    let one = |device: &&Device| {
        let still = ids.iter().any(|id| is_same_id(id, &device.id)) || entries.contains(&device.address);
        let wanted = match still {
            true => Some("vfio-pci".into()),
            false if device.is_kept_for_guests() => seen
                .candidates
                .get(&device.modalias)
                .and_then(|drivers| drivers.first())
                .cloned()
                .map(Value::from),
            false => device.driver.clone().map(Value::from),
        };
        self::one(seen, device, wanted, Value::Null)
    };
    devices.iter().map(one).collect()
}

fn one(seen: &Observed, device: &Device, wanted: Option<Value>, method: Value) -> Value {
    let members: Vec<&str> =
        companions(device, &seen.devices).iter().map(|member| member.address.as_str()).collect();
    json!({
        "address": device.address,
        "id": device.id,
        "group": device.iommu_group,
        "members": members,
        "driver": device.driver,
        "wanted_driver": wanted,
        "bound": is_bound(device),
        "viable": device.iommu_group.map(|group| blockers(group, &seen.devices).is_empty()),
        "method": method,
    })
}
