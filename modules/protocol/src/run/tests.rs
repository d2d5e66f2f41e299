//! A small module that makes files hold a word, run in this process on a scratch root.

use std::fs;
use std::path::Path;

use apply::{Action, FileChange, Plan, RebootReason};
use host::Root;
use serde::Deserialize;
use serde_json::{Map, json};

use super::{carry_out, own_descriptor};
use crate::arguments::Settings;
use crate::value::{Dict, Value};
use crate::{Failure, Kind, Literal, Module, Opt, Planned, Spec, reply, validate};

const fn opt(name: &'static str, kind: Kind, default: Literal) -> Opt {
    Opt {
        name,
        kind,
        elements: None,
        required: false,
        default,
        choices: &[],
        aliases: &[],
        options: &[],
        summary: "",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    text: String,
    files: u32,
    honest: bool,
    #[serde(rename = "root")]
    _root: String,
    #[serde(rename = "backup")]
    _backup: bool,
}

/// Writes `text` into `/etc/word0` …; without `honest` it is never content with what it wrote.
struct Words;

impl Module for Words {
    const SPEC: &'static Spec = &Spec {
        module: "words",
        summary: "",
        options: &[
            opt("text", Kind::STR, Literal::Str("new")),
            opt("files", Kind::INT, Literal::Int(1)),
            opt("honest", Kind::BOOL, Literal::Bool(true)),
            opt("root", Kind::PATH, Literal::Str("/")),
            opt("backup", Kind::BOOL, Literal::Bool(false)),
        ],
    };
    type Args = Args;
    type Observed = Vec<(String, Option<Vec<u8>>)>;

    fn observe(args: &Args, root: &Root) -> Result<Self::Observed, Failure> {
        let paths = (0..args.files).map(|at| format!("/etc/word{at}"));
        paths.map(|path| Ok((path.clone(), root.read_opt(&path)?))).collect()
    }

    fn plan(args: &Args, seen: &Self::Observed) -> Result<Planned, Failure> {
        let after = |before: &Option<Vec<u8>>| match (args.honest, before) {
            (false, Some(before)) => [before.as_slice(), b"+"].concat(),
            _ => args.text.clone().into_bytes(),
        };
        let files = seen
            .iter()
            .map(|(path, before)| FileChange {
                path: path.clone(),
                before: before.clone(),
                after: Some(after(before)),
                mode: FileChange::PLAIN,
            })
            .collect();
        let due =
            Action { command: vec!["update-words".to_string()], reason: "asked so".to_string(), rc: None };
        let plan = Plan {
            files,
            left_due: vec![due],
            reboot: vec![RebootReason { code: "words_not_in_force", message: "Words need it.".to_string() }],
            warnings: vec!["words are only words".to_string()],
            ..Plan::default()
        };
        let mut reply = Map::new();
        reply.insert("seen".to_string(), json!("before"));
        Ok(Planned { plan, reply })
    }

    fn settle(_args: &Args, _after: &Self::Observed, reply: &mut Map<String, serde_json::Value>) {
        reply.insert("seen".to_string(), json!("after"));
    }
}

fn run(root: &Path, given: serde_json::Value) -> Result<serde_json::Value, Failure> {
    let serde_json::Value::Object(mut given) = given else { panic!("arguments are an object") };
    given.insert("root".to_string(), root.display().to_string().into());
    let mut arguments = Dict::from(given);
    let settings = Settings::take(&mut arguments, "words");
    let checked = validate::validate(Words::SPEC.options, &Words::RULES, arguments, settings.era);
    assert_eq!(checked.error.or(checked.unsupported), None);
    let mut warnings = Vec::new();
    let done = carry_out::<Words>(&checked.params, &settings, &mut warnings)?;
    assert_eq!(warnings, ["words are only words"]);
    Ok(Value::Dict(done.reply).into_json())
}

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for sub in ["etc", "run"] {
        fs::create_dir(dir.path().join(sub)).unwrap();
    }
    dir
}

#[test]
fn check_mode_tells_the_same_and_changes_nothing() {
    let dir = tree();
    let word = dir.path().join("etc/word0");
    fs::write(&word, b"old \xff\n").unwrap();
    let check = json!({"_ansible_check_mode": true, "_ansible_diff": true});
    let predicted = run(dir.path(), check).unwrap();
    assert_eq!(fs::read(&word).unwrap(), b"old \xff\n");
    assert_eq!(predicted["seen"], "before");
    let real = run(dir.path(), json!({"_ansible_diff": true})).unwrap();
    assert_eq!(fs::read(&word).unwrap(), b"new");
    assert_eq!(real["seen"], "after");
    for key in ["changed", "diff", "actions", "reboot_required", "reboot_reasons"] {
        assert_eq!(predicted[key], real[key], "{key}");
    }
    let path = word.display().to_string();
    let diff = json!([{
        "before_header": path, "before": "old \u{fffd}\n", "after_header": path, "after": "new",
    }]);
    assert_eq!(real["diff"], diff);
    assert_eq!(real["changed"], true);
    assert_eq!(real["actions"], json!([{"command": ["update-words"], "reason": "asked so", "rc": null}]));
    assert_eq!(real["reboot_required"], true);
    assert_eq!(real["reboot_reasons"], json!([{"code": "words_not_in_force", "message": "Words need it."}]));
    let again = run(dir.path(), json!({"_ansible_diff": true})).unwrap();
    assert_eq!((again["changed"].clone(), again["diff"].clone()), (json!(false), json!([])));
    assert!(run(dir.path(), json!({})).unwrap().get("diff").is_none(), "a diff only where it is asked for");
}

#[test]
fn copies_are_named_one_as_a_string_several_as_a_list() {
    let dir = tree();
    fs::write(dir.path().join("etc/word0"), "a").unwrap();
    let one = run(dir.path(), json!({"backup": true, "files": 2})).unwrap();
    let copy = one["backup_file"].as_str().expect("one copy: the other file is new");
    assert_eq!(fs::read_to_string(copy).unwrap(), "a");
    let two = run(dir.path(), json!({"backup": true, "files": 2, "text": "newer"})).unwrap();
    assert_eq!(two["backup_file"].as_array().map(Vec::len), Some(2));
    assert!(run(dir.path(), json!({"files": 2})).unwrap().get("backup_file").is_none());
}

#[test]
fn what_is_not_in_force_afterwards_fails_and_is_restored() {
    let dir = tree();
    let word = dir.path().join("etc/word0");
    fs::write(&word, "old").unwrap();
    let failure = run(dir.path(), json!({"honest": false})).unwrap_err();
    assert!(failure.msg.contains("not in force") && failure.msg.contains("etc/word0"), "{}", failure.msg);
    assert_eq!(failure.details["actions"], json!([]));
    assert_eq!(fs::read_to_string(&word).unwrap(), "old");
}

#[test]
fn a_large_file_is_only_named_in_the_diff() {
    let dir = tree();
    fs::write(dir.path().join("etc/word0"), vec![b'x'; (1 << 20) + 1]).unwrap();
    let reply = run(dir.path(), json!({"_ansible_diff": true})).unwrap();
    assert_eq!(reply["diff"][0]["src_larger"], 1 << 20);
    assert!(reply["diff"][0].get("before").is_none());
    assert_eq!(reply["diff"][0]["after"], "new");
}

#[test]
fn a_value_that_no_field_holds_is_refused() {
    let dir = tree();
    let failure = run(dir.path(), json!({"files": -1})).unwrap_err();
    assert!(failure.msg.contains("out of range"), "{}", failure.msg);
    let missing = run(&dir.path().join("none"), json!({})).unwrap_err();
    assert!(missing.msg.contains("cannot open the root directory"), "{}", missing.msg);
}

#[test]
fn a_failure_keeps_its_code_and_details() {
    let failure = Failure::coded("root_disk", "no").with("problems", json!(["p"]));
    let reply = Value::Dict(reply::failed(failure)).into_json();
    assert_eq!(reply, json!({"failed": true, "msg": "no", "code": "root_disk", "problems": ["p"]}));
}

#[test]
fn args_and_spec_are_held_against_each_other() {
    crate::testing::args_match_spec::<Words>();
}

macro_rules! differing {
    ($name:ident, $args:ty, $options:expr) => {
        struct $name;
        impl Module for $name {
            const SPEC: &'static Spec = &Spec { module: "differing", summary: "", options: $options };
            type Args = $args;
            type Observed = ();
            fn observe(_: &$args, _: &Root) -> Result<(), Failure> {
                Ok(())
            }
            fn plan(_: &$args, (): &()) -> Result<Planned, Failure> {
                Ok(Planned::default())
            }
        }
    };
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Narrow {
    text: u8,
    extra: Option<String>,
}

#[derive(Deserialize)]
struct Open {}

differing!(FieldTooMany, Narrow, &[opt("text", Kind::INT, Literal::Int(1))]);
differing!(
    WrongType,
    Narrow,
    &[opt("text", Kind::STR, Literal::Str("x")), opt("extra", Kind::STR, Literal::None)]
);
differing!(NotDenying, Open, &[]);

#[test]
#[should_panic(expected = "fields of Args and documented options")]
fn a_field_without_an_option_is_found() {
    crate::testing::args_match_spec::<FieldTooMany>();
}

#[test]
#[should_panic(expected = "does not take the defaults")]
fn a_field_of_another_type_is_found() {
    crate::testing::args_match_spec::<WrongType>();
}

#[test]
#[should_panic(expected = "must have #[serde(deny_unknown_fields)]")]
fn args_that_take_anything_are_found() {
    crate::testing::args_match_spec::<NotDenying>();
}

#[test]
fn the_descriptor_of_a_program_that_runs_through_one_is_told() {
    let told = |program: &str| own_descriptor(program.as_ref());
    assert_eq!(told("/proc/self/fd/9"), Some(9));
    for program in ["/proc/self/fd/1", "/proc/self/fd/-9", "/proc/self/fd/x", "/usr/bin/9", ""] {
        assert_eq!(told(program), None, "{program}");
    }
}
