# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes from hosts is shown as text: plain strings, nothing invisible in them, of bounded length."""

from __future__ import annotations

import re

# Control characters, and those that hide text or turn its direction; surrogates stand for undecodable bytes.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_HIDDEN_IN_A_NAME = re.compile(_HIDDEN.pattern[:-1] + "\t\n]")

#: The most characters of a line that are kept.
LONGEST_LINE = 1000
#: The most characters of a message that are kept.
LONGEST_MESSAGE = 800
#: The most characters of a name (host, file, task, device) that are kept.
LONGEST_NAME = 300


def _shown(match):
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "<U+%04X>" % code


def plain(value):
    """A string of Python's own type: Ansible's may carry tags along."""
    return str.__str__(value) if isinstance(value, str) else str(value)


def line(value):
    """One line of a file: tabs stay, every other control character becomes visible."""
    return _HIDDEN.sub(_shown, plain(value))


def name(value):
    """A name or another short text of one line."""
    return _cut(_HIDDEN_IN_A_NAME.sub(_shown, plain(value)), LONGEST_NAME)


def message(value):
    """A message, line breaks as blanks."""
    return _cut(_HIDDEN.sub(_shown, " ".join(plain(value).split())), LONGEST_MESSAGE)


def _cut(text, longest):
    if len(text) <= longest:
        return text
    return "%s\u2026 (%d more characters)" % (text[:longest], len(text) - longest)
