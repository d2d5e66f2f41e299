//! Values that would be more than one word in a configuration file, and paths that name what they should not.

use serde_json::json;

use crate::sandbox::{Sandbox, limited, refused};

const WORDS: [&str; 19] = [
    "",
    " ",
    "two words",
    "tab\tbetween",
    "line\nbreak",
    "line\rbreak",
    "ends\n",
    "\nstarts",
    "double\"quote",
    "single'quote",
    "back\\slash",
    "$(touch${IFS}/tmp/owned)",
    "`touch /tmp/owned`",
    "${HOME}",
    "a;reboot",
    "#comment",
    "zero\u{0}byte",
    "escape\u{1b}[2J",
    "next\u{85}line",
];

#[test]
fn a_value_is_one_word_or_refused() {
    let sandbox = Sandbox::new();
    for word in WORDS {
        // Each beside a good value: none of a list is used when one is bad.
        let table = [
            ("grub_iommu", "parameters", json!({"parameters": ["fine=1", word], "update": false})),
            ("grub_iommu", "remove", json!({"remove": ["quiet", word], "update": false})),
            ("systemd_boot_iommu", "parameters", json!({"parameters": ["fine=1", word], "update": false})),
            ("systemd_boot_iommu", "remove", json!({"remove": ["quiet", word], "update": false})),
            ("vfio_modules", "modules", json!({"modules": ["vfio", word]})),
            ("driver_blacklist", "drivers", json!({"drivers": ["nouveau", word], "initramfs": false})),
            ("pve_hostpci", "host", json!({"vmid": 100, "host": ["01:00.0", word]})),
            ("pve_hostpci", "mapping", json!({"vmid": 100, "mapping": word})),
            (
                "pve_hostpci",
                "romfile",
                json!({"vmid": 100, "host": ["01:00.0"], "romfile": format!("x{word}/")}),
            ),
            ("pve_hostpci", "mdev", json!({"vmid": 100, "host": ["01:00.0"], "mdev": format!("x{word}:")})),
            (
                "pve_hostpci",
                "vendor_id",
                json!({"vmid": 100, "host": ["01:00.0"], "vendor_id": format!("0x{word}")}),
            ),
            ("vfio_bind", "devices", json!({"devices": ["0000:01:00.0", word], "initramfs": false})),
        ];
        for (module, option, mut arguments) in table {
            for state in ["present", "absent"] {
                arguments["state"] = state.into();
                arguments["vendor"] = "intel".into();
                if !module.ends_with("_iommu") {
                    arguments.as_object_mut().expect("an object").remove("vendor");
                }
                let case = format!("{module} {option} {word:?} {state}");
                let message = refused(&case, &sandbox, &mut limited(module), &sandbox.rooted(&arguments));
                assert!(message.contains(option), "{case}: the option is not named: {message}");
            }
        }
    }
}

#[test]
fn a_module_name_is_a_name() {
    let sandbox = Sandbox::new();
    for word in ["../../etc/passwd", "/lib/modules/x.ko", "vfio.ko", "-a", "--show", "vfio=1"] {
        let table = [
            ("vfio_modules", "modules", json!({"modules": [word]})),
            ("driver_blacklist", "drivers", json!({"drivers": [word], "initramfs": false})),
        ];
        for (module, option, arguments) in table {
            let case = format!("{module} {word:?}");
            let message = refused(&case, &sandbox, &mut limited(module), &sandbox.rooted(&arguments));
            assert!(message.contains(option) && message.contains(word), "{case}: {message}");
        }
    }
}

#[test]
fn a_path_is_one_the_system_reads() {
    let sandbox = Sandbox::new();
    let paths =
        ["", "relative/grub", "/", "/etc", "/etc/default/grub/below", "/etc/\u{0}", "/etc/line\nbreak"];
    for path in paths {
        let table = [
            ("grub_iommu", json!({"vendor": "intel", "update": false, "path": path})),
            ("systemd_boot_iommu", json!({"vendor": "intel", "update": false, "path": path})),
            ("vfio_modules", json!({"path": path})),
            ("driver_blacklist", json!({"drivers": ["nouveau"], "initramfs": false, "path": path})),
            ("vfio_bind", json!({"devices": ["0000:01:00.0"], "initramfs": false, "path": path})),
        ];
        for (module, arguments) in table {
            let case = format!("{module} path {path:?}");
            let _ = refused(&case, &sandbox, &mut limited(module), &sandbox.rooted(&arguments));
        }
    }
    for path in ["/etc/modules-load.d/vfio", "/etc/vfio.conf", "/etc/modprobe.d/vfio.conf"] {
        let arguments = json!({"path": path});
        let case = format!("vfio_modules path {path:?}");
        let message = refused(&case, &sandbox, &mut limited("vfio_modules"), &sandbox.rooted(&arguments));
        assert!(message.contains(path), "{case}: {message}");
    }
    for path in ["/etc/modprobe.d/blacklist", "/etc/blacklist.conf", "/etc/modules-load.d/blacklist.conf"] {
        let arguments = json!({"drivers": ["nouveau"], "initramfs": false, "path": path});
        let case = format!("driver_blacklist path {path:?}");
        let message = refused(&case, &sandbox, &mut limited("driver_blacklist"), &sandbox.rooted(&arguments));
        assert!(message.contains(path), "{case}: {message}");
    }
}
