# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is new, gone and changed since an earlier report."""

from __future__ import annotations

import json
import os

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import atomic_file, visible_text

# Of hosts in these states nothing is known.
_NOT_SEEN = ("unreachable", "not_reached")


class Earlier:
    """An earlier report.json, as far as it is compared."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            report = json.loads(text)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        if not isinstance(report, dict) or report.get("schema") != "pci.passthrough.diff_report":
            raise ValueError("it is no report.json of this plugin")
        if report.get("version") != 1:
            raise ValueError("its schema version is %s, and this plugin reads version 1" % report.get("version"))
        try:
            self.ended = visible_text.name(report["updated"])
            self.complete = report["status"] == "complete"
            self.seen = _Seen(report)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise ValueError("it does not keep to the schema (%s)" % error) from error


class _Seen:
    """What a report says of each host, of types that can be compared whatever the file holds."""

    def __init__(self, report):
        self.complete = report["status"] == "complete"
        self.private = set()
        changes = {}
        for change in report["changes"]:
            on = None if change["on"] is None else visible_text.name(change["on"])
            file = (visible_text.name(change["path"]), visible_text.name(change["aspect"]), on)
            if change.get("private"):
                self.private.add(file)
            # Made or foretold, it is the same change.
            changes[str(change["id"]).rstrip("!?")] = (file, visible_text.name(change["label"]), _first_line(change))
        self.hosts = {}
        for host in report["hosts"]:
            files = {}
            for number in host["changes"]:
                number = number.rstrip("!?")
                if number in changes:
                    file, *words = changes[number]
                    files.setdefault(file, {})[number] = words
            verdict = host["verdict"]
            self.hosts[visible_text.name(host["name"])] = {
                "state": visible_text.name(host["state"]),
                "verdict": None if verdict is None else visible_text.name(verdict["state"]),
                "change": files, "change_without_diff": {}, "problem": {},
            }
        for change in report["changes_without_diff"]:
            task, action = visible_text.name(change["task"]), visible_text.name(change["action"])
            self._add("change_without_diff", change["hosts"], task, action)
        for problem in report["problems"]:
            # One without a guard's code differs in its words alone; the state tells that something is wrong.
            if problem["code"] is not None:
                words = [visible_text.name(problem[key]) for key in ("code", "device") if problem[key] is not None]
                self._add("problem", problem["hosts"], visible_text.name(problem["kind"]), " ".join(words))

    def _add(self, what, names, subject, words):
        for name in names:
            host = self.hosts.get(visible_text.name(name))
            if host:
                host[what].setdefault(subject, {})[words] = [words]

    def whole(self, host):
        """Whether all that there is to say of the host is known: it came through to the end."""
        return self.complete and host["state"] in ("ok", "changed")


def keep(path):
    """Reads the earlier report that this run writes over. The last complete one is kept beside it: a run that is cut
    would be no measure for the next."""
    kept = "%s.previous.json" % os.path.splitext(path)[0]
    earlier = Earlier(path)
    if earlier.complete:
        with open(path, encoding="utf-8") as file:
            atomic_file.write(kept, file.read())
    elif os.path.exists(kept):
        return Earlier(kept)
    return earlier


def compare(earlier, report):
    """The section `drift` of a report: entries that hosts share, the rarest first."""
    then, now = earlier.seen, _Seen(report)
    found = {}
    for name, host in now.hosts.items():
        before = then.hosts.get(name)
        if before is None or host["state"] in _NOT_SEEN or before["state"] in _NOT_SEEN:
            continue
        for key, value in _host_drift(before, host, then, now):
            found.setdefault(key, (value, []))[1].append(name)
    entries = [dict(value, hosts=sorted(hosts)) for value, hosts in found.values()]
    entries.sort(key=lambda entry: (len(entry["hosts"]), entry["kind"], entry["subject"]))
    reached = {name for name, host in now.hosts.items() if host["state"] != "not_reached"}
    return {
        "since": earlier.ended,
        "since_complete": earlier.complete,
        "entries": entries,
        "hosts_new": sorted(reached - set(then.hosts)),
        "hosts_gone": sorted(set(then.hosts) - set(now.hosts)) if now.complete else [],
    }


def _host_drift(before, host, then, now):
    whole_then, whole_now = then.whole(before), now.whole(host)
    for what in ("change", "change_without_diff", "problem"):
        old, new = before[what], host[what]
        for subject in sorted(set(old) | set(new), key=str):
            was, is_now = old.get(subject, {}), new.get(subject, {})
            more, fewer = is_now.keys() - was.keys(), was.keys() - is_now.keys()
            # What there is more of was perhaps only not come to before, and what there is less of is not now.
            if (more and (fewer or whole_then)) or (fewer and whole_now):
                kind = "changed" if was and is_now else "new" if is_now else "gone"
                if what == "change" and subject in now.private:
                    # An earlier report may hold what this one keeps out.
                    was = {number: ["lines that are not kept", ""] for number in was}
                old_words, new_words = _words(was, is_now)
                name = subject[0] if what == "change" else subject
                value = {"kind": kind, "what": what, "subject": name, "before": old_words, "after": new_words}
                yield (kind, what, subject, tuple(sorted(was)), tuple(sorted(is_now))), value
    compared = [("verdict", before["verdict"], host["verdict"])]
    if then.complete and now.complete:
        # In the middle of a run a state is not the last word.
        states = (before["state"], host["state"])
        if "not_finished" not in states:
            compared.append(("state", *states))
    for what, was, is_now in compared:
        if was != is_now and is_now is not None and was is not None:
            value = {"kind": "changed", "what": what, "subject": what, "before": was, "after": is_now}
            yield (what, was, is_now), value


def _words(*sides):
    """What either side says; where that is the same words on another line, with the line."""
    texts = ["; ".join(sorted(words[0] for words in side.values())) or None for side in sides]
    if texts[0] == texts[1]:
        texts = ["; ".join(sorted(" in: ".join(words) for words in side.values())) for side in sides]
    return texts


def _first_line(change):
    lines = [line["text"] for hunk in change["hunks"] for line in hunk if line["op"] in ("-", "+")]
    return visible_text.name(lines[0][:120]) if lines else "lines that are not kept"
