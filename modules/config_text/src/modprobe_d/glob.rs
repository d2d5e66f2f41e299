//! `fnmatch(3)` without flags, for the module names of `install`, `remove` and `softdep` lines.

/// Whether `name` matches the shell wildcard `pattern`.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on after the last `*` if what follows it does not fit: linear, no recursion.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                retry = Some((p + 1, n));
                p += 1;
                continue;
            }
            (Some(_), Some(&byte)) => one(pattern.get(p..).unwrap_or_default(), byte),
            _ => None,
        };
        match (step, retry) {
            (Some(width), _) => (p, n) = (p + width, n + 1),
            (None, Some((after, from))) if from < name.len() => {
                retry = Some((after, from + 1));
                (p, n) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

/// The width of the pattern's first element where it matches `byte`.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [b'[', set @ ..] => match bracket(set, byte) {
            Some((width, true)) => Some(width + 1),
            Some((_, false)) => None,
            None => (byte == b'[').then_some(1),
        },
        [literal, ..] => (*literal == byte).then_some(1),
        [] => None,
    }
}

/// A set after its `[`: its width with the closing `]`, and whether `byte` is in it. `None` where it
/// is not closed.
fn bracket(set: &[u8], byte: u8) -> Option<(usize, bool)> {
    let negated = matches!(set.first(), Some(b'!' | b'^'));
    let mut at = usize::from(negated);
    let start = at;
    let mut found = false;
    loop {
        let &low = set.get(at)?;
        if low == b']' && at > start {
            return Some((at + 1, found != negated));
        }
        match (set.get(at + 1), set.get(at + 2)) {
            (Some(b'-'), Some(&high)) if high != b']' => {
                found |= (low..=high).contains(&byte);
                at += 3;
            }
            _ => {
                found |= low == byte;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn as_fnmatch() {
        for (pattern, name, wanted) in [
            ("nvidia*", "nvidia", true),
            ("nvidia*", "nvidia_drm", true),
            ("nvidia*", "i2c_nvidia", false),
            ("*nvidia*gpu", "i2c_nvidia_x_gpu", true),
            ("*a*b", "aab", true),
            ("*a*b", "aac", false),
            ("snd?", "snd", false),
            ("snd?", "snd1", true),
            ("md[0-9]", "md5", true),
            ("md[!0-9]", "md5", false),
            ("md[^0-9]", "mdx", true),
            ("md[]x]", "md]", true),
            ("md[a-]", "md-", true),
            ("md[", "md[", true),
            ("a\\*", "a*", true),
            ("", "", true),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), wanted, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        assert!(!matches(&b"*a".repeat(60), &b"a".repeat(59)));
    }
}
