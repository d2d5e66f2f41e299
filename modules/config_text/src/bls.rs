//! Kernel parameters of a host whose GRUB reads entry files (Boot Loader Specification): they go where
//! `grubby --update-kernel=ALL --args=… --remove-args=…` puts them.
//!
//! That is (grubby-bls, `update_bls_fragment`): the `options` of every entry, the rescue entry among
//! them; where an entry takes its options from `$kernelopts`, that variable in the environment block
//! instead; and what entries of kernels to come are made from, which are files of their own.

use thiserror::Error;

use crate::grubenv::{self, EnvError};
use crate::kernel_cmdline::{self, Wish, tokens};
use crate::loader_entry;

/// The variable that holds the command line on RHEL 8.
const KERNELOPTS: &str = "kernelopts";

/// Why the entries cannot be edited.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlsError {
    /// An entry takes its options from a variable that is nowhere.
    #[error(
        "{entry}: takes its options from $kernelopts, which the environment block does not hold; make it by grub2-mkconfig -o /boot/grub2/grub.cfg, then run again"
    )]
    NoKernelopts {
        /// The entry's path.
        entry: String,
    },
    /// The environment block.
    #[error("{path}: {error}")]
    Environment {
        /// Its path.
        path: String,
        /// What is wrong with it.
        error: EnvError,
    },
}

impl BlsError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            BlsError::NoKernelopts { .. } => "kernelopts_missing",
            BlsError::Environment { .. } => "grubenv_unusable",
        }
    }
}

/// The entries and the environment block after an edit: path and new bytes of each file that changes.
pub type Changes = Vec<(String, Vec<u8>)>;

/// Brings every entry to the wish. `files` are the entries, `environment` the block, both with their paths.
///
/// # Errors
/// See [`BlsError`].
pub fn edit(
    files: &[(String, Vec<u8>)],
    environment: Option<&(String, Vec<u8>)>,
    wish: &Wish,
) -> Result<Changes, BlsError> {
    let mut changes = Vec::new();
    let mut block = environment.map(|(_, bytes)| bytes.clone()).unwrap_or_default();
    if let Some((entry, _)) = files.iter().find(|(_, bytes)| uses_kernelopts(bytes)) {
        let Some((path, old)) = environment else {
            return Err(BlsError::NoKernelopts { entry: entry.clone() });
        };
        let Some(value) = grubenv::get(old, KERNELOPTS) else {
            return Err(BlsError::NoKernelopts { entry: entry.clone() });
        };
        let (value, edit) = kernel_cmdline::rewrite(&value, wish);
        if !edit.is_noop() {
            block = grubenv::set(old, KERNELOPTS, &value)
                .map_err(|error| BlsError::Environment { path: path.clone(), error })?;
            changes.push((path.clone(), block.clone()));
        }
    }
    for (path, bytes) in files {
        let entry = loader_entry::parse(bytes);
        if entry.linux.is_none() {
            continue;
        }
        // What the variable brings need not be written out once more.
        let whole = grubenv::expand(&block, &entry.arguments(bytes));
        if uses_kernelopts(bytes) && kernel_cmdline::plan(&tokens(&whole), wish, &[]).is_noop() {
            continue;
        }
        let (new, edit) = loader_entry::edit(bytes, wish);
        if !edit.is_noop() {
            changes.push((path.clone(), new));
        }
    }
    Ok(changes)
}

fn uses_kernelopts(entry: &[u8]) -> bool {
    let options = loader_entry::parse(entry).arguments(entry);
    options.split(|byte| *byte == b' ').any(|word| grubenv::variable(word) == Some(KERNELOPTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(present: &[&str], remove: &[&str]) -> Wish {
        Wish::new(present, remove, !present.is_empty()).unwrap()
    }

    fn entry(name: &str, options: &str) -> (String, Vec<u8>) {
        (
            format!("/boot/loader/entries/{name}.conf"),
            format!("version {name}\nlinux /vmlinuz-{name}\noptions {options}\n").into_bytes(),
        )
    }

    fn block(kernelopts: &str) -> (String, Vec<u8>) {
        let mut bytes = format!("# GRUB Environment Block\nkernelopts={kernelopts}\n").into_bytes();
        bytes.resize(1024, b'#');
        ("/boot/grub2/grubenv".into(), bytes)
    }

    #[test]
    fn every_entry_the_rescue_one_too() {
        let files = [entry("4a-6.8", "root=UUID=1 ro rhgb quiet"), entry("4a-0-rescue", "root=UUID=1 ro")];
        let changes = edit(&files, None, &wish(&["intel_iommu=on"], &[])).unwrap();
        let texts: Vec<_> =
            changes.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
        assert!(texts[0].ends_with("options root=UUID=1 ro rhgb quiet intel_iommu=on\n"), "{texts:?}");
        assert!(texts[1].ends_with("options root=UUID=1 ro intel_iommu=on\n"), "{texts:?}");
        assert_eq!(edit(&changes, None, &wish(&[], &["intel_iommu=on"])).unwrap(), files, "undone");
        assert!(edit(&changes, None, &wish(&["intel_iommu=on"], &[])).unwrap().is_empty(), "idempotent");
    }

    #[test]
    fn the_variable_instead_of_the_entries_that_use_it() {
        let files = [
            entry("4a-4.18", "$kernelopts $tuned_params"),
            entry("own", "root=/dev/sdb"),
            entry("late", "$kernelopts intel_iommu=off"),
        ];
        let env = block("root=/dev/sda ro ");
        let changes = edit(&files, Some(&env), &wish(&["intel_iommu=on"], &[])).unwrap();
        let paths: Vec<_> = changes.iter().map(|(path, _)| path.rsplit('/').next().unwrap()).collect();
        assert_eq!(paths, ["grubenv", "own.conf", "late.conf"]);
        assert_eq!(grubenv::get(&changes[0].1, "kernelopts").unwrap(), b"root=/dev/sda ro intel_iommu=on ");
        assert_eq!(changes[0].1.len(), 1024);
        assert!(String::from_utf8_lossy(&changes[2].1).ends_with("options $kernelopts intel_iommu=on\n"));
        let back =
            edit(&[files[0].clone(), changes[1].clone()], Some(&changes[0]), &wish(&[], &["intel_iommu"]))
                .unwrap();
        assert_eq!(back, [env, files[1].clone()]);
    }

    #[test]
    fn a_variable_that_is_nowhere_or_a_full_block_is_refused() {
        let files = [entry("4a", "$kernelopts")];
        let on = wish(&["intel_iommu=on"], &[]);
        assert_eq!(edit(&files, None, &on).unwrap_err().code(), "kernelopts_missing");
        assert_eq!(
            edit(&files, Some(&("/x".into(), b"# GRUB Environment Block\n".to_vec())), &on)
                .unwrap_err()
                .code(),
            "kernelopts_missing"
        );
        let full = block(&"a".repeat(985));
        assert_eq!(edit(&files, Some(&full), &on).unwrap_err().code(), "grubenv_unusable");
    }
}
