//! `/etc/default/grub` as people write it: what an edit makes of it, byte by byte, and back.

use config_text::grub_default::{
    CMDLINE, CMDLINE_DEFAULT, Change, File, Outcome, Refusal, Settings, Target, edit, effective,
};
use config_text::kernel_cmdline::Wish;
use config_text::shell_assignment::Dialect;

const MAIN: &str = "/etc/default/grub";
const OWN: &str = "/etc/default/grub.d/zz-pci-passthrough.cfg";
const NONE: &[&str] = &[];

fn files(contents: &[(&str, &str)]) -> Vec<File> {
    contents
        .iter()
        .map(|(name, text)| File { name: (*name).into(), bytes: text.as_bytes().to_vec() })
        .collect()
}

fn run(files: &[File], own: &str, dialect: Dialect, wish: &Wish) -> Result<Outcome, Refusal> {
    edit(&Settings { files, dialect }, Target { variable: CMDLINE_DEFAULT, own_file: own }, wish)
}

fn present(tokens: &[&str]) -> Wish {
    Wish::new(tokens, NONE, true).expect("a good wish")
}

fn absent(tokens: &[&str]) -> Wish {
    Wish::new(NONE, tokens, false).expect("a good wish")
}

/// The files after the changes.
fn after(files: &[File], changes: &[Change]) -> Vec<File> {
    let mut result = files.to_vec();
    for change in changes {
        result.retain(|file| file.name != change.name);
        if let Some(bytes) = &change.after {
            result.push(File { name: change.name.clone(), bytes: bytes.clone() });
        }
    }
    result.sort_by(|a, b| (a.name != MAIN, &a.name).cmp(&(b.name != MAIN, &b.name)));
    result
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Adds `tokens` to a main file that stands alone; checks that a second run changes nothing.
fn added(main: &str, tokens: &[&str]) -> String {
    let before = files(&[(MAIN, main)]);
    let wish = present(tokens);
    let outcome = run(&before, MAIN, Dialect::Posix, &wish).expect(main);
    let files = after(&before, &outcome.changes);
    let again = run(&files, MAIN, Dialect::Posix, &wish).expect("a second run");
    assert_eq!(again.changes, [], "{main:?}");
    assert_eq!(files.len(), 1);
    text(&files[0].bytes)
}

/// [`added`], and `absent` gives the first bytes back.
fn added_and_back(main: &str, tokens: &[&str]) -> String {
    let result = added(main, tokens);
    let edited = files(&[(MAIN, &result)]);
    let outcome = run(&edited, MAIN, Dialect::Posix, &absent(tokens)).expect("absent");
    let restored = after(&edited, &outcome.changes);
    assert_eq!(text(&restored[0].bytes), main, "through {result:?}");
    result
}

#[test]
fn in_place_whatever_the_quoting() {
    let cases = [
        ("GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\n"),
        ("GRUB_CMDLINE_LINUX_DEFAULT=\"\"\n", "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on\"\n"),
        ("GRUB_CMDLINE_LINUX_DEFAULT=''\n", "GRUB_CMDLINE_LINUX_DEFAULT='intel_iommu=on'\n"),
        ("GRUB_CMDLINE_LINUX_DEFAULT=\n", "GRUB_CMDLINE_LINUX_DEFAULT=intel_iommu=on\n"),
        ("GRUB_CMDLINE_LINUX_DEFAULT=", "GRUB_CMDLINE_LINUX_DEFAULT=intel_iommu=on"),
        ("GRUB_CMDLINE_LINUX_DEFAULT=quiet\n", "GRUB_CMDLINE_LINUX_DEFAULT=quiet\\ intel_iommu=on\n"),
        ("GRUB_CMDLINE_LINUX_DEFAULT='quiet'", "GRUB_CMDLINE_LINUX_DEFAULT='quiet intel_iommu=on'"),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet \" \n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on \" \n",
        ),
        ("GRUB_CMDLINE_LINUX_DEFAULT=\"  \"\n", "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on  \"\n"),
        (
            "\texport GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\" # why\n",
            "\texport GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\" # why\n",
        ),
        (
            "A=1 GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\";B=2\n",
            "A=1 GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\";B=2\n",
        ),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\r\nX=1\r\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\r\nX=1\r\n",
        ),
        ("GRUB_CMDLINE_LINUX_DEFAULT=\r\n", "GRUB_CMDLINE_LINUX_DEFAULT=intel_iommu=on\r\n"),
        ("GRUB_CMDLINE_LINUX_DEFAULT=\"\"\r\n", "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on\"\r\n"),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet \\\n  splash\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet \\\n  splash intel_iommu=on\"\n",
        ),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\nsplash\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\nsplash intel_iommu=on\"\n",
        ),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\\\n\"quiet\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\\\n\"quiet intel_iommu=on\"\n",
        ),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\"qu\"iet' splash'\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"qu\"iet' splash intel_iommu=on'\n",
        ),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\"dyndbg=\\\"file a +p\\\"\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"dyndbg=\\\"file a +p\\\" intel_iommu=on\"\n",
        ),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet -- single\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on -- single\"\n",
        ),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\" -- single\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\" intel_iommu=on -- single\"\n",
        ),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\"a b=\\\"c d\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"a intel_iommu=on b=\\\"c d\"\n",
        ),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\"b=\\\"c d\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on b=\\\"c d\"\n",
        ),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\"old\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"old\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\n",
        ),
        (
            "#GRUB_CMDLINE_LINUX_DEFAULT=\"x\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"a\\tb\"\n",
            "#GRUB_CMDLINE_LINUX_DEFAULT=\"x\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"a\\tb intel_iommu=on\"\n",
        ),
    ];
    for (before, expected) in cases {
        assert_eq!(added_and_back(before, &["intel_iommu=on"]), expected);
    }
}

/// The blank in front of the added tokens is another assignment's, and no byte of it goes with them.
#[test]
fn blanks_of_another_assignment_stay_and_ours_go() {
    let cases = [
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\\\"quiet\nGRUB_CMDLINE_LINUX_DEFAULT=\";\n$GRUB_CMDLINE_LINUX_DEFAULT\"",
            "GRUB_CMDLINE_LINUX_DEFAULT=intel_iommu=on\\ iommu=pt\\ \\\"quiet\n\
             GRUB_CMDLINE_LINUX_DEFAULT=\";\n$GRUB_CMDLINE_LINUX_DEFAULT\"",
        ),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT='b=\"c d'\n\
             GRUB_CMDLINE_LINUX_DEFAULT=\"quiet  $GRUB_CMDLINE_LINUX_DEFAULT\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT='intel_iommu=on iommu=pt b=\"c d'\n\
             GRUB_CMDLINE_LINUX_DEFAULT=\"quiet  $GRUB_CMDLINE_LINUX_DEFAULT\"\n",
        ),
        (
            "GRUB_CMDLINE_LINUX_DEFAULT=\" \"\n\
             GRUB_CMDLINE_LINUX_DEFAULT=\"x ${GRUB_CMDLINE_LINUX_DEFAULT}y\"\n",
            "GRUB_CMDLINE_LINUX_DEFAULT=\" \"\n\
             GRUB_CMDLINE_LINUX_DEFAULT=\"x ${GRUB_CMDLINE_LINUX_DEFAULT}intel_iommu=on iommu=pt y\"\n",
        ),
    ];
    for (before, after) in cases {
        assert_eq!(added_and_back(before, &["intel_iommu=on", "iommu=pt"]), after);
    }
}

#[test]
fn code_elsewhere_does_no_harm() {
    let line = "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n";
    let around = [
        ("GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\n", ""),
        ("GRUB_DISTRIBUTOR=\"$(sed 's, release .*$,,g' /etc/system-release)\"\n", ""),
        ("GRUB_DISTRIBUTOR=`( . /etc/os-release && echo ${NAME} )`\n", ""),
        ("X=\"$(unset Y; (. /etc/lsb-release; echo ${Y:?}) 2>/dev/null || echo Debian)\"\n", ""),
        ("", "if [ -f /x ]; then GRUB_TIMEOUT=0; else GRUB_TIMEOUT=1; fi\n"),
        ("", "for i in 1 2; do echo \"$i\"; done\nwhile false; do :; done\n"),
        ("", "case \"$X\" in a|b) Y=1 ;; (*) Y=2;; esac\n"),
        ("f() {\n  GRUB_TIMEOUT=\"$1\"\n}\n", "f 5\n"),
        ("cat > /dev/null <<EOF\nGRUB_CMDLINE_LINUX_DEFAULT=\"no\"\nit's \"open\nEOF\n", ""),
        ("", "( GRUB_CMDLINE_LINUX_DEFAULT=no )\necho a | GRUB_CMDLINE_LINUX_DEFAULT=no\n"),
        ("", "GRUB_CMDLINE_LINUX_DEFAULT = \"x\"\n"),
        ("", "GRUB_CMDLINE_LINUX_DEFAULT=x command_of_its_own\n"),
        ("echo '`$(' \"it's\" \\\" # \"'\n", "exec 3>&1\n"),
        ("X=$((1 + (2 * 3)))\n", "[ -n \"$X\" ] && Y=1\n"),
        ("X=${Y:-\"a}b\"}\n", "export GRUB_TIMEOUT GRUB_CMDLINE_LINUX_DEFAULT\n"),
    ];
    for (before, behind) in around {
        let main = format!("{before}{line}{behind}");
        let expected = format!("{before}GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\n{behind}");
        assert_eq!(added_and_back(&main, &["intel_iommu=on"]), expected);
    }
}

#[test]
fn a_line_of_our_own_where_the_value_is_computed() {
    let ours = "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on iommu=pt\" # pci.passthrough\n";
    let computed = [
        "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet $(cat /x)\"\n",
        "GRUB_CMDLINE_LINUX_DEFAULT=`echo quiet`\n",
        "X=y\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet $X\"\n",
        "if true; then\n  GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nfi\n",
        "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n[ -e /x ] && GRUB_CMDLINE_LINUX_DEFAULT=splash\n",
        "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n. /etc/other\n",
        "GRUB_CMDLINE_LINUX_DEFAULT=quiet\neval \"$X\"\n",
        "add() { GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT $*\"; }\nGRUB_CMDLINE_LINUX_DEFAULT=quiet\nadd splash\n",
        "add() { GRUB_CMDLINE_LINUX_DEFAULT=x; }\nmore() { add; }\nGRUB_CMDLINE_LINUX_DEFAULT=quiet\nmore\n",
        "GRUB_CMDLINE_LINUX_DEFAULT=quiet\nread GRUB_CMDLINE_LINUX_DEFAULT < /x\n",
        ": ${GRUB_CMDLINE_LINUX_DEFAULT:=quiet}\n",
        "GRUB_CMDLINE_LINUX_DEFAULT=~/x\n",
        "GRUB_CMDLINE_LINUX_DEFAULT=quiet\nfor GRUB_CMDLINE_LINUX_DEFAULT in a b; do :; done\n",
    ];
    for main in computed {
        let result = added_and_back(main, &["intel_iommu=on", "iommu=pt"]);
        assert_eq!(result, format!("{main}{ours}"));
        let seen =
            effective(&Settings { files: &files(&[(MAIN, main)]), dialect: Dialect::Posix }).expect(main);
        assert_eq!(seen.cmdline, None, "{main}");
        assert!(seen.computed.iter().any(|computed| computed.variable == CMDLINE_DEFAULT), "{main}");
    }
    let unset = [
        ("GRUB_CMDLINE_LINUX=\"rhgb\"\n", "\n"),
        ("GRUB_CMDLINE_LINUX=\"rhgb\"", ""),
        ("GRUB_CMDLINE_LINUX_DEFAULT=x\nunset GRUB_CMDLINE_LINUX_DEFAULT\n", "\n"),
    ];
    for (main, end) in unset {
        let between = if end.is_empty() { "\n" } else { "" };
        let expected =
            format!("{main}{between}GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on\" # pci.passthrough{end}");
        assert_eq!(added_and_back(main, &["intel_iommu=on"]), expected);
    }
    assert_eq!(added_and_back("", &["a"]), "GRUB_CMDLINE_LINUX_DEFAULT=\"a\" # pci.passthrough\n");
}

#[test]
fn what_is_there_counts_wherever_it_stands() {
    let cases: &[(&str, &[&str], &str)] = &[
        ("D=\"a intel_iommu=on b\"", &["intel_iommu=on"], "D=\"a intel_iommu=on b\""),
        ("D=\"intel_iommu=on b intel_iommu=on\"", &["intel_iommu=on"], "D=\"intel_iommu=on b\""),
        ("D=\"a intel_iommu=off b\"", &["intel_iommu=on"], "D=\"a intel_iommu=on b\""),
        ("D=\"a intel_iommu=on,sm_on\"", &["intel_iommu=on"], "D=\"a intel_iommu=on,sm_on\""),
        ("D=\"intel_iommu=igfx_off\"", &["intel_iommu=on"], "D=\"intel_iommu=igfx_off intel_iommu=on\""),
        ("D=\"intel_iommu=off,igfx_off\"", &["intel_iommu=on"], "D=\"intel_iommu=igfx_off intel_iommu=on\""),
        ("D=\"amd_iommu=off iommu=off a\"", &["intel_iommu=on"], "D=\"a intel_iommu=on\""),
        ("D=\"iommu=off\"", &["intel_iommu=on"], "D=\"intel_iommu=on\""),
        ("D=\"iommu=1 iommu=noforce\"", &["iommu=pt"], "D=\"iommu=1 iommu=noforce iommu=pt\""),
        ("D=\"iommu=nopt\"", &["iommu=pt"], "D=\"iommu=pt\""),
        ("D=\"iommu.passthrough=0\"", &["iommu=pt"], "D=\"iommu=pt\""),
        ("D=\"default_hugepagesz=2M x\"", &["default_hugepagesz=1G"], "D=\"default_hugepagesz=1G x\""),
        ("D=\"vfio_pci.ids=1:2 x\"", &["vfio-pci.ids=3:4"], "D=\"vfio-pci.ids=3:4 x\""),
        (
            "D=\"x\"\nL=\"iommu=on,igfx_off intel_iommu=on y\"",
            &["intel_iommu=on"],
            "D=\"x\"\nL=\"iommu=on,igfx_off intel_iommu=on y\"",
        ),
        ("D=\"x\"\nL=\"intel_iommu=off y\"", &["intel_iommu=on"], "D=\"x\"\nL=\"intel_iommu=on y\""),
        (
            "D=\"x intel_iommu=on\"\nL=\"a intel_iommu=on y\"",
            &["intel_iommu=on"],
            "D=\"x intel_iommu=on\"\nL=\"a y\"",
        ),
    ];
    let full = |short: &str| {
        short.replace("D=\"", "GRUB_CMDLINE_LINUX_DEFAULT=\"").replace("L=\"", "GRUB_CMDLINE_LINUX=\"")
    };
    for (before, tokens, expected) in cases {
        assert_eq!(added(&full(before), tokens), full(expected), "{before}");
    }
}

/// One case with drop-ins: what is there, and the changes that are expected.
fn dropped_in(before: &[(&str, &str)], tokens: &[&str], expected: &[(&str, &str)]) {
    let before = files(before);
    let wish = present(tokens);
    let outcome = run(&before, OWN, Dialect::Posix, &wish).expect("an edit");
    let edited = after(&before, &outcome.changes);
    let shown: Vec<(&str, String)> = outcome
        .changes
        .iter()
        .map(|c| (c.name.as_str(), text(c.after.as_deref().unwrap_or_default())))
        .collect();
    let expected: Vec<(&str, String)> =
        expected.iter().map(|(name, text)| (*name, (*text).to_string())).collect();
    assert_eq!(shown, expected);
    assert_eq!(run(&edited, OWN, Dialect::Posix, &wish).expect("a second run").changes, []);
    let back = run(&edited, OWN, Dialect::Posix, &absent(tokens)).expect("absent");
    assert_eq!(after(&edited, &back.changes), before);
}

#[test]
fn drop_ins_count() {
    let main = "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n";
    let kdump = "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=384M-:128M\"\n";
    let cloud = "GRUB_CMDLINE_LINUX_DEFAULT=\"console=tty1 console=ttyS0\"\n";
    let d = |name: &str| format!("/etc/default/grub.d/{name}");
    let (k, c) = (d("kdump-tools.cfg"), d("50-cloudimg-settings.cfg"));
    let edited = "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\n";
    dropped_in(&[(MAIN, main)], &["intel_iommu=on"], &[(MAIN, edited)]);
    dropped_in(&[(MAIN, main), (&k, kdump)], &["intel_iommu=on"], &[(MAIN, edited)]);
    dropped_in(
        &[(MAIN, main), (&c, cloud), (&k, kdump)],
        &["intel_iommu=on"],
        &[(&c, "GRUB_CMDLINE_LINUX_DEFAULT=\"console=tty1 console=ttyS0 intel_iommu=on\"\n")],
    );
    let empty = "GRUB_CMDLINE_LINUX_DEFAULT=\"\"\n";
    dropped_in(
        &[(MAIN, empty), (&k, kdump)],
        &["intel_iommu=on", "iommu=pt"],
        &[(MAIN, "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on iommu=pt\"\n")],
    );
    let bare = "GRUB_CMDLINE_LINUX_DEFAULT=\n";
    dropped_in(&[(MAIN, bare), (&k, kdump)], &["a=b"], &[(MAIN, "GRUB_CMDLINE_LINUX_DEFAULT=a=b\n")]);
    let prepends = "GRUB_CMDLINE_LINUX_DEFAULT=\"first ${GRUB_CMDLINE_LINUX_DEFAULT}\"\n";
    dropped_in(&[(MAIN, empty), (&k, prepends)], &["a=b"], &[(MAIN, "GRUB_CMDLINE_LINUX_DEFAULT=\"a=b\"\n")]);
    let header =
        "# Kernel parameters for PCI passthrough, written by the Ansible collection pci.passthrough.\n";
    let ours = |inner: &str| format!("{header}GRUB_CMDLINE_LINUX_DEFAULT=\"{inner}\" # pci.passthrough\n");
    dropped_in(
        &[(MAIN, "GRUB_CMDLINE_LINUX_DEFAULT=\"$(x)\"\n"), (&k, kdump)],
        &["intel_iommu=on"],
        &[(OWN, &ours("$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on"))],
    );
    dropped_in(&[(MAIN, "GRUB_TIMEOUT=1\n")], &["a"], &[(OWN, &ours("a"))]);
}

#[test]
fn a_line_of_our_own_takes_more_tokens_and_keeps_the_rest() {
    let main = "GRUB_CMDLINE_LINUX_DEFAULT=\"$(x)\"\n";
    let one = added(main, &["intel_iommu=on"]);
    let two = added(&one, &["intel_iommu=on", "iommu=pt"]);
    assert_eq!(two, one.replace("=on\"", "=on iommu=pt\""));
    let files = files(&[(MAIN, &two)]);
    let outcome = run(&files, MAIN, Dialect::Posix, &absent(&["intel_iommu=on"])).expect("absent");
    assert_eq!(text(&after(&files, &outcome.changes)[0].bytes), two.replace("intel_iommu=on ", ""));
}

#[test]
fn bash_appends_and_dash_does_not() {
    let before = files(&[(
        MAIN,
        "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX_DEFAULT+=\" splash iommu=pt\"\n",
    )]);
    let seen =
        |dialect| effective(&Settings { files: &before, dialect }).expect("readable").cmdline.expect("plain");
    assert_eq!(text(&seen(Dialect::Posix)), "quiet");
    assert_eq!(text(&seen(Dialect::Bash)), "quiet splash iommu=pt");
    let bash = run(&before, MAIN, Dialect::Bash, &present(&["iommu=pt"])).expect("bash");
    assert_eq!(bash.changes, []);
    let bash_only = "[[ $a < b && ( -n $c ) ]] && x=(1 2)\nfunction f { y=1; }\n((z = 1))\ncat <<< word\n";
    let readable = |dialect| effective(&Settings { files: &files(&[(MAIN, bash_only)]), dialect }).is_ok();
    assert!(readable(Dialect::Bash) && !readable(Dialect::Posix));
}

#[test]
fn what_the_shell_refuses_is_refused_with_its_line() {
    let cases: &[(&str, usize)] = &[
        ("A=1\nB=\"open\n", 2),
        ("A='open\n", 1),
        ("A=`open\n", 1),
        ("A=$(open\n", 1),
        ("A=${open\n", 1),
        ("A=$((1\n", 1),
        ("A=1\nif true; then\n  B=2\n", 2),
        ("fi\n", 1),
        ("A=1\n}\n", 2),
        ("A=(1 2)\n", 1),
        ("case x in\n a) ;;\n", 1),
        ("echo a &&\n", 2),
        ("echo a ;;\n", 1),
        ("cat <\n", 1),
        ("a)\n", 1),
        ("A=1\0\n", 1),
        ("if [ -e x ]; then\r\nA=1\r\nfi\r\n", 1),
    ];
    for (main, line) in cases {
        match effective(&Settings { files: &files(&[(MAIN, main)]), dialect: Dialect::Posix }) {
            Err(Refusal::Syntax { line: found, file, .. }) => {
                assert_eq!((found, file.as_str()), (*line, MAIN), "{main:?}")
            }
            other => panic!("{main:?}: {other:?}"),
        }
    }
}

#[test]
fn what_would_not_be_in_force_is_refused() {
    let main = "GRUB_CMDLINE_LINUX_DEFAULT=\"$(x)\"\nreturn 0\n";
    let refusal = run(&files(&[(MAIN, main)]), MAIN, Dialect::Posix, &present(&["a"])).expect_err("return");
    assert_eq!(refusal.code(), "grub_default_not_in_force");
    let exits =
        run(&files(&[(MAIN, "A=1\nexit 0\n")]), MAIN, Dialect::Posix, &present(&["a"])).expect_err("exit");
    assert_eq!(exits, Refusal::Exits { file: MAIN.into(), line: 2 });
    let init = format!("{CMDLINE}=\"ro -- single\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
    let refusal = run(&files(&[(MAIN, &init)]), MAIN, Dialect::Posix, &present(&["a"])).expect_err("init");
    assert!(refusal.to_string().contains("' -- '"), "{refusal}");
    // A drop-in that sorts behind ours and sets the variable anew under a condition.
    let late = files(&[
        (MAIN, "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n"),
        ("/etc/default/grub.d/zzz.cfg", "[ -e /x ] && GRUB_CMDLINE_LINUX_DEFAULT=other\n"),
    ]);
    let refusal = run(&late, OWN, Dialect::Posix, &present(&["a"])).expect_err("late");
    assert!(refusal.to_string().starts_with("/etc/default/grub.d/zzz.cfg:1: "), "{refusal}");
}

#[test]
fn large_and_odd_input_stays_quick() {
    let long = "x".repeat(10 << 20);
    let line = format!("GRUB_CMDLINE_LINUX_DEFAULT=\"quiet {long}\"\n");
    assert_eq!(added(&line, &["a=b"]), format!("GRUB_CMDLINE_LINUX_DEFAULT=\"quiet {long} a=b\"\n"));
    let comment = format!("#{long}\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
    assert!(added(&comment, &["a=b"]).ends_with("\"quiet a=b\"\n"));
    let nested = "$(".repeat(100_000);
    assert!(matches!(
        effective(&Settings { files: &files(&[(MAIN, &nested)]), dialect: Dialect::Posix }),
        Err(Refusal::Syntax { .. })
    ));
}
