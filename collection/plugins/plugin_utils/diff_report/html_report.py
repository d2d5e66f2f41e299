# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html: one file that needs nothing else. Every text goes through Jinja2's escaping or comes as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib

import jinja2

# Characters of diffs, of maps, of lists of names and of the table's changes; what is beyond is in report.json only.
_MOST_DIFF_TEXT = 1_000_000
_MOST_MAP_TEXT = 1_000_000
_MOST_NAMES_TEXT = 600_000
_MOST_ROW_TEXT = 600_000
# Cards of one file, of all files, and of any other list; changes and reasons in a row of the table.
_MOST_OF_A_FILE = 50
_MOST_CHANGES = 1500
_MOST_CARDS = 300
_MOST_IN_A_ROW = 10
_WORDS = {
    "ready": "ready", "reboot_required": "reboot required", "not_configured": "not configured",
    "unsupported": "unsupported", "unknown": "no verdict", "ok": "unchanged", "changed": "changed",
    "refused": "refused", "failed": "failed", "unreachable": "unreachable", "ignored": "ignored or rescued",
    "warning": "warning", "not_finished": "not finished", "not_reached": "not reached",
    "change_without_diff": "without a diff",
}


class HtmlReport:
    """The template and what it includes, read once."""

    def __init__(self):
        directory = pathlib.Path(__file__).parent
        read = {name: (directory / name).read_text(encoding="utf-8") for name in (
            "report.html.j2", "report.css", "report.js",
        )}
        self._style, self._script = read["report.css"], read["report.js"]
        environment = jinja2.Environment(
            autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )
        environment.filters["parts"] = parts
        environment.filters["host_count"] = host_count
        # With the markup around it.
        environment.filters["row_text"] = lambda key, changes: changes[key]["path"] + changes[key]["label"] + " " * 15
        environment.filters["words"] = lambda key: _WORDS.get(key, key)
        self._template = environment.from_string(read["report.html.j2"])
        # Nothing but these two may run or style the page, whatever gets into it.
        self._policy = (
            "default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'" % (_hash(self._style), _hash(self._script))
        )

    def render(self, report):
        """The page."""
        files, more_files = _files(report["changes"])
        shown, left = {}, _MOST_DIFF_TEXT
        for change in (change for file in files for change in file["changes"]):
            size = sum(len(line["text"]) + 40 for hunk in change["hunks"] for line in hunk)
            if change["hunks"] and size <= left:
                left -= size
                shown[change["id"]] = True
        iommu, with_map = _fitting(report["iommu"])
        return self._template.render(
            report=report,
            codes=_codes(report),
            verdict_reasons=_verdict_reasons(report["hosts"]),
            files=files,
            more_files=more_files,
            most={"cards": _MOST_CARDS, "in_a_row": _MOST_IN_A_ROW},
            names_fit=_budget(_MOST_NAMES_TEXT),
            row_fits=_budget(_MOST_ROW_TEXT),
            changes={change["id"]: change for change in report["changes"]},
            problems=[problem for problem in report["problems"] if problem["kind"] != "warning"],
            warnings=[problem for problem in report["problems"] if problem["kind"] == "warning"],
            shown=shown,
            with_map=with_map,
            bar=_bar(report["totals"]),
            touched=any(change["made"] for change in report["changes"] + report["changes_without_diff"]),
            policy=self._policy,
            style=Verbatim(self._style),
            script=Verbatim(self._script),
            data=Verbatim(_embedded(iommu)),
        )


class Verbatim(str):
    """Text of our own, or JSON without a single `<`: goes into the page as it is."""

    __slots__ = ()

    def __html__(self):
        return self


def parts(line):
    """A line's text cut where its marks begin and end: pairs of text and whether it is marked."""
    at, found = 0, []
    for start, end in line.get("marks", ()):
        found.append((line["text"][at:start], False))
        found.append((line["text"][start:end], True))
        at = end
    found.append((line["text"][at:], False))
    return [(text, marked) for text, marked in found if text]


def _budget(left):
    """Tells whether texts still fit, and counts those that do."""

    def fits(texts):
        nonlocal left
        size = sum(len(text) + 2 for text in texts)
        if size > left:
            return False
        left -= size
        return True

    return fits


def host_count(entries):
    """On how many hosts the entries are."""
    return len({name for entry in entries for name in entry["hosts"]})


def _codes(report):
    """For each host the codes of its problems, each once."""
    codes = {}
    for problem in report["problems"]:
        if problem["code"] and problem["kind"] != "warning":
            for name in problem["hosts"]:
                codes.setdefault(name, {})[problem["code"]] = None
    return codes


def _verdict_reasons(hosts):
    """Each distinct reason of a verdict with its hosts."""
    found = {}
    for host in hosts:
        for reason in host["verdict"]["reasons"] if host["verdict"] else ():
            key = (host["verdict"]["state"], reason["code"], reason["message"])
            found.setdefault(key, []).append(host["name"])
    rows = sorted(found.items(), key=lambda row: (len(row[1]), row[0]))
    return [dict(zip(("verdict", "code", "message"), key), hosts=names) for key, names in rows]


def _files(changes):
    """Changes by file, in the order they come in, as many as the page bears; and those of files that are not in it."""
    files = {}
    for change in changes:
        files.setdefault((change["path"], change["on"]), []).append(change)
    found, beyond, left = [], [], _MOST_CHANGES
    for (path, on), of_file in files.items():
        most = min(left, _MOST_OF_A_FILE)
        left -= min(most, len(of_file))
        if most:
            found.append({"path": path, "on": on, "changes": of_file[:most], "more": of_file[most:]})
        else:
            beyond += of_file
    return found, beyond


def _bar(totals):
    """The bar of verdicts: key, number, start and width in percent."""
    at, found = 0.0, []
    for key, number in totals["verdicts"].items():
        if number:
            width = 100.0 * number / totals["hosts"]
            found.append({"key": key, "number": number, "start": round(at, 3), "width": round(width, 3)})
            at += width
    return found


def _fitting(iommu):
    """The tables of the maps, without those maps that would make the page too large; and which are in."""
    size = len(json.dumps(iommu, ensure_ascii=False))
    if size <= _MOST_MAP_TEXT:
        return iommu, dict.fromkeys(range(len(iommu["maps"])), True)
    kept, groups, devices, left = {}, {}, {}, _MOST_MAP_TEXT
    for position, members in enumerate(iommu["maps"]):
        cost = 8 * len(members)
        new_groups = [group for group in members if group not in groups]
        new_devices = [d for group in new_groups for d in iommu["groups"][group]["devices"] if d not in devices]
        cost += sum(len(json.dumps(iommu["groups"][group], ensure_ascii=False)) for group in new_groups)
        cost += sum(len(json.dumps(iommu["devices"][device], ensure_ascii=False)) for device in new_devices)
        if cost > left:
            continue
        left -= cost
        kept[position] = True
        groups.update(dict.fromkeys(new_groups, True))
        devices.update(dict.fromkeys(new_devices, True))
    return {
        "devices": [device if i in devices else None for i, device in enumerate(iommu["devices"])],
        "groups": [group if i in groups else None for i, group in enumerate(iommu["groups"])],
        "maps": [members if i in kept else None for i, members in enumerate(iommu["maps"])],
    }, kept


def _embedded(value):
    """JSON that cannot end the element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _hash(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
