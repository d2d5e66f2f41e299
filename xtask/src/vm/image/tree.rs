//! Debian in a folder, configured as a guest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Generator, Image, Loader, grub, systemd_boot};
use crate::vm::machine::SSH_MAC;
use crate::vm::prerequisites::KEYRING;
use crate::vm::process;
use crate::{paths, run};

/// The full kernel: the cloud flavour knows neither e1000e nor the AMD IOMMU. No Python, on purpose.
const PACKAGES: &str = "linux-image-amd64,systemd-sysv,systemd,udev,dbus,kmod,zstd,\
                        openssh-server,pciutils,iproute2,procps,e2fsprogs";

/// Units that would only make the boot longer.
const NOT_WANTED: [&str; 7] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
];

/// Drivers that bind inside the initramfs, as all do on an ordinary installation (MODULES=most), without the
/// minutes that building such an initramfs takes an emulated processor.
const INITRAMFS_MODULES: &str = "virtio_pci\nvirtio_blk\next4\ne1000e\nnvme\nxhci_pci\n";

/// The same for dracut: these drivers alone, and no command line of the machine that builds the image.
const DRACUT: &str = "\
hostonly=no
drivers=\"virtio_pci virtio_blk ext4 e1000e nvme xhci_pci\"
compress=zstd
";

/// The longest that the packages may take; two minutes from a near mirror.
const INSTALLATION_LIMIT: Duration = Duration::from_secs(1800);

/// An installed Debian.
pub struct Tree {
    /// Its root folder.
    pub root: PathBuf,
    /// The id of the file system it will be in.
    pub uuid: String,
    /// Its kernel's release.
    pub kernel: String,
}

/// Installs into `root`.
pub fn install(image: Image, root: &Path, public_key: &Path) -> Result<Tree, String> {
    let suite = image.suite;
    let name = format!("vm-mmdebstrap-{}", image.installation());
    let mut mmdebstrap = Command::new("mmdebstrap");
    mmdebstrap
        .env("LC_ALL", "C")
        .args(["--quiet", "--mode=root", "--variant=minbase", "--components=main"])
        .arg(format!("--keyring={KEYRING}"))
        .args(["man", "locale", "doc"].map(|dir| format!("--dpkgopt=path-exclude=/usr/share/{dir}/*")))
        .arg("--aptopt=Apt::Install-Recommends \"false\"")
        // Its maintainer scripts ask for a disk to install to: none.
        .arg(
            "--essential-hook=echo grub-pc grub-pc/install_devices_empty boolean true | \
             chroot \"$1\" debconf-set-selections",
        )
        .arg(format!("--include={PACKAGES},{}", packages(image)))
        .args(["--skip=cleanup/reproducible", suite.codename()])
        .arg(root)
        .arg(mirror()?);
    let mut mmdebstrap = process::bounded(INSTALLATION_LIMIT, &mmdebstrap);
    run::logged(&name, &format!("installing {}", suite.label()), &mut mmdebstrap)?;
    let tree = Tree { root: root.to_owned(), uuid: random_uuid()?, kernel: kernel(root)? };
    tree.configure(image, public_key)?;
    match image.loader {
        Loader::Grub => grub::prepare(&tree)?,
        Loader::SystemdBoot => systemd_boot::prepare(&tree)?,
    }
    Ok(tree)
}

fn packages(image: Image) -> String {
    let loader = match image.loader {
        Loader::Grub => "grub-pc",
        Loader::SystemdBoot => "systemd-boot,dosfstools",
    };
    let generator = match image.generator {
        Generator::InitramfsTools => "initramfs-tools",
        Generator::Dracut => "dracut",
    };
    format!("{loader},{generator}")
}

/// A new one.
pub fn random_uuid() -> Result<String, String> {
    let uuid = paths::read(Path::new("/proc/sys/kernel/random/uuid"))?;
    Ok(String::from_utf8_lossy(&uuid).trim().to_owned())
}

/// The mirror this machine itself installs Debian from.
fn mirror() -> Result<String, String> {
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]);
    let listed = run::logged("vm-mirror", "asking apt for its mirror", &mut apt)?;
    let mirror = listed.stdout.lines().find(|uri| uri.trim_end_matches('/').ends_with("/debian"));
    mirror
        .map(str::to_owned)
        .ok_or_else(|| "apt's sources name no Debian mirror (a URI that ends in /debian)".to_owned())
}

fn kernel(root: &Path) -> Result<String, String> {
    let names = paths::list(&root.join("boot"))?;
    let mut releases = names.iter().filter_map(|name| name.strip_prefix("vmlinuz-"));
    let release = releases.next().ok_or("no kernel was installed")?;
    Ok(release.to_owned())
}

impl Tree {
    fn configure(&self, image: Image, public_key: &Path) -> Result<(), String> {
        if self.root.join("usr/bin/python3").exists() {
            return Err("a package brought Python into the guest: the proof needs one without".to_owned());
        }
        let name = format!("guest-{}", image.suite.codename());
        self.write("etc/hostname", &format!("{name}\n"))?;
        self.write("etc/hosts", &format!("127.0.0.1 localhost\n127.0.1.1 {name}\n"))?;
        self.write("etc/fstab", &format!("UUID={} / ext4 errors=remount-ro 0 1\n", self.uuid))?;
        self.write("etc/machine-id", "")?;
        // By address, so that the cards to be passed through stay unconfigured. QEMU's closed network offers no
        // gateway by DHCP, and a host has a default route.
        let network = format!(
            "[Match]\nMACAddress={SSH_MAC}\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n\
             LinkLocalAddressing=no\nIPv6AcceptRA=no\n"
        );
        self.write("etc/systemd/network/10-ssh.network", &network)?;
        self.write("etc/ssh/sshd_config.d/guest.conf", "UsePAM no\nUseDNS no\n")?;
        let key = paths::read(public_key)?;
        self.write("root/.ssh/authorized_keys", &String::from_utf8_lossy(&key))?;
        self.inside(&["chmod", "-R", "go=", "/root/.ssh"])?;
        self.inside(&["systemctl", "--quiet", "enable", "systemd-networkd.service", "ssh.service"])?;
        self.inside(&["systemctl", "--quiet", "disable", "systemd-networkd-wait-online.service"])?;
        self.inside(&[["systemctl", "--quiet", "mask"].as_slice(), &NOT_WANTED].concat())?;
        self.inside(&["passwd", "--quiet", "--delete", "root"])?;
        match image.generator {
            Generator::InitramfsTools => {
                self.write("etc/initramfs-tools/conf.d/guest", "MODULES=list\n")?;
                self.append("etc/initramfs-tools/modules", INITRAMFS_MODULES)?;
                self.inside(&["update-initramfs", "-u"])
            }
            Generator::Dracut => {
                self.write("etc/dracut.conf.d/guest.conf", DRACUT)?;
                self.inside(&["dracut", "--force", "--regenerate-all"])
            }
        }
    }

    /// Runs a command in the tree.
    pub fn inside(&self, words: &[&str]) -> Result<(), String> {
        let mut chroot = Command::new("chroot");
        chroot.arg(&self.root).env_clear().env("LC_ALL", "C").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        run::logged("vm-configure", &words.join(" "), chroot.args(words)).map(|_| ())
    }

    /// Writes a file of the tree.
    pub fn write(&self, inside: &str, text: &str) -> Result<(), String> {
        paths::write(&self.root.join(inside), text.as_bytes())
    }

    /// Adds to a file of the tree.
    pub fn append(&self, inside: &str, text: &str) -> Result<(), String> {
        let path = self.root.join(inside);
        let mut bytes = paths::read(&path)?;
        bytes.extend_from_slice(text.as_bytes());
        paths::write(&path, &bytes)
    }
}
