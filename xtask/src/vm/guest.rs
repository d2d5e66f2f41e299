//! A running guest: started, reached over SSH, ended by its process id however the run ends.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::vm::machine::{self, Machine};
use crate::vm::process;
use crate::vm::qmp::Qmp;
use crate::{paths, run};

/// An emulated processor on a busy machine: a boot takes 30 s to some minutes.
const BOOT_LIMIT: Duration = Duration::from_secs(900);
/// The longest that one command in the guest may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(600);

/// A QEMU process and the way into it.
pub struct Guest {
    qemu: Child,
    port: u16,
    key: PathBuf,
    console: PathBuf,
    control: PathBuf,
}

impl Guest {
    /// Switches a guest on; `dir` gets its console log.
    pub fn start(machine: Machine<'_>, dir: &Path, key: &Path) -> Result<Guest, String> {
        Guest::launch(machine, dir, key, None)
    }

    /// Goes on with a guest from what [`save`](Guest::save) wrote and the disk that belongs to it.
    pub fn resume(machine: Machine<'_>, dir: &Path, key: &Path, state: &Path) -> Result<Guest, String> {
        Guest::launch(machine, dir, key, Some(state))
    }

    fn launch(machine: Machine<'_>, dir: &Path, key: &Path, state: Option<&Path>) -> Result<Guest, String> {
        let port = free_port()?;
        let control = dir.join("qmp");
        paths::remove(&control)?;
        let console = dir.join("console.log");
        paths::write(&console, b"")?;
        let mut qemu = machine::command(machine, port);
        qemu.arg("-serial").arg(format!("file:{}", console.display())).args(["-monitor", "none"]);
        qemu.arg("-qmp").arg(format!("unix:{},server=on,wait=off", control.display()));
        if let Some(state) = state {
            qemu.arg("-incoming").arg(format!("exec:cat '{}'", state.display()));
        }
        let errors = std::fs::File::create(dir.join("qemu.log")).map_err(|error| error.to_string())?;
        let qemu = qemu
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("qemu-system-x86_64: {error}"))?;
        Ok(Guest { qemu, port, key: key.to_owned(), console, control })
    }

    /// Waits until SSH answers in a boot other than `last`; returns the boot's id and the time it took.
    pub fn wait(&mut self, last: Option<&str>) -> Result<(String, Duration), String> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.qemu.try_wait().map_err(|error| error.to_string())? {
                return Err(format!("QEMU ended ({status}):\n{}", self.console_tail()));
            }
            let asked = self.ssh("cat /proc/sys/kernel/random/boot_id", Duration::from_secs(90));
            if let Ok(boot_id) = asked
                && Some(boot_id.trim()) != last
            {
                return Ok((boot_id.trim().to_owned(), start.elapsed()));
            }
            if start.elapsed() > BOOT_LIMIT {
                let limit = run::seconds(BOOT_LIMIT);
                return Err(format!("no SSH after {limit}; the console's end:\n{}", self.console_tail()));
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Runs a shell script in the guest; its standard output, or an error that holds all it said.
    pub fn sh(&self, script: &str) -> Result<String, String> {
        self.ssh(script, COMMAND_LIMIT)
    }

    /// The id of the running boot.
    pub fn boot_id(&self) -> Result<String, String> {
        self.sh("cat /proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned())
    }

    /// The inventory line for Ansible: the host `guest`.
    pub fn inventory(&self) -> String {
        format!(
            "guest ansible_host=127.0.0.1 ansible_port={} ansible_user=root ansible_ssh_private_key_file={} \
             ansible_ssh_common_args='{}'\n",
            self.port,
            self.key.display(),
            SSH_OPTIONS.join(" ")
        )
    }

    /// Pulls the plug.
    pub fn cut_power(mut self) {
        self.end();
    }

    /// Writes the running guest to `state` and ends it. Only Intel's emulated IOMMU can be saved.
    pub fn save(self, state: &Path) -> Result<(), String> {
        Qmp::connect(&self.control)?.save(state)
    }

    /// The end of what the guest's kernel said on the serial line.
    fn console_tail(&self) -> String {
        let bytes = std::fs::read(&self.console).unwrap_or_default();
        run::tail(&String::from_utf8_lossy(&bytes), 15)
    }

    fn ssh(&self, script: &str, limit: Duration) -> Result<String, String> {
        let mut ssh = Command::new("ssh");
        ssh.args(SSH_OPTIONS).arg("-i").arg(&self.key).args(["-p", &self.port.to_string()]);
        ssh.args(["-o", "ConnectTimeout=60", "-o", "BatchMode=yes", "root@127.0.0.1", script]);
        let output = process::bounded(limit, &ssh)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("ssh: {error}"))?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(stdout);
        }
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("`{script}` in the guest: {}\n{stdout}{stderr}", output.status))
    }

    fn end(&mut self) {
        // An error means that it has ended already.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.end();
    }
}

/// Nothing of the user's own configuration; the guests' host keys are new with each image.
const SSH_OPTIONS: [&str; 8] = [
    "-F",
    "none",
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
];

/// The ports that this run has given to guests: one is free for the kernel until its QEMU has opened it.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

fn free_port() -> Result<u16, String> {
    let mut given = GIVEN.lock().map_err(|error| error.to_string())?;
    loop {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        if given.insert(port) {
            return Ok(port);
        }
    }
}

/// The log's name of a step with the guest whose folder is `dir`.
pub fn log_name(dir: &Path, step: &str) -> String {
    let guest = dir.file_name().unwrap_or_default().to_string_lossy();
    format!("vm-{guest}-{step}")
}

/// The guest's own copy of UEFI's variables.
pub fn variables(dir: &Path) -> Result<PathBuf, String> {
    let [_, first] = machine::UEFI;
    let path = dir.join("uefi-variables");
    paths::write(&path, &paths::read(Path::new(first))?)?;
    Ok(path)
}

/// A fresh qcow2 overlay over `image`.
pub fn overlay(image: &Path, dir: &Path) -> Result<PathBuf, String> {
    let path = dir.join("disk.qcow2");
    paths::remove(&path)?;
    let mut qemu_img = Command::new("qemu-img");
    qemu_img.args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"]).arg(image).arg(&path);
    run::logged(&log_name(dir, "overlay"), "making an overlay", &mut qemu_img)?;
    Ok(path)
}
