//! Which of the two callers it is, and what a person asks for.

use std::ffi::{OsStr, OsString};

use crate::json;
use crate::spec::{Kind, Spec};
use crate::value::{Dict, Value};

/// The file that Ansible's own call names, or `-` for standard input: exactly one argument, that path.
///
/// Only its text decides, never which files there are: `state=present` is a person's option even
/// beside a file of that name (`./state=present` is the file), and a path may hold a `=`.
pub fn ansibles(words: &[OsString]) -> Option<&OsStr> {
    let [only] = words else { return None };
    let bytes = only.as_encoded_bytes();
    let path = match bytes.split(|b| *b == b'=').next() {
        Some([b'-', ..]) => only == "-",
        Some(name) => {
            name.len() == bytes.len() || !name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        }
        None => false,
    };
    path.then_some(only)
}

/// What the call is for.
#[derive(Debug, PartialEq)]
pub enum Call {
    /// The help text.
    Help,
    /// Name and version.
    Version,
    /// A run with these arguments.
    Run(Options, Dict),
}

/// How to run and what to show.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    /// Predict, change nothing.
    pub check: bool,
    /// Show what changes in files.
    pub diff: bool,
    /// Print the reply that Ansible would get.
    pub json: bool,
    /// Exit status 2 for changed.
    pub detailed_exitcode: bool,
}

/// The long options, each with what it does; the help shows them.
pub const OPTIONS: [(&str, &str); 6] = [
    ("--check", "Tell what would change; change nothing."),
    ("--diff", "Show the changes of files as a unified diff."),
    ("--json", "Print the reply that Ansible would get."),
    ("--detailed-exitcode", "Exit with 2 if something changed, or would."),
    ("--help", "Print this text."),
    ("--version", "Print name and version."),
];

/// Reads the command line; an error says what is wrong with it.
pub fn parse(words: Vec<OsString>, spec: &Spec, read_only: bool) -> Result<Call, String> {
    if words.is_empty() && !read_only {
        return Err(
            "No options. Give them as NAME=VALUE, or --check to see what the defaults would do.".into()
        );
    }
    let mut options = Options::default();
    let mut arguments = Dict::default();
    let mut only_values = false;
    for word in words {
        let word = word.to_str().ok_or_else(|| format!("{}: no UTF-8.", word.display()))?;
        if only_values || !word.starts_with('-') {
            let (name, value) = pair(word, spec)?;
            if arguments.has(name) {
                return Err(format!("{name}: given twice."));
            }
            arguments.set(name, value);
            continue;
        }
        match word {
            "--" => only_values = true,
            "--check" => options.check = true,
            "--diff" => options.diff = true,
            "--json" => options.json = true,
            "--detailed-exitcode" => options.detailed_exitcode = true,
            "--help" | "-h" => return Ok(Call::Help),
            "--version" => return Ok(Call::Version),
            unknown => return Err(strange(unknown, spec)),
        }
    }
    Ok(Call::Run(options, arguments))
}

/// `NAME=VALUE`. A value is text, which the option's type turns into what it needs; a list may be JSON
/// too, for elements that hold a comma.
fn pair<'a>(word: &'a str, spec: &Spec) -> Result<(&'a str, Value), String> {
    let Some((name, text)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return Err(format!("{word}: options are given as NAME=VALUE."));
    };
    let known = |opt: &&crate::Opt| opt.name == name || opt.aliases.contains(&name);
    let is_list = spec.options.iter().find(known).is_some_and(|opt| opt.kind == Kind::LIST);
    if is_list && text.starts_with('[') {
        return json::parse(text)
            .map(|value| (name, value))
            .map_err(|error| format!("{name}: no JSON list: {error}."));
    }
    Ok((name, Value::Str(text.to_string())))
}

/// An option that does not exist: perhaps one of the module's, written as a long option.
fn strange(word: &str, spec: &Spec) -> String {
    let bare = word.trim_start_matches('-');
    let name = bare.split('=').next().unwrap_or_default().replace('-', "_");
    match spec.options.iter().find(|opt| opt.name == name) {
        Some(opt) => format!("{word}: options of the module are given without dashes: {}=VALUE.", opt.name),
        None => format!("{word}: no such option."),
    }
}

/// For tests: words of a command line.
#[cfg(test)]
fn words(text: &str) -> Vec<OsString> {
    text.split(' ').filter(|word| !word.is_empty()).map(|word| OsStr::new(word).to_os_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Literal, Opt};

    const fn opt(name: &'static str, kind: Kind) -> Opt {
        Opt {
            name,
            kind,
            elements: None,
            required: false,
            default: Literal::None,
            choices: &[],
            aliases: &[],
            options: &[],
            summary: "",
        }
    }

    const SPEC: Spec = Spec {
        module: "words",
        summary: "",
        options: &[opt("state", Kind::STR), opt("lines", Kind::LIST), opt("dry_run", Kind::BOOL)],
    };

    #[test]
    fn one_path_or_dash_is_ansibles_call() {
        for line in
            ["-", "/root/.ansible/tmp/x/args", "args", "./state=present", "/tmp/a=b", "dir/state=x", "a.b=c"]
        {
            assert_eq!(ansibles(&words(line)), Some(OsStr::new(line)));
        }
        for line in ["", "state=present", "state=", "--check", "-h", "--", "args --check", "- -", "a b"] {
            assert_eq!(ansibles(&words(line)), None, "{line:?}");
        }
    }

    #[test]
    fn options_and_values() {
        let Ok(Call::Run(options, arguments)) =
            parse(words("--check state=a=b --diff -- lines=a,b"), &SPEC, false)
        else {
            panic!("a run")
        };
        assert!(options.check && options.diff && !options.json && !options.detailed_exitcode);
        assert_eq!(arguments.get("state"), Some(&Value::Str("a=b".into())));
        assert_eq!(arguments.get("lines"), Some(&Value::Str("a,b".into())));
        let Ok(Call::Run(_, arguments)) = parse(words(r#"lines=["a,b","c"] state=["x"]"#), &SPEC, false)
        else {
            panic!("a run")
        };
        let list = ["a,b", "c"].map(|item| Value::Str(item.into())).to_vec();
        assert_eq!(arguments.get("lines"), Some(&Value::List(list)));
        assert_eq!(arguments.get("state"), Some(&Value::Str(r#"["x"]"#.into())), "text stays text");
        assert_eq!(parse(words("state=x --help"), &SPEC, false), Ok(Call::Help));
        assert_eq!(parse(words("--version"), &SPEC, false), Ok(Call::Version));
        assert_eq!(parse(Vec::new(), &SPEC, true), Ok(Call::Run(Options::default(), Dict::default())));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, part) in [
            ("", "No options."),
            ("--force", "--force: no such option."),
            ("--state=x", "--state=x: options of the module are given without dashes: state=VALUE."),
            ("--dry-run", "dry_run=VALUE"),
            ("-x", "-x: no such option."),
            ("--check present", "present: options are given as NAME=VALUE."),
            ("=x", "=x: options are given"),
            ("-- --check", "--check: options are given as NAME=VALUE."),
            ("state=a state=b", "state: given twice."),
            ("lines=[a]", "lines: no JSON list:"),
        ] {
            let error = parse(words(line), &SPEC, false).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
