# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts say stays text: it neither runs nor hides."""

import html.parser
import json
import re
import unittest

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import (
    fleet, terminal_summary, visible_text,
)
from test_fleet import Host, Stats, Task, report

MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`--><!--&amp;"
CONTROL = "\x1b]0;owned\x07\x1b[31m\x00\x9b\u202egpj.exe\u200b\ud800"
HOSTILE = MARKUP + CONTROL


class Page(html.parser.HTMLParser):
    """The elements of a page and its attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.extend(name for name, _value in attrs)


def everywhere(text):
    """A model with `text` wherever a host has a say."""
    model = fleet.Fleet()
    host = Host("h " + text, "10.0.0.1")
    # The callback makes names of tasks visible before anything else.
    task = Task(visible_text.name("t " + text), "pci.passthrough.grub_iommu")
    facts = {
        "verdict": {"state": text, "reasons": [{"code": text, "message": text}]},
        "devices": [{"address": text, "id": text, "class_name": text, "device_name": text, "driver": text,
                     "uses": [{"kind": text, "what": text}]}],
        "groups": [{"id": 1, "type": text, "devices": [text, "other " + text]}],
    }
    result = {
        "changed": True, "reboot_required": True, "reboot_reasons": [{"code": text, "message": text}],
        "ansible_facts": {"pci_passthrough": facts},
        "diff": [
            {"before": text + "\n", "after": text + " and more " + text + "\n", "before_header": "/etc/" + text},
            {"before": {text: text}, "after": {text: 1}, "before_header": "/etc/b" + text},
            {"prepared": "+" + text, "before_header": "/etc/c" + text},
        ],
        "problems": [{"code": text, "severity": "warning", "device": text, "message": text, "hint": text}],
    }
    model.add_diffs(task, host, result)
    model.add_success(task, host, result, False)
    failure = {"failed": True, "code": text, "msg": text, "problems": [dict(result["problems"][0], severity="error")]}
    model.add_failure(task, host, failure, False)
    model.add_unreachable(Task("u", "x"), Host("u" + text, None), {"msg": text}, False)
    model.settle(Stats({host.name: 1}, {"u" + text: 1}))
    return model


class Hostile(unittest.TestCase):
    def setUp(self):
        self.report, self.page = report(everywhere(HOSTILE), playbooks=["p"], plays=["p"])
        self.plain_report, self.plain_page = report(everywhere("harmless"), playbooks=["p"], plays=["p"])

    def test_no_element_and_no_attribute_of_its_own(self):
        hostile, plain = Page(self.page), Page(self.plain_page)
        self.assertEqual(hostile.tags.count("script"), 2)
        self.assertNotIn("img", hostile.tags)
        # Marks depend on the words, and what is no code is shown as none; all else is as with harmless words.
        words = ("ins", "del", "code")
        self.assertEqual(
            sorted(tag for tag in hostile.tags if tag not in words), sorted(tag for tag in plain.tags if tag not in words),
        )
        self.assertEqual(sorted(hostile.attributes), sorted(plain.attributes))
        self.assertFalse([name for name in hostile.attributes if name.startswith("on")])

    def test_nothing_invisible(self):
        for text in (self.page, json.dumps(self.report, ensure_ascii=False)):
            self.assertEqual(re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e\ud800-\udfff]", text), [])
            text.encode("utf-8")
        self.assertIn("\u241b]0;owned\u2407", self.page)
        self.assertIn("U+202E", self.page)

    def test_the_policy(self):
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', self.page).group(1)
        self.assertIn("default-src &#39;none&#39;", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("http:", self.page.replace("http-equiv", ""))
        self.assertNotIn("https:", self.page)

    def test_the_terminal(self):
        for text, _color in terminal_summary.lines(self.report, "/tmp/report.html"):
            self.assertEqual(re.findall("[\x00-\x1f\x7f-\x9f\u202e]", text), [])

    def test_the_data_in_the_page(self):
        data = re.search(r'id="iommu">(.*?)</script>', self.page, re.DOTALL).group(1)
        self.assertNotIn("<", data)
        self.assertEqual(json.loads(data), self.report["iommu"])

    def test_huge_texts_are_cut(self):
        found, page = report(everywhere("x" * 300_000), playbooks=["p"])
        self.assertLess(len(json.dumps(found)), 60_000)
        self.assertLess(len(page), 120_000)
        self.assertIn("more characters", page)


if __name__ == "__main__":
    unittest.main()
