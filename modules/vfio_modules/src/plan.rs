//! The decision, pure.

use apply::{Activation, FileChange, Plan, RebootReason, Run};
use config_text::modules_list;
use host::kernels::ModuleState;
use host::modules_load::List;
use protocol::{Failure, Planned};

use crate::observe::Observed;
use crate::{Args, State, reply, wish};

/// The first line of a file that this module makes; where nothing else is left, the file goes.
pub const HEADER: &str = "# Modules for PCI passthrough (pci.passthrough.vfio_modules)\n";

/// What to write, run and say.
pub fn plan(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    let mut plan = Plan::default();
    if args.load && args.state == State::Present {
        refuse_load(seen)?;
    }
    let mut lists = seen.lists.clone();
    match args.state {
        State::Present => present(args, seen, &mut lists, &mut plan)?,
        State::Absent => absent(seen, &mut lists, &mut plan),
    }
    let input =
        plan.files.first().map(|file| file.path.clone()).filter(|_| seen.initramfs.copies_modules_load());
    if seen.initramfs.copies_modules_load() {
        plan.refresh_initramfs(&seen.initramfs, input.as_deref(), args.initramfs);
    }
    if args.state == State::Present {
        load_or_reboot(args, seen, &mut plan);
    }
    Ok(Planned { reply: reply::results(&seen.wish, &lists, seen), plan })
}

/// Refuses to load modules where none can be loaded.
fn refuse_load(seen: &Observed) -> Result<(), Failure> {
    if !seen.live {
        let msg = "option load: modules can be loaded into the running system alone; leave load out for another root";
        return Err(Failure::coded("not_live", msg));
    }
    let is_builtin = |module: &String| reply::in_running(module, seen) == Some(ModuleState::Builtin);
    if seen.loaded.is_none() && !seen.wish.iter().all(is_builtin) {
        let msg =
            "option load: the running kernel loads no modules (/proc/modules is missing); leave load out";
        return Err(Failure::coded("not_loadable", msg));
    }
    Ok(())
}

fn present(args: &Args, seen: &Observed, lists: &mut Vec<List>, plan: &mut Plan) -> Result<(), Failure> {
    warn_of_missing(args, seen, plan);
    let is_listed = |module: &&String| lists.iter().any(|list| list.counts && !list.lines(module).is_empty());
    let missing: Vec<&str> =
        seen.wish.iter().filter(|module| !is_listed(module)).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    refuse_masked(seen, lists)?;
    let after = modules_list::present(seen.at_path.as_deref().unwrap_or(HEADER.as_bytes()), &missing);
    match lists.iter().find(|list| list.path == seen.path).map(|list| list.target.clone()) {
        Some(target) => rewrite(lists, &target, &after),
        None => {
            let (path, target) = (seen.path.clone(), seen.path.clone());
            lists.push(List { path, target, bytes: after.clone(), counts: true });
        }
    }
    plan.files.push(FileChange {
        path: seen.path.clone(),
        before: seen.at_path.clone(),
        after: Some(after),
        mode: FileChange::PLAIN,
    });
    Ok(())
}

/// Refuses to write a file that would not be read.
fn refuse_masked(seen: &Observed, lists: &[List]) -> Result<(), Failure> {
    let advice = "give another path, or remove the mask";
    if seen.path_leads_nowhere {
        let msg = format!(
            "{}: is a link that leads to no file, which masks files of this name; {advice}",
            seen.path
        );
        return Err(Failure::coded("path_masked", msg));
    }
    let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_string();
    let order = |path: &str| {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        modules_list::DIRECTORIES.iter().position(|known| *known == directory)
    };
    let mask = lists.iter().find(|list| {
        list.counts
            && base(&list.path) == base(&seen.path)
            && order(&list.path) < order(&seen.path)
            && order(&list.path).is_some()
    });
    match mask {
        None => Ok(()),
        Some(mask) => {
            let msg = format!("{}: systemd reads {} instead of it; {advice}", seen.path, mask.path);
            Err(Failure::coded("path_masked", msg))
        }
    }
}

/// Every list that is the file at `target` has this content from now on.
fn rewrite(lists: &mut [List], target: &str, after: &[u8]) {
    for list in lists.iter_mut().filter(|list| list.target == target) {
        list.bytes = after.to_vec();
    }
}

/// Takes the modules off every list under /etc; the rest is named. A file that several lists are
/// is edited once, where it is.
fn absent(seen: &Observed, lists: &mut [List], plan: &mut Plan) {
    let names: Vec<&str> = seen.wish.iter().map(String::as_str).collect();
    for list in &seen.lists {
        let target = &list.target;
        let after = modules_list::absent(&list.bytes, &names);
        if after == list.bytes || plan.files.iter().any(|file| file.path == *target) {
            continue;
        }
        if !list.is_under_etc() {
            for module in names.iter().filter(|_| list.counts) {
                for line in list.lines(module) {
                    plan.warnings.push(format!(
                        "{}:{line}: still loads {module} at boot; the line is another owner's and was left",
                        list.path
                    ));
                }
            }
            continue;
        }
        rewrite(lists, target, &after);
        // Without its file a link would lead nowhere.
        let is_linked = seen.lists.iter().any(|other| other.target == *target && other.path != *target);
        let after = (after != HEADER.as_bytes() || is_linked).then_some(after);
        plan.files.push(FileChange {
            path: target.clone(),
            before: Some(list.bytes.clone()),
            after,
            mode: FileChange::PLAIN,
        });
    }
}

/// Modules that are listed in vain.
fn warn_of_missing(args: &Args, seen: &Observed, plan: &mut Plan) {
    let nowhere = |name: &str| wish::is_nowhere(name, &seen.kernels);
    if args.modules.is_none() {
        for name in wish::left_out(&seen.kernels) {
            plan.warnings.push(format!(
                "module_not_available: no installed kernel has {name}; it was not listed. Install a kernel with VFIO"
            ));
        }
    }
    for name in seen.wish.iter().filter(|name| nowhere(name)) {
        plan.warnings.push(format!(
            "module_not_available: no installed kernel has {name}{}; each boot logs that it is not found",
            reply::hint(name)
        ));
    }
}

/// What is listed but not in the running kernel: loaded now, or at the next boot.
fn load_or_reboot(args: &Args, seen: &Observed, plan: &mut Plan) {
    let changed = !plan.files.is_empty();
    for module in seen.wish.iter().filter(|module| reply::is_loaded(module, seen) == Some(false)) {
        if args.load {
            plan.activations.push(Activation::Run(Run::load_module(module)));
            continue;
        }
        let loadable = match reply::in_running(module, seen) {
            Some(state) => state == ModuleState::Loadable,
            None => seen.kernels.iter().any(|kernel| kernel.state(module) == Some(ModuleState::Loadable)),
        };
        if !loadable {
            continue;
        }
        if changed || !seen.booted_with {
            let message = format!("{module} is configured but not loaded");
            plan.reboot.push(RebootReason { code: "module_not_loaded", message });
        } else {
            plan.warnings.push(format!(
                "{module} is listed since before this boot and is not loaded: see the journal of systemd-modules-load"
            ));
        }
    }
}
