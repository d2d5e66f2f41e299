//! GRUB's settings and generated configuration, as they are.

use crate::root::{HostError, Root};

/// Where Debian's and Ubuntu's grub-mkconfig reads drop-ins from, after the main file.
pub const DROP_IN_DIR: &str = "/etc/default/grub.d";

/// Debian's and Arch's place; Fedora's and SUSE's.
const CONFIG_PATHS: [&str; 2] = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"];

/// GRUB on one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grub {
    /// The main file's bytes; `None` where there is none.
    pub main: Option<Vec<u8>>,
    /// Drop-ins that grub-mkconfig reads, path and bytes, in the order it reads them.
    pub drop_ins: Vec<(String, Vec<u8>)>,
    /// Whether grub-mkconfig reads drop-ins at all.
    pub reads_drop_ins: bool,
    /// The name of the generator: `grub-mkconfig` or `grub2-mkconfig`; `None` where neither is installed.
    pub mkconfig: Option<&'static str>,
    /// The generated file's path; `None` where there is none.
    pub config_path: Option<String>,
    /// The generated file's bytes.
    pub config: Option<Vec<u8>>,
}

impl Grub {
    /// Where the generated file is, or would be.
    pub fn output(&self) -> &str {
        match (&self.config_path, self.mkconfig) {
            (Some(path), _) => path,
            (None, Some("grub2-mkconfig")) => CONFIG_PATHS[1],
            (None, _) => CONFIG_PATHS[0],
        }
    }

    /// The command that generates the entries into the file `to`; where no generator is installed,
    /// the one whose absence is then reported.
    pub fn refresh_command(&self, to: &str) -> Vec<String> {
        [self.mkconfig.unwrap_or("grub-mkconfig"), "-o", to].map(str::to_string).to_vec()
    }
}

/// Reads the main file at `path`, its drop-ins and the generated file.
pub fn observe(root: &Root, path: &str) -> Result<Grub, HostError> {
    let mut grub = Grub { main: root.read_opt(path)?, ..Grub::default() };
    let script = mkconfig(root);
    grub.mkconfig = script.as_ref().map(|(name, _)| *name);
    // Reading drop-ins is a distribution's patch: the script itself tells. Where there is no
    // script, the directory does.
    grub.reads_drop_ins = match script {
        Some((_, file)) => contains(&root.read(&file)?, b"default/grub.d"),
        None => root.is_dir(DROP_IN_DIR),
    };
    if grub.reads_drop_ins {
        for name in root.list(DROP_IN_DIR)? {
            // The shell's `*.cfg` takes no hidden files.
            let Some(name) = name.to_str().filter(|n| n.ends_with(".cfg") && !n.starts_with('.')) else {
                continue;
            };
            let path = format!("{DROP_IN_DIR}/{name}");
            if let Some(bytes) = root.read_opt(&path)? {
                grub.drop_ins.push((path, bytes));
            }
        }
    }
    for path in CONFIG_PATHS {
        if let Some(bytes) = root.read_opt(path)? {
            (grub.config_path, grub.config) = (Some(path.to_string()), Some(bytes));
            break;
        }
    }
    Ok(grub)
}

/// The generator's name and the path of its script.
fn mkconfig(root: &Root) -> Option<(&'static str, String)> {
    for name in ["grub-mkconfig", "grub2-mkconfig"] {
        for dir in ["/usr/sbin", "/usr/bin", "/sbin", "/bin"] {
            let path = format!("{dir}/{name}");
            if root.exists(&path) {
                return Some((name, path));
            }
        }
    }
    None
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, text).unwrap();
        }
        let root = Root::open(dir.path()).unwrap();
        (dir, root)
    }

    #[test]
    fn the_script_decides_whether_drop_ins_count() {
        let files = [("etc/default/grub", "A=1\n"), ("etc/default/grub.d/x.cfg", "A=2\n")];
        let (_dir, root) = tree(&files);
        assert_eq!(
            observe(&root, "/etc/default/grub").unwrap().drop_ins.len(),
            1,
            "no script: the directory decides"
        );
        let mut with = files.to_vec();
        with.push(("usr/sbin/grub-mkconfig", "#!/bin/sh\n. /etc/default/grub\n"));
        let (_dir, root) = tree(&with);
        let grub = observe(&root, "/etc/default/grub").unwrap();
        assert!(grub.drop_ins.is_empty() && !grub.reads_drop_ins && grub.mkconfig == Some("grub-mkconfig"));
        with[2].1 = "for x in ${sysconfdir}/default/grub.d/*.cfg ; do . $x; done";
        let (_dir, root) = tree(&with);
        assert_eq!(observe(&root, "/etc/default/grub").unwrap().drop_ins.len(), 1);
    }

    #[test]
    fn only_what_the_glob_takes_is_read_in_byte_order() {
        let (_dir, root) = tree(&[
            ("etc/default/grub.d/b.cfg", ""),
            ("etc/default/grub.d/B.cfg", ""),
            ("etc/default/grub.d/.hidden.cfg", ""),
            ("etc/default/grub.d/a.cfg.dpkg-old", ""),
        ]);
        let grub = observe(&root, "/etc/default/grub").unwrap();
        let paths: Vec<&str> = grub.drop_ins.iter().map(|(p, _)| p.as_str()).collect();
        assert_eq!(paths, ["/etc/default/grub.d/B.cfg", "/etc/default/grub.d/b.cfg"]);
        assert!(grub.main.is_none());
    }
}
