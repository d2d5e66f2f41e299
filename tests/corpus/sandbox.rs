//! The real `sh` in a root of its own that holds nothing but the shell and the files it sources: whatever
//! the files say, nothing of this machine can run or change.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use config_text::grub_default::File;
use config_text::shell_assignment::Dialect;
use proofs::{need_program, not_run};

/// What `sh` holds in both variables after sourcing the files; `None` where a variable is unset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    pub cmdline: Option<Vec<u8>>,
    pub cmdline_default: Option<Vec<u8>>,
}

impl Values {
    /// The arguments of a normal entry: both, as 10_linux puts them together.
    pub fn entry(&self) -> Vec<u8> {
        let parts: Vec<&[u8]> = [&self.cmdline, &self.cmdline_default]
            .into_iter()
            .filter_map(|value| value.as_deref())
            .filter(|value| !value.is_empty())
            .collect();
        parts.join(&b' ')
    }
}

/// A root to source files in.
pub struct Sandbox {
    root: tempfile::TempDir,
    enter: Vec<String>,
    /// Which shell it holds.
    pub dialect: Dialect,
}

const MARK: &[u8] = b"\n--8<-- values --8<--\n";
/// As grub-mkconfig on Debian does, without its `set -e`, so that a command that is missing here does not
/// end the reading.
const SCRIPT: &str = r#"
sysconfdir=/etc
. /etc/default/grub
for drop_in in /etc/default/grub.d/*.cfg; do
  if [ -e "$drop_in" ]; then . "$drop_in"; fi
done
printf '\n--8<-- values --8<--\n'
printf '%s=%s\0' "${GRUB_CMDLINE_LINUX+set}" "$GRUB_CMDLINE_LINUX"
printf '%s=%s\0' "${GRUB_CMDLINE_LINUX_DEFAULT+set}" "$GRUB_CMDLINE_LINUX_DEFAULT"
"#;

impl Sandbox {
    /// `None` after [`not_run`] where this machine cannot make one.
    pub fn new(proof: &str, dialect: Dialect) -> Option<Sandbox> {
        // As /bin/sh, bash behaves by its POSIX mode.
        let shell = if dialect == Dialect::Bash { "bash" } else { "dash" };
        let shell = need_program(proof, shell, shell)?;
        let root = tempfile::tempdir().expect("a scratch directory");
        let at = |path: &str| root.path().join(path.trim_start_matches('/'));
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        for directory in ["/etc/default/grub.d", "/dev"] {
            fs::create_dir_all(at(directory)).expect("a directory");
        }
        fs::write(at("/dev/null"), "").expect("a file");
        fs::set_permissions(at("/dev/null"), fs::Permissions::from_mode(0o666)).expect("a mode");
        fs::copy(&shell, at("/sh")).expect("a copy of the shell");
        for library in libraries(&shell) {
            fs::create_dir_all(at(&library).parent().expect("a parent")).expect("a directory");
            fs::copy(&library, at(&library)).expect("a copy of a library");
        }
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_string()).collect::<Vec<_>>();
        let is_root = fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0);
        let enter = if is_root {
            words(&["chroot", "--userspec=65534:65534"])
        } else {
            words(&["unshare", "-r", "chroot"])
        };
        let sandbox = Sandbox { root, enter, dialect };
        fs::write(sandbox.root.path().join("etc/default/grub"), "GRUB_CMDLINE_LINUX=works\n")
            .expect("a file");
        if sandbox.run().and_then(|values| values.cmdline).as_deref() != Some(b"works") {
            not_run(proof, "a shell in a root of its own needs root or user namespaces");
            return None;
        }
        Some(sandbox)
    }

    /// Sources the files: the first is the main file, the others drop-ins. `None` where the shell gives up.
    pub fn values(&self, files: &[File]) -> Option<Values> {
        let default = self.root.path().join("etc/default");
        fs::remove_dir_all(default.join("grub.d")).expect("the old drop-ins go");
        fs::create_dir(default.join("grub.d")).expect("a directory");
        let (main, drop_ins) = files.split_first().expect("a main file");
        fs::write(default.join("grub"), &main.bytes).expect("the main file");
        for drop_in in drop_ins {
            let name = Path::new(&drop_in.name).file_name().expect("a name");
            fs::write(default.join("grub.d").join(name), &drop_in.bytes).expect("a drop-in");
        }
        for file in files {
            self.provide_sourced(&file.bytes);
        }
        self.run()
    }

    /// Files that the text sources by a full path exist on its own host: here they are empty.
    fn provide_sourced(&self, text: &[u8]) {
        for line in String::from_utf8_lossy(text).lines() {
            let mut words = line.split_whitespace();
            let sources = words.next().is_some_and(|word| word == "." || word == "source");
            let path = words.next().unwrap_or_default().trim_matches(['"', '\'', ';']);
            let plain = path.starts_with('/')
                && !path.contains("..")
                && path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if sources && plain {
                let path = self.root.path().join(path.trim_start_matches('/'));
                fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
                if !path.exists() {
                    fs::write(path, "").expect("an empty file");
                }
            }
        }
    }

    fn run(&self) -> Option<Values> {
        let output = Command::new("timeout")
            .arg("10")
            .args(&self.enter)
            .arg(self.root.path())
            .args(["/sh", "-c", SCRIPT])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(std::process::Stdio::null())
            .output()
            .expect("timeout starts");
        // bash goes on behind a `.` that failed; grub-mkconfig, under `set -e`, does not.
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        if ["syntax error", "unexpected EOF"].iter().any(|words| complaint.contains(words)) {
            return None;
        }
        let stdout = output.stdout;
        let at = stdout.windows(MARK.len()).rposition(|window| window == MARK)?;
        let mut fields = stdout[at + MARK.len()..].split(|byte| *byte == 0);
        let mut value = || {
            let field = fields.next()?;
            Some(field.strip_prefix(b"set=").map(<[u8]>::to_vec))
        };
        Some(Values { cmdline: value()?, cmdline_default: value()? })
    }
}

/// The shared libraries that a program loads.
fn libraries(program: &Path) -> Vec<String> {
    let output = Command::new("ldd").arg(program).output().expect("ldd starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.split_whitespace().filter(|word| word.starts_with('/'));
    found.filter(|word| PathBuf::from(word).is_file()).map(str::to_string).collect()
}
