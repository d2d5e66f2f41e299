# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One entry of a module's `diff`, in any of the shapes that modules return: what file, which lines."""

from __future__ import annotations

import collections
import difflib
import hashlib
import json
import re

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import visible_text, word_marks

_CONTEXT = 3
_MOST_LINES = 400
# Comparing more lines than this with as many takes seconds: such a block is shown as replaced.
_MOST_COMPARED = 2000
# Nor may equal lines be many: each pair of them is looked at. Beyond this the frequent ones set nothing.
_MOST_PAIRS = 50_000
# lineinfile and others name the aspect behind the path.
_ASPECT = re.compile(r"^(?P<path>.+) \((?P<aspect>content|file attributes)\)$")


class FileDiff:
    """A change as it is grouped and shown.

    `path` and `aspect` say what changes. `hunks` are lists of lines: dictionaries with `op` (one of `-`, `+`,
    blank, `~` for a remark), `text`, and where needed `marks` (start and end of what differs within the line) and
    `cut` (how many characters are left out before and after `text`). `label` is the change in a few words.
    Of a `private` file nothing is kept but the numbers of lines: not even a digest, which tells a short secret.
    """

    __slots__ = ("path", "aspect", "hunks", "label", "added", "removed", "key", "context_key", "size", "private")

    def __init__(self, path, aspect, hunks, kind, private):
        self.path = visible_text.name(path)
        self.aspect = aspect
        self.added = sum(op == "+" for hunk in hunks for op, _text in hunk)
        self.removed = sum(op == "-" for hunk in hunks for op, _text in hunk)
        self.private = private
        if private:
            self.key = self.context_key = _digest([path, aspect, kind, self.added, self.removed])
            self.hunks, self.size = [], 0
            self.label = _label(kind, (), self.added, self.removed, ())
            return
        changed = [[line for line in hunk if line[0] != " "] for hunk in hunks]
        self.key = _digest([path, aspect, changed])
        self.context_key = _digest(hunks)
        self.hunks, words = _presented(hunks)
        self.label = _label(kind, words, self.added, self.removed, changed)
        self.size = sum(len(line["text"]) for hunk in self.hunks for line in hunk)


def entries(diff):
    """The entries of a result's `diff`, which is one dictionary or a list of them."""
    found = diff if isinstance(diff, (list, tuple)) else [diff]
    return [entry for entry in found if isinstance(entry, dict)]


def fingerprint(entry):
    """Equal for equal entries: spares comparing the same texts for each of a thousand hosts."""
    return _digest([[key, entry[key]] for key in sorted(entry, key=str)])


def read(entry, path, private=False):
    """The change in one entry, or None where nothing changes. `path` is what it is about if the entry names nothing."""
    remarks = _remarks(entry)
    before, after = entry.get("before"), entry.get("after")
    kind, hunks = "changed", []
    if "before" in entry and "after" in entry and not remarks:
        before, after = _as_text(before), _as_text(after)
        hunks = _compared(before, after)
        if hunks and not before:
            kind = "new"
        elif hunks and not after:
            kind = "gone"
    prepared = entry.get("prepared")
    if prepared is not None and not hunks and not remarks:
        hunks = _prepared(_as_text(prepared))
    if remarks:
        hunks = [[("~", remark) for remark in remarks]]
    if not hunks:
        return None
    path, aspect = _subject(entry, path)
    return FileDiff(path, aspect, hunks, kind, private)


def subject(entry, result, arguments):
    """What the entry is about, as it, the result around it or the task's arguments name it; None where none does."""
    named = [entry.get("before_header")]
    named += [side.get("path") for side in (entry.get("before"), entry.get("after")) if isinstance(side, dict)]
    # For a new file after_header alone may be there, and be a temporary one on the controller. Arguments may be
    # templates still, which tell more than that.
    for place in (result, arguments):
        named += [place.get("dest"), place.get("path")]
    named += [entry.get("after_header"), result.get("name")]
    for name in named:
        if isinstance(name, str) and name.strip():
            return visible_text.plain(name)
    return None


def bare_path(path):
    """The path without the aspect that some modules write behind it."""
    match = _ASPECT.match(path)
    return match.group("path") if match else path


def _subject(entry, path):
    match = _ASPECT.match(path)
    if match:
        aspect = "attributes" if match.group("aspect") == "file attributes" else "content"
        return match.group("path"), aspect
    sides = [entry.get("before"), entry.get("after")]
    return path, "attributes" if any(isinstance(side, dict) for side in sides) else "content"


def _remarks(entry):
    remarks = []
    for key, what in (("dst_binary", "the file on the host"), ("src_binary", "the new content")):
        if key in entry:
            remarks.append("%s is binary: no lines to show" % what)
    for key, what in (("dst_larger", "the file on the host"), ("src_larger", "the new content")):
        if key in entry:
            size = entry[key] if isinstance(entry[key], int) else "the limit"
            remarks.append("%s is larger than %s bytes: no lines to show" % (what, size))
    return remarks


def _as_text(value):
    if value is None:
        return ""
    if isinstance(value, str):
        return visible_text.plain(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return json.dumps(value, indent=4, sort_keys=True, default=str, ensure_ascii=False) + "\n"


def _lines(text):
    """Lines with their line feeds; only those separate lines, whatever else Unicode counts as a break."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _compared(before, after):
    if before == after:
        return []
    old, new = _lines(before), _lines(after)
    start, end = 0, 0
    shorter = min(len(old), len(new))
    while start < shorter and old[start] == new[start]:
        start += 1
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    first, last = max(0, start - _CONTEXT), max(0, end - _CONTEXT)
    old, new = old[first:len(old) - last], new[first:len(new) - last]
    if max(len(old), len(new)) > _MOST_COMPARED:
        head, tail = start - first, end - last
        replaced = [("-", text) for text in old[head:len(old) - tail]]
        replaced += [("+", text) for text in new[head:len(new) - tail]]
        return [[(" ", text) for text in old[:head]] + replaced + [(" ", text) for text in old[len(old) - tail:]]]
    hunks = []
    often = collections.Counter(new)
    autojunk = sum(often[text] for text in old) > _MOST_PAIRS
    for group in difflib.SequenceMatcher(None, old, new, autojunk).get_grouped_opcodes(_CONTEXT):
        hunk = []
        for tag, a, b, c, d in group:
            if tag == "equal":
                hunk.extend((" ", text) for text in old[a:b])
            else:
                hunk.extend(("-", text) for text in old[a:b])
                hunk.extend(("+", text) for text in new[c:d])
        hunks.append(hunk)
    return hunks


def _prepared(text):
    """A text that a module made itself: a unified diff as a rule, or a tool's own words."""
    hunks, hunk = [], []
    lines = _lines(text)
    # Only together are they a header: a line of SQL that goes begins with `--- ` too.
    pairs = [at for at in range(len(lines) - 1) if lines[at].startswith("--- ") and lines[at + 1].startswith("+++ ")]
    header = {line for at in pairs for line in (at, at + 1)}
    for at, text_line in enumerate(lines):
        if at in header:
            continue
        if text_line.startswith("@@"):
            hunk = []
            hunks.append(hunk)
            continue
        if not hunks:
            hunks.append(hunk)
        op, rest = (text_line[0], text_line[1:]) if text_line[0] in "+- " else ("~", text_line)
        hunk.append((op, rest))
    hunks = [hunk for hunk in hunks if any(line[1].strip() for line in hunk)]
    if any(op in "+-" for hunk in hunks for op, _text in hunk):
        return hunks
    # No diff at all: every line is what there is to say.
    return [[("~", text) for _op, text in hunk] for hunk in hunks]


def _presented(hunks):
    """The hunks as they are shown, and the words that differ: (sign, word) in order."""
    shown, words, left = [], [], _MOST_LINES
    total = sum(map(len, hunks))
    for hunk in hunks:
        if left <= 0:
            break
        kept = hunk[:left]
        left -= len(kept)
        shown.append(_with_marks(kept, words))
    if total > _MOST_LINES:
        shown.append([{"op": "~", "text": "%d more lines are not shown" % (total - _MOST_LINES)}])
    return shown, words


def _with_marks(hunk, words):
    lines = [(op, visible_text.line(text[:-1] if text.endswith("\n") else text)) for op, text in hunk]
    marks = [None] * len(lines)
    at = 0
    while at < len(lines):
        olds = _run(lines, at, "-")
        news = _run(lines, at + len(olds), "+")
        if olds and news:
            _pair(lines, olds, news, marks)
        at += max(1, len(olds) + len(news))
    presented = []
    for index, (op, text) in enumerate(lines):
        presented.append(_line(op, text, marks[index]))
        for start, end in marks[index] or ():
            word = text[start:end].strip()
            if word and len(words) < 12:
                words.append((op, word))
        if op in "-+" and not hunk[index][1].endswith("\n"):
            presented.append({"op": "~", "text": "no newline at the end of the file"})
    return presented


def _run(lines, start, op):
    end = start
    while end < len(lines) and lines[end][0] == op:
        end += 1
    return range(start, end)


def _pair(lines, olds, news, marks):
    """Finds for each old line the next new one that is like it."""
    next_new = news.start
    for old in olds:
        for new in range(next_new, min(news.stop, next_new + 8)):
            found = word_marks.marked(lines[old][1], lines[new][1])
            if found:
                marks[old], marks[new] = found
                next_new = new + 1
                break


def _line(op, text, marks):
    line = {"op": op, "text": text}
    longest = visible_text.LONGEST_LINE
    if len(text) > longest:
        # The part that matters: around the first difference.
        start = max(0, marks[0][0] - longest // 4) if marks else 0
        start = min(start, len(text) - longest)
        line["text"] = text[start:start + longest]
        line["cut"] = [start, len(text) - start - longest]
        marks = [(max(0, a - start), min(longest, b - start)) for a, b in marks or ()]
        marks = [(a, b) for a, b in marks if a < b]
    if marks:
        line["marks"] = [list(mark) for mark in marks]
    return line


def _label(kind, words, added, removed, changed):
    if kind == "new":
        return "new, %d line%s" % (added, "" if added == 1 else "s")
    if kind == "gone":
        return "emptied or removed, %d line%s" % (removed, "" if removed == 1 else "s")
    if not words:
        lines = [(op, visible_text.line(text).strip()) for hunk in changed for op, text in hunk]
        lines = [(op, text) for op, text in lines if text]
        if lines and len(lines) <= 4:
            words = lines
    if not words:
        return "+%d \u2212%d lines" % (added, removed)
    texts = []
    for op, word in words:
        sign = {"-": "\u2212", "+": "+"}.get(op, "")
        text = sign + " ".join(word.split())
        if text not in texts:
            texts.append(text)
    label = "  ".join(texts)
    return label if len(label) <= 100 else label[:99] + "\u2026"


def _digest(value):
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=True, skipkeys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]
