//! What the next boot brings: loader, entries, initramfs, and what waits for a reboot.

use config_text::kernel_cmdline::{Token, concerns_passthrough, in_force};

use super::Context;
use crate::Problem;

pub(super) fn check(context: &Context) -> Vec<Problem> {
    let seen = context.seen;
    let mut problems: Vec<Problem> = seen
        .remarks
        .iter()
        .map(|remark| context.problem(remark.code, remark.message.clone(), &remark.hint))
        .collect();
    if let Some(evidence) = &seen.unknown_loader {
        problems.push(context.problem(
            "boot_loader_unknown",
            format!("it cannot be told which boot loader boots this host ({evidence})"),
            "remove what is left of the loader that is not used, or reboot so that it says its name",
        ));
    }
    let inactive = seen.evidence.units == 0 || seen.evidence.groups == 0;
    // The verdict on an IOMMU that is off names entries that lag behind by itself.
    if let Some(why) = seen.entries_stale.as_ref().filter(|_| !inactive || !verdict_names_entries(context)) {
        problems.push(context.problem(
            "boot_entries_out_of_date",
            format!("the boot entries are not what the settings amount to: {why}"),
            "run boot_refresh",
        ));
    }
    if let Some(why) = &seen.initramfs_stale {
        problems.push(context.problem(
            "initramfs_out_of_date",
            format!("the initramfs is out of date: {why}"),
            "run boot_refresh",
        ));
    }
    let waiting = waiting(context);
    if !inactive && !waiting.is_empty() {
        problems.push(context.problem(
            "reboot_required",
            format!("{} is configured, but this boot was without", waiting.join(" ")),
            "reboot",
        ));
    }
    problems
}

fn verdict_names_entries(context: &Context) -> bool {
    crate::verdict(&context.seen.evidence).reasons.iter().any(|r| r.code == "boot_entries_out_of_date")
}

/// Parameters about passthrough that each of the next boots has, and this one has not.
fn waiting(context: &Context) -> Vec<String> {
    let evidence = &context.seen.evidence;
    let (Some(now), Some(next)) = (&evidence.in_force, &evidence.next_boot) else { return Vec::new() };
    let now = now.join(" ");
    let next: Vec<String> = next.iter().map(|tokens| tokens.join(" ")).collect();
    let holds = |line: &String, token: &str| in_force(line.as_bytes(), token.as_bytes());
    let tokens = evidence
        .next_boot
        .iter()
        .flatten()
        .flatten()
        .filter(|t| concerns_passthrough(&Token::new(t.as_bytes())) && !t.ends_with("=off"));
    let mut waiting: Vec<String> =
        tokens.filter(|t| next.iter().all(|line| holds(line, t)) && !holds(&now, t)).cloned().collect();
    waiting.sort();
    waiting.dedup();
    waiting
}
