//! The reply's own keys.

use config_text::kernel_cmdline::Edit;
use config_text::kernel_cmdline_file;
use kernel_parameters::{Wanted, judge};
use serde_json::{Map, Value, json};

use crate::Args;
use crate::observe::Observed;

pub(crate) fn reply(
    args: &Args,
    seen: &Observed,
    wanted: &Wanted,
    after: &[u8],
    edit: &Edit,
) -> Map<String, Value> {
    let line = |text: &[u8]| {
        let line = String::from_utf8_lossy(kernel_cmdline_file::read(text, seen.reader)).into_owned();
        line.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let source = match &seen.cmdline.fallback {
        Some((source, _)) => source,
        None => &args.path,
    };
    let files: Vec<String> = match edit.is_noop() {
        true => Vec::new(),
        false => vec![seen.machine.full(&args.path)],
    };
    let texts = |tokens: &[Vec<u8>]| -> Value {
        tokens.iter().map(|token| String::from_utf8_lossy(token).into_owned()).collect()
    };
    let mut reply = nothing(seen);
    reply.insert(
        "cmdline".into(),
        json!({
            "before": seen.cmdline.effective().map(line),
            "after": line(after),
            "computed": [],
            "source": seen.machine.full(source),
        }),
    );
    reply.insert("added".into(), texts(&edit.added));
    reply.insert("removed".into(), texts(&edit.removed));
    reply.insert("files".into(), files.into());
    reply.insert("entries".into(), entries(args, seen, wanted));
    reply
}

/// The entries as they are now.
pub(crate) fn entries(args: &Args, seen: &Observed, wanted: &Wanted) -> Value {
    let judged = judge(&seen.entries.entries(&seen.machine.kernels), &seen.machine, args.state, wanted);
    kernel_parameters::reply(&judged, &seen.entries, None)
}

/// The keys of a run that has nothing to do.
pub(crate) fn nothing(seen: &Observed) -> Map<String, Value> {
    let mut reply = Map::new();
    reply.insert("bootloader".into(), seen.bootloader.kind.as_str().into());
    reply.insert("cmdline".into(), json!({"before": null, "after": null, "computed": [], "source": null}));
    for key in ["added", "removed", "files", "entries"] {
        reply.insert(key.into(), json!([]));
    }
    reply
}

/// As [`nothing`], on a machine whose kernel comes from outside.
pub(crate) fn no_boot_loader(seen: &Observed) -> Map<String, Value> {
    let why = seen.bootloader.evidence.join("; ");
    let mut reply = nothing(seen);
    reply
        .insert("msg".into(), format!("no boot loader on this machine ({why}): nothing to configure").into());
    reply
}
