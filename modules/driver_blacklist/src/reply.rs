//! The module's results.

use config_text::Finding;
use config_text::modprobe_d::{self, Config, Place, SourceFile};
use host::drop_in::DropIn;
use preflight::{Device, Problem};
use serde_json::{Map, Value, json};

use crate::observe::Observed;

/// `drivers` and `lint` for the configuration `config`.
pub fn results(drivers: &[String], config: &Config, seen: &Observed) -> Map<String, Value> {
    let mut lint = modprobe_d::lint(config);
    let source = |file: &DropIn| {
        modprobe_d::lint_unread(&SourceFile {
            directory: &file.directory,
            name: &file.name,
            bytes: &file.bytes,
        })
    };
    lint.extend(seen.unread.iter().filter_map(source));
    let with_cmdline = match &seen.cmdline {
        Some(cmdline) => config.clone().with_kernel_cmdline(cmdline.as_bytes()),
        None => config.clone(),
    };
    let drivers = drivers.iter().map(|driver| one(driver, &with_cmdline, seen)).collect();
    let mut results = Map::new();
    results.insert("drivers".to_string(), Value::Array(drivers));
    results.insert("lint".to_string(), lint.iter().map(finding).collect());
    results
}

fn one(driver: &str, config: &Config, seen: &Observed) -> Value {
    json!({
        "name": driver,
        "blacklisted_in": files(config.blacklisted_in(driver)),
        "install_blocked": is_blocked(config, driver),
        "loaded": is_loaded(driver, seen),
        "builtin": seen.builtin_in.contains_key(driver),
        "used_by": used_by(driver, &seen.devices),
    })
}

/// Whether loading the driver by name does nothing.
pub fn is_blocked(config: &Config, driver: &str) -> bool {
    config.install_command(driver).is_some_and(|(_, command)| modprobe_d::blocks_loading(command))
}

/// Whether the driver is in the running kernel; `None` where that cannot be known.
pub fn is_loaded(driver: &str, seen: &Observed) -> Option<bool> {
    seen.loaded.as_ref().map(|loaded| loaded.iter().any(|name| modprobe_d::same_module(name, driver)))
}

/// The addresses of the devices that the driver drives.
pub fn used_by<'a>(driver: &str, devices: &'a [Device]) -> Vec<&'a str> {
    let drives = |name: &Option<String>| name.as_deref().is_some_and(|n| modprobe_d::same_module(n, driver));
    devices.iter().filter(|d| drives(&d.driver) || drives(&d.module)).map(|d| d.address.as_str()).collect()
}

/// Each file once.
fn files(places: Vec<Place>) -> Vec<String> {
    let mut files: Vec<String> = places.into_iter().map(|place| place.file).collect();
    files.dedup();
    files
}

fn finding(found: &Finding) -> Value {
    json!({
        "code": found.code,
        "file": found.file,
        "line": found.line,
        "message": found.message,
        "hint": found.hint,
    })
}

/// Problems as the reply shows them.
pub fn problems(problems: &[Problem]) -> Value {
    serde_json::to_value(problems).unwrap_or_default()
}
