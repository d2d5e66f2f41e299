//! `ids=`, soft dependencies, and what other files say.

use serde_json::{Value, json};

use crate::host::{Bench, INIT_TOP, OWN, RELEASE, VFIO_BUILTIN, refused, warnings};

const GPU: [&str; 2] = ["0000:01:00.0", "01:00.1"];

#[test]
fn a_card_with_two_functions_and_back() {
    let bench = Bench::new();
    let before = bench.snapshot();
    let reply = bench.run(json!({"devices": GPU, "disable_vga": true})).expect_ok();
    assert_eq!(
        bench.lines(OWN),
        [
            "options vfio-pci ids=10de:2484,10de:228b",
            "softdep nouveau pre: vfio-pci",
            "softdep snd_hda_intel pre: vfio-pci",
            "options vfio-pci disable_vga=1"
        ]
    );
    assert!(!bench.host.at(INIT_TOP).exists());
    let device = &reply.json["devices"][0];
    assert_eq!(
        *device,
        json!({
            "address": "0000:01:00.0", "id": "10de:2484", "group": 10, "members": ["0000:01:00.1"],
            "driver": "nouveau", "wanted_driver": "vfio-pci", "bound": false, "viable": false, "method": "ids",
        })
    );
    assert_eq!(reply.json["files"], json!([OWN]));
    assert_eq!(reply.json["parameters"], json!([]));
    let reasons = reply.json["reboot_reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 2);
    assert_eq!(
        reasons[0],
        json!({"code": "device_not_bound", "message": "0000:01:00.0 is configured for vfio-pci but on nouveau"})
    );
    let due = &reply.json["actions"][0];
    assert_eq!((&due["command"][0], &due["rc"]), (&json!("update-initramfs"), &Value::Null));

    let reply = bench.absent(json!(GPU)).expect_ok();
    assert_eq!(bench.differences(&before), [""; 0]);
    assert_eq!(reply.json["reboot_required"], false, "the host's drivers have them");
    assert!(!bench.absent(json!(GPU)).expect_ok().changed());
}

/// A host whose images dracut builds, with the settings of this module's there.
const DRACUT_CONF: &str = "/etc/dracut.conf.d/pci-passthrough-vfio.conf";

fn dracut_host() -> Bench {
    let bench = Bench::new();
    std::fs::remove_file(bench.host.at("/usr/sbin/update-initramfs")).unwrap();
    bench.host.file("/usr/bin/dracut", "").folder("/etc/dracut.conf.d").folder("/usr/lib/dracut/modules.d");
    bench
}

/// It takes /etc/modprobe.d into host-only images alone, and a softdep needs vfio-pci there.
#[test]
fn dracut_takes_the_ids_into_every_image() {
    let bench = dracut_host();
    let before = bench.snapshot();
    let reply = bench.present(json!(GPU)).expect_ok();
    assert_eq!(reply.json["files"], json!([OWN, DRACUT_CONF]));
    let settings = bench.text(DRACUT_CONF);
    assert!(
        settings
            .contains("\n#   10de:228b /etc/modprobe.d/zz-pci-passthrough-vfio.conf\n#   10de:2484 /etc/modprobe.d/zz-pci-passthrough-vfio.conf\ninstall_optional_items+=\" /etc/modprobe.d/*.conf ")
    );
    assert!(settings.ends_with(" \"\nadd_drivers+=\" vfio_pci \"\n"), "{settings}");
    assert!(!bench.present(json!(GPU)).expect_ok().changed());
    let _ = bench.absent(json!(["0000:01:00.0"])).expect_ok();
    assert!(
        bench
            .text(DRACUT_CONF)
            .contains("vfio_bind):\n#   10de:228b /etc/modprobe.d/zz-pci-passthrough-vfio.conf\ninstall")
    );
    // The generator changes to initramfs-tools, and the settings go.
    bench.host.file("/usr/sbin/update-initramfs", "").file("/usr/sbin/mkinitramfs", "");
    let _ = bench.present(json!(GPU)).expect_ok();
    assert!(!bench.host.at(DRACUT_CONF).exists());
    for name in ["update-initramfs", "mkinitramfs"] {
        std::fs::remove_file(bench.host.at(&format!("/usr/sbin/{name}"))).unwrap();
    }
    let _ = bench.present(json!(GPU)).expect_ok();
    let _ = bench.absent(json!(["10de:*"])).expect_ok();
    assert_eq!(bench.differences(&before), [""; 0]);
}

/// Where somebody else's file gives the ids, dracut leaves that out just as well; other tasks leave it be.
#[test]
fn dracut_s_settings_stay_until_their_own_devices_go() {
    let bench = dracut_host();
    bench.host.file("/etc/modprobe.d/vfio.conf", "options vfio-pci ids=10de:2484,10de:228b\n");
    let before = bench.snapshot();
    let reply = bench.run(json!({"devices": GPU, "softdep": false})).expect_ok();
    assert_eq!(reply.json["files"], json!([DRACUT_CONF]));
    // Another device by its address, and back.
    for state in ["present", "absent"] {
        let _ = bench.run(json!({"devices": ["03:00.0"], "state": state})).expect_ok();
        assert!(bench.text(DRACUT_CONF).contains("#   10de:228b /etc/modprobe.d/zz-pci-passthrough-vfio.conf\n#   10de:2484 /etc/modprobe.d/zz-pci-passthrough-vfio.conf\n"), "{state}");
    }
    // The same ids through another file: that task's to take away, not this one's.
    let mut other = json!({"devices": ["10de:*"], "path": "/etc/modprobe.d/zzz.conf", "softdep": false});
    assert_eq!(bench.run(other.clone()).expect_ok().json["files"], json!([DRACUT_CONF]));
    other["state"] = json!("absent");
    let _ = bench.run(other).expect_ok();
    assert!(bench.text(DRACUT_CONF).contains("#   10de:228b /etc/modprobe.d/zz-pci-passthrough-vfio.conf\n"));
    let _ = bench.absent(json!(GPU)).expect_ok();
    assert_eq!(bench.differences(&before), [""; 0]);
    // Somebody else's file in its place fails the task that needs it, and no other.
    bench.host.file(DRACUT_CONF, "install_optional_items+=\" /etc/hosts \"\n");
    assert_eq!(refused(&bench.present(json!(GPU))), "foreign_file");
    assert!(!bench.absent(json!(GPU)).expect_ok().changed());
    let _ = bench.present(json!(["03:00.0"])).expect_ok();
}

#[test]
fn one_of_two_goes_and_the_other_stays() {
    let bench = Bench::new();
    let _ = bench.present(json!(["10de:*", {"id": "8086:10ed"}])).expect_ok();
    let _ = bench.absent(json!(["8086:10ed"])).expect_ok();
    assert_eq!(
        bench.lines(OWN),
        [
            "options vfio-pci ids=10de:2484,10de:228b",
            "softdep nouveau pre: vfio-pci",
            "softdep snd_hda_intel pre: vfio-pci"
        ]
    );
    let _ = bench.absent(json!(["10de:2484"])).expect_ok();
    assert_eq!(bench.lines(OWN), ["options vfio-pci ids=10de:228b", "softdep snd_hda_intel pre: vfio-pci"]);
    let _ = bench.absent(json!(["10de:*"])).expect_ok();
    assert!(!bench.host.at(OWN).exists());
}

#[test]
fn the_ids_of_other_files_stay_in_force_and_absent_leaves_them() {
    let bench = Bench::new();
    bench.host.file("/etc/modprobe.d/vfio.conf", "options vfio-pci ids=1002:73ff,1234:5678\n");
    let before = bench.snapshot();
    let _ = bench.present(json!(GPU)).expect_ok();
    assert_eq!(bench.lines(OWN)[0], "options vfio-pci ids=1002:73ff,1234:5678,10de:2484,10de:228b");
    let _ = bench.absent(json!(GPU)).expect_ok();
    assert_eq!(bench.differences(&before), [""; 0]);
    // What is in force already needs nothing, and absent says whose it is.
    bench.host.file("/etc/modprobe.d/vfio.conf", "# x\noptions vfio-pci ids=10DE:2484,10de:228b\n");
    let reply = bench.run(json!({"devices": GPU, "softdep": false})).expect_ok();
    assert!(!reply.changed() && !bench.host.at(OWN).exists());
    let reply = bench.absent(json!(GPU)).expect_ok();
    assert!(!reply.changed());
    assert!(
        warnings(&reply).contains("/etc/modprobe.d/vfio.conf:2: still gives vfio-pci the id"),
        "{}",
        reply.json
    );
    assert_eq!(reply.json["devices"][0]["wanted_driver"], "vfio-pci");
}

#[test]
fn what_wins_over_the_file_is_named_and_nothing_changes() {
    let bench = Bench::new();
    bench.host.file("/etc/modprobe.d/zzz.conf", "# later\noptions vfio-pci ids=1234:5678\n");
    let reply = bench.present(json!(GPU));
    assert_eq!(refused(&reply), "not_in_force");
    assert!(
        reply.msg().starts_with("/etc/modprobe.d/zzz.conf:2: ids= there is read after"),
        "{}",
        reply.msg()
    );
    let path = "/etc/modprobe.d/zzzz.conf";
    let _ = bench.run(json!({"devices": GPU, "path": path})).expect_ok();
    assert_eq!(bench.lines(path)[0], "options vfio-pci ids=1234:5678,10de:2484,10de:228b");

    let bench = Bench::new();
    bench.host.cmdline("quiet vfio-pci.ids=1234:5678");
    let reply = bench.present(json!(GPU));
    assert_eq!(refused(&reply), "not_in_force");
    assert!(reply.msg().contains("vfio-pci.ids=1234:5678,10de:2484,10de:228b"), "{}", reply.msg());
    // The settings, not the boot before, decide about the next one.
    bench
        .host
        .file("/boot/grub/grub.cfg", "# x\n")
        .file("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"quiet\"\n");
    let _ = bench.present(json!(GPU)).expect_ok();
}

#[test]
fn vfio_pci_that_is_kept_out_takes_nothing() {
    for (line, method, refuse) in [
        ("install vfio-pci /bin/false", "auto", true),
        ("install vfio_pci /usr/bin/true", "override", true),
        ("install vfio-pci-core /sbin/false", "ids", true),
        ("install vfio* true", "ids", true),
        ("install vfio-pci /usr/local/sbin/vfio-pci-override", "ids", false),
        ("install vfio_iommu_type1 /bin/false", "ids", false),
    ] {
        let bench = Bench::new();
        bench.host.file("/etc/modprobe.d/harden.conf", format!("# x\n{line}\n"));
        let reply = bench.run(json!({"devices": GPU, "method": method}));
        if !refuse {
            let _ = reply.expect_ok();
            continue;
        }
        assert_eq!(refused(&reply), "not_in_force", "{line}");
        assert!(reply.msg().starts_with("/etc/modprobe.d/harden.conf:2: "), "{}", reply.msg());
        assert!(reply.msg().contains("take that line out"), "{}", reply.msg());
        // What does not bind can still be taken back.
        let _ = bench.absent(json!(GPU)).expect_ok();
    }
    let bench = Bench::with_builtin(VFIO_BUILTIN);
    bench.host.file("/etc/modprobe.d/harden.conf", "install vfio-pci /bin/false\n");
    let _ = bench.run(json!({"devices": GPU, "method": "override"})).expect_ok();
}

#[test]
fn a_softdep_that_comes_first_decides() {
    let bench = Bench::new();
    bench.host.file(
        "/etc/modprobe.d/drm.conf",
        "softdep nouveau pre: drm\nsoftdep snd_hda_intel pre: x vfio_pci\n",
    );
    let by_id = |bench: &Bench| bench.run(json!({"devices": GPU, "method": "ids"}));
    let reply = by_id(&bench);
    assert_eq!(refused(&reply), "not_in_force");
    assert!(
        reply.msg().contains("/etc/modprobe.d/drm.conf:1: the soft dependencies of nouveau"),
        "{}",
        reply.msg()
    );
    let _ = bench.run(json!({"devices": GPU, "method": "ids", "softdep": false})).expect_ok();
    assert_eq!(bench.lines(OWN), ["options vfio-pci ids=10de:2484,10de:228b"]);
    // A kernel's own table counts by its name, between the files.
    let bench = Bench::new();
    let table = format!("/lib/modules/{RELEASE}/modules.softdep");
    bench.host.file(&table, "# Soft dependencies\nsoftdep snd_hda_intel post: snd-sof\n");
    let reply = by_id(&bench);
    assert_eq!(refused(&reply), "not_in_force");
    assert!(reply.msg().contains(&format!("{table}:2: ")), "{}", reply.msg());
    bench.host.file("/etc/modprobe.d/a.conf", "softdep snd_hda_intel pre: vfio-pci\n");
    let _ = by_id(&bench).expect_ok();
    assert_eq!(bench.lines(OWN)[1..], ["softdep nouveau pre: vfio-pci"]);
}

#[test]
fn vfio_pci_that_is_built_in_takes_its_ids_from_the_command_line() {
    let bench = Bench::with_builtin(VFIO_BUILTIN);
    bench.host.cmdline("quiet vfio-pci.ids=1234:5678");
    let reply = bench.run(json!({"devices": GPU, "disable_vga": true}));
    assert_eq!(refused(&reply), "vfio_pci_builtin");
    let tokens = json!(["vfio-pci.ids=1234:5678,10de:2484,10de:228b", "vfio-pci.disable_vga=1"]);
    assert_eq!(reply.json["parameters"], tokens);
    assert!(reply.msg().contains("vfio-pci.ids=1234:5678,10de:2484,10de:228b vfio-pci.disable_vga=1"));
    // In the settings by now: the next boot brings it.
    bench
        .host
        .file("/boot/grub/grub.cfg", "# x\n")
        .file("/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet vfio-pci.ids=10de:2484,10de:228b\"\n");
    let reply = bench.present(json!(GPU)).expect_ok();
    assert!(!reply.changed());
    assert_eq!(reply.json["parameters"], json!([]));
    assert_eq!(reply.json["reboot_required"], true);
    // Bound by address it needs no parameter.
    let _ = bench.run(json!({"devices": GPU, "method": "override"})).expect_ok();
    assert_eq!(bench.taken().len(), 2);
}

#[test]
fn a_file_of_the_user_keeps_every_other_byte() {
    let bench = Bench::new();
    let text = "# mine\r\noptions kvm ignore_msrs=1\noptions vfio-pci  ids=1234:5678 disable_idle_d3=1";
    bench.host.file("/etc/modprobe.d/vfio.conf", text);
    let before = bench.snapshot();
    let arguments = json!({"devices": GPU, "path": "/etc/modprobe.d/vfio.conf"});
    let _ = bench.run(arguments.clone()).expect_ok();
    assert!(bench.text("/etc/modprobe.d/vfio.conf").starts_with(
        "# mine\r\noptions kvm ignore_msrs=1\noptions vfio-pci  ids=1234:5678,10de:2484,10de:228b disable_idle_d3=1"
    ));
    let mut absent = arguments;
    absent["state"] = json!("absent");
    let _ = bench.run(absent).expect_ok();
    assert_eq!(bench.differences(&before), [""; 0]);
}

#[test]
fn a_masked_or_wrong_path_is_refused() {
    let bench = Bench::new();
    bench.host.link("/etc/modprobe.d/null.conf", "/dev/null").file("/etc/modprobe.d/v.conf", "# mask\n");
    for (path, code) in [
        ("/etc/modprobe.d/x", "path_not_read"),
        ("/etc/modprobe.d/null.conf", "path_masked"),
        ("/usr/lib/modprobe.d/v.conf", "path_masked"),
    ] {
        assert_eq!(refused(&bench.run(json!({"devices": GPU, "path": path}))), code, "{path}");
    }
}

#[test]
fn more_ids_than_the_kernel_takes_are_refused() {
    let bench = Bench::new();
    let many: Vec<String> = (0..101).map(|n| format!("1234:{n:04x}")).collect();
    bench.host.file("/etc/modprobe.d/many.conf", format!("options vfio-pci ids={}\n", many.join(",")));
    assert_eq!(refused(&bench.present(json!(GPU))), "ids_too_long");
}

#[test]
fn a_device_that_nothing_loads_vfio_pci_for_is_told() {
    let bench = Bench::new();
    bench.host.pci(&fixture_host::Pci::new("0000:09:00.0", 0x1234, 0x5678, 0x120000).group(20));
    let reply = bench.present(json!(["1234:5678"])).expect_ok();
    assert!(warnings(&reply).contains("nothing loads vfio-pci for it at boot"), "{}", reply.json);
    bench.host.file("/etc/modules-load.d/vfio.conf", "vfio-pci\n");
    assert!(!warnings(&bench.present(json!(["1234:5678"])).expect_ok()).contains("nothing loads"));
}

#[test]
fn what_a_boot_did_not_bring_is_no_reason_for_another() {
    let bench = Bench::new();
    let _ = bench.present(json!(GPU)).expect_ok();
    let btime = |seconds: u64| format!("cpu 0\nbtime {seconds}\n");
    bench.host.file("/proc/stat", btime(1000));
    assert_eq!(bench.present(json!(GPU)).expect_ok().json["reboot_required"], true);
    // Booted after that, and with images that are up to date.
    let image = bench.host.at(&format!("/boot/initrd.img-{RELEASE}"));
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    std::fs::File::options().write(true).open(image).unwrap().set_modified(later).unwrap();
    bench.host.file("/proc/stat", btime(32_503_680_000));
    let reply = bench.present(json!(GPU)).expect_ok();
    assert_eq!(reply.json["reboot_required"], false, "{}", reply.json);
    assert!(warnings(&reply).contains("although this boot began with that configuration"));
}
