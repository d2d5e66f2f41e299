//! The decision, pure.

use apply::Plan;
use config_text::qemu_server_conf::{Change, Conf, Hostpci, boolean};
use preflight::{Problem, Severity};
use protocol::{Failure, Planned};
use serde_json::{Map, Value, json};

use crate::machine::{Entry, entries, key};
use crate::observe::Observed;
use crate::wish::Wish;
use crate::{Args, Onboot, State, choice, guards, write};

/// What to write, run and say.
pub fn plan(args: &Args, seen: &Observed) -> Result<Planned, Failure> {
    let wish = Wish::new(args)?;
    let Some(bytes) = &seen.bytes else { return no_machine(args, &wish, seen) };
    let conf = Conf::parse(bytes);
    let mut work = Work {
        wish: &wish,
        seen,
        entries: entries(&conf),
        conf: &conf,
        changes: Vec::new(),
        warnings: Vec::new(),
        problems: Vec::new(),
        about: About::default(),
    };
    match args.state {
        State::Present => work.present(args)?,
        State::Absent => work.absent(),
    }
    work.finish(bytes)
}

/// What the reply says of the entry.
#[derive(Default)]
struct About {
    index: Option<u8>,
    before: Option<String>,
    value: Option<String>,
}

struct Work<'a> {
    wish: &'a Wish,
    seen: &'a Observed,
    conf: &'a Conf,
    entries: Vec<Entry>,
    changes: Vec<Change>,
    warnings: Vec<String>,
    problems: Vec<Problem>,
    about: About,
}

impl Work<'_> {
    fn present(&mut self, args: &Args) -> Result<(), Failure> {
        // `required_if` sees to it that there is one.
        let Some(device) = &self.wish.device else { return Ok(()) };
        let place = choice::place(self.wish, device, &self.entries, self.conf, self.seen)?;
        let existing = place.existing.cloned();
        let settings: Vec<(&str, &str)> = self.wish.settings.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let mut value = match existing.as_ref().filter(|_| place.keeps) {
            None => Hostpci::new(device, &settings),
            Some(entry) => {
                let with_device = entry.value.with_device(device);
                settings.iter().fold(with_device, |value, (key, setting)| value.with_setting(key, setting))
            }
        };
        let key = key(place.index);
        let is_new = !existing.as_ref().is_some_and(|entry| entry.value.same_as(&value));
        if let (false, Some(entry)) = (is_new, &existing) {
            value = entry.value.clone();
        }
        // Given back while the machine runs: Proxmox VE drops what is pending if the text is the same.
        if let Some(held) =
            self.conf.get(&key).map(|text| Hostpci::parse(&text)).filter(|held| held.same_as(&value))
        {
            value = held;
        }
        let entry = Entry { index: place.index, text: value.write(), value };
        choice::refuse_twice(&entry, &self.entries, self.seen)?;
        if let (true, false, Some(old)) = (is_new, place.keeps, &existing) {
            self.replaced(old);
        }
        let others: Vec<&Entry> = self.entries.iter().filter(|other| other.index != entry.index).collect();
        self.problems = guards::problems(self.wish.vmid, &entry, &others, self.conf, self.seen);
        // What is there already is not this task's doing: say so, and leave it.
        if is_new && !args.force {
            refuse(&self.problems)?;
        }
        if is_new {
            self.changes.push(Change::Set(key, entry.text.clone()));
        }
        self.about =
            About { index: Some(entry.index), before: existing.map(|old| old.text), value: Some(entry.text) };
        self.onboot(args.onboot);
        Ok(())
    }

    /// Says what an entry was that is written over.
    fn replaced(&mut self, old: &Entry) {
        let place = format!("{}:{}", self.seen.path, self.conf.line_of(&old.key()).unwrap_or_default());
        self.warnings.push(match old.value.fault() {
            Some(fault) => {
                format!("{place}: Proxmox VE passed over {} ({fault}); it is written anew", old.text)
            }
            None => format!("{place}: {} was {}, which the machine loses", old.key(), old.text),
        });
    }

    fn onboot(&mut self, wanted: Onboot) {
        if !self.starts_at_boot() {
            return;
        }
        match wanted {
            Onboot::Off => self.changes.push(Change::Set("onboot".to_string(), "0".to_string())),
            Onboot::Keep => self.problems.push(guards::starts_at_boot(self.wish.vmid)),
        }
    }

    fn starts_at_boot(&self) -> bool {
        self.conf.at_next_start("onboot").and_then(|value| boolean(&value)).unwrap_or(false)
    }

    fn absent(&mut self) {
        let (leave, left) = choice::leaving(self.wish, &self.entries, self.seen);
        self.changes = leave.iter().map(|entry| Change::Delete(entry.key())).collect();
        let first = leave.first();
        self.about = About {
            index: first.map(|entry| entry.index).or(self.wish.index),
            before: first.map(|entry| entry.text.clone()),
            value: None,
        };
        self.warnings = left;
    }

    fn finish(mut self, bytes: &[u8]) -> Result<Planned, Failure> {
        let mut plan = match self.changes.is_empty() {
            true => Plan::default(),
            false => write::plan(self.wish.vmid, bytes, &self.changes, self.seen)?,
        };
        let off = Change::Set("onboot".to_string(), "0".to_string());
        let onboot = self.starts_at_boot() && !self.changes.contains(&off);
        let pending = self.pending();
        if pending {
            let keys = self.about.index.map(key).unwrap_or_default();
            self.warnings.push(format!(
                "machine {} runs: {keys} changes when it is shut down and started again; a reboot inside the guest is not \
                 enough",
                self.wish.vmid
            ));
        }
        let said = self.problems.iter().map(|p| format!("{} ({}): {}", p.message, p.code, p.hint));
        plan.warnings.extend(said);
        plan.warnings.append(&mut self.warnings);
        let mut reply = Map::new();
        let About { index, before, value } = self.about;
        reply.insert("vmid".to_string(), json!(self.wish.vmid));
        reply.insert("index".to_string(), json!(index));
        reply.insert("key".to_string(), json!(index.map(key)));
        reply.insert("value".to_string(), json!(value));
        reply.insert("before".to_string(), json!(before));
        reply.insert("running".to_string(), json!(self.seen.running));
        reply.insert("pending".to_string(), json!(pending));
        reply.insert("onboot".to_string(), json!(onboot));
        reply.insert("problems".to_string(), problems(&self.problems));
        Ok(Planned { plan, reply })
    }

    /// Whether the machine runs and takes the entry up only when it starts anew.
    fn pending(&self) -> bool {
        let changes = self.changes.iter().any(|change| match change {
            // Back to what the running machine has.
            Change::Set(key, value) => key != "onboot" && self.conf.get(key).as_ref() != Some(value),
            Change::Delete(key) => self.conf.get(key).is_some(),
        });
        let waits = self.changes.is_empty()
            && self.about.index.is_some_and(|index| self.conf.is_pending(&key(index)));
        self.seen.running && (changes || waits)
    }
}

/// Fails on the errors among the findings.
fn refuse(found: &[Problem]) -> Result<(), Failure> {
    let fatal: Vec<&Problem> = found.iter().filter(|p| p.severity == Severity::Error).collect();
    let Some(first) = fatal.first() else { return Ok(()) };
    let said: Vec<String> = fatal.iter().map(|p| format!("{} ({}); {}", p.message, p.code, p.hint)).collect();
    let msg = format!("{}. Nothing was changed; force: true goes on in spite of it.", said.join(". "));
    Err(Failure::coded(first.code, msg).with("problems", problems(found)))
}

fn problems(problems: &[Problem]) -> Value {
    serde_json::to_value(problems).unwrap_or_default()
}

/// There is no such machine here: nothing to give a device to, and nothing to take one from.
fn no_machine(args: &Args, wish: &Wish, seen: &Observed) -> Result<Planned, Failure> {
    let msg = match &seen.elsewhere {
        Some(path) => {
            format!("{}: no such file; machine {} is {path}: run this on that node", seen.path, wish.vmid)
        }
        None => format!("{}: no such file, so there is no machine {} on this node", seen.path, wish.vmid),
    };
    if args.state == State::Present {
        let next = if seen.elsewhere.is_some() { "" } else { "; create it first, or give another vmid" };
        return Err(Failure::coded("vm_not_found", format!("{msg}{next}")));
    }
    let mut planned = Planned::default();
    planned.plan.warnings.push(msg);
    planned.reply.insert("vmid".to_string(), json!(wish.vmid));
    for key in ["index", "key", "value", "before", "onboot"] {
        planned.reply.insert(key.to_string(), Value::Null);
    }
    for key in ["running", "pending"] {
        planned.reply.insert(key.to_string(), json!(false));
    }
    planned.reply.insert("problems".to_string(), json!([]));
    Ok(planned)
}
