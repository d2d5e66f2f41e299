//! Settings of dracut, `dracut.conf(5)`, that bring `/etc/modprobe.d` into every image.
//!
//! dracut takes it into host-only images alone (its module `kernel-modules`), and host-only is not the default
//! of every distribution: Debian's is a generic image, whose drivers know nothing of a blacklist, of `ids=` or
//! of a softdep. What the settings are for stands in them, so that they go with the last of it.

/// Settings of one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The first line; a file without it is somebody else's.
    header: &'static str,
    /// More settings.
    more: &'static str,
}

/// For drivers that are blacklisted.
pub const BLACKLIST: Settings = Settings {
    header: "# Takes modprobe.d into every image for these drivers (pci.passthrough.driver_blacklist):\n",
    more: "",
};
/// For devices that vfio-pci takes by their ids: a softdep needs vfio-pci itself in the image.
pub const IDS: Settings = Settings {
    header: "# Takes modprobe.d into every image for devices with these ids (pci.passthrough.vfio_bind):\n",
    more: "add_drivers+=\" vfio_pci \"\n",
};

/// What stands before each name.
const NAME: &str = "#   ";
/// The shell that reads the settings leaves the globs alone; dracut has them filled in.
const MODPROBE_D: &str =
    "install_optional_items+=\" /etc/modprobe.d/*.conf /usr/local/lib/modprobe.d/*.conf \"\n";

impl Settings {
    /// The names of what the settings are for; `None` where the file is not ours.
    pub fn names(&self, bytes: &[u8]) -> Option<Vec<String>> {
        let text = std::str::from_utf8(bytes).ok()?.strip_prefix(self.header)?;
        Some(text.lines().map_while(|line| line.strip_prefix(NAME)).map(str::to_string).collect())
    }

    /// The file for these names; `None` where it is for nothing.
    pub fn text(&self, names: &[String]) -> Option<Vec<u8>> {
        let lines: String = names.iter().map(|name| format!("{NAME}{name}\n")).collect();
        (!names.is_empty()).then(|| [self.header, &lines, MODPROBE_D, self.more].concat().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_the_last_takes_the_file_along() {
        let names = vec!["nouveau".to_string(), "nvidia".to_string()];
        let bytes = BLACKLIST.text(&names).unwrap();
        assert_eq!(BLACKLIST.names(&bytes), Some(names.clone()));
        assert_eq!((IDS.names(&bytes), IDS.text(&[])), (None, None));
        let bytes = String::from_utf8(IDS.text(&names[..1]).unwrap()).unwrap();
        assert!(bytes.ends_with("modprobe.d/*.conf \"\nadd_drivers+=\" vfio_pci \"\n"), "{bytes}");
    }
}
