//! `/etc/kernel/cmdline`: the kernel command line of hosts that boot by systemd-boot.
//!
//! What its readers do with it: systemd's `90-loaderentry.install` joins all lines with blanks
//! (`tr -s "$IFS" ' '`), so every word becomes a kernel parameter, those of a comment too;
//! proxmox-boot-tool takes the first line alone and refuses one without `root=`
//! (`get_first_line`, `update_esps` in proxmox-kernel-helper). Neither knows quotes: the kernel does.

use thiserror::Error;

use crate::kernel_cmdline::{self, Edit, Wish, is_blank, tokens};

/// Who makes the boot entries from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// `kernel-install`: all lines.
    KernelInstall,
    /// `proxmox-boot-tool`: the first line.
    ProxmoxBootTool,
}

/// A mistake in the file. The line is the one it starts on, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// Several parameters inside one pair of quotes.
    #[error(
        "several parameters stand in one pair of quotes, which the kernel takes for a single parameter; take the quotes out"
    )]
    Quoted {
        /// Where.
        line: usize,
    },
    /// A quote that is not closed: the rest of the line would be one value.
    #[error(
        "a double quote is opened and not closed, so the rest of the line would be one value; close it or take it out"
    )]
    OpenQuote {
        /// Where.
        line: usize,
    },
    /// A comment: the file knows none.
    #[error(
        "this file knows no comments: each word of the line becomes a kernel parameter; take the line out"
    )]
    Comment {
        /// Where.
        line: usize,
    },
    /// Parameters behind the first line.
    #[error(
        "parameters stand on a further line, and proxmox-boot-tool reads the first line alone; put all of them on one line"
    )]
    SecondLine {
        /// Where.
        line: usize,
    },
    /// Parameters behind the first line, which kernel-install does read.
    #[error(
        "parameters stand on a further line: kernel-install joins the lines, proxmox-boot-tool would not; put all of them on one line"
    )]
    JoinedLine {
        /// Where.
        line: usize,
    },
    /// No `root=`: the kernel would find no root file system.
    #[error(
        "has no root= parameter, so the entries made from it would find no root file system; add {}",
        if *.shown { "the root= that /proc/cmdline shows" } else { "root= and the root file system's name" }
    )]
    NoRoot {
        /// Where it belongs.
        line: usize,
        /// Whether the command line in force has one.
        shown: bool,
    },
}

impl Fault {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Fault::Quoted { .. } => "kernel_cmdline_quoted",
            Fault::OpenQuote { .. } => "kernel_cmdline_open_quote",
            Fault::Comment { .. } => "kernel_cmdline_comment",
            Fault::SecondLine { .. } | Fault::JoinedLine { .. } => "kernel_cmdline_second_line",
            Fault::NoRoot { .. } => "kernel_cmdline_no_root",
        }
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        match *self {
            Fault::Quoted { line }
            | Fault::OpenQuote { line }
            | Fault::Comment { line }
            | Fault::SecondLine { line }
            | Fault::JoinedLine { line }
            | Fault::NoRoot { line, .. } => line,
        }
    }

    /// Whether the host boots all the same, with every parameter in force.
    pub fn is_harmless(&self) -> bool {
        matches!(self, Fault::JoinedLine { .. })
    }
}

/// The part of the file that its reader takes for the command line. Line breaks in it are blanks.
pub fn read(text: &[u8], reader: Reader) -> &[u8] {
    match reader {
        Reader::KernelInstall => text,
        Reader::ProxmoxBootTool => first_line(text),
    }
}

/// What is wrong with the file, in the order of the lines.
pub fn check(text: &[u8], reader: Reader) -> Vec<Fault> {
    let part = read(text, reader);
    let line_of = |at: usize| 1 + text[..at].iter().filter(|byte| **byte == b'\n').count();
    let mut faults = Vec::new();
    let found = tokens(part);
    for (index, token) in found.iter().enumerate() {
        let line = line_of(token.start);
        let many = token.raw.first() == Some(&b'"') && token.raw.iter().any(|byte| is_blank(*byte));
        if token.open_quote() {
            faults.push(Fault::OpenQuote { line });
        } else if many || (index == 0 && token.raw.first() == Some(&b'\'')) {
            faults.push(Fault::Quoted { line });
        }
    }
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let Some(first) = line.iter().find(|byte| !is_blank(**byte)) else { continue };
        let comment = *first == b'#';
        match (reader, index) {
            (_, 0) if comment => faults.push(Fault::Comment { line: 1 }),
            (_, 0) => {}
            (Reader::KernelInstall, _) if comment => faults.push(Fault::Comment { line: index + 1 }),
            (Reader::KernelInstall, _) => faults.push(Fault::JoinedLine { line: index + 1 }),
            // What nobody reads may say anything.
            (Reader::ProxmoxBootTool, _) if comment => {}
            (Reader::ProxmoxBootTool, _) => faults.push(Fault::SecondLine { line: index + 1 }),
        }
    }
    // Where quotes or comments are wrong, they are why no root= is found.
    let explained = faults.iter().any(|fault| !fault.is_harmless());
    if !explained && !has_root(part) {
        faults.push(Fault::NoRoot { line: 1, shown: false });
    }
    faults.sort_by_key(Fault::line);
    faults
}

/// The mistakes in the file's text. A machine that runs without `root=` (`running` is its command line) finds its
/// root file system otherwise - by partition types, or by what its initramfs knows - so for it that is
/// none; proxmox-boot-tool does not take such a line at all.
pub fn faults(text: &[u8], reader: Reader, running: Option<&str>) -> Vec<Fault> {
    let rooted = running.map(|line| has_root(line.as_bytes()));
    let runs_without = reader == Reader::KernelInstall && rooted == Some(false);
    let told = |fault: Fault| match fault {
        Fault::NoRoot { .. } if runs_without => None,
        Fault::NoRoot { line, .. } => Some(Fault::NoRoot { line, shown: rooted == Some(true) }),
        other => Some(other),
    };
    check(text, reader).into_iter().filter_map(told).collect()
}

/// Whether the command line names a root file system.
pub fn has_root(line: &[u8]) -> bool {
    tokens(line).iter().any(|token| token.key() == b"root" && token.value().is_some_and(|v| !v.is_empty()))
}

/// Brings the file to the wish. Every byte outside the touched tokens stays, and so does what its
/// reader does not read.
pub fn edit(text: &[u8], reader: Reader, wish: &Wish) -> (Vec<u8>, Edit) {
    let part = read(text, reader);
    let (mut new, edit) = kernel_cmdline::rewrite(part, wish);
    new.extend_from_slice(&text[part.len()..]);
    (new, edit)
}

fn first_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(present: &[&str], remove: &[&str]) -> Wish {
        Wish::new(present, remove, true).unwrap()
    }

    #[test]
    fn the_line_and_nothing_else_is_edited() {
        use Reader::{KernelInstall, ProxmoxBootTool};
        for (text, reader, want) in [
            ("root=/dev/sda2 quiet\n", KernelInstall, "root=/dev/sda2 quiet intel_iommu=on\n"),
            ("root=/dev/sda2 quiet", KernelInstall, "root=/dev/sda2 quiet intel_iommu=on"),
            (
                "root=ZFS=rpool/ROOT/pve-1  boot=zfs \n\n",
                ProxmoxBootTool,
                "root=ZFS=rpool/ROOT/pve-1  boot=zfs intel_iommu=on \n\n",
            ),
            ("root=a ro\r\n", KernelInstall, "root=a ro intel_iommu=on\r\n"),
            ("root=a ro\r\n", ProxmoxBootTool, "root=a ro intel_iommu=on\r\n"),
            ("root=a intel_iommu=off iommu=off ro\n", KernelInstall, "root=a intel_iommu=on ro\n"),
            ("root=a\nquiet\n", KernelInstall, "root=a\nquiet intel_iommu=on\n"),
            ("root=a\n# note\n", ProxmoxBootTool, "root=a intel_iommu=on\n# note\n"),
            ("root=a -- single\n", KernelInstall, "root=a intel_iommu=on -- single\n"),
        ] {
            let (new, _) = edit(text.as_bytes(), reader, &wish(&["intel_iommu=on"], &[]));
            assert_eq!(String::from_utf8_lossy(&new), want);
            let (again, edit) = edit_again(&new, reader);
            assert!(edit.is_noop() && again == new, "{want}");
        }
    }

    fn edit_again(text: &[u8], reader: Reader) -> (Vec<u8>, Edit) {
        edit(text, reader, &wish(&["intel_iommu=on"], &[]))
    }

    #[test]
    fn the_usual_mistakes_have_a_code_and_a_line() {
        use Reader::{KernelInstall, ProxmoxBootTool};
        /// Text, reader, and each fault's code and line.
        type Case = (&'static str, Reader, &'static [(&'static str, usize)]);
        let table: &[Case] = &[
            ("root=/dev/sda2 ro quiet\n", KernelInstall, &[]),
            ("root=ZFS=rpool/ROOT/pve-1 boot=zfs\n", ProxmoxBootTool, &[]),
            ("root=a dyndbg=\"file a.c +p\"", KernelInstall, &[]),
            ("\"root=a\" ro", KernelInstall, &[]),
            ("\"root=/dev/sda2 ro quiet\"\n", KernelInstall, &[("kernel_cmdline_quoted", 1)]),
            ("'root=/dev/sda2 ro quiet'\n", ProxmoxBootTool, &[("kernel_cmdline_quoted", 1)]),
            ("root=a \"quiet splash\n", KernelInstall, &[("kernel_cmdline_open_quote", 1)]),
            ("quiet\n", KernelInstall, &[("kernel_cmdline_no_root", 1)]),
            ("", ProxmoxBootTool, &[("kernel_cmdline_no_root", 1)]),
            ("root=\n", ProxmoxBootTool, &[("kernel_cmdline_no_root", 1)]),
            ("\nroot=a\n", ProxmoxBootTool, &[("kernel_cmdline_second_line", 2)]),
            ("root=a\nquiet\n", ProxmoxBootTool, &[("kernel_cmdline_second_line", 2)]),
            ("root=a\nquiet\n", KernelInstall, &[("kernel_cmdline_second_line", 2)]),
            (
                "# root=b\nroot=a\n",
                KernelInstall,
                &[("kernel_cmdline_comment", 1), ("kernel_cmdline_second_line", 2)],
            ),
            ("root=a\n\n  # note\n", KernelInstall, &[("kernel_cmdline_comment", 3)]),
            ("root=a\n# note\n", ProxmoxBootTool, &[]),
            (
                "GRUB_CMDLINE_LINUX_DEFAULT=\"root=a quiet\"\n",
                KernelInstall,
                &[("kernel_cmdline_no_root", 1)],
            ),
        ];
        for (text, reader, want) in table {
            let found = check(text.as_bytes(), *reader);
            let found: Vec<_> = found.iter().map(|fault| (fault.code(), fault.line())).collect();
            assert_eq!(found, *want, "{text:?} {reader:?}");
        }
        let hint = |running| faults(b"quiet\n", KernelInstall, running).first().map(ToString::to_string);
        assert!(hint(Some("root=a")).unwrap().contains("/proc/cmdline"));
        assert!(!hint(None).unwrap().contains("/proc/cmdline"));
        assert_eq!(hint(Some("quiet")), None);
        assert!(check(b"root=a\nro", KernelInstall)[0].is_harmless());
        assert!(!check(b"root=a\nro", ProxmoxBootTool)[0].is_harmless());
    }
}
