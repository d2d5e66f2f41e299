//! `cargo xtask vm`: the installed collection on real kernels. Debian guests with an emulated IOMMU, driven
//! over SSH by the real ansible-playbook, from untouched to ready and back.

mod ansible;
mod bad_days;
mod bind;
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
mod systemd_boot;
mod table;
mod workers;

use std::fs::File;
use std::path::PathBuf;
use std::time::Instant;

use crate::ansible_env::{self, Env};
use crate::test::Outcome;
use crate::vm::ansible::Ansible;
use crate::vm::guest::Guest;
use crate::vm::image::{Images, Loader};
use crate::vm::journey::Subject;
use crate::vm::machine::{Disk, Machine};
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
    let (count, jobs, home) = (wish.guests.len(), wish.jobs, home());
    println!(
        "{count} guests, {jobs} at a time; images, disks and console logs are in {}",
        paths::shown(&home)
    );
    let mut table = Table::default();
    let mut steps = Steps::begin("preparation");
    let lab = Lab::prepare(wish, &mut steps);
    table.add(steps);
    let Some(lab) = lab else { return Ok(table) };
    paths::remove(&lab.dir)?;
    wish.guests.iter().try_for_each(|guest| paths::make_dir(&lab.dir.join(guest.folder())))?;
    lab.guests(wish).into_iter().for_each(|steps| table.add(steps));
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
    fn prepare(wish: &Wish, steps: &mut Steps) -> Option<Lab> {
        let mut env = None;
        steps.step("the collection, installed", || {
            let made = ansible_env::get("2.19")?;
            let dist = dist::make(&made)?;
            let evidence = format!("{} binaries, {}", dist.binaries.len(), dist.triple);
            env = Some(made);
            Ok(evidence)
        })?;
        let mut images = None;
        steps.step("the guests' images", || {
            let (made, evidence) = Images::get(&wish.images())?;
            images = Some(made);
            Ok(evidence)
        })?;
        Some(Lab { env: env?, images: images?, dir: home().join("run") })
    }

    /// Goes through all guests, some at a time; the steps of each, in the order of the plan.
    fn guests(&self, wish: &Wish) -> Vec<Steps> {
        let cuts = wish.cuts_each();
        workers::each(wish.guests.len(), wish.jobs, |number| self.guest(&wish.guests[number], cuts))
    }

    /// One guest of the plan, from its folder to its end.
    fn guest(&self, planned: &Planned, cuts: usize) -> Steps {
        let mut steps = Steps::begin(&planned.label());
        let site = Site { lab: self, planned, dir: self.dir.join(planned.folder()) };
        // What failed is in the steps.
        let _ = match planned.scenario {
            Scenario::Booted(_, scenario) => site.booted(scenario, &mut steps),
            Scenario::PowerCuts => site.power_cuts(cuts, &mut steps),
        };
        steps
    }
}

/// Where one guest is made.
struct Site<'a> {
    lab: &'a Lab,
    planned: &'a Planned,
    dir: PathBuf,
}

impl Site<'_> {
    fn ansible(&self) -> Ansible {
        Ansible::new(self.lab.env.clone(), self.planned.label(), self.dir.clone())
    }

    /// Boots a fresh guest and goes through a scenario with it.
    fn booted(
        &self,
        scenario: fn(&mut Subject<'_>, &mut Steps) -> Option<()>,
        steps: &mut Steps,
    ) -> Option<()> {
        let Planned { vendor, image, .. } = *self.planned;
        let images = &self.lab.images;
        let mut started = None;
        steps.step("boot", || {
            let disk = guest::overlay(&images.disk(image), &self.dir)?;
            let variables = match image.loader {
                Loader::Grub => None,
                Loader::SystemdBoot => Some(guest::variables(&self.dir)?),
            };
            let machine = Machine { vendor, disk: Disk::Overlay(&disk), uefi: variables.as_deref() };
            let mut guest = Guest::start(machine, &self.dir, &images.key())?;
            let (_, took) = guest.wait(None)?;
            let kernel = guest.sh("uname -sr")?;
            started = Some(guest);
            Ok(format!("SSH after {}; {}", run::seconds(took), kernel.trim()))
        })?;
        let (mut guest, mut ansible) = (started?, self.ansible());
        let before = image.before;
        let (guest, ansible) = (&mut guest, &mut ansible);
        let mut subject = Subject { guest, ansible, vendor, before, groups_before: None };
        scenario(&mut subject, steps)
    }

    fn power_cuts(&self, count: usize, steps: &mut Steps) -> Option<()> {
        let images = &self.lab.images;
        let image = images.disk(self.planned.image);
        power_cut::run(&image, &images.key(), &mut self.ansible(), &self.dir, count, steps)
    }
}
