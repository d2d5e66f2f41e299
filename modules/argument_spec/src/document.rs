//! YAML as Ansible's documentation loader reads it: ordered, plain values.

use saphyr::{Scalar, ScalarStyle, Yaml, YamlLoader};
use saphyr_parser::{BufferedInput, Parser};

/// A value of the documentation.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `null`, or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Str(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the text. Keys are strings; no key is there twice.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of `key`, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Node::Map(items) => items.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }
}

/// Parses one YAML document.
///
/// Ansible reads YAML 1.1, where a plain `yes` or `off` is a boolean and `0644` is octal; such
/// scalars are refused, because a reader of another YAML version would see something else.
pub fn parse(text: &str) -> Result<Node, String> {
    let mut parser = Parser::new(BufferedInput::new(text.chars()));
    let mut loader = YamlLoader::<Yaml>::default();
    loader.early_parse(false);
    parser.load(&mut loader, false).map_err(|e| format!("no valid YAML: {e}"))?;
    if let Some(error) = loader.error() {
        return Err(format!("no valid YAML: {error}"));
    }
    match loader.into_documents().as_slice() {
        [one] => node(one),
        documents => Err(format!("one YAML document is expected, there are {}", documents.len())),
    }
}

fn node(yaml: &Yaml) -> Result<Node, String> {
    match yaml {
        Yaml::Representation(text, style, tag) => {
            if tag.is_some() {
                return Err(format!("a YAML tag before {text:?} has no place in documentation"));
            }
            if *style == ScalarStyle::Plain && ambiguous(text) {
                return Err(format!("write {text} as '{text}' or as true/false: YAML versions differ on it"));
            }
            let mut scalar = yaml.clone();
            if !scalar.parse_representation() {
                return Err(format!("{text:?} is no value"));
            }
            node(&scalar)
        }
        Yaml::Value(Scalar::Null) => Ok(Node::Null),
        Yaml::Value(Scalar::Boolean(value)) => Ok(Node::Bool(*value)),
        Yaml::Value(Scalar::Integer(value)) => Ok(Node::Int(*value)),
        Yaml::Value(Scalar::FloatingPoint(value)) => Ok(Node::Float(value.into_inner())),
        Yaml::Value(Scalar::String(value)) => Ok(Node::Str(value.to_string())),
        Yaml::Sequence(items) => Ok(Node::List(items.iter().map(node).collect::<Result<_, _>>()?)),
        Yaml::Mapping(items) => {
            let mut map: Vec<(String, Node)> = Vec::new();
            for (key, value) in items {
                let Node::Str(key) = node(key)? else {
                    return Err("a key that is no string: put quotes around it".to_string());
                };
                if map.iter().any(|(other, _)| *other == key) {
                    return Err(format!("the key {key} is there twice"));
                }
                let value = node(value).map_err(|error| format!("{key}: {error}"))?;
                map.push((key, value));
            }
            Ok(Node::Map(map))
        }
        Yaml::Tagged(..) | Yaml::Alias(_) | Yaml::BadValue => {
            Err("YAML tags and aliases have no place here".into())
        }
    }
}

/// Plain scalars that YAML 1.1 and 1.2 read differently.
fn ambiguous(text: &str) -> bool {
    let octal = text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    octal || ["yes", "no", "on", "off"].iter().any(|word| text.eq_ignore_ascii_case(word))
}
