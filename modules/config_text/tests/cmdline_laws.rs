//! Laws of the editors of kernel command lines, on any bytes and on lines made of the parts that matter.

use config_text::grub_default::{CMDLINE_DEFAULT, File, Settings, Target, edit};
use config_text::kernel_cmdline::{Wish, in_force, rewrite, tokens};
use config_text::shell_assignment::Dialect;
use proptest::prelude::*;

const NONE: &[&str] = &[];
const TOKENS: &[&str] = &[
    "intel_iommu=on",
    "intel_iommu=off",
    "intel_iommu=on,sm_on",
    "intel_iommu=off,igfx_off",
    "intel-iommu=on",
    "amd_iommu=off",
    "iommu=pt",
    "iommu=nopt,soft",
    "iommu=off",
    "iommu.passthrough=0",
    "quiet",
    "\"a b=c\"",
    "x=\"d e\"",
    "console=tty0",
    "console=ttyS0",
    "vfio-pci.ids=1:2",
    "vfio_pci.ids=3:4",
    "pci=a,b",
    "--",
];
const WANTED: &[&str] =
    &["intel_iommu=on", "iommu=pt", "vfio-pci.ids=1:2", "console=tty0", "quiet", "pci=b", "amd_iommu=on"];

fn line() -> impl Strategy<Value = Vec<u8>> {
    let blank = prop::sample::select(vec![" ", "  ", "\t"]);
    let token = prop::sample::select(TOKENS);
    let padded = (prop::collection::vec((token, blank), 0..8), prop::sample::select(vec!["", " "]));
    padded.prop_map(|(parts, lead)| {
        let body: String = parts.iter().flat_map(|(token, blank)| [*token, *blank]).collect();
        format!("{lead}{body}").into_bytes()
    })
}

fn wanted() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(WANTED, 1..4)
}

/// The tokens whose keys no wish here is about.
fn bystanders(text: &[u8]) -> Vec<Vec<u8>> {
    let about = ["iommu", "vfio", "console", "quiet", "pci"];
    let touched = |raw: &[u8]| about.iter().any(|key| String::from_utf8_lossy(raw).contains(key));
    tokens(text).iter().map(|token| token.raw.to_vec()).filter(|raw| !touched(raw)).collect()
}

/// What a line becomes when `wanted` shall be on it.
fn with(text: &str, wanted: &[&str]) -> String {
    let (line, _) = rewrite(text.as_bytes(), &Wish::new(wanted, NONE, true).expect("a good wish"));
    String::from_utf8(line).expect("text")
}

#[test]
fn keys_that_add_up_keep_what_is_there() {
    let cases = [
        ("modules_load=zfs,foo", "modules_load=vfio", "modules_load=zfs,foo modules_load=vfio"),
        ("rd.modules_load=zfs", "rd.modules-load=vfio", "rd.modules_load=zfs rd.modules-load=vfio"),
        ("modules_load=zfs,vfio", "modules_load=vfio", "modules_load=zfs,vfio"),
        ("rd.systemd.wants=a", "rd.systemd.wants=b", "rd.systemd.wants=a rd.systemd.wants=b"),
        ("rd.systemd.mask=a", "rd.systemd.mask=b", "rd.systemd.mask=a rd.systemd.mask=b"),
    ];
    for (text, wanted, expected) in cases {
        assert_eq!(with(text, &[wanted]), expected);
    }
    // Each count belongs to the size before it.
    let pages = "hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=8";
    assert_eq!(with(pages, &["hugepagesz=1G", "hugepages=8"]), pages);
}

proptest! {
    #[test]
    fn a_wish_holds_and_holding_it_changes_nothing(text in line(), wanted in wanted()) {
        let wish = Wish::new(&wanted, NONE, true).unwrap();
        let (once, _) = rewrite(&text, &wish);
        for token in &wanted {
            prop_assert!(in_force(&once, token.as_bytes()), "{}", String::from_utf8_lossy(&once));
        }
        let (twice, edit) = rewrite(&once, &wish);
        prop_assert_eq!(&twice, &once);
        prop_assert!(edit.is_noop() && edit.added.is_empty() && edit.removed.is_empty());
        prop_assert_eq!(bystanders(&once), bystanders(&text));
    }

    #[test]
    fn absent_leaves_nothing_and_settles(text in line(), wanted in wanted()) {
        let wish = Wish::new(NONE, &wanted, false).unwrap();
        let (once, _) = rewrite(&text, &wish);
        for token in &wanted {
            prop_assert!(!in_force(&once, token.as_bytes()), "{}", String::from_utf8_lossy(&once));
        }
        prop_assert_eq!(&rewrite(&once, &wish).0, &once);
    }

    #[test]
    fn absent_undoes_present(text in prop::collection::vec(any::<u8>(), 0..60), wanted in wanted()) {
        let mine = |raw: &[u8]| {
            ["iommu", "vfio", "console", "quiet", "pci"].iter().any(|key| String::from_utf8_lossy(raw).contains(key))
        };
        prop_assume!(!tokens(&text).iter().any(|token| mine(token.raw)));
        let (edited, _) = rewrite(&text, &Wish::new(&wanted, NONE, true).unwrap());
        let (restored, _) = rewrite(&edited, &Wish::new(NONE, &wanted, false).unwrap());
        prop_assert_eq!(restored, text);
    }

    #[test]
    fn any_bytes_are_survived(text in prop::collection::vec(any::<u8>(), 0..200), bash in any::<bool>()) {
        survives(text, bash)?;
    }

    #[test]
    fn any_shell_like_bytes_are_survived(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "GRUB_CMDLINE_LINUX_DEFAULT=", "GRUB_CMDLINE_LINUX=", "\"", "'", "`", "$(", ")", "${", "}", "$((", "\\", "\n",
                " ", ";", "&", "|", "<<E", "E\n", "if ", "then ", "fi", "case ", " in ", "esac", "f()", "{ ", "for ", "do ",
                "done", "[[ ", "]]", "$'", "#", "intel_iommu=off", "quiet", "é", "\u{0}", "!", "eval ", ". x", "+=",
            ]),
            0..40,
        ),
        bash in any::<bool>(),
    ) {
        survives(parts.concat().into_bytes(), bash)?;
    }
}

/// Whatever stands in the file, the edit is refused, or it settles.
fn survives(bytes: Vec<u8>, bash: bool) -> Result<(), TestCaseError> {
    let name = "/etc/default/grub".to_string();
    let dialect = if bash { Dialect::Bash } else { Dialect::Posix };
    let target = Target { variable: CMDLINE_DEFAULT, own_file: &name };
    let wish = Wish::new(&["intel_iommu=on"], NONE, true).unwrap();
    let files = [File { name: name.clone(), bytes }];
    let Ok(outcome) = edit(&Settings { files: &files, dialect }, target, &wish) else { return Ok(()) };
    let mut edited = files.to_vec();
    for change in outcome.changes {
        edited = vec![File { name: change.name, bytes: change.after.unwrap_or_default() }];
    }
    let again = edit(&Settings { files: &edited, dialect }, target, &wish);
    prop_assert_eq!(again.map(|outcome| outcome.changes), Ok(Vec::new()));
    Ok(())
}
