//! The decision: which of the two is due.

use apply::{Activation, BootEntries, Plan, RebootReason, Run};
use config_text::kernel_cmdline;
use kernel_parameters::esp_guard;
use protocol::{Failure, Planned};
use serde_json::{Map, Value, json};

use crate::esps::Esps;
use crate::observe::{Boots, Observed};
use crate::{Args, bls};

pub(crate) fn plan(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    let mut plan = Plan::default();
    if let Some(reason) = &seen.entries_stale {
        match &seen.boots {
            Boots::GrubConfig => plan.activate(Activation::BootEntries(refresh(seen, reason)), args.update),
            Boots::Bls(found) if args.update => plan.files = bls::changes(seen, found)?,
            Boots::Bls(_) | Boots::Unknown => {}
            Boots::Esps(esps) => {
                if args.update {
                    sound(seen, esps)?;
                }
                for command in &esps.refresh {
                    plan.activate(Activation::Run(Run::make_entries(reason, command.clone())), args.update);
                }
            }
        }
    }
    if let (Boots::Esps(esps), true) = (&seen.boots, args.update) {
        // Where no ESP can be read, that nothing is due would be a mere guess.
        if let Some((code @ "esp_unreadable", message)) = esp_guard(esps.reader, &esps.entries, esps.mounted)
        {
            return Err(Failure::coded(code, message));
        }
        plan.warnings.extend(esps.entries.faults.iter().cloned());
    }
    if let (Boots::Unknown, true) = (&seen.boots, args.update) {
        plan.warnings.push(format!(
            "boot entries were not looked at: it is not clear which boot loader boots this host ({})",
            seen.bootloader.evidence.join("; ")
        ));
    }
    if let Some(token) = &seen.cut_off {
        plan.warnings.push(format!(
            "the command line in GRUB's settings does not reach the kernel from '{token}' on: GRUB takes it for a \
             comment or a command of its own; take it out of /etc/default/grub"
        ));
    }
    plan.reboot = reboot_reasons(seen);
    plan.refresh_initramfs(&seen.initramfs, None, args.initramfs);
    let mut reply = Map::new();
    show(seen, &mut reply);
    Ok(Planned { plan, reply })
}

/// Refuses to make entries from which nothing would boot, or where they could not be read back.
fn sound(seen: &Observed, esps: &Esps) -> Result<(), Failure> {
    if let (Some(fault), true) = (esps.faults.first(), esps.reads_cmdline()) {
        let file = format!("{}{}", seen.root.trim_end_matches('/'), host::kernel_cmdline::PATH);
        return Err(Failure::coded(fault.code(), format!("{file}:{}: {fault}", fault.line())));
    }
    match esp_guard(esps.reader, &esps.entries, esps.mounted) {
        Some((code, message)) => Err(Failure::coded(code, message)),
        None => Ok(()),
    }
}

fn refresh(seen: &Observed, reason: &str) -> BootEntries {
    let output = seen.grub.output().to_string();
    let writes = BootEntries::beside(&output);
    BootEntries {
        reason: reason.to_string(),
        command: seen.grub.refresh_command(&writes),
        output,
        writes,
        kernels: seen.releases(),
        present: holding(seen),
        absent: Vec::new(),
    }
}

/// The configured parameters that hold: one that a later one takes back is never in force.
fn holding(seen: &Observed) -> Vec<String> {
    let line = seen.configured.as_deref().unwrap_or_default();
    let tokens =
        kernel_cmdline::tokens(line).into_iter().filter(|token| kernel_cmdline::in_force(line, token.raw));
    tokens.map(|token| String::from_utf8_lossy(token.raw).into_owned()).collect()
}

fn reboot_reasons(seen: &Observed) -> Vec<RebootReason> {
    let Some(line) = &seen.cmdline else { return Vec::new() };
    let lacking = holding(seen)
        .into_iter()
        .filter(|token| !kernel_cmdline::in_force(line.as_bytes(), token.as_bytes()));
    let reason = |token: String| RebootReason {
        code: "parameter_not_in_force",
        message: format!("{token} is configured, but not on the command line in force"),
    };
    lacking.map(reason).collect()
}

/// What is due, as the reply shows it.
pub(crate) fn show(seen: &Observed, reply: &mut Map<String, Value>) {
    reply.insert("bootloader".into(), seen.bootloader.kind.as_str().into());
    reply.insert("boot_entries".into(), json!({"stale": seen.entries_stale}));
    reply.insert(
        "initramfs_images".into(),
        json!({"stale": seen.initramfs.stale, "images": seen.initramfs.images}),
    );
}
