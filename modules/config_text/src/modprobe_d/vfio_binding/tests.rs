use super::*;
use crate::modprobe_d::SourceFile;
use proptest::prelude::*;

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| text.to_string()).collect()
}

fn config(files: &[(&str, &[u8])]) -> Config {
    let source = |&(name, bytes)| SourceFile { directory: "/d", name, bytes };
    Config::from_files(&files.iter().map(source).collect::<Vec<_>>())
}

#[test]
fn ids_are_edited_in_place_and_only_they() {
    for (before, ids, after) in [
        ("", &["10de:1b80"][..], "options vfio-pci ids=10de:1b80\n"),
        ("# c\n", &["a:b", "c:d"], "# c\noptions vfio-pci ids=a:b,c:d\n"),
        (
            "options vfio-pci  ids=1:2 disable_vga=1 # x\r\n",
            &["a:b"],
            "options vfio-pci  ids=a:b disable_vga=1 # x\r\n",
        ),
        (
            "options vfio_pci ids=1:2\noptions vfio-pci ids=3:4\n",
            &["a:b"],
            "options vfio_pci ids=1:2\noptions vfio-pci ids=a:b\n",
        ),
        ("options vfio-pci ids=\"1:2, 3:4\"\n", &["1:2", "3:4"], "options vfio-pci ids=\"1:2, 3:4\"\n"),
        ("options vfio-pci \\\n ids=1:2 a\\tb\n", &["a:b"], "options vfio-pci atb ids=a:b\n"),
        ("options vfio-pci disable_vga=1 ids=1:2\n", &[], "options vfio-pci disable_vga=1\n"),
        ("a\noptions vfio-pci ids=1:2\nb\noptions vfio-pci ids=3:4", &[], "a\nb"),
        ("options vfio-pci ids=%IDS%\n", &["a:b"], "options vfio-pci ids=%IDS%\noptions vfio-pci ids=a:b\n"),
        ("options vfio-pci ids=%IDS%\noptions vfio-pci ids=a:b\n", &[], "options vfio-pci ids=%IDS%\n"),
        (
            "options vfio-pci ids=1:2,x\n",
            &["1:2", "a:b"],
            "options vfio-pci ids=1:2,x\noptions vfio-pci ids=1:2,a:b\n",
        ),
        (
            "options vfio-pci ids=1:2,x\noptions vfio-pci ids=1:2,a:b\n",
            &["1:2"],
            "options vfio-pci ids=1:2,x\n",
        ),
        ("options a \\", &["a:b"], "options vfio-pci ids=a:b\noptions a \\"),
    ] {
        let edited = with_ids(before.as_bytes(), &strings(ids));
        assert_eq!(String::from_utf8(edited).unwrap(), after, "{before:?} {ids:?}");
    }
}

#[test]
fn the_last_ids_count_and_what_the_kernel_skips_does_not() {
    let files: [(&str, &[u8]); 2] = [
        ("a.conf", b"options vfio-pci ids=1:2 ids=10DE:1B80,0000:01:00.0\n"),
        ("b.conf", b"options vfio-pci disable_vga=y\n"),
    ];
    let found = config(&files);
    let (place, ids) = ids_in_force(&found).unwrap();
    assert_eq!((place.to_string(), ids), ("/d/a.conf:1".to_string(), strings(&["10DE:1B80"])));
    assert!(disables_vga(&found));
    let found = found.with_kernel_cmdline(b"vfio-pci.ids=3:4 vfio-pci.disable_vga=0");
    assert_eq!(ids_in_force(&found).unwrap().1, ["3:4"]);
    assert!(!disables_vga(&found));
    assert_eq!(ids_in_force(&config(&[("a.conf", b"options vfio-pci\n")])), None);
    for (a, b, same) in [
        ("10de:1b80", "10DE:1B80", true),
        ("0x10de:0x1b80", "10de:1b80", true),
        ("010de:1b80", "10de:1b80", true),
        ("10de:1b80:1462:3301", "10de:1b80", false),
        ("10de:1b80", "10de:1b81", false),
    ] {
        assert_eq!(is_same_id(a, b), same, "{a} {b}");
    }
}

#[test]
fn the_first_softdep_counts() {
    let files: [(&str, &[u8]); 2] = [
        ("a.conf", b"softdep nvidia* post: x\nsoftdep nouveau pre: drm vfio_pci\n"),
        ("z.conf", b"softdep nvidia pre: vfio-pci\nsoftdep snd_hda_intel pre: vfio-pci\n"),
    ];
    let found = config(&files);
    let at = |driver| softdep_in_force(&found, driver).map(|(place, ours)| (place.to_string(), ours));
    assert_eq!(at("nvidia"), Some(("/d/a.conf:1".to_string(), false)));
    assert_eq!(at("nouveau"), Some(("/d/a.conf:2".to_string(), true)));
    assert_eq!(at("snd-hda-intel"), Some(("/d/z.conf:2".to_string(), true)));
    assert_eq!(at("e1000e"), None);
    assert_eq!(softdep_in_table(b"# own\nsoftdep e1000e pre: ptp\n", "e1000e"), Some((2, false)));
}

#[test]
fn only_our_softdeps_are_ours() {
    let text = b"softdep a pre: vfio-pci\nsoftdep b pre: vfio_pci drm\nsoftdep c-d pre: vfio_pci\n";
    assert_eq!(own_softdeps(text), ["a", "c_d"]);
    let kept = without_softdeps(text, &|_| true);
    assert_eq!(kept, b"softdep b pre: vfio_pci drm\n");
    assert_eq!(with_softdep(text, "c-d"), text);
}

/// Bytes that make the reader stumble come up often.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"options vfio-pci".to_vec()),
        Just(b"options vfio_pci ids=1:2,bad".to_vec()),
        Just(b" ids=\"3:4, 5:6\"".to_vec()),
        Just(b" ids=7:8".to_vec()),
        Just(b" disable_vga=1".to_vec()),
        Just(b"softdep x pre: vfio-pci".to_vec()),
        Just(b"softdep nouveau post: y".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\\".to_vec()),
        Just(b"\\\n".to_vec()),
        Just(b"#".to_vec()),
        Just(b"\0".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn an_edit_is_idempotent_in_force_and_undone(x in text(), disable_vga: bool) {
        let ids = strings(&["10de:1b80", "8086:1533"]);
        let present = |bytes: &[u8]| {
            let out = with_softdep(&with_ids(bytes, &ids), "e1000e");
            if disable_vga { with_disable_vga(&out) } else { out }
        };
        let once = present(&x);
        prop_assert_eq!(&present(&once), &once);
        prop_assert_eq!(&own_ids(&once), &ids);
        prop_assert_eq!(ids_in_force(&config(&[("a.conf", &once)])).unwrap().1, ids);
        prop_assert!(own_softdeps(&once).contains(&"e1000e".to_string()));
        let gone = without_softdeps(&with_ids(&once, &[]), &|driver| driver == "e1000e");
        let gone = if disable_vga { without_disable_vga(&gone) } else { gone };
        prop_assert!(own_ids(&gone).is_empty());
        let had_ids = parse(&x).iter().any(|line| has_ids(line, &|_| true));
        let had_vga = disable_vga && parse(&x).iter().any(is_disable_vga);
        if !had_ids && !had_vga {
            prop_assert_eq!(gone, x);
        }
    }
}
