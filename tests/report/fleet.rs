//! A thousand hosts: what the plugin costs the run, and whether the page is still a pleasure.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use proofs::{AnsibleEnv, ansible};
use serde_json::json;

use crate::browser::looks_right;
use crate::run::{Site, succeed};

const HOSTS: usize = 1000;

pub fn a_thousand_hosts_cost_little() {
    let Some(env) = ansible("report::fleet", "2.19") else { return };
    let site = Site::new(&env, "fleet");
    let intel = site.tree("pve-intel-two-gpus", "intel");
    let amd = site.tree("debian-amd", "amd");
    let odd = site.tree("pve-intel-two-gpus", "odd");
    let modules = odd.join("etc/modules");
    let text = std::fs::read_to_string(&modules).expect("a file");
    std::fs::write(modules, text + "vfio\n").expect("written");
    let tree = |number: usize| -> &PathBuf {
        match number {
            5 | 77 | 501 => &odd,
            _ if number.is_multiple_of(3) => &amd,
            _ => &intel,
        }
    };
    let names: Vec<String> = (0..HOSTS).map(|number| format!("pve{number:04}")).collect();
    let hosts = names.iter().enumerate();
    site.inventory(hosts.map(|(number, name)| (name.as_str(), json!({"root": tree(number)}))));

    let mut ansible = site.check("fleet.yml");
    ansible.arg("--forks=10");
    let whole = processor_seconds(&env, &ansible);
    let report = site.report();
    assert_eq!(report["totals"]["hosts"], HOSTS);
    assert_eq!(report["iommu"]["maps"].as_array().map(Vec::len), Some(2));
    let own = report["callback"]["cpu_seconds"].as_f64().expect("a number");
    println!("the run took {whole:.1} s of processor time, the plugin {own:.2} s of it");
    assert!(own < whole * 0.05, "{own} of {whole} s");
    if let Some(text) = looks_right("report::fleet", "fleet", &site) {
        print!("{text}");
    }
}

/// Runs a command; the processor seconds that it and all its children took.
fn processor_seconds(env: &AnsibleEnv, command: &Command) -> f64 {
    let code = "import resource, subprocess, sys\n\
                rc = subprocess.call(sys.argv[1:])\n\
                used = resource.getrusage(resource.RUSAGE_CHILDREN)\n\
                print('\\nprocessor seconds: %.3f' % (used.ru_utime + used.ru_stime))\n\
                sys.exit(rc)\n";
    let mut python = Command::new(env.python());
    python.args(["-c", code]).arg(command.get_program()).args(command.get_args());
    python.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    let ran = succeed(&mut python);
    let seconds = ran
        .text
        .split_once("\nprocessor seconds: ")
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    seconds.unwrap_or_else(|| panic!("no seconds:\n{}", ran.text))
}
