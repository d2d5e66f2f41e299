//! Values that end up in configuration files must be single words.

use crate::Failure;

/// Refuses a value of `option` that is no single word for a configuration file: empty, or with
/// white space, a control character, a quote, a backslash, `$`, a backtick, `;` or `#`, which a
/// parser on the way (shell, GRUB, kernel, modprobe) could read as syntax.
pub fn single_token(value: &str, option: &str) -> Result<(), Failure> {
    if value.is_empty() {
        return Err(Failure::coded("invalid_value", format!("option {option}: an empty value is no word")));
    }
    let strange = |c: &char| c.is_whitespace() || c.is_control() || "'\"\\$`;#".contains(*c);
    match value.chars().find(strange) {
        None => Ok(()),
        Some(c) => Err(Failure::coded(
            "invalid_value",
            format!(
                "option {option}: {value:?} holds {c:?}; give one word without white space, control characters and \
                 any of '\"\\$`;#"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_pass_and_syntax_does_not() {
        for fine in [
            "intel_iommu=on",
            "video=efifb:off",
            "pcie_acs_override=downstream,multifunction",
            "vfio-pci",
            "ä",
        ] {
            single_token(fine, "parameters").unwrap();
        }
        for (bad, shown) in [
            ("", "empty"),
            ("a b", "' '"),
            ("a\nb", "'\\n'"),
            ("a\u{0}", "'\\0'"),
            ("a\u{2028}b", "\\u{2028}"),
            ("a\u{85}b", "\\u{85}"),
            ("a\"b", "'\"'"),
            ("a'b", "'\\''"),
            ("a\\b", "'\\\\'"),
            ("$(reboot)", "'$'"),
            ("`reboot`", "'`'"),
            ("a;b", "';'"),
            ("a#b", "'#'"),
        ] {
            let failure = single_token(bad, "parameters").unwrap_err();
            assert_eq!(failure.code, Some("invalid_value"));
            assert!(
                failure.msg.contains("option parameters") && failure.msg.contains(shown),
                "{}",
                failure.msg
            );
        }
    }
}
