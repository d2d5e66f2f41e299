# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is new, gone and changed since an earlier report."""

import json
import os
import tempfile
import unittest

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import drift, fleet, html_report, json_report
from test_fleet import RUN, Host, Task, result_with


def model(hosts):
    """From {host: {path: new content}}; some words instead of a path stand for other findings, None for no answer."""
    made = fleet.Fleet()
    for name, files in hosts.items():
        if files == "not reached":
            made.expect(name)
            continue
        made.host(name)
        if files is None:
            made.add_unreachable(Task(), Host(name), {"msg": "gone"}, False)
            continue
        for path, content in files.items():
            if path == "verdict":
                facts = {"ansible_facts": {"pci_passthrough": {"verdict": {"state": content, "reasons": []}}}}
                made.add_success(Task(), Host(name), facts, False)
            elif path == "ran":
                made.add_success(Task(content, "ansible.builtin.service"), Host(name), {"changed": True}, False)
            elif path == "refused":
                made.add_failure(Task(), Host(name), {"failed": True, "code": content, "msg": content}, False)
            elif path == "failed":
                made.add_failure(Task(), Host(name), {"failed": True, "msg": content}, False)
            else:
                old, new = content if isinstance(content, tuple) else ("quiet\n", content)
                made.add_diffs(Task(), Host(name), result_with(old, new, path))
    return made


def compared(before, after, status_before="complete", status="complete"):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "report.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(json_report.dump(json_report.build({**RUN, "status": status_before}, model(before), None)))
        earlier = drift.Earlier(path)
    built = json_report.build({**RUN, "status": status}, model(after), earlier)
    html_report.HtmlReport().render(built)
    return built["drift"]


def entries(found):
    return [(e["kind"], e["what"], e["subject"], e["before"], e["after"], e["hosts"]) for e in found["entries"]]


class Drift(unittest.TestCase):
    def test_nothing(self):
        hosts = {"a": {"/etc/x": "1\n", "verdict": "ready"}, "b": {"/etc/x": "2\n"}}
        found = compared(hosts, hosts)
        self.assertEqual((entries(found), found["hosts_new"], found["hosts_gone"]), ([], [], []))

    def test_new_gone_and_changed(self):
        before = {name: {"/etc/same": "s\n", "/etc/gone": "g\n", "/etc/changed": "quiet old\n"} for name in "abc"}
        after = {name: {"/etc/same": "s\n", "/etc/new": "n\n", "/etc/changed": "quiet new\n"} for name in "abc"}
        after["a"]["/etc/changed"] = "quiet odd\n"
        self.assertEqual(entries(compared(before, after)), [
            ("changed", "change", "/etc/changed", "+old", "+odd", ["a"]),
            ("changed", "change", "/etc/changed", "+old", "+new", ["b", "c"]),
            ("gone", "change", "/etc/gone", "\u2212quiet  +g", None, ["a", "b", "c"]),
            ("new", "change", "/etc/new", None, "\u2212quiet  +n", ["a", "b", "c"]),
        ])

    def test_what_is_private_now_is_not_told_of_an_earlier_report(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "report.json")
            built = json_report.build(RUN, model({"a": {"/etc/x": "hunter2\n"}}), None)
            with open(path, "w", encoding="utf-8") as file:
                file.write(json_report.dump(built))
            now = fleet.Fleet()
            now.add_diffs(Task(arguments={"mode": "0600"}), Host("a"), result_with("", "hunter3\n", "/etc/x"))
            found = json_report.build(RUN, now, drift.Earlier(path))
        self.assertEqual(entries(found["drift"]), [
            ("changed", "change", "/etc/x", "lines that are not kept", "new, 1 line", ["a"]),
        ])
        self.assertNotIn("hunter", json.dumps(found))

    def test_the_same_words_on_another_line(self):
        before = {"a": {"/etc/x": ("quiet\n", "quiet word\n")}}
        after = {"a": {"/etc/x": ("splash\n", "splash word\n")}}
        ((kind, _what, _subject, was, is_now, _hosts),) = entries(compared(before, after))
        self.assertEqual((kind, was, is_now), ("changed", "+word in: quiet", "+word in: splash"))

    def test_verdicts_and_states(self):
        found = compared({"a": {"verdict": "not_configured"}}, {"a": {"verdict": "ready", "failed": "x"}})
        self.assertEqual(entries(found), [
            ("changed", "state", "state", "ok", "failed", ["a"]),
            ("changed", "verdict", "verdict", "not_configured", "ready", ["a"]),
        ])

    def test_a_host_that_was_not_seen_to_the_end_has_nothing_new(self):
        after = {"a": {"/etc/x": "1\n"}}
        self.assertEqual(entries(compared({"a": {}}, after, status_before="cut")), [])
        found = [entry for entry in entries(compared({"a": {"failed": "x"}}, after)) if entry[1] != "state"]
        self.assertEqual(found, [])
        found = entries(compared({"a": {"/etc/x": "2\n", "failed": "x"}}, after))
        self.assertIn("changed", [kind for kind, what, *_rest in found if what == "change"])

    def test_changes_without_a_diff(self):
        before, after = {"a": {}, "b": {}}, {"a": {}, "b": {}}
        before["a"]["ran"], after["a"]["ran"], after["b"]["ran"] = "Restart one", "Restart two", "Restart two"
        action = "ansible.builtin.service"
        self.assertEqual([entry for entry in entries(compared(before, after)) if entry[1] != "state"], [
            ("gone", "change_without_diff", "Restart one", action, None, ["a"]),
            ("new", "change_without_diff", "Restart two", None, action, ["a", "b"]),
        ])

    def test_problems(self):
        found = entries(compared({"a": {"refused": "root_disk"}}, {"a": {"refused": "group_incomplete"}}))
        self.assertEqual(found, [("changed", "problem", "refused", "root_disk", "group_incomplete", ["a"])])
        found = entries(compared({"a": {"refused": "root_disk"}}, {"a": {}}))
        self.assertIn(("gone", "problem", "refused", "root_disk", None, ["a"]), found)
        found = entries(compared({"a": {}}, {"a": {"refused": "root_disk"}}))
        self.assertIn(("new", "problem", "refused", None, "root_disk", ["a"]), found)

    def test_hosts_that_were_not_reached(self):
        seen, not_seen = {"a": {"/etc/x": "1\n"}}, {"a": "not reached"}
        for before, after in ((seen, not_seen), (not_seen, seen), (not_seen, not_seen)):
            found = compared(before, after)
            self.assertEqual((entries(found), found["hosts_new"], found["hosts_gone"]), ([], [], []))
        self.assertEqual(compared({}, not_seen)["hosts_new"], [])

    def test_hosts(self):
        found = compared({"a": {}, "b": {}}, {"b": {}, "c": {}})
        self.assertEqual((found["hosts_new"], found["hosts_gone"]), (["c"], ["a"]))

    def test_what_was_not_seen_is_not_gone(self):
        before = {"a": {"/etc/x": "1\n"}, "b": {"/etc/x": "1\n"}}
        self.assertEqual(entries(compared(before, {"a": None, "b": before["b"]})), [])
        failed = entries(compared(before, {"a": {"failed": "no"}, "b": before["b"]}))
        self.assertEqual(failed, [("changed", "state", "state", "changed", "failed", ["a"])])
        cut = compared(before, {"a": {}}, status="cut")
        self.assertEqual([entry for entry in entries(cut) if entry[1] == "change"], [])
        self.assertEqual(cut["hosts_gone"], [])

    def test_an_earlier_report_that_was_cut(self):
        self.assertIs(compared({"a": {}}, {"a": {}}, status_before="cut")["since_complete"], False)

    def test_other_files_are_refused(self):
        right = json_report.build(RUN, model({"a": {"/etc/x": "1\n"}}), None)
        wrong = ["", "[]", "{}", "null", '{"schema": "x"}']
        wrong += [json.dumps({**right, "version": 2}), json.dumps({**right, "hosts": [1]})]
        wrong.append(json.dumps({**right, "changes": [{"id": "x"}]}))
        wrong.append("[" * 100_000)
        host, change = right["hosts"][0], right["changes"][0]
        for bad in ({"changes": None}, {"changes": [[]]}, {"verdict": {}}, {"verdict": "x"}, {"verdict": []}):
            wrong.append(json.dumps({**right, "hosts": [{**host, **bad}]}))
        for bad in ({"hunks": None}, {"hunks": [[{"op": "+", "text": 5}]]}, {"hunks": [5]}):
            wrong.append(json.dumps({**right, "changes": [{**change, **bad}]}))
        for key in ("changes", "hosts", "problems", "changes_without_diff"):
            wrong += [json.dumps({**right, key: value}) for value in (None, 5, [None], ["x"], [{}])]
        for text in wrong:
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                file.write(text)
                file.flush()
                with self.assertRaises(ValueError, msg=text[:300]):
                    drift.Earlier(file.name)

    def test_odd_values_compare(self):
        right = json_report.build(RUN, model({"a": {"/etc/x": "1\n", "verdict": "ready"}}), None)
        host, change = right["hosts"][0], right["changes"][0]
        for value in (None, 5, [], {}, [[]], "x"):
            odd = {**right, "updated": value, "hosts": [{**host, "state": value, "name": "a"}, {**host, "name": value}]}
            odd["changes"] = [{**change, "path": value, "aspect": value, "on": value, "label": value}]
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                json.dump(odd, file)
                file.flush()
                earlier = drift.Earlier(file.name)
            html_report.HtmlReport().render(json_report.build(RUN, model({"a": {"/etc/x": "2\n"}}), earlier))


if __name__ == "__main__":
    unittest.main()
