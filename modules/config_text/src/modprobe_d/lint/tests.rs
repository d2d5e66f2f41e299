use super::*;
use crate::modprobe_d::{SourceFile, lint_unread};

fn codes(text: &str) -> Vec<(&'static str, usize)> {
    let file = SourceFile { directory: "/etc/modprobe.d", name: "a.conf", bytes: text.as_bytes() };
    lint(&Config::from_files(&[file])).iter().map(|f| (f.code, f.line)).collect()
}

#[test]
fn real_mistakes_are_found_at_their_line() {
    for (text, wanted) in [
        (
            "options vfio-pci ids=10de:1b80\noptions vfio-pci diable_vga=1\n",
            vec![("unknown_vfio_pci_option", 2)],
        ),
        ("options vfio_pci ids=0000:01:00.0,10de:10f0\n", vec![("vfio_pci_ids_address", 1)]),
        ("options vfio-pci ids=10de:1b80, 10de:10f0\n", vec![("vfio_pci_ids_blank", 1)]),
        ("options vfio-pci ids=10de:1b80 ,10de:10f0\n", vec![("vfio_pci_ids_blank", 1)]),
        ("options vfio-pci ids = 10de:1b80\n", vec![("vfio_pci_ids_blank", 1)]),
        ("options vfio-pci ids=10de:1b80 10de:10f0\n", vec![("vfio_pci_ids_blank", 1)]),
        ("options vfio-pci ids= 10de:1b80\n", vec![("vfio_pci_ids_blank", 1)]),
        ("options vfio-pci disable_vga =1\n", vec![("vfio_pci_option_blank", 1)]),
        ("options vfio-pci.ids=10de:1b80,10de:10f0\n", vec![("options_as_on_cmdline", 1)]),
        ("options vfio-pci.ids=10de:1b80 disable_vga=1\n", vec![("options_as_on_cmdline", 1)]),
        ("option vfio-pci ids=10de:1b80\nvfio-pci\n", vec![("line_ignored", 1), ("line_ignored", 2)]),
        ("options vfio-pci ids=%DEVICES%\n", vec![("vfio_pci_ids_malformed", 1)]),
        (
            "options vfio-pci ids=10de:1b80\n\noptions vfio-pci ids=10de:10f0\noptions vfio_pci ids=8086:1533\n",
            vec![("vfio_pci_ids_overridden", 1), ("vfio_pci_ids_overridden", 3)],
        ),
        ("blacklist nvidia*\n", vec![("blacklist_pattern", 1)]),
        ("blacklist nvidia nouveau # both\n", vec![("blacklist_several", 1)]),
        ("blacklist nvidia,nouveau\n", vec![("blacklist_several", 1)]),
        (
            "blacklist /lib/modules/x/nouveau.ko.zst\nblacklist nvidia.ko\n",
            vec![("blacklist_path", 1), ("blacklist_path", 2)],
        ),
        ("blacklist nouveau\r\n", vec![("carriage_return", 1)]),
        ("softdep drm pre:vfio-pci\n", vec![("softdep_blank", 1)]),
        ("softdep drm  pre: vfio-pci\n", vec![("softdep_empty", 1)]),
        ("blacklst nouveau\n", vec![("line_ignored", 1)]),
        ("options nouveau\n", vec![("line_ignored", 1)]),
        ("# why \\\nblacklist nouveau\nblacklist a\n", vec![("comment_continues", 1)]),
        ("options kvm ignore_msrs=1 # for Windows\n", vec![("comment_in_options", 1)]),
    ] {
        assert_eq!(codes(text), wanted, "{text:?}");
    }
}

#[test]
fn sane_lines_are_left_alone() {
    for text in [
        "# comment\n\n   \n # indented comment\n",
        "# my blacklist \\\n# and options \\\n\nblacklist a\n",
        "options vfio-pci ids=10de:1b80,10de:10f0 disable_vga=1 disable_idle_d3=1\n",
        "options vfio_pci ids=\"10de:1b80\" enable-sriov\n",
        "options vfio-pci ids=8086:10ca:ffffffff:ffffffff:020000:ffff00\n",
        "options vfio-pci ids=10de:1b80\noptions vfio-pci ids=10de:1b80\n",
        "options vfio-pci ids=10de:1b80,10de:10f0,\n",
        "options vfio-pci ids=\"10de:1b80, 10de:10f0\" disable_vga=y\n",
        "options vfio-iommu-type1 allow_unsafe_interrupts=Y\noptions snd-usb-audio index=-2\n",
        "alias nouveau off\nsoftdep a\tpre: b\nblacklist microcode\n",
        "options kvm.x y=1\n",
        "blacklist nouveau # the host needs no GPU\nblacklist snd-hda-intel\t\n",
        "softdep nvidia* pre: vfio-pci\nsoftdep a post: b\n",
        "install x /bin/false # no\nalias pci:v00001002d*sv* vfio-pci\nweakdep a b\n",
        "options kvm ignore_msrs=1\r\nblacklist nouveau \r\n",
        "remove iwlwifi \\\n(/sbin/lsmod | grep x) \\\n&& /sbin/modprobe -r mac80211\n",
    ] {
        assert_eq!(codes(text), [], "{text:?}");
    }
}

#[test]
fn files_that_nobody_reads() {
    for (name, text, wanted) in [
        ("vfio", "options vfio-pci ids=10de:1b80\n", Some(1)),
        ("blacklist.local", "# the site's\n\nblacklist a\n", Some(3)),
        ("gpu.config", "softdep a pre: b\n", Some(1)),
        ("gpu.conf", "blacklist a\n", None),
        ("gpu.conf.ORIG", "blacklist a\n", None),
        ("gpu.conf~", "blacklist a\n", None),
        ("gpu.bak", "blacklist a\n", None),
        (".vfio", "blacklist a\n", None),
        ("README", "options for the modules\n", None),
        ("vfio", "# blacklist a\n", None),
        ("notes", "Written by hand.\n", None),
    ] {
        let file = SourceFile { directory: "/etc/modprobe.d", name, bytes: text.as_bytes() };
        let found = lint_unread(&file);
        assert_eq!(
            found.as_ref().map(|f| (f.code, f.line)),
            wanted.map(|line| ("file_not_read", line)),
            "{name}"
        );
    }
    let file = SourceFile { directory: "/etc/modprobe.d", name: "vfio", bytes: b"blacklist a\n" };
    let found = lint_unread(&file).unwrap();
    assert_eq!(
        found.message,
        "modprobe reads only files whose name ends in .conf: nothing in this one counts"
    );
    assert_eq!(found.hint, "rename it to /etc/modprobe.d/vfio.conf");
}

#[test]
fn a_finding_says_what_to_write() {
    let file = SourceFile {
        directory: "/etc/modprobe.d",
        name: "v.conf",
        bytes: b"options vfio-pci diable_vga=1\n",
    };
    let finding = lint(&Config::from_files(&[file])).remove(0);
    assert_eq!(finding.file, "/etc/modprobe.d/v.conf");
    assert_eq!(finding.message, "vfio-pci has no option `diable_vga`: the kernel ignores it");
    assert_eq!(finding.hint, "did you mean `disable_vga`?");
}
