//! Mistakes that people make in modprobe.d files: lines that look right and do nothing, or not what
//! they say.

use super::config::{Config, ParsedFile, Place};
use super::directive::{Content, Directive, Ignored, Line};
use super::vfio_pci::{self, Id};
use crate::Finding;

/// Every mistake in the files of a configuration, in file and line order.
pub fn lint(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in &config.files {
        for line in &file.lines {
            Check { file, line, found: &mut found }.run();
        }
    }
    overridden_ids(config, &mut found);
    let order = |f: &Finding| config.files.iter().position(|file| file.path == f.file);
    found.sort_by_key(|f| (order(f), f.line));
    found
}

struct Check<'a> {
    file: &'a ParsedFile,
    line: &'a Line,
    found: &'a mut Vec<Finding>,
}

impl Check<'_> {
    fn say(&mut self, code: &'static str, message: String, hint: impl Into<String>) {
        let (file, line) = (self.file.path.clone(), self.line.number);
        self.found.push(Finding { code, file, line, message, hint: hint.into() });
    }

    fn run(&mut self) {
        let line = self.line;
        self.swallowed();
        match &line.content {
            Content::Nothing => {}
            Content::Ignored(why) => self.ignored(*why),
            Content::Directive(directive) => {
                if line.text.ends_with(b"\r") && self.carriage_return_hurts(directive) {
                    let hint = "store the file with line feeds alone";
                    self.say(
                        "carriage_return",
                        "the carriage return is read as a part of the line".into(),
                        hint,
                    );
                }
                match directive {
                    Directive::Blacklist { module } => self.blacklist(module),
                    Directive::Softdep { module, pre, post } => self.softdep(module, pre.len() + post.len()),
                    Directive::Options { module, .. } if is_cmdline_syntax(module) => self.cmdline_syntax(),
                    Directive::Options { module, options } if module == b"vfio_pci" => self.vfio_pci(options),
                    Directive::Options { options, .. } => self.comment_in_options(options),
                    _ => {}
                }
            }
        }
    }

    fn carriage_return_hurts(&self, directive: &Directive) -> bool {
        match directive {
            Directive::Blacklist { module } | Directive::Alias { module, .. } => module.ends_with(b"\r"),
            // White space around options, commands and soft dependencies is cut off later.
            _ => false,
        }
    }

    /// A comment that ends in a backslash goes on in the next line.
    fn swallowed(&mut self) {
        let line = self.line;
        let keywords = ["alias", "blacklist", "install", "options", "remove", "softdep", "weakdep"];
        let is_lost = |at: &usize| {
            let rest = String::from_utf8_lossy(line.text.get(*at..).unwrap_or_default()).into_owned();
            rest.split_whitespace().next().is_some_and(|word| keywords.contains(&word))
        };
        if line.text.starts_with(b"#") && line.joints.iter().any(is_lost) {
            let hint = "end the comment without a backslash";
            self.say(
                "comment_continues",
                "the backslash makes the next line a part of this comment".into(),
                hint,
            );
        }
    }

    fn ignored(&mut self, why: Ignored) {
        let text = String::from_utf8_lossy(&self.line.text).trim().to_string();
        let first = text.split_whitespace().next().unwrap_or_default().to_string();
        // An indented comment is ignored as its writer wanted, if with an error message.
        if first.starts_with('#') {
            return;
        }
        let name = text.split_whitespace().nth(1).unwrap_or_default();
        if first == "options" && is_cmdline_syntax(name.as_bytes()) {
            return self.cmdline_syntax();
        }
        let (what, hint) = match why {
            Ignored::UnknownDirective if text == first && first.starts_with("vfio") => (
                format!("modprobe ignores this line: `{first}` is no directive"),
                "modules to load at boot are listed in /etc/modules-load.d/*.conf",
            ),
            Ignored::UnknownDirective => (
                format!("modprobe ignores this line: `{first}` is no directive"),
                "use alias, blacklist, install, options, remove, softdep or weakdep",
            ),
            Ignored::Incomplete => (
                format!("modprobe ignores this line: `{first}` lacks an argument"),
                "complete the line or remove it",
            ),
            Ignored::Brackets => (
                format!("modprobe ignores this line: a bracket in {text:?} has no counterpart"),
                "write [ and ] in pairs",
            ),
            Ignored::Unsupported => (
                format!("modprobe no longer follows `{first}` lines"),
                "move the other file into a modprobe.d directory, with a name that ends in .conf",
            ),
        };
        self.say("line_ignored", what, hint);
    }

    fn blacklist(&mut self, module: &[u8]) {
        let name = String::from_utf8_lossy(module).trim_end_matches('\r').to_string();
        if name.bytes().any(|b| matches!(b, b'*' | b'?' | b'[')) {
            let message = format!("`blacklist {name}` blacklists nothing: the name is no pattern");
            self.say("blacklist_pattern", message, "write one blacklist line for each module");
        } else if name.contains('/') || name.contains(".ko") {
            let message = format!("`blacklist {name}` blacklists nothing: it is a path, not a module's name");
            let stem = name.rsplit('/').next().and_then(|base| base.split(".ko").next()).unwrap_or_default();
            self.say("blacklist_path", message, format!("write `blacklist {stem}`"));
        } else if name.contains(',') {
            let message = format!("`blacklist {name}` blacklists nothing: a line takes one name");
            self.say("blacklist_several", message, "write one blacklist line for each module");
        }
        let text = String::from_utf8_lossy(&self.line.text).into_owned();
        let more: Vec<&str> =
            text.split_whitespace().skip(2).take_while(|word| !word.starts_with('#')).collect();
        if !more.is_empty() {
            let message = format!("only `{name}` is blacklisted: {} after it is ignored", more.join(" "));
            self.say("blacklist_several", message, "write one blacklist line for each module");
        }
    }

    fn softdep(&mut self, module: &[u8], found: usize) {
        let text = String::from_utf8_lossy(&self.line.text).into_owned();
        let glued = text.split_whitespace().skip(2).find(|word| {
            ["pre:", "post:"].iter().any(|key| word.strip_prefix(key).is_some_and(|rest| !rest.is_empty()))
        });
        let module = String::from_utf8_lossy(module).into_owned();
        if let Some(word) = glued {
            let message = format!("modprobe does not see the dependency in `{word}` of {module}");
            let (key, rest) = word.split_once(':').unwrap_or((word, ""));
            self.say("softdep_blank", message, format!("write a blank after the colon: `{key}: {rest}`"));
        } else if found == 0 {
            let message = format!("this softdep line of {module} names no module");
            self.say("softdep_empty", message, "write `softdep MODULE pre: OTHER` with single blanks");
        }
    }

    /// `options vfio-pci.ids=…` as on the kernel command line.
    fn cmdline_syntax(&mut self) {
        let text = String::from_utf8_lossy(&self.line.text).into_owned();
        let word = text.split_whitespace().nth(1).unwrap_or_default();
        let (module, parameter) = word.split_once('.').unwrap_or((word, ""));
        let message =
            format!("`{word}` is the kernel command line's way to write an option; modprobe does not");
        self.say("options_as_on_cmdline", message, format!("write `options {module} {parameter}`"));
    }

    fn comment_in_options(&mut self, options: &[u8]) {
        if vfio_pci::words(options).iter().any(|word| word.starts_with(b"#")) {
            let message = "the comment is passed to the module as options".to_string();
            self.say("comment_in_options", message, "put the comment on a line of its own");
        }
    }

    fn vfio_pci(&mut self, options: &[u8]) {
        self.comment_in_options(options);
        let words = vfio_pci::words(options);
        let end = words.iter().position(|word| word.starts_with(b"#")).unwrap_or(words.len());
        let (mut listed, mut blanks, mut lone) = (false, false, false);
        for word in words.iter().take(end) {
            let (key, value) = vfio_pci::key_value(word);
            listed |= key == "ids";
            match value {
                Some(value) if key == "ids" => self.ids(&value),
                // What is left of a list cut by a blank, or of `ids = …`.
                None if key == "ids" || key.contains(':') || key.contains(',') => blanks = true,
                _ if key.is_empty() && !listed => lone = true,
                _ if key.is_empty() || key.contains(':') => blanks = true,
                _ if vfio_pci::OPTIONS.contains(&key.as_str()) => {}
                _ => self.unknown_option(&key),
            }
        }
        if lone {
            let message = "a word starts with `=`: the option before the blank is given no value".to_string();
            self.say(
                "vfio_pci_option_blank",
                message,
                "write no blank around the equals sign: disable_vga=1",
            );
        }
        if blanks {
            let message = "the list after `ids=` holds a blank; what follows it is not taken".to_string();
            self.say("vfio_pci_ids_blank", message, "write the list without blanks: ids=10de:1b80,10de:10f0");
        }
    }

    /// The kernel passes over empty places of the list and over blanks before a number, which quotes
    /// can bring in (`vfio_pci_fill_ids` and `vsscanf`): neither is a mistake.
    fn ids(&mut self, list: &str) {
        for trimmed in list.split(',').map(str::trim).filter(|element| !element.is_empty()) {
            match vfio_pci::id(trimmed) {
                Id::Valid => {}
                Id::Address => {
                    let message =
                        format!("`{trimmed}` in `ids=` is a PCI address; vfio-pci takes vendor:device there");
                    let hint = "find the IDs with `lspci -nn`; to bind by address use driver_override";
                    self.say("vfio_pci_ids_address", message, hint);
                }
                Id::Malformed => {
                    let message = format!("`{trimmed}` in `ids=` is no vendor:device pair");
                    self.say(
                        "vfio_pci_ids_malformed",
                        message,
                        "write four hexadecimal digits each: 10de:1b80",
                    );
                }
            }
        }
    }

    fn unknown_option(&mut self, key: &str) {
        let message = format!("vfio-pci has no option `{key}`: the kernel ignores it");
        let close = vfio_pci::OPTIONS.iter().find(|option| distance(option, key) <= 2);
        let hint = match close {
            Some(option) => format!("did you mean `{option}`?"),
            None => format!("it has {}", vfio_pci::OPTIONS.join(", ")),
        };
        self.say("unknown_vfio_pci_option", message, hint);
    }
}

/// Whether what should be a module's name is `MODULE.PARAMETER=VALUE`.
fn is_cmdline_syntax(name: &[u8]) -> bool {
    let dot = name.iter().position(|&b| b == b'.');
    let equals = name.iter().position(|&b| b == b'=');
    matches!((dot, equals), (Some(dot), Some(equals)) if 0 < dot && dot < equals)
}

/// `ids=` is no list that grows: the last value replaces the earlier ones, across files too.
fn overridden_ids(config: &Config, found: &mut Vec<Finding>) {
    let mut places: Vec<(Place, String)> = Vec::new();
    for (place, options) in config.options("vfio-pci") {
        for word in vfio_pci::words(options) {
            if let (key, Some(value)) = vfio_pci::key_value(&word)
                && key == "ids"
            {
                places.push((place.clone(), value));
            }
        }
    }
    let Some((winner, kept)) = places.pop() else { return };
    for (place, value) in places.into_iter().filter(|(_, value)| *value != kept) {
        found.push(Finding {
            code: "vfio_pci_ids_overridden",
            file: place.file,
            line: place.line,
            message: format!("ids={value} has no effect: the last `ids=` wins, at {winner}"),
            hint: "write all IDs in one list, cut by commas".to_string(),
        });
    }
}

/// Edit distance (insert, delete, replace) of two short words.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, &above) in b.bytes().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            diagonal = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
