# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read out of a module's diff, in every shape."""

import json
import random
import time
import unittest

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import file_diff


def read(before, after, path="/etc/default/grub", **more):
    return file_diff.read({"before": before, "after": after, **more}, path)


def shown(diff):
    return [line["op"] + line["text"] for hunk in diff.hunks for line in hunk]


class Shapes(unittest.TestCase):
    def test_before_and_after(self):
        diff = read("a\nb\nc\n", "a\nB\nc\n")
        self.assertEqual(shown(diff), [" a", "-b", "+B", " c"])
        self.assertEqual((diff.added, diff.removed, diff.aspect), (1, 1, "content"))

    def test_nothing_changes(self):
        self.assertIsNone(read("a\n", "a\n"))
        self.assertIsNone(read(None, ""))
        self.assertIsNone(file_diff.read({}, "/x"))

    def test_dictionaries_are_attributes(self):
        diff = read({"mode": "0644", "path": "/x"}, {"mode": "0600", "path": "/x"})
        self.assertEqual(diff.aspect, "attributes")
        self.assertIn('-    "mode": "0644",', shown(diff))
        self.assertEqual(diff.label, "\u22120644  +0600")

    def test_the_aspect_in_a_header_is_no_part_of_the_path(self):
        diff = read("a\n", "b\n", path="/etc/hosts (content)")
        self.assertEqual((diff.path, diff.aspect), ("/etc/hosts", "content"))
        diff = read("a\n", "b\n", path="/etc/hosts (file attributes)")
        self.assertEqual((diff.path, diff.aspect), ("/etc/hosts", "attributes"))

    def test_prepared(self):
        text = "--- old\n+++ new\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n@@ -9 +9 @@\n-x\n"
        diff = file_diff.read({"prepared": text}, "/x")
        self.assertEqual([len(hunk) for hunk in diff.hunks], [3, 1])
        self.assertEqual(shown(diff), [" a", "-b", "+c", "-x"])

    def test_a_line_that_looks_like_a_header(self):
        text = "--- a\n+++ b\n@@ -1,2 +1 @@\n--- drop table\n x\n--- c\n+++ d\n@@ -1 +1 @@\n+y\n"
        diff = file_diff.read({"prepared": text}, "/x.sql")
        self.assertEqual(shown(diff), ["--- drop table", " x", "+y"])

    def test_a_tool_s_own_words(self):
        diff = file_diff.read({"prepared": "The following packages will be upgraded:\n  grub2\n"}, "/x")
        self.assertEqual(shown(diff), ["~The following packages will be upgraded:", "~ grub2"])

    def test_binary_and_large(self):
        diff = file_diff.read({"before": "", "after": "", "dst_binary": 1}, "/x")
        self.assertEqual(shown(diff), ["~the file on the host is binary: no lines to show"])
        diff = file_diff.read({"before_header": "/x", "src_larger": 104448}, "/x")
        self.assertEqual(shown(diff), ["~the new content is larger than 104448 bytes: no lines to show"])

    def test_entries(self):
        one = {"before": "a", "after": "b"}
        self.assertEqual(file_diff.entries(one), [one])
        self.assertEqual(file_diff.entries([one, "words", None]), [one])
        self.assertEqual(file_diff.entries(None), [])

    def test_odd_values_raise_nothing(self):
        for value in (1, 2.5, True, ["a"], {"a": {1: 2}}, b"\xff", "\ud800", {"x": float("nan")}):
            entry = {"before": value, "after": "text", "prepared": value, "before_header": value}
            file_diff.fingerprint(entry)
            file_diff.subject(entry, entry, entry)
            diff = file_diff.read(entry, "/x")
            json.dumps(diff.hunks).encode("utf-8")


class Lines(unittest.TestCase):
    def test_only_line_feeds_separate_lines(self):
        diff = read("a\u2028b\x0cc\n", "a\u2028b\x0cd\n")
        self.assertEqual(shown(diff), ["-a<U+2028>b\u240cc", "+a<U+2028>b\u240cd"])

    def test_line_ends(self):
        self.assertEqual(shown(read("a\r\n", "a\n")), ["-a\u240d", "+a"])
        self.assertEqual(shown(read("a", "a\n")), ["-a", "~no newline at the end of the file", "+a"])

    def test_every_hunk_is_true(self):
        chance = random.Random(6)
        for _round in range(300):
            old = [chance.choice("abcdef") + "\n" for _ in range(chance.randrange(40))]
            new = [line for line in old if chance.random() > 0.15]
            for _ in range(chance.randrange(4)):
                new.insert(chance.randrange(len(new) + 1), chance.choice("abcxyz") + "\n")
            diff = read("".join(old), "".join(new))
            if old == new:
                self.assertIsNone(diff)
                continue
            # Each hunk is a part of the old text and what it becomes.
            for hunk in diff.hunks:
                kept = "".join(line["text"] for line in hunk if line["op"] in " -")
                made = "".join(line["text"] for line in hunk if line["op"] in " +")
                self.assertIn(kept, "".join(old).replace("\n", ""))
                self.assertIn(made, "".join(new).replace("\n", ""))
            self.assertEqual(len(new) - len(old), diff.added - diff.removed)

    def test_the_middle_of_a_long_line(self):
        before = "x" * 50_000 + " old " + "y" * 50_000
        diff = read(before + "\n", before.replace("old", "new") + "\n")
        line = diff.hunks[0][0]
        self.assertEqual(len(line["text"]), 1000)
        start, end = line["marks"][0]
        self.assertEqual(line["text"][start:end], "old")
        self.assertEqual(line["cut"], [50_001 - 250, len(before) - (50_001 - 250) - 1000])

    def test_many_lines(self):
        started = time.monotonic()
        old = "".join("old line %d\n" % number for number in range(20_000))
        new = "".join("new line %d\n" % (number * 7) for number in range(20_000))
        diff = read(old, new)
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(len(shown(diff)), 401)
        self.assertEqual(diff.hunks[-1][0]["text"], "39600 more lines are not shown")
        self.assertEqual((diff.added, diff.removed), (20_000, 20_000))


class Words(unittest.TestCase):
    def marks(self, before, after):
        diff = read(before + "\n", after + "\n")
        return [[line["text"][a:b] for a, b in line.get("marks", [])] for hunk in diff.hunks for line in hunk]

    def test_a_new_parameter(self):
        before, after = 'CMDLINE="quiet"', 'CMDLINE="quiet intel_iommu=on"'
        self.assertEqual(self.marks(before, after), [[], ["intel_iommu=on"]])
        self.assertEqual(read(before + "\n", after + "\n").label, "+intel_iommu=on")

    def test_a_replaced_value_is_a_whole_word(self):
        self.assertEqual(self.marks("a intel_iommu=off b", "a intel_iommu=on b"), [["intel_iommu=off"], ["intel_iommu=on"]])

    def test_two_places(self):
        self.assertEqual(self.marks("one two three four", "one 2 three 4"), [["two", "four"], ["2", "4"]])

    def test_blanks_alone(self):
        self.assertEqual(self.marks("a b", "a  b"), [[], [" "]])

    def test_lines_that_have_nothing_in_common(self):
        self.assertEqual(self.marks("alpha beta", "gamma delta"), [[], []])

    def test_the_right_lines_are_paired(self):
        diff = read("key_one = 1\nkey_two = 2\n", "fresh\nkey_one = 1\nkey_two = 3\n")
        pair = [line for hunk in diff.hunks for line in hunk if line.get("marks")]
        self.assertEqual([line["text"][a:b] for line in pair for a, b in line["marks"]], ["2", "3"])

    def test_labels(self):
        self.assertEqual(read("", "a\nb\n").label, "new, 2 lines")
        self.assertEqual(read("a\n", "").label, "emptied or removed, 1 line")
        self.assertEqual(read("#\n", "#\nvfio\nvfio_pci\n").label, "+vfio  +vfio_pci")
        many = "".join("line %d\n" % number for number in range(9))
        self.assertEqual(read("#\n", "#\n" + many).label, "+9 \u22120 lines")


class Grouping(unittest.TestCase):
    def test_what_is_around_does_not_count(self):
        one = read("# pve1\nquiet\n# end\n", "# pve1\nquiet iommu=pt\n# end\n")
        two = read("# pve2\n\nquiet\n", "# pve2\n\nquiet iommu=pt\n")
        self.assertEqual(one.key, two.key)
        self.assertNotEqual(one.context_key, two.context_key)

    def test_what_differs_counts(self):
        keys = {read("quiet\n", "quiet iommu=pt\n").key, read("quiet\n", "quiet iommu=on\n").key}
        keys.add(read("quiet\n", "quiet iommu=pt").key)
        keys.add(read("quiet\n", "quiet iommu=pt\n", path="/etc/other").key)
        # Equal where it is shown, not where it is cut.
        for last in "ab":
            keys.add(read("x\n", "x" * 100_000 + last + "\n").key)
        self.assertEqual(len(keys), 6)


if __name__ == "__main__":
    unittest.main()
