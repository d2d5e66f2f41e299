//! The decision: which of the two is due.

use apply::{Activation, BootEntries, Plan, RebootReason};
use config_text::kernel_cmdline;
use host::bootloader::Kind;
use protocol::{Failure, Planned};
use serde_json::{Map, Value, json};

use crate::Args;
use crate::observe::Observed;

pub(crate) fn plan(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    let mut plan = Plan::default();
    if let Some(reason) = &seen.entries_stale {
        readable(args, seen)?;
        plan.activate(Activation::BootEntries(refresh(seen, reason)), args.update);
    }
    if args.update && matches!(seen.bootloader.kind, Kind::SystemdBoot | Kind::Unknown) {
        plan.warnings.push(format!(
            "boot entries were not looked at: this host does not boot by GRUB, as far as can be told ({})",
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

/// Refuses where `grub.cfg` is not what boots, so that reading it would prove nothing.
fn readable(args: &Args, seen: &Observed) -> Result<(), Failure> {
    if args.update && seen.bootloader.proxmox_boot_tool {
        return Err(Failure::coded(
            "proxmox_boot_tool",
            "this host boots from the ESPs in /etc/kernel/proxmox-boot-uuids, so /boot/grub/grub.cfg proves nothing; \
             run proxmox-boot-tool refresh, and this module with update: false",
        ));
    }
    if args.update && seen.bootloader.bls {
        return Err(Failure::coded(
            "bls_entries",
            "this host's entries are files of their own in /boot/loader/entries, which grub-mkconfig does not rewrite; \
             use grubby, and run this module with update: false",
        ));
    }
    Ok(())
}

fn refresh(seen: &Observed, reason: &str) -> BootEntries {
    let output = seen.grub.output().to_string();
    let writes = BootEntries::beside(&output);
    BootEntries {
        reason: reason.to_string(),
        command: seen.grub.refresh_command(&writes),
        output,
        writes,
        kernels: seen.releases.clone(),
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
