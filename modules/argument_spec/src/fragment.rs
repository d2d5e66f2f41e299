//! `extends_documentation_fragment`, merged as Ansible does it.

use crate::Node;

/// The fragments a document extends, in its order.
pub fn names(doc: &Node) -> Result<Vec<String>, String> {
    let name = |node: &Node| match node {
        Node::Str(name) => Ok(name.clone()),
        other => Err(format!("extends_documentation_fragment: {other:?} is no name")),
    };
    match doc.get("extends_documentation_fragment") {
        None => Ok(Vec::new()),
        Some(Node::List(items)) => items.iter().map(name).collect(),
        Some(one) => Ok(vec![name(one)?]),
    }
}

/// File stem and constant of a fragment: `pci.passthrough.host` is DOCUMENTATION of `host.py`,
/// `pci.passthrough.host.backup` is its BACKUP.
pub fn locate(slug: &str, collection: &str) -> Result<(String, String), String> {
    let name = slug
        .strip_prefix(collection)
        .and_then(|rest| rest.strip_prefix('.'))
        .ok_or_else(|| format!("the fragment {slug} is not one of {collection}"))?;
    Ok(match name.split_once('.') {
        None => (name.to_string(), "DOCUMENTATION".to_string()),
        Some((stem, constant)) => (stem.to_string(), constant.to_uppercase()),
    })
}

/// Adds a fragment's options after the document's own; where both have an option, the document's
/// fields win over the fragment's.
pub fn extend(doc: &mut Node, fragment: Node) -> Result<(), String> {
    let Node::Map(parts) = fragment else { return Err("a fragment must be a mapping".to_string()) };
    let Node::Map(doc) = doc else { return Err("DOCUMENTATION must be a mapping".to_string()) };
    // Of all sections only the options make the argument spec; ansible-doc merges the rest.
    for (key, value) in parts {
        if key != "options" {
            continue;
        }
        let Node::Map(extra) = value else { return Err("options: must be a mapping".to_string()) };
        if !doc.iter().any(|(key, _)| key == "options") {
            doc.push(("options".to_string(), Node::Map(Vec::new())));
        }
        for (key, value) in doc.iter_mut() {
            match value {
                Node::Map(own) if key == "options" => merge(own, &extra)?,
                _ if key == "options" => return Err("options: must be a mapping".to_string()),
                _ => {}
            }
        }
    }
    Ok(())
}

fn merge(own: &mut Vec<(String, Node)>, extra: &[(String, Node)]) -> Result<(), String> {
    for (name, fields) in extra {
        let Some((_, mine)) = own.iter_mut().find(|(key, _)| key == name) else {
            own.push((name.clone(), fields.clone()));
            continue;
        };
        let (Node::Map(mine), Node::Map(fields)) = (mine, fields) else {
            return Err(format!("option {name}: must be a mapping"));
        };
        for (field, value) in fields {
            if !mine.iter().any(|(key, _)| key == field) {
                mine.push((field.clone(), value.clone()));
            }
        }
    }
    Ok(())
}
