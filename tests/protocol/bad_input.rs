//! Input that is no arguments at all, or arguments that no module can want: one JSON object that says
//! so, exit status 1, never a panic.

use std::process::{Command, Stdio};

use proofs::{Reply, answer};

use crate::conformance;

/// What is on standard input, and what the message must say.
const INPUTS: &[(&[u8], &str)] = &[
    (b"", "no JSON: a value is missing at byte 0"),
    (b"state=present", "no JSON"),
    (b"{", "a key in double quotes is missing"),
    (b"{\"name\":\"x\"} {}", "something follows the value"),
    (b"{\"name\":\"x\",}", "a key in double quotes is missing"),
    (b"{\"name\":\"x", "closing quote"),
    (b"{\"name\":\"\\q\"}", "unknown escape"),
    (b"{\"name\":\"\\u12\"}", "four hexadecimal digits"),
    (b"{\"name\":\"a\nb\"}", "control character"),
    (b"{\"count\":01}", "comma or }"),
    (b"{\"count\":-}", "no value"),
    (b"[1,2]", "no object"),
    (b"\"text\"", "no object"),
    (b"null", "no object"),
    (b"NaN", "no object"),
    (b"{\"name\":\"\xff\xfe\"}", "no UTF-8 from byte 9"),
    (b"\xef\xbb\xbf{}", "no JSON"),
    (b"{\"name\":\"x\",\"count\":NaN}", "unable to convert to int"),
    (b"{\"name\":\"x\",\"count\":Infinity}", "unable to convert to int"),
    (b"{\"name\":\"x\",\"count\":1e400}", "unable to convert to int"),
    (b"{\"name\":\"x\",\"force\":NaN}", "unable to convert to bool"),
    (
        b"{\"name\":\"x\",\"count\":1,\"unknown\":NaN}",
        "Unsupported parameters for (conformance) module: unknown.",
    ),
    (b"{\"count\":1,\"name\":{\"a\":1},\"state\":[]}", "value of state must be one of"),
    (b"{}", "missing required arguments: name"),
];

#[test]
fn input_that_is_no_arguments() {
    let binary = conformance();
    for (input, message) in INPUTS {
        let shown = String::from_utf8_lossy(input);
        let said = answer(Command::new(&binary).arg("-"), input).expect_failure();
        assert!(said.contains(message), "{shown}: {said}");
    }
}

#[test]
fn nesting_without_end() {
    let binary = conformance();
    for open in ["[", "{\"a\":"] {
        let input = format!("{{\"name\":{}", open.repeat(1_000_000));
        let said = answer(Command::new(&binary).arg("-"), input.as_bytes()).expect_failure();
        assert!(said.contains("nested too deeply"), "{said}");
    }
    let literal = format!("{{\"name\":\"x\",\"count\":1,\"t_dict\":\"{{'a': {}\"}}", "[".repeat(100_000));
    let said = answer(Command::new(&binary).arg("-"), literal.as_bytes()).expect_failure();
    assert!(said.contains("unable to evaluate string as dictionary"), "{said}");
}

#[test]
fn a_file_of_arguments() {
    let binary = conformance();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let run = |argument: &std::path::Path| {
        let mut command = Command::new(&binary);
        command.arg(argument);
        Reply::of(&command.stdin(Stdio::null()).output().expect("the module starts"))
    };
    let missing = dir.path().join("none");
    let said = run(&missing).expect_failure();
    assert!(said.contains(&missing.display().to_string()) && said.contains("cannot read"), "{said}");
    assert!(run(dir.path()).expect_failure().contains("cannot read the arguments: Is a directory"));
    let file = dir.path().join("args");
    std::fs::write(&file, r#"{"name": "x", "count": 3}"#).expect("a file");
    assert_eq!(run(&file).expect_ok().json["accepted"]["count"], 3);
}

#[test]
fn values_beyond_json_come_back_as_json() {
    let binary = conformance();
    let input = br#"{"name":"x","count":1,"t_str":NaN,"t_raw":[NaN,1e400,-Infinity,"\ud800"],"_ansible_version":"2.16.0"}"#;
    let reply = answer(Command::new(&binary).arg("-"), input).expect_ok();
    assert_eq!(reply.json["accepted"]["t_str"], "nan");
    let raw = serde_json::json!([null, null, null, "\u{fffd}"]);
    assert_eq!(reply.json["invocation"]["module_args"]["t_raw"], raw);
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let mut child = Command::new(conformance())
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the module starts");
    drop(child.stdout.take());
    use std::io::Write;
    child.stdin.take().expect("a pipe").write_all(br#"{"name":"x","count":1}"#).expect("the module reads");
    let output = child.wait_with_output().expect("the module ends");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}
