//! Real Ansible against a guest: the role as a playbook, single modules as tasks.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ansible_env::Env;
use crate::demo::recap;
use crate::vm::guest::{self, Guest};
use crate::vm::process;
use crate::{paths, run};

/// The longest that a playbook may take, a reboot included.
const LIMIT: Duration = Duration::from_secs(2400);
/// What the role waits for a guest to be back.
const REBOOT_TIMEOUT: u32 = 900;
/// The driver to blacklist: three cards have it, and without a rebuilt initramfs it would bind there.
pub const BLACKLISTED: &str = "e1000e";

/// Ansible for one guest.
pub struct Ansible {
    env: Env,
    place: String,
    dir: PathBuf,
    runs: usize,
    /// Where modules are put in the guest; the user's home without.
    pub remote_tmp: Option<&'static str>,
}

/// One run of the role.
pub struct Play {
    /// Ansible's exit status.
    pub rc: i32,
    /// All that was printed.
    pub text: String,
    /// The changed tasks of the closing recap.
    pub changed: u32,
    /// `vfio_host_report`; null if the role did not get that far.
    pub report: Value,
    /// The facts at the end of the run; null likewise.
    pub facts: Value,
    /// How long it took.
    pub took: Duration,
}

/// What to run the role with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// `--check --diff`.
    pub check: bool,
    /// `vfio_host_state: absent`.
    pub absent: bool,
    /// `vfio_host_reboot: true`.
    pub reboot: bool,
    /// The role's other variables, an object; without, the driver to blacklist.
    pub variables: Option<&'a Value>,
}

impl Ansible {
    /// For the guest that the table calls `place` and whose folder is `dir`.
    pub fn new(env: Env, place: String, dir: PathBuf) -> Ansible {
        Ansible { env, place, dir, runs: 0, remote_tmp: None }
    }

    /// Runs the role to its end, however it ends.
    pub fn role(&mut self, guest: &Guest, options: Options<'_>) -> Result<Play, String> {
        let result = self.dir.join("result.json");
        paths::remove(&result)?;
        let start = Instant::now();
        let mut command = self.role_command(guest, options, &result)?;
        self.runs += 1;
        let name = guest::log_name(&self.dir, &format!("role-{}", self.runs));
        let done = run::captured(&name, &format!("{}: the role", self.place), &mut command)?;
        let result = std::fs::read(&result).ok();
        let result: Value =
            result.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null);
        Ok(Play {
            rc: done.status.code().unwrap_or(-1),
            changed: recap(&done.text, "guest").map_or(0, |(changed, _)| changed),
            report: result.get("report").cloned().unwrap_or(Value::Null),
            facts: result.get("facts").cloned().unwrap_or(Value::Null),
            text: done.text,
            took: start.elapsed(),
        })
    }

    /// Starts the role and leaves it to itself: for a guest that will not see its end.
    pub fn start_role(&self, guest: &Guest, options: Options<'_>) -> Result<std::process::Child, String> {
        let result = self.dir.join("result.json");
        let log = std::fs::File::create(self.dir.join("cut-role.log")).map_err(|error| error.to_string())?;
        let mut command = self.role_command(guest, options, &result)?;
        command.stdin(Stdio::null()).stdout(log).stderr(Stdio::null());
        command.spawn().map_err(|error| format!("ansible-playbook: {error}"))
    }

    fn role_command(&self, guest: &Guest, options: Options<'_>, result: &PathBuf) -> Result<Command, String> {
        let mut playbook = self.command(guest, "ansible-playbook")?;
        let blacklist = json!({ "vfio_host_blacklist_drivers": [BLACKLISTED] });
        let common = json!({
            "vfio_host_state": if options.absent { "absent" } else { "present" },
            "vfio_host_reboot": options.reboot,
            "vfio_host_reboot_timeout": REBOOT_TIMEOUT,
            "vm_result": result,
        });
        for variables in [&common, options.variables.unwrap_or(&blacklist)] {
            playbook.arg("--extra-vars").arg(variables.to_string());
        }
        if options.check {
            playbook.args(["--check", "--diff"]);
        }
        playbook.arg(paths::workspace().join("tests/vm/role.yml"));
        Ok(process::bounded(LIMIT, &playbook))
    }

    /// Runs one module, for real or with `--check`; its reply, and whether Ansible took it for a success.
    pub fn module(
        &self,
        guest: &Guest,
        name: &str,
        arguments: &Value,
        check: bool,
    ) -> Result<(bool, Value), String> {
        let mut ansible = self.command(guest, "ansible")?;
        ansible.args(["guest", "-m", name]).env("ANSIBLE_CALLBACK_RESULT_FORMAT", "json");
        if check {
            ansible.arg("--check");
        }
        // An empty object would count as an argument.
        if arguments.as_object().is_some_and(|options| !options.is_empty()) {
            ansible.arg("-a").arg(arguments.to_string());
        }
        let log = guest::log_name(&self.dir, "module");
        let what = format!("{}: {name}", self.place);
        let done = run::captured(&log, &what, &mut process::bounded(LIMIT, &ansible))?;
        let json = done.stdout.split_once("=> ").map_or("", |(_, json)| json);
        match serde_json::Deserializer::from_str(json).into_iter().next() {
            Some(Ok(reply)) => Ok((done.status.success(), reply)),
            _ => Err(format!("{name} gave no reply:\n{}", done.text)),
        }
    }

    /// The facts, with all parts.
    pub fn facts(&self, guest: &Guest) -> Result<Value, String> {
        let (success, mut reply) = self.module(guest, "pci.passthrough.iommu_facts", &json!({}), false)?;
        match reply.pointer_mut("/ansible_facts/pci_passthrough") {
            Some(facts) if success => Ok(facts.take()),
            _ => Err(format!("iommu_facts: {reply}")),
        }
    }

    fn command(&self, guest: &Guest, program: &str) -> Result<Command, String> {
        let inventory = self.dir.join("inventory");
        paths::write(&inventory, guest.inventory().as_bytes())?;
        let mut command = self.env.command(program);
        // An emulated processor takes its time for a key exchange.
        command.env("ANSIBLE_TIMEOUT", "120").arg("--inventory").arg(inventory);
        // The environment's directory for remote files is one of this machine's.
        command.env_remove("ANSIBLE_REMOTE_TEMP");
        if let Some(dir) = self.remote_tmp {
            command.env("ANSIBLE_REMOTE_TEMP", dir);
        }
        Ok(command)
    }
}

impl Play {
    /// The run as a result: everything printed, if Ansible saw a failure.
    pub fn succeeded(self) -> Result<Play, String> {
        match self.rc {
            0 => Ok(self),
            rc => Err(format!("ansible-playbook ended with {rc}:\n{}", run::tail(&self.text, 60))),
        }
    }

    /// `not_configured`, `ready`, …
    pub fn verdict(&self) -> &str {
        state(&self.facts)
    }

    /// A Boolean of the report.
    pub fn reported(&self, key: &str) -> bool {
        self.report.get(key).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// The verdict's state in some facts.
pub fn state(facts: &Value) -> &str {
    facts.pointer("/verdict/state").and_then(Value::as_str).unwrap_or("none")
}

/// The verdict's reasons in some facts, by their codes.
pub fn reasons(facts: &Value) -> Vec<String> {
    let reasons = facts.pointer("/verdict/reasons").and_then(Value::as_array);
    let codes = reasons.into_iter().flatten().filter_map(|reason| reason.get("code")?.as_str());
    codes.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_verdict() {
        let facts = json!({"verdict": {"state": "ready", "reasons": [{"code": "a", "message": "b"}]}});
        assert_eq!((state(&facts), reasons(&facts)), ("ready", vec!["a".to_owned()]));
        assert_eq!(state(&Value::Null), "none");
    }
}
