//! The help of every module, held against its documentation.

use std::process::Command;

use proofs::binary;

use crate::{modules, text};

#[test]
fn help_fits_a_terminal_and_names_every_documented_option() {
    let plugins = proofs::workspace_dir().join("collection/plugins");
    for module in modules() {
        let output = Command::new(binary(&module)).arg("--help").output().expect("it starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{module}");
        let help = text(&output);
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{module}: {line}");
            assert_eq!(line, line.trim_end(), "{module}");
        }
        let spec = argument_spec::read_spec(&plugins, &module, &mut Vec::new()).expect("documentation");
        let names: Vec<&str> =
            spec.split("Opt { name: \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(names.contains(&"root"), "{module}: {names:?}");
        for name in names {
            let at = help
                .find(&format!("  {name} ("))
                .unwrap_or_else(|| panic!("{module}: no {name} in:\n{help}"));
            let below = help.get(at..).and_then(|rest| rest.split('\n').nth(1)).unwrap_or_default();
            assert!(below.starts_with("        "), "{module}: {name} is not described");
        }
        for markup in ["V(", "C(", "O(", "RV(", "M(", "L(", "U("] {
            assert!(!help.contains(&format!(" {markup}")), "{module}: {markup} in:\n{help}");
        }
    }
}
