//! GRUB's settings and generated configuration, as they are.

use config_text::grub_default::{self, File, Settings};
use config_text::shell_assignment::Dialect;
use nix::sys::stat::FileStat;

use crate::root::{HostError, Root};

/// Where Debian's and Ubuntu's grub-mkconfig reads drop-ins from, after the main file.
pub const DROP_IN_DIR: &str = "/etc/default/grub.d";

/// The main file of the settings.
pub const SETTINGS: &str = "/etc/default/grub";
/// Debian's and Arch's place; Fedora's and SUSE's.
pub(crate) const CONFIG_PATHS: [&str; 2] = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"];

/// GRUB on one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grub {
    /// The main file and the drop-ins that grub-mkconfig reads, in its order; empty where there is
    /// no main file.
    pub files: Vec<File>,
    /// The shell that sources them.
    pub dialect: Dialect,
    /// Whether grub-mkconfig reads drop-ins at all.
    pub reads_drop_ins: bool,
    /// The name of the generator: `grub-mkconfig` or `grub2-mkconfig`; `None` where neither is installed.
    pub mkconfig: Option<&'static str>,
    /// The generated file's path; `None` where there is none.
    pub config_path: Option<String>,
    /// The generated file's bytes.
    pub config: Option<Vec<u8>>,
    /// The setting that is newer than the generated file, if one is.
    pub newer: Option<String>,
}

impl Grub {
    /// The settings as the editor takes them.
    pub fn settings(&self) -> Settings<'_> {
        Settings { files: &self.files, dialect: self.dialect }
    }

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
    let mut grub = settings(root, path)?;
    for path in CONFIG_PATHS {
        if let Some(bytes) = root.read_opt(path)? {
            grub.newer = newer(root, &grub, path)?;
            // Where links lead: a new file is generated beside the real one.
            (grub.config_path, grub.config) = (Some(root.locate(path)?.path), Some(bytes));
            break;
        }
    }
    Ok(grub)
}

/// What the settings give the variable: `None` where they are missing, cannot be read or work it out by
/// code, `Some(None)` where they leave it unset.
pub(crate) fn setting(root: &Root, variable: &str) -> Option<Option<Vec<u8>>> {
    // The generated file is not read: root alone may, and this must be told to everyone.
    let grub = settings(root, SETTINGS).ok()?;
    grub.files.first()?;
    grub_default::variable(&grub.settings(), variable)
}

fn settings(root: &Root, path: &str) -> Result<Grub, HostError> {
    let script = mkconfig(root);
    let mut grub = Grub {
        dialect: dialect(root),
        mkconfig: script.as_ref().map(|(name, _)| *name),
        // Reading drop-ins is a distribution's patch: the script itself tells. Where there is no
        // script, the directory does.
        reads_drop_ins: match script {
            Some((_, file)) => contains(&root.read(&file)?, b"default/grub.d"),
            None => root.is_dir(DROP_IN_DIR),
        },
        ..Grub::default()
    };
    if let Some(bytes) = root.read_opt(path)? {
        grub.files.push(File { name: path.to_string(), bytes });
        if grub.reads_drop_ins {
            grub.files.extend(drop_ins(root)?);
        }
    }
    Ok(grub)
}

fn drop_ins(root: &Root) -> Result<Vec<File>, HostError> {
    let mut files = Vec::new();
    for name in root.list(DROP_IN_DIR)? {
        // The shell's `*.cfg` takes no hidden files.
        let Some(name) = name.to_str().filter(|n| n.ends_with(".cfg") && !n.starts_with('.')) else {
            continue;
        };
        let name = format!("{DROP_IN_DIR}/{name}");
        if let Some(bytes) = root.read_opt(&name)? {
            files.push(File { name, bytes });
        }
    }
    Ok(files)
}

/// `/bin/sh` is a link to the shell it is; a tree without one is read as POSIX asks.
fn dialect(root: &Root) -> Dialect {
    let mut links = ["/bin/sh", "/usr/bin/sh"].iter().filter_map(|path| root.link(path));
    let bash = links.any(|target| target.as_encoded_bytes().ends_with(b"bash"));
    if bash { Dialect::Bash } else { Dialect::Posix }
}

/// The newest setting, or script of `/etc/grub.d`, if it is newer than the generated file at `path`.
fn newer(root: &Root, grub: &Grub, path: &str) -> Result<Option<String>, HostError> {
    let time = |path: &str| root.stat(path).map(|stat: FileStat| (stat.st_mtime, stat.st_mtime_nsec));
    let mut inputs: Vec<String> = grub.files.iter().map(|file| file.name.clone()).collect();
    if grub.reads_drop_ins {
        // A drop-in that was removed shows in its directory's time only.
        inputs.push(DROP_IN_DIR.to_string());
    }
    for script in root.list("/etc/grub.d")? {
        inputs.push(format!("/etc/grub.d/{}", script.display()));
    }
    let newest = inputs.into_iter().filter_map(|input| Some((time(&input)?, input))).max();
    Ok(newest.filter(|(changed, _)| Some(*changed) > time(path)).map(|(_, input)| input))
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
            observe(&root, "/etc/default/grub").unwrap().files.len(),
            2,
            "no script: the directory decides"
        );
        let mut with = files.to_vec();
        with.push(("usr/sbin/grub-mkconfig", "#!/bin/sh\n. /etc/default/grub\n"));
        let (_dir, root) = tree(&with);
        let grub = observe(&root, "/etc/default/grub").unwrap();
        assert!(grub.files.len() == 1 && !grub.reads_drop_ins && grub.mkconfig == Some("grub-mkconfig"));
        with[2].1 = "for x in ${sysconfdir}/default/grub.d/*.cfg ; do . $x; done";
        let (_dir, root) = tree(&with);
        assert_eq!(observe(&root, "/etc/default/grub").unwrap().files.len(), 2);
    }

    #[test]
    fn a_setting_newer_than_the_generated_file_is_named() {
        let (dir, root) =
            tree(&[("etc/default/grub", ""), ("boot/grub/grub.cfg", ""), ("etc/grub.d/10_linux", "")]);
        let set = |path: &str, seconds: u64| {
            let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            std::fs::File::open(dir.path().join(path)).unwrap().set_modified(time).unwrap();
        };
        set("etc/default/grub", 10);
        set("etc/grub.d/10_linux", 10);
        set("boot/grub/grub.cfg", 20);
        assert_eq!(observe(&root, "/etc/default/grub").unwrap().newer, None);
        set("etc/grub.d/10_linux", 30);
        assert_eq!(observe(&root, "/etc/default/grub").unwrap().newer.unwrap(), "/etc/grub.d/10_linux");
    }

    #[test]
    fn only_what_the_glob_takes_is_read_in_byte_order() {
        let (_dir, root) = tree(&[
            ("etc/default/grub", ""),
            ("etc/default/grub.d/b.cfg", ""),
            ("etc/default/grub.d/B.cfg", ""),
            ("etc/default/grub.d/.hidden.cfg", ""),
            ("etc/default/grub.d/a.cfg.dpkg-old", ""),
        ]);
        let grub = observe(&root, "/etc/default/grub").unwrap();
        let paths: Vec<&str> = grub.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(paths, ["/etc/default/grub", "/etc/default/grub.d/B.cfg", "/etc/default/grub.d/b.cfg"]);
        assert!(observe(&root, "/etc/default/none").unwrap().files.is_empty());
    }
}
