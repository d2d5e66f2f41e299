//! `cargo xtask vm`: the installed collection on real kernels. Debian guests with an emulated IOMMU, driven
//! over SSH by the real ansible-playbook, from untouched to ready and back.

mod ansible;
mod compare;
mod guards;
mod guest;
mod image;
mod journey;
mod machine;
mod observe;
mod prerequisites;
mod process;
mod table;

use std::path::PathBuf;

use crate::ansible_env::{self, Env};
use crate::vm::ansible::Ansible;
use crate::vm::guest::Guest;
use crate::vm::image::{Before, Images, Suite};
use crate::vm::journey::Subject;
use crate::vm::machine::{Disk, Vendor};
use crate::vm::table::{Steps, Table};
use crate::{dist, paths, run};

/// A guest of the matrix.
struct Planned {
    suite: Suite,
    vendor: Vendor,
    before: Before,
    scenario: Scenario,
    /// Whether the short form has it too.
    short: bool,
}

/// What is done with a booted guest.
type Scenario = fn(&mut Subject<'_>, &mut Steps<'_>) -> Option<()>;

const MATRIX: [Planned; 6] = [
    planned(Suite::Bookworm, Vendor::Intel, Before::IntelOff, journey::run, true),
    planned(Suite::Bookworm, Vendor::Intel, Before::Nothing, journey::kernel_default, false),
    planned(Suite::Bookworm, Vendor::Amd, Before::AmdOff, journey::run, true),
    planned(Suite::Trixie, Vendor::Intel, Before::IntelOff, journey::run, false),
    planned(Suite::Trixie, Vendor::Intel, Before::Nothing, journey::kernel_default, false),
    planned(Suite::Trixie, Vendor::Amd, Before::AmdOff, journey::run, false),
];

const fn planned(suite: Suite, vendor: Vendor, before: Before, scenario: Scenario, short: bool) -> Planned {
    Planned { suite, vendor, before, scenario, short }
}

impl Planned {
    fn label(&self) -> String {
        let parameter = self.before.parameter().unwrap_or("no parameter");
        format!("{} {} {parameter}", self.suite.label(), self.vendor.label())
    }
}

/// The command's options.
#[derive(Default)]
struct Options {
    short: bool,
    only: Option<String>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options, String> {
        let mut options = Options::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--short" => options.short = true,
                "--only" => options.only = Some(arguments.next().ok_or("--only needs a text")?.clone()),
                other => return Err(format!("vm takes --short and --only TEXT, not {other}")),
            }
        }
        let known = MATRIX.iter().any(|guest| options.wants(guest));
        if known { Ok(options) } else { Err("--only names no guest".to_owned()) }
    }

    fn wants(&self, guest: &Planned) -> bool {
        let named = self.only.as_ref().is_none_or(|text| guest.label().contains(text));
        named && (guest.short || !self.short)
    }
}

/// What every guest needs.
struct Matrix {
    env: Env,
    images: Images,
    dir: PathBuf,
}

/// The command.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let options = Options::parse(arguments)?;
    if let Some(reason) = prerequisites::missing() {
        return Err(format!("vm: NOT RUN ({reason})"));
    }
    let env = ansible_env::get("2.19")?;
    dist::make(&env)?;
    let guests: Vec<&Planned> = MATRIX.iter().filter(|guest| options.wants(guest)).collect();
    let dir = paths::target().join("vm/run");
    let mut suites: Vec<Suite> = guests.iter().map(|guest| guest.suite).collect();
    suites.dedup();
    let matrix = Matrix { env, images: Images::get(&suites)?, dir };
    let mut table = Table::default();
    for guest in guests {
        matrix.guest(&mut table, guest)?;
    }
    match table.print() {
        0 => Ok(()),
        failed => Err(format!("{failed} steps failed")),
    }
}

impl Matrix {
    /// Boots a fresh guest and goes through its scenario.
    fn guest(&self, table: &mut Table, planned: &Planned) -> Result<(), String> {
        let Planned { suite, vendor, before, scenario, .. } = *planned;
        let mut steps = table.begin(&planned.label());
        paths::remove(&self.dir)?;
        paths::make_dir(&self.dir)?;
        let disk = guest::overlay(&self.images.disk(suite, before), &self.dir)?;
        let mut guest = Guest::start(vendor, Disk::Overlay(&disk), &self.dir, &self.images.key())?;
        let booted = steps.step("boot", || {
            let (_, took) = guest.wait(None)?;
            Ok(format!("SSH after {}; {}", run::seconds(took), guest.sh("uname -sr")?.trim()))
        });
        if booted.is_some() {
            let mut ansible = Ansible::new(self.env.clone(), self.dir.clone());
            let mut subject = Subject { guest: &mut guest, ansible: &mut ansible, vendor, before };
            // The table has what failed.
            let _ = scenario(&mut subject, &mut steps);
        }
        Ok(())
    }
}
