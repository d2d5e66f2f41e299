//! The change of dracut's settings that takes modprobe.d into every image.

use config_text::dracut_conf::Settings;
use host::initramfs::{Builder, InitramfsState};

use crate::FileChange;

/// What changes at `path` for `settings` to be for `names`: they belong on a host whose images dracut builds.
/// Where nothing, or nothing that is known here, builds images, what is there is kept up.
pub fn change(
    state: &InitramfsState,
    path: &str,
    settings: Settings,
    before: Option<Vec<u8>>,
    names: &[String],
) -> Option<FileChange> {
    let belongs = match state.generator.map(|generator| generator.builder) {
        Some(Builder::Dracut) => true,
        Some(Builder::InitramfsTools) => false,
        Some(Builder::Mkinitcpio) | None => before.is_some(),
    };
    let after = if belongs { settings.text(names) } else { None };
    let path = path.to_string();
    (before != after).then_some(FileChange { path, before, after, mode: FileChange::PLAIN })
}
