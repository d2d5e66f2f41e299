//! The lists that are read at boot.

use config_text::modules_list::{self, DIRECTORIES, Entry};
use host::drop_in;
use host::{HostError, Root};

/// Debian's list, which systemd reads through a link in modules-load.d.
pub const ETC_MODULES: &str = "/etc/modules";
/// The file of this module's own.
pub const OWN: &str = "/etc/modules-load.d/vfio.conf";
/// Where systemd lies that reads modules-load.d; other init systems read `/etc/modules` by themselves.
const SYSTEMD: [&str; 2] = ["/usr/lib/systemd/systemd-modules-load", "/lib/systemd/systemd-modules-load"];

/// One list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Its path inside the root; `/etc/modules` where a link leads there.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether it is read at boot: not masked by a file of the same name in an earlier directory.
    pub counts: bool,
}

impl List {
    /// The lines that load `module`.
    pub fn lines(&self, module: &str) -> Vec<usize> {
        self.entries().iter().filter(|entry| entry.loads(module)).map(|entry| entry.line).collect()
    }

    /// Its entries.
    pub fn entries(&self) -> Vec<Entry> {
        modules_list::parse(&self.bytes)
    }

    /// Whether the administrator's directory holds it, where this module may write.
    pub fn is_under_etc(&self) -> bool {
        self.path.starts_with("/etc/")
    }
}

/// All lists, and whether `/etc/modules` is or would be among those that are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// `/etc/modules` first, masked ones too.
    pub all: Vec<List>,
    /// Whether `/etc/modules` is read at boot, or would be if it were there.
    pub reads_etc_modules: bool,
}

/// Every list under the root.
pub fn read(root: &Root) -> Result<Lists, HostError> {
    let etc_modules = root.read_opt(ETC_MODULES)?;
    let mut lists =
        Lists { all: Vec::new(), reads_etc_modules: !SYSTEMD.iter().any(|path| root.exists(path)) };
    for file in drop_in::read(root, &DIRECTORIES, modules_list::is_config_name)? {
        if leads_to_etc_modules(root, &file.path()) {
            lists.reads_etc_modules |= !file.masked;
        } else {
            lists.all.push(List { path: file.path(), counts: !file.masked, bytes: file.bytes });
        }
    }
    if let Some(bytes) = etc_modules {
        let counts = lists.reads_etc_modules;
        lists.all.insert(0, List { path: ETC_MODULES.to_string(), bytes, counts });
    }
    Ok(lists)
}

/// Whether a link leads there, be the file there or not.
fn leads_to_etc_modules(root: &Root, path: &str) -> bool {
    if root.link(path).is_none() {
        return false;
    }
    let Ok(end) = root.locate(path) else { return false };
    let mut parts: Vec<&str> = Vec::new();
    for part in end.path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts == ["etc", "modules"]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn tree(files: &[(&str, &str)], links: &[(&str, &str)]) -> Lists {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        for (path, target) in links {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(target, path).unwrap();
        }
        read(&Root::open(dir.path()).unwrap()).unwrap()
    }

    const SYSTEMD_FILE: (&str, &str) = ("usr/lib/systemd/systemd-modules-load", "");
    const DEBIAN_LINK: (&str, &str) = ("etc/modules-load.d/modules.conf", "../modules");

    #[test]
    fn etc_modules_counts_where_it_is_read() {
        let modules = ("etc/modules", "loop\n");
        for (files, links, reads, counts) in [
            (&[modules][..], &[][..], true, Some(true)),
            (&[modules, SYSTEMD_FILE], &[DEBIAN_LINK], true, Some(true)),
            (
                &[modules, SYSTEMD_FILE],
                &[("etc/modules-load.d/modules.conf", "/etc/modules")],
                true,
                Some(true),
            ),
            (&[modules, SYSTEMD_FILE], &[], false, Some(false)),
            (&[SYSTEMD_FILE], &[DEBIAN_LINK], true, None),
            (&[SYSTEMD_FILE], &[("etc/modules-load.d/modules.conf", "/dev/null")], false, None),
        ] {
            let lists = tree(files, links);
            let found = lists.all.iter().find(|list| list.path == ETC_MODULES).map(|list| list.counts);
            assert_eq!((lists.reads_etc_modules, found), (reads, counts), "{files:?} {links:?}");
        }
    }

    #[test]
    fn a_linked_list_is_named_once() {
        let lists = tree(&[("etc/modules", "vfio\n"), SYSTEMD_FILE], &[DEBIAN_LINK]);
        let paths: Vec<&str> = lists.all.iter().map(|list| list.path.as_str()).collect();
        assert_eq!(paths, [ETC_MODULES]);
        assert_eq!(lists.all[0].lines("vfio"), [1]);
    }
}
