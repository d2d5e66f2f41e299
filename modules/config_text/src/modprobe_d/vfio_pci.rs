//! The options of the kernel module `vfio-pci`.
//!
//! Source: `drivers/vfio/pci/vfio_pci.c` of the kernel; words are cut as `next_arg` in
//! `lib/cmdline.c` cuts module parameters.

/// All parameters that `vfio-pci` has or had.
pub(super) const OPTIONS: [&str; 6] =
    ["ids", "nointxmask", "disable_vga", "disable_idle_d3", "enable_sriov", "disable_denylist"];

/// The words of an `options` line: cut at white space outside double quotes.
pub(super) fn words(options: &[u8]) -> Vec<Vec<u8>> {
    let mut words = vec![Vec::new()];
    let mut quoted = false;
    for &byte in options {
        quoted ^= byte == b'"';
        if byte.is_ascii_whitespace() && !quoted {
            words.push(Vec::new());
        } else if let Some(word) = words.last_mut() {
            word.push(byte);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Key and value of a word, the quotes around the value gone.
pub(super) fn key_value(word: &[u8]) -> (String, Option<String>) {
    let text = String::from_utf8_lossy(word);
    let text = text.strip_prefix('"').map_or(text.as_ref(), |t| t.strip_suffix('"').unwrap_or(t));
    match text.split_once('=') {
        None => (text.replace('-', "_"), None),
        Some((key, value)) => {
            let bare = value.strip_prefix('"').map_or(value, |v| v.strip_suffix('"').unwrap_or(v));
            (key.replace('-', "_"), Some(bare.to_string()))
        }
    }
}

/// What one element of `ids=` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    /// `VENDOR:DEVICE[:SUBVENDOR[:SUBDEVICE[:CLASS[:CLASS_MASK]]]]`, all hexadecimal.
    Valid,
    /// A PCI address such as `0000:01:00.0`.
    Address,
    /// Neither.
    Malformed,
}

/// Judges one element of `ids=`.
pub(super) fn id(text: &str) -> Id {
    if is_address(text) {
        return Id::Address;
    }
    let hex = |field: &str| {
        let digits = field.strip_prefix("0x").or(field.strip_prefix("0X")).unwrap_or(field);
        (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let fields: Vec<&str> = text.split(':').collect();
    if (2..=6).contains(&fields.len()) && fields.iter().all(|field| hex(field)) {
        Id::Valid
    } else {
        Id::Malformed
    }
}

/// `[DOMAIN:]BUS:DEVICE[.FUNCTION]`: a bus has two digits where a vendor has four.
fn is_address(text: &str) -> bool {
    let hex = |part: &str, widths: &[usize]| {
        widths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'*')
    };
    let (place, function) = match text.split_once('.') {
        Some((place, function)) => (place, Some(function)),
        None => (text, None),
    };
    let mut parts = place.rsplit(':');
    let device = parts.next().is_some_and(|part| hex(part, &[1, 2]));
    let bus = parts.next().is_some_and(|part| hex(part, &[2]));
    let domain = parts.next().is_none_or(|part| hex(part, &[4, 5, 8]));
    device && bus && domain && parts.next().is_none() && function.is_none_or(|part| hex(part, &[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_addresses() {
        for (text, wanted) in [
            ("10de:1b80", Id::Valid),
            ("10DE:1b80:1462:3301", Id::Valid),
            ("0x10de:0x1b80", Id::Valid),
            ("8086:10ca:ffffffff:ffffffff:020000:ffff00", Id::Valid),
            ("0000:01:00.0", Id::Address),
            ("01:00.0", Id::Address),
            ("01:00", Id::Address),
            ("0000:0b:00.*", Id::Address),
            ("10de", Id::Malformed),
            ("10de:*", Id::Malformed),
            ("%DEVICES%", Id::Malformed),
            ("", Id::Malformed),
        ] {
            assert_eq!(id(text), wanted, "{text}");
        }
    }

    #[test]
    fn words_respect_quotes() {
        let words = words(b" ids=\"a b\"  disable-vga=1\t# x");
        let shown: Vec<_> = words.iter().map(|w| key_value(w)).collect();
        assert_eq!(shown[0], ("ids".into(), Some("a b".into())));
        assert_eq!(shown[1], ("disable_vga".into(), Some("1".into())));
        assert_eq!(shown[2], ("#".into(), None));
    }
}
