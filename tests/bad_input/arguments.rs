//! Arguments that are none, or not those of the module. The same for every module.

use std::fs;
use std::process::{Command, Stdio};

use proofs::{Reply, answer, binary};
use serde_json::json;

use crate::sandbox::{Sandbox, judged, limited, modules, refused};

/// What the other cases stand on: without the fault each module succeeds.
#[test]
fn good_arguments_succeed() {
    for (module, arguments) in modules() {
        let sandbox = Sandbox::new();
        let reply = answer(&mut limited(module), &sandbox.rooted(&arguments)).expect_ok();
        let changes = [
            "grub_iommu",
            "systemd_boot_iommu",
            "vfio_modules",
            "driver_blacklist",
            "vfio_bind",
            "pve_hostpci",
        ]
        .contains(&module);
        assert_eq!(reply.changed(), changes, "{module}: {}", reply.json);
    }
}

#[test]
fn what_is_no_json_object_is_refused() {
    let deep = "[".repeat(200_000);
    let deep_option = format!("{{\"root\": {}", "{\"a\":".repeat(200_000));
    let table: [(&str, &[u8]); 17] = [
        ("nothing", b""),
        ("blanks", b"  \n\t "),
        ("words", b"vendor=intel"),
        ("YAML", b"vendor: intel\n"),
        ("an open brace", b"{"),
        ("an open string", b"{\"root\": \"/"),
        ("a trailing comma", b"{\"root\": \"/nowhere\",}"),
        ("something after it", b"{\"root\": \"/nowhere\"} {}"),
        ("a list", b"[]"),
        ("null", b"null"),
        ("a number", b"42"),
        ("a string", b"\"root\""),
        ("NaN alone", b"NaN"),
        ("bytes that are no UTF-8", b"\xff\xfe\x00{"),
        ("no UTF-8 in a string", b"{\"root\": \"/\xff\xfe\"}"),
        ("nested too deep", deep.as_bytes()),
        ("an option nested too deep", deep_option.as_bytes()),
    ];
    for (module, _) in modules() {
        let sandbox = Sandbox::new();
        for (name, bytes) in table {
            let _ = refused(&format!("{module}: {name}"), &sandbox, &mut limited(module), bytes);
        }
    }
}

#[test]
fn options_of_the_wrong_kind_are_refused() {
    // Written out: serde_json can hold no NaN. A root that cannot exist keeps a module that took such a value
    // from doing anything.
    let table = [
        ("NaN for a flag", r#"{"root": "ROOT", "force": NaN}"#, "force"),
        ("NaN for an unknown option", r#"{"root": "ROOT", "nonsense": NaN}"#, "nonsense"),
        ("infinity", r#"{"root": "ROOT", "nonsense": -Infinity}"#, "nonsense"),
        ("a number beyond all bounds", r#"{"root": "ROOT", "nonsense": 1e999999}"#, "nonsense"),
        ("an integer of 5000 digits", r#"{"root": "ROOT", "nonsense": DIGITS}"#, "nonsense"),
        ("an unknown option", r#"{"root": "ROOT", "nonsense": true}"#, "nonsense"),
        ("an empty name", r#"{"root": "ROOT", "": true}"#, "nsupported"),
        ("a root that is not there", r#"{"root": "ROOT/nowhere"}"#, "ROOT/nowhere"),
        ("a root that is a file", r#"{"root": "ROOT/etc/modules"}"#, "ROOT/etc/modules"),
        ("an empty root", r#"{"root": ""}"#, "root"),
        ("a list for the root", r#"{"root": ["ROOT"]}"#, "root"),
        ("a zero byte in the root", r#"{"root": "ROOT\u0000"}"#, "root"),
        ("half a character in the root", r#"{"root": "/\ud800"}"#, ""),
    ];
    for (module, arguments) in modules() {
        let sandbox = Sandbox::new();
        let root = sandbox.root().display().to_string();
        for (name, text, word) in table {
            let mut text = text.replace("ROOT", &root).replace("DIGITS", &"9".repeat(5000));
            // The options that this module cannot do without.
            for option in ["drivers", "devices", "vmid", "host"] {
                if let Some(value) = arguments.get(option) {
                    text = text.replacen('{', &format!("{{\"{option}\": {value}, "), 1);
                }
            }
            let case = format!("{module}: {name}");
            let message = refused(&case, &sandbox, &mut limited(module), text.as_bytes());
            assert!(message.contains(&word.replace("ROOT", &root)), "{case}: {word:?} is not in: {message}");
        }
    }
}

#[test]
fn values_of_the_wrong_kind_are_refused() {
    let table = [
        ("grub_iommu", json!({"state": "maybe"}), "state"),
        ("grub_iommu", json!({"vendor": ["intel", "amd"]}), "vendor"),
        ("grub_iommu", json!({"passthrough_mode": "perhaps"}), "passthrough_mode"),
        ("grub_iommu", json!({"passthrough_mode": {}}), "passthrough_mode"),
        ("grub_iommu", json!({"passthrough_mode": null}), "passthrough_mode"),
        ("grub_iommu", json!({"parameters": {"a": 1}}), "parameters"),
        ("grub_iommu", json!({"variable": "PATH"}), "variable"),
        ("grub_iommu", json!({"update_command": []}), "update_command"),
        ("systemd_boot_iommu", json!({"state": "maybe"}), "state"),
        ("systemd_boot_iommu", json!({"enable_parameter": true}), "enable_parameter"),
        ("systemd_boot_iommu", json!({"variable": "GRUB_CMDLINE_LINUX"}), "variable"),
        ("systemd_boot_iommu", json!({"update_command": [" "]}), "update_command"),
        ("vfio_modules", json!({"modules": {"vfio": true}}), "modules"),
        ("vfio_modules", json!({"load": 2}), "load"),
        ("vfio_modules", json!({"load": true}), "load"),
        ("driver_blacklist", json!({}), "drivers"),
        ("driver_blacklist", json!({"drivers": {"nouveau": 1}}), "drivers"),
        (
            "driver_blacklist",
            json!({"drivers": ["nouveau"], "block_explicit_load": "si"}),
            "block_explicit_load",
        ),
        ("pve_hostpci", json!({"host": ["01:00.0"]}), "vmid"),
        ("pve_hostpci", json!({"vmid": "games", "host": ["01:00.0"]}), "vmid"),
        ("pve_hostpci", json!({"vmid": 7, "host": ["01:00.0"]}), "vmid"),
        ("pve_hostpci", json!({"vmid": 100}), "host"),
        ("pve_hostpci", json!({"vmid": 100, "host": {"address": "01:00.0"}}), "host"),
        ("pve_hostpci", json!({"vmid": 100, "host": ["01:00.0"], "index": "first"}), "index"),
        ("pve_hostpci", json!({"vmid": 100, "host": ["01:00.0"], "pcie": "maybe"}), "pcie"),
        ("pve_hostpci", json!({"vmid": 100, "host": ["01:00.0"], "driver": "vfio-pci"}), "driver"),
        ("pve_hostpci", json!({"vmid": 100, "host": ["01:00.0"], "onboot": "on"}), "onboot"),
        ("vfio_bind", json!({}), "devices"),
        ("vfio_bind", json!({"devices": {"a": 1}}), "devices"),
        ("vfio_bind", json!({"devices": [60.0]}), "quotes"),
        ("vfio_bind", json!({"devices": [["0000:01:00.0"]]}), "devices"),
        ("vfio_bind", json!({"devices": [{"slot": "0000:01:00.0"}]}), "slot"),
        ("vfio_bind", json!({"devices": ["0000:01:00.0"], "method": "magic"}), "method"),
        ("vfio_bind", json!({"devices": ["0000:01:00.0"], "group": "none"}), "group"),
        ("vfio_bind", json!({"devices": ["0000:01:00.0"], "now": "soon"}), "now"),
        ("vfio_bind", json!({"devices": ["0000:01:00.0"], "now": true}), "now"),
        ("iommu_facts", json!({"gather_subset": {"all": 1}}), "gather_subset"),
        ("iommu_facts", json!({"gather_subset": ["nonsense"]}), "gather_subset"),
        ("passthrough_check", json!({"phase": "later"}), "phase"),
        ("passthrough_check", json!({"accept": ["nonsense"]}), "nonsense"),
        ("passthrough_check", json!({"devices": ["gpu"]}), "gpu"),
        ("passthrough_check", json!({"devices": [60.0]}), "quotes"),
        ("passthrough_check", json!({"devices": [["01:00.0"]]}), "devices"),
        ("passthrough_check", json!({"devices": [{"address": "01:00.0", "id": "10de:1b80"}]}), "address"),
        ("passthrough_check", json!({"devices": [{"slot": "01:00"}]}), "slot"),
        ("boot_refresh", json!({"update": "later"}), "update"),
        ("boot_refresh", json!({"initramfs": [true]}), "initramfs"),
    ];
    let sandbox = Sandbox::new();
    for (module, arguments, word) in table {
        let case = format!("{module} {arguments}");
        let message = refused(&case, &sandbox, &mut limited(module), &sandbox.rooted(&arguments));
        assert!(message.contains(word), "{case}: {word:?} is not in: {message}");
    }
}

#[test]
fn ten_megabytes_in_one_option_are_refused_at_once() {
    let long = "a".repeat(10 << 20);
    let table = [
        ("grub_iommu", json!({"parameters": [long]})),
        ("grub_iommu", json!({"path": format!("/{long}")})),
        ("systemd_boot_iommu", json!({"remove": [long]})),
        ("systemd_boot_iommu", json!({"path": format!("/{long}")})),
        ("vfio_modules", json!({"modules": [long]})),
        ("vfio_modules", json!({"path": format!("/etc/modules-load.d/{long}.conf")})),
        ("driver_blacklist", json!({"drivers": [long]})),
        ("pve_hostpci", json!({"host": [long], "vmid": 100})),
        ("pve_hostpci", json!({"mapping": long, "vmid": 100})),
        ("vfio_bind", json!({"devices": [long]})),
        ("iommu_facts", json!({"root": format!("/{long}")})),
        ("boot_refresh", json!({"root": format!("/{long}")})),
        ("passthrough_check", json!({"devices": [long]})),
        ("passthrough_check", json!({"accept": [long]})),
    ];
    let sandbox = Sandbox::new();
    for (module, arguments) in table {
        let option = arguments.as_object().and_then(|o| o.keys().next()).expect("one option").clone();
        let _ = refused(
            &format!("{module} {option}"),
            &sandbox,
            &mut limited(module),
            &sandbox.rooted(&arguments),
        );
    }
}

/// No argument at all, a file that is not there, a folder, a file with garbage: never the defaults on the live
/// system.
#[test]
fn an_argument_file_that_is_none_is_refused() {
    for (module, _) in modules() {
        let sandbox = Sandbox::new();
        let garbage = sandbox.neighbour().join("grub");
        let table: [(&str, Vec<String>); 3] = [
            ("a missing file", vec![sandbox.root().join("args.json").display().to_string()]),
            ("a folder", vec![sandbox.root().display().to_string()]),
            ("a file that is no JSON", vec![garbage.display().to_string()]),
        ];
        // A copy that nobody may run, and as nobody it cannot hurt the machine whatever it does.
        let program = sandbox.neighbour().join(module);
        fs::copy(binary(module), &program).expect("copy the module");
        for (name, arguments) in table {
            let mut command = unprivileged(&program);
            command.args(&arguments).stdin(Stdio::null());
            let before = sandbox.snapshot();
            let output = command.output().expect("the module starts");
            let case = format!("{module}: {name}");
            let _ = judged(&case, &before, &sandbox, Reply::of(&output));
        }
    }
}

/// The program as the user nobody, where this runs as root.
pub fn unprivileged(program: &std::path::Path) -> Command {
    use std::os::unix::fs::MetadataExt;
    let root = fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0);
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", "30"]);
    if root {
        command.args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    command.arg(program);
    command
}
