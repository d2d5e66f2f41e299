//! Entries in files of their own. They are settings themselves, and may differ from `/etc/default/grub` on
//! purpose: only the parameters about the IOMMU and VFIO are held against it, which a run that was cut may
//! have left behind.

use apply::FileChange;
use config_text::boot_entry::{self, Judged};
use config_text::kernel_cmdline::{self, Wish, tokens};
use host::bls::Bls;
use protocol::Failure;

use crate::observe::Observed;

/// Such parameters that are configured, and such that are in an entry but not configured.
fn wanted(seen: &Observed, bls: &Bls) -> Option<(Vec<String>, Vec<String>)> {
    let line = seen.configured.as_deref()?;
    let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
    let configured: Vec<_> = tokens(line).into_iter().filter(boot_entry::is_ours).collect();
    let present = configured.iter().filter(|token| kernel_cmdline::in_force(line, token.raw));
    let mut absent: Vec<String> = Vec::new();
    for entry in bls.entries(&seen.kernels).iter().filter(|entry| !entry.recovery) {
        let left = tokens(&entry.arguments).into_iter().filter(boot_entry::is_ours);
        let left = left.filter(|token| !configured.iter().any(|known| known.same(token)));
        for token in left.map(|token| text(token.raw)) {
            if !absent.contains(&token) {
                absent.push(token);
            }
        }
    }
    Some((present.map(|token| text(token.raw)).collect(), absent))
}

fn judged(seen: &Observed, bls: &Bls) -> Vec<Judged> {
    let Some((present, absent)) = wanted(seen, bls) else { return Vec::new() };
    boot_entry::judge(&bls.entries(&seen.kernels), &seen.releases(), &present, &absent)
}

/// Why the entries are due; `None` where they are as configured.
pub(crate) fn stale(seen: &Observed, bls: &Bls) -> Option<String> {
    let entry = judged(seen, bls).into_iter().find(|entry| !entry.carries)?;
    let place = entry.place.clone().unwrap_or_default();
    Some(format!("{place}: the entry \"{}\" ({}) {}", entry.title, entry.release, entry.fault()))
}

/// The files that change so that the entries are as configured.
pub(crate) fn changes(seen: &Observed, bls: &Bls) -> Result<Vec<FileChange>, Failure> {
    let Some((present, absent)) = wanted(seen, bls) else { return Ok(Vec::new()) };
    let wish = Wish::new(&present, &absent, false)
        .map_err(|error| Failure::new(format!("/etc/default/grub: {error}")))?;
    let root = seen.root.trim_end_matches('/');
    let edited = config_text::bls::edit(&bls.files, bls.environment.as_ref(), &wish)
        .map_err(|error| Failure::coded(error.code(), format!("{root}{error}")))?;
    let old = |path: &str| {
        let mut files = bls.files.iter().chain(&bls.environment);
        files.find(|(known, _)| known == path).map(|(_, bytes)| bytes.clone())
    };
    Ok(edited
        .into_iter()
        .map(|(path, after)| FileChange {
            before: old(&path),
            after: Some(after),
            mode: FileChange::PLAIN,
            path,
        })
        .collect())
}
