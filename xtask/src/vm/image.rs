//! Guest images: Debian installed into a folder, one disk for each boot configuration made from it.
//! No loop device, no other machine, and no Python inside.

mod disk;
mod grub;
mod systemd_boot;
mod tree;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{paths, run};

/// Changes with the recipe: images of an older one are built anew.
const RECIPE: &str = "2";

/// A Debian release to make guests of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// Debian 12, kernel 6.1: vfio_virqfd is a module of its own.
    Bookworm,
    /// Debian 13, kernel 6.12: it is not.
    Trixie,
}

impl Suite {
    /// The release's name in the archive.
    pub fn codename(self) -> &'static str {
        match self {
            Suite::Bookworm => "bookworm",
            Suite::Trixie => "trixie",
        }
    }

    /// As the tables show it.
    pub fn label(self) -> &'static str {
        match self {
            Suite::Bookworm => "Debian 12",
            Suite::Trixie => "Debian 13",
        }
    }
}

/// How the guest boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loader {
    /// BIOS and GRUB.
    Grub,
    /// UEFI and systemd-boot, its kernels put on the ESP by kernel-install.
    SystemdBoot,
}

impl Loader {
    /// As the tables show it, after the vendor.
    pub fn label(self) -> &'static str {
        match self {
            Loader::Grub => "",
            Loader::SystemdBoot => " systemd-boot",
        }
    }

    /// Part of the disk's file name.
    fn part(self) -> &'static str {
        match self {
            Loader::Grub => "",
            Loader::SystemdBoot => "-systemd-boot",
        }
    }
}

/// What generates the guest's initramfs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generator {
    /// Debian's own.
    InitramfsTools,
    /// Fedora's and SUSE's.
    Dracut,
}

impl Generator {
    /// As the tables show it, after the boot loader.
    pub fn label(self) -> &'static str {
        match self {
            Generator::InitramfsTools => "",
            Generator::Dracut => " dracut",
        }
    }

    /// Part of the disk's file name.
    fn part(self) -> &'static str {
        match self {
            Generator::InitramfsTools => "",
            Generator::Dracut => "-dracut",
        }
    }
}

/// What the guest's kernel command line says about the IOMMU before anyone touches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// `intel_iommu=off`.
    IntelOff,
    /// `amd_iommu=off`.
    AmdOff,
    /// Nothing: the kernel's own default.
    Nothing,
}

impl Before {
    /// All of them.
    pub const ALL: [Before; 3] = [Before::IntelOff, Before::AmdOff, Before::Nothing];

    /// The parameter, if there is one.
    pub fn parameter(self) -> Option<&'static str> {
        match self {
            Before::IntelOff => Some("intel_iommu=off"),
            Before::AmdOff => Some("amd_iommu=off"),
            Before::Nothing => None,
        }
    }

    /// The parameters besides the console's. Mitigations cost an emulated processor a lot and prove nothing here.
    fn cmdline(self) -> String {
        match self.parameter() {
            Some(parameter) => format!("quiet mitigations=off {parameter}"),
            None => "quiet mitigations=off".to_owned(),
        }
    }

    fn label(self) -> &'static str {
        match self {
            Before::IntelOff => "intel-off",
            Before::AmdOff => "amd-off",
            Before::Nothing => "nothing",
        }
    }
}

/// A guest's disk as it is before anyone touches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// Its Debian release.
    pub suite: Suite,
    /// How it boots.
    pub loader: Loader,
    /// What generates its initramfs.
    pub generator: Generator,
    /// Its first command line.
    pub before: Before,
}

impl Image {
    /// As the tables show it: `Debian 13 systemd-boot`.
    fn label(self) -> String {
        format!("{}{}{}", self.suite.label(), self.loader.label(), self.generator.label())
    }

    /// The start of its files' names, which the disks of an installation share.
    fn installation(self) -> String {
        format!("{}{}{}", self.suite.codename(), self.loader.part(), self.generator.part())
    }

    /// The disks that are made of the installation.
    fn befores(self) -> &'static [Before] {
        match (self.loader, self.generator) {
            (Loader::Grub, Generator::InitramfsTools) => &Before::ALL,
            (Loader::SystemdBoot, _) => &[Before::IntelOff],
            (Loader::Grub, Generator::Dracut) => &[Before::IntelOff, Before::Nothing],
        }
    }
}

/// The built images and the key that opens the guests.
pub struct Images {
    dir: PathBuf,
}

impl Images {
    /// Builds what is missing of `wanted`; tells what it did.
    pub fn get(wanted: &[Image]) -> Result<(Images, String), String> {
        let images = Images { dir: paths::target().join("vm").join(format!("images-{RECIPE}")) };
        paths::make_dir(&images.dir)?;
        if !images.key().is_file() {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "passthrough-guests", "-f"]);
            run::logged("vm-ssh-keygen", "making a key for the guests", keygen.arg(images.key()))?;
        }
        let mut done = Vec::new();
        for image in wanted {
            if !images.disk(*image).is_file() {
                let took = images.build(*image)?;
                done.push(format!("{} built in {}", image.label(), run::seconds(took)));
            }
        }
        let told = if done.is_empty() { "all kept from an earlier run".to_owned() } else { done.join(", ") };
        Ok((images, told))
    }

    /// The disk of a guest, to be used as a backing file or copied, never written.
    pub fn disk(&self, image: Image) -> PathBuf {
        self.dir.join(format!("{}-{}.raw", image.installation(), image.before.label()))
    }

    /// The private key of the guests' root account.
    pub fn key(&self) -> PathBuf {
        self.dir.join("id_ed25519")
    }

    /// Makes the disks that share the image's installation; returns the time it took.
    fn build(&self, image: Image) -> Result<Duration, String> {
        let start = Instant::now();
        println!("   building {} images (about two minutes, most of it package installation)", image.label());
        let root = self.dir.join(format!("root-{}", image.installation()));
        remove_tree(&root)?;
        let public_key = self.key().with_extension("pub");
        let tree = tree::install(image, &root, &public_key)?;
        for before in image.befores().iter().copied() {
            let disk = self.disk(Image { before, ..image });
            match image.loader {
                Loader::Grub => grub::make(&tree, &before.cmdline(), &disk)?,
                Loader::SystemdBoot => systemd_boot::make(&tree, &before.cmdline(), &disk)?,
            }
        }
        remove_tree(&root)?;
        Ok(start.elapsed())
    }
}

/// Removes an installed tree, never what may be mounted in it.
fn remove_tree(root: &Path) -> Result<(), String> {
    let mut rm = Command::new("rm");
    rm.args(["-rf", "--one-file-system", "--"]).arg(root);
    run::logged("vm-rm", "removing the installed tree", &mut rm).map(|_| ())
}
