//! A real terminal, by script(1): colour only there, and no way for a file to speak to it.

use std::fs;
use std::process::{Command, Output};

use proofs::need_program;

use crate::{Host, text};

/// Runs `command` in a terminal of its own.
fn in_terminal(command: &Command, set: &[(&str, &str)]) -> Output {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<String> = words.map(|word| format!("'{}'", word.to_str().expect("UTF-8"))).collect();
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"]);
    script.env_remove("NO_COLOR").env("TERM", "xterm").envs(set.iter().copied());
    script.output().expect("script starts")
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    if need_program("by_hand: colour", "script", "bsdutils").is_none() {
        return;
    }
    let host = Host::new();
    let call = host.vfio_modules(&["--check", "--diff"]);
    let red = |output: &Output| text(output).contains("\u{1b}[32m+vfio");
    for (set, coloured) in [
        (&[][..], true),
        (&[("NO_COLOR", "")], true),
        (&[("NO_COLOR", "1")], false),
        (&[("TERM", "dumb")], false),
    ] {
        let output = in_terminal(&call, set);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert!(text(&output).contains("+vfio"), "{}", text(&output));
        assert_eq!(red(&output), coloured, "{set:?}: {}", text(&output));
        assert_eq!(text(&output).contains('\u{1b}'), coloured, "{set:?}: {}", text(&output));
    }
    let piped = host.vfio_modules(&["--check", "--diff"]).output().expect("it starts");
    assert!(text(&piped).contains("\n+vfio\n") && !text(&piped).contains('\u{1b}'), "{}", text(&piped));
}

#[test]
fn a_file_or_option_cannot_move_the_cursor() {
    if need_program("by_hand: control characters", "script", "bsdutils").is_none() {
        return;
    }
    let host = Host::new();
    let evil = "# \u{1b}]0;title\u{7} \u{1b}[2J\u{9b}31m \u{202e}evil \r hidden\n";
    fs::write(host.path("etc/modules"), evil).expect("a file");
    let output = in_terminal(&host.vfio_modules(&["--check", "--diff"]), &[("NO_COLOR", "1")]);
    let shown = text(&output).replace("\r\n", "\n");
    assert!(
        shown.contains(" # \\u{1b}]0;title\\u{7} \\u{1b}[2J\\u{9b}31m \\u{202e}evil \\u{d} hidden\n"),
        "{shown}"
    );
    let strange = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!shown.contains(strange), "{shown:?}");
    let wrong = in_terminal(&host.vfio_modules(&["state=\u{1b}[31m"]), &[]);
    assert!(text(&wrong).contains("got: \\u{1b}[31m"), "{}", text(&wrong));
}
