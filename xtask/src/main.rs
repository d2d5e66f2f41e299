//! `cargo xtask COMMAND`: what would be a mess of shell. One file a command.

mod ansible_env;
mod bench;
mod collection;
mod community;
mod demo;
mod dist;
mod figures;
mod paths;
mod python;
mod run;
mod test;
mod toolchain;
mod vm;

use std::process::ExitCode;

/// A command: its name, its arguments, what it does, and the function.
struct Command {
    name: &'static str,
    arguments: &'static str,
    what: &'static [&'static str],
    run: fn(&[String]) -> Result<(), String>,
}

const COMMANDS: [Command; 7] = [
    Command {
        name: "demo",
        arguments: "",
        what: &["build all, then run it on this machine (read only) and on two sample hosts"],
        run: demo::run,
    },
    Command {
        name: "test",
        arguments: "[--list] [KIND…]",
        what: &[
            "run every proof, or the kinds named; --list names and describes them; the guests of vm",
            "only in CI (CI=true or PASSTHROUGH_REQUIRE_ALL=1) or if named",
        ],
        run: test::run,
    },
    Command {
        name: "dist",
        arguments: "[--toolchain NAME]",
        what: &[
            "build the static binaries, stage, build and install the collection in target/; NAME is",
            "debian-musl, rustup-musl or static-gnu, else the first of them that is complete here",
        ],
        run: dist::run,
    },
    Command {
        name: "ansible-env",
        arguments: "[VERSION…]",
        what: &["make the Ansible environments in target/ansible: 2.16, 2.19, newest"],
        run: ansible_env::run,
    },
    Command {
        name: "vm",
        arguments: "[--short] [--jobs N] [--cuts N] [--only TEXT]…",
        what: &[
            "the role on real kernels: QEMU guests with an emulated Intel or AMD IOMMU, broken and cut",
            "off too; --jobs guests at a time, --cuts sets the number of power cuts, --only chooses guests;",
            "needs root and QEMU",
        ],
        run: vm::run,
    },
    Command {
        name: "figures",
        arguments: "[NAME…]",
        what: &["measure what the README says in numbers: sizes, instructions, facts, blacklist"],
        run: figures::run,
    },
    Command {
        name: "bench",
        arguments: "[--core VERSION] [--hosts N,N,…] [PART…]",
        what: &[
            "measure tasks over SSH against ansible-core's own way and the Python modules that existing roles",
            "use: the parts tasks, traffic, role, start; with --hosts only the growth with that many hosts.",
            "Needs sshd; VERSION is 2.16, 2.19 or newest",
        ],
        run: bench::run,
    },
];

impl Command {
    fn usage(&self) -> String {
        let line = format!("cargo xtask {} {}", self.name, self.arguments);
        format!("{}\n      {}\n", line.trim_end(), self.what.join("\n      "))
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "help".to_owned());
    let rest: Vec<String> = arguments.collect();
    let asks_for_help = |word: &str| ["--help", "-h"].contains(&word);
    let usage = || COMMANDS.iter().map(Command::usage).collect::<Vec<_>>().join("\n");
    let done = match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) if rest.iter().any(|word| asks_for_help(word)) => {
            print!("{}", command.usage());
            return ExitCode::SUCCESS;
        }
        Some(command) => (command.run)(&rest),
        None if name == "help" || asks_for_help(&name) => {
            print!("{}", usage());
            return ExitCode::SUCCESS;
        }
        None => Err(format!("no such command: {name}\n\n{}", usage())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\ncargo xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
