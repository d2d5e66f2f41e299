# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is new, gone and changed since an earlier report."""

from __future__ import annotations

import json

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import visible_text


class Earlier:
    """An earlier report.json, as far as it is compared."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        if not isinstance(report, dict) or report.get("schema") != "pci.passthrough.diff_report":
            raise ValueError("it is no report.json of this plugin")
        if report.get("version") != 1:
            raise ValueError("its schema version is %s, and this plugin reads version 1" % report.get("version"))
        try:
            self.ended = visible_text.name(report["updated"])
            self.complete = report["status"] == "complete"
            self.hosts = {visible_text.name(host["name"]): host for host in report["hosts"]}
            self.changes = {str(change["id"]): change for change in report["changes"]}
            for host in self.hosts.values():
                (host["state"], host["changes"], host["verdict"])
            for change in self.changes.values():
                (change["path"], change["aspect"], change["on"], change["label"])
                change["label"] = visible_text.name(change["label"])
                _first_line(change)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("it does not keep to the schema (%s)" % error) from error


def compare(earlier, report):
    """The section `drift` of a report: entries that hosts share, the rarest first."""
    now = {host["name"]: host for host in report["hosts"]}
    changes = {change["id"]: change for change in report["changes"]}
    found = {}
    for name, host in now.items():
        before = earlier.hosts.get(name)
        if before is None or host["state"] == "unreachable" or before["state"] == "unreachable":
            continue
        # A host that failed, and any host of a cut run, may not have come to what it did last time.
        all_seen = report["status"] == "complete" and host["state"] in ("ok", "changed")
        for key, value in _host_drift(before, host, earlier.changes, changes, all_seen):
            found.setdefault(key, (value, []))[1].append(name)
    entries = [dict(value, hosts=sorted(hosts)) for value, hosts in found.values()]
    entries.sort(key=lambda entry: (len(entry["hosts"]), entry["kind"], entry["subject"]))
    gone = sorted(set(earlier.hosts) - set(now)) if report["status"] == "complete" else []
    return {
        "since": earlier.ended,
        "since_complete": earlier.complete,
        "entries": entries,
        "hosts_new": sorted(set(now) - set(earlier.hosts)),
        "hosts_gone": gone,
    }


def _host_drift(before, host, old_changes, new_changes, all_seen):
    old, new = _by_file(before["changes"], old_changes), _by_file(host["changes"], new_changes)
    for file in sorted(set(old) | set(new), key=str):
        was, is_now = old.get(file, {}), new.get(file, {})
        if set(was) == set(is_now) or (not is_now and not all_seen):
            continue
        kind = "changed" if was and is_now else "new" if is_now else "gone"
        old_words, new_words = ("; ".join(sorted(labels.values())) or None for labels in (was, is_now))
        if old_words == new_words:
            # The same words on another line.
            old_words, new_words = (
                "; ".join(sorted("%s in: %s" % (labels[i], _first_line(all_of[i])) for i in labels))
                for labels, all_of in ((was, old_changes), (is_now, new_changes))
            )
        value = {"kind": kind, "what": "change", "subject": file[0], "before": old_words, "after": new_words}
        yield (kind, file, tuple(sorted(was)), tuple(sorted(is_now))), value
    for what, was, is_now in (
        ("verdict", _verdict(before), _verdict(host)),
        ("state", before["state"], host["state"]),
    ):
        if was != is_now and is_now is not None and was is not None:
            value = {"kind": "changed", "what": what, "subject": what, "before": was, "after": is_now}
            yield (what, was, is_now), value


def _by_file(ids, changes):
    files = {}
    for number in ids:
        change = changes.get(number)
        if change:
            file = (visible_text.name(change["path"]), change["aspect"], change["on"])
            files.setdefault(file, {})[number] = change["label"]
    return files


def _first_line(change):
    lines = [line["text"] for hunk in change["hunks"] for line in hunk if line["op"] in ("-", "+")]
    return visible_text.name(lines[0][:120]) if lines else "lines that are not kept"


def _verdict(host):
    verdict = host["verdict"]
    return visible_text.name(verdict["state"]) if isinstance(verdict, dict) else None
