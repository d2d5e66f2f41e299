//! Names of backup copies, as other Ansible modules give them.

use std::time::{SystemTime, UNIX_EPOCH};

/// `NAME.PID.YYYY-MM-DD@HH:MM:SS~` for the file at `path`, time in UTC: the local time zone is not
/// known without reading its files, and a host's copies sort right only without summer time.
pub(crate) fn name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    format!("{file}.{}.{}~", std::process::id(), stamp(seconds))
}

/// Seconds since the epoch as `YYYY-MM-DD@HH:MM:SS`.
fn stamp(seconds: u64) -> String {
    let (mut days, rest) = (seconds / 86_400, seconds % 86_400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{:02}@{hour:02}:{minute:02}:{second:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_at_the_edges() {
        let table = [
            (0, "1970-01-01@00:00:00"),
            (951_782_399, "2000-02-28@23:59:59"),
            (951_782_400, "2000-02-29@00:00:00"),
            (1_709_251_199, "2024-02-29@23:59:59"),
            (1_735_689_599, "2024-12-31@23:59:59"),
            (1_795_392_000, "2026-11-23@00:00:00"),
        ];
        for (seconds, want) in table {
            assert_eq!(stamp(seconds), want);
        }
    }

    #[test]
    fn the_name_ends_as_ansible_users_know_it() {
        let name = name("/etc/default/grub");
        assert!(name.starts_with(&format!("grub.{}.2", std::process::id())) && name.ends_with('~'), "{name}");
    }
}
