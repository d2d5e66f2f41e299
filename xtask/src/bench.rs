//! `cargo xtask bench`: what a task and the role cost, and what the alternatives cost, side by side in one run.

mod bed;
mod hosts;
mod proxy;
mod role;
mod sshd;
mod start;
mod stats;
mod tasks;
mod traffic;
mod ways;

use bed::Bed;

use crate::ansible_env::VERSIONS;

type Part = (&'static str, fn(&Bed) -> Result<(), String>);

const PARTS: [Part; 4] =
    [("tasks", tasks::run), ("traffic", traffic::run), ("role", role::run), ("start", start::run)];

/// The command.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let asked = Asked::of(arguments)?;
    let bed = Bed::make(&asked.version)?;
    println!("ansible-core {}, {} processors", bed.env.core, processors());
    if !asked.hosts.is_empty() {
        println!("\n== hosts");
        return hosts::run(&bed, &asked.hosts);
    }
    let chosen =
        PARTS.iter().filter(|(name, _)| asked.parts.is_empty() || asked.parts.iter().any(|p| p == name));
    let mut missing = Vec::new();
    for (name, measure) in chosen {
        println!("\n== {name}");
        if let Err(reason) = measure(&bed) {
            println!("not measured: {reason}");
            missing.push(*name);
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("not measured: {}", missing.join(", "))) }
}

/// What the command line asks for.
#[derive(Debug, PartialEq)]
struct Asked {
    version: String,
    hosts: Vec<usize>,
    parts: Vec<String>,
}

impl Asked {
    fn of(arguments: &[String]) -> Result<Asked, String> {
        let mut asked = Asked { version: "newest".to_owned(), hosts: Vec::new(), parts: Vec::new() };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--core" => asked.version.clone_from(value()?),
                "--hosts" => {
                    let numbers = value()?.split(',').map(|number| number.trim().parse().ok());
                    let numbers: Option<Vec<usize>> = numbers.collect();
                    asked.hosts = numbers
                        .filter(|all| all.iter().all(|n| (1..=500).contains(n)))
                        .ok_or("--hosts needs numbers from 1 to 500, such as 10,50,200".to_owned())?;
                }
                part if PARTS.iter().any(|(name, _)| *name == part) => asked.parts.push(part.to_owned()),
                other => {
                    let known: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
                    return Err(format!("no such part: {other} (there are: {})", known.join(", ")));
                }
            }
        }
        if !VERSIONS.contains(&asked.version.as_str()) {
            return Err(format!("no such version: {} (there are: {})", asked.version, VERSIONS.join(", ")));
        }
        Ok(asked)
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Asked, String> {
        Asked::of(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_line_is_read_and_checked() {
        let found = asked("--core 2.16 --hosts 10,50 tasks").unwrap();
        assert_eq!(
            (found.version.as_str(), found.hosts, found.parts),
            ("2.16", vec![10, 50], vec!["tasks".to_owned()])
        );
        assert!(asked("--hosts 0").unwrap_err().contains("1 to 500"));
        assert!(asked("--core 2.9").unwrap_err().contains("2.16, 2.19, newest"));
        assert!(asked("speed").unwrap_err().contains("tasks, traffic"));
        assert!(asked("--hosts").unwrap_err().contains("needs a value"));
    }
}
