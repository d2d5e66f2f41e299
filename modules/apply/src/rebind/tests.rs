//! On a tree of files in the place of sysfs, with a thread that does what the kernel's driver core does when
//! `unbind` and `drivers_probe` are written: a stand-in, no kernel. It takes for each device the driver in
//! `driver_override`, else the one that the test names.

use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const ADDRESS: &str = "0000:01:00.0";

struct FakeSysfs {
    dir: tempfile::TempDir,
    root: Root,
    stop: Arc<AtomicBool>,
    kernel: Option<JoinHandle<()>>,
}

impl FakeSysfs {
    /// A device on `driver`; `binds` are the drivers that take a device when asked.
    fn new(driver: &str, own: &'static str, binds: &'static [&'static str]) -> FakeSysfs {
        let dir = tempfile::tempdir().unwrap();
        let bus = dir.path().join("sys/bus/pci");
        let device = bus.join("devices").join(ADDRESS);
        fs::create_dir_all(&device).unwrap();
        fs::write(device.join("driver_override"), "(null)\n").unwrap();
        fs::write(bus.join("drivers_probe"), "").unwrap();
        for name in ["vfio-pci", "igb"] {
            fs::create_dir_all(bus.join("drivers").join(name)).unwrap();
            for attribute in ["unbind", "remove_id"] {
                fs::write(bus.join("drivers").join(name).join(attribute), "").unwrap();
            }
        }
        let pipes = [bus.join("drivers/vfio-pci/unbind"), bus.join("drivers/igb/unbind")];
        // An attribute that acts is a pipe here: a writer waits until the fake kernel has read it.
        for pipe in pipes.iter().chain([&bus.join("drivers_probe")]) {
            fs::remove_file(pipe).unwrap();
            nix::unistd::mkfifo(pipe, Mode::S_IRWXU).unwrap();
        }
        if !driver.is_empty() {
            symlink(format!("../../drivers/{driver}"), device.join("driver")).unwrap();
        }
        let stop = Arc::new(AtomicBool::new(false));
        let kernel = {
            let (bus, stop) = (bus.clone(), stop.clone());
            std::thread::spawn(move || fake_kernel(&bus, own, binds, &stop))
        };
        let root = Root::open(dir.path()).unwrap();
        FakeSysfs { dir, root, stop, kernel: Some(kernel) }
    }

    fn device(&self, name: &str) -> PathBuf {
        self.dir.path().join("sys/bus/pci/devices").join(ADDRESS).join(name)
    }

    fn driver_override(&self) -> String {
        fs::read_to_string(self.device("driver_override")).unwrap()
    }

    /// What the fake kernel does takes a moment.
    fn settles_on(&self, driver: Option<&str>) {
        for _ in 0..200 {
            if super::driver(&self.root, ADDRESS).as_deref() == driver {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("on {:?}, not {driver:?}", super::driver(&self.root, ADDRESS));
    }
}

impl Drop for FakeSysfs {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.kernel.take().unwrap().join().unwrap();
    }
}

fn fake_kernel(bus: &Path, own: &str, binds: &[&str], stop: &AtomicBool) {
    let device = bus.join("devices").join(ADDRESS);
    let open = |name: &str| {
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        nix::fcntl::open(&bus.join(name), flags, Mode::empty()).unwrap()
    };
    let unbinds = [open("drivers/vfio-pci/unbind"), open("drivers/igb/unbind")];
    let probe = open("drivers_probe");
    let mut buffer = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        let asked = nix::unistd::read(&probe, &mut buffer).is_ok_and(|n| n > 0);
        // What was written before the question counts before it.
        for pipe in &unbinds {
            if nix::unistd::read(pipe, &mut buffer).is_ok_and(|n| n > 0) {
                let _ = fs::remove_file(device.join("driver"));
            }
        }
        if asked {
            let text = fs::read_to_string(device.join("driver_override")).unwrap();
            let wanted = match text.trim() {
                "" | "(null)" => own,
                name => name,
            };
            if binds.contains(&wanted) && !device.join("driver").is_symlink() {
                symlink(format!("../../drivers/{wanted}"), device.join("driver")).unwrap();
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn to(driver: Option<&str>) -> Rebind {
    Rebind {
        reason: "test".to_string(),
        address: ADDRESS.to_string(),
        driver: driver.map(str::to_string),
        forget: driver.is_none().then(|| "8086 1533".to_string()),
        load: None,
    }
}

#[test]
fn a_device_changes_hands_and_comes_back() {
    let sysfs = FakeSysfs::new("igb", "igb", &["igb", "vfio-pci"]);
    let was = before(&sysfs.root, &to(Some("vfio-pci")));
    assert_eq!((was.driver.as_deref(), was.driver_override.as_str()), (Some("igb"), ""));
    rebind(&sysfs.root, &to(Some("vfio-pci"))).unwrap();
    sysfs.settles_on(Some("vfio-pci"));
    assert_eq!(sysfs.driver_override(), "vfio-pci\n");
    rebind(&sysfs.root, &to(None)).unwrap();
    sysfs.settles_on(Some("igb"));
    assert_eq!(sysfs.driver_override(), "\n");
    let forgotten = sysfs.dir.path().join("sys/bus/pci/drivers/vfio-pci/remove_id");
    assert_eq!(fs::read_to_string(forgotten).unwrap(), "8086 1533\n");
}

#[test]
fn a_device_without_a_driver_is_taken_and_left_again() {
    let sysfs = FakeSysfs::new("", "", &["vfio-pci"]);
    let was = before(&sysfs.root, &to(Some("vfio-pci")));
    rebind(&sysfs.root, &to(Some("vfio-pci"))).unwrap();
    sysfs.settles_on(Some("vfio-pci"));
    restore(&sysfs.root, &was).unwrap();
    sysfs.settles_on(None);
    assert_eq!(sysfs.driver_override(), "\n");
}

#[test]
fn a_refusal_is_told_and_the_old_driver_comes_back() {
    let sysfs = FakeSysfs::new("igb", "igb", &["igb"]);
    let was = before(&sysfs.root, &to(Some("vfio-pci")));
    let told = rebind(&sysfs.root, &to(Some("vfio-pci"))).unwrap_err().to_string();
    assert!(
        told.starts_with("0000:01:00.0: the kernel did not bind it to vfio-pci, it is on no driver"),
        "{told}"
    );
    restore(&sysfs.root, &was).unwrap();
    sysfs.settles_on(Some("igb"));
    assert_eq!(sysfs.driver_override(), "\n");
    fs::remove_dir_all(sysfs.device("").parent().unwrap().join(ADDRESS)).unwrap();
    let told = rebind(&sysfs.root, &to(Some("vfio-pci"))).unwrap_err().to_string();
    assert!(told.contains("driver_override"), "{told}");
}
