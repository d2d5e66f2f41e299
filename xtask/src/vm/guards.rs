//! Drivers that the host stands on must not be blacklisted.

use serde_json::{Value, json};

use crate::vm::ansible::Ansible;
use crate::vm::guest::Guest;
use crate::vm::table::ensure;

/// The driver, what it is for in the guest, and the code of the refusal.
const GUARDED: [(&str, &str, &str); 2] = [
    ("virtio_blk", "the root disk's controller", "root_disk"),
    ("virtio_net", "SSH's card", "default_route"),
];

/// Each is refused with its code, and nothing changes.
pub fn refuse(guest: &Guest, ansible: &Ansible) -> Result<String, String> {
    let mut refused = Vec::new();
    for (driver, what, code) in GUARDED {
        let arguments = json!({ "drivers": [driver] });
        let (success, reply) =
            ansible.module(guest, "pci.passthrough.driver_blacklist", &arguments, false)?;
        let message = reply.get("msg").and_then(Value::as_str).unwrap_or_default();
        ensure(!success && reply["code"] == json!(code), || {
            format!("{driver} ({what}) is not refused with {code}: {reply}")
        })?;
        ensure(message.contains(driver), || format!("the message does not name {driver}: {message}"))?;
        refused.push(format!("{driver}: {code}"));
    }
    Ok(refused.join(", "))
}
