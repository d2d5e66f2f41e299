//! The real modprobe as the judge of our reading of modprobe.d.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use config_text::modprobe_d::{Config, SourceFile};
use proofs::need_program;

/// A real modprobe, and what it adds on this machine to every answer.
pub struct Modprobe {
    program: PathBuf,
    kernel_cmdline: Vec<u8>,
    reads_weakdep: bool,
}

/// A file's name and content.
pub type File<'a> = (String, &'a [u8]);

impl Modprobe {
    /// Finds it on this machine, or says that the proof did not run.
    pub fn find(proof: &str) -> Option<Modprobe> {
        let program = need_program(proof, "modprobe", "kmod")?;
        let output = Command::new(&program).arg("--version").output().expect("modprobe starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_whitespace().nth(2).and_then(|word| word.parse::<u32>().ok());
        let version = version.unwrap_or_else(|| panic!("the version of kmod in {text:?}"));
        let kernel_cmdline = fs::read("/proc/cmdline").unwrap_or_default();
        Some(Modprobe { program, kernel_cmdline, reads_weakdep: version >= 33 })
    }

    /// What it makes of the directories, the first of which masks the others.
    pub fn shows(&self, directories: &[&Path]) -> Vec<u8> {
        let mut command = Command::new(&self.program);
        for directory in directories {
            command.arg("-C").arg(directory);
        }
        let output = command.arg("--showconfig").output().expect("modprobe starts");
        let end = b"\n# End of configuration files";
        let at = output.stdout.windows(end.len()).position(|window| window == end);
        let at = at.unwrap_or_else(|| panic!("no end mark: {}", String::from_utf8_lossy(&output.stderr)));
        output.stdout[..at].to_vec()
    }

    /// What we make of the same files.
    fn ours(&self, directories: &[Vec<File>]) -> Vec<u8> {
        let names: Vec<String> = (0..directories.len()).map(|number| format!("/d{number}")).collect();
        let mut files = Vec::new();
        for (directory, content) in names.iter().zip(directories) {
            files.extend(content.iter().map(|(name, bytes)| SourceFile { directory, name, bytes }));
        }
        let shown = Config::from_files(&files).with_kernel_cmdline(&self.kernel_cmdline).show();
        if self.reads_weakdep {
            return shown;
        }
        let lines = shown.split_inclusive(|&b| b == b'\n');
        lines.filter(|line| !line.starts_with(b"weakdep ")).collect::<Vec<_>>().concat()
    }

    /// Writes the files and compares the two readings.
    pub fn agrees(&self, directories: &[Vec<File>]) -> Result<(), String> {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let mut paths = Vec::new();
        for (number, files) in directories.iter().enumerate() {
            let path = scratch.path().join(number.to_string());
            fs::create_dir(&path).expect("a directory");
            for (name, bytes) in files {
                fs::write(path.join(name), bytes).expect("a file");
            }
            paths.push(path);
        }
        let real = self.shows(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>());
        let ours = self.ours(directories);
        if real == ours {
            return Ok(());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Err(format!("--- modprobe\n{}--- ours\n{}", text(&real), text(&ours)))
    }
}
