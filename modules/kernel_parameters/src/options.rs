//! The options that both modules have.

use config_text::kernel_cmdline::Wish;
use protocol::Failure;
use serde::Deserialize;

use crate::wanted::{COMMAND_LINE_SIZE, TOO_LONG};

/// Whether the parameters are to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// They are.
    Present,
    /// They are not, whoever wrote them.
    Absent,
}

/// Whose IOMMU the parameters are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// That of the processor.
    Auto,
    /// VT-d.
    Intel,
    /// AMD-Vi.
    Amd,
    /// SMMU.
    Arm,
}

/// Whether to add the parameter that switches the IOMMU on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnableParameter {
    /// In every case.
    Always,
    /// Where an installed kernel does not switch it on by itself.
    WhenNeeded,
    /// In no case.
    Never,
}

/// The options of one run.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// `state`.
    pub state: State,
    /// `vendor`.
    pub vendor: Vendor,
    /// `enable_parameter`.
    pub enable_parameter: EnableParameter,
    /// `passthrough_mode`: `iommu=pt`.
    pub passthrough_mode: bool,
    /// `parameters`: tokens.
    pub parameters: &'a [String],
    /// `remove`: tokens or keys.
    pub remove: &'a [String],
    /// `path`: the file with the command line.
    pub path: &'a str,
    /// `update_command`.
    pub update_command: Option<&'a [String]>,
}

impl Asked<'_> {
    /// Refuses, before anything is read, options that are no single safe token each. `example` is what
    /// `path` most often is.
    ///
    /// # Errors
    /// The option and its value.
    pub fn check(&self, example: &str) -> Result<(), Failure> {
        if !self.path.starts_with('/') {
            let path: String = self.path.chars().take(60).collect();
            let msg = format!("path: {path} is no absolute path; give one such as {example}");
            return Err(Failure::coded("invalid_value", msg));
        }
        for (option, tokens) in [("parameters", self.parameters), ("remove", self.remove)] {
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
        if self.update_command.is_some_and(|words| words.iter().all(|word| word.trim().is_empty())) {
            return Err(Failure::coded(
                "invalid_value",
                "update_command: names no command; give its words, such as [update-grub], or leave the option out",
            ));
        }
        Ok(())
    }
}
