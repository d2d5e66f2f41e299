//! From the options to the parameters that are wanted, and those that must not be there.

use config_text::kernel_cmdline::Wish;
use host::proc::Vendor;
use protocol::Failure;

use crate::observe::Observed;
use crate::{Args, EnableParameter, State};

/// The most the kernel takes (`COMMAND_LINE_SIZE` of x86 and arm64, with the final NUL).
pub(crate) const COMMAND_LINE_SIZE: usize = 2047;
/// Why more is refused.
pub(crate) const TOO_LONG: &str = "the kernel cuts its command line off behind 2047 bytes";

/// The parameters of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Tokens that shall be in force, each once.
    pub present: Vec<String>,
    /// Tokens and keys that shall not be there.
    pub absent: Vec<String>,
    /// The same, as the editor takes it.
    pub wish: Wish,
}

/// Refuses, before anything is read, options that are no single safe token each.
pub(crate) fn check_tokens(args: &Args) -> Result<(), Failure> {
    if !args.path.starts_with('/') {
        let path: String = args.path.chars().take(60).collect();
        let msg = format!("path: {path} is no absolute path; give one such as /etc/default/grub");
        return Err(Failure::coded("invalid_value", msg));
    }
    for (option, tokens) in [("parameters", &args.parameters), ("remove", &args.remove)] {
        for token in tokens {
            if token.len() > COMMAND_LINE_SIZE {
                let start: String = token.chars().take(40).collect();
                let msg = format!("{option}: {start}… has {} bytes; {TOO_LONG}", token.len());
                return Err(Failure::coded("invalid_value", msg));
            }
            Wish::new(&[token], &[] as &[&str], false)
                .map_err(|error| Failure::new(format!("{option}: {error}")))?;
        }
    }
    if args.update_command.as_ref().is_some_and(|words| words.iter().all(|word| word.trim().is_empty())) {
        return Err(Failure::coded(
            "invalid_value",
            "update_command: names no command; give its words, such as [update-grub], or leave the option out",
        ));
    }
    Ok(())
}

/// What the options ask for on this host.
pub(crate) fn wanted(args: &Args, seen: &Observed) -> Result<Wanted, Failure> {
    let mut tokens: Vec<String> = Vec::new();
    if enables(args, seen) {
        tokens.extend(enable_tokens(args, seen)?.iter().map(|t| t.to_string()));
    }
    if args.passthrough_mode {
        tokens.push("iommu=pt".into());
    }
    tokens.extend(args.parameters.iter().cloned());
    let (present, absent) = match args.state {
        State::Present => (tokens, args.remove.clone()),
        State::Absent => (Vec::new(), tokens.into_iter().chain(args.remove.iter().cloned()).collect()),
    };
    let wish = Wish::new(&present, &absent, args.state == State::Present);
    let wish = wish.map_err(|error| Failure::new(format!("parameters, remove: {error}")))?;
    Ok(Wanted { present, absent, wish })
}

/// Whether the enabling parameter is this run's business.
fn enables(args: &Args, seen: &Observed) -> bool {
    match args.enable_parameter {
        EnableParameter::Always => true,
        EnableParameter::Never => false,
        // What an earlier run may have added goes all the same.
        EnableParameter::WhenNeeded => args.state == State::Absent || !seen.on_by_default,
    }
}

fn enable_tokens(args: &Args, seen: &Observed) -> Result<&'static [&'static str], Failure> {
    match (seen.vendor, args.state) {
        (Some(Vendor::Intel), _) => Ok(&["intel_iommu=on"]),
        (Some(Vendor::Amd), _) => Ok(&["amd_iommu=on"]),
        // The SMMU is on wherever the firmware describes one.
        (Some(Vendor::Arm), _) => Ok(&[]),
        // Taking out needs no hardware: neither vendor's parameter shall be there.
        (None, State::Absent) => Ok(&["intel_iommu=on", "amd_iommu=on"]),
        (None, State::Present) => Err(Failure::coded(
            "vendor_unknown",
            format!(
                "vendor: auto cannot tell the processor: {} has no vendor that is known here; \
                 set vendor to intel, amd or arm",
                seen.cpuinfo_path
            ),
        )),
    }
}
