//! The lists of modules that are loaded at boot.

use config_text::modules_list::{self, DIRECTORIES, Entry};

use crate::{HostError, Root, drop_in};

/// Debian's list, which systemd reads through a link in modules-load.d.
pub const ETC_MODULES: &str = "/etc/modules";
/// Where systemd lies that reads modules-load.d; other init systems read `/etc/modules` by themselves.
const SYSTEMD: [&str; 2] = ["/usr/lib/systemd/systemd-modules-load", "/lib/systemd/systemd-modules-load"];
/// As the kernel's own bound on nested links (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// One list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Its path inside the root; `/etc/modules` where a link leads there.
    pub path: String,
    /// Where its file is, all links followed. Lists with the same one are one file.
    pub target: String,
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

    /// Whether its file is the administrator's, wherever a link to it lies.
    pub fn is_under_etc(&self) -> bool {
        self.target.starts_with("/etc/")
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
        let path = file.path();
        let target = resolved(root, &path);
        // Whether the file is there or not.
        if target == ETC_MODULES {
            lists.reads_etc_modules |= !file.masked;
        } else {
            lists.all.push(List { path, target, counts: !file.masked, bytes: file.bytes });
        }
    }
    if let Some(bytes) = etc_modules {
        let counts = lists.reads_etc_modules;
        let target = resolved(root, ETC_MODULES);
        lists.all.insert(0, List { path: ETC_MODULES.to_string(), target, bytes, counts });
    }
    Ok(lists)
}

/// The path of the file that `path` reaches, links to directories followed too; `path` itself where
/// its links lead in a circle.
fn resolved(root: &Root, path: &str) -> String {
    let mut ahead: Vec<String> = components(path).rev().collect();
    let mut reached: Vec<String> = Vec::new();
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        if part == ".." {
            reached.pop();
            continue;
        }
        let here = format!("/{}", [reached.as_slice(), std::slice::from_ref(&part)].concat().join("/"));
        let Some(target) = root.link(&here) else {
            reached.push(part);
            continue;
        };
        links += 1;
        if links > MAX_LINKS {
            return path.to_string();
        }
        let target = target.to_string_lossy();
        if target.starts_with('/') {
            reached.clear();
        }
        ahead.extend(components(&target).rev());
    }
    format!("/{}", reached.join("/"))
}

fn components(path: &str) -> impl DoubleEndedIterator<Item = String> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_string)
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
    #[test]
    fn a_list_is_where_its_links_lead() {
        let lists = tree(
            &[("etc/site/own.conf", ""), ("usr/lib/modules-load.d/vendor.conf", "")],
            &[
                ("etc/modules-load.d", "site"),
                ("etc/site/deep.conf", "../modules-load.d/own.conf"),
                ("etc/site/vendor.conf", "/usr/lib/modules-load.d/vendor.conf"),
                ("etc/site/up.conf", "../../../lib/modules-load.d/vendor.conf"),
                ("lib", "usr/lib"),
            ],
        );
        let of_etc: Vec<(&str, &str, bool)> = lists
            .all
            .iter()
            .filter(|list| list.path.starts_with("/etc/"))
            .map(|list| (list.path.rsplit('/').next().unwrap(), list.target.as_str(), list.is_under_etc()))
            .collect();
        assert_eq!(
            of_etc,
            [
                ("deep.conf", "/etc/site/own.conf", true),
                ("own.conf", "/etc/site/own.conf", true),
                ("up.conf", "/usr/lib/modules-load.d/vendor.conf", false),
                ("vendor.conf", "/usr/lib/modules-load.d/vendor.conf", false),
            ]
        );
    }
}
