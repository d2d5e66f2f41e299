//! The files that make up GRUB's settings, in the order grub-mkconfig sources them.

use config_text::grub_default::File;
use host::grub::{DROP_IN_DIR, Grub};

use crate::Args;

/// The end of the name of our own drop-in.
const OWN: &str = "-pci-passthrough.cfg";

/// The main file, then the drop-ins.
pub(crate) fn files(args: &Args, main: &[u8], grub: &Grub) -> Vec<File> {
    let main = File { name: args.path.clone(), bytes: main.to_vec() };
    let drop_ins =
        grub.drop_ins.iter().map(|(path, bytes)| File { name: path.clone(), bytes: bytes.clone() });
    std::iter::once(main).chain(drop_ins).collect()
}

/// Where a line of our own goes: the main file where drop-ins are not read, otherwise our drop-in,
/// under a name that sorts behind all others.
pub(crate) fn own_file(args: &Args, grub: &Grub) -> String {
    if !grub.reads_drop_ins {
        return args.path.clone();
    }
    let names = || grub.drop_ins.iter().map(|(path, _)| path.rsplit('/').next().unwrap_or(path));
    let mut prefix = "zz".to_string();
    while names().any(|name| !name.ends_with(OWN) && *name > *format!("{prefix}{OWN}")) {
        prefix.push('z');
        // Only a name of many z's or of bytes behind z gets here; `~` sorts behind every letter.
        if prefix.len() > 8 {
            prefix = format!("~{prefix}");
            break;
        }
    }
    format!("{DROP_IN_DIR}/{prefix}{OWN}")
}

/// A path, or a message that starts with one, with the root before it.
pub(crate) fn with_root(text: &str, root: &str) -> String {
    if root == "/" || !text.starts_with('/') {
        return text.to_string();
    }
    format!("{}{text}", root.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grub(names: &[&str]) -> Grub {
        let drop_ins = names.iter().map(|name| (format!("{DROP_IN_DIR}/{name}"), Vec::new())).collect();
        Grub { drop_ins, reads_drop_ins: true, ..Grub::default() }
    }

    #[test]
    fn our_drop_in_sorts_last() {
        let args = crate::tests::args(serde_json::json!({}));
        for names in [&["50-cloudimg.cfg"][..], &["zz-late.cfg"], &["zzz.cfg", "a.cfg"], &["~.cfg"], &[]] {
            let own = own_file(&args, &grub(names));
            let own = own.rsplit('/').next().unwrap();
            assert!(names.iter().all(|name| *name < own), "{names:?} {own}");
        }
        let again = own_file(&args, &grub(&["zz-pci-passthrough.cfg"]));
        assert_eq!(again, "/etc/default/grub.d/zz-pci-passthrough.cfg", "found again");
        let main = own_file(&args, &Grub::default());
        assert_eq!(main, "/etc/default/grub");
    }
}
