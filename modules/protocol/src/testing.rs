//! For the unit tests of modules.

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
    let known = validate::known(M::SPEC.options, checked.params).into_json();
    serde_json::from_value(Value::Object(known)).map_err(|error| error.to_string())
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
    let mut unknown = Map::new();
    unknown.insert("unknown?".to_string(), Value::Null);
    let error = match serde_json::from_value::<M::Args>(Value::Object(unknown)) {
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
    let known = validate::known(M::SPEC.options, checked.params).into_json();
    if let Err(error) = serde_json::from_value::<M::Args>(Value::Object(known)) {
        panic!("Args of {} does not take {what}: {error}", M::SPEC.module);
    }
}

/// Every choice, both booleans, or one value of the type.
fn samples(opt: &Opt) -> Vec<Value> {
    let wrap = |value: Value| if opt.kind == Kind::List { Value::Array(vec![value]) } else { value };
    if !opt.choices.is_empty() {
        return opt.choices.iter().map(|choice| wrap(value::Value::from(*choice).into_json())).collect();
    }
    match opt.kind {
        Kind::Bool => vec![Value::Bool(true), Value::Bool(false)],
        _ => vec![sample(opt)],
    }
}

fn sample(opt: &Opt) -> Value {
    if let Some(choice) = opt.choices.first() {
        let choice = value::Value::from(*choice).into_json();
        return if opt.kind == Kind::List { Value::Array(vec![choice]) } else { choice };
    }
    match opt.kind {
        Kind::List => Value::Array(vec![of_kind(opt.elements.unwrap_or(Kind::Str), opt.options)]),
        kind => of_kind(kind, opt.options),
    }
}

fn of_kind(kind: Kind, options: &[Opt]) -> Value {
    match kind {
        Kind::Bool => Value::Bool(true),
        Kind::Int | Kind::Bytes | Kind::Bits => 1.into(),
        Kind::Float => 1.5.into(),
        Kind::List => Value::Array(Vec::new()),
        Kind::Dict => Value::Object(options.iter().map(|opt| (opt.name.to_string(), sample(opt))).collect()),
        Kind::Json | Kind::Jsonarg => "{}".into(),
        Kind::Str | Kind::Path | Kind::Raw => "word".into(),
    }
}
