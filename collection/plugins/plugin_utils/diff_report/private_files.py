# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose lines no report is to hold: files that their owner alone may read, keys and passwords, what a vault held."""

from __future__ import annotations

import re

_NAMES = re.compile(
    r"/(g?shadow-?|\.pgpass|\.netrc|\.vault_pass\w*|id_(rsa|dsa|ecdsa|ed25519))\Z"
    r"|\.(key|pem|p12|pfx|jks|kdbx|keytab|htpasswd)\Z"
    r"|/(priv|private|secrets?|\.gnupg)/"
    r"|/[^/]*(password|passwd|secret|credential|token)[^/]*\Z",
    re.IGNORECASE,
)
# Read by all, for all that its name says.
_PUBLIC = ("/etc/passwd", "/etc/passwd-")
_OCTAL = re.compile(r"0?[0-7]{3,4}\Z")
_SYMBOLIC = re.compile(r"u=[rwxXst]*((,go=|,og=)|(,g=,o=|,o=,g=))\Z")
_READ_BY_OTHERS = 0o044


def is_private(path, entry, item, task):
    """Whether the entry's lines stay out; attributes of a file are no secret. `task.vaulted` looks at its source."""
    if any(isinstance(entry.get(side), dict) for side in ("before", "after")):
        return False
    if path not in _PUBLIC and _NAMES.search(path):
        return True
    if any(_owners_alone(place.get("mode")) for place in (item, task.arguments)):
        return True
    return task.vaulted(entry)


def _owners_alone(mode):
    if isinstance(mode, int) and not isinstance(mode, bool):
        return 0 < mode <= 0o7777 and not mode & _READ_BY_OTHERS
    if not isinstance(mode, str):
        return False
    if _OCTAL.match(mode):
        return not int(mode, 8) & _READ_BY_OTHERS
    return bool(_SYMBOLIC.match(mode))
