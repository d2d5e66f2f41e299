//! The decision, pure.

use apply::{FileChange, Plan};
use config_text::device_override::Entry;
use config_text::modprobe_d::is_same_id;
use host::kernels::ModuleState;
use preflight::Device;
use protocol::{Failure, Planned};
use serde_json::{Map, Value, json};

use crate::method::{self, Method};
use crate::observe::{self, Observed};
use crate::{Args, State, choice, dracut_conf, guard, lines, live, reply, scripts, withdrawal};

/// What to write, run and say.
pub fn plan(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    match args.state {
        State::Present => present(args, seen),
        State::Absent => absent(args, seen),
    }
}

fn present(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    let selectors = args.selectors()?;
    let (_, file) = observe::place(args)?;
    let taken = scripts::entries(seen)?;
    let named = choice::choose(&selectors, seen, &taken)?;
    let chosen = choice::expanded(args, &named, &seen.devices);
    let problems = guard::problems(args, seen, &named, &chosen);
    guard::refuse(args, &problems)?;
    let others = lines::others(args, seen)?;
    let binds = method::decide(args, seen, &chosen, &others, file)?;
    let lines = lines::present(args, seen, &binds, &others)?;
    let mut in_images = scripts::changes(seen, &scripts::with(taken, &binds))?;
    in_images.extend(dracut_conf::present(args, seen, &binds)?);
    let mut plan = Plan { warnings: problems.iter().map(guard::warning).collect(), ..Plan::default() };
    plan.warnings.extend(lines.warnings);
    let due = files(args, seen, lines.after, in_images, &mut plan);
    plan.warnings.extend(never_loaded(seen, &binds));
    live::take(args, seen, &binds, due, &mut plan);
    let results = [
        ("devices", reply::bound(seen, &binds)),
        ("parameters", json!(lines.parameters)),
        ("problems", guard::list(&problems)),
    ];
    Ok(Planned { reply: results_with_files(results, &plan), plan })
}

fn absent(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    let selectors = args.selectors()?;
    let taken = scripts::entries(seen)?;
    let withdrawal = withdrawal::withdraw(args, seen, &selectors, taken)?;
    let mut in_images = scripts::changes(seen, &withdrawal.entries)?;
    in_images.extend(withdrawal.dracut_conf);
    let mut plan = Plan { warnings: withdrawal.warnings, ..Plan::default() };
    let due = files(args, seen, withdrawal.after, in_images, &mut plan);
    let still = |device: &Device| {
        withdrawal.ids.iter().any(|id| is_same_id(id, &device.id)) || is_taken(&withdrawal.entries, device)
    };
    live::give_back(args, seen, &withdrawal.devices, &still, due, &mut plan)?;
    let addresses: Vec<String> = withdrawal.entries.iter().map(|entry| entry.address.clone()).collect();
    let results = [
        ("devices", reply::given(seen, &withdrawal.devices, &withdrawal.ids, &addresses)),
        ("parameters", json!([])),
        ("problems", json!([])),
    ];
    Ok(Planned { reply: results_with_files(results, &plan), plan })
}

fn is_taken(entries: &[Entry], device: &Device) -> bool {
    entries.iter().any(|entry| entry.address == device.address)
}

/// Adds the files that change and the rebuild of the initramfs; whether either is due.
fn files(
    args: &Args,
    seen: &Observed,
    after: Option<Vec<u8>>,
    in_images: Vec<FileChange>,
    plan: &mut Plan,
) -> bool {
    if after != seen.at_path {
        plan.files.push(FileChange {
            path: args.path.clone(),
            before: seen.at_path.clone(),
            after,
            mode: FileChange::PLAIN,
        });
    }
    plan.files.extend(in_images);
    let input = plan.files.first().map(|file| file.path.clone());
    plan.refresh_initramfs(&seen.initramfs, input.as_deref(), args.initramfs);
    !(plan.files.is_empty() && plan.activations.is_empty() && plan.left_due.is_empty())
}

/// Where nothing would load vfio-pci at boot, or a kernel has none.
fn never_loaded(seen: &Observed, binds: &[method::Bind]) -> Vec<String> {
    let mut warnings: Vec<String> = seen
        .kernels_with(ModuleState::Missing)
        .iter()
        .map(|release| format!("the kernel {release} has no vfio-pci: booted with it, no device is bound"))
        .collect();
    let is_builtin = !seen.kernels_with(ModuleState::Builtin).is_empty();
    // A softdep or a script of ours loads it; without either a list of modules has to.
    let idle = |bind: &&method::Bind| bind.method == Method::Ids && bind.drivers.is_empty();
    if let (Some(bind), false, false) = (binds.iter().find(idle), seen.loaded_at_boot, is_builtin) {
        warnings.push(format!(
            "{}: no driver here matches it, so that nothing loads vfio-pci for it at boot; the module vfio_modules \
             lists vfio_pci to be loaded",
            bind.device.address
        ));
    }
    warnings
}

fn results_with_files(results: [(&str, Value); 3], plan: &Plan) -> Map<String, Value> {
    let mut map: Map<String, Value> =
        results.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
    let files: Vec<&str> = plan.files.iter().map(|file| file.path.as_str()).collect();
    map.insert("files".to_string(), json!(files));
    map
}
