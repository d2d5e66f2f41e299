//! For the unit tests of modules.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::coerce::Era;
use crate::spec::{Kind, Opt};
use crate::{Module, Rules, validate, value};

/// The validated arguments for `given`, as [`crate::run`] would make them.
///
/// # Errors
/// The message on which the module would refuse them.
pub fn args<M: Module>(given: Map<String, Value>) -> Result<M::Args, String> {
    let checked = validate::validate(M::SPEC.options, &M::RULES, value::Dict::from(given), Era::Tagged);
    if let Some(error) = checked.error.or(checked.unsupported) {
        return Err(error);
    }
    let known = value::Value::Dict(validate::known(M::SPEC.options, checked.params));
    M::Args::deserialize(known).map_err(|error| error.to_string())
}

/// Holds the module's `Args` against its documented options: each option is a field and each field an
/// option (`Args` needs `#[serde(deny_unknown_fields)]`), and the fields take the documented
/// defaults, every choice and every boolean.
///
/// # Panics
/// If they differ, saying where.
pub fn args_match_spec<M: Module>() {
    let mut options: Vec<&str> = M::SPEC.options.iter().map(|opt| opt.name).collect();
    options.sort_unstable();
    assert_eq!(fields::<M>(), options, "fields of Args and documented options of {}", M::SPEC.module);
    let mut required = Map::new();
    for opt in M::SPEC.options.iter().filter(|opt| opt.required) {
        required.insert(opt.name.to_string(), sample(opt));
    }
    fits::<M>(required.clone(), "the defaults");
    for opt in M::SPEC.options {
        for value in samples(opt) {
            let mut given = required.clone();
            given.insert(opt.name.to_string(), value.clone());
            fits::<M>(given, &format!("{} = {value}", opt.name));
        }
    }
}

/// The names of the fields of `Args`, sorted: serde lists them when it denies an unknown one.
fn fields<M: Module>() -> Vec<String> {
    let mut unknown = value::Dict::default();
    unknown.set("unknown?", value::Value::None);
    let error = match M::Args::deserialize(value::Value::Dict(unknown)) {
        Err(error) => error.to_string(),
        Ok(_) => String::new(),
    };
    let (_, list) = error.split_once("unknown field `unknown?`, ").unwrap_or_else(|| {
        panic!("Args of {} must have #[serde(deny_unknown_fields)]: {error}", M::SPEC.module)
    });
    let mut names: Vec<String> = list.split('`').skip(1).step_by(2).map(str::to_string).collect();
    names.sort_unstable();
    names
}

/// The rules between options are left out: every option is tried alone.
fn fits<M: Module>(given: Map<String, Value>, what: &str) {
    let checked = validate::validate(M::SPEC.options, &Rules::NONE, value::Dict::from(given), Era::Tagged);
    assert_eq!(checked.error, None, "{what}");
    let known = value::Value::Dict(validate::known(M::SPEC.options, checked.params));
    if let Err(error) = M::Args::deserialize(known) {
        panic!("Args of {} does not take {what}: {error}", M::SPEC.module);
    }
}

/// Every choice, both booleans, or one value of the type.
fn samples(opt: &Opt) -> Vec<Value> {
    let wrap = |value: Value| if opt.kind == Kind::LIST { Value::Array(vec![value]) } else { value };
    if !opt.choices.is_empty() {
        return opt.choices.iter().map(|choice| wrap(value::Value::from(*choice).into_json())).collect();
    }
    match opt.kind.name() {
        "bool" => vec![Value::Bool(true), Value::Bool(false)],
        _ => vec![sample(opt)],
    }
}

fn sample(opt: &Opt) -> Value {
    if let Some(choice) = opt.choices.first() {
        let choice = value::Value::from(*choice).into_json();
        return if opt.kind == Kind::LIST { Value::Array(vec![choice]) } else { choice };
    }
    match opt.kind == Kind::LIST {
        true => Value::Array(vec![of_kind(opt.elements.unwrap_or(Kind::STR), opt.options)]),
        false => of_kind(opt.kind, opt.options),
    }
}

fn of_kind(kind: Kind, options: &[Opt]) -> Value {
    match kind.name() {
        "bool" => Value::Bool(true),
        "int" | "bytes" | "bits" => 1.into(),
        "float" => 1.5.into(),
        "list" => Value::Array(Vec::new()),
        "dict" => Value::Object(options.iter().map(|opt| (opt.name.to_string(), sample(opt))).collect()),
        "json" | "jsonarg" => "{}".into(),
        _ => "word".into(),
    }
}
