//! Entries in files of their own. They are settings themselves, and may differ from `/etc/default/grub` on
//! purpose: only the parameters about the IOMMU and VFIO are held against it, which a run that was cut may
//! have left behind.

use apply::FileChange;
use config_text::boot_entry;
use config_text::kernel_cmdline::Wish;
use host::bls::Bls;
use protocol::Failure;

use crate::observe::Observed;

/// Why the entries are due; `None` where they are as configured.
pub(crate) fn stale(seen: &Observed, bls: &Bls) -> Option<String> {
    let line = seen.configured.as_deref()?;
    boot_entry::stale_parameters(&bls.entries(&seen.kernels), &seen.releases(), line)
}

/// The files that change so that the entries are as configured.
pub(crate) fn changes(seen: &Observed, bls: &Bls) -> Result<Vec<FileChange>, Failure> {
    let Some(line) = seen.configured.as_deref() else { return Ok(Vec::new()) };
    let (present, absent) = boot_entry::our_parameters(&bls.entries(&seen.kernels), line);
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
