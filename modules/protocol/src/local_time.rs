//! Local time for the system log, from the zone files of `tzfile(5)`.
//!
//! Own code, because libc's `syslog(3)` costs 30 KB in a static binary, and musl's cuts lines at 1 KB
//! and knows UTC only.

use std::fs;
use std::path::PathBuf;

const DAY: i64 = 86_400;

/// `Nov  3 07:54:26`, as `syslog(3)` writes the time `now` (seconds since 1970).
pub fn stamp(now: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let zone = std::env::var("TZ").ok();
    let local = now + offset(zone.as_deref(), now);
    let (_, month, day) = civil(local.div_euclid(DAY));
    let second = local.rem_euclid(DAY);
    let name = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).unwrap_or(&"Jan");
    format!("{name} {day:>2} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// Seconds east of UTC at `now` in the zone that the variable `TZ` names, or else the machine's.
fn offset(zone: Option<&str>, now: i64) -> i64 {
    let file = match zone.map(|zone| zone.strip_prefix(':').unwrap_or(zone)) {
        None => PathBuf::from("/etc/localtime"),
        Some("") => return 0,
        Some(name) => PathBuf::from("/usr/share/zoneinfo").join(name),
    };
    let from_file = fs::read(file).ok().and_then(|bytes| in_file(&bytes, now));
    // A TZ that names no file may be a rule itself; a machine without a zone keeps UTC.
    from_file.or_else(|| Rule::parse(zone?).map(|rule| rule.offset(now))).unwrap_or(0)
}

/// The offset out of a zone file of version 2 or later.
fn in_file(bytes: &[u8], now: i64) -> Option<i64> {
    let (counts, first) = header(bytes)?;
    // The first block repeats the data in 32 bits, for readers of version 1.
    let [isut, isstd, leap, time, kind, chars] = counts;
    let second = first.get(time * 5 + kind * 6 + chars + leap * 8 + isstd + isut..)?;
    let ([isut, isstd, leap, time, kind, chars], data) = header(second)?;
    let (times, data) = data.split_at_checked(time * 8)?;
    let (indices, data) = data.split_at_checked(time)?;
    let (kinds, data) = data.split_at_checked(kind * 6)?;
    let footer = data.get(chars + leap * 12 + isstd + isut..)?;
    let times: Vec<i64> = times.as_chunks::<8>().0.iter().map(|time| i64::from_be_bytes(*time)).collect();
    let passed = times.partition_point(|time| *time <= now);
    if passed == times.len() {
        let rule = std::str::from_utf8(footer).ok().and_then(|text| Rule::parse(text.trim_matches('\n')));
        if let Some(rule) = rule {
            return Some(rule.offset(now));
        }
    }
    let index = passed.checked_sub(1).and_then(|at| indices.get(at)).map_or(0, |index| usize::from(*index));
    let kind = kinds.get(index * 6..)?.first_chunk::<4>()?;
    Some(i64::from(i32::from_be_bytes(*kind)))
}

/// The six counts of a block and what follows its header.
fn header(bytes: &[u8]) -> Option<([usize; 6], &[u8])> {
    let (head, rest) = bytes.split_at_checked(44)?;
    if !head.starts_with(b"TZif") || head.get(4) < Some(&b'2') {
        return None;
    }
    let mut counts = [0; 6];
    for (count, bytes) in counts.iter_mut().zip(head.get(20..)?.as_chunks::<4>().0) {
        *count = usize::try_from(u32::from_be_bytes(*bytes)).ok()?;
    }
    Some((counts, rest))
}

/// A zone as `TZ` spells it: `CET-1CEST,M3.5.0,M10.5.0/3`. Offsets in seconds east of UTC.
#[derive(Debug, PartialEq)]
struct Rule {
    standard: i64,
    /// Summer time: its offset, begin and end.
    summer: Option<(i64, Change, Change)>,
}

/// When a change happens: the day of the year, and seconds of local time into that day.
#[derive(Debug, PartialEq)]
struct Change {
    day: Day,
    second: i64,
}

#[derive(Debug, PartialEq)]
enum Day {
    /// `Mm.w.d`: weekday `d` (0 is Sunday) of week `w` (5 is the last) of month `m`.
    Month(i64, i64, i64),
    /// `Jn`: 1 to 365, February 29 never counted.
    Julian(i64),
    /// `n`: 0 to 365.
    Zero(i64),
}

impl Rule {
    fn parse(text: &str) -> Option<Rule> {
        let rest = name(text)?;
        let (west, rest) = time(rest)?;
        if rest.is_empty() {
            return Some(Rule { standard: -west, summer: None });
        }
        let rest = name(rest)?;
        let (summer, rest) = match rest.starts_with(',') || rest.is_empty() {
            true => (3600 - west, rest),
            false => time(rest).map(|(west, rest)| (-west, rest))?,
        };
        // Without dates, the United States' are meant.
        let dates = if rest.is_empty() { "M3.2.0,M11.1.0" } else { rest.strip_prefix(',')? };
        let (begin, end) = dates.split_once(',')?;
        Some(Rule { standard: -west, summer: Some((summer, Change::parse(begin)?, Change::parse(end)?)) })
    }

    fn offset(&self, now: i64) -> i64 {
        let Some((summer, begin, end)) = &self.summer else { return self.standard };
        let (year, _, _) = civil((now + self.standard).div_euclid(DAY));
        let begin = begin.at(year) - self.standard;
        let end = end.at(year) - summer;
        let is_summer = if begin < end { (begin..end).contains(&now) } else { !(end..begin).contains(&now) };
        if is_summer { *summer } else { self.standard }
    }
}

impl Change {
    fn parse(text: &str) -> Option<Change> {
        let (day, second) = match text.split_once('/') {
            Some((day, at)) => (day, time(at).filter(|(_, rest)| rest.is_empty())?.0),
            None => (text, 7200),
        };
        let day = match day.as_bytes().first()? {
            b'M' => {
                let mut numbers = day.get(1..)?.split('.').map(|number| number.parse::<i64>().ok());
                let (month, week, weekday) = (numbers.next()??, numbers.next()??, numbers.next()??);
                let fine = (1..=12).contains(&month) && (1..=5).contains(&week) && (0..=6).contains(&weekday);
                fine.then_some(Day::Month(month, week, weekday))?
            }
            b'J' => Day::Julian(day.get(1..)?.parse().ok().filter(|day| (1..=365).contains(day))?),
            _ => Day::Zero(day.parse().ok().filter(|day| (0..=365).contains(day))?),
        };
        Some(Change { day, second })
    }

    /// The moment in `year`, in seconds of local time since 1970.
    fn at(&self, year: i64) -> i64 {
        let january = days(year, 1, 1);
        let leap = days(year, 3, 1) - january == 60;
        let day = match self.day {
            Day::Zero(day) => january + day,
            Day::Julian(day) => january + day - 1 + i64::from(leap && day >= 60),
            Day::Month(month, week, weekday) => {
                let first = days(year, month, 1);
                let next = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
                // 1970-01-01 was a Thursday.
                let day = first + (weekday - (first + 4)).rem_euclid(7) + 7 * (week - 1);
                if day >= next { day - 7 } else { day }
            }
        };
        day * DAY + self.second
    }
}

/// Goes past a zone's name: letters, or anything in angle brackets.
fn name(text: &str) -> Option<&str> {
    let end = match text.strip_prefix('<') {
        Some(quoted) => quoted.find('>')? + 2,
        None => text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len()),
    };
    text.get(end..).filter(|_| end >= 3)
}

/// `[+-]hh[:mm[:ss]]` in seconds, and what follows.
fn time(text: &str) -> Option<(i64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !"+-:".contains(c)).unwrap_or(text.len());
    let (token, rest) = text.split_at(end);
    let (sign, digits) = match token.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, token.strip_prefix('+').unwrap_or(token)),
    };
    let mut seconds = 0;
    for (number, unit) in digits.split(':').zip([3600, 60, 1]) {
        seconds += number.parse::<i64>().ok().filter(|number| (0..=167).contains(number))? * unit;
    }
    Some((sign * seconds, rest))
}

/// Days since 1970 of a date of the Gregorian calendar. Years are counted from March, so that the
/// leap day is the last of a year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let march_day = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + march_day - 719_468
}

/// Year, month and day of a day since 1970.
fn civil(day: i64) -> (i64, i64, i64) {
    let mut year = 1970 + day.div_euclid(366);
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    let month = (1..=12).rev().find(|month| days(year, *month, 1) <= day).unwrap_or(1);
    (year, month, day - days(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// The local time in `date(1)`'s words.
    fn date(zone: &str, now: i64) -> String {
        let at = format!("@{now}");
        let output =
            Command::new("date").env("TZ", zone).env("LC_ALL", "C").args(["-d", &at, "+%z"]).output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_string()
    }

    fn shown(offset: i64) -> String {
        let (sign, offset) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
        format!("{sign}{:02}{:02}", offset / 3600, offset / 60 % 60)
    }

    #[test]
    fn offsets_are_those_of_date() {
        let rules = [
            "CET-1CEST,M3.5.0,M10.5.0/3",
            "<-03>3",
            "EST5EDT",
            "AEST-10AEDT,M10.1.0,M4.1.0/3",
            "X2Y,J60,300/1:30",
        ];
        let mut zones: Vec<&str> = rules.to_vec();
        for zone in
            ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"]
        {
            // The zone files are a package of their own.
            if std::path::Path::new("/usr/share/zoneinfo").join(zone).exists() {
                zones.push(zone);
            }
        }
        for zone in zones {
            for step in 0..48 {
                let now = 1_500_000_000 + step * 31 * DAY + step * 3000;
                assert_eq!(shown(offset(Some(zone), now)), date(zone, now), "{zone} {now}");
            }
        }
        assert_eq!(offset(Some(""), 0), 0);
        assert_eq!(offset(Some("Nowhere/City"), 0), 0);
    }

    #[test]
    fn dates_of_the_calendar() {
        for (seconds, want) in [
            (0, (1970, 1, 1)),
            (951_782_400, (2000, 2, 29)),
            (951_868_800, (2000, 3, 1)),
            (4_107_542_400, (2100, 3, 1)),
            (1_795_478_400, (2026, 11, 24)),
        ] {
            assert_eq!(civil(seconds / DAY), want, "{seconds}");
        }
        for day in -800..40_000 {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[test]
    fn broken_zone_files_are_no_zone() {
        for bytes in [&b""[..], b"TZif", &[0; 100], b"TZif2"] {
            assert_eq!(in_file(bytes, 0), None);
        }
        let mut huge = b"TZif2".to_vec();
        huge.extend([0xff; 39]);
        assert_eq!(in_file(&huge, 0), None);
        for rule in ["", "AB1", "ABC", "ABC1DEF,M13.1.0,M1.1.0", "ABC1DEF,M1.1.0", "ABC999", "<A1"] {
            assert_eq!(Rule::parse(rule), None, "{rule}");
        }
    }
}
