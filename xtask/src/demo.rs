//! `cargo xtask demo`: the collection at work, on this machine (read only) and on two sample hosts.

mod report;
mod sample_hosts;
mod this_machine;

use std::path::PathBuf;
use std::process::Command;

use crate::ansible_env::{self, Env};
use crate::{collection, dist, paths, run};

/// What the steps share.
struct Demo {
    env: Env,
    dir: PathBuf,
    failures: Vec<String>,
}

/// The command.
pub fn run(arguments: &[String]) -> Result<(), String> {
    if let Some(argument) = arguments.first() {
        return Err(format!("demo takes no argument: {argument}"));
    }
    println!("== 1. ansible-core, in an environment of its own under target/");
    let env = ansible_env::get("2.19")?;
    println!("   ansible-core {} in {}", env.core, paths::shown(&env.dir));

    println!(
        "\n== 2. Static binaries, the collection built from them and installed (a few minutes the first time)"
    );
    let dist = dist::make(&env)?;
    for (name, size) in &dist.binaries {
        println!("   {name:<18} {:>5} KB  {}", size / 1000, dist.triple);
    }
    println!("   {}", paths::shown(&dist.archive));
    println!("   installed in {}", paths::shown(&collection::installed_dir()));

    let dir = paths::target().join("demo");
    paths::remove(&dir)?;
    paths::make_dir(&dir)?;
    let mut demo = Demo { env, dir, failures: Vec::new() };
    paths::write(&demo.config(), config(&demo.env).as_bytes())?;
    demo.facts()?;
    demo.read_only_role()?;
    demo.sample_hosts()?;
    demo.report()?;

    println!("\n== Results: {}", paths::shown(&demo.dir));
    for name in paths::list(&demo.dir)? {
        println!("   {name}");
    }
    if demo.failures.is_empty() {
        println!("\nAll as it should be.");
        return Ok(());
    }
    Err(format!("not as it should be:\n  {}", demo.failures.join("\n  ")))
}

impl Demo {
    /// Prints a check and remembers it if it does not hold.
    fn check(&mut self, holds: bool, what: &str) {
        println!("   {} {what}", if holds { "ok:" } else { "NOT MET:" });
        if !holds {
            self.failures.push(what.to_owned());
        }
    }

    /// The configuration that the shown commands name.
    fn config(&self) -> PathBuf {
        self.dir.join("ansible.cfg")
    }

    /// A program of the environment with nothing set but the configuration: [`Demo::show`] prints all of it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.env.dir.join("bin").join(program));
        command.current_dir(paths::workspace()).env("ANSIBLE_CONFIG", self.config());
        if std::env::var("LC_ALL").is_ok_and(|locale| !locale.ends_with("UTF-8")) {
            // Ansible refuses any other encoding.
            command.env("LC_ALL", "C.UTF-8");
        }
        command
    }

    /// Runs a [`Demo::command`], shows it so that it can be pasted, keeps its output in the results as `NAME.txt`.
    fn show(&self, name: &str, mut command: Command) -> Result<run::Captured, String> {
        let settings =
            command.get_envs().filter_map(|(name, value)| Some((name, paths::shown(value?.as_ref()))));
        let settings = settings.map(|(name, value)| format!("{}={value}", name.display()));
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words = words.map(|word| paths::shown(word.as_ref()));
        let words = words.map(|word| if word.contains(' ') { format!("'{word}'") } else { word });
        println!("   $ {}", settings.chain(words).collect::<Vec<_>>().join(" "));
        let done = run::captured(&format!("demo-{name}"), "running", &mut command)?;
        paths::write(&self.dir.join(format!("{name}.txt")), done.text.as_bytes())?;
        Ok(done)
    }
}

/// What the shown commands need, and nothing of the user's own Ansible configuration.
fn config(env: &Env) -> String {
    let home = env.dir.join("home");
    format!(
        "[defaults]\n\
         collections_path = {installed}\n\
         home = {home}\n\
         local_tmp = {home}/tmp\n\
         remote_tmp = {home}/tmp\n\
         localhost_warning = false\n\
         nocolor = true\n\
         [inventory]\n\
         inventory_unparsed_warning = false\n",
        installed = collection::installed_dir().display(),
        home = home.display(),
    )
}

/// Prints text indented.
fn print_indented(text: &str) {
    text.trim_end().lines().for_each(|line| println!("   | {line}"));
}

/// The `changed=N` and `failed=N` of one host's line in Ansible's closing recap.
pub fn recap(output: &str, host: &str) -> Option<(u32, u32)> {
    let recap = output.split_once("PLAY RECAP")?.1;
    let line = recap.lines().find(|line| line.split_whitespace().next() == Some(host))?;
    let number = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key)?.parse().ok());
    Some((number("changed=")?, number("failed=")?))
}

#[cfg(test)]
mod tests {
    use super::recap;

    #[test]
    fn reads_the_recap() {
        let output = "ok: [a]\nPLAY RECAP ****\na  : ok=5    changed=3    unreachable=0    failed=0\n";
        assert_eq!(recap(output, "a"), Some((3, 0)));
        assert_eq!(recap(output, "b"), None);
    }
}
