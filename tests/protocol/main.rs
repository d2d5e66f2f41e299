//! A compiled module and the real `AnsibleModule` of ansible-core, with the same argument spec, given
//! the same arguments: they must accept the same values, refuse with the same first message, show the
//! same `invocation`, warn the same and write the same line to the system log.

mod bad_input;
mod sets;
mod values;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use sets::Set;

/// Runs a command with a `/dev` of its own, in which nothing is logged yet. `$1` is an empty folder.
const OWN_DEV: &str = r#"
set -e
dev=$1; shift
mount -t tmpfs tmpfs "$dev"
for node in null zero full random urandom; do
    : > "$dev/$node"
    mount --bind "/dev/$node" "$dev/$node"
done
mount --rbind "$dev" /dev
exec "$@"
"#;

/// The example module with an option of every kind.
fn conformance() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(proofs::workspace_dir())
        .args(["build", "--quiet", "--package", "protocol", "--example", "conformance"])
        .status()
        .expect("cargo starts");
    assert!(status.success(), "cargo build --example conformance: {status}");
    proofs::target_dir().join("debug/examples/conformance")
}

/// How to get a `/dev` of one's own here, if at all.
fn unshare() -> Option<Vec<&'static str>> {
    for flags in [vec!["--mount"], vec!["--user", "--map-root-user", "--mount"]] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let tried = Command::new("unshare")
            .args(&flags)
            .args(["sh", "-c", OWN_DEV, "sh"])
            .arg(dir.path())
            .arg("true")
            .stderr(Stdio::null())
            .status();
        if tried.is_ok_and(|status| status.success()) {
            return Some(flags);
        }
    }
    None
}

/// The arguments as Ansible of this environment would send them.
fn arguments(set: &Set, version: &str, environment: &str) -> String {
    let mut settings = format!(
        r#""_ansible_version":"{version}","_ansible_module_name":"pci.passthrough.conformance","_ansible_verbosity":0"#
    );
    for (key, value, knows) in [
        ("_ansible_check_mode", "false", true),
        ("_ansible_diff", "true", true),
        ("_ansible_syslog_facility", r#""LOG_USER""#, true),
        ("_ansible_no_log", "false", true),
        ("_ansible_inject_invocation", "true", environment == "newest"),
    ] {
        if knows && !set.settings.contains(key) {
            settings.push_str(&format!(r#","{key}":{value}"#));
        }
    }
    let parts = [settings.as_str(), set.settings, &set.options];
    format!("{{{}}}", parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(","))
}

/// The version of ansible-core in an environment.
fn version(python: &Path) -> String {
    let code = "import ansible.release; print(ansible.release.__version__)";
    let output = Command::new(python).args(["-c", code]).output().expect("the environment's Python starts");
    assert!(output.status.success(), "{}: {}", python.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a version is text").trim().to_owned()
}

/// One environment's verdicts, one a set.
fn verdicts(python: &Path, binary: &Path, isolated: Option<&[&str]>, lines: &[String]) -> Vec<Value> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let reference = proofs::workspace_dir().join("tests/protocol/reference.py");
    let mut command = match isolated {
        Some(flags) => {
            let mut command = Command::new("unshare");
            command.args(flags).args(["sh", "-c", OWN_DEV, "sh"]).arg(dir.path()).arg(python);
            command
        }
        None => Command::new(python),
    };
    command.arg(reference).arg(binary);
    if isolated.is_some() {
        command.arg("/dev/log");
    }
    let mut child = command
        .env("HOME", "/home/somebody")
        .env("FOO", "foo")
        .env("TZ", "IST-5:30")
        .env_remove("UNDEF")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the reference starts");
    let mut stdin = child.stdin.take().expect("a piped standard input");
    let text = lines.join("\n") + "\n";
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("the reference ends");
    writer.join().expect("the writer ends").expect("the reference reads all sets");
    assert!(output.status.success(), "reference.py: {}", output.status);
    let text = String::from_utf8(output.stdout).expect("verdicts are text");
    text.lines().map(|line| serde_json::from_str(line).expect("a verdict is JSON")).collect()
}

#[test]
fn answers_as_ansible_module_does() {
    const NAME: &str = "protocol conformance";
    let binary = conformance();
    let isolated = unshare();
    if isolated.is_none() {
        proofs::not_run("protocol log line", "needs root or user namespaces, for a /dev/log of its own");
    }
    let all = sets::sets();
    let mut table = String::from("\nansible-core    sets  accepted  refused  raises  same  different\n");
    let mut faults = String::new();
    for name in proofs::VERSIONS {
        let Some(env) = proofs::ansible(&format!("{NAME}, ansible-core {name}"), name) else { continue };
        let python = env.python();
        let version = version(&python);
        let sets: Vec<&Set> =
            all.iter().filter(|set| set.only.is_empty() || set.only.contains(&name)).collect();
        let lines: Vec<String> = sets.iter().map(|set| arguments(set, &version, name)).collect();
        let verdicts = verdicts(&python, &binary, isolated.as_deref(), &lines);
        assert_eq!(verdicts.len(), lines.len(), "one verdict a set");
        assert!(verdicts.len() >= 300, "too few sets: {}", verdicts.len());
        let count = |outcome: &str| verdicts.iter().filter(|v| v["outcome"] == outcome).count();
        let differs = |v: &Value| v["differences"].as_array().is_none_or(|list| !list.is_empty());
        let different = verdicts.iter().filter(|v| differs(v)).count();
        for (line, verdict) in lines.iter().zip(&verdicts).filter(|(_, v)| differs(v)) {
            faults.push_str(&format!("{version} {line}\n    {}\n", verdict["differences"]));
        }
        table.push_str(&format!(
            "{version:<14}{:>6}{:>10}{:>9}{:>8}{:>6}{different:>11}\n",
            verdicts.len(),
            count("accepted"),
            count("refused"),
            count("crash"),
            verdicts.len() - different
        ));
    }
    // Past the harness's capture: the figures are part of the result.
    std::io::stderr().write_all(table.as_bytes()).expect("standard error takes a table");
    assert!(faults.is_empty(), "[what, AnsibleModule, this]\n{faults}{table}");
}
