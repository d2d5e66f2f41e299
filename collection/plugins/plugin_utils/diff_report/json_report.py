# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.json: the run as plain data. report.schema.json, beside this file, describes it."""

from __future__ import annotations

import json

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import drift, visible_text

SCHEMA = "pci.passthrough.diff_report"
#: Raised when a field changes its meaning or goes; new fields alone do not raise it.
VERSION = 1
VERDICTS = ("ready", "reboot_required", "not_configured", "unsupported", "unknown")


def build(run, fleet, earlier):
    """The report. `run` holds the fields about the run itself."""
    hosts = {name: _host(host) for name, host in fleet.hosts.items()}
    report = {"schema": SCHEMA, "version": VERSION}
    report.update(run)
    report["totals"] = {}
    report["hosts"] = sorted(hosts.values(), key=lambda host: host["name"])
    report["changes"] = _changes(fleet, hosts)
    report["changes_without_diff"] = _without_diff(fleet)
    report["problems"] = _problems(fleet, hosts)
    report["iommu"] = _iommu(fleet.maps)
    report["totals"] = totals(report["hosts"])
    report["drift"] = drift.compare(earlier, report) if earlier else None
    return report


def dump(report):
    """The text of the file: one line an entry of the long lists, so that tools for lines can compare two reports."""
    parts = []
    for key, value in report.items():
        if isinstance(value, list) and value:
            rows = ",\n".join("  " + _json(row) for row in value)
            parts.append('"%s": [\n%s\n]' % (key, rows))
        else:
            parts.append('"%s": %s' % (key, _json(value)))
    return "{\n%s\n}\n" % ",\n".join(parts)


def totals(hosts):
    """How many hosts there are in each state and with each verdict."""
    found = {"hosts": len(hosts), "changed": 0, "would_reboot": 0}
    found.update(dict.fromkeys(("ok", "unreachable", "failed", "refused", "not_finished", "not_reached"), 0))
    found["verdicts"] = dict.fromkeys(VERDICTS, 0)
    for host in hosts:
        found["changed"] += host["changed"]
        found["would_reboot"] += bool(host["reboot_reasons"])
        if host["state"] != "changed":
            found[host["state"]] += 1
        verdict = host["verdict"]["state"] if host["verdict"] else "unknown"
        found["verdicts"][verdict if verdict in VERDICTS else "unknown"] += 1
    return found


def _json(value):
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _host(host):
    return {
        "name": visible_text.name(host.name),
        "state": host.state(),
        "changed": host.changed,
        "reboot_reasons": [{"code": code, "message": message} for code, message in host.reboot_reasons()],
        "verdict": None if host.verdict is None else {
            "state": host.verdict[0],
            "reasons": [{"code": code, "message": message} for code, message in host.verdict[1]],
        },
        "changes": [],
        "problems": [],
        "iommu_map": host.iommu_map,
    }


def _names(hosts):
    return sorted(visible_text.name(name) for name in hosts)


def _changes(fleet, hosts):
    """The changes: those of the fewest hosts first, changes of one file together."""
    ordered = [change for change in fleet.changes.values() if change.hosts]
    fewest = {}
    for change in ordered:
        at = (change.diff.path, change.at)
        fewest[at] = min(fewest.get(at, len(change.hosts)), len(change.hosts))
    ordered.sort(key=lambda change: (
        fewest[change.diff.path, change.at], change.diff.path, str(change.at), len(change.hosts), change.diff.key,
    ))
    found = []
    for change in ordered:
        number = change.diff.key if change.at is None else "%s@%s" % (change.diff.key, visible_text.name(change.at))
        if (change.diff.key, change.at, not change.made) in fleet.changes:
            # The same change, foretold by one task and made by another.
            number += "!" if change.made else "?"
        for name in change.hosts:
            hosts[name]["changes"].append(number)
        found.append({
            "id": number,
            "path": change.diff.path,
            "aspect": change.diff.aspect,
            "on": visible_text.name(change.at) if change.at else None,
            "made": change.made,
            "private": change.diff.private,
            "label": change.diff.label,
            "added": change.diff.added,
            "removed": change.diff.removed,
            "hosts": _names(change.hosts),
            "tasks": list(change.tasks)[:10],
            "contexts_differ": change.contexts_differ,
            "text_left_out": change.text_left_out,
            "hunks": change.diff.hunks,
        })
    return found


def _without_diff(fleet):
    found = [
        {"task": task, "action": action, "made": made, "hosts": _names(names)}
        for (task, action, made), names in fleet.without_diff.items()
    ]
    return sorted(found, key=lambda change: (len(change["hosts"]), change["task"]))


def _problems(fleet, hosts):
    keys = sorted(fleet.problems, key=lambda key: (
        key[0] == "warning", key[0] == "ignored", len(fleet.problems[key]), str(key),
    ))
    found = []
    for position, key in enumerate(keys):
        kind, code, device, message, hint, task, action = key
        names = fleet.problems[key]
        if len(names) == 1:
            message = next(iter(names.values())) or message
        for name in names:
            hosts[name]["problems"].append(position)
        found.append({
            "id": position,
            "kind": kind,
            "code": code,
            "device": device,
            "message": message,
            "hint": hint,
            "task": task,
            "action": action,
            "hosts": _names(names),
        })
    return found


def _iommu(maps):
    devices = [
        {
            "address": address, "class": kind, "name": name, "id": number, "driver": driver, "uses": list(uses),
            "bridge": bridge,
        }
        for address, kind, name, number, driver, uses, bridge in maps.devices
    ]
    groups = [
        {"number": number, "type": kind, "devices": list(members), "held": list(held)}
        for number, kind, members, held in maps.groups
    ]
    return {"devices": devices, "groups": groups, "maps": [list(groups) for groups in maps.maps]}
