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

/// What the settings are for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purpose {
    /// A driver, or the id of a device.
    pub name: String,
    /// The file in modprobe.d that the task which asked for it writes: another task's is another purpose.
    pub path: String,
}

/// What stands before each purpose.
const PURPOSE: &str = "#   ";
/// The shell that reads the settings leaves the globs alone; dracut has them filled in.
const MODPROBE_D: &str =
    "install_optional_items+=\" /etc/modprobe.d/*.conf /usr/local/lib/modprobe.d/*.conf \"\n";

impl Settings {
    /// What the settings are for; `None` where the file is not ours.
    pub fn purposes(&self, bytes: &[u8]) -> Option<Vec<Purpose>> {
        let text = std::str::from_utf8(bytes).ok()?.strip_prefix(self.header)?;
        let lines = text.lines().map_while(|line| line.strip_prefix(PURPOSE));
        let purpose = |line: &str| {
            let (name, path) = line.split_once(' ').unwrap_or((line, ""));
            Purpose { name: name.to_string(), path: path.to_string() }
        };
        Some(lines.map(purpose).collect())
    }

    /// The file for these purposes; `None` where there are none.
    pub fn text(&self, purposes: &[Purpose]) -> Option<Vec<u8>> {
        let lines: String =
            purposes.iter().map(|Purpose { name, path }| format!("{PURPOSE}{name} {path}\n")).collect();
        (!purposes.is_empty()).then(|| [self.header, &lines, MODPROBE_D, self.more].concat().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_read_back_and_the_last_takes_the_file_along() {
        let purpose = |name: &str| Purpose { name: name.into(), path: "/etc/modprobe.d/a b.conf".into() };
        let purposes = vec![purpose("nouveau"), purpose("nvidia")];
        let bytes = BLACKLIST.text(&purposes).unwrap();
        assert_eq!(BLACKLIST.purposes(&bytes), Some(purposes.clone()));
        assert_eq!((IDS.purposes(&bytes), IDS.text(&[])), (None, None));
        let bytes = String::from_utf8(IDS.text(&purposes[..1]).unwrap()).unwrap();
        assert!(bytes.ends_with("modprobe.d/*.conf \"\nadd_drivers+=\" vfio_pci \"\n"), "{bytes}");
    }
}
