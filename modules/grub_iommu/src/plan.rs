//! The decision: which bytes change, what must be generated anew, whether a reboot is due.

use apply::{Activation, FileChange, Plan, RebootReason};
use config_text::grub_default::{self, Outcome, Target};
use config_text::{grub_cfg, kernel_cmdline};
use host::bootloader::Kind;
use protocol::{Failure, Planned};
use serde_json::{Map, Value, json};

use crate::observe::Observed;
use crate::settings;
use crate::wish::{self, Wanted};
use crate::{Args, State, entries};

/// Far more than the kernel takes; less than what makes working the tokens out slow.
const MAX_CMDLINE: usize = 1 << 16;

pub(crate) fn plan(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    let mut plan = Plan::default();
    if seen.grub.files.is_empty() {
        return without_settings(args, seen);
    }
    right_loader(args, seen, &mut plan.warnings)?;
    let wanted = wish::wanted(args, seen)?;
    readable(seen)?;
    let own_file = settings::own_file(args, &seen.grub);
    let target = Target { variable: &args.variable, own_file: &own_file };
    let outcome = grub_default::edit(&seen.grub.settings(), target, &wanted.wish).map_err(|refusal| {
        let code = refusal.code();
        Failure::coded(code, settings::with_root(&refusal.to_string(), &seen.root))
    })?;
    fits(&outcome, seen)?;
    survives_grub(&outcome, seen, &wanted)?;
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
    let changes = plan.files.first().map(|file| file.path.clone());
    if let Some(refresh) = entries::refresh(args, seen, &wanted, changes.as_deref()) {
        plan.activate(Activation::BootEntries(refresh), args.update);
    }
    plan.reboot = reboot_reasons(seen, &wanted);
    let reply = reply(args, seen, &wanted, &outcome);
    Ok(Planned { plan, reply })
}

/// No settings file: nothing to take out, and on a machine without a boot loader nothing to add.
fn without_settings(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    let none = seen.bootloader.kind == Kind::None;
    if args.state == State::Present && !none {
        right_loader(args, seen, &mut Vec::new())?;
        return Err(Failure::coded(
            "no_settings",
            format!(
                "{}: no such file, so there is nothing that grub-mkconfig would read; \
                 install GRUB or set path to its settings",
                settings::with_root(&args.path, &seen.root)
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
fn right_loader(args: &Args, seen: &Observed, warnings: &mut Vec<String>) -> Result<(), Failure> {
    let loader = &seen.bootloader;
    let evidence = loader.evidence.join("; ");
    let (code, message) = match loader.kind {
        Kind::SystemdBoot => (
            "wrong_boot_loader",
            format!("this host boots by systemd-boot ({evidence}): its kernel parameters are in /etc/kernel/cmdline, {} is not read", args.path),
        ),
        Kind::Unknown => (
            "boot_loader_unknown",
            format!("it is not clear that GRUB boots this host ({evidence}); with force: true {} is edited all the same", args.path),
        ),
        Kind::Grub if seen.bls_entries && loader.bls && args.update => (
            "bls_entries",
            "this host's entries are files of their own in /boot/loader/entries, which grub-mkconfig does not rewrite; \
             add the parameters by grubby --update-kernel=ALL --args=…"
                .to_string(),
        ),
        Kind::Grub if loader.proxmox_boot_tool && args.update => (
            "proxmox_boot_tool",
            format!("this host boots from the ESPs in /etc/kernel/proxmox-boot-uuids, so /boot/grub/grub.cfg proves nothing; \
                     run with update: false and then proxmox-boot-tool refresh, which brings {} to every ESP", args.path),
        ),
        Kind::Grub | Kind::None => return Ok(()),
    };
    if args.force {
        warnings.push(format!("{code}: {message}"));
        return Ok(());
    }
    Err(Failure::coded(code, message))
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
    let name = settings::with_root(name, &seen.root);
    Err(Failure::coded(
        "cmdline_too_long",
        format!(
            "{name}: the command line has {length} bytes, and {}; mend the settings first",
            wish::TOO_LONG
        ),
    ))
}

/// Refuses a line that the kernel would cut off: what stands at its end would not be in force.
fn fits(outcome: &Outcome, seen: &Observed) -> Result<(), Failure> {
    let length = outcome.after.cmdline.as_ref().map_or(0, Vec::len);
    if length <= wish::COMMAND_LINE_SIZE || outcome.changes.is_empty() {
        return Ok(());
    }
    let file = outcome.changes.first().map_or("", |change| &change.name);
    let name = settings::with_root(file, &seen.root);
    Err(Failure::coded(
        "cmdline_too_long",
        format!(
            "{name}: the command line would have {length} bytes; {}; take parameters out first",
            wish::TOO_LONG
        ),
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
    let name = settings::with_root(file, &seen.root);
    Err(Failure::coded(
        "grub_default_cut_off",
        format!(
            "{name}: {lost} would not reach the kernel: GRUB takes '{cut}' on the command line for a comment or a \
             command of its own; take it out of the settings first"
        ),
    ))
}

/// The same wish, held against the command line in force: what it would change there is not in force yet.
fn reboot_reasons(seen: &Observed, wanted: &Wanted) -> Vec<RebootReason> {
    let Some(line) = &seen.cmdline else { return Vec::new() };
    let (_, edit) = kernel_cmdline::rewrite(line.as_bytes(), &wanted.wish);
    let lacking = edit.added.iter().map(|token| RebootReason {
        code: "parameter_not_in_force",
        message: format!("{} is configured, but not on the command line in force", text(token)),
    });
    let left = edit
        .removed
        .iter()
        .filter(|token| !wanted.present.iter().any(|have| have.as_bytes() == token.as_slice()));
    let left = left.map(|token| RebootReason {
        code: "parameter_still_in_force",
        message: format!("{} is still on the command line in force", text(token)),
    });
    lacking.chain(left).collect()
}

fn reply(args: &Args, seen: &Observed, wanted: &Wanted, outcome: &Outcome) -> Map<String, Value> {
    let line = |effective: &grub_default::Effective| effective.cmdline.as_deref().map(text);
    let files: Vec<String> =
        outcome.changes.iter().map(|change| settings::with_root(&change.name, &seen.root)).collect();
    let computed: Vec<String> = outcome
        .before
        .computed
        .iter()
        .map(|c| format!("{}:{}: {}", settings::with_root(&c.file, &seen.root), c.line, c.why))
        .collect();
    let mut reply = Map::new();
    reply.insert("bootloader".into(), seen.bootloader.kind.as_str().into());
    reply.insert(
        "cmdline".into(),
        json!({
            "before": line(&outcome.before), "after": line(&outcome.after), "computed": computed,
        }),
    );
    reply.insert("added".into(), texts(&outcome.added));
    reply.insert("removed".into(), texts(&outcome.removed));
    reply.insert("files".into(), files.into());
    reply.insert("entries".into(), entries::reply(&entries::judge(args, seen, wanted)));
    reply
}

fn text(bytes: &(impl AsRef<[u8]> + ?Sized)) -> String {
    String::from_utf8_lossy(bytes.as_ref()).into_owned()
}

fn texts(tokens: &[Vec<u8>]) -> Value {
    tokens.iter().map(text).collect()
}
