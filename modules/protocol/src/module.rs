//! The shape of every module: `args → observe → plan`; all the rest is the same for all.

use apply::Plan;
use host::Root;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Failure, Rules, Spec};

/// What `plan` decides: the changes, and the module's own part of the reply.
#[derive(Debug, Default)]
pub struct Planned {
    /// What is to be done.
    pub plan: Plan,
    /// The module's own results, as they are once the plan is carried out.
    pub reply: Map<String, Value>,
}

/// A module: its arguments, what it looks at, what it decides.
pub trait Module {
    /// Its options; `argument_spec` makes them out of the documentation.
    const SPEC: &'static Spec;
    /// What the documentation of options has no field for.
    const RULES: Rules = Rules::NONE;
    /// Whether it only looks: then the reply has no `actions`, `reboot_required`, ….
    const READ_ONLY: bool = false;
    /// Whether it wants its arguments as JSON has them, to give them back. Otherwise what takes any value is
    /// shown a float's digits as text: reading them as a number would be 16 KB.
    const AS_JSON: bool = false;
    /// The arguments after validation, defaults filled in.
    type Args: DeserializeOwned;
    /// All that the decision depends on, as plain data.
    type Observed;

    /// Reads the host under `root`; changes nothing.
    fn observe(args: &Self::Args, root: &Root) -> Result<Self::Observed, Failure>;

    /// Decides, purely.
    fn plan(args: &Self::Args, observed: &Self::Observed) -> Result<Planned, Failure>;

    /// After the plan was carried out and the host observed again: mends the results that only
    /// the changed host can tell (generated entries, loaded modules).
    fn settle(_args: &Self::Args, _after: &Self::Observed, _reply: &mut Map<String, Value>) {}
}
