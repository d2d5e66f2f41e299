//! The generated `grub.cfg`: its menu entries with the kernel and the arguments each would boot.
//!
//! Read by GRUB's script grammar (GRUB manual, "Writing full configuration files"): words are set
//! apart by blanks, quoted by `'…'`, `"…"` or `\`; a line break or `;` ends a command; `{` after
//! `menuentry` or `submenu` opens a block. Nothing is evaluated: `${variable}` stays as it is.

/// One `linux` command inside a menu entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The title of the menu entry.
    pub title: String,
    /// The kernel's path as GRUB sees it (`/boot/vmlinuz-6.1.0-44-amd64`).
    pub kernel_path: String,
    /// What [`kernel_name`] says of the path: most often the release; `None` for memtest86+ and the like.
    pub release: Option<String>,
    /// What follows the path, words set apart by one blank, GRUB's quoting undone.
    pub arguments: Vec<u8>,
    /// The script of /etc/grub.d that wrote it (`10_linux`), as grub-mkconfig's comments tell.
    pub script: Option<String>,
    /// Whether this is a recovery entry, which gets `GRUB_CMDLINE_LINUX` alone.
    pub recovery: bool,
    /// The file that holds the entry, where it is known here: entries of their own have one each.
    pub place: Option<String>,
}

/// File name prefixes that distributions give kernels (10_linux looks for the same ones).
const KERNEL_PREFIXES: [&str; 5] = ["vmlinuz-", "vmlinux-", "kernel-", "Image-", "zImage-"];

/// Every entry that boots a Linux kernel, in file order. Any bytes are accepted.
pub fn entries(text: &[u8]) -> Vec<Entry> {
    let mut found = Vec::new();
    // One item per open brace: the menu entry it belongs to, if it is one's.
    let mut open: Vec<Option<MenuEntry>> = Vec::new();
    let mut commands = Commands::new(text);
    while let Some(command) = commands.next() {
        let opens = command.last().is_some_and(|word| word.bare && word.text == b"{");
        let first = command.first().filter(|word| word.bare).map_or(&b""[..], |word| &word.text);
        match first {
            b"menuentry" if opens => open.push(Some(MenuEntry::new(&command))),
            b"linux" | b"linux16" | b"linuxefi" => {
                if let (Some(entry), Some(path)) = (open.iter().rev().flatten().next(), command.get(1)) {
                    found.push(entry.boots(&path.text, &command[2..], commands.script.clone()));
                }
            }
            b"}" => {
                open.pop();
            }
            _ if opens => open.push(None),
            _ => {}
        }
    }
    found
}

/// Whether a command of the file makes entries of the files of the Boot Loader Specification.
pub fn reads_entry_files(text: &[u8]) -> bool {
    let mut commands = Commands::new(text);
    commands.any(|command| command.first().is_some_and(|word| word.bare && word.text == b"blscfg"))
}

/// What tells kernels apart in their file names: `6.1.0-44-amd64` of `/boot/vmlinuz-6.1.0-44-amd64`, and
/// on Arch, which names images after packages, `linux-lts`.
pub fn kernel_name(path: &str) -> Option<&str> {
    let file = path.rsplit('/').next().unwrap_or_default();
    KERNEL_PREFIXES.iter().find_map(|prefix| file.strip_prefix(prefix))
}

/// A configured command line as GRUB hands it on: 10_linux writes it into a `linux` command as it
/// is, so GRUB's own quoting rules apply to it once more.
pub fn as_arguments(configured: &[u8]) -> Vec<u8> {
    let command = [b"menuentry x {\nlinux /x ", configured, b"\n}"].concat();
    entries(&command).into_iter().next().map(|entry| entry.arguments).unwrap_or_default()
}

struct MenuEntry {
    title: String,
    /// The title or the identifier (`gnulinux-REL-recovery-UUID`, never translated) says recovery.
    recovery: bool,
}

impl MenuEntry {
    fn new(command: &[Word]) -> MenuEntry {
        let title =
            command.get(1).map(|word| String::from_utf8_lossy(&word.text).into_owned()).unwrap_or_default();
        let identifier = command[1..].iter().any(|word| contains(&word.text, b"-recovery-"));
        let recovery = identifier || title.contains("recovery mode") || title.contains("-rescue-");
        MenuEntry { title, recovery }
    }

    fn boots(&self, path: &[u8], arguments: &[Word], script: Option<String>) -> Entry {
        let kernel_path = String::from_utf8_lossy(path).into_owned();
        let release = kernel_name(&kernel_path).map(str::to_string);
        let words: Vec<&[u8]> = arguments.iter().map(|word| word.text.as_slice()).collect();
        // What 10_linux puts before the arguments of a recovery entry (Debian; Ubuntu).
        let single = words.iter().any(|word| matches!(*word, b"single" | b"recovery"));
        Entry {
            title: self.title.clone(),
            release,
            arguments: words.join(&b' '),
            script,
            recovery: self.recovery || single,
            place: None,
            kernel_path,
        }
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// A word, quoting undone; `bare` where nothing of it was quoted, so that it can be a keyword.
struct Word {
    text: Vec<u8>,
    bare: bool,
}

/// Splits the text into commands of at least one word.
struct Commands<'a> {
    text: &'a [u8],
    at: usize,
    /// The script whose part of the file this is.
    script: Option<String>,
}

impl<'a> Commands<'a> {
    fn new(text: &'a [u8]) -> Self {
        Commands { text, at: 0, script: None }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next_byte(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// `### BEGIN /etc/grub.d/10_linux ###` and `### END …`, which grub-mkconfig writes around each part.
    fn marked(&mut self, start: usize) {
        let comment = String::from_utf8_lossy(&self.text[start..self.at]);
        let mut words = comment.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("###"), Some("BEGIN"), Some(path)) => {
                self.script = path.rsplit('/').next().map(str::to_string);
            }
            (Some("###"), Some("END"), _) => self.script = None,
            _ => {}
        }
    }

    /// One word; the current byte is its first.
    fn word(&mut self) -> Word {
        let mut word = Word { text: Vec::new(), bare: true };
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' => break,
                b'\'' => {
                    self.at += 1;
                    word.bare = false;
                    while let Some(byte) = self.next_byte().filter(|b| *b != b'\'') {
                        word.text.push(byte);
                    }
                }
                b'"' => {
                    self.at += 1;
                    word.bare = false;
                    self.double_quoted(&mut word.text);
                }
                b'\\' => {
                    self.at += 1;
                    match self.next_byte() {
                        // A continued line, also with the line ends of other systems.
                        Some(b'\n') => {}
                        Some(b'\r') if self.peek() == Some(b'\n') => self.at += 1,
                        Some(byte) => {
                            word.bare = false;
                            word.text.push(byte);
                        }
                        None => {}
                    }
                }
                _ => {
                    word.text.push(byte);
                    self.at += 1;
                }
            }
        }
        word
    }

    fn double_quoted(&mut self, into: &mut Vec<u8>) {
        while let Some(byte) = self.next_byte().filter(|b| *b != b'"') {
            match (byte, self.peek()) {
                (b'\\', Some(next @ (b'"' | b'\\' | b'$'))) => {
                    self.at += 1;
                    into.push(next);
                }
                (b'\\', Some(b'\n')) => self.at += 1,
                _ => into.push(byte),
            }
        }
    }
}

impl Iterator for Commands<'_> {
    type Item = Vec<Word>;

    fn next(&mut self) -> Option<Vec<Word>> {
        let mut words = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' | b';' => {
                    self.at += 1;
                    if !words.is_empty() {
                        break;
                    }
                }
                b'#' => {
                    let start = self.at;
                    while self.peek().is_some_and(|b| b != b'\n') {
                        self.at += 1;
                    }
                    self.marked(start);
                }
                _ => {
                    let start = self.at;
                    let word = self.word();
                    // To GRUB a closing brace is never an argument.
                    if word.bare && word.text == b"}" && !words.is_empty() {
                        self.at = start;
                        break;
                    }
                    if word.text.is_empty() && word.bare {
                        continue;
                    }
                    let brace = word.bare && (word.text == b"{" || word.text == b"}");
                    words.push(word);
                    // A brace ends its command, so that `{ linux …` and `} menuentry …` are two.
                    if brace {
                        break;
                    }
                }
            }
        }
        (!words.is_empty()).then_some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape of what Debian's 10_linux, memtest86+ and os-prober write.
    const CFG: &str = r#"
function gfxmode { set gfxpayload="${1}"; }
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1234' {
	load_video
	if [ x$grub_platform = xxen ]; then insmod xzio; fi
	linux	/boot/vmlinuz-6.1.0-44-amd64 root=UUID=1234 ro  quiet intel_iommu=on
	initrd	/boot/initrd.img-6.1.0-44-amd64
}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-1234' {
	menuentry 'Debian, with Linux 6.1.0-44-amd64' {
		linux	/boot/vmlinuz-6.1.0-44-amd64 root=UUID=1234 ro quiet "dyndbg=\"file a.c +p\"" a\ b
	}
	menuentry 'Debian (Wiederherstellung)' $menuentry_id_option 'gnulinux-6.1.0-44-amd64-recovery-1234' {
		linux	/boot/vmlinuz-6.1.0-44-amd64 root=UUID=1234 ro
	}
	menuentry 'Ubuntu, recovery' { linux /vmlinuz-6.8.0-1 ro recovery nomodeset ; initrd /i }
}
menuentry "Memory test" { linux16 /boot/memtest86+x64.bin console=ttyS0 }
#menuentry 'commented' { linux /boot/vmlinuz-1 x }
menuentry 'Arch' { linuxefi /vmlinuz-linux \
  rw quiet }
linux /boot/vmlinuz-outside
"#;

    #[test]
    fn every_linux_line_of_an_entry_is_found() {
        let found = entries(CFG.as_bytes());
        let shown: Vec<(&str, Option<&str>, &[u8], bool)> = found
            .iter()
            .map(|e| (e.title.as_str(), e.release.as_deref(), e.arguments.as_slice(), e.recovery))
            .collect();
        let release = Some("6.1.0-44-amd64");
        assert_eq!(
            shown,
            [
                ("Debian GNU/Linux", release, &b"root=UUID=1234 ro quiet intel_iommu=on"[..], false),
                (
                    "Debian, with Linux 6.1.0-44-amd64",
                    release,
                    b"root=UUID=1234 ro quiet dyndbg=\"file a.c +p\" a b",
                    false
                ),
                ("Debian (Wiederherstellung)", release, b"root=UUID=1234 ro", true),
                ("Ubuntu, recovery", Some("6.8.0-1"), b"ro recovery nomodeset", true),
                ("Memory test", None, b"console=ttyS0", false),
                ("Arch", Some("linux"), b"rw quiet", false),
            ]
        );
    }

    #[test]
    fn a_configured_line_is_unquoted_as_grub_does() {
        assert_eq!(as_arguments(b" quiet  intel_iommu=on "), b"quiet intel_iommu=on");
        assert_eq!(as_arguments(br#"dyndbg="file a.c +p" a\b"#), b"dyndbg=file a.c +p ab");
        assert_eq!(as_arguments(b""), b"");
    }

    #[test]
    fn nothing_panics_and_unfinished_quotes_end_with_the_file() {
        for text in ["menuentry 'a", "menuentry", "linux", "menuentry a { linux", "}}}}", "\\", "\"\\"] {
            entries(text.as_bytes());
        }
        assert!(entries(&[0xff, b'\n', 0xfe]).is_empty());
    }
}
