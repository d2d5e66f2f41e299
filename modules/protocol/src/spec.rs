//! What a module's arguments may be: the table out of the documentation, and the rules beside it.

use crate::coerce::{self, Era};
use crate::value::Value;

/// The type of an option, as Ansible's argument spec names it, with what makes a value one of this
/// type: so a binary holds only the conversions that its own options need.
#[derive(Clone, Copy)]
pub struct Kind {
    name: &'static str,
    convert: fn(Value, Era) -> Result<Value, String>,
}

impl Kind {
    /// Text; anything else becomes its Python `str()`.
    pub const STR: Kind = Kind { name: "str", convert: coerce::string };
    /// A boolean or one of its words (`yes`, `off`, `1`, …).
    pub const BOOL: Kind = Kind { name: "bool", convert: coerce::boolean };
    /// A whole number.
    pub const INT: Kind = Kind { name: "int", convert: coerce::int };
    /// A number.
    pub const FLOAT: Kind = Kind { name: "float", convert: coerce::float };
    /// A list; a string is split at commas.
    pub const LIST: Kind = Kind { name: "list", convert: coerce::list };
    /// A mapping; a string is read as JSON or as `k=v` pairs.
    pub const DICT: Kind = Kind { name: "dict", convert: coerce::dict };
    /// Text in which variables and `~` are expanded.
    pub const PATH: Kind = Kind { name: "path", convert: coerce::path };
    /// Left as it is.
    pub const RAW: Kind = Kind { name: "raw", convert: coerce::raw };
    /// JSON text; a list or mapping is written as JSON.
    pub const JSON: Kind = Kind { name: "json", convert: coerce::json_text };
    /// The same as [`Kind::JSON`].
    pub const JSONARG: Kind = Kind { name: "jsonarg", convert: coerce::json_text };
    /// A size in bytes (`10K`, `1MB`).
    pub const BYTES: Kind = Kind { name: "bytes", convert: coerce::bytes };
    /// A size in bits (`10K`, `1Mb`).
    pub const BITS: Kind = Kind { name: "bits", convert: coerce::bits };

    /// As the argument spec names it.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The value as one of this type, or Python's message for why it is none.
    pub(crate) fn convert(self, value: Value, era: Era) -> Result<Value, String> {
        (self.convert)(value, era)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Kind) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
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
    /// Any other number, in decimal digits.
    Float(&'static str),
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
    /// What it is for, in one sentence.
    pub summary: &'static str,
}

/// The options of a module. `argument_spec` makes it out of the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The module's name.
    pub module: &'static str,
    /// What it is for, in one sentence.
    pub summary: &'static str,
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
