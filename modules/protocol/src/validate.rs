//! Ansible's argument validation: its order, its messages.

use crate::coerce::Era;
use crate::mask::Secrets;
use crate::spec::{Kind, Opt, Rules};
use crate::value::{Dict, Value};
use crate::{pytext, rules};

/// What validation leaves.
#[derive(Debug)]
pub struct Checked {
    /// The arguments: coerced, defaults filled in, aliases and unknown ones still there.
    pub params: Dict,
    /// The values of secret options.
    pub secrets: Secrets,
    /// For the reply.
    pub warnings: Vec<String>,
    /// For the reply, as `{msg, version | date, collection_name}`.
    pub deprecations: Vec<Value>,
    /// Why the arguments are refused: the first finding.
    pub error: Option<String>,
    /// The finding about options that do not exist; it comes after every other.
    pub unsupported: Option<String>,
}

/// Validates `params` against `options` and `rules`.
pub fn validate(options: &[Opt], rules: &Rules, mut params: Dict, era: Era) -> Checked {
    let mut run = Run {
        era,
        path: Vec::new(),
        error: None,
        secrets: Secrets::default(),
        nested_warnings: Vec::new(),
        warnings: Vec::new(),
        deprecations: Vec::new(),
        unsupported: Vec::new(),
        supported: String::new(),
    };
    run.level(options, rules, &mut params, "");
    run.unsupported.sort_unstable();
    let unsupported = (!run.unsupported.is_empty())
        .then(|| format!("{}. Supported parameters include: {}.", run.unsupported.join(", "), run.supported));
    let mut warnings = run.nested_warnings;
    warnings.append(&mut run.warnings);
    Checked {
        params,
        secrets: run.secrets,
        warnings,
        deprecations: run.deprecations,
        error: run.error,
        unsupported,
    }
}

/// Whether the options of `opt` are of a kind that has sub-options.
fn has_sub_options(opt: &Opt) -> bool {
    let dicts = opt.kind == Kind::DICT || (opt.kind == Kind::LIST && opt.elements == Some(Kind::DICT));
    dicts && !opt.options.is_empty()
}

struct Run {
    era: Era,
    /// The options around the level at work, outermost first.
    path: Vec<&'static str>,
    error: Option<String>,
    secrets: Secrets,
    nested_warnings: Vec<String>,
    warnings: Vec<String>,
    deprecations: Vec<Value>,
    unsupported: Vec<String>,
    supported: String,
}

impl Run {
    fn fail(&mut self, message: Option<String>) {
        if self.error.is_none() {
            self.error = message;
        }
    }

    /// As [`Run::fail`], with the options around.
    fn fail_here(&mut self, message: Option<String>) {
        let message = message.map(|message| match self.path.is_empty() {
            true => message,
            false => format!("{message} found in {}", self.path.join(" -> ")),
        });
        self.fail(message);
    }

    /// One level of options; `prefix` is how warnings name it (`rules[0].`).
    fn level(&mut self, options: &[Opt], rules: &Rules, params: &mut Dict, prefix: &str) {
        self.aliases(options, rules, params, prefix);
        let found = list_secrets(options, rules, params, self.era, &mut self.secrets);
        self.fail(found.err());
        if self.path.is_empty() {
            list_deprecations(options, rules, params, "", &mut self.deprecations);
        }
        self.unsupported(options, params);
        self.fail_here(rules::mutually_exclusive(rules, params));
        for opt in options {
            let default = Value::from(opt.default);
            if default != Value::None && !params.has(opt.name) {
                if rules.secret(opt.name) == Some(true) {
                    self.secrets.add(&default);
                }
                params.set(opt.name, default);
            }
        }
        self.fail_here(rules::required(options, params));
        for opt in options {
            self.types(opt, params);
        }
        for opt in options {
            let found = params.get_mut(opt.name).and_then(|value| rules::choices(opt, value));
            self.fail_here(found);
        }
        self.fail_here(rules::requirements(rules, params));
        for opt in options {
            if !params.has(opt.name) {
                params.set(opt.name, Value::None);
            }
        }
        for opt in options.iter().filter(|opt| has_sub_options(opt)) {
            if let Some(value) = params.get_mut(opt.name) {
                self.sub_options(opt, rules.inside(opt.name), value, prefix);
            }
        }
    }

    /// Copies each alias to its option, over the option's own value.
    fn aliases(&mut self, options: &[Opt], rules: &Rules, params: &mut Dict, prefix: &str) {
        for opt in options {
            for gone in rules.deprecated.iter().filter(|d| d.alias_of == Some(opt.name) && params.has(d.name))
            {
                let message = format!(
                    "Alias '{prefix}{}' is deprecated. See the module docs for more information",
                    gone.name
                );
                self.deprecations.push(deprecation(message, gone));
            }
            for alias in opt.aliases {
                let Some(value) = params.get(alias).cloned() else { continue };
                if params.has(opt.name) {
                    let list = if prefix.is_empty() { &mut self.warnings } else { &mut self.nested_warnings };
                    list.push(format!(
                        "Both option {prefix}{} and its alias {prefix}{alias} are set.",
                        opt.name
                    ));
                }
                params.set(opt.name, value);
            }
        }
    }

    /// Notes the options that do not exist, and those that do.
    fn unsupported(&mut self, options: &[Opt], params: &Dict) {
        let known = |name: &str| options.iter().any(|opt| opt.name == name || opt.aliases.contains(&name));
        let mut strange = false;
        for (name, _) in params.iter().filter(|(name, _)| !known(name)) {
            let mut full = self.path.clone();
            full.push(name);
            self.unsupported.push(full.join("."));
            strange = true;
        }
        if strange {
            let mut names: Vec<&str> = options.iter().map(|opt| opt.name).collect();
            let mut aliases: Vec<&str> = options.iter().flat_map(|opt| opt.aliases).copied().collect();
            names.sort_unstable();
            aliases.sort_unstable();
            self.supported = names.join(", ");
            if !aliases.is_empty() {
                self.supported.push_str(&format!(" ({})", aliases.join(", ")));
            }
        }
    }

    /// Coerces an option's value and the elements of a list.
    fn types(&mut self, opt: &Opt, params: &mut Dict) {
        let Some(value) = params.get(opt.name) else { return };
        let has_default = opt.default != crate::spec::Literal::None;
        if *value == Value::None && !opt.required && !has_default {
            return;
        }
        let found = self.era.type_name(value);
        match opt.kind.convert(value.clone(), self.era) {
            Ok(Value::List(items)) if opt.elements.is_some() => {
                let kind = opt.elements.unwrap_or(Kind::RAW);
                let items = items.into_iter().filter_map(|item| self.element(opt, kind, item)).collect();
                params.set(opt.name, Value::List(items));
            }
            Ok(value) => params.set(opt.name, value),
            Err(why) => {
                let place = self.found_in(".");
                let kind = opt.kind.name();
                self.fail(Some(format!(
                    "argument '{}' is of type {found}{place} and we were unable to convert to {kind}: {why}",
                    opt.name
                )));
            }
        }
    }

    fn element(&mut self, opt: &Opt, kind: Kind, item: Value) -> Option<Value> {
        let found = self.era.type_name(&item);
        kind.convert(item, self.era)
            .map_err(|why| {
                let place = self.found_in("");
                let kind = kind.name();
                self.fail(Some(format!(
                    "Elements value for option '{}'{place} is of type {found} and we were unable to convert to {kind}: {why}",
                    opt.name
                )));
            })
            .ok()
    }

    fn found_in(&self, stop: &str) -> String {
        match self.path.is_empty() {
            true => String::new(),
            false => format!(" found in '{}'{stop}", self.path.join(" -> ")),
        }
    }

    fn sub_options(&mut self, opt: &Opt, rules: &Rules, value: &mut Value, prefix: &str) {
        self.path.push(opt.name);
        let elements: Vec<&mut Value> = match value {
            Value::None => Vec::new(),
            Value::List(items) => items.iter_mut().collect(),
            one => vec![one],
        };
        for (at, element) in elements.into_iter().enumerate() {
            let Value::Dict(params) = element else {
                self.fail(Some(format!("value of '{}' must be of type dict or list of dicts", opt.name)));
                continue;
            };
            let index = if opt.kind == Kind::LIST { format!("[{at}]") } else { String::new() };
            self.level(opt.options, rules, params, &format!("{prefix}{}{index}.", opt.name));
        }
        self.path.pop();
    }
}

fn deprecation(message: String, gone: &crate::spec::Deprecation) -> Value {
    let text = |text: Option<&str>| text.map_or(Value::None, |text| Value::Str(text.to_string()));
    let mut out = Dict::default();
    out.set("msg", Value::Str(message));
    match gone.date {
        Some(date) => out.set("date", text(Some(date))),
        None => out.set("version", text(gone.version)),
    }
    out.set("collection_name", text(Some(gone.collection)));
    Value::Dict(out)
}

/// The options given that go away, in the order of the options, sub-options included.
fn list_deprecations(options: &[Opt], rules: &Rules, params: &Dict, prefix: &str, out: &mut Vec<Value>) {
    for opt in options {
        let Some(value) = params.get(opt.name) else { continue };
        let name = match prefix.is_empty() {
            true => opt.name.to_string(),
            false => format!("{prefix}[\"{}\"]", opt.name),
        };
        if let Some(gone) = rules.deprecated.iter().find(|d| d.alias_of.is_none() && d.name == opt.name) {
            out.push(deprecation(
                format!("Param '{name}' is deprecated. See the module docs for more information"),
                gone,
            ));
        }
        let elements = match value {
            Value::List(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for element in elements {
            if let Value::Dict(params) = element {
                list_deprecations(opt.options, rules.inside(opt.name), params, &name, out);
            }
        }
    }
}

/// Collects the values of secret options, before coercion; sub-options may still be text.
fn list_secrets(
    options: &[Opt],
    rules: &Rules,
    params: &Dict,
    era: Era,
    secrets: &mut Secrets,
) -> Result<(), String> {
    let mut result = Ok(());
    for opt in options {
        let value = params.get(opt.name).unwrap_or(&Value::None);
        if rules.secret(opt.name) == Some(true) {
            secrets.add(value);
        }
        if !has_sub_options(opt) || *value == Value::None {
            continue;
        }
        let elements = match value {
            Value::List(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for element in elements {
            let dict = opt.elements.unwrap_or(opt.kind);
            let found = match element {
                Value::Str(_) => dict.convert(element.clone(), era),
                other => Ok(other.clone()),
            };
            let found = found.and_then(|found| match found {
                Value::Dict(inner) => list_secrets(opt.options, rules.inside(opt.name), &inner, era, secrets),
                other => Err(format!(
                    "Value '{}' in the sub parameter field '{}' must {} a {}, not '{}'",
                    pytext::str(&other),
                    opt.name,
                    if era == Era::Legacy { "by" } else { "be" },
                    opt.kind.name(),
                    pytext::type_name(&other)
                )),
            });
            // The first finding counts; the secrets of the rest are collected all the same.
            result = result.and(found);
        }
    }
    result
}

/// The arguments as the module's `Args` has them: every option of the spec under its own name, no
/// alias, nothing unknown.
pub fn known(options: &[Opt], params: Dict) -> Dict {
    let mut out = Dict::default();
    for (name, value) in params.into_entries() {
        let Some(opt) = options.iter().find(|opt| opt.name == name) else { continue };
        let value = match value {
            Value::Dict(inner) if has_sub_options(opt) => Value::Dict(known(opt.options, inner)),
            Value::List(items) if has_sub_options(opt) => Value::List(
                items
                    .into_iter()
                    .map(|item| match item {
                        Value::Dict(inner) => Value::Dict(known(opt.options, inner)),
                        other => other,
                    })
                    .collect(),
            ),
            other => other,
        };
        out.set(&name, value);
    }
    out
}
