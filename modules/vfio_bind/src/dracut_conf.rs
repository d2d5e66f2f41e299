//! dracut's settings for devices that vfio-pci takes by their ids.

use apply::FileChange;
use config_text::dracut_conf::IDS;
use config_text::modprobe_d::is_same_id;
use host::initramfs::files;
use preflight::Selector;
use protocol::Failure;

use crate::method::{Bind, Method};
use crate::observe::Observed;

/// The ids that the settings are for now.
pub fn ids(seen: &Observed) -> Result<Vec<String>, Failure> {
    let path = files::DRACUT_VFIO;
    let Some(there) = seen.scripts.get(path) else { return Ok(Vec::new()) };
    IDS.names(&there.bytes).ok_or_else(|| {
        let msg = format!(
            "{path}: has not been written by this module, whose place it has; move it away and run again"
        );
        Failure::coded("foreign_file", msg)
    })
}

/// The ids once `binds` are in force.
pub fn with(mut ids: Vec<String>, seen: &Observed, binds: &[Bind]) -> Vec<String> {
    if seen.is_builtin() {
        return Vec::new();
    }
    ids.retain(|id| !binds.iter().any(|bind| is_same_id(id, &bind.device.id)));
    ids.extend(binds.iter().filter(|bind| bind.method == Method::Ids).map(|bind| bind.device.id.clone()));
    ids.sort();
    ids.dedup();
    ids
}

/// The ids without those that are given back.
pub fn without(mut ids: Vec<String>, selectors: &[Selector], dropped: &dyn Fn(&str) -> bool) -> Vec<String> {
    ids.retain(|id| !dropped(id) && !selectors.iter().any(|selector| selector.is_id(id)));
    ids
}

/// What changes for the settings to be for `ids`.
pub fn change(seen: &Observed, ids: &[String]) -> Option<FileChange> {
    let path = files::DRACUT_VFIO;
    let before = seen.scripts.get(path).map(|there| there.bytes.clone());
    apply::dracut_conf::change(&seen.initramfs, path, IDS, before, ids)
}
