//! Lists of modules to load at boot: `/etc/modules` and `modules-load.d(5)`.
//!
//! One name a line; `#` and `;` begin a comment line; `-` and `_` are equal. systemd looks up the
//! whole line as one name, so a line with arguments loads nothing. Source: systemd's
//! `modules-load.c` and `read_line` in `fileio.c`.
//!
//! Laws: `present` twice is `present` once; `absent(present(x)) == x` where `x` had none of the names.

use std::ops::Range;

use crate::Finding;

/// The directories that systemd-modules-load reads, in the order of their priority: of `*.conf`
/// files with the same name only the first counts.
pub const DIRECTORIES: [&str; 5] = [
    "/etc/modules-load.d",
    "/run/modules-load.d",
    "/usr/local/lib/modules-load.d",
    "/usr/lib/modules-load.d",
    "/lib/modules-load.d",
];

/// Whether systemd-modules-load reads a file of this name.
pub fn is_config_name(name: &str) -> bool {
    !name.starts_with('.') && name.ends_with(".conf")
}

/// A line that holds something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The line, counted from 1.
    pub line: usize,
    /// The text without surrounding white space.
    pub text: Vec<u8>,
    span: Range<usize>,
}

impl Entry {
    /// Whether the line loads `module`.
    pub fn loads(&self, module: &str) -> bool {
        self.text.len() == module.len()
            && self.text.iter().zip(module.bytes()).all(|(&a, b)| dash(a) == dash(b))
    }

    /// The first word where words follow it: the author meant to pass arguments, and systemd loads
    /// nothing.
    pub fn name_before_arguments(&self) -> Option<&[u8]> {
        let end = self.text.iter().position(|b| is_space(*b))?;
        self.text.get(..end)
    }
}

/// Every line that is no comment and not blank.
pub fn parse(bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (line, span) in lines(bytes) {
        let text = bytes.get(span.clone()).unwrap_or_default();
        let start = text.iter().position(|b| !is_space(*b));
        let end = text.iter().rposition(|b| !is_space(*b)).map_or(0, |last| last + 1);
        let text = start.and_then(|start| text.get(start..end)).unwrap_or_default();
        if !matches!(text.first(), None | Some(b'#' | b';')) {
            entries.push(Entry { line, text: text.to_vec(), span });
        }
    }
    entries
}

/// The names in the list, as written; lines with arguments are left out.
pub fn names(bytes: &[u8]) -> Vec<String> {
    parse(bytes)
        .iter()
        .filter(|entry| entry.name_before_arguments().is_none())
        .map(|entry| String::from_utf8_lossy(&entry.text).into_owned())
        .collect()
}

/// The mistakes in the list `file`: lines with arguments, which load nothing.
pub fn lint(file: &str, bytes: &[u8]) -> Vec<Finding> {
    let with_arguments = |entry: &Entry| {
        let name = String::from_utf8_lossy(entry.name_before_arguments()?).into_owned();
        let text = String::from_utf8_lossy(&entry.text);
        Some(Finding {
            code: "module_arguments",
            file: file.to_string(),
            line: entry.line,
            message: format!("systemd takes the whole line `{text}` for a name and loads nothing"),
            hint: format!("write `{name}` alone, and its options into a modprobe.d file: options {name} ..."),
        })
    };
    parse(bytes).iter().filter_map(with_arguments).collect()
}

/// `bytes` with a line for each of `modules` that has none yet, at the end, with the file's kind of
/// line end. A name is one word of letters, digits, `-`, `_`, `.`.
pub fn present(bytes: &[u8], modules: &[&str]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for module in modules {
        if parse(&out).iter().any(|entry| entry.loads(module)) {
            continue;
        }
        let end: &[u8] = if out.windows(2).any(|pair| pair == b"\r\n") { b"\r\n" } else { b"\n" };
        // A file without a final line end stays one.
        let parts = if ended(&out) { [module.as_bytes(), end] } else { [end, module.as_bytes()] };
        out.extend(parts.concat());
    }
    out
}

/// `bytes` without any line that loads one of `modules`, and without lines that name one of them
/// with arguments.
pub fn absent(bytes: &[u8], modules: &[&str]) -> Vec<u8> {
    let unwanted: Vec<Entry> = parse(bytes)
        .into_iter()
        .filter(|entry| {
            let named = Entry {
                text: entry.name_before_arguments().unwrap_or(&entry.text).to_vec(),
                ..entry.clone()
            };
            modules.iter().any(|module| named.loads(module))
        })
        .collect();
    let mut out = Vec::with_capacity(bytes.len());
    let mut last_removed = false;
    for (_, span) in lines(bytes) {
        last_removed = unwanted.iter().any(|entry| entry.span == span);
        if !last_removed {
            out.extend(bytes.get(span).unwrap_or_default());
        }
    }
    // A file without a final line end gets that back: the one before our line was ours.
    if last_removed && !ended(bytes) {
        for end in [b"\r\n".as_slice(), b"\n", b"\r", b"\0"] {
            if out.ends_with(end) {
                out.truncate(out.len() - end.len());
                break;
            }
        }
    }
    out
}

fn ended(bytes: &[u8]) -> bool {
    matches!(bytes.last(), None | Some(b'\n' | b'\r' | 0))
}

/// Number and bytes of each line, its end included. Line feed, carriage return, both together and
/// NUL end a line.
fn lines(bytes: &[u8]) -> Vec<(usize, Range<usize>)> {
    let mut out = Vec::new();
    let mut start = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let ends = match byte {
            b'\n' | 0 => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        if ends {
            out.push((out.len() + 1, start..at + 1));
            start = at + 1;
        }
    }
    if start < bytes.len() {
        out.push((out.len() + 1, start..bytes.len()));
    }
    out
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0)
}

fn dash(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VFIO: [&str; 3] = ["vfio", "vfio_iommu_type1", "vfio_pci"];

    #[test]
    fn what_counts_as_a_name() {
        let text = b"# vfio\n ; x\n  loop\t\n\nvfio-pci\r\nvfio_pci ids=10de:1b80\nlast";
        assert_eq!(names(text), ["loop", "vfio-pci", "last"]);
        let entries = parse(text);
        assert_eq!(entries.iter().map(|e| e.line).collect::<Vec<_>>(), [3, 5, 6, 7]);
        assert!(entries[1].loads("vfio_pci") && !entries[2].loads("vfio_pci"));
        assert_eq!(entries[2].name_before_arguments(), Some(&b"vfio_pci"[..]));
        let found = lint("/etc/modules", text);
        assert_eq!((found.len(), found[0].code, found[0].line), (1, "module_arguments", 6));
    }

    #[test]
    fn table() {
        for (before, after) in [
            ("", "vfio\nvfio_iommu_type1\nvfio_pci\n"),
            ("# c\n\nloop\n", "# c\n\nloop\nvfio\nvfio_iommu_type1\nvfio_pci\n"),
            ("loop", "loop\nvfio\nvfio_iommu_type1\nvfio_pci"),
            ("# c\r\n", "# c\r\nvfio\r\nvfio_iommu_type1\r\nvfio_pci\r\n"),
            ("vfio\nvfio-iommu-type1\n", "vfio\nvfio-iommu-type1\nvfio_pci\n"),
            ("vfio_pci ids=1:2\n", "vfio_pci ids=1:2\nvfio\nvfio_iommu_type1\nvfio_pci\n"),
        ] {
            assert_eq!(String::from_utf8(present(before.as_bytes(), &VFIO)).unwrap(), after, "{before:?}");
        }
        for (before, after) in [
            ("a\nvfio\nb\n", "a\nb\n"),
            ("a\n  vfio-pci  \r\nvfio_pci ids=1:2\nb", "a\nb"),
            ("a\r\nvfio", "a"),
            ("vfio", ""),
        ] {
            assert_eq!(String::from_utf8(absent(before.as_bytes(), &VFIO)).unwrap(), after, "{before:?}");
        }
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"vfio".to_vec()),
            Just(b"vfio-pci".to_vec()),
            Just(b"loop".to_vec()),
            Just(b"#".to_vec()),
            Just(b" ".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\r".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..4),
        ];
        proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn present_is_idempotent_undone_by_absent_and_in_the_list(x in text()) {
            let once = present(&x, &VFIO);
            prop_assert_eq!(&present(&once, &VFIO), &once);
            for module in VFIO {
                prop_assert!(parse(&once).iter().any(|entry| entry.loads(module)));
            }
            let gone = absent(&once, &VFIO);
            prop_assert_eq!(&absent(&gone, &VFIO), &gone);
            prop_assert!(!parse(&gone).iter().any(|entry| VFIO.iter().any(|module| entry.loads(module))));
            if absent(&x, &VFIO) == x {
                prop_assert_eq!(gone, x);
            }
        }
    }
}
