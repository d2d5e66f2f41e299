//! The boot loader, its lines, the initramfs.

use config_text::kernel_cmdline::{self, Token, concerns_passthrough};
use config_text::{Finding, grub_default};
use host::boot_lines::{self, BootLines};
use host::bootloader::{self, Bootloader, Kind};
use host::kernel_cmdline::PATH as KERNEL_CMDLINE;
use host::kernels::{self, Kernel};
use host::{Root, initramfs, proc};
use preflight::check::{Remark, Seen};

use super::Unread;

/// What the other parts need of it.
#[derive(Debug, Default)]
pub struct Next {
    /// The installed kernels.
    pub kernels: Vec<Kernel>,
    /// The command line of the first entry that boots next, else what the settings amount to, else the
    /// one in force.
    pub line: String,
}

/// Reads it, and fills in what it says of the next boots.
pub fn observe(root: &Root, host: &mut Seen, unread: &mut Unread) -> Next {
    let kernels = unread.take(kernels::installed(root), "which kernels are installed");
    let loader = unread.take(bootloader::detect(root).map(Some), "which boot loader boots this host");
    let lines = match &loader {
        Some(loader) => unread.take(boot_lines::read(root, loader, &kernels), "what the next boot brings"),
        None => BootLines::default(),
    };
    if let Some(loader) = &loader {
        host.evidence.no_boot_loader = loader.kind == Kind::None;
        host.unknown_loader = (loader.kind == Kind::Unknown).then(|| loader.evidence.join("; "));
        wrong_file(root, loader, &lines, host, unread);
    }
    for why in &lines.faults {
        unread.note(why, "what the next boot brings");
    }
    let boots = loader.as_ref().is_some_and(|loader| matches!(loader.kind, Kind::Grub | Kind::SystemdBoot));
    if boots
        && lines.entries.is_none()
        && lines.stale.is_none()
        && lines.faults.is_empty()
        && !kernels.is_empty()
    {
        unread.note("no boot entry of an installed kernel can be found", "what the next boot brings");
    }
    for mistake in &lines.mistakes {
        host.remarks.push(Remark {
            code: "config_mistake",
            message: format!("{KERNEL_CMDLINE}:{}: {mistake}", mistake.line()),
            hint: "mend it, then run systemd_boot_iommu".to_string(),
        });
    }
    if let Some(grub) = &lines.grub {
        host.remarks
            .extend(grub_default::lint(&grub.settings()).iter().map(|found| remark(found.code, found)));
    }
    let state = unread.take(initramfs::observe(root, &kernels), "whether the initramfs is up to date");
    host.initramfs_stale = state.stale;
    host.entries_stale = lines.stale;
    unread.take(root.read_opt("/proc/cmdline"), "what this boot was told");
    let in_force = proc::cmdline(root);
    host.evidence.in_force = in_force.as_ref().map(|line| boot_lines::words(line.as_bytes()));
    host.evidence.settings = lines.settings.clone();
    host.evidence.next_boot = lines.entries.or_else(|| lines.settings.map(|tokens| vec![tokens]));
    let first =
        host.evidence.next_boot.as_ref().and_then(|entries| entries.first()).map(|tokens| tokens.join(" "));
    Next { kernels, line: first.or(in_force).unwrap_or_default() }
}

/// A finding in a text as a remark under `code`.
pub fn remark(code: &'static str, found: &Finding) -> Remark {
    Remark {
        code,
        message: format!("{}:{}: {}", found.file, found.line, found.message),
        hint: found.hint.clone(),
    }
}

/// Parameters in the file of a loader that does not boot this host.
fn wrong_file(root: &Root, loader: &Bootloader, lines: &BootLines, host: &mut Seen, unread: &mut Unread) {
    let needed = "whether parameters are in the wrong boot loader's file";
    let (file, line) = match loader.kind {
        // kernel-install takes the parameters of new entries from there.
        Kind::Grub if loader.bls => return,
        Kind::Grub => (KERNEL_CMDLINE, unread.take(root.read_opt(KERNEL_CMDLINE), needed)),
        Kind::SystemdBoot => {
            let grub = unread.take(host::grub::observe(root, "/etc/default/grub"), needed);
            ("/etc/default/grub", grub_default::effective(&grub.settings()).ok().and_then(|e| e.cmdline))
        }
        Kind::None | Kind::Unknown => return,
    };
    // Where code works the right file out, nothing can be said of what it lacks.
    let (Some(line), Some(settings)) = (line, &lines.settings) else { return };
    let is_known = |token: &Token| settings.iter().any(|known| Token::new(known.as_bytes()).same(token));
    let tokens = kernel_cmdline::tokens(&line);
    let lost: Vec<String> = tokens
        .into_iter()
        .filter(|token| concerns_passthrough(token) && !is_known(token))
        .map(|token| String::from_utf8_lossy(token.raw).into_owned())
        .collect();
    if lost.is_empty() {
        return;
    }
    let (boots, right) = match loader.kind {
        Kind::Grub => ("GRUB", "grub_iommu"),
        _ => ("systemd-boot", "systemd_boot_iommu"),
    };
    host.remarks.push(Remark {
        code: "wrong_boot_loader_file",
        message: format!(
            "{file} has {}, and this host boots by {boots}, which does not read it",
            lost.join(" ")
        ),
        hint: format!("set them with {right}, and take them out of {file}"),
    });
}
