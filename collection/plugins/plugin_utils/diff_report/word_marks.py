# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which words of two lines differ."""

from __future__ import annotations

import difflib
import os.path
import re

# A kernel parameter with its value is one word; a quote or bracket is one of its own.
_WORD = re.compile(r"[\w.=:,/@%+-]+|\s+|.", re.DOTALL)
_WORD_CHARACTER = re.compile(r"[\w.=:,/@%+-]")
# Lines that have less than this in common are no two versions of one line.
_ALIKE = 0.5
# What differs between lines with more words than this is marked as a whole.
_MOST_WORDS = 400


def marked(old, new):
    """The marks of both lines: lists of (start, end). None where the lines are not alike."""
    prefix = len(os.path.commonprefix([old, new]))
    rest_old, rest_new = old[prefix:], new[prefix:]
    suffix = len(os.path.commonprefix([rest_old[::-1], rest_new[::-1]]))
    if prefix + suffix < _ALIKE * max(len(old), len(new)) and not _share_words(old, new):
        return None
    prefix = _word_start(old, new, prefix)
    suffix = _word_end(old, new, suffix)
    middle_old = _WORD.findall(old[prefix:len(old) - suffix])
    middle_new = _WORD.findall(new[prefix:len(new) - suffix])
    if len(middle_old) + len(middle_new) > _MOST_WORDS:
        return _whole(middle_old, prefix), _whole(middle_new, prefix)
    marks_old, marks_new = [], []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, middle_old, middle_new, False).get_opcodes():
        if tag != "equal":
            _mark(marks_old, middle_old, a, b, prefix)
            _mark(marks_new, middle_new, c, d, prefix)
    return marks_old, marks_new


def _share_words(old, new):
    """Whether half of the words of the shorter line are in the other."""
    old_words, new_words = ({word for word in _WORD.findall(text[:4000]) if word.strip()} for text in (old, new))
    shorter = min(len(old_words), len(new_words))
    return shorter > 0 and len(old_words & new_words) >= _ALIKE * shorter


def _word_start(old, new, at):
    """Back to where the word at the end of the common part begins."""
    if any(at < len(text) and _WORD_CHARACTER.match(text[at]) for text in (old, new)):
        while at and _WORD_CHARACTER.match(old[at - 1]):
            at -= 1
    return at


def _word_end(old, new, length):
    """The length of the common end, less the part that belongs to a word begun before it."""
    starts = [len(text) - length for text in (old, new)]
    if any(at and _WORD_CHARACTER.match(text[at - 1]) for at, text in zip(starts, (old, new))):
        while length and _WORD_CHARACTER.match(old[len(old) - length]):
            length -= 1
    return length


def _whole(words, offset):
    length = sum(map(len, words))
    return [(offset, offset + length)] if length else []


def _mark(marks, words, first, end, offset):
    start = offset + sum(map(len, words[:first]))
    text = "".join(words[first:end])
    stop = start + len(text)
    if text.strip():
        # The blank that sets a new word off is no news.
        start, stop = start + len(text) - len(text.lstrip()), start + len(text.rstrip())
    if stop == start:
        return
    if marks and marks[-1][1] == start:
        marks[-1] = (marks[-1][0], stop)
    else:
        marks.append((start, stop))
