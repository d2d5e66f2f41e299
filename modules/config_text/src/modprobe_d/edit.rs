//! Adds and removes `blacklist` and blocking `install` lines; every other byte stays.
//!
//! Laws: an edit twice is the edit once; `absent` after an edit gives the first bytes back where they
//! had none of the lines.

use super::config::{blocks_loading, same_module};
use super::directive::{Content, Directive, Line, parse};
use super::glob;

/// `bytes` with a `blacklist` line for each of `modules`.
///
/// Lines are added at the end, with a bare line feed even where the file uses CRLF: kmod takes a
/// carriage return for a part of the name. A name is one word of letters, digits, `-`, `_`.
pub fn with_blacklist(bytes: &[u8], modules: &[&str]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for module in modules {
        let name = module.replace('-', "_");
        if !parse(&out).iter().any(|line| blacklists(line, &name)) {
            out = with_line(&out, &format!("blacklist {name}"));
        }
    }
    out
}

/// `bytes` with `install MODULE /bin/false` for each of `modules`, which stops `modprobe MODULE` too.
///
/// Only the first matching install line counts, so ours goes before one that loads the module.
pub fn with_install_false(bytes: &[u8], modules: &[&str]) -> Vec<u8> {
    modules.iter().fold(bytes.to_vec(), |out, module| with_install(&out, &module.replace('-', "_")))
}

/// `bytes` without any line that blacklists one of `modules` or keeps it out by `install`. Other
/// install commands (scripts) stay.
pub fn absent(bytes: &[u8], modules: &[&str]) -> Vec<u8> {
    without_lines(bytes, &|line| {
        modules.iter().any(|module| {
            let name = module.replace('-', "_");
            blacklists(line, &name) || blocks(line, &name)
        })
    })
}

/// `bytes` without the unwanted lines.
pub(super) fn without_lines(bytes: &[u8], unwanted: &dyn Fn(&Line) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut last_removed = false;
    for line in parse(bytes) {
        last_removed = unwanted(&line);
        if !last_removed {
            out.extend(bytes.get(line.span).unwrap_or_default());
        }
    }
    // A file without a final newline gets that back: the one before our line was ours.
    if last_removed && !bytes.ends_with(b"\n") && out.ends_with(b"\n") {
        out.pop();
    }
    out
}

fn blacklists(line: &Line, name: &str) -> bool {
    matches!(&line.content, Content::Directive(Directive::Blacklist { module }) if is(module, name))
}

fn blocks(line: &Line, name: &str) -> bool {
    matches!(&line.content, Content::Directive(Directive::Install { module, command })
        if is(module, name) && blocks_loading(command))
}

fn is(module: &[u8], name: &str) -> bool {
    std::str::from_utf8(module).is_ok_and(|module| same_module(module, name))
}

fn with_install(bytes: &[u8], name: &str) -> Vec<u8> {
    let text = format!("install {name} /bin/false");
    let lines = parse(bytes);
    let first = lines.iter().find_map(|line| match &line.content {
        Content::Directive(Directive::Install { module, command })
            if glob::matches(module, name.as_bytes()) =>
        {
            Some((line, blocks_loading(command)))
        }
        _ => None,
    });
    match first {
        Some((_, true)) => bytes.to_vec(),
        Some((line, false)) => inserted(bytes, line.span.start, &text),
        None => with_line(bytes, &text),
    }
}

pub(super) fn with_line(bytes: &[u8], text: &str) -> Vec<u8> {
    match parse(bytes).last() {
        // Whatever is appended after a backslash would join the last line.
        Some(line) if line.open => inserted(bytes, 0, text),
        Some(_) if !bytes.ends_with(b"\n") => [bytes, b"\n", text.as_bytes()].concat(),
        _ => [bytes, text.as_bytes(), b"\n"].concat(),
    }
}

pub(super) fn inserted(bytes: &[u8], at: usize, text: &str) -> Vec<u8> {
    let (before, after) = bytes.split_at_checked(at).unwrap_or((bytes, b""));
    [before, text.as_bytes(), b"\n", after].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present(bytes: &[u8], modules: &[&str], block: bool) -> Vec<u8> {
        let out = with_blacklist(bytes, modules);
        if block { with_install_false(&out, modules) } else { out }
    }

    use crate::modprobe_d::{Config, SourceFile};
    use proptest::prelude::*;

    #[test]
    fn table() {
        for (before, modules, block, after) in [
            ("", vec!["nouveau"], false, "blacklist nouveau\n"),
            ("# c\n", vec!["snd-hda-intel", "a"], false, "# c\nblacklist snd_hda_intel\nblacklist a\n"),
            ("a", vec!["n"], false, "a\nblacklist n"),
            ("a", vec!["n"], true, "a\nblacklist n\ninstall n /bin/false"),
            ("  blacklist\tn-x extra\n", vec!["n_x"], false, "  blacklist\tn-x extra\n"),
            ("blacklist n\r\n", vec!["n"], false, "blacklist n\r\nblacklist n\n"),
            ("options a \\\n", vec!["n"], false, "blacklist n\noptions a \\\n"),
            ("options a \\", vec!["n"], false, "blacklist n\noptions a \\"),
            (
                "install s* /bin/load\n",
                vec!["snd"],
                true,
                "install snd /bin/false\ninstall s* /bin/load\nblacklist snd\n",
            ),
            ("blacklist n\ninstall n /bin/true\n", vec!["n"], true, "blacklist n\ninstall n /bin/true\n"),
        ] {
            assert_eq!(
                String::from_utf8(present(before.as_bytes(), &modules, block)).unwrap(),
                after,
                "{before:?}"
            );
        }
        let x = "blacklist a-b # why\n# keep\ninstall a_b /usr/bin/true\ninstall a_b /sbin/script\nblacklist \\\nc\nblacklist d";
        assert_eq!(absent(x.as_bytes(), &["a-b", "c", "d"]), b"# keep\ninstall a_b /sbin/script");
    }

    /// Bytes that make the reader stumble come up often.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"blacklist ".to_vec()),
            Just(b"install ".to_vec()),
            Just(b"softdep x pre: y".to_vec()),
            Just(b"other".to_vec()),
            Just(b"nou*".to_vec()),
            Just(b" /sbin/run it".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\\".to_vec()),
            Just(b"\\\n".to_vec()),
            Just(b"#".to_vec()),
            Just(b"\0".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..4),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    fn config(bytes: &[u8]) -> Vec<u8> {
        Config::from_files(&[SourceFile { directory: "/d", name: "a.conf", bytes }]).show()
    }

    proptest! {
        #[test]
        fn present_is_idempotent_undone_by_absent_and_in_force(x in text(), block: bool) {
            let modules = ["nouveau", "snd-hda-intel"];
            let once = present(&x, &modules, block);
            prop_assert_eq!(&present(&once, &modules, block), &once);
            let files = [SourceFile { directory: "/d", name: "a.conf", bytes: &once }];
            let effective = Config::from_files(&files);
            for module in modules {
                prop_assert!(effective.is_blacklisted(module));
                let command = effective.install_command(module).map(|(_, c)| c.to_vec());
                prop_assert!(!block || command.is_some_and(|c| blocks_loading(&c)));
            }
            let gone = absent(&once, &modules);
            prop_assert_eq!(&absent(&gone, &modules), &gone);
            let had = absent(&x, &modules) != x;
            if !had {
                prop_assert_eq!(gone, x);
            } else {
                prop_assert!(!config(&gone).windows(9).any(|w| w == b"blacklist "));
            }
        }
    }
}
