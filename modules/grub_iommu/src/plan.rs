//! The decision: which bytes change, what must be generated anew, whether a reboot is due.

use apply::{FileChange, Plan};
use config_text::grub_default::{self, Outcome, Target};
use config_text::kernel_cmdline_file::Reader;
use config_text::{grub_cfg, kernel_cmdline};
use host::bootloader::Kind;
use kernel_parameters::{Guard, MAX_CMDLINE, State, TOO_LONG, Wanted, esp_guard, fits};
use protocol::{Failure, Planned};
use serde_json::{Map, Value, json};

use crate::observe::{Boots, Observed};
use crate::{Args, bls, entries, settings};

pub(crate) fn plan(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    let mut plan = Plan::default();
    let mut guard = Guard { force: args.force, warnings: Vec::new() };
    let has_settings = !seen.grub.files.is_empty();
    // The entries are settings of their own; a path that leads nowhere is a slip all the same.
    let entries_alone = matches!(seen.boots, Boots::Bls(_)) && args.path == host::grub::SETTINGS;
    if !has_settings && !entries_alone {
        return without_settings(args, seen);
    }
    right_loader(args, seen, &mut guard)?;
    let wanted = Wanted::new(&args.asked(), &seen.machine)?;
    readable(seen)?;
    let own_file = settings::own_file(args, &seen.grub);
    let variable = match seen.boots {
        Boots::Bls(_) => bls::VARIABLE,
        Boots::GrubConfig | Boots::Esps(..) => &args.variable,
    };
    let target = Target { variable, own_file: &own_file };
    let outcome = match has_settings {
        true => grub_default::edit(&seen.grub.settings(), target, &wanted.wish)
            .map_err(|refusal| Failure::coded(refusal.code(), seen.machine.full(&refusal.to_string())))?,
        false => Outcome::default(),
    };
    if let (Some(line), Some(change)) = (&outcome.after.cmdline, outcome.changes.first()) {
        fits(line, &seen.machine.full(&change.name))?;
    }
    plan.files = outcome
        .changes
        .iter()
        .map(|change| FileChange {
            path: change.name.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
            mode: FileChange::PLAIN,
        })
        .collect();
    let mut beside = bls::Edited::default();
    match &seen.boots {
        Boots::Bls(found) => {
            beside = bls::changes(args, seen, found, &wanted, &mut guard)?;
            plan.files.append(&mut beside.files);
        }
        Boots::GrubConfig => survives_grub(&outcome, seen, &wanted)?,
        Boots::Esps(found, _) => {
            survives_grub(&outcome, seen, &wanted)?;
            guard.warnings.extend(found.faults.iter().cloned());
        }
    }
    for refresh in entries::refresh(args, seen, &wanted, &plan.files) {
        if args.update {
            readable_esps(seen, &mut guard)?;
        }
        plan.activate(refresh, args.update);
    }
    plan.warnings = guard.warnings;
    plan.reboot = wanted.reboot_reasons(&seen.machine);
    let reply = reply(args, seen, &wanted, (outcome, beside), &plan.files);
    Ok(Planned { plan, reply })
}

/// No settings file: nothing to take out, and on a machine without a boot loader nothing to add.
fn without_settings(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    let none = seen.bootloader.kind == Kind::None;
    if args.state == State::Present && !none {
        right_loader(args, seen, &mut Guard { force: args.force, warnings: Vec::new() })?;
        return Err(Failure::coded(
            "no_settings",
            format!(
                "{}: no such file, so there is nothing that grub-mkconfig would read; \
                 install GRUB or set path to its settings",
                seen.machine.full(&args.path)
            ),
        ));
    }
    let mut reply = Map::new();
    reply.insert("bootloader".into(), seen.bootloader.kind.as_str().into());
    if none {
        let why = seen.bootloader.evidence.join("; ");
        reply.insert(
            "msg".into(),
            format!("no boot loader on this machine ({why}): nothing to configure").into(),
        );
    }
    reply.insert("cmdline".into(), json!({"before": null, "after": null, "computed": []}));
    for key in ["added", "removed", "files", "entries"] {
        reply.insert(key.into(), json!([]));
    }
    Ok(Planned { plan: Plan::default(), reply })
}

/// Refuses where another loader, or another kind of entry, decides the command line.
fn right_loader(args: &Args, seen: &Observed, guard: &mut Guard) -> Result<(), Failure> {
    let loader = &seen.bootloader;
    let evidence = loader.evidence.join("; ");
    let (code, message) = match loader.kind {
        Kind::SystemdBoot => (
            "wrong_boot_loader",
            format!(
                "this host boots by systemd-boot ({evidence}), which does not read {}: use the module \
                 pci.passthrough.systemd_boot_iommu",
                args.path
            ),
        ),
        Kind::Unknown => (
            "boot_loader_unknown",
            format!(
                "it is not clear that GRUB boots this host ({evidence}); with force: true {} is edited all the same",
                args.path
            ),
        ),
        Kind::Grub | Kind::None => return Ok(()),
    };
    guard.refuse(code, message)
}

/// Refuses where no entry on an ESP could be read back.
fn readable_esps(seen: &Observed, guard: &mut Guard) -> Result<(), Failure> {
    let Boots::Esps(found, _) = &seen.boots else { return Ok(()) };
    match esp_guard(Reader::ProxmoxBootTool, found, None) {
        Some((code, message)) => guard.refuse(code, message),
        None => Ok(()),
    }
}

/// Refuses a value that nobody wrote as a command line, before it costs time.
fn readable(seen: &Observed) -> Result<(), Failure> {
    let length = grub_default::effective(&seen.grub.settings())
        .ok()
        .and_then(|effective| effective.cmdline)
        .map_or(0, |line| line.len());
    if length <= MAX_CMDLINE {
        return Ok(());
    }
    let name = seen.grub.files.first().map_or("", |file| &file.name);
    let name = seen.machine.full(name);
    Err(Failure::coded(
        "cmdline_too_long",
        format!("{name}: the command line has {length} bytes, and {}; mend the settings first", TOO_LONG),
    ))
}

/// Refuses a line of which GRUB's own grammar cuts off the wanted parameters: 10_linux writes it into
/// a `linux` command as it is, where `#` begins a comment and `;` or a line break ends the command.
fn survives_grub(outcome: &Outcome, seen: &Observed, wanted: &Wanted) -> Result<(), Failure> {
    let Some(line) = &outcome.after.cmdline else { return Ok(()) };
    let arguments = grub_cfg::as_arguments(line);
    let lost = wanted.present.iter().find(|token| !kernel_cmdline::in_force(&arguments, token.as_bytes()));
    let Some(lost) = lost else { return Ok(()) };
    let kept = kernel_cmdline::tokens(&arguments).len();
    let cut = kernel_cmdline::tokens(line).get(kept).map(|token| text(token.raw)).unwrap_or_default();
    let file = seen.grub.files.first().map_or("", |file| &file.name);
    let name = seen.machine.full(file);
    Err(Failure::coded(
        "grub_default_cut_off",
        format!(
            "{name}: {lost} would not reach the kernel: GRUB takes '{cut}' on the command line for a comment or a \
             command of its own; take it out of the settings first"
        ),
    ))
}

fn reply(
    args: &Args,
    seen: &Observed,
    wanted: &Wanted,
    (outcome, beside): (Outcome, bls::Edited),
    files: &[FileChange],
) -> Map<String, Value> {
    // Entry files may differ from the settings: what boots counts.
    let (before, after) = match beside.line {
        Some((before, after)) => (Some(before), Some(after)),
        None => (outcome.before.cmdline, outcome.after.cmdline),
    };
    let (mut added, mut removed) = (outcome.added, outcome.removed);
    bls::merge(&mut added, beside.added);
    bls::merge(&mut removed, beside.removed);
    let files: Vec<String> = files.iter().map(|file| seen.machine.full(&file.path)).collect();
    let computed: Vec<String> = outcome
        .before
        .computed
        .iter()
        .map(|c| format!("{}:{}: {}", seen.machine.full(&c.file), c.line, c.why))
        .collect();
    let mut reply = Map::new();
    reply.insert("bootloader".into(), seen.bootloader.kind.as_str().into());
    reply.insert(
        "cmdline".into(),
        json!({
            "before": before.as_ref().map(text), "after": after.as_ref().map(text), "computed": computed,
        }),
    );
    reply.insert("added".into(), texts(&added));
    reply.insert("removed".into(), texts(&removed));
    reply.insert("files".into(), files.into());
    reply.insert("entries".into(), entries::reply(args, seen, wanted));
    reply
}

fn text(bytes: &(impl AsRef<[u8]> + ?Sized)) -> String {
    String::from_utf8_lossy(bytes.as_ref()).into_owned()
}

fn texts(tokens: &[Vec<u8>]) -> Value {
    tokens.iter().map(text).collect()
}
