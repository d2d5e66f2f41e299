//! dracut's settings for devices that vfio-pci takes by their ids.

use apply::FileChange;
use config_text::dracut_conf::{IDS, Purpose};
use config_text::modprobe_d::is_same_id;
use host::initramfs::files;
use preflight::Selector;
use protocol::Failure;

use crate::Args;
use crate::method::{Bind, Method};
use crate::observe::Observed;

/// What changes for `binds` to be in force.
pub fn present(args: &Args, seen: &Observed, binds: &[Bind]) -> Result<Option<FileChange>, Failure> {
    change(seen, |purposes| {
        if seen.is_builtin() {
            return purposes.clear();
        }
        let is_of = |purpose: &Purpose, bind: &Bind| is_same_id(&purpose.name, &bind.device.id);
        purposes.retain(|p| p.path != args.path || !binds.iter().any(|bind| is_of(p, bind)));
        let by_id = binds.iter().filter(|bind| bind.method == Method::Ids);
        purposes.extend(by_id.map(|bind| Purpose { name: bind.device.id.clone(), path: args.path.clone() }));
    })
}

/// What changes where the named devices, and the ids that are `dropped`, are given back.
pub fn absent(
    args: &Args,
    seen: &Observed,
    selectors: &[Selector],
    dropped: &dyn Fn(&str) -> bool,
) -> Result<Option<FileChange>, Failure> {
    let gone = |id: &str| dropped(id) || selectors.iter().any(|selector| selector.is_id(id));
    change(seen, |purposes| purposes.retain(|p| p.path != args.path || !gone(&p.name)))
}

fn change(seen: &Observed, wanted: impl FnOnce(&mut Vec<Purpose>)) -> Result<Option<FileChange>, Failure> {
    let path = files::DRACUT_VFIO;
    let before = seen.scripts.get(path).map(|there| there.bytes.clone());
    apply::dracut_conf::change(&seen.initramfs, path, IDS, before, wanted)
        .map_err(|foreign| Failure::coded("foreign_file", foreign.message))
}
