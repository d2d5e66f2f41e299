//! Single modules in ad-hoc runs and playbooks.

use proofs::{Snapshot, ansible};
use serde_json::{Value, json};

use crate::hosts::{Host, play, playbook, run};

pub fn ad_hoc_arguments_are_strings(version: &str) {
    let Some(env) = ansible("ansible::ad_hoc", version) else { return };
    let host = Host::copy("pve-intel-two-gpus");
    let arguments =
        format!("root={} passthrough_mode=yes update=no parameters=one=1,two", host.root().display());
    let mut command = env.command("ansible");
    command.args(["localhost", "--connection=local", "-m", "pci.passthrough.grub_iommu", "-a", &arguments]);
    let ran = run(&mut command).succeeded();
    let reply = ran.text.split_once("=> ").map(|(_, json)| json).expect("a reply");
    let reply: Value =
        serde_json::Deserializer::from_str(reply).into_iter().next().expect("a reply").expect("JSON");
    assert_eq!(reply["changed"], true, "{reply}");
    let after = reply["cmdline"]["after"].as_str().expect("the command line");
    for token in ["intel_iommu=on", "iommu=pt", "one=1", "two"] {
        assert!(after.split(' ').any(|word| word == token), "{token} is missing in {after}");
    }
}

/// For every module that writes: check mode changes nothing, its diff is that of the real run, the second run
/// changes nothing.
pub fn check_mode_tells_the_truth(version: &str) {
    let Some(env) = ansible("ansible::check_mode", version) else { return };
    for name in ["pve-intel-two-gpus", "debian-amd"] {
        let host = Host::copy(name);
        let first = Snapshot::of(&host.root());
        let variables = json!({"root": host.root()});
        let foretold = play(&env, &playbook("check_mode.yml"), &variables, &["--tags=foretell"]).succeeded();
        assert_eq!(
            first.traces(&Snapshot::of(&host.root())),
            [""; 0],
            "{name}: check mode wrote\n{}",
            foretold.text
        );
        play(&env, &playbook("check_mode.yml"), &variables, &[]).succeeded();
    }
}

/// Loops, registered results, module_defaults, environment, a templated value of each type.
pub fn task_keywords_work(version: &str) {
    let Some(env) = ansible("ansible::keywords", version) else { return };
    let host = Host::copy("debian-amd");
    // Only `async` needs Python on the target, for Ansible's own wrapper.
    let variables = json!({"root": host.root(), "ansible_python_interpreter": env.python()});
    play(&env, &playbook("keywords.yml"), &variables, &[]).succeeded();
}

pub fn refusals_read_like_those_of_any_module(version: &str) {
    let Some(env) = ansible("ansible::refusals", version) else { return };
    let host = Host::copy("debian-amd");
    let first = Snapshot::of(&host.root());
    play(&env, &playbook("refusals.yml"), &json!({"root": host.root()}), &[]).succeeded();
    assert_eq!(first.traces(&Snapshot::of(&host.root())), [""; 0], "a refused task wrote");
}

pub fn no_log_keeps_its_secret(version: &str) {
    let Some(env) = ansible("ansible::no_log", version) else { return };
    let host = Host::copy("debian-amd");
    let secret = "hunter2_is_no_parameter";
    // The secret is in the playbook, not in the variables: Ansible's own verbose output shows those.
    let text = format!(
        "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n    - pci.passthrough.grub_iommu:\n        \
         root: {}\n        update: false\n        parameters: [{secret}]\n      no_log: true\n",
        host.root().display()
    );
    let book = host.beside("no_log.yml");
    std::fs::write(&book, text).expect("the playbook is written");
    let ran = play(&env, &book, &json!({}), &["--diff", "-vvv"]).succeeded();
    assert_eq!(ran.changed(), 1, "{}", ran.text);
    assert!(!ran.text.contains(secret), "the secret shows:\n{}", ran.text);
}
