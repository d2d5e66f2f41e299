use std::fs;
use std::path::{Path, PathBuf};

use crate::{Kind, Node, document, fragment, options, python_source, read_spec};

fn table(yaml: &str) -> Result<Vec<crate::Opt>, String> {
    options(&document::parse(yaml)?)
}

#[test]
fn a_constant_is_found_in_either_quotes_and_at_any_indentation() {
    let source = "X = 1\nclass F:\n    BACKUP = r'''\na: 'b\\c'\n'''\nDOCUMENTATION = \"\"\"k: v\"\"\"\n";
    assert_eq!(python_source::constant(source, "BACKUP").unwrap(), "\na: 'b\\c'\n");
    assert_eq!(python_source::constant(source, "DOCUMENTATION").unwrap(), "k: v");
    assert!(python_source::constant(source, "RETURN").unwrap_err().contains("there is no RETURN"));
    let open = "DOCUMENTATION = r\"\"\"\nk: v\n";
    assert!(python_source::constant(open, "DOCUMENTATION").unwrap_err().contains("closing"));
    let escape = "DOCUMENTATION = \"\"\"a\\n\"\"\"";
    assert!(python_source::constant(escape, "DOCUMENTATION").unwrap_err().contains("raw string"));
}

#[test]
fn an_option_with_every_field() {
    let table = table(
        "options:\n  rules:\n    description: [x]\n    version_added: 0.2.0\n    type: list\n    elements: dict\n    \
         required: true\n    aliases: [r, rule]\n    suboptions:\n      port: {type: int, default: 22, choices: [22, 23]}\n",
    )
    .unwrap();
    let rules = &table[0];
    assert_eq!((rules.kind, rules.elements, rules.required), (Kind::List, Some(Kind::Dict), true));
    assert_eq!(rules.aliases, ["r", "rule"]);
    assert_eq!(rules.options[0].default, Node::Int(22));
    assert_eq!(rules.options[0].choices, [Node::Int(22), Node::Int(23)]);
}

#[test]
fn choices_with_descriptions_keep_their_order() {
    let table =
        table("options:\n  state:\n    choices:\n      present: is there\n      absent: is gone\n").unwrap();
    assert_eq!(table[0].choices, [Node::Str("present".into()), Node::Str("absent".into())]);
}

#[test]
fn wrong_documentation_is_named() {
    for (fields, message) in [
        ("{type: string}", "unknown type string"),
        ("{type: str, choices: [a, b], default: c}", "is not one of the choices"),
        ("{type: list, elements: str, choices: [a], default: [a, c]}", "is not one of the choices"),
        ("{type: bool, default: 'true'}", "is not of the option's type"),
        ("{type: int, default: 1.5}", "is not of the option's type"),
        ("{type: int, choices: [1, two]}", "is not of the option's type"),
        ("{type: bool, default: yes}", "YAML versions differ"),
        ("{type: int, default: 0644}", "YAML versions differ"),
        ("{type: str, elements: str}", "elements belong to type list only"),
        ("{type: list}", "must say the type of its elements"),
        ("{type: str, suboptions: {a: {}}}", "suboptions belong to type dict"),
        ("{type: str, required: true, default: a}", "a required option has no default"),
        ("{type: str, defualt: a}", "defualt"),
        ("{type: str, aliases: [one]}", "is another name already"),
        ("[]", "must be a mapping"),
    ] {
        let found = table(&format!("options:\n  one: {fields}\n")).unwrap_err();
        assert!(found.contains(message) && found.contains("one"), "{fields}: {found}");
    }
    assert!(table("options: {a: {}, a: {}}").is_err(), "a key twice");
    assert!(table("options: [").unwrap_err().contains("no valid YAML"));
}

#[test]
fn the_document_wins_over_its_fragment_and_stands_before_it() {
    let mut doc = document::parse("options: {b: {type: int}, a: {type: bool, default: true}}").unwrap();
    let part =
        document::parse("options: {z: {type: path}, a: {type: str, aliases: [x]}}\nnotes: [n]").unwrap();
    fragment::extend(&mut doc, part).unwrap();
    let table = options(&doc).unwrap();
    let names: Vec<&str> = table.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(names, ["b", "a", "z"]);
    assert_eq!((table[1].kind, table[1].aliases.as_slice()), (Kind::Bool, ["x".to_string()].as_slice()));
}

#[test]
fn a_fragment_name_gives_file_and_constant() {
    let locate = |slug| fragment::locate(slug, "pci.passthrough");
    assert_eq!(locate("pci.passthrough.host").unwrap(), ("host".into(), "DOCUMENTATION".into()));
    assert_eq!(locate("pci.passthrough.host.backup").unwrap(), ("host".into(), "BACKUP".into()));
    assert!(locate("files").unwrap_err().contains("files"));
}

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../collection/plugins")
}

#[test]
fn every_module_of_the_collection_has_a_spec() {
    let mut seen = 0;
    for entry in fs::read_dir(plugins().join("modules")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "py") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let text = read_spec(&plugins(), name, &mut Vec::new()).unwrap();
            // An action plugin runs on the controller: it has no binary, and no tree to work on.
            let binary = !plugins().join("action").join(format!("{name}.py")).exists();
            let root = text.contains(r#"name: "root", kind: ::protocol::Kind::PATH"#);
            assert_eq!(root, binary, "{name}: {text}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn an_error_names_the_file_and_every_file_read_is_an_input() {
    let mut inputs = Vec::new();
    let error = read_spec(&plugins(), "no_such_module", &mut inputs).unwrap_err();
    assert!(error.to_string().contains("modules/no_such_module.py: cannot read"), "{error}");
    assert_eq!(inputs.len(), 1);
    inputs.clear();
    read_spec(&plugins(), "grub_iommu", &mut inputs).unwrap();
    assert!(inputs.iter().any(|p| p.ends_with("doc_fragments/host.py")), "{inputs:?}");
}
