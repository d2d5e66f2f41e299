//! A machine of its own for one proof: what a run does to it is gone with it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use proofs::{AnsibleEnv, ansible, need_program, need_root, target_dir, workspace_dir};

use crate::accounts;

/// Lays overlays and empty file systems over what a run may change. `$1` is the folder for all of them.
const OWN_MACHINE: &str = r#"
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$1"
for name in etc var; do
    mkdir -p "$1/$name/upper" "$1/$name/work"
    mount -t overlay -o "lowerdir=/$name,upperdir=$1/$name/upper,workdir=$1/$name/work" none "/$name"
done
rm -rf /var/lib/pci-passthrough
mount -t tmpfs -o mode=755 none /home
mount -t tmpfs -o mode=755 none /run
mkdir /run/sshd
mkdir "$1/dev" "$1/dev/pts" "$1/dev/shm"
mount --bind /dev/pts "$1/dev/pts"
for node in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0' 'ptmx 5 2'; do
    set -- "$1" $node
    mknod -m 666 "$1/dev/$2" c "$3" "$4"
done
ln -s /proc/self/fd "$1/dev/fd"
mount --rbind "$1/dev" /dev
"#;

/// Notes each command and passes it on, through what the file `wrap` holds (`setarch linux32`).
const FORCED: &str = r#"#!/bin/sh
case $SSH_ORIGINAL_COMMAND in *sftp-server*) kind=file;; *) kind=command;; esac
echo "$kind" >>"WORLD/commands"
exec $(cat "WORLD/wrap") /bin/sh -c "$SSH_ORIGINAL_COMMAND"
"#;

/// How a playbook's tasks reach the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// As the collection has it.
    Cached,
    /// Without the collection's action plugin: ansible-core's own way for a binary.
    Ordinary,
}

/// What a run printed, its exit status, and what went over SSH: `command` or `file` for each channel.
#[derive(Debug)]
pub struct Ran {
    pub text: String,
    pub rc: i32,
    pub channels: Vec<String>,
}

impl Ran {
    /// Holds it against success, with all that was printed on failure.
    #[track_caller]
    pub fn succeeded(self) -> Ran {
        assert_eq!(self.rc, 0, "{}", self.text);
        self
    }

    /// How many files were copied.
    pub fn files(&self) -> usize {
        self.channels.iter().filter(|kind| *kind == "file").count()
    }
}

/// The machine of one proof.
pub struct World {
    dir: PathBuf,
    env: AnsibleEnv,
    _sshd: Sshd,
    log: Arc<SystemLog>,
}

/// What programs send to the system log. It is read all the time: they wait where nobody does.
struct SystemLog {
    lines: Mutex<Vec<String>>,
    ended: AtomicBool,
}

/// Runs `proof` in a machine of its own with this version of ansible-core. It says so where the machine lacks what is
/// needed for it.
pub fn within(name: &str, version: &str, proof: impl FnOnce(&World) + Send) {
    if !need_root(name) {
        return;
    }
    for (program, package) in [("sshd", "openssh-server"), ("ssh", "openssh-client"), ("sudo", "sudo")] {
        if need_program(name, program, package).is_none() {
            return;
        }
    }
    let Some(env) = ansible(name, version) else { return };
    let dir = tempfile::tempdir().expect("a scratch folder");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
    // A namespace belongs to a thread, and so to all that it starts.
    let done = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
                let world = World::make(dir.path(), env);
                proof(&world);
            })
            .join()
    });
    if let Err(panic) = done {
        resume_unwind(panic);
    }
}

impl World {
    fn make(dir: &Path, env: AnsibleEnv) -> World {
        run(Command::new("sh").args(["-c", OWN_MACHINE, "sh"]).arg(dir));
        let log = SystemLog::start();
        accounts::make();
        for name in ["key", "host_key"] {
            run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(dir.join(name)));
        }
        let forced = dir.join("forced");
        fs::write(&forced, FORCED.replace("WORLD", &dir.display().to_string())).expect("the forced command");
        fs::set_permissions(&forced, fs::Permissions::from_mode(0o755)).expect("permissions");
        for name in ["commands", "wrap"] {
            fs::write(dir.join(name), "").expect("a file");
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o666)).expect("permissions");
        }
        let sshd = Sshd::start(dir, &mut Command::new("env"), |_| {});
        fs::write(dir.join("inventory"), inventory(dir, sshd.port)).expect("the inventory");
        let world = World { dir: dir.to_owned(), env, _sshd: sshd, log };
        world.configure("");
        world.without_action_plugin();
        world
    }

    /// A copy of the collection in which nothing leads to the action plugin.
    fn without_action_plugin(&self) {
        let copy = self.path("ordinary/ansible_collections/pci/passthrough");
        fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder");
        let from = target_dir().join("installed/ansible_collections/pci/passthrough");
        run(Command::new("cp").arg("-a").arg(from).arg(&copy));
        fs::write(copy.join("meta/runtime.yml"), "---\nrequires_ansible: \">=2.16.0\"\n").expect("written");
    }

    /// The text without where the collection lies.
    pub fn without_paths(&self, text: &str) -> String {
        let places = [self.path("ordinary"), target_dir().join("installed")];
        places
            .iter()
            .fold(text.to_owned(), |text, place| text.replace(&place.display().to_string(), "COLLECTIONS"))
    }

    /// A path in the machine's own folder, which everyone on it may read.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// What every command over SSH is started through from now on (`setarch linux32`).
    pub fn wrap(&self, words: &str) {
        fs::write(self.path("wrap"), words).expect("the wrapper");
    }

    /// Ansible's own settings from now on.
    pub fn configure(&self, settings: &str) {
        fs::write(self.path("ansible.cfg"), format!("[defaults]\n{settings}\n")).expect("the configuration");
    }

    /// A fresh copy of the sample host for the login user; its path is the same each time.
    pub fn host(&self, name: &str) -> PathBuf {
        let root = Path::new(accounts::HOME).join("host");
        let from = workspace_dir().join("tests/fixtures/hosts").join(name);
        run(Command::new("rm").arg("-rf").arg(&root));
        run(Command::new("cp").arg("-a").arg(from).arg(&root));
        run(Command::new("chown").args(["-R", &format!("{}:", accounts::LOGIN)]).arg(&root));
        root
    }

    /// Runs a playbook of the collection's proofs, or a text that begins with `-`.
    pub fn play(&self, way: Way, playbook: &str, options: &[&str]) -> Ran {
        let path = if playbook.trim_start().starts_with('-') {
            let path = self.path("playbook.yml");
            fs::write(&path, playbook).expect("the playbook");
            path
        } else {
            workspace_dir().join("tests").join(playbook)
        };
        self.ansible(way, "ansible-playbook", options, &[path.as_os_str().to_str().expect("a path")])
    }

    /// Runs one task.
    pub fn task(&self, way: Way, module: &str, arguments: &str, options: &[&str]) -> Ran {
        let module = format!("pci.passthrough.{module}");
        self.ansible(way, "ansible", options, &["target", "-m", &module, "-a", arguments])
    }

    fn ansible(&self, way: Way, program: &str, options: &[&str], words: &[&str]) -> Ran {
        fs::write(self.path("commands"), "").expect("the list of commands");
        let mut command = self.env.command(program);
        command
            .arg("--inventory")
            .arg(self.path("inventory"))
            .args(options)
            .args(words)
            .stdin(Stdio::null())
            .env("ANSIBLE_CONFIG", self.path("ansible.cfg"))
            .env("ANSIBLE_HOME", self.path("controller"))
            .env("ANSIBLE_LOCAL_TEMP", self.path("controller/tmp"))
            .env("ANSIBLE_REMOTE_TEMP", "~/.ansible/tmp")
            .env("ANSIBLE_PYTHON_INTERPRETER", "/usr/bin/python3")
            .env("ANSIBLE_CONNECTION_PLUGINS", self.path("connections"));
        if way == Way::Ordinary {
            command.env("ANSIBLE_COLLECTIONS_PATH", self.path("ordinary"));
        }
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let channels = self.read("commands").lines().map(str::to_owned).collect();
        Ran { text: format!("{out}{err}"), rc: output.status.code().unwrap_or(-1), channels }
    }

    /// A connection plugin: core's ssh with one word changed.
    pub fn connection(&self, name: &str, from: &str, to: &str) {
        let code = "import ansible.plugins.connection.ssh as ssh; print(ssh.__file__, end='')";
        let output = Command::new(self.env.python()).args(["-c", code]).output().expect("Python runs");
        let text = fs::read_to_string(String::from_utf8(output.stdout).expect("a path")).expect("the plugin");
        assert!(text.contains(from), "core's ssh plugin has no {from}");
        fs::create_dir_all(self.path("connections")).expect("a folder");
        fs::write(self.path("connections").join(format!("{name}.py")), text.replace(from, to))
            .expect("the plugin is written");
    }

    /// What was sent to the system log since the last call.
    pub fn logged(&self) -> Vec<String> {
        // What is on its way arrives.
        std::thread::sleep(Duration::from_millis(200));
        std::mem::take(&mut *self.log.lines.lock().expect("the log"))
    }
}

impl SystemLog {
    fn start() -> Arc<SystemLog> {
        let socket = UnixDatagram::bind("/dev/log").expect("a system log");
        fs::set_permissions("/dev/log", fs::Permissions::from_mode(0o666)).expect("permissions");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a time limit");
        let log = Arc::new(SystemLog { lines: Mutex::default(), ended: AtomicBool::new(false) });
        let reader = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while !reader.ended.load(Ordering::Relaxed) {
                if let Ok(length) = socket.recv(&mut buffer) {
                    let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    reader.lines.lock().expect("the log").push(line);
                }
            }
        });
        log
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.log.ended.store(true, Ordering::Relaxed);
    }
}

/// Runs a command that must succeed; what it printed.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {error}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs lines of shell, as root, in the machine of the calling proof.
#[track_caller]
pub fn shell(script: &str) -> String {
    run(Command::new("sh").args(["-euc", script]))
}

/// A running sshd.
pub struct Sshd {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    child: Child,
}

impl Sshd {
    /// Starts one with the keys and settings in `dir`, as the last words of `through`; `started` is told its process.
    pub fn start(dir: &Path, through: &mut Command, started: impl FnOnce(&mut Child)) -> Sshd {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = port.expect("a free port").port();
        let at = dir.display();
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host_key\nPidFile none\nUsePAM no\nStrictModes no\n\
             AuthorizedKeysFile {at}/key.pub\nForceCommand {at}/forced\nSubsystem sftp /usr/lib/openssh/sftp-server\n\
             MaxStartups 100\nMaxSessions 100\nUseDNS no\n"
        );
        let (config, log) = (dir.join(format!("sshd_config.{port}")), dir.join("sshd.log"));
        fs::write(&config, text).expect("sshd's configuration");
        // It must be called by its whole path.
        let program = need_program("cached", "sshd", "openssh-server").expect("sshd is there");
        through.arg(program).args(["-D", "-f"]).arg(config).arg("-E").arg(&log).stdin(Stdio::piped());
        let mut child = through.spawn().unwrap_or_else(|error| panic!("{through:?}: {error}"));
        started(&mut child);
        let sshd = Sshd { port, child };
        let ready = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = fs::read_to_string(&log).unwrap_or_default();
            assert!(Instant::now() < ready, "sshd does not listen: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        sshd
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `target` is the login user's host, `localhost` the same for playbooks that name it, `neighbour` another user's.
fn inventory(dir: &Path, port: u16) -> String {
    let at = dir.display();
    let many: String = (0..8).map(|number| format!("many{number}\n")).collect();
    format!(
        "target\nlocalhost\nneighbour ansible_user={}\n[many]\n{many}[all:vars]\nansible_connection=ssh\n\
         ansible_host=127.0.0.1\nansible_port={port}\nansible_user={}\n\
         ansible_ssh_private_key_file={at}/key\nansible_control_path_dir={at}/control\n\
         ansible_ssh_common_args='-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
         -o ControlPersist=3s'\n",
        accounts::OTHER,
        accounts::LOGIN,
    )
}
