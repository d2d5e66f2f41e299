//! `cargo xtask COMMAND`: what would be a mess of shell. One file a command.

mod ansible_env;
mod collection;
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

const HELP: &str = "\
cargo xtask COMMAND

  demo                    build all, then run it on this machine (read only) and on two sample hosts
  test [KIND…]            run every proof, or the kinds named; `test --list` names them
  dist [--toolchain NAME] build the static binaries, stage, build and install the collection in target/;
                          debian-musl, rustup-musl or static-gnu: the first of them that is complete here
  ansible-env [VERSION…]  make the Ansible environments in target/ansible: 2.16, 2.19, newest
  vm [--short]            the role on real kernels: guests with an Intel or an AMD IOMMU, broken and cut off too;
                          --cuts N sets the number of power cuts, --only TEXT chooses guests
  figures [NAME…]         measure: sizes, instructions, facts, blacklist
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let done = match command.as_deref() {
        Some("demo") => demo::run(&rest),
        Some("test") => test::run(&rest),
        Some("dist") => dist::run(&rest),
        Some("ansible-env") => ansible_env::run(&rest),
        Some("figures") => figures::run(&rest),
        Some("vm") => vm::run(&rest),
        None | Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(other) => Err(format!("no such command: {other}\n\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\ncargo xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
