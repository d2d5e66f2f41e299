//! The decision: which bytes change, what must be made anew, whether a reboot is due.

use apply::{Activation, FileChange, Plan, Run};
use config_text::kernel_cmdline_file;
use host::bootloader::Kind;
use kernel_parameters::{Guard, MAX_CMDLINE, State, Wanted, by_hand, esp_guard, fits, sound, stale};
use protocol::{Failure, Planned};

use crate::Args;
use crate::observe::Observed;
use crate::reply;

pub(crate) fn plan(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    // A container has no use for the file, but whoever builds an image in one may ask for it.
    let forced = args.force && seen.cmdline.text.is_some();
    if seen.bootloader.kind == Kind::None && !forced {
        return Ok(Planned { plan: Plan::default(), reply: reply::no_boot_loader(seen) });
    }
    let mut guard = Guard { force: args.force, warnings: Vec::new() };
    right_loader(args, seen, &mut guard)?;
    let asked = args.asked();
    let wanted = Wanted::new(&asked, &seen.machine)?;
    let Some(before) = seen.cmdline.effective() else {
        return without_settings(args, seen);
    };
    readable(args, seen, before)?;
    let (after, edit) = kernel_cmdline_file::edit(before, seen.reader, &wanted.wish);
    let changed = !edit.is_noop();
    let changes = changed.then_some(args.path.as_str());
    let stale = stale(&seen.entries, &seen.machine, args.state, &wanted, changes);
    let idle = args.state == State::Absent && !changed && stale.is_none();
    let source = seen.cmdline.fallback.as_ref().map_or(&args.path, |(source, _)| source);
    sound((before, source), seen.reader, &seen.machine, idle, &mut guard)?;
    let name = seen.machine.full(&args.path);
    if changed {
        let line = kernel_cmdline_file::read(&after, seen.reader);
        fits(line.trim_ascii(), &name)?;
        keeps_root(before, line, &name, &mut guard)?;
    }
    let mut plan = Plan::default();
    if changed {
        let before = seen.cmdline.text.clone();
        plan.files.push(FileChange {
            path: args.path.clone(),
            before,
            after: Some(after.clone()),
            mode: FileChange::PLAIN,
        });
    }
    if let Some(reason) = stale {
        if args.update {
            made_by_a_tool(args, seen, &wanted)?;
            reachable(seen, &mut guard)?;
        }
        for command in &seen.refresh {
            plan.activate(Activation::Run(Run::make_entries(&reason, command.clone())), args.update);
        }
    }
    guard.warnings.extend(seen.entries.faults.iter().cloned());
    plan.warnings = guard.warnings;
    plan.reboot = wanted.reboot_reasons(&seen.machine);
    let reply = reply::reply(args, seen, &wanted, &after, &edit);
    Ok(Planned { plan, reply })
}

/// Refuses where another loader decides the command line.
fn right_loader(args: &Args, seen: &Observed, guard: &mut Guard) -> Result<(), Failure> {
    let evidence = seen.bootloader.evidence.join("; ");
    match seen.bootloader.kind {
        Kind::Grub => guard.refuse(
            "wrong_boot_loader",
            format!(
                "this host boots by GRUB ({evidence}), which does not read {}: use the module pci.passthrough.grub_iommu",
                args.path
            ),
        ),
        Kind::Unknown => guard.refuse(
            "boot_loader_unknown",
            format!(
                "it is not clear that systemd-boot boots this host ({evidence}); with force: true {} is edited all the same",
                args.path
            ),
        ),
        Kind::None => guard.refuse(
            "no_boot_loader",
            format!("no boot loader on this machine ({evidence}); with force: true {} is edited all the same", args.path),
        ),
        Kind::SystemdBoot => Ok(()),
    }
}

/// No file, and nothing that its reader would take instead.
fn without_settings(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    if args.state == State::Absent {
        return Ok(Planned { plan: Plan::default(), reply: reply::nothing(seen) });
    }
    Err(Failure::coded(
        "no_settings",
        format!(
            "{}: no such file, and this tree is not running, so nothing tells its kernel command line; write the file, \
             with root= first",
            seen.machine.full(&args.path)
        ),
    ))
}

/// Refuses what nobody wrote as a command line, before it costs time.
fn readable(args: &Args, seen: &Observed, before: &[u8]) -> Result<(), Failure> {
    if before.len() <= MAX_CMDLINE {
        return Ok(());
    }
    let name = seen.machine.full(&args.path);
    Err(Failure::coded(
        "cmdline_too_long",
        format!("{name}: has {} bytes, and {}; mend it first", before.len(), kernel_parameters::TOO_LONG),
    ))
}

/// Refuses to take the root file system away.
fn keeps_root(before: &[u8], after: &[u8], name: &str, guard: &mut Guard) -> Result<(), Failure> {
    if !kernel_cmdline_file::has_root(before) || kernel_cmdline_file::has_root(after) {
        return Ok(());
    }
    guard.refuse(
        "kernel_cmdline_no_root",
        format!(
            "{name}: would have no root= parameter any more, so nothing would boot; leave it out of remove"
        ),
    )
}

/// Refuses where an entry would be as it is in the end, which the closing look would find after all the work.
fn made_by_a_tool(args: &Args, seen: &Observed, wanted: &Wanted) -> Result<(), Failure> {
    // What a command of the user's writes is not known.
    if args.update_command.is_some() {
        return Ok(());
    }
    match by_hand(&seen.entries, &seen.machine, args.state, wanted) {
        Some((code, message)) => Err(Failure::coded(code, message)),
        None => Ok(()),
    }
}

/// Refuses where the entries could not be read back, or would be written beside the ESP.
fn reachable(seen: &Observed, guard: &mut Guard) -> Result<(), Failure> {
    if seen.refresh.is_empty() {
        return Err(Failure::coded(
            "no_kernel",
            format!("{}: no kernel is installed that an entry could be made for", seen.machine.full("/boot")),
        ));
    }
    match esp_guard(seen.reader, &seen.entries, seen.esp_mounted) {
        Some((code, message)) => guard.refuse(code, message),
        None => Ok(()),
    }
}
