//! Generated boot entries, judged: do those of the installed kernels carry what is configured?

use crate::grub_cfg::Entry;
use crate::kernel_cmdline::{Token, in_force, key_eq, tokens};

/// One generated entry of an installed kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The entry's title as the menu shows it.
    pub title: String,
    /// The kernel's release.
    pub release: String,
    /// Whether it carries all that is wanted and nothing that is not.
    pub carries: bool,
    /// Wanted parameters that are not in force in it.
    pub missing: Vec<String>,
    /// Parameters it should not carry.
    pub unwanted: Vec<String>,
    /// The file that holds it, where each entry or each disk has its own.
    pub place: Option<String>,
}

impl Judged {
    /// What is wrong with it, as the end of a sentence about the entry.
    pub fn fault(&self) -> String {
        match (self.missing.is_empty(), self.unwanted.is_empty()) {
            (false, _) => format!("lacks {}", self.missing.join(" ")),
            (true, false) => format!("still carries {}", self.unwanted.join(" ")),
            (true, true) => "is as wanted".to_string(),
        }
    }
}

/// Judges the non-recovery entries whose kernel is one of `kernels` (releases): other `linux` lines,
/// such as memtest86+ or another system found by os-prober, are none of ours. `present` must be in
/// force in each; no token or key of `absent` may occur.
pub fn judge(entries: &[Entry], kernels: &[String], present: &[String], absent: &[String]) -> Vec<Judged> {
    ours(entries, kernels)
        .map(|(entry, release)| {
            let missing: Vec<String> = present
                .iter()
                .filter(|token| !in_force(&entry.arguments, token.as_bytes()))
                .cloned()
                .collect();
            let carried = tokens(&entry.arguments);
            let unwanted: Vec<String> = absent
                .iter()
                .filter(|token| carried.iter().any(|have| names(token, have)))
                .cloned()
                .collect();
            let carries = missing.is_empty() && unwanted.is_empty();
            Judged {
                title: entry.title.clone(),
                release: release.to_string(),
                carries,
                missing,
                unwanted,
                place: entry.place.clone(),
            }
        })
        .collect()
}

/// Why the generated entries do not match the configured command line, `GRUB_CMDLINE_LINUX` followed
/// by `GRUB_CMDLINE_LINUX_DEFAULT`; `None` where they do. The generator puts its own parameters
/// (`root=`, `ro`, …) before and sometimes after it, so the configured tokens must stand in the
/// entry as one run; a parameter about the IOMMU or VFIO outside that run is a left-over. `None` where
/// the settings compute the line: then only a kernel without any entry shows.
pub fn stale(entries: &[Entry], kernels: &[String], configured: Option<&[u8]>) -> Option<String> {
    let mut seen = false;
    for (entry, release) in ours(entries, kernels) {
        seen = true;
        let Some(wanted) = configured.map(tokens) else { continue };
        let carried = tokens(&entry.arguments);
        let raw = |line: &[Token]| line.iter().map(|t| t.raw.to_vec()).collect::<Vec<_>>();
        let (have, want) = (raw(&carried), raw(&wanted));
        let run = (0..=have.len().saturating_sub(want.len())).rev().find(|at| have[*at..].starts_with(&want));
        let Some(at) = run else {
            let lacking = wanted.iter().find(|token| !have.iter().any(|h| h == token.raw));
            let what = lacking
                .map_or("other parameters".to_string(), |t| format!("no {}", String::from_utf8_lossy(t.raw)));
            return Some(format!("the entry \"{}\" ({release}) has {what}", entry.title));
        };
        let rest = carried[..at].iter().chain(&carried[at + want.len()..]);
        if let Some(extra) = rest.into_iter().find(|token| is_ours(token)) {
            let extra = String::from_utf8_lossy(extra.raw);
            return Some(format!("the entry \"{}\" ({release}) still has {extra}", entry.title));
        }
    }
    (!seen && !kernels.is_empty()).then(|| "no entry boots an installed kernel".to_string())
}

/// Of entries that may differ from the settings on purpose: the parameters of this collection that
/// each should have, and those that one has and none should.
pub fn our_parameters(entries: &[Entry], configured: &[u8]) -> (Vec<String>, Vec<String>) {
    let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
    let ours: Vec<_> = tokens(configured).into_iter().filter(is_ours).collect();
    let present = ours.iter().filter(|token| in_force(configured, token.raw));
    let mut absent: Vec<String> = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.recovery) {
        let left = tokens(&entry.arguments).into_iter().filter(is_ours);
        let left = left.filter(|token| !ours.iter().any(|known| known.same(token)));
        for token in left.map(|token| text(token.raw)) {
            if !absent.contains(&token) {
                absent.push(token);
            }
        }
    }
    (present.map(|token| text(token.raw)).collect(), absent)
}

/// As [`stale`] for entries that may differ from the settings on purpose, as those of the Boot Loader
/// Specification: only the parameters of this collection are held against them.
pub fn stale_parameters(entries: &[Entry], kernels: &[String], configured: &[u8]) -> Option<String> {
    let (present, absent) = our_parameters(entries, configured);
    let entry = judge(entries, kernels, &present, &absent).into_iter().find(|entry| !entry.carries)?;
    let place = entry.place.clone().unwrap_or_default();
    Some(format!("{place}: the entry \"{}\" ({}) {}", entry.title, entry.release, entry.fault()))
}

fn ours<'a>(entries: &'a [Entry], kernels: &'a [String]) -> impl Iterator<Item = (&'a Entry, &'a str)> {
    // os-prober's and hand-written entries take no part in the settings.
    let generated = |entry: &&Entry| entry.script.as_ref().is_none_or(|script| script.contains("linux"));
    entries.iter().filter(|entry| !entry.recovery).filter(generated).filter_map(|entry| {
        let release = entry.release.as_deref()?;
        kernels.iter().any(|known| known == release).then_some((entry, release))
    })
}

/// Whether `wanted` (a whole token, or a key) names the token.
fn names(wanted: &str, token: &Token) -> bool {
    let wanted = Token::new(wanted.as_bytes());
    wanted.same(token) || (wanted.value().is_none() && key_eq(wanted.key(), token.key()))
}

/// Whether this is a parameter that this collection writes: found where it is not configured, it is left over.
pub fn is_ours(token: &Token) -> bool {
    let key = token.key();
    let exact = ["intel_iommu", "amd_iommu", "iommu"];
    exact.iter().any(|known| key_eq(key, known.as_bytes())) || key.starts_with(b"vfio")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(title: &str, release: Option<&str>, arguments: &str, recovery: bool) -> Entry {
        Entry {
            title: title.into(),
            kernel_path: format!("/boot/vmlinuz-{}", release.unwrap_or("x")),
            release: release.map(str::to_string),
            arguments: arguments.as_bytes().to_vec(),
            script: None,
            recovery,
            place: None,
        }
    }

    #[test]
    fn only_entries_of_installed_kernels_count() {
        let entries = [
            entry("Debian", Some("6.1"), "root=/dev/sda ro  quiet intel_iommu=on", false),
            entry("Debian (recovery mode)", Some("6.1"), "root=/dev/sda ro single", true),
            entry("Other system", Some("5.4"), "root=/dev/sdb ro", false),
            entry("memtest86+", None, "", false),
        ];
        let judged = judge(&entries, &["6.1".into()], &["intel_iommu=on".into()], &["iommu=pt".into()]);
        assert_eq!(judged.len(), 1);
        assert!(judged[0].carries);
    }

    #[test]
    fn entries_of_other_scripts_are_none_of_ours() {
        let text = b"### BEGIN /etc/grub.d/10_linux ###\nmenuentry 'A' {\nlinux /boot/vmlinuz-6.1 ro quiet\n}\n\
            ### END /etc/grub.d/10_linux ###\n### BEGIN /etc/grub.d/30_os-prober ###\n\
            menuentry 'B' {\nlinux /boot/vmlinuz-6.1 root=/dev/sdb1\n}\n### END /etc/grub.d/30_os-prober ###\n";
        let judged = judge(&crate::grub_cfg::entries(text), &["6.1".into()], &["quiet".into()], &[]);
        assert_eq!(judged.iter().map(|entry| entry.title.as_str()).collect::<Vec<_>>(), ["A"]);
    }

    #[test]
    fn a_missing_or_left_over_parameter_is_named() {
        let entries = [entry("Debian", Some("6.1"), "ro quiet video=a", false)];
        let judged = judge(&entries, &["6.1".into()], &["intel_iommu=on".into()], &["video".into()]);
        assert_eq!(judged[0].fault(), "lacks intel_iommu=on");
        assert_eq!(judged[0].unwanted, ["video"]);
        let judged = judge(&entries, &["6.1".into()], &[], &["video".into()]);
        assert_eq!(judged[0].fault(), "still carries video");
    }

    #[test]
    fn staleness() {
        let table: &[(&str, &str, Option<&str>)] = &[
            ("root=/dev/sda ro  quiet intel_iommu=on", "quiet intel_iommu=on", None),
            ("root=/dev/sda ro  quiet", "quiet intel_iommu=on", Some("no intel_iommu=on")),
            ("root=/dev/sda ro  quiet intel_iommu=on", "quiet", Some("still has intel_iommu=on")),
            (
                "root=/dev/sda ro quiet intel_iommu=on hugepages=2",
                "quiet hugepages=2",
                Some("other parameters"),
            ),
            ("root=/dev/sda ro quiet crashkernel=1G", "quiet", None),
            ("root=/dev/sda ro", "", None),
            ("", "", None),
            ("ro", "quiet splash", Some("no quiet")),
        ];
        for (have, configured, want) in table {
            let entries = [entry("Debian", Some("6.1"), have, false)];
            let got = stale(&entries, &["6.1".into()], Some(configured.as_bytes()));
            match want {
                None => assert_eq!(got, None, "{have} / {configured}"),
                Some(text) => assert!(got.as_deref().is_some_and(|g| g.contains(text)), "{got:?} / {text}"),
            }
        }
        assert!(stale(&[], &["6.1".into()], None).is_some());
        assert_eq!(stale(&[], &[], Some(b"quiet")), None);
    }
}
