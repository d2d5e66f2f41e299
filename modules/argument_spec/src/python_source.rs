//! Finds a string constant in a Python file that only holds documentation.

/// The text of `NAME = r"""…"""` (or `'''`), at any indentation.
///
/// A string that is not raw may hold no backslash: Python would read an escape there.
pub fn constant(source: &str, name: &str) -> Result<String, String> {
    let mut at = 0;
    for line in source.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let Some(rest) = line.trim_start().strip_prefix(name) else { continue };
        let Some(rest) = rest.trim_start().strip_prefix('=') else { continue };
        let rest = rest.trim_start();
        let (raw, quoted) = match rest.strip_prefix('r') {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let Some(quote) = ["\"\"\"", "'''"].into_iter().find(|quote| quoted.starts_with(quote)) else {
            return Err(format!("{name} must be one string in three quotes: {name} = r\"\"\"…\"\"\""));
        };
        let body = &source[start + (line.len() - quoted.len()) + quote.len()..];
        let end = body.find(quote).ok_or_else(|| format!("{name}: the closing {quote} is missing"))?;
        let text = &body[..end];
        if !raw && text.contains('\\') {
            return Err(format!("{name} holds a backslash: make it a raw string, {name} = r{quote}…"));
        }
        return Ok(text.to_string());
    }
    Err(format!("there is no {name} = r\"\"\"…\"\"\""))
}
