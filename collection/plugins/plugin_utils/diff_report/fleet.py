# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has shown so far, compact: facts of hosts, each distinct change and problem once."""

from __future__ import annotations

import re

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import (
    file_diff,
    iommu_map,
    own_names,
    private_files,
    visible_text,
)

#: What can be wrong with a host, the worst first: a host's state is the first that it has.
KINDS = ("unreachable", "failed", "refused", "ignored", "warning")
_CODE = re.compile(r"[a-z0-9_]{1,60}\Z")
_OWN = own_names.OWN_MODULES
_REBOOTS = (_OWN + "reboot", "ansible.builtin.reboot", "ansible.legacy.reboot", "reboot")
# Text of changes that is kept; beyond it a change keeps its label only.
_MOST_TEXT = 32_000_000


class Host:
    """One host.

    `reboot` maps a task to the reasons it gave last, pairs of code and message. `ended` holds what would have ended it,
    in order: a kind, the keys of its problems and whether a rescue takes it; `settled` counts those that have.
    `stopped`: a play ended without it, for what other hosts did.
    """

    __slots__ = (
        "name", "reached", "stopped", "changed", "unreachable", "ended", "settled", "reboot", "verdict", "iommu_map",
    )

    def __init__(self, name):
        self.name = name
        self.reached = self.stopped = self.changed = self.unreachable = False
        self.ended, self.settled = [], 0
        self.reboot = {}
        self.verdict = None
        self.iommu_map = None

    def state(self):
        """One word: the worst that is true of it."""
        if not self.reached:
            return "not_reached"
        if self.unreachable:
            return "unreachable"
        kinds = [kind for kind, _problems, rescued in self.ended if not rescued]
        for kind in ("refused", "failed"):
            if kind in kinds:
                return kind
        if self.stopped:
            return "not_finished"
        return "changed" if self.changed else "ok"

    def reboot_reasons(self):
        """The reasons for a reboot, none if none is needed."""
        return sorted({reason for reasons in self.reboot.values() for reason in reasons})


class Change:
    """A change that some hosts share: `made` for real, or foretold."""

    __slots__ = ("diff", "hosts", "tasks", "at", "made", "contexts_differ", "text_left_out")

    def __init__(self, diff, at, made):
        self.diff, self.at, self.made = diff, at, made
        self.hosts, self.tasks = {}, {}
        self.contexts_differ = self.text_left_out = False


class Fleet:
    """All hosts of a run."""

    def __init__(self):
        self.hosts = {}
        self.changes = {}
        self.without_diff = {}
        self.problems = {}
        self.maps = iommu_map.IommuMaps()
        self._seen = {}
        self._reasons = {}
        self._text = 0
        self._play, self._waiting, self._batch, self._failed = None, {}, [], False
        self._addresses = {}

    def expect(self, name):
        """A host of a play, whether or not the run comes to it."""
        record = self.hosts.get(name)
        if record is None:
            record = self.hosts[name] = Host(name)
        return record

    def host(self, name, address=None):
        """The record of a host that the run has come to."""
        record = self.expect(name)
        record.reached = True
        if address:
            self._addresses[address] = name
        return record

    def begin_batch(self, play, names, batch):
        """The hosts of a play, and those whose turn it is now."""
        for name in names:
            self.expect(name)
        if play != self._play:
            self._end_play()
            self._play, self._waiting, self._failed = play, dict.fromkeys(names), False
        self._end_batch()
        self._batch = batch
        for name in batch:
            self._waiting.pop(name, None)

    def stop_batch(self):
        """The play goes on for none of the hosts whose turn it is."""
        for name in self._batch:
            self.expect(name).stopped = True

    def _end_batch(self):
        # One that had no result had nothing to do, or has been let off by a task.
        for name in self._batch:
            self.expect(name).reached = True
        self._batch = []

    def _end_play(self):
        self._end_batch()
        # Without a failure a task has ended the play for those.
        if self._failed:
            self.leave(self._waiting)
        self._waiting = {}

    def leave(self, names):
        """Hosts of a play that has ended without them."""
        for name in names:
            self.expect(name).stopped = True

    def add_diffs(self, task, host, result):
        """The diffs of one result, each item of a loop on its own. True if there was one."""
        found = False
        for item in _items(task, result):
            if not item.get("changed") or _is_hidden(item):
                continue
            for entry in file_diff.entries(item.get("diff")):
                found |= self._add_diff(task, host, item, entry)
        return found

    def _add_diff(self, task, host, item, entry):
        path = file_diff.subject(entry, item, task.arguments) or "%s: %s" % (task.action, task.name)
        path = own_names.in_path(path, host, item, task)
        around = [task.delegate_to, task.check_mode, task.arguments.get("mode"), item.get("mode")]
        fingerprint = file_diff.fingerprint({**entry, "before_header": path, "after_header": around})
        known = self._seen.get(fingerprint)
        if known is None:
            diff = file_diff.read(entry, path, private_files.is_private(path, entry, item, task))
            known = self._seen[fingerprint] = (self._group(diff, task), diff.context_key) if diff else ()
        if not known:
            return False
        change, context = known
        change.contexts_differ |= context != change.diff.context_key
        change.hosts[host.name] = None
        change.tasks.setdefault(task.name)
        self.host(host.name).changed = True
        return True

    def _group(self, diff, task):
        made = not task.check_mode
        key = (diff.key, task.delegate_to, made)
        change = self.changes.get(key)
        if change is None:
            change = self.changes[key] = Change(diff, task.delegate_to, made)
            self._text += diff.size
            if self._text > _MOST_TEXT:
                diff.hunks, change.text_left_out = [], True
        return change

    def add_success(self, task, host, result, had_diff):
        """A result that is no failure."""
        record = self.host(host.name, host.address)
        if result.get("changed"):
            record.changed = True
            items = _items(task, result) if task.looped else []
            if not had_diff or any(item.get("changed") and not item.get("diff") for item in items):
                self._add_without_diff(task, host)
        due = {}
        for item in _items(task, result):
            if not _is_hidden(item):
                self._add_findings(task, host, item, due)
        for name, reasons in due.items():
            self.hosts[name].reboot[task.action, task.name] = self._reasons_of(list(reasons.values()))

    def _add_without_diff(self, task, host):
        change = self.without_diff.setdefault((task.name, task.action, not task.check_mode), {})
        change[host.name] = None

    def _subject(self, task, host, item):
        """The host that an item tells of: another one where the task is delegated, None where that is not known."""
        if not task.delegated:
            return self.host(host.name)
        told = own_names.delegate_of(item)
        names = (task.delegate_to, told, self._addresses.get(told))
        return next((self.hosts[name] for name in names if name in self.hosts), None)

    def _add_findings(self, task, host, item, due):
        """Adds the item's reasons for a reboot to `due`, which are those of all items of the task, by host."""
        record = self._subject(task, host, item)
        if record is not None:
            self._add_state(task, record, item, due)
        if task.action.startswith(_OWN):
            for problem in _dicts(item.get("problems")):
                self._add_problem("warning", task, host, item, problem)

    def _add_state(self, task, record, item, due):
        facts = item.get("ansible_facts")
        facts = facts.get("pci_passthrough") if isinstance(facts, dict) else None
        if isinstance(facts, dict):
            self._add_facts(record, facts)
        if task.action in _REBOOTS and item.get("changed"):
            # In check mode ansible.builtin.reboot says that it has rebooted.
            if task.check_mode or item.get("rebooted") is False:
                due.setdefault(record.name, {})["reboot"] = {"code": "reboot_task", "message": task.name}
            else:
                record.reboot.clear()
        elif isinstance(item.get("reboot_required"), bool):
            record.reboot.pop((task.action, task.name), None)
            if item["reboot_required"]:
                for reason in _dicts(item.get("reboot_reasons")) or [{"message": task.name}]:
                    key = (str(reason.get("code")), str(reason.get("message")))
                    due.setdefault(record.name, {}).setdefault(key, reason)

    def _add_facts(self, record, facts):
        verdict = facts.get("verdict")
        if isinstance(verdict, dict) and isinstance(verdict.get("state"), str):
            record.verdict = (visible_text.name(verdict["state"]), self._reasons_of(verdict.get("reasons")))
            if verdict["state"] == "reboot_required":
                record.reboot["verdict"] = record.verdict[1]
            else:
                record.reboot.pop("verdict", None)
        found = self.maps.add(facts)
        if found is not None:
            record.iommu_map = found

    def add_failure(self, task, host, result, ignored, rescued=False, items=(), changed=False):
        """A result that is a failure. A guard of ours has refused where it gives a stable code.

        `rescued`: by what is known so far; `items`: those of a loop that failed; `changed`: something was changed all
        the same.
        """
        record = self.host(host.name)
        self._failed |= not (ignored or rescued)
        if changed:
            record.changed = True
            self._add_without_diff(task, host)
        ended = {}
        for item in items or [item for item in _items(task, result) if item.get("failed")] or [result]:
            code = item.get("code")
            hidden = _is_hidden(item)
            guard = task.action.startswith(_OWN) and isinstance(code, str) and not hidden
            real = "refused" if guard else "failed"
            kind = "ignored" if ignored or rescued else real
            problems = [p for p in _dicts(item.get("problems")) if p.get("severity") == "error"] if guard else []
            for problem in problems or [{"code": code if guard else None, "message": _message(item, hidden)}]:
                ended.setdefault(real, []).append(self._add_problem(kind, task, host, item, problem))
        if not ignored:
            # One result is one failure, in Ansible's count too.
            kind = "refused" if "refused" in ended else "failed"
            record.ended.append((kind, sum(ended.values(), []), rescued))

    def add_unreachable(self, task, host, result, ignored):
        """A host that did not answer."""
        self.host(host.name).unreachable |= not ignored
        self._failed |= not ignored
        kind = "ignored" if ignored else "unreachable"
        self._add_problem(kind, task, host, result, {"message": _message(result, _is_hidden(result))})

    def _add_problem(self, kind, task, host, item, problem):
        code = problem.get("code")
        code = code if isinstance(code, str) and _CODE.match(code) else None
        device, hint = ((problem.get(key) if isinstance(problem.get(key), str) else None) for key in ("device", "hint"))
        as_given = str(problem.get("message") or "")
        message = own_names.in_message(as_given, host, item, task)
        key = (
            kind,
            visible_text.plain(code) if code else None,
            visible_text.name(device) if device else None,
            visible_text.message(message),
            visible_text.message(hint) if hint else None,
            task.name,
            task.action,
        )
        hosts = self.problems.setdefault(key, {})
        # Where it stays the only host, there is nothing to share, and the message is shown as it was given.
        hosts.setdefault(host.name, None if hosts else visible_text.message(as_given))
        return key

    def settle(self, stats):
        """After a playbook: what a rescue has dealt with is no failure of the host. `stats` counts all so far."""
        self._end_play()
        for name, host in self.hosts.items():
            before, since = host.ended[:host.settled], host.ended[host.settled:]
            # Ansible's count is the last word on how many were real: of those the last ones, which end a host.
            count = max(0, stats.failures.get(name, 0) - host.settled)
            order = sorted(range(len(since)), key=lambda at: (not since[at][2], at))
            real = set(order[max(0, len(since) - count):])
            kept = []
            for at, (kind, keys, rescued) in enumerate(since):
                if at in real:
                    kept.append((kind, [self._move(key, name, kind) if rescued else key for key in keys], False))
            standing = {key for _kind, keys, _rescued in before + kept for key in keys}
            for at, (_kind, keys, rescued) in enumerate(since):
                if at not in real and not rescued:
                    for key in set(keys) - standing:
                        self._move(key, name, "ignored")
            host.ended = before + kept
            host.settled = len(host.ended)
            if host.unreachable and not stats.dark.get(name):
                host.unreachable = False
                for key in [key for key, names in self.problems.items() if key[0] == "unreachable" and name in names]:
                    self._move(key, name, "ignored")

    def _move(self, key, name, kind):
        """Counts a host's problem as one of another kind."""
        names = self.problems.get(key, {})
        message = names.pop(name, None)
        if not names:
            self.problems.pop(key, None)
        key = (kind, *key[1:])
        self.problems.setdefault(key, {}).setdefault(name, message)
        return key

    def _reasons_of(self, reasons):
        """Code and message of each, the same object for the same reasons."""
        found = []
        for reason in _dicts(reasons):
            code, message = reason.get("code"), reason.get("message")
            code = visible_text.name(code) if isinstance(code, str) else ""
            found.append((code, visible_text.message(message) if isinstance(message, str) else code))
        found = tuple(found)
        return self._reasons.setdefault(found, found)


def _items(task, result):
    """The results of a loop's items, or the one result: a module may have a value `results` of its own."""
    results = result.get("results") if task.looped else None
    if isinstance(results, list) and any(isinstance(item, dict) for item in results):
        return _dicts(results)
    return [result]


def _is_hidden(result):
    return bool(result.get("_ansible_no_log")) or "censored" in result


def _dicts(value):
    return [item for item in value if isinstance(item, dict)] if isinstance(value, (list, tuple)) else []


def _message(result, hidden):
    if hidden:
        return "hidden by no_log"
    for key in ("msg", "message", "stderr", "module_stderr", "reason"):
        value = result.get(key)
        value = " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        if value and str(value).strip():
            return str(value)
    return "rc %s" % result["rc"] if isinstance(result.get("rc"), int) else "no message"
