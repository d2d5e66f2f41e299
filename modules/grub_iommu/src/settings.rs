//! Where a line of our own goes.

use host::grub::{DROP_IN_DIR, Grub};

use crate::Args;

/// The end of the name of our own drop-in.
const OWN: &str = "-pci-passthrough.cfg";

/// Where a line of our own goes: the main file where drop-ins are not read, otherwise our drop-in,
/// under a name that sorts behind all others.
pub(crate) fn own_file(args: &Args, grub: &Grub) -> String {
    if !grub.reads_drop_ins {
        return args.path.clone();
    }
    let names = || grub.files.iter().skip(1).map(|file| file.name.rsplit('/').next().unwrap_or(&file.name));
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

#[cfg(test)]
mod tests {
    use super::*;
    use config_text::grub_default::File;

    fn grub(names: &[&str]) -> Grub {
        let main = std::iter::once("/etc/default/grub".to_string());
        let names = main.chain(names.iter().map(|name| format!("{DROP_IN_DIR}/{name}")));
        let files = names.map(|name| File { name, bytes: Vec::new() }).collect();
        Grub { files, reads_drop_ins: true, ..Grub::default() }
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
