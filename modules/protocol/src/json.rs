//! JSON as Python's `json` reads and writes it.
//!
//! Own code, because `serde_json` refuses what Ansible sends (`NaN`, `Infinity`, integers beyond 64
//! bits) and sorts the keys, whose order the log line shows.

use crate::float::Float;
use crate::pytext;
use crate::value::{Dict, Value};

/// Deeper nesting is refused, as Python's recursion limit does: it would eat the stack.
const MAX_DEPTH: usize = 512;

/// Reads one JSON value; the error says what is wrong at which byte.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.skip_blanks();
    let value = reader.value()?;
    reader.skip_blanks();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.wrong("something follows the value")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn wrong(&self, what: &str) -> String {
        format!("{what} at byte {}", self.at)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Goes past `token` where it stands here.
    fn take(&mut self, token: &str) -> bool {
        let there = self.rest().starts_with(token);
        if there {
            self.at += token.len();
        }
        there
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.peek() {
            Some(b'{') => self.nested(Reader::dict),
            Some(b'[') => self.nested(Reader::list),
            Some(b'"') => self.string().map(Value::Str),
            Some(_) => {
                for (token, value) in [
                    ("null", Value::None),
                    ("true", Value::Bool(true)),
                    ("false", Value::Bool(false)),
                    ("NaN", Value::Float(Float::nan())),
                    ("Infinity", Value::Float(Float::infinity(false))),
                    ("-Infinity", Value::Float(Float::infinity(true))),
                ] {
                    if self.take(token) {
                        return Ok(value);
                    }
                }
                self.number()
            }
            None => Err(self.wrong("a value is missing")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, String>) -> Result<Value, String> {
        if self.depth == MAX_DEPTH {
            return Err(self.wrong("nested too deeply"));
        }
        self.depth += 1;
        self.at += 1;
        self.skip_blanks();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn list(&mut self) -> Result<Value, String> {
        let mut items = Vec::new();
        if self.take("]") {
            return Ok(Value::List(items));
        }
        loop {
            self.skip_blanks();
            items.push(self.value()?);
            self.skip_blanks();
            if self.take("]") {
                return Ok(Value::List(items));
            }
            if !self.take(",") {
                return Err(self.wrong("a comma or ] is missing"));
            }
        }
    }

    fn dict(&mut self) -> Result<Value, String> {
        let mut items = Dict::default();
        if self.take("}") {
            return Ok(Value::Dict(items));
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a key in double quotes is missing"));
            }
            let key = self.string()?;
            self.skip_blanks();
            if !self.take(":") {
                return Err(self.wrong("a colon is missing"));
            }
            self.skip_blanks();
            let value = self.value()?;
            items.set(&key, value);
            self.skip_blanks();
            if self.take("}") {
                return Ok(Value::Dict(items));
            }
            if !self.take(",") {
                return Err(self.wrong("a comma or } is missing"));
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(_) => return Err(self.wrong("a control character in a string")),
                None => return Err(self.wrong("the closing quote of a string is missing")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let letter = self.peek();
        self.at += 1;
        Ok(match letter {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex()?;
                let before_second = self.at;
                if (0xd800..0xdc00).contains(&first) && self.take("\\u") {
                    let second = self.hex()?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = before_second;
                }
                // Half of a surrogate pair has no place in UTF-8, which the reply must be.
                char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.wrong("an unknown escape in a string")),
        })
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits = self.rest().get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        let code = code.ok_or_else(|| self.wrong("four hexadecimal digits are missing"))?;
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<Value, String> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let digits = |from: usize| {
            from + bytes[from.min(bytes.len())..].iter().take_while(|b| b.is_ascii_digit()).count()
        };
        let start = usize::from(bytes.first() == Some(&b'-'));
        let whole = if bytes.get(start) == Some(&b'0') { start + 1 } else { digits(start) };
        if whole == start {
            return Err(self.wrong("no value"));
        }
        let mut end = whole;
        if bytes.get(end) == Some(&b'.') && digits(end + 1) > end + 1 {
            end = digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            if digits(sign) > sign {
                end = digits(sign);
            }
        }
        let token = rest.get(..end).unwrap_or_default();
        self.at += end;
        if end > whole {
            return Float::from_decimal(token).map(Value::Float).ok_or_else(|| self.wrong("no number"));
        }
        Ok(token.parse().map_or_else(|_| Value::BigInt(token.to_string()), Value::Int))
    }
}

/// How [`write`] treats what is beyond ASCII or beyond JSON.
#[derive(Clone, Copy, PartialEq)]
pub enum Style {
    /// As Python's `json.dumps`: ASCII only, `NaN` and `Infinity` as bare tokens, `, ` and `: `.
    Python,
    /// Strict and compact: UTF-8, `null` for what is no number.
    Strict,
}

/// Appends `value` to `out` as JSON.
pub fn write(out: &mut String, value: &Value, style: Style) {
    let (comma, colon) = if style == Style::Python { (", ", ": ") } else { (",", ":") };
    match value {
        Value::None => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Float(float) if !float.is_finite() => out.push_str(match style {
            Style::Strict => "null",
            Style::Python => match float.as_str() {
                "nan" => "NaN",
                "inf" => "Infinity",
                _ => "-Infinity",
            },
        }),
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) => out.push_str(&pytext::str(value)),
        Value::Str(text) => write_string(out, text, style),
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(comma);
                }
                write(out, item, style);
            }
            out.push(']');
        }
        Value::Dict(items) => {
            out.push('{');
            for (at, (key, item)) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(comma);
                }
                write_string(out, key, style);
                out.push_str(colon);
                write(out, item, style);
            }
            out.push('}');
        }
    }
}

/// Appends a text as a JSON string.
pub fn write_string(out: &mut String, text: &str, style: Style) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || (style == Style::Python && !c.is_ascii()) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str("\\u");
                    pytext::push_hex(out, u32::from(*unit), 4);
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
