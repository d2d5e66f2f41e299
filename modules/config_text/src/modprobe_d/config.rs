//! The effective configuration: all files that count, in the order kmod reads them.

use super::directive::{Content, Directive, Line, parse};
use super::{glob, kernel_cmdline};

/// A file as found in a directory that modprobe reads.
#[derive(Debug, Clone, Copy)]
pub struct SourceFile<'a> {
    /// The directory (`/etc/modprobe.d`).
    pub directory: &'a str,
    /// The file's name in it.
    pub name: &'a str,
    /// Its content; empty for a link to `/dev/null`.
    pub bytes: &'a [u8],
}

/// Where a directive stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file's path, or `kernel command line`.
    pub file: String,
    /// The first physical line, counted from 1.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

#[derive(Debug, Clone)]
pub(super) struct ParsedFile {
    pub(super) path: String,
    pub(super) lines: Vec<Line>,
}

/// The effective configuration.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub(super) files: Vec<ParsedFile>,
}

/// The name in messages for directives of the kernel command line.
const CMDLINE: &str = "kernel command line";

/// Whether kmod reads a file of this name: not hidden, and ending in `.conf` (or the old `.alias`).
pub fn is_config_name(name: &str) -> bool {
    !name.starts_with('.') && (name.ends_with(".conf") || name.ends_with(".alias"))
}

/// Whether two module names are the same to kmod (`-` = `_`).
pub fn same_module(a: &str, b: &str) -> bool {
    normalised(a) == normalised(b)
}

fn normalised(name: &str) -> Vec<u8> {
    name.bytes().map(|b| if b == b'-' { b'_' } else { b }).collect()
}

/// Whether an install command does nothing but keep the module from being loaded: `true` or `false`,
/// by whatever path.
pub fn blocks_loading(command: &[u8]) -> bool {
    let mut words = command.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let program = words.next().map(|word| word.rsplit(|&b| b == b'/').next().unwrap_or(word));
    let alone = words.next().is_none_or(|word| word.starts_with(b"#"));
    alone && matches!(program, Some(b"true" | b"false"))
}

impl Config {
    /// Puts files together: `files` come directory by directory in the order of priority
    /// ([`super::DIRECTORIES`]); of the same name only the first counts; the names' byte order is the
    /// reading order. Files that kmod does not read are left out.
    pub fn from_files(files: &[SourceFile]) -> Config {
        let mut chosen: Vec<&SourceFile> = Vec::new();
        for file in files.iter().filter(|file| is_config_name(file.name)) {
            if !chosen.iter().any(|other| other.name == file.name) {
                chosen.push(file);
            }
        }
        chosen.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        let parsed = |file: &SourceFile| ParsedFile {
            path: format!("{}/{}", file.directory.trim_end_matches('/'), file.name),
            lines: parse(file.bytes),
        };
        Config { files: chosen.into_iter().map(parsed).collect() }
    }

    /// Adds what kmod takes from the kernel command line; it comes after all files.
    pub fn with_kernel_cmdline(mut self, cmdline: &[u8]) -> Config {
        let line = |directive| Line {
            number: 1,
            span: 0..cmdline.len(),
            text: Vec::new(),
            content: Content::Directive(directive),
            joints: Vec::new(),
            open: false,
        };
        let lines = kernel_cmdline::directives(cmdline).into_iter().map(line).collect();
        self.files.push(ParsedFile { path: CMDLINE.to_string(), lines });
        self
    }

    /// Every directive in force order, with its place.
    pub fn directives(&self) -> impl Iterator<Item = (Place, &Directive)> {
        self.files.iter().flat_map(|file| {
            file.lines.iter().filter_map(|line| match &line.content {
                Content::Directive(directive) => {
                    Some((Place { file: file.path.clone(), line: line.number }, directive))
                }
                _ => None,
            })
        })
    }

    /// Where `module` is blacklisted.
    pub fn blacklisted_in(&self, module: &str) -> Vec<Place> {
        let name = normalised(module);
        self.directives()
            .filter(|(_, d)| matches!(d, Directive::Blacklist { module } if *module == name))
            .map(|(place, _)| place)
            .collect()
    }

    /// Whether `module` is blacklisted.
    pub fn is_blacklisted(&self, module: &str) -> bool {
        !self.blacklisted_in(module).is_empty()
    }

    /// The command that runs instead of loading `module`: the first `install` line that matches.
    pub fn install_command(&self, module: &str) -> Option<(Place, &[u8])> {
        let name = normalised(module);
        self.directives().find_map(|(place, directive)| match directive {
            Directive::Install { module, command } if glob::matches(module, &name) => {
                Some((place, command.as_slice()))
            }
            _ => None,
        })
    }

    /// The `options` lines of `module`, all of which are passed on in this order.
    pub fn options(&self, module: &str) -> Vec<(Place, &[u8])> {
        let name = normalised(module);
        self.directives()
            .filter_map(|(place, directive)| match directive {
                Directive::Options { module, options } if *module == name => {
                    Some((place, options.as_slice()))
                }
                _ => None,
            })
            .collect()
    }

    /// The text that `modprobe --showconfig` prints before the module index.
    pub fn show(&self) -> Vec<u8> {
        let order: [&[u8]; 7] =
            [b"blacklist", b"install", b"remove", b"alias", b"options", b"softdep", b"weakdep"];
        let mut out = Vec::new();
        for keyword in order {
            for (_, directive) in self.directives() {
                let parts = shown(directive);
                if parts.first().is_some_and(|first| first == keyword) {
                    out.extend(parts.join(&b' '));
                    out.push(b'\n');
                }
            }
        }
        out
    }
}

fn shown(directive: &Directive) -> Vec<Vec<u8>> {
    let line = |keyword: &str, name: &[u8], value: &[u8]| vec![keyword.into(), name.to_vec(), value.to_vec()];
    match directive {
        Directive::Blacklist { module } => vec!["blacklist".into(), module.clone()],
        Directive::Install { module, command } => line("install", module, command),
        Directive::Remove { module, command } => line("remove", module, command),
        Directive::Alias { name, module } => line("alias", name, module),
        Directive::Options { module, options } => line("options", module, options),
        Directive::Weakdep { module, modules } => line("weakdep", module, &modules.join(&b' ')),
        Directive::Softdep { module, pre, post } => {
            // kmod puts no blank between the two lists.
            let mut value = Vec::new();
            for (keyword, list) in [(&b"pre: "[..], pre), (&b"post: "[..], post)] {
                if !list.is_empty() {
                    value.extend(keyword);
                    value.extend(list.join(&b' '));
                }
            }
            line("softdep", module, &value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file<'a>(directory: &'a str, name: &'a str, text: &'a str) -> SourceFile<'a> {
        SourceFile { directory, name, bytes: text.as_bytes() }
    }

    #[test]
    fn the_first_directory_masks_and_names_give_the_order() {
        let config = Config::from_files(&[
            file("/etc/modprobe.d", "b.conf", "install x /first\n"),
            file("/etc/modprobe.d", "masked.conf", ""),
            file("/etc/modprobe.d", "no.txt", "blacklist no\n"),
            file("/etc/modprobe.d", ".conf", "blacklist no\n"),
            file("/usr/lib/modprobe.d", "masked.conf", "blacklist no\n"),
            file("/usr/lib/modprobe.d", "a.conf", "# c\nblacklist nvidia-drm\n"),
        ]);
        assert!(!config.is_blacklisted("no"));
        let places = config.blacklisted_in("nvidia_drm");
        assert_eq!(places.iter().map(Place::to_string).collect::<Vec<_>>(), ["/usr/lib/modprobe.d/a.conf:2"]);
        assert!(config.is_blacklisted("nvidia-drm"));
        assert_eq!(String::from_utf8(config.show()).unwrap(), "blacklist nvidia_drm\ninstall x /first\n");
    }

    #[test]
    fn install_takes_the_first_match_and_options_add_up() {
        let text =
            "install nv* /bin/false\ninstall nvidia /bin/true\noptions a x=1\noptions a-b z\noptions a x=2\n";
        let config = Config::from_files(&[file("/d", "a.conf", text)]);
        assert_eq!(config.install_command("nvidia").unwrap().1, b"/bin/false");
        assert_eq!(config.options("a").iter().map(|(_, o)| *o).collect::<Vec<_>>(), [b"x=1", b"x=2"]);
        assert!(config.install_command("radeon").is_none());
    }

    #[test]
    fn the_kernel_command_line_counts_but_is_not_normalised() {
        let config = Config::default().with_kernel_cmdline(b"modprobe.blacklist=nouveau,snd-hda-intel\n");
        assert!(config.is_blacklisted("nouveau"));
        assert!(!config.is_blacklisted("snd_hda_intel"));
        assert_eq!(config.blacklisted_in("nouveau")[0].file, "kernel command line");
    }

    #[test]
    fn commands_that_keep_a_module_out() {
        for (command, wanted) in [
            ("/bin/false", true),
            ("  /usr/bin/true  ", true),
            ("false # no", true),
            ("/bin/true && modprobe x", false),
            ("/sbin/modprobe -i x", false),
            ("", false),
        ] {
            assert_eq!(blocks_loading(command.as_bytes()), wanted, "{command:?}");
        }
    }
}
