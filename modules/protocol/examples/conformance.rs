//! A module with an option of every kind and a rule of every kind, which changes nothing. The proof
//! in `tests/protocol` runs it beside a Python module of the same argument spec (`--spec` prints it).

use std::process::ExitCode;

use host::Root;
use protocol::{Deprecation, Failure, Kind, Literal, Module, Opt, Planned, RequiredIf, Rules, Spec, run};
use serde_json::{Map, Value, json};

const PLAIN: Opt = Opt {
    name: "",
    kind: Kind::STR,
    elements: None,
    required: false,
    default: Literal::None,
    choices: &[],
    aliases: &[],
    options: &[],
    summary: "",
};

const fn plain(name: &'static str, kind: Kind) -> Opt {
    Opt { name, kind, ..PLAIN }
}

const fn list(name: &'static str, kind: Kind) -> Opt {
    Opt { name, kind: Kind::LIST, elements: Some(kind), ..PLAIN }
}

const fn default(name: &'static str, kind: Kind, default: Literal) -> Opt {
    Opt { name, kind, default, ..PLAIN }
}

const STATES: &[Literal] = &[Literal::Str("present"), Literal::Str("absent")];
const LETTERS: &[Literal] = &[Literal::Str("a"), Literal::Str("b"), Literal::Str("c")];
const NUMBERS: &[Literal] = &[Literal::Int(1), Literal::Int(2), Literal::Int(3)];
const PORTS: &[Literal] = &[Literal::Int(22), Literal::Int(2222)];

const DEEP: &[Opt] = &[
    Opt { required: true, ..plain("leaf", Kind::INT) },
    Opt { aliases: &["tw"], ..plain("twig", Kind::STR) },
    list("leaves", Kind::FLOAT),
];
const CONF: &[Opt] = &[
    Opt { required: true, ..plain("host", Kind::STR) },
    Opt { choices: PORTS, ..default("port", Kind::INT, Literal::Int(22)) },
    plain("pw", Kind::STR),
    Opt { aliases: &["alx"], ..plain("al", Kind::STR) },
    Opt { options: DEEP, ..plain("deep", Kind::DICT) },
    plain("gone", Kind::STR),
];
const RULE: &[Opt] = &[
    Opt { required: true, ..plain("k", Kind::STR) },
    plain("v", Kind::BOOL),
    Opt { choices: LETTERS, ..list("letters", Kind::STR) },
    Opt { options: DEEP, ..list("deeper", Kind::DICT) },
];

const OPTIONS: &[Opt] = &[
    Opt { required: true, aliases: &["n", "nm"], ..plain("name", Kind::STR) },
    Opt { choices: STATES, ..default("state", Kind::STR, Literal::Str("present")) },
    plain("count", Kind::INT),
    plain("ratio", Kind::FLOAT),
    default("force", Kind::BOOL, Literal::Bool(false)),
    Opt { choices: LETTERS, ..list("tags", Kind::STR) },
    Opt { choices: LETTERS, ..plain("letter", Kind::STR) },
    Opt { options: CONF, ..plain("conf", Kind::DICT) },
    Opt { options: RULE, ..list("rules", Kind::DICT) },
    Opt { choices: &[Literal::Str("yes"), Literal::Str("no")], ..plain("yesno", Kind::STR) },
    Opt {
        choices: &[Literal::Str("on"), Literal::Str("yes"), Literal::Str("off")],
        ..plain("onyes", Kind::STR)
    },
    Opt { choices: NUMBERS, ..plain("number", Kind::INT) },
    Opt { choices: NUMBERS, ..list("numbers", Kind::INT) },
    Opt { choices: &[Literal::Int(0), Literal::Str("auto")], ..plain("mixed", Kind::RAW) },
    plain("a", Kind::STR),
    plain("b", Kind::STR),
    plain("c", Kind::STR),
    plain("d", Kind::STR),
    plain("secret", Kind::STR),
    plain("secrets", Kind::RAW),
    default("default_secret", Kind::STR, Literal::Str("inbuilt")),
    plain("db_password", Kind::STR),
    plain("pass_mode", Kind::STR),
    plain("passthrough_mode", Kind::STR),
    plain("old", Kind::STR),
    plain("dated", Kind::STR),
    Opt { aliases: &["former"], ..plain("present_name", Kind::STR) },
    plain("t_str", Kind::STR),
    plain("t_bool", Kind::BOOL),
    plain("t_int", Kind::INT),
    plain("t_float", Kind::FLOAT),
    plain("t_list", Kind::LIST),
    plain("t_dict", Kind::DICT),
    plain("t_path", Kind::PATH),
    plain("t_raw", Kind::RAW),
    plain("t_json", Kind::JSON),
    plain("t_jsonarg", Kind::JSONARG),
    plain("t_bytes", Kind::BYTES),
    plain("t_bits", Kind::BITS),
    list("l_str", Kind::STR),
    list("l_bool", Kind::BOOL),
    list("l_int", Kind::INT),
    list("l_float", Kind::FLOAT),
    list("l_list", Kind::LIST),
    list("l_dict", Kind::DICT),
    list("l_path", Kind::PATH),
    list("l_raw", Kind::RAW),
    list("l_json", Kind::JSON),
    list("l_bytes", Kind::BYTES),
    default("d_str", Kind::STR, Literal::Str("x")),
    default("d_path", Kind::PATH, Literal::Str("~/$FOO")),
    default("d_int", Kind::INT, Literal::Int(7)),
    default("d_float", Kind::FLOAT, Literal::Float("0.5")),
    Opt { default: Literal::List(&[Literal::Str("one"), Literal::Str("two")]), ..list("d_list", Kind::STR) },
    default("d_dict", Kind::DICT, Literal::Dict(&[("key", Literal::Bool(true))])),
    default("d_raw", Kind::RAW, Literal::Str("raw")),
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
    const SPEC: &'static Spec = &Spec { module: "conformance", summary: "", options: OPTIONS };
    const RULES: Rules = RULES;
    const AS_JSON: bool = true;
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
        let mut fields = json!({ "type": opt.kind.name() });
        let mut set = |name: &str, value: Value| {
            fields[name] = value;
        };
        if let Some(kind) = opt.elements {
            set("elements", kind.name().into());
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
        Literal::Float(text) => text.parse::<f64>().map_or(Value::Null, Value::from),
        Literal::Str(text) => (*text).into(),
        Literal::List(items) => items.iter().map(self::literal).collect(),
        Literal::Dict(items) => {
            Value::Object(items.iter().map(|(k, v)| (k.to_string(), self::literal(v))).collect())
        }
    }
}
