//! `vfio_bind` beside each real file and in it: what the real modprobe then gives vfio-pci.

use std::fs;

use config_text::modprobe_d::{self, Config, SourceFile};
use proofs::run_module;
use serde_json::{Value, json};

use crate::modprobe_oracle::Modprobe;
use crate::{real_files, scratch_file, table};

/// The device's id and its driver, which no real file speaks of.
const ID: &str = "1234:5678";
const DRIVER: &str = "fixture_driver";

/// What a file alone gives vfio-pci.
fn ids(name: &str, bytes: &[u8]) -> Vec<String> {
    let config = Config::from_files(&[SourceFile { directory: "/d", name, bytes }]);
    modprobe_d::ids_in_force(&config).map(|(_, ids)| ids).unwrap_or_default()
}

#[test]
fn a_device_is_bound_by_its_id() {
    let proof = "corpus modprobe_d, by vfio_bind";
    let Some(files) = real_files(proof, "modprobe_d") else { return };
    let Some(modprobe) = Modprobe::find(proof) else { return };
    let mut wrong = Vec::new();
    for (name, bytes) in &files {
        for path in ["/etc/modprobe.d/zz-pci-passthrough-vfio.conf", "/etc/modprobe.d/file.conf"] {
            let (scratch, file) = scratch_file("etc/modprobe.d/file.conf", bytes);
            let put = |path: &str, text: &str| {
                let path = scratch.path().join(path);
                fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
                fs::write(path, text).expect("a file");
            };
            put(
                "sys/bus/pci/devices/0000:01:00.0/uevent",
                "PCI_CLASS=20000\nPCI_ID=1234:5678\nMODALIAS=pci:v00001234d00005678sv00000000sd00000000bc02sc00i00\n",
            );
            put("boot/vmlinuz-6.1", "");
            put("lib/modules/6.1/modules.alias", &format!("alias pci:v00001234d*sv*sd*bc*sc*i* {DRIVER}\n"));
            let run = |state: &str| {
                let devices: Value = json!([ID]);
                let arguments =
                    json!({"devices": devices, "state": state, "path": path, "root": scratch.path()});
                run_module("vfio_bind", &arguments).expect_ok().changed()
            };
            let changed = run("present");
            let shown = modprobe.shows(&[&scratch.path().join("etc/modprobe.d")]);
            let shown = String::from_utf8_lossy(&shown).into_owned();
            let last =
                shown.lines().rfind(|line| line.starts_with("options vfio_pci") && line.contains("ids="));
            let given = last.map(|line| ids("x.conf", line.as_bytes())).unwrap_or_default();
            let mut wanted = ids("file.conf", bytes);
            wanted.push(ID.to_string());
            let softdep = shown.lines().any(|line| line == format!("softdep {DRIVER} pre: vfio-pci"));
            let settled = !run("present");
            let back = run("absent");
            let restored = fs::read(&file).expect("the file") == *bytes
                && (path.ends_with("/file.conf") || !scratch.path().join(&path[1..]).exists());
            if !(changed && given == wanted && softdep && settled && back && restored) {
                wrong.push(format!(
                    "{name} at {path}: changed {changed} given {given:?} wanted {wanted:?} softdep {softdep} settled \
                     {settled} back {back} restored {restored}"
                ));
            }
        }
    }
    table(proof, files.len(), &wrong);
}
