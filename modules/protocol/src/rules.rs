//! The rules between options, with the messages of Ansible.

use crate::pytext;
use crate::spec::{Opt, Rules};
use crate::value::{Dict, Value};

/// Groups of which more than one option is given; presence counts, even of a null.
pub fn mutually_exclusive(rules: &Rules, params: &Dict) -> Option<String> {
    let broken: Vec<String> = rules
        .mutually_exclusive
        .iter()
        .filter(|group| group.iter().filter(|name| params.has(name)).count() > 1)
        .map(|group| group.join("|"))
        .collect();
    (!broken.is_empty()).then(|| format!("parameters are mutually exclusive: {}", broken.join(", ")))
}

/// Options that must be given and are not.
pub fn required(options: &[Opt], params: &Dict) -> Option<String> {
    let mut missing: Vec<&str> =
        options.iter().filter(|opt| opt.required && !params.has(opt.name)).map(|opt| opt.name).collect();
    missing.sort_unstable();
    (!missing.is_empty()).then(|| format!("missing required arguments: {}", missing.join(", ")))
}

/// The first of the rules that need options to be given together which does not hold.
pub fn requirements(rules: &Rules, params: &Dict) -> Option<String> {
    together(rules, params)
        .or_else(|| one_of(rules, params))
        .or_else(|| required_if(rules, params))
        .or_else(|| required_by(rules, params))
}

fn together(rules: &Rules, params: &Dict) -> Option<String> {
    let broken = rules.required_together.iter().find(|group| {
        let given = group.iter().filter(|name| params.has(name)).count();
        given > 0 && given < group.len()
    })?;
    Some(format!("parameters are required together: {}", broken.join(", ")))
}

fn one_of(rules: &Rules, params: &Dict) -> Option<String> {
    let broken = rules.required_one_of.iter().find(|group| !group.iter().any(|name| params.has(name)))?;
    Some(format!("one of the following is required: {}", broken.join(", ")))
}

fn required_if(rules: &Rules, params: &Dict) -> Option<String> {
    rules.required_if.iter().find_map(|rule| {
        let value = Value::from(rule.equals);
        if !params.get(rule.option)?.equals(&value) {
            return None;
        }
        let missing: Vec<&str> = rule.required.iter().copied().filter(|name| !params.has(name)).collect();
        let bound = if rule.any { rule.required.len() } else { 1 };
        (missing.len() >= bound && !missing.is_empty()).then(|| {
            format!(
                "{} is {} but {} of the following are missing: {}",
                rule.option,
                pytext::str(&value),
                if rule.any { "any" } else { "all" },
                missing.join(", ")
            )
        })
    })
}

fn required_by(rules: &Rules, params: &Dict) -> Option<String> {
    let given = |name: &str| params.get(name).is_some_and(|value| *value != Value::None);
    rules.required_by.iter().filter(|(name, _)| given(name)).find_map(|(name, needed)| {
        let missing: Vec<&str> = needed.iter().copied().filter(|other| !given(other)).collect();
        (!missing.is_empty())
            .then(|| format!("missing parameter(s) required by '{name}': {}", missing.join(", ")))
    })
}

/// Holds a value against the choices of its option. A string that a YAML `yes` or `no` became is
/// turned back where exactly one choice can be meant.
pub fn choices(opt: &Opt, value: &mut Value) -> Option<String> {
    if opt.choices.is_empty() {
        return None;
    }
    let choices: Vec<Value> = opt.choices.iter().map(|choice| Value::from(*choice)).collect();
    let is_choice = |value: &Value| choices.iter().any(|choice| choice.equals(value));
    let names = || choices.iter().map(pytext::str).collect::<Vec<_>>().join(", ");
    if let Value::List(items) = value {
        let strange: Vec<String> = items.iter().filter(|item| !is_choice(item)).map(pytext::str).collect();
        return (!strange.is_empty()).then(|| {
            let (name, names, strange) = (opt.name, names(), strange.join(", "));
            format!("value of {name} must be one or more of: {names}. Got no match for: {strange}")
        });
    }
    if is_choice(value) {
        return None;
    }
    let truth = match value {
        Value::Str(text) if text == "True" => Some(true),
        Value::Str(text) if text == "False" => Some(false),
        _ => None,
    };
    if let Some(truth) = truth {
        let mut meant = choices.iter().filter(|choice| means(choice) == Some(truth));
        if let (Some(one), None) = (meant.next(), meant.next()) {
            *value = one.clone();
            return None;
        }
    }
    Some(format!("value of {} must be one of: {}, got: {}", opt.name, names(), pytext::str(value)))
}

/// The truth that a choice stands for. Unlike in coercion, case and blanks count.
fn means(choice: &Value) -> Option<bool> {
    match choice {
        Value::Str(text) => match text.as_str() {
            "y" | "yes" | "on" | "1" | "true" | "t" => Some(true),
            "n" | "no" | "off" | "0" | "false" | "f" => Some(false),
            _ => None,
        },
        Value::Bool(_) | Value::Int(0 | 1) => Some(choice.is_true()),
        Value::Float(float) if float.is_zero() || float.as_str() == "1.0" => Some(choice.is_true()),
        _ => None,
    }
}
