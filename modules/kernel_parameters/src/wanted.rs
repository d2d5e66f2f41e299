//! From the options to the parameters that are wanted, and those that must not be there.

use apply::RebootReason;
use config_text::kernel_cmdline::{self, Wish};
use host::proc::Vendor;
use protocol::Failure;

use crate::{Asked, EnableParameter, Machine, State};

/// The most the kernel takes (`COMMAND_LINE_SIZE` of x86 and arm64, with the final NUL).
pub(crate) const COMMAND_LINE_SIZE: usize = 2047;
/// Why more is refused.
pub const TOO_LONG: &str = "the kernel cuts its command line off behind 2047 bytes";
/// Far more than the kernel takes; less than what makes working the tokens out slow.
pub const MAX_CMDLINE: usize = 1 << 16;

/// What switches an IOMMU off, and must not stay in an entry where `present` asks for one.
const OFF: [&str; 3] = ["intel_iommu=off", "amd_iommu=off", "iommu=off"];

/// The parameters of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Tokens that shall be in force, each once.
    pub present: Vec<String>,
    /// Tokens and keys that shall not be there.
    pub absent: Vec<String>,
    /// The same, as the editors take it.
    pub wish: Wish,
}

impl Wanted {
    /// What the options ask for on this machine.
    ///
    /// # Errors
    /// `vendor_unknown`, and wishes that contradict each other.
    pub fn new(asked: &Asked, machine: &Machine) -> Result<Wanted, Failure> {
        let mut tokens: Vec<String> = Vec::new();
        if enables(asked, machine) {
            tokens.extend(enable_tokens(asked, machine)?.iter().map(|t| t.to_string()));
        }
        if asked.passthrough_mode {
            tokens.push("iommu=pt".into());
        }
        tokens.extend(asked.parameters.iter().cloned());
        let (present, absent) = match asked.state {
            State::Present => (tokens, asked.remove.to_vec()),
            State::Absent => (Vec::new(), tokens.into_iter().chain(asked.remove.iter().cloned()).collect()),
        };
        let wish = Wish::new(&present, &absent, asked.state == State::Present);
        let wish = wish.map_err(|error| Failure::new(format!("parameters, remove: {error}")))?;
        Ok(Wanted { present, absent, wish })
    }

    /// Tokens and keys that no entry may carry.
    pub fn unwanted(&self, state: State) -> Vec<String> {
        let off: &[&str] = if state == State::Present { &OFF } else { &[] };
        off.iter().map(|token| token.to_string()).chain(self.absent.iter().cloned()).collect()
    }

    /// The same wish, held against the command line in force: what it would change there is not in force yet.
    pub fn reboot_reasons(&self, machine: &Machine) -> Vec<RebootReason> {
        let Some(line) = &machine.cmdline else { return Vec::new() };
        let text = |token: &[u8]| String::from_utf8_lossy(token).into_owned();
        let (_, edit) = kernel_cmdline::rewrite(line.as_bytes(), &self.wish);
        let lacking = edit.added.iter().map(|token| RebootReason {
            code: "parameter_not_in_force",
            message: format!("{} is configured, but not on the command line in force", text(token)),
        });
        let left = edit
            .removed
            .iter()
            .filter(|token| !self.present.iter().any(|have| have.as_bytes() == token.as_slice()));
        let left = left.map(|token| RebootReason {
            code: "parameter_still_in_force",
            message: format!("{} is still on the command line in force", text(token)),
        });
        lacking.chain(left).collect()
    }
}

/// Whether the enabling parameter is this run's business.
fn enables(asked: &Asked, machine: &Machine) -> bool {
    match asked.enable_parameter {
        EnableParameter::Always => true,
        EnableParameter::Never => false,
        // What an earlier run may have added goes all the same.
        EnableParameter::WhenNeeded => asked.state == State::Absent || !machine.on_by_default,
    }
}

fn enable_tokens(asked: &Asked, machine: &Machine) -> Result<&'static [&'static str], Failure> {
    match (machine.vendor, asked.state) {
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
                machine.cpuinfo_path
            ),
        )),
    }
}

/// Refuses a line that the kernel would cut off: what stands at its end would not be in force. `name` is
/// the file that would hold it, root included.
///
/// # Errors
/// `cmdline_too_long`.
pub fn fits(line: &[u8], name: &str) -> Result<(), Failure> {
    if line.len() <= COMMAND_LINE_SIZE {
        return Ok(());
    }
    Err(Failure::coded(
        "cmdline_too_long",
        format!(
            "{name}: the command line would have {} bytes; {TOO_LONG}; take parameters out first",
            line.len()
        ),
    ))
}
