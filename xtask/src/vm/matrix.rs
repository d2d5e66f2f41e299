//! Which guests there are, and what is done with each.

use crate::vm::image::{Before, Suite};
use crate::vm::journey::Subject;
use crate::vm::machine::Vendor;
use crate::vm::table::Steps;
use crate::vm::{bad_days, journey};

/// Power cuts, where none are asked for by number.
const POWER_CUTS: usize = 20;

/// A guest of the matrix.
#[derive(Clone, Copy)]
pub struct Planned {
    /// Its Debian release.
    pub suite: Suite,
    /// Its IOMMU.
    pub vendor: Vendor,
    /// Its first command line.
    pub before: Before,
    /// What is done with it.
    pub scenario: Scenario,
}

/// What is done with a guest.
#[derive(Clone, Copy)]
pub enum Scenario {
    /// It is booted, then this.
    Booted(&'static str, fn(&mut Subject<'_>, &mut Steps<'_>) -> Option<()>),
    /// Switched on and off as [`crate::vm::power_cut`] needs it.
    PowerCuts,
}

const THERE_AND_BACK: Scenario = Scenario::Booted("", journey::run);
const KERNEL_DEFAULT: Scenario = Scenario::Booted("", journey::kernel_default);
const BAD_DAYS: Scenario = Scenario::Booted(", bad days", bad_days::run);

/// The guests of the short form.
const SHORT: [Planned; 2] = [
    planned(Suite::Bookworm, Vendor::Intel, Before::IntelOff, THERE_AND_BACK),
    planned(Suite::Bookworm, Vendor::Amd, Before::AmdOff, THERE_AND_BACK),
];

const FULL: [Planned; 8] = [
    SHORT[0],
    SHORT[1],
    planned(Suite::Bookworm, Vendor::Intel, Before::Nothing, KERNEL_DEFAULT),
    planned(Suite::Trixie, Vendor::Intel, Before::IntelOff, THERE_AND_BACK),
    planned(Suite::Trixie, Vendor::Amd, Before::AmdOff, THERE_AND_BACK),
    planned(Suite::Trixie, Vendor::Intel, Before::Nothing, KERNEL_DEFAULT),
    planned(Suite::Bookworm, Vendor::Intel, Before::IntelOff, BAD_DAYS),
    planned(Suite::Bookworm, Vendor::Intel, Before::IntelOff, Scenario::PowerCuts),
];

const fn planned(suite: Suite, vendor: Vendor, before: Before, scenario: Scenario) -> Planned {
    Planned { suite, vendor, before, scenario }
}

impl Planned {
    /// As the table shows it.
    pub fn label(&self) -> String {
        let before = self.before.parameter().unwrap_or("no parameter");
        let scenario = match self.scenario {
            Scenario::Booted(name, _) => name,
            Scenario::PowerCuts => ", power cuts",
        };
        format!("{} {} {before}{scenario}", self.suite.label(), self.vendor.label())
    }
}

/// What the command was asked to do.
pub struct Wish {
    /// The guests, in order.
    pub guests: Vec<Planned>,
    /// How often to cut the power.
    pub power_cuts: usize,
}

impl Wish {
    /// Reads `--short`, `--cuts N` and `--only TEXT` (guests whose label has it).
    pub fn parse(arguments: &[String]) -> Result<Wish, String> {
        let mut wish = Wish { guests: FULL.to_vec(), power_cuts: POWER_CUTS };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().ok_or_else(|| format!("{argument} needs a value")).map(String::as_str);
            match argument.as_str() {
                "--short" => wish.guests = SHORT.to_vec(),
                "--cuts" => {
                    wish.power_cuts = value()?.parse().map_err(|_| "--cuts needs a number".to_owned())?;
                }
                "--only" => {
                    let text = value()?;
                    wish.guests.retain(|guest| guest.label().contains(text));
                }
                other => return Err(format!("vm takes --short, --cuts N and --only TEXT, not {other}")),
            }
        }
        if wish.guests.is_empty() {
            let labels: Vec<String> = FULL.iter().map(Planned::label).collect();
            return Err(format!("no such guest; there are:\n  {}", labels.join("\n  ")));
        }
        Ok(wish)
    }

    /// The releases that images are needed of.
    pub fn suites(&self) -> Vec<Suite> {
        let mut suites = Vec::new();
        for guest in &self.guests {
            if !suites.contains(&guest.suite) {
                suites.push(guest.suite);
            }
        }
        suites
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
        assert!(parse(&["--cuts", "many"]).is_err() && parse(&["--long"]).is_err());
    }
}
