//! The `options` of a document, checked, as a table.

use crate::{Node, prose};

/// The types that Ansible's argument spec knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Str,
    Bool,
    Int,
    Float,
    List,
    Dict,
    Path,
    Raw,
    Json,
    Jsonarg,
    Bytes,
    Bits,
}

impl Kind {
    /// The kind with Ansible's name `name`.
    pub fn from_name(name: &str) -> Option<Kind> {
        Some(match name {
            "str" => Kind::Str,
            "bool" => Kind::Bool,
            "int" => Kind::Int,
            "float" => Kind::Float,
            "list" => Kind::List,
            "dict" => Kind::Dict,
            "path" => Kind::Path,
            "raw" => Kind::Raw,
            "json" => Kind::Json,
            "jsonarg" => Kind::Jsonarg,
            "bytes" => Kind::Bytes,
            "bits" => Kind::Bits,
            _ => return None,
        })
    }
}

/// One option.
#[derive(Debug, Clone, PartialEq)]
pub struct Opt {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// The type of a list's elements.
    pub elements: Option<Kind>,
    /// Whether it must be given.
    pub required: bool,
    /// Its value where it is not given; `Node::Null` for none.
    pub default: Node,
    /// The values it may have; empty for any.
    pub choices: Vec<Node>,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// Sub-options of a dict or of a list of dicts.
    pub options: Vec<Opt>,
    /// The first sentence of its description.
    pub summary: String,
}

/// Fields of an option that say something to the reader only.
const PROSE: [&str; 4] = ["description", "version_added", "version_added_collection", "suboptions"];

/// The checked options of a document or of a `suboptions` mapping's holder.
pub fn options(doc: &Node) -> Result<Vec<Opt>, String> {
    match doc.get("options") {
        None | Some(Node::Null) => Ok(Vec::new()),
        Some(node) => all(node, ""),
    }
}

fn all(node: &Node, context: &str) -> Result<Vec<Opt>, String> {
    let Node::Map(items) = node else { return Err(format!("{context}options must be a mapping")) };
    let table: Vec<Opt> =
        items.iter().map(|(name, fields)| option(name, fields, context)).collect::<Result<_, _>>()?;
    for (at, opt) in table.iter().enumerate() {
        for name in &opt.aliases {
            let taken = table
                .iter()
                .enumerate()
                .any(|(other, o)| o.name == *name || (other != at && o.aliases.contains(name)));
            if taken {
                return Err(format!(
                    "{context}option {}: the alias {name} is another name already",
                    opt.name
                ));
            }
        }
    }
    Ok(table)
}

fn option(name: &str, fields: &Node, context: &str) -> Result<Opt, String> {
    let wrong = |what: String| Err(format!("{context}option {name}: {what}"));
    let Node::Map(items) = fields else { return wrong("must be a mapping".to_string()) };
    let mut opt = Opt {
        name: name.to_string(),
        kind: Kind::Str,
        elements: None,
        required: false,
        default: Node::Null,
        choices: Vec::new(),
        aliases: Vec::new(),
        options: Vec::new(),
        summary: prose::first_sentence(fields.get("description")),
    };
    for (field, value) in items {
        match (field.as_str(), value) {
            ("type" | "elements", Node::Str(kind)) => {
                let Some(kind) = Kind::from_name(kind) else { return wrong(format!("unknown type {kind}")) };
                if field == "type" { opt.kind = kind } else { opt.elements = Some(kind) }
            }
            ("required", Node::Bool(required)) => opt.required = *required,
            ("default", value) => opt.default = value.clone(),
            ("choices", Node::List(choices)) => opt.choices = choices.clone(),
            // Choices with a description each.
            ("choices", Node::Map(choices)) => {
                opt.choices = choices.iter().map(|(choice, _)| Node::Str(choice.clone())).collect();
            }
            ("aliases", Node::List(aliases)) => {
                for alias in aliases {
                    let Node::Str(alias) = alias else {
                        return wrong("an alias must be a string".to_string());
                    };
                    opt.aliases.push(alias.clone());
                }
            }
            ("suboptions", value) => opt.options = all(value, &format!("{context}option {name}: "))?,
            (field, _) if PROSE.contains(&field) => {}
            (field, value) => return wrong(format!("{field}: {value:?} is not understood")),
        }
    }
    match check(&opt) {
        Ok(()) => Ok(opt),
        Err(what) => wrong(what),
    }
}

/// What Ansible would only notice when the option is used.
fn check(opt: &Opt) -> Result<(), String> {
    if opt.elements.is_some() && opt.kind != Kind::List {
        return Err("elements belong to type list only".to_string());
    }
    if opt.kind == Kind::List && opt.elements.is_none() {
        return Err("a list must say the type of its elements".to_string());
    }
    if !opt.options.is_empty() && opt.kind != Kind::Dict && opt.elements != Some(Kind::Dict) {
        return Err("suboptions belong to type dict or to a list of dicts".to_string());
    }
    for choice in &opt.choices {
        if !fits(opt.elements.unwrap_or(opt.kind), choice) {
            return Err(format!("the choice {choice:?} is not of the option's type"));
        }
    }
    if opt.default == Node::Null {
        return Ok(());
    }
    if opt.required {
        return Err("a required option has no default".to_string());
    }
    let values: Vec<&Node> = match (&opt.default, opt.kind) {
        (Node::List(items), Kind::List) => items.iter().collect(),
        (value, _) => vec![value],
    };
    for value in &values {
        let kind =
            if matches!(opt.default, Node::List(_)) { opt.elements.unwrap_or(opt.kind) } else { opt.kind };
        if !fits(kind, value) {
            return Err(format!("the default {value:?} is not of the option's type"));
        }
        if !opt.choices.is_empty() && !opt.choices.contains(value) {
            return Err(format!("the default {value:?} is not one of the choices"));
        }
    }
    Ok(())
}

/// Whether a value in the documentation is already what coercion would make of it.
fn fits(kind: Kind, value: &Node) -> bool {
    match kind {
        Kind::Str | Kind::Path | Kind::Json | Kind::Jsonarg => matches!(value, Node::Str(_)),
        Kind::Bool => matches!(value, Node::Bool(_)),
        Kind::Int => matches!(value, Node::Int(_)),
        Kind::Float => matches!(value, Node::Float(_) | Node::Int(_)),
        Kind::List => matches!(value, Node::List(_)),
        Kind::Dict => matches!(value, Node::Map(_)),
        Kind::Bytes | Kind::Bits => matches!(value, Node::Str(_) | Node::Int(_)),
        Kind::Raw => true,
    }
}
