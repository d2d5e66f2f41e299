//! Configurations of virtual machines: the laws, and tables of what real files hold.

use config_text::qemu_server_conf::{
    Change, Conf, Device, HostId, Hostpci, SETTINGS, after_qm_set, canonical,
};
use proptest::prelude::*;

const FULL: &str = "# one\n## two%3A x\nagent: 1\nboot: order=scsi0;hostpci0\nhostpci0: 01:00,pcie=1\nmachine: q35\n\
                    onboot: 1\n\n[PENDING]\ndelete: hostpci1,!scsi1\nhostpci2: 02:00.0\n\n[special:cloudinit]\n\
                    hostpci0: no\n\n[before]\n#snap\nhostpci0: 09:00.0\nsnaptime: 1\n";

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn id(text: &str) -> HostId {
    HostId::parse(text).unwrap()
}

#[test]
fn sections_keep_their_keys_apart() {
    let conf = Conf::parse(FULL.as_bytes());
    assert_eq!(conf.get("hostpci0").as_deref(), Some("01:00,pcie=1"));
    assert_eq!(conf.line_of("hostpci0"), Some(5));
    assert_eq!(conf.get("snaptime"), None);
    assert_eq!(conf.pending("hostpci2").as_deref(), Some("02:00.0"));
    assert_eq!(conf.pending_deletes(), ["hostpci1", "scsi1"]);
    assert!(conf.is_pending("hostpci1") && !conf.is_pending("hostpci0"));
    assert_eq!(conf.at_next_start("hostpci0").as_deref(), Some("01:00,pcie=1"));
    assert_eq!(conf.at_next_start("hostpci2").as_deref(), Some("02:00.0"));
    let deleted = Conf::parse(b"hostpci1: 01:00\n[pending]\ndelete: hostpci1\n");
    assert_eq!((deleted.get("hostpci1").is_some(), deleted.at_next_start("hostpci1")), (true, None));
}

#[test]
fn lines_that_proxmox_passes_over_are_no_keys() {
    for line in [
        " hostpci0: 01:00",
        "Hostpci0: 01:00",
        "hostpci0 : 01:00",
        "hostpci0:",
        "hostpci0: ",
        "#hostpci0: 01:00",
    ] {
        assert_eq!(Conf::parse(line.as_bytes()).get("hostpci0"), None, "{line:?}");
    }
    for (line, value) in [
        ("hostpci0:01:00", "01:00"),
        ("hostpci0: \t01:00 \r\n", "01:00"),
        ("hostpci0: a\nhostpci0: b\n", "b"),
    ] {
        assert_eq!(Conf::parse(line.as_bytes()).get("hostpci0").as_deref(), Some(value), "{line:?}");
    }
    let unknown = Conf::parse(b"a: 1\n[1 x]\nhostpci0: 01:00\n[snap]\nb: 1\n");
    assert_eq!((unknown.get("hostpci0"), unknown.get("b")), (None, None));
}

#[test]
fn a_new_line_goes_where_it_sorts() {
    for (before, after) in [
        ("", "hostpci0: X\n"),
        ("args: a\nname: n\n", "args: a\nhostpci0: X\nname: n\n"),
        ("hostpci1: Y\n", "hostpci0: X\nhostpci1: Y\n"),
        ("# d\n\nname: n", "# d\nhostpci0: X\n\nname: n"),
        ("agent: 1", "agent: 1\nhostpci0: X"),
        ("agent: 1\r\nname: n\r\n", "agent: 1\r\nhostpci0: X\r\nname: n\r\n"),
        ("agent: 1\n\n[sn]\nagent: 1\n", "agent: 1\nhostpci0: X\n\n[sn]\nagent: 1\n"),
        ("[sn]\nagent: 1\n", "hostpci0: X\n[sn]\nagent: 1\n"),
        ("hostpci0:   old,pcie=1  \r\nname: n", "hostpci0:   X  \r\nname: n"),
    ] {
        let mut conf = Conf::parse(before.as_bytes());
        conf.set("hostpci0", "X");
        assert_eq!(text(conf.write()), after, "{before:?}");
    }
    let mut conf = Conf::parse(FULL.as_bytes());
    conf.remove("hostpci0");
    assert_eq!(text(conf.write()), FULL.replacen("hostpci0: 01:00,pcie=1\n", "", 1));
}

#[test]
fn values_mean_the_same_in_other_words() {
    for (one, other, same) in [
        ("01:00.0", "host=0000:01:00.0", true),
        ("01:00.0,pcie=1", "pcie=on,host=01:00.0", true),
        ("01:00.0,pcie=1,rombar=1,driver=vfio,x-vga=0", "0000:01:00.0,pcie=yes", true),
        ("01:00.0,vendor-id=0x10DE", "01:00.0,vendor-id=0x10de", true),
        ("mapping=gpu,pcie=1", "pcie=1,mapping=gpu", true),
        ("01:00.0,new=1", "new=1,01:00.0", true),
        ("01:00.0,,pcie=1,", "01:00.0,pcie=1", true),
        ("01:00.0", "01:00", false),
        ("01:00.0;01:00.1", "01:00.1;01:00.0", false),
        ("01:00.0", "0001:01:00.0", false),
        ("01:00.0,rombar=0", "01:00.0", false),
        ("01:00.0,new=1", "01:00.0", false),
        ("mapping=gpu", "mapping=GPU", false),
        // Proxmox VE passes over such a line.
        ("0F:00.0", "0f:00.0", false),
        ("01:00.0,pcie=maybe", "01:00.0,pcie=maybe", false),
    ] {
        let (a, b) = (Hostpci::parse(one), Hostpci::parse(other));
        assert_eq!(a.same_as(&b), same, "{one} {other}");
        assert_eq!(b.same_as(&a), same, "{other} {one}");
    }
}

#[test]
fn faults_are_proxmox_own() {
    for (value, fault) in [
        ("01:00.0,pcie=1,x-vga=on,romfile=a/b.rom,mdev=i915-GVTg_V5_4,driver=keep,sub-device-id=0x0000", ""),
        ("mapping=some-Nic_1,new=x", ""),
        ("0000:01:00;0000:02:00.f", ""),
        ("", "neither host nor mapping"),
        ("pcie=1", "neither host nor mapping"),
        ("01:00.0,mapping=gpu", "both given"),
        ("01:00.0,host=02:00.0", "host is given twice"),
        ("01:00.0,pcie=1,pcie=0", "pcie is given twice"),
        ("01:00.0,pcie=", "no key=value"),
        ("01:00.0,=1", "no key=value"),
        ("01:00.0, pcie=1", "\" pcie\" is no sub-option's name"),
        ("01:00.0,pcie =1", "\"pcie \" is no sub-option's name"),
        ("01:00.0,Pcie=1", "\"Pcie\" is no sub-option's name"),
        (" host=01:00.0", "\" host\" is no sub-option's name"),
        ("01:00.0,new_in-10=x", ""),
        ("gpu", "no list of PCI addresses"),
        ("01:00.0;", "no list of PCI addresses"),
        ("0A:00.0", "lower case"),
        ("mapping=1", "no mapping's name"),
        ("01:00.0,vendor-id=10de", "four hexadecimal digits"),
        ("01:00.0,driver=vfio-pci", "vfio or keep"),
        ("pcie=1,mapping=a", "no mapping's name"),
    ] {
        let found = Hostpci::parse(value).fault().unwrap_or_default();
        assert_eq!(found.is_empty(), fault.is_empty(), "{value}: {found}");
        assert!(found.contains(fault), "{value}: {found}");
    }
}

#[test]
fn an_edit_touches_what_it_is_about() {
    let entry = Hostpci::parse("host=01:00,new=1,pcie=on,x-vga=1");
    assert_eq!(entry.with_setting("pcie", "1").write(), entry.write());
    assert_eq!(entry.with_setting("pcie", "0").write(), "host=01:00,new=1,x-vga=1");
    assert_eq!(entry.with_setting("x-vga", "").write(), "host=01:00,new=1,pcie=on");
    assert_eq!(
        entry.with_setting("romfile", "a.rom").write(),
        "host=01:00,new=1,pcie=on,x-vga=1,romfile=a.rom"
    );
    assert_eq!(entry.with_setting("driver", "vfio").write(), entry.write());
    assert_eq!(entry.with_device(&Device::Host(vec![id("0000:01:00")])).write(), entry.write());
    assert_eq!(
        entry.with_device(&Device::Host(vec![id("02:00.0"), id("02:00.1")])).write(),
        "host=0000:02:00.0;0000:02:00.1,new=1,pcie=on,x-vga=1"
    );
    assert_eq!(
        Hostpci::parse("pcie=1,03:00").with_device(&Device::Mapping("gpu".into())).write(),
        "pcie=1,mapping=gpu"
    );
    let new =
        Hostpci::new(&Device::Host(vec![id("01:00.0")]), &[("x-vga", "1"), ("rombar", "1"), ("pcie", "1")]);
    assert_eq!(new.write(), "0000:01:00.0,pcie=1,x-vga=1");
}

#[test]
fn qm_writes_sorted_and_escaped() {
    assert_eq!(
        text(canonical(b"name: n\r\n# d: \xc3\xa9 \n#\n\nagent: 1\n# e\ndescription: f%0Ag\n\n[sb]\nz: 1\na: 2\n[sa]\n#x\n[PENDING]\nq: 1\n")),
        "# d%3A %C3%A9 \n#\n# e\n#f\n#g\nagent: 1\nname: n\n\n[PENDING]\nq: 1\n\n[sa]\n#x\n\n[sb]\na: 2\nz: 1\n"
    );
    assert_eq!(
        text(canonical(b"[PENDING]\ndelete: a\n[special:cloudinit]\nname: x\n[special:fleecing]\ny: 1\n")),
        "\n[PENDING]\ndelete: a\n\n[special:fleecing]\ny: 1\n"
    );
}

#[test]
fn qm_set_on_a_stopped_and_on_a_running_machine() {
    let set = |key: &str, value: &str| Change::Set(key.to_string(), value.to_string());
    let delete = |key: &str| Change::Delete(key.to_string());
    let conf = "boot: order=scsi0;hostpci0\nhostpci0: 01:00\nonboot: 1\n\n[sn]\na: 1\n";
    for (before, changes, running, after) in [
        (
            conf,
            vec![set("hostpci1", "02:00"), set("onboot", "0")],
            false,
            "boot: order=scsi0;hostpci0\nhostpci0: 01:00\nhostpci1: 02:00\nonboot: 0\n\n[sn]\na: 1\n",
        ),
        (
            conf,
            vec![set("hostpci1", "02:00"), set("onboot", "0")],
            true,
            "boot: order=scsi0;hostpci0\nhostpci0: 01:00\nonboot: 0\n\n[PENDING]\nhostpci1: 02:00\n\n[sn]\na: 1\n",
        ),
        (conf, vec![delete("hostpci0")], false, "boot: order=scsi0\nonboot: 1\n\n[sn]\na: 1\n"),
        (
            conf,
            vec![delete("hostpci0")],
            true,
            "boot: order=scsi0;hostpci0\nhostpci0: 01:00\nonboot: 1\n\n[PENDING]\nboot: order=scsi0\ndelete: hostpci0\n\n[sn]\na: 1\n",
        ),
        // Asked for again, or given back, while it waits.
        (
            "hostpci0: 01:00\n\n[PENDING]\ndelete: hostpci0\n",
            vec![set("hostpci0", "01:00")],
            true,
            "hostpci0: 01:00\n",
        ),
        ("a: 1\n\n[PENDING]\nhostpci0: 01:00\n", vec![delete("hostpci0")], true, "a: 1\n"),
        (
            "a: 1\n\n[PENDING]\ndelete: !scsi1,a\nb: 2\n",
            vec![set("hostpci0", "01:00")],
            false,
            "b: 2\nhostpci0: 01:00\n",
        ),
        ("a: 1\n", vec![delete("hostpci0")], false, "a: 1\n"),
    ] {
        assert_eq!(
            text(after_qm_set(before.as_bytes(), &changes, running)),
            after,
            "{before} {changes:?} {running}"
        );
    }
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "hostpci0: 01:00",
        "hostpci1: 02:00.0,pcie=1",
        "agent: 1",
        "name: n",
        "#",
        ":",
        " ",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "[PENDING]\n",
        "[snap]\n",
        "[special:cloudinit]\n",
        "[?]\n",
        "delete: hostpci0\n",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = String> {
    let parts = [
        "01:00",
        "01:00.0",
        "host=0000:01:00.0",
        "0A:00.1;0a:00.2",
        "mapping=gpu",
        "pcie=1",
        "pcie=off",
        "x-vga=on",
        "rombar=0",
        "vendor-id=0x10DE",
        "romfile=a.rom",
        "driver=keep",
        "new=1",
        "",
        " ",
        "=",
        "x=",
        "pcie",
    ];
    proptest::collection::vec(proptest::sample::select(parts.to_vec()), 0..6)
        .prop_map(|parts| parts.join(","))
}

/// One that Proxmox VE takes, its parts in any order.
fn good_value() -> impl Strategy<Value = String> {
    let device =
        proptest::sample::select(vec!["01:00", "host=0000:01:00.0", "0a:00.1;0a:00.2", "mapping=gpu"]);
    let settings = [
        "pcie=1",
        "pcie=off",
        "x-vga=on",
        "rombar=0",
        "rombar=yes",
        "vendor-id=0x10DE",
        "vendor-id=0x10de",
        "romfile=a.rom",
        "driver=keep",
        "driver=vfio",
        "new=1",
        "",
    ];
    let settings = proptest::sample::subsequence(settings.to_vec(), 0..6);
    (device, settings)
        .prop_map(|(device, mut parts)| {
            parts.dedup_by_key(|part| part.split('=').next().unwrap_or_default());
            parts.push(device);
            parts
        })
        .prop_shuffle()
        .prop_map(|parts| parts.join(","))
}

/// The lines outside the main section, and the main section without a key.
fn rest(bytes: &[u8], key: &str) -> Vec<u8> {
    let mut conf = Conf::parse(bytes);
    conf.remove(key);
    conf.write()
}

proptest! {
    #[test]
    fn a_file_is_written_back_as_it_was(x in file()) {
        prop_assert_eq!(Conf::parse(&x).write(), x);
    }

    #[test]
    fn set_is_idempotent_in_force_and_undone(x in file(), v in value()) {
        prop_assume!(!v.trim().is_empty() && v.trim() == v);
        let mut conf = Conf::parse(&x);
        let had = conf.get("hostpci0").is_some();
        conf.set("hostpci0", &v);
        let once = conf.write();
        prop_assert_eq!(Conf::parse(&once).get("hostpci0"), Some(v.clone()));
        prop_assert_eq!(conf.get("hostpci0"), Some(v.clone()));
        conf.set("hostpci0", &v);
        prop_assert_eq!(conf.write(), once.clone());
        let gone = rest(&once, "hostpci0");
        prop_assert_eq!(Conf::parse(&gone).get("hostpci0"), None);
        if had {
            prop_assert_eq!(gone, rest(&x, "hostpci0"));
        } else {
            prop_assert_eq!(gone, x);
        }
    }

    #[test]
    fn a_value_is_written_back(v in value(), w in value()) {
        let (entry, other) = (Hostpci::parse(&v), Hostpci::parse(&w));
        prop_assert_eq!(entry.write(), v);
        prop_assert_eq!(entry.same_as(&entry), entry.fault().is_none());
        prop_assert_eq!(entry.same_as(&other), other.same_as(&entry));
    }

    #[test]
    fn an_edit_means_what_it_says(v in good_value(), w in good_value()) {
        let (entry, other) = (Hostpci::parse(&v), Hostpci::parse(&w));
        prop_assert_eq!((entry.fault(), other.fault()), (None, None));
        let mut all = entry.clone();
        for key in SETTINGS {
            let given = other.get(key).unwrap_or_default();
            let edited = entry.with_setting(key, given);
            all = all.with_setting(key, given);
            prop_assert_eq!(&edited.with_setting(key, given), &edited);
            prop_assert_eq!(edited.device(), entry.device());
            prop_assert_eq!(edited.fault(), None);
            // What was not there comes off again without a trace.
            if entry.get(key).is_none() {
                prop_assert_eq!(edited.with_setting(key, "").write(), entry.write());
            }
        }
        if let (Some(device), true) = (other.device(), entry.get("new") == other.get("new")) {
            prop_assert!(all.with_device(&device).same_as(&other));
        }
    }

    #[test]
    fn what_qm_wrote_it_writes_again(x in file()) {
        let once = canonical(&x);
        prop_assert_eq!(canonical(&once), once);
    }

    #[test]
    fn qm_set_means_what_it_says(x in file(), running in any::<bool>()) {
        let set = [Change::Set("hostpci0".into(), "03:00".into()), Change::Set("onboot".into(), "0".into())];
        let after = Conf::parse(&after_qm_set(&x, &set, running));
        prop_assert_eq!(after.at_next_start("hostpci0"), Some("03:00".to_string()));
        prop_assert_eq!(after.get("onboot"), Some("0".to_string()));
        let after = Conf::parse(&after_qm_set(&x, &[Change::Delete("hostpci0".into())], running));
        prop_assert_eq!(after.at_next_start("hostpci0"), None);
    }
}
