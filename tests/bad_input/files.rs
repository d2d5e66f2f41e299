//! Files that are not what they should be, at the places where a module reads and writes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use proofs::answer;
use serde_json::{Value, json};

use crate::sandbox::{NEIGHBOUR, Sandbox, limited, modules, refused};

/// A module and the file it writes.
struct Target {
    module: &'static str,
    file: &'static str,
    arguments: Value,
}

fn targets() -> Vec<Target> {
    let files = [
        ("grub_iommu", "/etc/default/grub"),
        ("systemd_boot_iommu", "/etc/kernel/cmdline"),
        ("vfio_modules", "/etc/modules"),
        ("driver_blacklist", "/etc/modprobe.d/pci-passthrough-blacklist.conf"),
        ("pve_hostpci", "/etc/pve/qemu-server/100.conf"),
        ("vfio_bind", "/etc/modprobe.d/zz-pci-passthrough-vfio.conf"),
    ];
    let arguments = |module| modules().into_iter().find(|(name, _)| *name == module).expect("a module").1;
    files.map(|(module, file)| Target { module, file, arguments: arguments(module) }).into()
}

type Change = fn(&Sandbox, &Path);

/// What lies in the file's place; refused by every module that writes there.
const IN_ITS_PLACE: [(&str, Change); 5] = [
    ("a directory", |_, path| fs::create_dir(path).expect("a directory")),
    ("a pipe", |_, path| {
        let made = Command::new("mkfifo").arg(path).status().expect("mkfifo starts");
        assert!(made.success());
    }),
    ("a link to itself", |_, path| symlink(path.file_name().expect("a name"), path).expect("a link")),
    ("a link to a directory", |_, path| symlink("/boot", path).expect("a link")),
    ("a file for its directory", |_, path| {
        let dir = path.parent().expect("a directory");
        fs::remove_dir_all(dir).expect("remove the directory");
        fs::write(dir, "in the way\n").expect("a file");
    }),
];

#[test]
fn what_is_no_file_is_refused() {
    for Target { module, file, arguments } in targets() {
        for (name, change) in IN_ITS_PLACE {
            // /etc itself cannot be a file: nothing else of the case would be there.
            if name == "a file for its directory" && file == "/etc/modules" {
                continue;
            }
            let sandbox = Sandbox::new();
            change(&sandbox, &sandbox.emptied(file));
            let case = format!("{module}: {name} as {file}");
            let message = refused(&case, &sandbox, &mut limited(module), &sandbox.rooted(&arguments));
            let place = Path::new(file).parent().expect("a directory").display().to_string();
            assert!(message.contains(&place), "{case}: the place is not named: {message}");
        }
    }
}

#[test]
fn a_host_without_the_file_gets_it_or_an_answer() {
    let grub = Sandbox::new();
    grub.emptied("/etc/default/grub");
    grub.emptied("/etc/default/grub.d");
    let arguments = json!({"vendor": "intel", "update": false});
    let message =
        refused("grub_iommu: no settings", &grub, &mut limited("grub_iommu"), &grub.rooted(&arguments));
    assert!(message.contains("/etc/default/grub"), "{message}");

    let modules = Sandbox::new();
    modules.emptied("/etc/modules");
    let reply = answer(&mut limited("vfio_modules"), &modules.rooted(&json!({}))).expect_ok();
    assert!(
        reply.changed() && modules.root().join("etc/modules-load.d/vfio.conf").is_file(),
        "{}",
        reply.json
    );

    let blacklist = Sandbox::new();
    blacklist.emptied("/etc/modprobe.d");
    let arguments = json!({"drivers": ["nouveau"], "initramfs": false});
    let reply = answer(&mut limited("driver_blacklist"), &blacklist.rooted(&arguments)).expect_ok();
    assert!(reply.changed() && blacklist.root().join("etc/modprobe.d").is_dir(), "{}", reply.json);
}

/// A link that leads out of the root resolves inside it, as a chroot would have it: the neighbour's file is
/// neither read nor written, whether the run fails or not.
#[test]
fn a_link_never_leads_out_of_the_root() {
    for Target { module, file, arguments } in targets() {
        let links: [fn(&Sandbox) -> PathBuf; 3] = [
            |s| s.neighbour().join("grub"),
            |_| PathBuf::from("../../../../../../../../../../neighbour/grub"),
            |s| {
                Path::new("/proc/self/root")
                    .join(s.neighbour().strip_prefix("/").expect("absolute"))
                    .join("grub")
            },
        ];
        for (at, target) in links.iter().enumerate() {
            let sandbox = Sandbox::new();
            symlink(target(&sandbox), sandbox.emptied(file)).expect("a link");
            outside_untouched(&format!("{module}: link {at}"), &sandbox, module, &arguments);
            let sandbox = Sandbox::new();
            let dir = Path::new(file).parent().expect("a directory");
            if dir != Path::new("/etc") {
                let target = target(&sandbox);
                symlink(target.parent().expect("a folder"), sandbox.emptied(&dir.display().to_string()))
                    .expect("a link");
                outside_untouched(&format!("{module}: directory link {at}"), &sandbox, module, &arguments);
            }
        }
    }
}

fn outside_untouched(case: &str, sandbox: &Sandbox, module: &str, arguments: &Value) {
    let before = proofs::Snapshot::of(&sandbox.neighbour());
    let reply = answer(&mut limited(module), &sandbox.rooted(arguments));
    println!("{case}: {}", reply.json["msg"]);
    assert_eq!(before.traces(&proofs::Snapshot::of(&sandbox.neighbour())), [""; 0], "{case}");
    assert!(!reply.json.to_string().contains("secret"), "{case}: read outside: {}", reply.json);
    let text = fs::read_to_string(sandbox.neighbour().join("grub")).expect("the neighbour's file");
    assert_eq!(text, NEIGHBOUR, "{case}");
}

/// Real files hold such bytes (comments in an old encoding): they stay, and the edit is right.
#[test]
fn bytes_that_are_no_utf8_stay() {
    let comment: &[u8] = b"# gr\xfc\xdfe \xff\xfe\n";
    // /etc/kernel/cmdline knows no comments.
    for Target { module, file, mut arguments } in
        targets().into_iter().filter(|t| t.module != "systemd_boot_iommu")
    {
        let sandbox = Sandbox::new();
        let path = sandbox.root().join(file.trim_start_matches('/'));
        let first = [comment, &fs::read(&path).unwrap_or_default()].concat();
        fs::write(&path, &first).expect("write the file");
        arguments["_ansible_diff"] = true.into();
        let reply = answer(&mut limited(module), &sandbox.rooted(&arguments)).expect_ok();
        let after = fs::read(&path).expect("read the file");
        assert!(reply.changed() && after.starts_with(comment) && after != first, "{module}");
        arguments["state"] = "absent".into();
        let _ = answer(&mut limited(module), &sandbox.rooted(&arguments)).expect_ok();
        assert!(fs::read(&path).expect("read the file") == first, "{module}: absent did not restore");
    }
}

/// A line of ten megabytes that is nobody's business stays as it is, in reasonable time.
#[test]
fn a_line_of_ten_megabytes_elsewhere_in_the_file_stays() {
    let long = [b"#".as_slice(), &vec![b'x'; 10 << 20], b"\n"].concat();
    // /etc/kernel/cmdline has nothing but the setting.
    for Target { module, file, arguments } in
        targets().into_iter().filter(|t| t.module != "systemd_boot_iommu")
    {
        let sandbox = Sandbox::new();
        let path = sandbox.root().join(file.trim_start_matches('/'));
        let first = [long.clone(), fs::read(&path).unwrap_or_default()].concat();
        fs::write(&path, &first).expect("write the file");
        let reply = answer(&mut limited(module), &sandbox.rooted(&arguments)).expect_ok();
        let after = fs::read(&path).expect("read the file");
        assert!(reply.changed() && after.starts_with(&long) && after.len() > first.len(), "{module}");
    }
}

/// Where the long line is the setting itself, no kernel could take it: refused.
#[test]
fn a_setting_of_ten_megabytes_is_refused() {
    let sandbox = Sandbox::new();
    let long = format!("GRUB_CMDLINE_LINUX_DEFAULT=\"{}\"\n", "a=b ".repeat(10 << 18));
    fs::write(sandbox.root().join("etc/default/grub"), long).expect("write the file");
    let arguments = json!({"vendor": "intel", "update": false});
    let message = refused("grub_iommu", &sandbox, &mut limited("grub_iommu"), &sandbox.rooted(&arguments));
    assert!(message.contains("/etc/default/grub"), "{message}");
    fs::write(sandbox.root().join("etc/kernel/cmdline"), format!("root=a {}", "a=b ".repeat(10 << 18)))
        .expect("write");
    let arguments = json!({"vendor": "intel", "update": false, "force": true});
    let module = "systemd_boot_iommu";
    let message = refused(module, &sandbox, &mut limited(module), &sandbox.rooted(&arguments));
    assert!(message.contains("/etc/kernel/cmdline"), "{message}");
}

/// What a shell itself cannot read is not edited; the line at fault is named.
#[test]
fn settings_that_are_no_shell_are_refused() {
    let table = [
        ("an open quote", "GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\n", "grub:2"),
        ("an open quote in a drop-in", "", "broken.cfg:1"),
    ];
    for (name, text, place) in table {
        let sandbox = Sandbox::new();
        match text {
            "" => fs::write(sandbox.root().join("etc/default/grub.d/broken.cfg"), "GRUB_TIMEOUT='5\n"),
            text => fs::write(sandbox.root().join("etc/default/grub"), text),
        }
        .expect("write the file");
        let arguments = json!({"vendor": "intel", "update": false});
        let message = refused(name, &sandbox, &mut limited("grub_iommu"), &sandbox.rooted(&arguments));
        assert!(message.contains(place), "{name}: {place} is not in: {message}");
    }
}
