//! What `--help` shows of the documentation: plain sentences, without Ansible's markup.

use crate::Node;

/// The first sentence of a description, which is a text or a list of them; empty where there is none.
pub fn first_sentence(description: Option<&Node>) -> String {
    let text = match description {
        Some(Node::Str(text)) => text,
        Some(Node::List(items)) => match items.first() {
            Some(Node::Str(text)) => text,
            _ => return String::new(),
        },
        _ => return String::new(),
    };
    let text = plain(text);
    let begins = |rest: &str| rest.trim_start().starts_with(|c: char| c.is_uppercase());
    let end = text.match_indices(". ").find(|(at, _)| begins(&text[at + 1..])).map(|(at, _)| at + 1);
    text[..end.unwrap_or(text.len())].to_string()
}

/// The text with each `C(…)`, `V(…)`, `L(text,link)`, … as what a reader sees of it, on one line.
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('(') {
        let (before, inside) = (&rest[..at], &rest[at + 1..]);
        let name_at = before.rfind(|c: char| !c.is_ascii_uppercase()).map_or(0, |at| at + 1);
        let name = &before[name_at..];
        let alone = !before[..name_at].ends_with(|c: char| c.is_alphanumeric());
        let shown = if alone { shown(name, inside) } else { None };
        match shown {
            Some((shown, length)) => {
                out.push_str(&before[..name_at]);
                out.push_str(&shown);
                rest = &inside[length..];
            }
            None => {
                out.push_str(before);
                out.push('(');
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a reader sees of the markup `name(inside…)`, and how many bytes of `inside` it takes.
fn shown(name: &str, inside: &str) -> Option<(String, usize)> {
    // In these, a backslash keeps the bracket behind it from ending them.
    let escapes = matches!(name, "V" | "O" | "RV" | "E" | "P");
    if !escapes && !matches!(name, "C" | "B" | "I" | "M" | "U" | "L" | "R") {
        return None;
    }
    let mut value = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ')' => {
                let value = match name {
                    "L" | "R" => value.split(',').next().unwrap_or_default().to_string(),
                    "O" | "RV" => value.rsplit(':').next().unwrap_or_default().to_string(),
                    _ => value,
                };
                return Some((value, at + 1));
            }
            '\\' if escapes => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_goes_and_text_stays() {
        for (text, want) in [
            ("V(present) puts C(a=b) there", "present puts a=b there"),
            ("see L(the guide,https://example.org/x) or U(https://e.org)", "see the guide or https://e.org"),
            (
                "says in RV(ignore:actions), M(pci.passthrough.boot_refresh) too",
                "says in actions, pci.passthrough.boot_refresh too",
            ),
            ("Enables it (C(on); Arm has none)", "Enables it (on; Arm has none)"),
            (r"V(a\)b)", "a)b"),
            ("two\n  lines and V(open", "two lines and V(open"),
            ("modprobe.d(5) and ABC(x)", "modprobe.d(5) and ABC(x)"),
        ] {
            assert_eq!(plain(text), want);
        }
    }

    #[test]
    fn the_first_sentence_of_the_first_paragraph() {
        let list =
            Node::List(vec![Node::Str("Reads C(/etc/x.conf). Then more.".into()), Node::Str("No.".into())]);
        assert_eq!(first_sentence(Some(&list)), "Reads /etc/x.conf.");
        assert_eq!(
            first_sentence(Some(&Node::Str("One of them, e.g. this".into()))),
            "One of them, e.g. this"
        );
        assert_eq!(first_sentence(None), "");
    }
}
