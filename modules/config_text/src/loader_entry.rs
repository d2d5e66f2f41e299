//! Boot entries in files of their own (UAPI Boot Loader Specification, type 1): `loader/entries/*.conf`.
//!
//! One `key value` a line, set apart by blanks or tabs; `#` begins a comment line. `options` may be
//! there several times: systemd-boot and GRUB's blscfg join them with a blank.

use std::ops::Range;

use crate::grub_cfg::{self, Entry};
use crate::kernel_cmdline::{self, Edit, Wish, tokens};

/// One entry file, split.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoaderEntry {
    /// `title`, as the menu shows it.
    pub title: Option<String>,
    /// `version`: most often the kernel's release.
    pub version: Option<String>,
    /// `linux`: the kernel's path on its file system; `None` for another operating system.
    pub linux: Option<String>,
    /// The place of each `options` value in the text, in order, line end left out.
    pub options: Vec<Range<usize>>,
}

/// Splits an entry. Any bytes are accepted.
pub fn parse(text: &[u8]) -> LoaderEntry {
    let mut entry = LoaderEntry::default();
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let at = start;
        start += line.len();
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let Some(key_at) = line.iter().position(|byte| !blank(byte)) else { continue };
        let key_end = line[key_at..].iter().position(blank).map_or(line.len(), |length| key_at + length);
        let value_at =
            line[key_end..].iter().position(|b| !blank(b)).map_or(line.len(), |skip| key_end + skip);
        let value_end =
            line.iter().rposition(|byte| !blank(byte)).map_or(value_at, |last| (last + 1).max(value_at));
        let value = &line[value_at..value_end];
        let text = || Some(String::from_utf8_lossy(value).into_owned());
        match &line[key_at..key_end] {
            b"title" => entry.title = text(),
            b"version" => entry.version = text(),
            b"linux" => entry.linux = text(),
            // An empty value stands behind the key, where something can be put.
            b"options" if value.is_empty() => entry.options.push(at + key_end..at + key_end),
            b"options" => entry.options.push(at + value_at..at + value_end),
            _ => {}
        }
    }
    entry
}

impl LoaderEntry {
    /// The whole command line: every `options` value, joined with blanks.
    pub fn arguments(&self, text: &[u8]) -> Vec<u8> {
        let values: Vec<&[u8]> = self.options.iter().filter_map(|range| text.get(range.clone())).collect();
        values.join(&b' ')
    }

    /// The installed kernel that the entry boots: `kernels` has each one's release and the name that
    /// its image has ([`grub_cfg::kernel_name`]). Told by `version`, else by the image's path.
    pub fn kernel<'k>(&self, kernels: &'k [(&str, &str)]) -> Option<&'k str> {
        let path = self.linux.as_deref()?;
        let by_version = kernels.iter().find(|(release, _)| self.version.as_deref() == Some(release));
        let in_path = |name: &str| grub_cfg::kernel_name(path) == Some(name);
        let by_name = || kernels.iter().find(|(release, name)| in_path(name) || in_path(release));
        let by_folder = || kernels.iter().find(|(release, _)| path.split('/').any(|part| part == *release));
        by_version.or_else(by_name).or_else(by_folder).map(|(_, name)| *name)
    }

    /// The entry as [`boot_entry`](crate::boot_entry) judges it. `arguments` are its options, variables
    /// of GRUB's environment expanded; `file` is what it is called in messages where it has no title.
    pub fn judged_as(&self, arguments: Vec<u8>, file: &str, kernels: &[(&str, &str)]) -> Entry {
        let name = file.rsplit('/').next().unwrap_or(file);
        let rescue =
            ["single", "rescue", "emergency", "systemd.unit=rescue.target", "systemd.unit=emergency.target"];
        let single = tokens(&arguments).iter().any(|t| rescue.iter().any(|word| t.raw == word.as_bytes()));
        Entry {
            title: self.title.clone().unwrap_or_else(|| name.to_string()),
            kernel_path: self.linux.clone().unwrap_or_default(),
            release: self.kernel(kernels).map(str::to_string),
            recovery: single || name.contains("0-rescue"),
            place: Some(file.to_string()),
            script: None,
            arguments,
        }
    }
}

/// Edits the options of an entry; every byte outside the touched tokens stays. An entry without a line
/// of options gets one behind its last line, if something is to be added; a line goes with its last token.
pub fn edit(text: &[u8], wish: &Wish) -> (Vec<u8>, Edit) {
    let entry = parse(text);
    // What stands behind `--` belongs to init, so there is no adding behind it.
    let ends = |range: &&Range<usize>| kernel_cmdline::parse(&text[(*range).clone()]).init.is_some();
    let Some(last) = entry.options.iter().find(ends).or(entry.options.last()).cloned() else {
        let (line, edit) = kernel_cmdline::rewrite(b"", wish);
        let mut new = text.to_vec();
        if !line.is_empty() {
            if !matches!(new.last(), None | Some(b'\n')) {
                new.push(b'\n');
            }
            new.extend_from_slice(&[b"options ", line.as_slice(), b"\n"].concat());
        }
        return (new, edit);
    };
    // Of several lines of options each loses what may not be there; what is missing is added to the last.
    let joined = entry.arguments(text);
    let whole = kernel_cmdline::plan(&tokens(&joined), wish, &[]);
    let mut new = text.to_vec();
    let mut actions = whole.actions.as_slice();
    let mut edits = Vec::new();
    for range in &entry.options {
        let value = text.get(range.clone()).unwrap_or_default();
        let (own, rest) = actions.split_at(tokens(value).len().min(actions.len()));
        actions = rest;
        let append: &[Vec<u8>] = if *range == last { &whole.append } else { &[] };
        edits.push((range.clone(), kernel_cmdline::carry_out(value, own, append)));
    }
    for (range, mut value) in edits.into_iter().rev() {
        if !range.is_empty() && value.trim_ascii().is_empty() {
            new.drain(line_of(text, &range));
            continue;
        }
        if range.is_empty() && !value.is_empty() {
            value.insert(0, b' ');
        }
        new.splice(range, value);
    }
    (new, whole)
}

/// The whole line around a value, line end included.
fn line_of(text: &[u8], value: &Range<usize>) -> Range<usize> {
    let is_break = |byte: &u8| *byte == b'\n';
    let start = text[..value.start].iter().rposition(is_break).map_or(0, |at| at + 1);
    let end = text[value.end..].iter().position(is_break).map_or(text.len(), |at| value.end + at + 1);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "title      Debian GNU/Linux 13 (trixie)\nversion    6.12.48+deb13-amd64\nmachine-id 4a\n\
        sort-key   debian\noptions    root=UUID=1 ro quiet systemd.machine_id=4a\n\
        linux      /4a/6.12.48+deb13-amd64/linux\ninitrd     /4a/6.12.48+deb13-amd64/initrd.img-6.12.48+deb13-amd64\n";

    fn wish(present: &[&str]) -> Wish {
        Wish::new(present, &[] as &[&str], true).unwrap()
    }

    #[test]
    fn an_entry_is_split_by_its_keys() {
        let entry = parse(DEBIAN.as_bytes());
        assert_eq!(entry.version.as_deref(), Some("6.12.48+deb13-amd64"));
        assert_eq!(entry.arguments(DEBIAN.as_bytes()), b"root=UUID=1 ro quiet systemd.machine_id=4a");
        assert_eq!(
            parse(b"# options a\r\noptions\tb c \r\noptions d")
                .arguments(b"# options a\r\noptions\tb c \r\noptions d"),
            b"b c d"
        );
        assert_eq!(parse(b"title\noptions\n").options.first(), Some(&(13..13)));
        assert!(parse(b"title Windows\nefi /x.efi\n").linux.is_none());
    }

    #[test]
    fn the_kernel_is_told_by_version_name_or_folder() {
        let kernels = [("6.12.48+deb13-amd64", "6.12.48+deb13-amd64"), ("6.6.54-1-lts", "linux-lts")];
        for (text, want) in [
            (DEBIAN, Some("6.12.48+deb13-amd64")),
            ("linux /4a/6.12.48+deb13-amd64/linux\n", Some("6.12.48+deb13-amd64")),
            ("linux /vmlinuz-linux-lts\n", Some("linux-lts")),
            ("version 6.6.54-1-lts\nlinux /4a/6.6.54-1-lts/linux\n", Some("linux-lts")),
            ("linux /vmlinuz-linux\n", None),
            ("title x\nefi /shell.efi\n", None),
        ] {
            assert_eq!(parse(text.as_bytes()).kernel(&kernels), want, "{text}");
        }
    }

    #[test]
    fn the_options_are_edited_and_undone() {
        for (text, want) in [
            (
                "linux /a\noptions root=b ro\ninitrd /c\n",
                "linux /a\noptions root=b ro intel_iommu=on\ninitrd /c\n",
            ),
            ("options\troot=b intel_iommu=off \r\n", "options\troot=b intel_iommu=on \r\n"),
            (
                "options a intel_iommu=off,igfx_off\noptions b\n",
                "options a intel_iommu=igfx_off\noptions b intel_iommu=on\n",
            ),
            ("options a intel_iommu=on\noptions b\n", "options a intel_iommu=on\noptions b\n"),
            ("options $kernelopts $tuned_params", "options $kernelopts $tuned_params intel_iommu=on"),
            ("linux /a", "linux /a\noptions intel_iommu=on\n"),
            ("linux /a\noptions\n", "linux /a\noptions intel_iommu=on\n"),
        ] {
            let (new, _) = edit(text.as_bytes(), &wish(&["intel_iommu=on"]));
            assert_eq!(String::from_utf8_lossy(&new), want);
            let (again, second) = edit(&new, &wish(&["intel_iommu=on"]));
            assert!(again == new && second.is_noop(), "{want}");
        }
        let gone = Wish::new(&[] as &[&str], &["intel_iommu=on"], false).unwrap();
        let (new, _) = edit(DEBIAN.as_bytes(), &wish(&["intel_iommu=on"]));
        assert_eq!(edit(&new, &gone).0, DEBIAN.as_bytes());
        for (text, want) in [
            ("linux /a\noptions intel_iommu=on\n", "linux /a\n"),
            ("options\tintel_iommu=on \r\nlinux /a\n", "linux /a\n"),
            ("linux /a\noptions a\noptions intel_iommu=on", "linux /a\noptions a\n"),
        ] {
            let (new, _) = edit(text.as_bytes(), &gone);
            assert_eq!(String::from_utf8_lossy(&new), want);
        }
    }

    #[test]
    fn recovery_is_told_by_its_options_or_name() {
        let entry = |options: &str, file: &str| {
            let text = format!("linux /vmlinuz-6.1\noptions {options}\n");
            let parsed = parse(text.as_bytes());
            parsed.judged_as(parsed.arguments(text.as_bytes()), file, &[("6.1", "6.1")])
        };
        assert!(!entry("ro quiet", "/boot/loader/entries/4a-6.1.conf").recovery);
        assert!(entry("ro single", "/boot/loader/entries/a.conf").recovery);
        assert!(entry("ro", "/boot/loader/entries/4a-0-rescue.conf").recovery);
        assert_eq!(entry("ro", "/boot/loader/entries/a.conf").title, "a.conf");
    }
}
