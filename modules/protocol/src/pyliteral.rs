//! Python literals in text, for options of type dict (`"{'a': True}"`), as `ast.literal_eval` reads them.

use crate::float::Float;
use crate::numbers;
use crate::pytext;
use crate::value::{Dict, Value};

/// As deep as any sensible option; the parser is recursive.
const MAX_DEPTH: usize = 100;

/// The value of one literal of strings, numbers, `None`, `True`, `False`, lists, tuples and dicts;
/// `None` where it is anything else. A tuple becomes a list and a key a string, as in JSON: only the
/// log line can tell.
pub fn parse(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text, depth: 0 };
    let value = reader.value()?;
    reader.skip_blanks();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self) -> Option<Value> {
        self.skip_blanks();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let value = match self.rest.chars().next()? {
            '{' => self.dict(),
            '[' => self.list("[", "]").map(|(items, _)| Value::List(items)),
            '(' => self.list("(", ")").and_then(|(mut items, comma)| match items.len() {
                1 if !comma => items.pop(),
                _ => Some(Value::List(items)),
            }),
            '\'' | '"' => self.strings(),
            c if c.is_ascii_digit() || matches!(c, '.' | '+' | '-') => self.number(),
            _ => self.name(),
        };
        self.depth -= 1;
        value
    }

    fn list(&mut self, open: &str, close: &str) -> Option<(Vec<Value>, bool)> {
        self.take(open);
        let mut items = Vec::new();
        let mut comma = false;
        while !self.take(close) {
            if !items.is_empty() && !comma {
                return None;
            }
            items.push(self.value()?);
            comma = self.take(",");
        }
        Some((items, comma))
    }

    fn dict(&mut self) -> Option<Value> {
        self.take("{");
        let mut items = Dict::default();
        let mut comma = true;
        while !self.take("}") {
            if !comma {
                return None;
            }
            let key = match self.value()? {
                Value::List(_) | Value::Dict(_) => return None,
                // The reply is JSON, where every key is a string.
                key => pytext::str(&key),
            };
            if !self.take(":") {
                return None;
            }
            let value = self.value()?;
            items.set(&key, value);
            comma = self.take(",");
        }
        Some(Value::Dict(items))
    }

    fn name(&mut self) -> Option<Value> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        let quoted = rest.starts_with(['\'', '"']);
        self.rest = rest;
        match name {
            "None" => Some(Value::None),
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            "u" | "U" if quoted => self.strings(),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Value> {
        let sign = self.rest.find(|c: char| !matches!(c, '+' | '-' | ' ')).unwrap_or(self.rest.len());
        let (signs, rest) = self.rest.split_at(sign);
        let mut end = 0;
        let mut before = ' ';
        for c in rest.chars() {
            let exponent_sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
            if !c.is_ascii_alphanumeric() && c != '.' && c != '_' && !exponent_sign {
                break;
            }
            end += c.len_utf8();
            before = c;
        }
        let (token, rest) = rest.split_at(end);
        self.rest = rest;
        let negative = signs.matches('-').count() % 2 == 1;
        let text = format!("{}{token}", if negative { "-" } else { "" });
        if token.starts_with(|c: char| c.is_ascii_digit())
            && token.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        {
            // Python refuses a leading zero, which meant octal once.
            let octal = token.starts_with('0') && token.bytes().any(|b| matches!(b, b'1'..=b'9'));
            return if octal { None } else { numbers::int(&text) };
        }
        let plain = token.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        // An underscore has to stand between two digits.
        let plain = plain && numbers::grouped(&text);
        plain.then(|| Float::from_decimal(&text.replace('_', ""))).flatten().map(Value::Float)
    }

    /// One string, or several side by side, which are one.
    fn strings(&mut self) -> Option<Value> {
        let mut out = String::new();
        loop {
            self.skip_blanks();
            let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
                return Some(Value::Str(out));
            };
            self.rest = &self.rest[1..];
            loop {
                let c = self.next()?;
                match c {
                    c if c == quote => break,
                    '\n' => return None,
                    '\\' => self.escape(&mut out)?,
                    c => out.push(c),
                }
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn escape(&mut self, out: &mut String) -> Option<()> {
        let c = match self.next()? {
            '\n' => return Some(()),
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => self.code(2)?,
            'u' => self.code(4)?,
            'U' => self.code(8)?,
            c @ ('\\' | '\'' | '"') => c,
            // Octal and named characters: nobody writes them in a task.
            '0'..='7' | 'N' => return None,
            other => {
                out.push('\\');
                other
            }
        };
        out.push(c);
        Some(())
    }

    fn code(&mut self, digits: usize) -> Option<char> {
        let text = self.rest.get(..digits).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.rest = &self.rest[digits..];
        char::from_u32(u32::from_str_radix(text, 16).ok()?)
    }
}
