//! The module's results.

use config_text::Finding;
use config_text::modules_list;
use host::kernels::{ModuleState, same_module};
use host::modules_load::List;
use serde_json::{Map, Value, json};

use crate::observe::Observed;
use crate::wish;

/// `modules`, `path` and `lint` with these lists.
pub fn results(modules: &[String], lists: &[List], seen: &Observed) -> Map<String, Value> {
    let mut results = Map::new();
    let modules = modules.iter().map(|module| one(module, lists, seen)).collect();
    results.insert("modules".to_string(), Value::Array(modules));
    results.insert("path".to_string(), seen.path.clone().into());
    results.insert("lint".to_string(), lint(lists, seen).iter().map(finding).collect());
    results
}

fn one(module: &str, lists: &[List], seen: &Observed) -> Value {
    let mut configured_in: Vec<&str> =
        lists.iter().filter(|l| l.counts && !l.lines(module).is_empty()).map(|l| l.path.as_str()).collect();
    if seen.cmdline.iter().any(|name| same_module(name, module)) {
        configured_in.push("kernel command line");
    }
    let states: Vec<(&str, ModuleState)> =
        seen.kernels.iter().filter_map(|k| Some((k.release.as_str(), k.state(module)?))).collect();
    let kernels: Map<String, Value> =
        states.iter().map(|(release, state)| (release.to_string(), state_name(*state).into())).collect();
    json!({
        "name": module,
        "configured_in": configured_in,
        "loaded": is_loaded(module, seen),
        "available": (!states.is_empty()).then(|| states.iter().all(|(_, s)| *s != ModuleState::Missing)),
        "builtin": states.iter().any(|(_, s)| *s == ModuleState::Builtin),
        "kernels": kernels,
    })
}

fn state_name(state: ModuleState) -> &'static str {
    match state {
        ModuleState::Loadable => "loadable",
        ModuleState::Builtin => "builtin",
        ModuleState::Missing => "missing",
    }
}

/// Whether the module is in the running kernel, built in or loaded; `None` where that is not known.
pub fn is_loaded(module: &str, seen: &Observed) -> Option<bool> {
    let loaded = seen.loaded.as_ref()?;
    Some(
        in_running(module, seen) == Some(ModuleState::Builtin)
            || loaded.iter().any(|name| same_module(name, module)),
    )
}

/// Where the running kernel has it. Without its release, an installed kernel that is the only one
/// stands for it.
pub fn in_running(module: &str, seen: &Observed) -> Option<ModuleState> {
    let running = match (&seen.running, seen.kernels.as_slice()) {
        (Some(release), kernels) => kernels.iter().find(|kernel| kernel.release == *release),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    running?.state(module)
}

/// Lines that load nothing.
fn lint(lists: &[List], seen: &Observed) -> Vec<Finding> {
    let mut found = Vec::new();
    for list in lists.iter().filter(|list| list.counts) {
        found.extend(modules_list::lint(&list.path, &list.bytes));
        for entry in list.entries() {
            let name = String::from_utf8_lossy(&entry.text).into_owned();
            if wish::is_nowhere(&name, &seen.kernels) {
                found.push(Finding {
                    code: "module_not_available",
                    file: list.path.clone(),
                    line: entry.line,
                    message: format!("no installed kernel has {name}; each boot logs that it is not found"),
                    hint: format!("remove the line{}", hint(&name)),
                });
            }
        }
    }
    found.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    found
}

/// Why a module is missing, where that is known.
pub fn hint(name: &str) -> &'static str {
    if same_module(name, "vfio_virqfd") { " (it is a part of vfio since Linux 6.2)" } else { "" }
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
