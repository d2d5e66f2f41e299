# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few lines at the end of the terminal output."""

from __future__ import annotations

_MOST_ROWS = 12
_WORDS = {
    "ready": "ready", "reboot_required": "reboot required", "not_configured": "not configured",
    "unsupported": "unsupported", "unknown": "unknown",
}


def lines(report, path):
    """Each line with its colour's name in Ansible's configuration, or None."""
    totals = report["totals"]
    would = "would change" if report["check_mode"] else "changed"
    hosts = "%d host%s" % (totals["hosts"], "" if totals["hosts"] == 1 else "s")
    counts = [hosts, "%d %s" % (totals["changed"], would)]
    for key, word in (
        ("would_reboot", "to reboot"), ("refused", "refused"), ("failed", "failed"), ("unreachable", "unreachable"),
        ("not_finished", "not finished"), ("not_reached", "not reached"),
    ):
        if totals[key]:
            counts.append("%d %s" % (totals[key], word))
    yield ", ".join(counts), None
    verdicts = ["%d %s" % (n, _WORDS[key]) for key, n in totals["verdicts"].items() if n and key != "unknown"]
    if verdicts:
        yield "verdict: " + ", ".join(verdicts), None
    yield from _some(
        [(problem, "COLOR_ERROR") for problem in report["problems"] if problem["kind"] not in ("warning", "ignored")],
        lambda problem: "%s: %s" % (problem["code"] or problem["kind"], problem["message"]), "problems",
    )
    yield from _some(
        [(change, "COLOR_CHANGED") for change in report["changes"]],
        lambda change: "%s%s  %s" % (change["on"] + ":" if change["on"] else "", change["path"], change["label"]),
        "changes",
    )
    yield from _some(
        [(change, "COLOR_CHANGED") for change in report["changes_without_diff"]],
        lambda change: "%s  (without a diff)" % change["task"],
        "changes without a diff",
    )
    if report["drift"]:
        kinds = [entry["kind"] for entry in report["drift"]["entries"]]
        counted = ", ".join("%d %s" % (kinds.count(kind), kind) for kind in ("new", "changed", "gone"))
        yield "since %s: %s" % (report["drift"]["since"], counted), None
    yield "report: %s" % path, None


def _some(entries, text, what):
    for entry, colour in entries[:_MOST_ROWS]:
        count = len(entry["hosts"])
        where = entry["hosts"][0] if count == 1 else "%d hosts" % count
        row = text(entry)
        yield "%20s: %s" % (where[:40], row if len(row) <= 160 else row[:159] + "\u2026"), colour
    if len(entries) > _MOST_ROWS:
        yield "%20s  %d more %s are in the report" % ("", len(entries) - _MOST_ROWS, what), None
