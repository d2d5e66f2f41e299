//! sshd on loopback for the measurements: its own keys, its own settings, gone with the value.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::{paths, run};

/// Notes each command of a connection before it is run.
const COUNTING: &str = "#!/bin/sh\necho \"$SSH_ORIGINAL_COMMAND\" | tr '\\n' ' ' >>LOG\necho >>LOG\nexec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"\n";

/// A running sshd.
pub struct Sshd {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    dir: PathBuf,
    child: Child,
}

impl Sshd {
    /// Starts one that keeps its files in `dir`; a counting one notes its commands there.
    pub fn start(dir: &Path, counting: bool) -> Result<Sshd, String> {
        let mut sshd = Sshd::launch(dir, counting)?;
        sshd.wait()?;
        Ok(sshd)
    }

    /// Starts many at once.
    pub fn start_many(dirs: &[PathBuf]) -> Result<Vec<Sshd>, String> {
        let mut all = dirs.iter().map(|dir| Sshd::launch(dir, false)).collect::<Result<Vec<_>, _>>()?;
        all.iter_mut().try_for_each(Sshd::wait)?;
        Ok(all)
    }

    fn launch(dir: &Path, counting: bool) -> Result<Sshd, String> {
        paths::make_dir(dir)?;
        let program = program()?;
        let at = dir.display();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = port.map_err(|error| format!("no free port: {error}"))?.port();
        let key = key_dir().join("key");
        let key = key.display();
        // A shell level above 1: bash then leaves the user's own .bashrc alone, which is no part of what is measured.
        let mut text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {key}\nPidFile none\nUsePAM no\nStrictModes no\nUseDNS no\n\
             AuthorizedKeysFile {key}.pub\nPermitRootLogin yes\nMaxStartups 500\nMaxSessions 500\n\
             Subsystem sftp {}\nSetEnv SHLVL=1\n",
            sftp_server()?.display()
        );
        if counting {
            let script = dir.join("counting");
            let log = dir.join("commands").display().to_string();
            paths::write(&script, COUNTING.replace("LOG", &log).as_bytes())?;
            text.push_str(&format!("ForceCommand /bin/sh {}\n", script.display()));
        }
        paths::write(&dir.join("sshd_config"), text.as_bytes())?;
        let mut sshd = Command::new(program);
        sshd.args(["-D", "-f"]).arg(dir.join("sshd_config")).arg("-E").arg(dir.join("sshd.log"));
        let child = sshd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.map_err(|error| format!("sshd: {error}"))?;
        Ok(Sshd { port, dir: at.to_string().into(), child })
    }

    fn wait(&mut self) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.child.try_wait().ok().flatten().is_some();
            if ended || Instant::now() > end {
                let log = std::fs::read_to_string(self.dir.join("sshd.log")).unwrap_or_default();
                return Err(format!("sshd does not listen: {}", run::tail(&log, 3)));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// How many commands a counting one has run so far.
    pub fn commands(&self) -> usize {
        std::fs::read_to_string(self.dir.join("commands")).unwrap_or_default().lines().count()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of an inventory that every host of a measurement shares.
pub fn variables(python: &Path) -> String {
    format!(
        "[all:vars]\nansible_connection=ssh\nansible_host=127.0.0.1\nansible_python_interpreter={}\n\
         ansible_ssh_private_key_file={}\nansible_control_path_dir=/tmp/.pci-passthrough-bench\n\
         ansible_ssh_common_args='-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR'\n",
        python.display(),
        key_dir().join("key").display(),
    )
}

/// Makes the key pair that both sides use.
pub fn make_key() -> Result<(), String> {
    let dir = key_dir();
    paths::remove(&dir)?;
    paths::make_dir(&dir)?;
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(dir.join("key"));
    run::logged("bench-key", "making a key", &mut keygen).map(|_| ())
}

fn key_dir() -> PathBuf {
    paths::target().join("bench/key")
}

/// sshd insists on being called by its whole path.
fn program() -> Result<PathBuf, String> {
    let dirs = ["/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/bin"];
    let found = dirs.iter().map(|dir| Path::new(dir).join("sshd")).find(|path| path.is_file());
    found.ok_or_else(|| "sshd is missing: install the package openssh-server".to_owned())
}

fn sftp_server() -> Result<PathBuf, String> {
    let places =
        ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"];
    let found = places.iter().map(PathBuf::from).find(|path| path.is_file());
    found.ok_or_else(|| "sftp-server is missing: install the package openssh-sftp-server".to_owned())
}
