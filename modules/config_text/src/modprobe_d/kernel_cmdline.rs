//! What kmod takes from the kernel command line: `modprobe.blacklist=` and `MODULE.OPTION=VALUE`.

use super::directive::Directive;

enum State {
    Module,
    Option,
    Value,
    Skip,
}

/// The directives in a kernel command line (`/proc/cmdline`).
///
/// Names in `modprobe.blacklist=` are not normalised: with a `-` in it, such a name matches nothing.
pub(super) fn directives(cmdline: &[u8]) -> Vec<Directive> {
    let mut out = Vec::new();
    let mut token = Vec::new();
    let mut quoted = false;
    // A line feed at the end closes the last token.
    for &byte in cmdline.iter().chain(b"\n") {
        quoted ^= byte == b'"';
        let space = matches!(byte, b' ' | b'\n' | b'\t' | b'\r' | 0x0b | 0x0c | 0);
        if !space || (quoted && byte != 0) {
            token.push(byte);
            continue;
        }
        out.extend(directive(&token));
        token.clear();
        if byte == 0 {
            break;
        }
    }
    out
}

fn directive(token: &[u8]) -> Vec<Directive> {
    // A boot loader may quote the whole token: "a.b=c d" stands for a.b="c d".
    let (whole, token) = match token.strip_prefix(b"\"") {
        Some(rest) => (true, rest),
        None => (false, token),
    };
    let mut state = State::Module;
    let (mut module, mut option, mut value) = (Vec::new(), Vec::new(), Vec::new());
    for &byte in token {
        match (&state, byte) {
            (State::Module, b'.') => state = State::Option,
            (State::Module, b'=' | b'"') | (State::Option, b'.' | b'"') => state = State::Skip,
            (State::Option, b'=') => state = State::Value,
            // kmod allows blanks in the value only.
            (State::Module | State::Option, b' ' | b'\t') => state = State::Skip,
            (State::Module, other) => module.push(other),
            (State::Option, other) => option.push(other),
            (State::Value, other) => value.push(other),
            (State::Skip, _) => {}
        }
    }
    let has_value = matches!(state, State::Value);
    if matches!(state, State::Module | State::Skip) {
        return Vec::new();
    }
    if module == b"modprobe" && option == b"blacklist" && has_value {
        let names = value.split(|&b| b == b',');
        return names.map(|name| Directive::Blacklist { module: name.to_vec() }).collect();
    }
    if has_value {
        option.push(b'=');
        if whole {
            option.push(b'"');
        }
        option.extend(value);
    }
    let module = module.into_iter().map(|b| if b == b'-' { b'_' } else { b }).collect();
    vec![Directive::Options { module, options: option }]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compared with kmod 30 and this text in the place of `/proc/cmdline`.
    #[test]
    fn as_kmod_reads_it() {
        let line = b"quiet a=b.c modprobe.blacklist=snd-hda-intel,b vfio-pci.ids=a:b \"x.y=a b\" x.z=\"c d\" foo.bar \
            q\"uo.te=1 x.y\"=3 -- --addr 0.0.0.0:1\n";
        let shown: Vec<String> = directives(line)
            .into_iter()
            .map(|d| match d {
                Directive::Blacklist { module } => format!("blacklist {}", String::from_utf8_lossy(&module)),
                Directive::Options { module, options } => {
                    format!("{} {}", String::from_utf8_lossy(&module), String::from_utf8_lossy(&options))
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            shown,
            [
                "blacklist snd-hda-intel",
                "blacklist b",
                "vfio_pci ids=a:b",
                "x y=\"a b\"",
                "x z=\"c d\"",
                "foo bar"
            ]
        );
        assert!(directives(b"").is_empty());
    }
}
