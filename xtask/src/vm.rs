//! `cargo xtask vm`: the installed collection on real kernels. Debian guests with an emulated IOMMU, driven
//! over SSH by the real ansible-playbook, from untouched to ready and back.

mod ansible;
mod bad_days;
mod compare;
mod guards;
mod guest;
mod image;
mod journey;
mod machine;
mod matrix;
mod observe;
mod power_cut;
mod prerequisites;
mod process;
mod qmp;
mod table;

use std::fs::File;
use std::path::PathBuf;
use std::time::Instant;

use crate::ansible_env::{self, Env};
use crate::test::Outcome;
use crate::vm::ansible::Ansible;
use crate::vm::guest::Guest;
use crate::vm::image::Images;
use crate::vm::journey::Subject;
use crate::vm::machine::Disk;
use crate::vm::matrix::{Planned, Scenario, Wish};
use crate::vm::table::{Steps, Table};
use crate::{dist, paths, run};

/// The command.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let wish = Wish::parse(arguments)?;
    if let Some(reason) = prerequisites::missing() {
        return Err(format!("vm: NOT RUN ({reason})"));
    }
    let start = Instant::now();
    let table = go_through(&wish)?;
    println!("\n{}in {}", table.text(), run::seconds(start.elapsed()));
    if table.failed() == 0 { Ok(()) } else { Err("not every step holds: see FAILED above".to_owned()) }
}

/// The short form, as one of the kinds of `cargo xtask test`.
pub fn proof(name: &str) -> Outcome {
    if let Some(reason) = prerequisites::missing() {
        return Outcome::not_run(name, reason);
    }
    let done = Wish::parse(&["--short".to_owned()]).and_then(|wish| go_through(&wish));
    let kept = |table: &Table| paths::write(&run::log_path(&format!("test-{name}")), table.text().as_bytes());
    match done.and_then(|table| kept(&table).map(|()| table)) {
        Ok(table) => Outcome {
            passed: table.passed(),
            failed: table.failed(),
            detail: table.text(),
            ..Outcome::default()
        },
        Err(error) => Outcome::failed(error),
    }
}

fn go_through(wish: &Wish) -> Result<Table, String> {
    let _alone = alone()?;
    let start = Instant::now();
    println!("== Preparing: the collection and the images (kept in {})", paths::shown(&home()));
    let env = ansible_env::get("2.19")?;
    dist::make(&env)?;
    let images = Images::get(&wish.suites())?;
    println!("   ready after {}", run::seconds(start.elapsed()));
    let lab = Lab { env, images, dir: home().join("run") };
    let mut table = Table::default();
    for planned in &wish.guests {
        let mut steps = table.begin(&planned.label());
        paths::remove(&lab.dir)?;
        paths::make_dir(&lab.dir)?;
        // What failed is in the table.
        let _ = match planned.scenario {
            Scenario::Booted(_, scenario) => lab.booted(planned, scenario, &mut steps),
            Scenario::PowerCuts => lab.power_cuts(planned, wish.power_cuts, &mut steps),
        };
    }
    Ok(table)
}

/// Where images, disks and logs lie.
fn home() -> PathBuf {
    paths::target().join("vm")
}

/// Two runs at a time would use each other's disks.
fn alone() -> Result<File, String> {
    let path = home().join("lock");
    paths::make_dir(&home())?;
    let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    file.try_lock().map_err(|_| format!("another run is under way ({})", path.display()))?;
    Ok(file)
}

/// What every guest needs.
struct Lab {
    env: Env,
    images: Images,
    dir: PathBuf,
}

impl Lab {
    fn ansible(&self) -> Ansible {
        Ansible::new(self.env.clone(), self.dir.clone())
    }

    /// Boots a fresh guest and goes through a scenario with it.
    fn booted(
        &self,
        planned: &Planned,
        scenario: fn(&mut Subject<'_>, &mut Steps<'_>) -> Option<()>,
        steps: &mut Steps<'_>,
    ) -> Option<()> {
        let (vendor, before) = (planned.vendor, planned.before);
        let mut started = None;
        steps.step("boot", || {
            let disk = guest::overlay(&self.images.disk(planned.suite, before), &self.dir)?;
            let mut guest = Guest::start(vendor, Disk::Overlay(&disk), &self.dir, &self.images.key())?;
            let (_, took) = guest.wait(None)?;
            let kernel = guest.sh("uname -sr")?;
            started = Some(guest);
            Ok(format!("SSH after {}; {}", run::seconds(took), kernel.trim()))
        })?;
        let (mut guest, mut ansible) = (started?, self.ansible());
        let mut subject = Subject { guest: &mut guest, ansible: &mut ansible, vendor, before };
        scenario(&mut subject, steps)
    }

    fn power_cuts(&self, planned: &Planned, count: usize, steps: &mut Steps<'_>) -> Option<()> {
        let image = self.images.disk(planned.suite, planned.before);
        power_cut::run(&image, &self.images.key(), &mut self.ansible(), &self.dir, count, steps)
    }
}
