//! Unified kernel images: where the sections of a PE file lie. A UKI carries its command line in
//! `.cmdline` and its kernel's release in `.uname` (UAPI specification 5).

/// A section of a PE file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name, such as `.cmdline`.
    pub name: String,
    /// Where its bytes start in the file.
    pub offset: u64,
    /// How many bytes of them count.
    pub size: u64,
}

/// The sections, as the first bytes of the file tell (a page is enough for what the linkers write).
/// Empty where this is no PE file.
pub fn sections(head: &[u8]) -> Vec<Section> {
    table(head).unwrap_or_default()
}

fn table(head: &[u8]) -> Option<Vec<Section>> {
    let pe = usize::try_from(u32_at(head, 0x3c)?).ok()?;
    if !head.starts_with(b"MZ") || head.get(pe..pe.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let count = usize::from(u16_at(head, pe + 6)?);
    let first = pe + 24 + usize::from(u16_at(head, pe + 20)?);
    let section = |index: usize| {
        let entry = head.get(first + 40 * index..)?.get(..40)?;
        let name = entry.get(..8)?;
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(8);
        Some(Section {
            name: String::from_utf8_lossy(name.get(..end)?).into_owned(),
            // The file's part may be padded: the smaller of both sizes is the content.
            size: u64::from(u32_at(entry, 8)?.min(u32_at(entry, 16)?)),
            offset: u64::from(u32_at(entry, 20)?),
        })
    };
    (0..count).map(section).collect()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_found_and_a_broken_head_has_none() {
        let mut head = vec![0; 0x40];
        head[..2].copy_from_slice(b"MZ");
        head[0x3c] = 0x40;
        head.extend_from_slice(b"PE\0\0");
        head.extend_from_slice(&[0x64, 0x86, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0]);
        head.extend_from_slice(&[0; 4]);
        let mut section = b".cmdline".to_vec();
        for value in [9u32, 0x1000, 0x200, 0x400] {
            section.extend_from_slice(&value.to_le_bytes());
        }
        section.resize(40, 0);
        head.extend_from_slice(&section);
        assert_eq!(sections(&head), [Section { name: ".cmdline".into(), offset: 0x400, size: 9 }]);
        for length in 0..head.len() {
            assert!(sections(&head[..length]).is_empty(), "{length}");
        }
        assert!(sections(b"#!/bin/sh\n").is_empty());
    }
}
