//! The decision, pure.

use apply::{FileChange, Plan, RebootReason};
use config_text::dracut_conf::{BLACKLIST, Purpose};
use config_text::modprobe_d::{self, Config};
use host::initramfs::files;
use host::modprobe::{self, Edit};
use preflight::{Problem, Severity};
use protocol::{Failure, Planned};

use crate::observe::Observed;
use crate::{Args, State, name, reply};

/// The first line of a file that this module makes; where nothing else is left, the file goes.
pub const HEADER: &str = "# Drivers kept from loading by themselves (pci.passthrough.driver_blacklist)\n";

/// What to write, run and say.
pub fn plan(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    let drivers = name::drivers(args)?;
    let (directory, file) = name::path(args)?;
    let now = modprobe::config(&seen.files, None);
    let mut plan = Plan::default();
    let mut problems = Vec::new();
    let after = match args.state {
        State::Present => {
            let wanted = Wanted::new(args, &drivers, &now);
            problems = guard(args, seen, &drivers, &wanted)?;
            if !wanted.is_empty() {
                refuse_masked(args, seen, directory, file)?;
            }
            wanted.edit(seen.at_path.as_deref())
        }
        State::Absent => seen.at_path.as_deref().and_then(|bytes| without(bytes, &drivers)),
    };
    let edit = Edit { directory, name: file, bytes: after.as_deref() };
    let changed = after != seen.at_path;
    let config = if changed { modprobe::config(&seen.files, Some(edit)) } else { now };
    match args.state {
        State::Present => in_force(args, &drivers, &config)?,
        State::Absent => plan.warnings.extend(left(&drivers, &config)),
    }
    plan.warnings.extend(problems.iter().map(|p| format!("{} ({}): {}", p.message, p.code, p.hint)));
    let in_images = in_images(args, seen, &drivers)?;
    if changed {
        plan.files.push(FileChange {
            path: args.path.clone(),
            before: seen.at_path.clone(),
            after,
            mode: FileChange::PLAIN,
        });
    }
    plan.files.extend(in_images);
    let input = plan.files.first().map(|file| file.path.clone());
    plan.refresh_initramfs(&seen.initramfs, input.as_deref(), args.initramfs);
    if args.state == State::Present {
        let due = !plan.files.is_empty() || !plan.activations.is_empty() || !plan.left_due.is_empty();
        reboot(&drivers, seen, due, &mut plan);
    }
    let mut reply = reply::results(&drivers, &config, seen);
    reply.insert("problems".to_string(), reply::problems(&problems));
    Ok(Planned { plan, reply })
}

/// What changes in dracut's settings, which are for every driver that this module blacklists.
fn in_images(args: &Args, seen: &Observed, drivers: &[String]) -> Result<Option<FileChange>, Failure> {
    let wanted = |purposes: &mut Vec<Purpose>| {
        purposes.retain(|purpose| purpose.path != args.path || !drivers.contains(&purpose.name));
        if args.state == State::Present {
            let purpose = |driver: &String| Purpose { name: driver.clone(), path: args.path.clone() };
            purposes.extend(drivers.iter().map(purpose));
        }
    };
    let (path, before) = (files::DRACUT_BLACKLIST, seen.dracut_conf.clone());
    apply::dracut_conf::change(&seen.initramfs, path, BLACKLIST, before, wanted)
        .map_err(|foreign| Failure::coded("foreign_file", foreign.message))
}

/// What is not in force yet.
struct Wanted<'a> {
    blacklist: Vec<&'a str>,
    block: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    fn new(args: &Args, drivers: &'a [String], now: &Config) -> Wanted<'a> {
        let missing =
            |is: &dyn Fn(&str) -> bool| drivers.iter().map(String::as_str).filter(|d| !is(d)).collect();
        let blacklist = missing(&|driver| now.is_blacklisted(driver));
        let block = missing(&|driver| !args.block_explicit_load || reply::is_blocked(now, driver));
        Wanted { blacklist, block }
    }

    fn is_empty(&self) -> bool {
        self.blacklist.is_empty() && self.block.is_empty()
    }

    fn edit(&self, before: Option<&[u8]>) -> Option<Vec<u8>> {
        if self.is_empty() {
            return before.map(<[u8]>::to_vec);
        }
        let bytes = modprobe_d::with_blacklist(before.unwrap_or(HEADER.as_bytes()), &self.blacklist);
        Some(modprobe_d::with_install_false(&bytes, &self.block))
    }
}

/// The file without the drivers; `None` where only this module's own header would be left.
fn without(bytes: &[u8], drivers: &[String]) -> Option<Vec<u8>> {
    let names: Vec<&str> = drivers.iter().map(String::as_str).collect();
    let after = modprobe_d::absent(bytes, &names);
    (after == bytes || after != HEADER.as_bytes()).then_some(after)
}

/// Refuses for a driver that the host needs; what does not stop the task is returned.
fn guard(args: &Args, seen: &Observed, drivers: &[String], wanted: &Wanted) -> Result<Vec<Problem>, Failure> {
    let mut problems = Vec::new();
    let mut fatal: Vec<Problem> = Vec::new();
    for driver in drivers {
        let builtin = seen.builtin_in.get(driver).map(Vec::as_slice).unwrap_or_default();
        let found = preflight::guard_driver(driver, builtin, &seen.devices);
        // What is in force already is not this task's doing: say so, and leave it.
        let new = wanted.blacklist.contains(&driver.as_str()) || wanted.block.contains(&driver.as_str());
        if new && !args.force {
            fatal.extend(found.iter().filter(|p| p.severity == Severity::Error).cloned());
        }
        problems.extend(found);
    }
    let Some(first) = fatal.first() else { return Ok(problems) };
    let said: Vec<String> = fatal.iter().map(|p| format!("{} ({}); {}", p.message, p.code, p.hint)).collect();
    let msg = format!("{}. Nothing was changed; force: true goes on in spite of it.", said.join(". "));
    Err(Failure::coded(first.code, msg).with("problems", reply::problems(&problems)))
}

/// Refuses to write a file that modprobe would not read.
fn refuse_masked(args: &Args, seen: &Observed, directory: &str, name: &str) -> Result<(), Failure> {
    let advice = "give another path, or remove the mask";
    if seen.path_leads_nowhere {
        let msg = format!(
            "{}: is a link that leads to no file, which masks files of this name; {advice}",
            args.path
        );
        return Err(Failure::coded("path_masked", msg));
    }
    match modprobe::mask(&seen.files, directory, name) {
        None => Ok(()),
        Some(mask) => {
            let msg = format!("{}: modprobe reads {} instead of it; {advice}", args.path, mask.path());
            Err(Failure::coded("path_masked", msg))
        }
    }
}

/// Fails where the edit has no effect: a file that is read earlier has the first word.
fn in_force(args: &Args, drivers: &[String], config: &Config) -> Result<(), Failure> {
    for driver in drivers {
        if !config.is_blacklisted(driver) {
            let msg = format!("{}: a blacklist line for {driver} there would not be in force", args.path);
            return Err(Failure::coded("not_in_force", msg));
        }
        if !args.block_explicit_load || reply::is_blocked(config, driver) {
            continue;
        }
        if let Some((place, _)) = config.install_command(driver) {
            let msg = format!(
                "{place}: this install line for {driver} is read before {}, and only the first counts; remove it, or \
                 give a path that sorts before that file",
                args.path
            );
            return Err(Failure::coded("not_in_force", msg));
        }
    }
    Ok(())
}

/// What other owners' files still say.
fn left(drivers: &[String], config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    for driver in drivers {
        for place in config.blacklisted_in(driver) {
            warnings.push(format!(
                "{place}: still blacklists {driver}; the line is another owner's and was left"
            ));
        }
        if let (true, Some((place, _))) = (reply::is_blocked(config, driver), config.install_command(driver))
        {
            warnings.push(format!("{place}: still keeps {driver} from being loaded; the line was left"));
        }
    }
    warnings
}

/// A blacklist does not unload: that takes a reboot, where one can help.
fn reboot(drivers: &[String], seen: &Observed, due: bool, plan: &mut Plan) {
    for driver in drivers.iter().filter(|driver| reply::is_loaded(driver, seen) == Some(true)) {
        let devices = reply::used_by(driver, &seen.devices);
        let on = if devices.is_empty() { String::new() } else { format!(", on {}", devices.join(", ")) };
        if due || !seen.booted_with {
            let message = format!("{driver} is blacklisted but still loaded{on}");
            plan.reboot.push(RebootReason { code: "driver_loaded", message });
        } else {
            plan.warnings.push(format!(
                "{driver} was loaded in spite of the blacklist{on}: something asks for it by name or needs it; \
                 block_explicit_load: true stops that"
            ));
        }
    }
}
