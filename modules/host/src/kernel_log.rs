//! The kernel log's lines about the IOMMU. They are for people: as proof they are worth nothing,
//! since kernels speak of DMAR on AMD hosts and of AMD-Vi on Intel ones.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::read;

use crate::Root;

/// A record is at most so long (`CONSOLE_EXT_LOG_MAX`).
const RECORD: usize = 8192;
/// No host has more to say than this.
const MOST_LINES: usize = 200;

/// The lines, oldest first; `None` where the log may not be read or there is none.
pub fn iommu_lines(root: &Root) -> Option<Vec<String>> {
    if !root.is_live() {
        return None;
    }
    let log = root.open_at("/dev/kmsg", OFlag::O_RDONLY | OFlag::O_NONBLOCK).ok()?;
    let mut lines = Vec::new();
    let mut record = [0; RECORD];
    loop {
        match read(log.as_fd(), &mut record) {
            Ok(length) if length > 0 => {
                let text = String::from_utf8_lossy(record.get(..length).unwrap_or_default());
                lines.extend(about_iommu(&text).map(str::to_string));
                if lines.len() == MOST_LINES {
                    break;
                }
            }
            // The record was overwritten while it was being read.
            Err(Errno::EPIPE | Errno::EINTR) => {}
            Ok(_) | Err(Errno::EAGAIN) => break,
            Err(_) => return None,
        }
    }
    Some(lines)
}

/// The message of a record `6,339,5140900,-;message`, if it is about the IOMMU.
fn about_iommu(record: &str) -> Option<&str> {
    let message = record.split_once(';')?.1.lines().next()?;
    let about = ["DMAR", "AMD-Vi", "IOMMU", "iommu:", "arm-smmu"].iter().any(|word| message.contains(word));
    // One line a device, and the command line: both are told elsewhere.
    let told = message.contains("Adding to iommu group") || message.contains("ommand line:");
    (about && !told).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_the_iommu() {
        for (record, expected) in [
            ("6,1,0,-;DMAR: IOMMU enabled\n SUBSYSTEM=x\n", Some("DMAR: IOMMU enabled")),
            ("6,2,0,-;AMD-Vi: Interrupt remapping enabled", Some("AMD-Vi: Interrupt remapping enabled")),
            ("6,3,0,-;pci 0000:00:02.0: Adding to iommu group 1", None),
            ("5,4,0,-;Command line: intel_iommu=on DMAR", None),
            (
                "6,5,0,-;iommu: Default domain type: Translated",
                Some("iommu: Default domain type: Translated"),
            ),
            ("6,6,0,-;e1000e: Intel", None),
            ("no record DMAR", None),
        ] {
            assert_eq!(about_iommu(record), expected, "{record}");
        }
    }
}
