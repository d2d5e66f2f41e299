//! The lines by which vfio-pci gets its devices: `options vfio-pci ids=…`, `disable_vga=1`, and
//! `softdep DRIVER pre: vfio-pci`. Every byte outside them stays.
//!
//! Of several `ids=` the kernel takes the last; of several `softdep` lines about a module kmod takes
//! the first (`kmod_module_get_softdeps` in `libkmod/libkmod-module.c`).

use super::config::{Config, Place, blocks_loading, same_module};
use super::directive::{Content, Directive, Line, parse};
use super::edit::{with_line, without_lines};
use super::glob;
use super::vfio_pci::{Id, id, key_value, words};

const MODULE: &str = "vfio_pci";
const DISABLE_VGA: &str = "options vfio-pci disable_vga=1";

/// The ids that vfio-pci gets, and where they stand; `None` where nothing says `ids=`.
pub fn ids_in_force(config: &Config) -> Option<(Place, Vec<String>)> {
    let options = config.options(MODULE);
    let ids = |options: &[u8]| words(options).iter().rev().find_map(|word| ids_of(word));
    options.into_iter().rev().find_map(|(place, options)| Some((place, ids(options)?)))
}

/// Where modprobe is told to run `true` or `false` instead of loading vfio-pci or a module that it needs:
/// then it takes nothing, whatever is bound to it. kmod asks for each of them.
pub fn keeps_vfio_pci_out(config: &Config) -> Option<Place> {
    let out = |module| config.install_command(module).filter(|(_, command)| blocks_loading(command));
    [MODULE, "vfio_pci_core", "vfio"].into_iter().find_map(out).map(|(place, _)| place)
}

/// The ids that the `ids=` in force of this one file lists; empty where it has none.
pub fn own_ids(bytes: &[u8]) -> Vec<String> {
    let lines = parse(bytes);
    let mut found = lines.iter().filter_map(vfio_options).flat_map(words).filter_map(|word| ids_of(&word));
    found.next_back().unwrap_or_default()
}

/// Whether two elements of `ids=` mean the same devices: vendor and device alone, whatever their spelling.
pub fn is_same_id(a: &str, b: &str) -> bool {
    let plain = |text: &str| {
        let number = |field: &str| u32::from_str_radix(field.trim_start_matches("0x"), 16).ok();
        let (vendor, device) = text.split_once(':')?;
        Some((number(vendor)?, number(device)?))
    };
    a.eq_ignore_ascii_case(b) || plain(a).is_some_and(|a| Some(a) == plain(b))
}

/// `bytes` with exactly `ids` in force: the last `ids=` is edited in place, or taken out where the one
/// before it says the same. One that holds elements which the kernel skips is somebody's work in
/// progress: it stays, and a line after it counts. Each id is one word of hexadecimal digits and colons.
pub fn with_ids(bytes: &[u8], ids: &[String]) -> Vec<u8> {
    if ids.is_empty() {
        return without_ids(bytes);
    }
    if own_ids(bytes) == ids {
        return bytes.to_vec();
    }
    let word = format!("ids={}", ids.join(","));
    let lines = parse(bytes);
    let Some(last) = lines.iter().rfind(|line| has_ids(line, &|_| true)) else {
        return with_line(bytes, &format!("options vfio-pci {word}"));
    };
    let in_place = || with_last_ids(bytes, last, Some(word.as_bytes()));
    let other_way = match last_ids_are_whole(last) {
        true => without_last_ids(bytes, last),
        false => with_line(bytes, &format!("options vfio-pci {word}")),
    };
    if own_ids(&other_way) == ids { other_way } else { in_place() }
}

fn without_ids(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    // Once the last one is gone, the one before it would be in force.
    while let Some(line) = parse(&out).into_iter().rfind(|line| has_ids(line, &|ids| !ids.is_empty())) {
        out = without_last_ids(&out, &line);
    }
    out
}

fn without_last_ids(bytes: &[u8], line: &Line) -> Vec<u8> {
    let options = vfio_options(line).map(words).unwrap_or_default();
    match options.len() {
        1 => without_lines(bytes, &|other| other.span == line.span),
        _ => with_last_ids(bytes, line, None),
    }
}

/// The line with another last `ids=`, or without it.
fn with_last_ids(bytes: &[u8], line: &Line, new: Option<&[u8]>) -> Vec<u8> {
    let raw = bytes.get(line.span.clone()).unwrap_or_default();
    let options = vfio_options(line).map(words).unwrap_or_default();
    let old = options.iter().rfind(|word| ids_of(word).is_some());
    let old = old.map(Vec::as_slice).unwrap_or_default();
    let plain = raw.strip_suffix(b"\n").unwrap_or(raw) == line.text.as_slice();
    let at = raw.windows(old.len().max(1)).rposition(|window| window == old).filter(|_| plain);
    let changed = match at {
        Some(at) => {
            let (before, rest) = raw.split_at_checked(at).unwrap_or((raw, b""));
            let after = rest.get(old.len()..).unwrap_or_default();
            match new {
                Some(new) => [before, new, after].concat(),
                None => [before.trim_ascii_end(), after].concat(),
            }
        }
        // Escapes or a continuation: the line is written anew.
        None => {
            let last = options.iter().rposition(|word| ids_of(word).is_some());
            let kept = options.iter().enumerate().filter(|(at, _)| Some(*at) != last).map(|(_, word)| word);
            let mut out = b"options vfio-pci".to_vec();
            for word in kept.map(Vec::as_slice).chain(new) {
                out.push(b' ');
                for &byte in word {
                    if matches!(byte, b'\\' | b'\n') {
                        out.push(b'\\');
                    }
                    out.push(byte);
                }
            }
            out.extend(raw.ends_with(b"\n").then_some(b'\n'));
            out
        }
    };
    let before = bytes.get(..line.span.start).unwrap_or_default();
    [before, &changed, bytes.get(line.span.end..).unwrap_or_default()].concat()
}

/// The options of a line `options vfio-pci …`.
fn vfio_options(line: &Line) -> Option<&[u8]> {
    match &line.content {
        Content::Directive(Directive::Options { module, options }) if module == MODULE.as_bytes() => {
            Some(options)
        }
        _ => None,
    }
}

fn has_ids(line: &Line, fits: &dyn Fn(&[String]) -> bool) -> bool {
    let options = vfio_options(line).map(words).unwrap_or_default();
    options.iter().filter_map(|word| ids_of(word)).any(|ids| fits(&ids))
}

/// Whether the kernel takes every element of the line's last `ids=`.
fn last_ids_are_whole(line: &Line) -> bool {
    let options = vfio_options(line).map(words).unwrap_or_default();
    let last = options.iter().rev().find_map(|word| Some((word, ids_of(word)?)));
    last.is_some_and(|(word, ids)| word.iter().filter(|byte| **byte == b',').count() + 1 == ids.len())
}

/// The list of an `ids=` word; elements that the kernel skips are left out.
fn ids_of(word: &[u8]) -> Option<Vec<String>> {
    let (key, value) = key_value(word);
    let list = value.filter(|_| key == "ids")?;
    Some(list.split(',').map(str::trim).filter(|text| id(text) == Id::Valid).map(str::to_string).collect())
}

/// Where the soft dependencies of `driver` stand that are in force, and whether vfio-pci is loaded
/// before it; `None` where no file has any.
pub fn softdep_in_force(config: &Config, driver: &str) -> Option<(Place, bool)> {
    let found = |directive: &Directive| softdep(directive, driver);
    config.directives().find_map(|(place, directive)| Some((place, found(directive)?)))
}

/// The same for the table of a kernel's own soft dependencies (`modules.softdep`), which kmod sorts
/// among the files by its name: the line, and whether vfio-pci is in it.
pub fn softdep_in_table(table: &[u8], driver: &str) -> Option<(usize, bool)> {
    parse(table).iter().find_map(|line| match &line.content {
        Content::Directive(directive) => Some((line.number, softdep(directive, driver)?)),
        _ => None,
    })
}

fn softdep(directive: &Directive, driver: &str) -> Option<bool> {
    match directive {
        Directive::Softdep { module, pre, .. }
            if glob::matches(module, driver.replace('-', "_").as_bytes()) =>
        {
            Some(pre.iter().any(|name| is_vfio_pci(name)))
        }
        _ => None,
    }
}

fn is_vfio_pci(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| same_module(name, MODULE))
}

/// `bytes` with `softdep DRIVER pre: vfio-pci`, unless the file has it. The name is one module's.
pub fn with_softdep(bytes: &[u8], driver: &str) -> Vec<u8> {
    if own_softdeps(bytes).iter().any(|own| same_module(own, driver)) {
        return bytes.to_vec();
    }
    with_line(bytes, &format!("softdep {} pre: vfio-pci", driver.replace('-', "_")))
}

/// The drivers that a line of this file loads vfio-pci before, and nothing else.
pub fn own_softdeps(bytes: &[u8]) -> Vec<String> {
    parse(bytes).iter().filter_map(plain_softdep).collect()
}

/// `bytes` without the `softdep DRIVER pre: vfio-pci` lines of the drivers that are `unwanted`.
pub fn without_softdeps(bytes: &[u8], unwanted: &dyn Fn(&str) -> bool) -> Vec<u8> {
    without_lines(bytes, &|line| plain_softdep(line).is_some_and(|driver| unwanted(&driver)))
}

fn plain_softdep(line: &Line) -> Option<String> {
    match &line.content {
        Content::Directive(Directive::Softdep { module, pre, post })
            if post.is_empty() && matches!(pre.as_slice(), [only] if is_vfio_pci(only)) =>
        {
            String::from_utf8(module.clone()).ok()
        }
        _ => None,
    }
}

/// Whether vfio-pci is told to keep its devices out of VGA arbitration.
pub fn disables_vga(config: &Config) -> bool {
    let options = config.options(MODULE);
    let mut values = options.iter().flat_map(|(_, options)| words(options)).filter_map(|word| {
        let (key, value) = key_value(&word);
        (key == "disable_vga").then(|| value.unwrap_or_else(|| "1".to_string()))
    });
    values.next_back().is_some_and(|value| value.starts_with(['1', 'y', 'Y', 't', 'T']) || value == "on")
}

/// `bytes` with `disable_vga=1`, unless the file has that line.
pub fn with_disable_vga(bytes: &[u8]) -> Vec<u8> {
    match parse(bytes).iter().any(is_disable_vga) {
        true => bytes.to_vec(),
        false => with_line(bytes, DISABLE_VGA),
    }
}

/// `bytes` without the line that [`with_disable_vga`] adds.
pub fn without_disable_vga(bytes: &[u8]) -> Vec<u8> {
    without_lines(bytes, &is_disable_vga)
}

fn is_disable_vga(line: &Line) -> bool {
    vfio_options(line).is_some_and(|options| options == b"disable_vga=1")
}

#[cfg(test)]
#[path = "vfio_binding/tests.rs"]
mod tests;
