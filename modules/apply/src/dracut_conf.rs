//! The change of dracut's settings that takes modprobe.d into every image.

use config_text::dracut_conf::{Purpose, Settings};
use host::initramfs::{Builder, InitramfsState};

use crate::FileChange;

/// The file at the settings' place is somebody else's, and ours is needed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// What to tell the user.
    pub message: String,
}

/// What changes at `path` for `settings` to be for what `wanted` makes of their purposes: they belong on a host
/// whose images dracut builds. Where nothing, or nothing that is known here, builds images, what is there is
/// kept up. Somebody else's file is left.
///
/// # Errors
/// [`Foreign`] where such a file is in the place of settings that are needed.
pub fn change(
    state: &InitramfsState,
    path: &str,
    settings: Settings,
    before: Option<Vec<u8>>,
    wanted: impl FnOnce(&mut Vec<Purpose>),
) -> Result<Option<FileChange>, Foreign> {
    let there = before.as_deref().map_or(Some(Vec::new()), |bytes| settings.purposes(bytes));
    let is_foreign = there.is_none();
    let mut purposes = there.unwrap_or_default();
    wanted(&mut purposes);
    purposes.sort();
    purposes.dedup();
    let builder = state.generator.map(|generator| generator.builder);
    if is_foreign {
        let message = format!(
            "{path}: has not been written by this module, whose place it has; move it away and run again"
        );
        return match builder == Some(Builder::Dracut) && !purposes.is_empty() {
            true => Err(Foreign { message }),
            false => Ok(None),
        };
    }
    let belongs = match builder {
        Some(Builder::Dracut) => true,
        Some(Builder::InitramfsTools) => false,
        Some(Builder::Mkinitcpio) | None => before.is_some(),
    };
    let after = if belongs { settings.text(&purposes) } else { None };
    let path = path.to_string();
    Ok((before != after).then_some(FileChange { path, before, after, mode: FileChange::PLAIN }))
}
