//! A module with an option of every kind and a rule of every kind, which changes nothing. The proof
//! in `tests/protocol` runs it beside a Python module of the same argument spec (`--spec` prints it).

use std::process::ExitCode;

use host::Root;
use protocol::{Deprecation, Failure, Kind, Literal, Module, Opt, Planned, RequiredIf, Rules, Spec, run};
use serde_json::{Map, Value, json};

const PLAIN: Opt = Opt {
    name: "",
    kind: Kind::Str,
    elements: None,
    required: false,
    default: Literal::None,
    choices: &[],
    aliases: &[],
    options: &[],
};

const fn plain(name: &'static str, kind: Kind) -> Opt {
    Opt { name, kind, ..PLAIN }
}

const fn list(name: &'static str, kind: Kind) -> Opt {
    Opt { name, kind: Kind::List, elements: Some(kind), ..PLAIN }
}

const fn default(name: &'static str, kind: Kind, default: Literal) -> Opt {
    Opt { name, kind, default, ..PLAIN }
}

const STATES: &[Literal] = &[Literal::Str("present"), Literal::Str("absent")];
const LETTERS: &[Literal] = &[Literal::Str("a"), Literal::Str("b"), Literal::Str("c")];
const NUMBERS: &[Literal] = &[Literal::Int(1), Literal::Int(2), Literal::Int(3)];
const PORTS: &[Literal] = &[Literal::Int(22), Literal::Int(2222)];

const DEEP: &[Opt] = &[
    Opt { required: true, ..plain("leaf", Kind::Int) },
    Opt { aliases: &["tw"], ..plain("twig", Kind::Str) },
    list("leaves", Kind::Float),
];
const CONF: &[Opt] = &[
    Opt { required: true, ..plain("host", Kind::Str) },
    Opt { choices: PORTS, ..default("port", Kind::Int, Literal::Int(22)) },
    plain("pw", Kind::Str),
    Opt { aliases: &["alx"], ..plain("al", Kind::Str) },
    Opt { options: DEEP, ..plain("deep", Kind::Dict) },
    plain("gone", Kind::Str),
];
const RULE: &[Opt] = &[
    Opt { required: true, ..plain("k", Kind::Str) },
    plain("v", Kind::Bool),
    Opt { choices: LETTERS, ..list("letters", Kind::Str) },
    Opt { options: DEEP, ..list("deeper", Kind::Dict) },
];

const OPTIONS: &[Opt] = &[
    Opt { required: true, aliases: &["n", "nm"], ..plain("name", Kind::Str) },
    Opt { choices: STATES, ..default("state", Kind::Str, Literal::Str("present")) },
    plain("count", Kind::Int),
    plain("ratio", Kind::Float),
    default("force", Kind::Bool, Literal::Bool(false)),
    Opt { choices: LETTERS, ..list("tags", Kind::Str) },
    Opt { choices: LETTERS, ..plain("letter", Kind::Str) },
    Opt { options: CONF, ..plain("conf", Kind::Dict) },
    Opt { options: RULE, ..list("rules", Kind::Dict) },
    Opt { choices: &[Literal::Str("yes"), Literal::Str("no")], ..plain("yesno", Kind::Str) },
    Opt {
        choices: &[Literal::Str("on"), Literal::Str("yes"), Literal::Str("off")],
        ..plain("onyes", Kind::Str)
    },
    Opt { choices: NUMBERS, ..plain("number", Kind::Int) },
    Opt { choices: NUMBERS, ..list("numbers", Kind::Int) },
    Opt { choices: &[Literal::Int(0), Literal::Str("auto")], ..plain("mixed", Kind::Raw) },
    plain("a", Kind::Str),
    plain("b", Kind::Str),
    plain("c", Kind::Str),
    plain("d", Kind::Str),
    plain("secret", Kind::Str),
    plain("secrets", Kind::Raw),
    default("default_secret", Kind::Str, Literal::Str("inbuilt")),
    plain("db_password", Kind::Str),
    plain("pass_mode", Kind::Str),
    plain("passthrough_mode", Kind::Str),
    plain("old", Kind::Str),
    plain("dated", Kind::Str),
    Opt { aliases: &["former"], ..plain("present_name", Kind::Str) },
    plain("t_str", Kind::Str),
    plain("t_bool", Kind::Bool),
    plain("t_int", Kind::Int),
    plain("t_float", Kind::Float),
    plain("t_list", Kind::List),
    plain("t_dict", Kind::Dict),
    plain("t_path", Kind::Path),
    plain("t_raw", Kind::Raw),
    plain("t_json", Kind::Json),
    plain("t_jsonarg", Kind::Jsonarg),
    plain("t_bytes", Kind::Bytes),
    plain("t_bits", Kind::Bits),
    list("l_str", Kind::Str),
    list("l_bool", Kind::Bool),
    list("l_int", Kind::Int),
    list("l_float", Kind::Float),
    list("l_list", Kind::List),
    list("l_dict", Kind::Dict),
    list("l_path", Kind::Path),
    list("l_raw", Kind::Raw),
    list("l_json", Kind::Json),
    list("l_bytes", Kind::Bytes),
    default("d_str", Kind::Str, Literal::Str("x")),
    default("d_path", Kind::Path, Literal::Str("~/$FOO")),
    default("d_int", Kind::Int, Literal::Int(7)),
    default("d_float", Kind::Float, Literal::Float(0.5)),
    Opt { default: Literal::List(&[Literal::Str("one"), Literal::Str("two")]), ..list("d_list", Kind::Str) },
    default("d_dict", Kind::Dict, Literal::Dict(&[("key", Literal::Bool(true))])),
    default("d_raw", Kind::Raw, Literal::Str("raw")),
];

const RULES: Rules = Rules {
    mutually_exclusive: &[&["a", "b"], &["c", "d"]],
    required_together: &[&["a", "c"]],
    required_one_of: &[&["a", "b", "count"]],
    required_if: &[
        RequiredIf { option: "state", equals: Literal::Str("absent"), required: &["letter"], any: false },
        RequiredIf {
            option: "state",
            equals: Literal::Str("present"),
            required: &["ratio", "count"],
            any: true,
        },
        RequiredIf { option: "number", equals: Literal::Int(3), required: &["letter", "tags"], any: false },
    ],
    required_by: &[("c", &["d"]), ("force", &["count"]), ("ratio", &["d_int", "letter"])],
    no_log: &[("secret", true), ("secrets", true), ("default_secret", true), ("pass_mode", false)],
    deprecated: &[
        Deprecation { name: "old", alias_of: None, version: Some("3.0.0"), date: None, collection: "my.toy" },
        Deprecation {
            name: "dated",
            alias_of: None,
            version: None,
            date: Some("2030-01-01"),
            collection: "my.toy",
        },
        Deprecation {
            name: "former",
            alias_of: Some("present_name"),
            version: Some("4.0.0"),
            date: None,
            collection: "my.toy",
        },
    ],
    sub_options: &[
        (
            "conf",
            Rules {
                mutually_exclusive: &[&["pw", "al"]],
                required_by: &[("gone", &["al"])],
                no_log: &[("pw", true)],
                deprecated: &[
                    Deprecation {
                        name: "gone",
                        alias_of: None,
                        version: Some("5.0.0"),
                        date: None,
                        collection: "my.toy",
                    },
                    Deprecation {
                        name: "alx",
                        alias_of: Some("al"),
                        version: None,
                        date: Some("2031-01-01"),
                        collection: "my.toy",
                    },
                ],
                sub_options: &[("deep", Rules { required_one_of: &[&["twig", "leaves"]], ..Rules::NONE })],
                ..Rules::NONE
            },
        ),
        ("rules", Rules { required_together: &[&["k", "v"]], ..Rules::NONE }),
    ],
};

/// Gives back the arguments it was handed, as `accepted`.
struct Conformance;

impl Module for Conformance {
    const SPEC: &'static Spec = &Spec { module: "conformance", options: OPTIONS };
    const RULES: Rules = RULES;
    type Args = Map<String, Value>;
    type Observed = ();

    fn observe(_args: &Self::Args, _root: &Root) -> Result<(), Failure> {
        Ok(())
    }

    fn plan(args: &Self::Args, (): &()) -> Result<Planned, Failure> {
        let mut planned = Planned::default();
        planned.reply.insert("accepted".to_string(), Value::Object(args.clone()));
        Ok(planned)
    }
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("--spec") {
        println!("{}", level(OPTIONS, &RULES));
        return ExitCode::SUCCESS;
    }
    run::<Conformance>()
}

/// The options and rules as the keyword arguments of `AnsibleModule`.
fn level(options: &[Opt], rules: &Rules) -> Value {
    let mut spec = Vec::new();
    for opt in options {
        let mut fields = json!({ "type": format!("{:?}", opt.kind).to_lowercase() });
        let mut set = |name: &str, value: Value| {
            fields[name] = value;
        };
        if let Some(kind) = opt.elements {
            set("elements", format!("{kind:?}").to_lowercase().into());
        }
        if opt.required {
            set("required", true.into());
        }
        if opt.default != Literal::None {
            set("default", literal(&opt.default));
        }
        if !opt.choices.is_empty() {
            set("choices", opt.choices.iter().map(literal).collect());
        }
        if !opt.aliases.is_empty() {
            set("aliases", opt.aliases.iter().copied().collect());
        }
        if let Some((_, secret)) = rules.no_log.iter().find(|(name, _)| *name == opt.name) {
            set("no_log", (*secret).into());
        }
        for gone in rules.deprecated {
            if gone.alias_of == Some(opt.name) {
                let mut alias = json!({ "name": gone.name, "collection_name": gone.collection });
                if let Some(version) = gone.version {
                    alias["version"] = version.into();
                }
                if let Some(date) = gone.date {
                    alias["date"] = date.into();
                }
                set("deprecated_aliases", json!([alias]));
            } else if gone.alias_of.is_none() && gone.name == opt.name {
                set("removed_from_collection", gone.collection.into());
                if let Some(version) = gone.version {
                    set("removed_in_version", version.into());
                }
                if let Some(date) = gone.date {
                    set("removed_at_date", date.into());
                }
            }
        }
        if !opt.options.is_empty() {
            let inside = rules.sub_options.iter().find(|(name, _)| *name == opt.name);
            let sub = level(opt.options, inside.map_or(&Rules::NONE, |(_, rules)| rules));
            for (key, value) in sub.as_object().into_iter().flatten() {
                set(if key == "argument_spec" { "options" } else { key }, value.clone());
            }
        }
        // Pairs, because the order of options counts and a JSON object here is sorted.
        spec.push(json!([opt.name, fields]));
    }
    let required_if: Vec<Value> = rules
        .required_if
        .iter()
        .map(|rule| json!([rule.option, literal(&rule.equals), rule.required, rule.any]))
        .collect();
    json!({
        "argument_spec": spec,
        "mutually_exclusive": rules.mutually_exclusive,
        "required_together": rules.required_together,
        "required_one_of": rules.required_one_of,
        "required_if": required_if,
        "required_by": rules.required_by,
    })
}

fn literal(literal: &Literal) -> Value {
    match literal {
        Literal::None => Value::Null,
        Literal::Bool(value) => (*value).into(),
        Literal::Int(value) => (*value).into(),
        Literal::Float(value) => (*value).into(),
        Literal::Str(text) => (*text).into(),
        Literal::List(items) => items.iter().map(self::literal).collect(),
        Literal::Dict(items) => {
            Value::Object(items.iter().map(|(k, v)| (k.to_string(), self::literal(v))).collect())
        }
    }
}
