//! Files that nobody wrote: what we claim about them has to be true, though we may claim less.

use config_text::grub_default::{self, CMDLINE, CMDLINE_DEFAULT, File, Settings, Target};
use config_text::kernel_cmdline::Wish;
use config_text::shell_assignment::Dialect;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::sandbox::Sandbox;
use super::{DEMANDS, MAIN, NONE, OWN, applied, words};

/// Pieces that files like these are made of, put together at random.
fn fragment() -> impl Strategy<Value = String> {
    let value = prop::collection::vec(
        prop::sample::select(vec![
            "quiet",
            "splash",
            " ",
            "  ",
            "\t",
            "intel_iommu=on",
            "intel_iommu=off",
            "iommu=pt",
            "a=b,c",
            "\\ ",
            "\\\"",
            "\"",
            "'",
            "$",
            "$X",
            "${X}",
            "$GRUB_CMDLINE_LINUX_DEFAULT",
            "`echo`",
            "$(:)",
            "#",
            "~",
            "\\\n",
            "\n",
            "\\",
            "é",
            "\r",
            ";",
            "&",
            "x=~",
            "\\$",
            "{",
            "}",
            "!",
            "*",
            "--",
            "${X:-y}",
        ]),
        0..7,
    )
    .prop_map(|parts| parts.concat());
    let quoted = (value, prop::sample::select(vec!["", "\"", "'"])).prop_map(|(v, q)| format!("{q}{v}{q}"));
    let name = prop::sample::select(vec![CMDLINE_DEFAULT, CMDLINE_DEFAULT, CMDLINE, "X"]);
    let assign =
        (name, quoted, prop::sample::select(vec!["", "export ", "  ", "\t", "A=1 ", "f ", ": ", "! "]))
            .prop_map(|(name, value, before)| format!("{before}{name}={value}"));
    let wrapped = (
        assign.clone(),
        prop::sample::select(vec![
            ("", ""),
            ("", " # note"),
            ("if [ -n \"$X\" ]; then ", "; fi"),
            ("f() { ", "; }"),
            ("( ", " )"),
            ("{ ", "; }"),
            ("true && ", ""),
            ("", " | :"),
            ("for i in a b; do ", "; done"),
            ("case a in a) ", ";; esac"),
            ("eval \"", "\""),
            ("", "; f"),
            ("# ", ""),
            ("cat <<E >/dev/null\n", "\nE"),
            ("while false; do ", "; done"),
            ("", " >/dev/null"),
            ("tru\\\ne &\\\n& ", ""),
            ("i\\\nf :; th\\\nen ", " 2\\\n>/dev/null; fi"),
        ]),
    )
        .prop_map(|(assign, (before, behind))| format!("{before}{assign}{behind}"));
    let other = prop::sample::select(vec![
        "",
        "f",
        "return",
        "unset GRUB_CMDLINE_LINUX_DEFAULT",
        "stray words here",
        "X=`echo a`",
        "X=$(echo \"(\")",
        "fi",
        "}",
        "esac",
        "read X </dev/null",
        "X=$((1+2))",
        "GRUB_CMDLINE_LINUX_DEFAULT = \"x\"",
        "false || X=2",
        "export GRUB_CMDLINE_LINUX_DEFAULT",
        "f() {\n:\n}",
        "set -- a b",
        "return 0",
        "unset X GRUB_CMDLINE_LINUX",
        "[[ a < b && ( -n $X ) ]] && X=1",
        "X=(1 2)",
        "((X = 1))",
        "GRUB_CMDLINE_LINUX_DEFAULT+=\" more\"",
        "GRUB_CMDLINE_LINUX_DEFAULT+=more",
        "X=$'a b'",
        "export X=(1 2)",
        "function f { GRUB_CMDLINE_LINUX_DEFAULT=f; }",
        "declare GRUB_CMDLINE_LINUX_DEFAULT=d",
    ])
    .prop_map(str::to_string);
    prop_oneof![2 => assign, 2 => wrapped, 1 => other]
}

/// Made-up files that were once read or edited wrongly.
const FOUND: &[&str] = &[
    "GRUB_CMDLINE_LINUX_DEFAULT=\rquiet\nGRUB_CMDLINE_LINUX_DEFAULT=é$GRUB_CMDLINE_LINUX_DEFAULT\\$",
    "export GRUB_CMDLINE_LINUX_DEFAULT=\\; X=(1 2)",
    "A=b declare X=(1 2) GRUB_CMDLINE_LINUX_DEFAULT=quiet",
    "GRUB_CMDLINE_LINUX_DEFAULT=quiet export GRUB_CMDLINE_LINUX_DEFAULT+=(1 2)",
    "exp\\\nort X=\\\n(1 2); GRUB_CMDLINE_LINUX_DEFAULT=quiet",
    "GRUB_CMDLINE_LINUX_DEFAULT=quiet; \"export\" X=(1 2)",
    "GRUB_CMDLINE_LINUX_DEFAULT=quiet; export X=a(1 2)",
    "GRUB_CMDLINE_LINUX_DEFAULT=quiet; echo X=(1 2)",
    "GRUB_CMDLINE_LINUX_DEFAULT=\\\n~",
    "GRUB_CMDLINE_LINUX_DEFAULT=a=\\\n\\\n~",
    "  GRUB_CMDLINE_LINUX=$Xx=~ \\",
    "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on$GRUB_CMDLINE_LINUX_DEFAULT a=b,c\"",
    "if [ -n \"$X\" ]; then GRUB_CMDLINE_LINUX_DEFAULT=${${X}; fi",
    "GRUB_CMDLINE_LINUX_DEFAULT=\"${#X}${#}${$}${-}${@}${*:-}\"",
    "GRUB_CMDLINE_LINUX_DEFAULT=quiet\nexport GRUB_CMD\\\nLINE_LINUX_DEFAULT=x",
    "export GRUB_CMDLINE_LINUX_DEFAULT\\\n=x",
    "GRUB_CMDLINE_LINUX_DEFAULT=q\nGRUB_CMDLINE_LINUX_DEFAULT+\\\n=\"x\"",
    "export GRUB_CMDLINE_LINUX_DEFAULT+\\\n=x",
    ": <<E\\\nF\nfoo\\\nEF\nGRUB_CMDLINE_LINUX_DEFAULT=x\nEF",
    "GRUB_CMDLINE_LINUX_DEFAULT=\"\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"iommu=off $GRUB_CMDLINE_LINUX_DEFAULT b\"",
    "GRUB_CMDLINE_LINUX_DEFAULT=\"\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on iommu=pt$GRUB_CMDLINE_LINUX_DEFAULT b\"",
    "GRUB_CMDLINE_LINUX_DEFAULT=a\nif :; then GRUB_CMDLINE_LINUX_DEFAULT=\"${GRUB_CMDLINE_LINUX_DEFAULT}intel_iommu=off$GRUB_CMDLINE_LINUX_DEFAULT\"; fi",
    "{   GRUB_CMDLINE_LINUX_DEFAULT=quiet quiet\\\nintel_iommu=on; }",
    "GRUB_CMDLINE_LINUX_DEFAULT=intel_iommu=on\\ ~",
    "GRUB_CMDLINE_LINUX_DEFAULT=''~\\\"\\'",
    "GRUB_CMDLINE_LINUX_DEFAULT=\r~\\\"",
    "GRUB_CMDLINE_LINUX_DEFAULT=intel_iommu=on\\ iommu=pt\\ ~",
    "[\\\n[ a == b ]\\\n] || GRUB_CMDLINE_LINUX_DEFAULT=x",
    "function f ( ) { GRUB_CMDLINE_LINUX_DEFAULT=x; }\nf",
    "GRUB_CMDLINE_LINUX_DEFAULT=\"a $X iommu=pt$X$X b\"",
    "GRUB_CMDLINE_LINUX_DEFAULT=&\\\n&\nGRUB_CMDLINE_LINUX_DEFAULT=",
    "i\\\nf tru\\\ne|\\\n| false; th\\\nen GRUB_CMDLINE_LINUX_DEFAULT=\"${X\\\n:\\\n=y}\"; fi\\\n; X=$\\\n(\\\n(1))",
    "case a in a) :;\\\n; esa\\\nc 2\\\n>\\\n>/dev/null\nGRUB_CMDLINE_LINUX_DEFAULT=quiet",
];

#[test]
fn made_up_files_are_read_and_edited_as_dash_does() {
    made_up_files("made-up grub files, dash", Dialect::Posix);
}

#[test]
fn made_up_files_are_read_and_edited_as_bash_does() {
    made_up_files("made-up grub files, bash", Dialect::Bash);
}

fn made_up_files(proof: &str, dialect: Dialect) {
    let Some(sandbox) = Sandbox::new(proof, dialect) else { return };
    for text in FOUND {
        let files = [File { name: MAIN.into(), bytes: text.as_bytes().to_vec() }];
        for own_file in [MAIN, OWN] {
            let target = Target { variable: CMDLINE_DEFAULT, own_file };
            made_up(&sandbox, &files, target).unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
        }
    }
    let file = (
        prop::collection::vec(fragment(), 1..6),
        prop::sample::select(vec!["\n", "\n", "\r\n", "; "]),
        any::<bool>(),
    )
        .prop_map(|(lines, end, last)| lines.join(end) + if last { end } else { "" })
        // Without end: the shell gives up when its stack does, at any time.
        .prop_filter("a function that calls itself", |text| !text.contains("f() { f "));
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&(file, any::<bool>()), |(text, in_main)| {
        let files = [File { name: MAIN.into(), bytes: text.into_bytes() }];
        let target = Target { variable: CMDLINE_DEFAULT, own_file: if in_main { MAIN } else { OWN } };
        match made_up(&sandbox, &files, target) {
            Ok(()) => Ok(()),
            Err(fault) => Err(TestCaseError::fail(fault)),
        }
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// A file that nobody wrote: what we claim about it must be true, though we may claim less.
fn made_up(sandbox: &Sandbox, files: &[File], target: Target) -> Result<(), String> {
    let settings = |files| Settings { files, dialect: sandbox.dialect };
    let before = sandbox.values(files);
    let seen = match (grub_default::effective(&settings(files)), &before) {
        (Ok(seen), Some(_)) => seen,
        (Err(grub_default::Refusal::Syntax { .. }), Some(values)) => {
            return Err(format!("refused, but the shell reads {values:?}"));
        }
        // What fails only when it runs (`${X:?}`, a `.` of a missing file) is not for a reader to find.
        _ => return Ok(()),
    };
    let before = before.ok_or("unreachable")?;
    if let Some(cmdline) = &seen.cmdline
        && words(Some(cmdline)) != words(Some(&before.entry()))
    {
        return Err(format!("read as {cmdline:?}, but the shell has {before:?}"));
    }
    let demand = &DEMANDS[1];
    let wish = Wish::new(demand.present, NONE, true).expect("a good wish");
    // Refusing is always honest; what is edited has to be right.
    let Ok(outcome) = grub_default::edit(&settings(files), target, &wish) else { return Ok(()) };
    let edited = applied(files, &outcome.changes);
    let after = sandbox.values(&edited).ok_or("the shell gives the edited file up")?;
    if seen.computed.is_empty() {
        demand.judge(&before, &after).map_err(|fault| format!("{fault}: {edited:?}, {after:?}"))?;
    }
    let again = grub_default::edit(&settings(&edited), target, &wish)
        .map_err(|error| format!("second run: {error}"))?;
    if !again.changes.is_empty() {
        return Err(format!("a second run changes {edited:?}"));
    }
    let undo = Wish::new(NONE, demand.present, false).expect("a good wish");
    let undone =
        grub_default::edit(&settings(&edited), target, &undo).map_err(|error| format!("absent: {error}"))?;
    let restored = applied(&edited, &undone.changes);
    if seen.computed.is_empty() && demand.untouched_by(&before) && restored != files {
        return Err(format!("absent makes {restored:?} of {edited:?}"));
    }
    Ok(())
}
