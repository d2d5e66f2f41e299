//! Parameters for passthrough that stand in the settings and have no effect, or stand there twice.

use super::{File, Settings, State, effective};
use crate::Finding;
use crate::kernel_cmdline::{Token, concerns_passthrough, key_eq, tokens};

/// The findings, in file and line order; none where the shell could not read the settings.
///
/// `parameter_overridden`: an assignment gives the parameter, and a later one takes it away without
/// giving it another value. `parameter_doubled`: the parameter is on the command line twice, in one
/// variable or in both, so that taking one away changes nothing.
pub fn lint(settings: &Settings) -> Vec<Finding> {
    let mut found = overridden(settings);
    found.extend(doubled(settings));
    found
}

/// The settings as far as `lines` lines of the last of `files` reach, seen as a command line. `None`
/// inside what takes several lines, and where code works the line out.
fn line_up_to(settings: &Settings, files: &[File]) -> Option<Vec<u8>> {
    effective(&Settings { files, dialect: settings.dialect }).ok()?.cmdline
}

/// Real settings have a few hundred lines; working out each step of a longer text would take too long.
const LONGEST: usize = 64 << 10;

fn overridden(settings: &Settings) -> Vec<Finding> {
    if settings.files.iter().map(|file| file.bytes.len()).sum::<usize>() > LONGEST {
        return Vec::new();
    }
    let Some(last) = line_up_to(settings, settings.files) else { return Vec::new() };
    let last = tokens(&last);
    let mut found: Vec<Finding> = Vec::new();
    let mut before: Vec<u8> = Vec::new();
    let mut read: Vec<File> = Vec::new();
    for file in settings.files {
        let name = &file.name;
        read.push(File { name: name.clone(), bytes: Vec::new() });
        for (number, line) in file.bytes.split_inclusive(|b| *b == b'\n').enumerate() {
            if let Some(current) = read.last_mut() {
                current.bytes.extend_from_slice(line);
            }
            // Working the line out is dear, and only an assignment changes it.
            if !line.contains(&b'=') && !line.contains(&b'\'') && !line.contains(&b'"') {
                continue;
            }
            let Some(now) = line_up_to(settings, &read) else { continue };
            let tokens_now = tokens(&now);
            for token in tokens(&before).into_iter().filter(concerns_passthrough) {
                let kept = |t: &Token| key_eq(t.key(), token.key());
                if !tokens_now.iter().any(|t| t.same(&token)) && !last.iter().any(kept) {
                    found.push(taken_away(name, number + 1, &token));
                }
            }
            before = now;
        }
    }
    found
}

fn taken_away(file: &str, line: usize, token: &Token) -> Finding {
    let token = String::from_utf8_lossy(token.raw);
    Finding {
        code: "parameter_overridden",
        file: file.to_string(),
        line,
        message: format!("{token} has no effect: this assignment replaces the one that gives it"),
        hint: format!("write {token} into this assignment, or use grub_iommu, which finds the right place"),
    }
}

fn doubled(settings: &Settings) -> Vec<Finding> {
    let Ok(state) = State::read(settings) else { return Vec::new() };
    let files: Vec<&[u8]> = settings.files.iter().map(|file| file.bytes.as_slice()).collect();
    // Each token with its variable and the file that set it last.
    let mut seen: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut found: Vec<Finding> = Vec::new();
    for (variable, value) in &state.values {
        let Some(value) = value else { continue };
        let Some(text) = value.text(&files) else { continue };
        let place = value.assigned.last().and_then(|at| Some((settings.files.get(at.file)?, at.line)));
        for token in tokens(&text).into_iter().filter(concerns_passthrough) {
            let twin = seen.iter().find(|(_, raw)| Token::new(raw).same(&token));
            if let (Some((other, _)), Some((file, line))) = (twin, place) {
                let stands = match *other == *variable {
                    true => format!("twice in {variable}"),
                    false => format!("in {other} and in {variable}"),
                };
                let token = String::from_utf8_lossy(token.raw);
                found.push(Finding {
                    code: "parameter_doubled",
                    file: file.name.clone(),
                    line,
                    message: format!("{token} is {stands}: taking one away changes nothing"),
                    hint: "take one of them out".to_string(),
                });
            }
            seen.push((variable, token.raw.to_vec()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell_assignment::Dialect;

    fn codes(texts: &[&str]) -> Vec<(&'static str, String, usize)> {
        let name = |at: usize| if at == 0 { "/etc/default/grub".to_string() } else { format!("/d/{at}.cfg") };
        let files: Vec<File> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| File { name: name(at), bytes: text.as_bytes().to_vec() })
            .collect();
        let found = lint(&Settings { files: &files, dialect: Dialect::Posix });
        found.into_iter().map(|f| (f.code, f.file, f.line)).collect()
    }

    #[test]
    fn what_a_later_assignment_takes_away() {
        let main = "# c\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\n";
        let at = |file: &str, line| vec![("parameter_overridden", file.to_string(), line)];
        for (texts, expected) in [
            (&[main, "GRUB_CMDLINE_LINUX_DEFAULT=\"console=ttyS0\"\n"][..], at("/d/1.cfg", 1)),
            (
                &["GRUB_CMDLINE_LINUX=vfio-pci.ids=1:2\nX=1\nGRUB_CMDLINE_LINUX=\n"],
                at("/etc/default/grub", 3),
            ),
            (&[main, "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT x\"\n"], vec![]),
            // Another value for the same key, and parameters that have nothing to do with passthrough.
            (&[main, "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=off\"\n"], vec![]),
            (&["GRUB_CMDLINE_LINUX=quiet\nGRUB_CMDLINE_LINUX=\n"], vec![]),
            // Given again further down.
            (&[main, "GRUB_CMDLINE_LINUX_DEFAULT=\n", "GRUB_CMDLINE_LINUX_DEFAULT=intel_iommu=on\n"], vec![]),
            (&["# GRUB_CMDLINE_LINUX=intel_iommu=on\nGRUB_CMDLINE_LINUX=\n"], vec![]),
            (&["GRUB_CMDLINE_LINUX=intel_iommu=on\nif true; then\nGRUB_CMDLINE_LINUX=\"\nq\"\nfi\n"], vec![]),
            (&["GRUB_CMDLINE_LINUX=(\n"], vec![]),
        ] {
            assert_eq!(codes(texts), expected, "{texts:?}");
        }
    }

    #[test]
    fn what_is_there_twice() {
        let one = vec![("parameter_doubled", "/etc/default/grub".to_string(), 1)];
        for (text, expected) in [
            ("GRUB_CMDLINE_LINUX=\"iommu=pt quiet iommu=pt\"\n", one.clone()),
            ("GRUB_CMDLINE_LINUX_DEFAULT=\"iommu=pt\"\nGRUB_CMDLINE_LINUX=iommu=pt\n", one),
            ("GRUB_CMDLINE_LINUX=\"quiet quiet intel_iommu=on intel_iommu=igfx_off\"\n", vec![]),
        ] {
            assert_eq!(codes(&[text]), expected, "{text}");
        }
        let both = lint(&Settings {
            files: &[File {
                name: "/etc/default/grub".to_string(),
                bytes: b"GRUB_CMDLINE_LINUX=iommu=pt\nGRUB_CMDLINE_LINUX_DEFAULT=iommu=pt\n".to_vec(),
            }],
            dialect: Dialect::Posix,
        });
        let said = "iommu=pt is in GRUB_CMDLINE_LINUX and in GRUB_CMDLINE_LINUX_DEFAULT";
        assert!(both[0].message.starts_with(said), "{}", both[0].message);
    }
}
