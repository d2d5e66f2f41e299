//! GRUB's environment block (`grubenv`): `name=value` lines in a file of exactly 1024 bytes, padded with `#`.
//!
//! Format: GRUB manual, "The GRUB environment block"; `grub-core/lib/envblk.c`: in values `\` and a line
//! break are escaped by `\`.

use thiserror::Error;

/// The first line, as `grub-editenv` writes it.
const HEADER: &[u8] = b"# GRUB Environment Block\n";

/// Why the block cannot be edited.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvError {
    /// Some other file.
    #[error(
        "is no GRUB environment block (it does not start with '# GRUB Environment Block'); make one with grub2-editenv create"
    )]
    NoBlock,
    /// GRUB loads the block by its size: it cannot grow.
    #[error(
        "has no room for {needed} more bytes: a GRUB environment block keeps its size; take parameters out first"
    )]
    Full {
        /// How much too long the new content is.
        needed: usize,
    },
}

/// The value of a variable, escapes undone; of several the first one, as GRUB finds it.
pub fn get(block: &[u8], name: &str) -> Option<Vec<u8>> {
    let line = lines(block).find_map(|(start, end)| value(&block[start..end], name))?;
    let mut bytes = line.iter().copied();
    let mut value = Vec::new();
    while let Some(byte) = bytes.next() {
        value.push(if byte == b'\\' { bytes.next().unwrap_or(byte) } else { byte });
    }
    Some(value)
}

/// The block with another value of a variable that is there already; its size stays.
///
/// # Errors
/// Not a block, or no room.
pub fn set(block: &[u8], name: &str, new: &[u8]) -> Result<Vec<u8>, EnvError> {
    if !block.starts_with(HEADER) {
        return Err(EnvError::NoBlock);
    }
    let Some((start, end)) = lines(block).find(|(start, end)| value(&block[*start..*end], name).is_some())
    else {
        return Ok(block.to_vec());
    };
    let mut line = [name.as_bytes(), b"="].concat();
    for byte in new {
        if matches!(byte, b'\\' | b'\n') {
            line.push(b'\\');
        }
        line.push(*byte);
    }
    // The padding is everything behind the last line break.
    let content = block.iter().rposition(|byte| *byte == b'\n').map_or(block.len(), |at| at + 1);
    let tail = block.get(end..content).unwrap_or_default();
    let mut result = [&block[..start], &line, tail].concat();
    if result.len() > block.len() {
        return Err(EnvError::Full { needed: result.len() - block.len() });
    }
    result.resize(block.len(), b'#');
    Ok(result)
}

/// Text as GRUB hands it on: each word `$name` replaced by the variable's value in the block, or by nothing.
pub fn expand(block: &[u8], text: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    for (index, word) in text.split(|byte| *byte == b' ').enumerate() {
        if index > 0 {
            result.push(b' ');
        }
        match variable(word) {
            Some(name) => result.extend(get(block, name).unwrap_or_default()),
            None => result.extend_from_slice(word),
        }
    }
    result
}

/// The variable that a word of an entry's options stands for (`$kernelopts`, `${kernelopts}`).
pub fn variable(word: &[u8]) -> Option<&str> {
    let name = word.strip_prefix(b"$")?;
    let name = name.strip_prefix(b"{").and_then(|n| n.strip_suffix(b"}")).unwrap_or(name);
    let is_name = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    std::str::from_utf8(name).ok().filter(|_| is_name)
}

/// Start and end of each line, its line break left out; an escaped line break does not end a line.
fn lines(block: &[u8]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let mut escaped = false;
        while let Some(byte) = block.get(at) {
            if *byte == b'\n' && !escaped {
                at += 1;
                return Some((start, at - 1));
            }
            escaped = *byte == b'\\' && !escaped;
            at += 1;
        }
        None
    })
}

fn value<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    line.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(lines: &str) -> Vec<u8> {
        let mut block = [HEADER, lines.as_bytes()].concat();
        block.resize(1024, b'#');
        block
    }

    #[test]
    fn the_size_and_every_other_byte_stay() {
        let old = block("saved_entry=4a-5.14\nkernelopts=root=/dev/sda ro quiet \nboot_success=0\n");
        assert_eq!(get(&old, "kernelopts").unwrap(), b"root=/dev/sda ro quiet ");
        assert_eq!(get(&old, "kernel"), None);
        let new = set(&old, "kernelopts", b"root=/dev/sda ro quiet intel_iommu=on").unwrap();
        assert_eq!(
            new,
            block("saved_entry=4a-5.14\nkernelopts=root=/dev/sda ro quiet intel_iommu=on\nboot_success=0\n")
        );
        assert_eq!(set(&new, "kernelopts", b"root=/dev/sda ro quiet ").unwrap(), old);
        assert_eq!(set(&old, "other", b"x").unwrap(), old, "never added");
    }

    #[test]
    fn escapes_come_and_go() {
        let old = block("a=x\\\\y\\\nz\nb=1\n");
        assert_eq!(get(&old, "a").unwrap(), b"x\\y\nz");
        assert_eq!(get(&old, "b").unwrap(), b"1");
        assert_eq!(set(&old, "a", b"x\\y\nz").unwrap(), old);
    }

    #[test]
    fn a_full_block_or_another_file_is_refused() {
        assert_eq!(set(b"kernelopts=a\n", "kernelopts", b"b"), Err(EnvError::NoBlock));
        let full = block(&format!("kernelopts={}\n", "x".repeat(987)));
        assert_eq!(full.len(), 1024);
        assert_eq!(set(&full, "kernelopts", &[b'y'; 990]), Err(EnvError::Full { needed: 3 }));
    }
}
