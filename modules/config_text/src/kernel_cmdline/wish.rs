//! What a command line shall hold and not hold.

use thiserror::Error;

use super::rules::{Rule, part_contradicts, parts, rule};
use super::{Token, key_eq};

/// What a command line shall hold and not hold. Built by [`Wish::new`], so that every token in it can be
/// written into a shell file and a generated `grub.cfg` without meaning anything else there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    present: Vec<Vec<u8>>,
    remove: Vec<Vec<u8>>,
    iommu_on: bool,
}

/// Why a wish cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WishError {
    /// The token is empty or starts with `=`.
    #[error("'{0}' is no kernel parameter: it has no name")]
    Nameless(String),
    /// A byte that a shell, GRUB or the kernel would take for something else.
    #[error(
        "kernel parameter '{token}' holds {byte}: write one parameter, without blanks, quotes or any of $ \\ ; & | < > {{ }}"
    )]
    Unsafe {
        /// The token as given.
        token: String,
        /// The offending character, described.
        byte: String,
    },
    /// `--` would hand everything after it to init.
    #[error("'--' is no kernel parameter: it ends the kernel's part of the command line")]
    Separator,
    /// Two tokens that cannot both be in force.
    #[error("kernel parameters '{0}' and '{1}' contradict each other: ask for one of them")]
    Contradiction(String, String),
    /// The same token is to be there and not to be there.
    #[error("kernel parameter '{0}' is both wanted and to be removed")]
    BothWays(String),
}

impl Wish {
    /// `present`: tokens that shall be in force, each exactly once. `remove`: whole tokens
    /// (`video=efifb:off`) or keys (`video`, which takes out every value but those in `present`).
    /// `iommu_on`: take out what switches the IOMMU off (`intel_iommu=off`, `amd_iommu=off`, `iommu=off`)
    /// even where nothing in `present` contradicts it.
    ///
    /// # Errors
    /// A token that is no single safe token, and wishes that contradict each other.
    pub fn new<P: AsRef<str>, R: AsRef<str>>(
        present: &[P],
        remove: &[R],
        iommu_on: bool,
    ) -> Result<Self, WishError> {
        let mut wish = Wish { iommu_on, ..Wish::default() };
        for token in present {
            let token = checked(token.as_ref())?;
            let seen = wish.present.iter().any(|known| Token::new(known).same(&Token::new(&token)));
            if !seen {
                wish.present.push(token);
            }
        }
        for token in remove {
            wish.remove.push(checked(token.as_ref())?);
        }
        wish.consistent()?;
        Ok(wish)
    }

    /// The tokens that shall be in force.
    pub fn present(&self) -> &[Vec<u8>] {
        &self.present
    }

    /// The tokens and keys that shall not be there.
    pub fn remove(&self) -> &[Vec<u8>] {
        &self.remove
    }

    /// Whether values that switch the IOMMU off are taken out.
    pub fn iommu_on(&self) -> bool {
        self.iommu_on
    }

    pub(super) fn wanted(&self) -> impl Iterator<Item = Token<'_>> {
        self.present.iter().map(|raw| Token::new(raw))
    }

    fn consistent(&self) -> Result<(), WishError> {
        let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
        for (index, a) in self.wanted().enumerate() {
            if self.remove.iter().any(|raw| raw.contains(&b'=') && Token::new(raw).same(&a))
                || (a.value().is_none() && self.remove.iter().any(|raw| Token::new(raw).same(&a)))
            {
                return Err(WishError::BothWays(text(a.raw)));
            }
            for b in self.wanted().skip(index + 1) {
                let exclusive = rule(a.key()) == Rule::Last && key_eq(a.key(), b.key());
                let contrary = |x: &Token, y: &Token| {
                    rule(x.key()) == Rule::List
                        && parts(x).iter().any(|part| part_contradicts(x.key(), part, y))
                };
                if exclusive || contrary(&a, &b) || contrary(&b, &a) {
                    return Err(WishError::Contradiction(text(a.raw), text(b.raw)));
                }
            }
        }
        Ok(())
    }
}

/// `token` as bytes, if it is one token to the shell, to GRUB's script language and to the kernel.
fn checked(token: &str) -> Result<Vec<u8>, WishError> {
    if token.is_empty() || token.starts_with('=') {
        return Err(WishError::Nameless(token.to_owned()));
    }
    if token == "--" {
        return Err(WishError::Separator);
    }
    let unsafe_char =
        |c: char| c.is_whitespace() || c.is_control() || !c.is_ascii() || "\"'`$\\;&|<>{}".contains(c);
    if let Some(found) = token.chars().find(|c| unsafe_char(*c)) {
        let byte = if found.is_ascii_graphic() { format!("'{found}'") } else { format!("{found:?}") };
        return Err(WishError::Unsafe { token: token.escape_debug().to_string(), byte });
    }
    if token.starts_with('#') {
        return Err(WishError::Unsafe { token: token.to_owned(), byte: "'#' at its start".to_owned() });
    }
    Ok(token.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: &[&str] = &[];

    #[test]
    fn only_single_safe_tokens() {
        let bad = [
            "", "=on", "--", "a b", "a\nb", "a=\"b\"", "a'b", "a$b", "a`b`", "a;b", "#a", "a\u{a0}b", "a\\b",
            "{", "}", "a={b", "a=b}",
        ];
        for bad in bad {
            assert!(Wish::new(&[bad], NONE, false).is_err(), "{bad:?}");
            assert!(Wish::new(NONE, &[bad], false).is_err(), "{bad:?}");
        }
        for good in
            ["quiet", "vfio-pci.ids=10de:1b80,10de:10f0", "video=efifb:off", "memmap=4G@1G", "a=~/b", "x=(y)"]
        {
            assert!(Wish::new(&[good], NONE, false).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let cases: &[(&[&str], &[&str], bool)] = &[
            (&["intel_iommu=on", "intel_iommu=off"], &[], false),
            (&["iommu=pt", "iommu=nopt"], &[], false),
            (&["intel_iommu=on", "iommu=off"], &[], false),
            (&["default_hugepagesz=1G", "default_hugepagesz=2M"], &[], false),
            (&["quiet"], &["quiet"], false),
            (&["video=a"], &["video=a"], false),
            (&["video=a"], &["video"], true),
            (&["intel_iommu=on", "intel_iommu=igfx_off"], &[], true),
            (&["console=tty0", "console=ttyS0"], &[], true),
            (&["intel_iommu=on", "intel-iommu=on"], &[], true),
        ];
        for (present, remove, good) in cases {
            assert_eq!(Wish::new(present, remove, false).is_ok(), *good, "{present:?} {remove:?}");
        }
    }
}
