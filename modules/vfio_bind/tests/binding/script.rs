//! The script for the initramfs, really run: by this machine's sh on a tree in the place of /sys, and, where
//! busybox is installed, by its sh, which is the one in an initramfs.

use std::fs;
use std::path::Path;
use std::process::Command;

use config_text::device_override::{Entry, dracut_script, init_top_script};

const TWIN: &str = "0000:03:00.0";

fn entry(address: &str, id: &str) -> Entry {
    Entry { address: address.to_string(), id: id.to_string(), subsystem: "1043:87b8".to_string() }
}

/// A made-up sysfs: devices with a driver each, and a `modprobe` that notes what it is asked for.
struct Sys {
    dir: tempfile::TempDir,
}

impl Sys {
    fn new() -> Sys {
        let sys = Sys { dir: tempfile::tempdir().unwrap() };
        for driver in ["e1000e", "vfio-pci"] {
            sys.write(&format!("sys/bus/pci/drivers/{driver}/unbind"), "");
        }
        sys.write("sys/bus/pci/drivers_probe", "");
        sys.write("kmsg", "");
        sys.write("bin/modprobe", &format!("#!/bin/sh\necho \"$@\" >>{}/loaded\n", sys.dir.path().display()));
        let made = Command::new("chmod").arg("755").arg(sys.at("bin/modprobe")).status().unwrap();
        assert!(made.success());
        sys
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.dir.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let at = self.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_default()
    }

    fn device(&self, address: &str, id: &str, driver: Option<&str>) {
        let folder = format!("sys/bus/pci/devices/{address}");
        let (vendor, device) = id.split_once(':').unwrap();
        self.write(&format!("{folder}/driver_override"), "(null)\n");
        for (name, value) in [
            ("vendor", vendor),
            ("device", device),
            ("subsystem_vendor", "1043"),
            ("subsystem_device", "87b8"),
        ] {
            self.write(&format!("{folder}/{name}"), &format!("0x{value}\n"));
        }
        if let Some(driver) = driver {
            std::os::unix::fs::symlink(format!("../../drivers/{driver}"), self.at(&folder).join("driver"))
                .unwrap();
            self.write(&format!("sys/bus/pci/drivers/{driver}/{address}"), "");
        }
    }

    /// Runs the script with its paths in the tree; standard error must stay empty.
    fn run(&self, shell: &[&str], script: &str) {
        let root = self.dir.path().display().to_string();
        let script =
            script.replace("/sys/", &format!("{root}/sys/")).replace("/dev/kmsg", &format!("{root}/kmsg"));
        // A device file does not lose what is written to it.
        let script = script.replace(&format!(">{root}/kmsg"), &format!(">>{root}/kmsg"));
        self.write("script", &script);
        let path = format!("{root}/bin:/usr/bin:/bin");
        let output = Command::new(shell[0])
            .args(&shell[1..])
            .arg("-eu")
            .arg(self.at("script"))
            .arg("start")
            .env("PATH", path)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{} {errors}", output.status);
    }
}

fn shells() -> Vec<Vec<&'static str>> {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
    let mut shells = vec![vec!["sh"]];
    shells.extend(busybox.map(|path| vec![path, "sh"]));
    shells
}

fn scripts(entries: &[Entry]) -> [String; 2] {
    [init_top_script(entries), dracut_script(entries)]
}

#[test]
fn a_free_device_is_taken_and_vfio_pci_loaded() {
    for shell in shells() {
        for script in scripts(&[entry(TWIN, "8086:10d3")]) {
            let sys = Sys::new();
            sys.device(TWIN, "8086:10d3", None);
            sys.device("0000:02:00.0", "8086:10d3", None);
            sys.run(&shell, &script);
            assert_eq!(sys.read(&format!("sys/bus/pci/devices/{TWIN}/driver_override")), "vfio-pci\n");
            assert_eq!(sys.read("sys/bus/pci/devices/0000:02:00.0/driver_override"), "(null)\n");
            assert_eq!(sys.read("loaded"), "vfio-pci\n");
            assert_eq!(sys.read("sys/bus/pci/drivers_probe"), format!("{TWIN}\n"));
            // This tree has no kernel that would bind it.
            assert_eq!(sys.read("kmsg"), format!("<4>pci-passthrough: {TWIN} is not on vfio-pci\n"));
        }
    }
}

#[test]
fn a_driver_that_was_first_has_to_let_go_and_one_that_is_ours_stays() {
    for shell in shells() {
        for script in scripts(&[entry(TWIN, "8086:10d3"), entry("0000:01:00.0", "10de:2484")]) {
            let sys = Sys::new();
            sys.device(TWIN, "8086:10d3", Some("e1000e"));
            sys.device("0000:01:00.0", "10de:2484", Some("vfio-pci"));
            sys.run(&shell, &script);
            assert_eq!(sys.read("sys/bus/pci/drivers/e1000e/unbind"), format!("{TWIN}\n"));
            assert_eq!(sys.read("sys/bus/pci/drivers/vfio-pci/unbind"), "");
            assert_eq!(sys.read("sys/bus/pci/drivers_probe"), format!("{TWIN}\n"));
            assert_eq!(sys.read("sys/bus/pci/devices/0000:01:00.0/driver_override"), "vfio-pci\n");
        }
    }
}

#[test]
fn a_device_that_moved_or_went_is_left_to_the_host() {
    for shell in shells() {
        for script in scripts(&[entry(TWIN, "8086:10d3"), entry("0000:42:00.0", "10de:2484")]) {
            let sys = Sys::new();
            sys.device(TWIN, "8086:1533", Some("e1000e"));
            sys.run(&shell, &script);
            assert_eq!(sys.read(&format!("sys/bus/pci/devices/{TWIN}/driver_override")), "(null)\n");
            assert_eq!(sys.read("loaded") + &sys.read("sys/bus/pci/drivers_probe"), "");
            assert_eq!(
                sys.read("kmsg"),
                format!(
                    "<4>pci-passthrough: {TWIN} is now 8086:1533 1043:87b8, not 8086:10d3 1043:87b8: left to the host; \
                     run the vfio_bind module again\n<4>pci-passthrough: 0000:42:00.0 (10de:2484) is not there\n"
                )
            );
        }
    }
}

/// initramfs-tools runs each script with `prereqs` when it builds the image: then nothing may happen.
#[test]
fn asked_for_its_prerequisites_it_does_nothing() {
    let script = init_top_script(&[entry("0000:00:00.0", "8086:10d3")]);
    let output = Command::new("sh").args(["-c", &script, "script", "prereqs"]).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
}
