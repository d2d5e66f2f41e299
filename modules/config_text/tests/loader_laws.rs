//! Laws of the editors of `/etc/kernel/cmdline`, of entry files and of GRUB's environment block, on any bytes
//! and on texts made of the parts that matter.

use config_text::kernel_cmdline::{Wish, tokens};
use config_text::kernel_cmdline_file::{self, Reader};
use config_text::{bls, grubenv, loader_entry};
use proptest::prelude::*;

const NONE: &[&str] = &[];
const WANTED: &[&str] = &["intel_iommu=on", "iommu=pt", "vfio-pci.ids=1:2", "hugepages=4"];
const PARTS: &[&str] = &[
    "root=/dev/sda2",
    "ro",
    "quiet",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "# note",
    "intel_iommu=off",
    "intel_iommu=igfx_off",
    "iommu=off",
    "\"",
    "a=\"b c\"",
    "--",
    "console=ttyS0",
    "$kernelopts",
    " ",
];
const LINES: &[&str] = &[
    "title Linux\n",
    "version 6.1\n",
    "linux /vmlinuz-6.1\n",
    "initrd /i.img\r\n",
    "options root=a ro quiet\n",
    "options\tintel_iommu=off \n",
    "options\n",
    "# options x\n",
    "options a -- b\n",
    "\n",
    "options c",
    "options ",
];

fn text(parts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let made = prop::collection::vec(prop::sample::select(parts), 0..10)
        .prop_map(|parts| parts.concat().into_bytes());
    prop_oneof![3 => made, 1 => prop::collection::vec(any::<u8>(), 0..60)]
}

fn reader() -> impl Strategy<Value = Reader> {
    prop::sample::select(vec![Reader::KernelInstall, Reader::ProxmoxBootTool])
}

fn wanted() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(WANTED, 1..4)
}

/// Whether nothing that the wish is about is there before.
fn bare(line: &[u8]) -> bool {
    let about = ["iommu", "vfio", "hugepages"];
    !about.iter().any(|key| String::from_utf8_lossy(line).contains(key))
}

proptest! {
    #[test]
    fn the_file_holds_the_wish_and_comes_back(text in text(PARTS), reader in reader(), wanted in wanted()) {
        let wish = Wish::new(&wanted, NONE, true).unwrap();
        let (new, _) = kernel_cmdline_file::edit(&text, reader, &wish);
        let part = kernel_cmdline_file::read(&new, reader);
        prop_assert!(wish.held_by(&tokens(part)), "{:?}", String::from_utf8_lossy(&new));
        let (again, edit) = kernel_cmdline_file::edit(&new, reader, &wish);
        prop_assert!(edit.is_noop() && again == new);
        if bare(&text) {
            let gone = Wish::new(NONE, &wanted, false).unwrap();
            prop_assert_eq!(kernel_cmdline_file::edit(&new, reader, &gone).0, text);
        }
    }

    #[test]
    fn what_the_reader_passes_over_stays(text in text(PARTS), wanted in wanted()) {
        let wish = Wish::new(&wanted, NONE, true).unwrap();
        let (new, _) = kernel_cmdline_file::edit(&text, Reader::ProxmoxBootTool, &wish);
        let rest = |text: &[u8]| text.iter().position(|byte| *byte == b'\n').map(|at| text[at..].to_vec());
        prop_assert_eq!(rest(&text), rest(&new));
    }

    #[test]
    fn faults_have_a_line_of_the_file(text in text(PARTS), reader in reader()) {
        let lines = 1 + text.iter().filter(|byte| **byte == b'\n').count();
        for fault in kernel_cmdline_file::check(&text, reader) {
            prop_assert!((1..=lines).contains(&fault.line()), "{fault:?}");
            prop_assert!(!fault.to_string().is_empty() && fault.code().starts_with("kernel_cmdline_"));
        }
    }

    #[test]
    fn an_entry_holds_the_wish_and_comes_back(text in text(LINES), wanted in wanted()) {
        let wish = Wish::new(&wanted, NONE, true).unwrap();
        let (new, _) = loader_entry::edit(&text, &wish);
        let arguments = loader_entry::parse(&new).arguments(&new);
        prop_assert!(wish.held_by(&tokens(&arguments)), "{:?}", String::from_utf8_lossy(&new));
        let (again, edit) = loader_entry::edit(&new, &wish);
        prop_assert!(edit.is_noop() && again == new);
        let old = loader_entry::parse(&text);
        let others = |entry: &loader_entry::LoaderEntry| (entry.title.clone(), entry.version.clone(), entry.linux.clone());
        prop_assert_eq!(others(&old), others(&loader_entry::parse(&new)));
        // What an empty line of options, or a last line without an end, gets besides is not taken away again.
        let whole = !old.options.is_empty() || text.last().is_none_or(|byte| *byte == b'\n');
        if bare(&text) && whole && old.options.iter().all(|range| !range.is_empty()) {
            let gone = Wish::new(NONE, &wanted, false).unwrap();
            prop_assert_eq!(loader_entry::edit(&new, &gone).0, text);
        }
    }

    #[test]
    fn a_block_keeps_its_size_and_its_other_variables(value in "[a-z=/ \\\\\n]{0,60}", other in "[a-z ]{0,20}") {
        let mut block = b"# GRUB Environment Block\nsaved_entry=".to_vec();
        block.extend_from_slice(other.as_bytes());
        block.extend_from_slice(b"\nkernelopts=root=a\nboot_success=0\n");
        block.resize(1024, b'#');
        let new = grubenv::set(&block, "kernelopts", value.as_bytes()).unwrap();
        prop_assert_eq!(new.len(), 1024);
        prop_assert_eq!(grubenv::get(&new, "kernelopts").unwrap(), value.as_bytes());
        for name in ["saved_entry", "boot_success"] {
            prop_assert_eq!(grubenv::get(&new, name), grubenv::get(&block, name));
        }
        prop_assert_eq!(grubenv::set(&new, "kernelopts", b"root=a").unwrap(), block);
    }

    #[test]
    fn any_bytes_are_no_block_or_stay_one(bytes in prop::collection::vec(any::<u8>(), 0..80), wanted in wanted()) {
        let _ = grubenv::set(&bytes, "kernelopts", b"x");
        let _ = grubenv::expand(&bytes, &bytes);
        let wish = Wish::new(&wanted, NONE, true).unwrap();
        let files = [("/a.conf".to_string(), [b"linux /k\n", bytes.as_slice()].concat())];
        let _ = bls::edit(&files, Some(&("/env".to_string(), bytes.clone())), &wish);
    }
}
