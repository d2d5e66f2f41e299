//! What a module's arguments may be: the table out of the documentation, and the rules beside it.

/// The type of an option, as Ansible's argument spec names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text; anything else becomes its Python `str()`.
    Str,
    /// A boolean or one of its words (`yes`, `off`, `1`, …).
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A list; a string is split at commas.
    List,
    /// A mapping; a string is read as JSON or as `k=v` pairs.
    Dict,
    /// Text in which variables and `~` are expanded.
    Path,
    /// Left as it is.
    Raw,
    /// JSON text; a list or mapping is written as JSON.
    Json,
    /// The same as [`Kind::Json`].
    Jsonarg,
    /// A size in bytes (`10K`, `1MB`).
    Bytes,
    /// A size in bits (`10K`, `1Mb`).
    Bits,
}

/// A constant value: a default, a choice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Literal {
    /// `null`: no default.
    None,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Str(&'static str),
    /// A list.
    List(&'static [Literal]),
    /// A mapping, in order.
    Dict(&'static [(&'static str, Literal)]),
}

/// One option of a module, or a sub-option.
#[derive(Debug, Clone, Copy)]
pub struct Opt {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// The type of a list's elements.
    pub elements: Option<Kind>,
    /// Whether it must be given.
    pub required: bool,
    /// Its value where it is not given.
    pub default: Literal,
    /// The values it (or each element of it) may have; empty for any.
    pub choices: &'static [Literal],
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// Sub-options of a dict, or of each dict in a list.
    pub options: &'static [Opt],
}

/// The options of a module. `argument_spec` makes it out of the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The module's name.
    pub module: &'static str,
    /// Its options in the order of the documentation.
    pub options: &'static [Opt],
}

/// `option` equal to `equals` makes `required` necessary.
#[derive(Debug, Clone, Copy)]
pub struct RequiredIf {
    /// The option looked at.
    pub option: &'static str,
    /// The value that makes the rule hold.
    pub equals: Literal,
    /// What must be given then.
    pub required: &'static [&'static str],
    /// Whether one of `required` is enough.
    pub any: bool,
}

/// An option or alias that goes away.
#[derive(Debug, Clone, Copy)]
pub struct Deprecation {
    /// The option, or the alias.
    pub name: &'static str,
    /// The option that `name` is an alias of; `None` where the option itself goes away.
    pub alias_of: Option<&'static str>,
    /// In which version of the collection.
    pub version: Option<&'static str>,
    /// Or at which date (`2030-01-01`).
    pub date: Option<&'static str>,
    /// Whose version that is.
    pub collection: &'static str,
}

/// What the documentation of options has no field for: rules between options, and secrets.
/// The fields mean what the parameters of `AnsibleModule` with these names mean.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Groups of which at most one may be given.
    pub mutually_exclusive: &'static [&'static [&'static str]],
    /// Groups of which all or none must be given.
    pub required_together: &'static [&'static [&'static str]],
    /// Groups of which at least one must be given.
    pub required_one_of: &'static [&'static [&'static str]],
    /// Options that a value of another makes necessary.
    pub required_if: &'static [RequiredIf],
    /// Options that need others.
    pub required_by: &'static [(&'static str, &'static [&'static str])],
    /// Options whose value is a secret (`true`), or is none although its name reads like a
    /// password (`false`).
    pub no_log: &'static [(&'static str, bool)],
    /// Options and aliases that go away.
    pub deprecated: &'static [Deprecation],
    /// The rules inside the sub-options of an option.
    pub sub_options: &'static [(&'static str, Rules)],
}

impl Rules {
    /// No rule at all.
    pub const NONE: Rules = Rules {
        mutually_exclusive: &[],
        required_together: &[],
        required_one_of: &[],
        required_if: &[],
        required_by: &[],
        no_log: &[],
        deprecated: &[],
        sub_options: &[],
    };

    /// The rules inside the sub-options of `option`.
    pub(crate) fn inside(&self, option: &str) -> &Rules {
        self.sub_options.iter().find(|(name, _)| *name == option).map_or(&Rules::NONE, |(_, rules)| rules)
    }

    /// Whether `option` is a secret; `None` where nothing says so.
    pub(crate) fn secret(&self, option: &str) -> Option<bool> {
        self.no_log.iter().find(|(name, _)| *name == option).map(|(_, secret)| *secret)
    }
}
