//! The table as Rust source.

use std::fmt::Write;

use crate::{Kind, Node, Opt};

/// The item `const SPEC: protocol::Spec = …;`: constant, so that nothing is built at run time.
pub fn rust_item(module: &str, summary: &str, options: &[Opt]) -> String {
    let mut out = String::new();
    out.push_str("/// The options, as the documentation of the module has them.\n");
    out.push_str("const SPEC: ::protocol::Spec = ::protocol::Spec {\n    module: ");
    quoted(&mut out, module);
    out.push_str(",\n    summary: ");
    quoted(&mut out, summary);
    out.push_str(",\n    options: ");
    table(&mut out, options, 1);
    out.push_str(",\n};\n");
    out
}

fn table(out: &mut String, options: &[Opt], depth: usize) {
    if options.is_empty() {
        out.push_str("&[]");
        return;
    }
    let indent = "    ".repeat(depth + 1);
    out.push_str("&[\n");
    for opt in options {
        let _ = write!(
            out,
            "{indent}::protocol::Opt {{ name: {:?}, kind: ::protocol::Kind::{}",
            opt.name,
            constant(opt.kind)
        );
        match opt.elements {
            Some(kind) => {
                let _ = write!(out, ", elements: Some(::protocol::Kind::{})", constant(kind));
            }
            None => out.push_str(", elements: None"),
        }
        let _ = write!(out, ", required: {}, default: ", opt.required);
        literal(out, &opt.default);
        out.push_str(", choices: ");
        literals(out, &opt.choices);
        let _ = write!(out, ", aliases: &{:?}, options: ", opt.aliases);
        table(out, &opt.options, depth + 1);
        out.push_str(", summary: ");
        quoted(out, &opt.summary);
        out.push_str(" },\n");
    }
    out.push_str(&"    ".repeat(depth));
    out.push(']');
}

/// `Kind::Str` → `STR`.
fn constant(kind: Kind) -> String {
    format!("{kind:?}").to_uppercase()
}

fn literals(out: &mut String, items: &[Node]) {
    out.push_str("&[");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        literal(out, item);
    }
    out.push(']');
}

fn literal(out: &mut String, node: &Node) {
    out.push_str("::protocol::Literal::");
    let _ = match node {
        Node::Null => write!(out, "None"),
        Node::Bool(value) => write!(out, "Bool({value})"),
        Node::Int(value) => write!(out, "Int({value})"),
        Node::Float(value) => write!(out, "Float(\"{value:?}\")"),
        Node::Str(value) => {
            out.push_str("Str(");
            quoted(out, value);
            write!(out, ")")
        }
        Node::List(items) => {
            out.push_str("List(");
            literals(out, items);
            write!(out, ")")
        }
        Node::Map(items) => {
            out.push_str("Dict(&[");
            for (key, value) in items {
                out.push('(');
                quoted(out, key);
                out.push_str(", ");
                literal(out, value);
                out.push_str("), ");
            }
            write!(out, "])")
        }
    };
}

fn quoted(out: &mut String, text: &str) {
    let _ = write!(out, "{text:?}");
}
