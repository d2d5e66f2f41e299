//! Which guests there are, and what is done with each.

use std::num::NonZeroUsize;

use crate::vm::image::{Before, Generator, Image, Loader, Suite};
use crate::vm::journey::Subject;
use crate::vm::machine::Vendor;
use crate::vm::table::Steps;
use crate::vm::{bad_days, bind, journey, systemd_boot};

/// Power cuts, where none are asked for by number.
const POWER_CUTS: usize = 20;
/// Guests at a time. Each is one emulated processor, which keeps one of this machine's busy.
const JOBS: usize = 2;

/// A guest of the matrix.
#[derive(Clone, Copy)]
pub struct Planned {
    /// Its disk.
    pub image: Image,
    /// Its IOMMU.
    pub vendor: Vendor,
    /// What is done with it.
    pub scenario: Scenario,
}

/// What is done with a guest.
#[derive(Clone, Copy)]
pub enum Scenario {
    /// It is booted, then this.
    Booted(&'static str, fn(&mut Subject<'_>, &mut Steps) -> Option<()>),
    /// Switched on and off as [`crate::vm::power_cut`] needs it.
    PowerCuts,
}

const THERE_AND_BACK: Scenario = Scenario::Booted("", journey::run);
const KERNEL_DEFAULT: Scenario = Scenario::Booted("", |subject, steps| {
    journey::kernel_default(subject, steps)?;
    bind::run(subject, steps)
});
const SYSTEMD_BOOT: Scenario = Scenario::Booted("", systemd_boot::run);
const BAD_DAYS: Scenario = Scenario::Booted(", bad days", bad_days::run);

/// The guests of the short form.
const SHORT: [Planned; 2] = [
    planned(Suite::Bookworm, Vendor::Intel, Before::IntelOff, THERE_AND_BACK),
    planned(Suite::Bookworm, Vendor::Amd, Before::AmdOff, THERE_AND_BACK),
];

const FULL: [Planned; 15] = [
    SHORT[0],
    SHORT[1],
    planned(Suite::Bookworm, Vendor::Intel, Before::Nothing, KERNEL_DEFAULT),
    planned(Suite::Trixie, Vendor::Intel, Before::IntelOff, THERE_AND_BACK),
    planned(Suite::Trixie, Vendor::Amd, Before::AmdOff, THERE_AND_BACK),
    planned(Suite::Trixie, Vendor::Intel, Before::Nothing, KERNEL_DEFAULT),
    planned(Suite::Bookworm, Vendor::Amd, Before::Nothing, KERNEL_DEFAULT),
    systemd_boot(Suite::Bookworm),
    systemd_boot(Suite::Trixie),
    dracut(Suite::Bookworm, Before::Nothing, KERNEL_DEFAULT),
    dracut(Suite::Trixie, Before::Nothing, KERNEL_DEFAULT),
    dracut(Suite::Trixie, Before::IntelOff, THERE_AND_BACK),
    planned(Suite::Bookworm, Vendor::Intel, Before::IntelOff, BAD_DAYS),
    planned(Suite::Bookworm, Vendor::Intel, Before::IntelOff, Scenario::PowerCuts),
    planned(Suite::Trixie, Vendor::Intel, Before::IntelOff, Scenario::PowerCuts),
];

const fn planned(suite: Suite, vendor: Vendor, before: Before, scenario: Scenario) -> Planned {
    let image = Image { suite, loader: Loader::Grub, generator: Generator::InitramfsTools, before };
    Planned { image, vendor, scenario }
}

const fn systemd_boot(suite: Suite) -> Planned {
    let guest = planned(suite, Vendor::Intel, Before::IntelOff, SYSTEMD_BOOT);
    Planned { image: Image { loader: Loader::SystemdBoot, ..guest.image }, ..guest }
}

const fn dracut(suite: Suite, before: Before, scenario: Scenario) -> Planned {
    let guest = planned(suite, Vendor::Intel, before, scenario);
    Planned { image: Image { generator: Generator::Dracut, ..guest.image }, ..guest }
}

impl Planned {
    /// As the table shows it.
    pub fn label(&self) -> String {
        let Image { suite, loader, generator, before } = self.image;
        let before = before.parameter().unwrap_or("no parameter");
        let scenario = match self.scenario {
            Scenario::Booted(name, _) => name,
            Scenario::PowerCuts => ", power cuts",
        };
        let (vendor, loader, generator) = (self.vendor.label(), loader.label(), generator.label());
        format!("{} {vendor}{loader}{generator} {before}{scenario}", suite.label())
    }

    /// The label as a folder's name: `debian-12-intel-intel_iommu-off`.
    pub fn folder(&self) -> String {
        let label = self.label().to_lowercase();
        let words = label.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
    }
}

/// What the command was asked to do.
pub struct Wish {
    /// The guests, in order.
    pub guests: Vec<Planned>,
    /// How often to cut the power of all guests together that this is done to.
    pub power_cuts: usize,
    /// How many guests may run at a time.
    pub jobs: usize,
}

impl Wish {
    /// Reads `--short`, `--jobs N`, `--cuts N` and `--only TEXT` (guests whose label has it; any of several).
    pub fn parse(arguments: &[String]) -> Result<Wish, String> {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let jobs = JOBS.min(processors);
        let mut wish = Wish { guests: FULL.to_vec(), power_cuts: POWER_CUTS, jobs };
        let mut only = Vec::new();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().ok_or_else(|| format!("{argument} needs a value")).map(String::as_str);
            match argument.as_str() {
                "--short" => wish.guests = SHORT.to_vec(),
                "--cuts" => {
                    wish.power_cuts = value()?.parse().map_err(|_| "--cuts needs a number".to_owned())?;
                }
                "--jobs" => {
                    let jobs: Option<NonZeroUsize> = value()?.parse().ok();
                    wish.jobs = jobs.ok_or("--jobs needs a number, 1 or more")?.get();
                }
                "--only" => {
                    only.push(value()?);
                }
                other => {
                    return Err(format!("vm takes --short, --jobs N, --cuts N, --only TEXT, not {other}"));
                }
            }
        }
        if !only.is_empty() {
            wish.guests.retain(|guest| only.iter().any(|text| guest.label().contains(text)));
        }
        if wish.guests.is_empty() {
            let labels: Vec<String> = FULL.iter().map(Planned::label).collect();
            return Err(format!("no such guest; there are:\n  {}", labels.join("\n  ")));
        }
        Ok(wish)
    }

    /// How many power cuts each guest gets that has any, as evenly as it goes.
    pub fn cuts_each(&self) -> usize {
        let cut = |guest: &&Planned| matches!(guest.scenario, Scenario::PowerCuts);
        self.power_cuts.div_ceil(self.guests.iter().filter(cut).count().max(1))
    }

    /// The disks that are needed.
    pub fn images(&self) -> Vec<Image> {
        self.guests.iter().map(|guest| guest.image).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Wish, String> {
        Wish::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_short_form_has_both_vendors() {
        let vendors: Vec<Vendor> =
            parse(&["--short"]).expect("--short").guests.iter().map(|guest| guest.vendor).collect();
        assert_eq!(vendors, [Vendor::Intel, Vendor::Amd]);
    }

    #[test]
    fn names_the_guests_when_none_fits() {
        let error = parse(&["--only", "Solaris"]).err().expect("no guest");
        assert!(error.contains("Debian 13 AMD amd_iommu=off"), "{error}");
        assert_eq!(parse(&["--only", "power cuts", "--cuts", "3"]).expect("one").power_cuts, 3);
        let both = parse(&["--only", "bad days", "--only", "systemd-boot"]).expect("some");
        assert_eq!(both.guests.len(), 3);
        assert!(parse(&["--cuts", "many"]).is_err() && parse(&["--long"]).is_err());
        assert!(parse(&["--jobs", "0"]).is_err() && parse(&["--jobs", "3"]).is_ok_and(|wish| wish.jobs == 3));
    }

    #[test]
    fn every_guest_has_a_folder_of_its_own() {
        let wish = parse(&["--cuts", "5"]).expect("all");
        let folders: std::collections::BTreeSet<String> = wish.guests.iter().map(Planned::folder).collect();
        assert_eq!(folders.len(), wish.guests.len(), "{folders:?}");
        assert!(folders.contains("debian-12-intel-intel_iommu-off-bad-days"), "{folders:?}");
        assert_eq!(wish.cuts_each(), 3);
    }
}
