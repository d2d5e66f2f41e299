# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose lines no report is to hold: files that their owner alone may read, keys and passwords, what a vault held."""

from __future__ import annotations

import re

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import file_diff

_NAMES = re.compile(
    r"(\A|/)(g?shadow-?|\.pgpass|\.netrc|\.env|\.?my\.cnf|\.vault_pass\w*|wg\d+\.conf|id_(rsa|dsa|ecdsa|ed25519)\w*"
    r"|ssh_host_\w+_key)\Z"
    r"|\.(key|pem|p12|pfx|jks|kdbx|keytab|htpasswd)\Z"
    r"|(\A|/)(priv|private|secrets?|\.gnupg)/"
    r"|(password|passwd|secret|credential|token)[^/]*\Z",
    re.IGNORECASE,
)
# Read by all, for all that its name says.
_PUBLIC = ("/etc/passwd", "/etc/passwd-")
_OCTAL = re.compile(r"(0o?)?[0-7]{3,4}\Z")
_SYMBOLIC = re.compile(r"([ugoa]*)([=+-])([rwxXstugo]*)\Z")
_READ_BY_OTHERS = 0o044


def is_private(path, entry, item, task):
    """Whether the entry's lines stay out; attributes of a file are no secret. `task.vaulted` looks at its source."""
    if any(isinstance(entry.get(side), dict) for side in ("before", "after")):
        return False
    path = file_diff.bare_path(path)
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
    shut = {"g": False, "o": False}
    for clause in mode.split(","):
        found = _SYMBOLIC.match(clause)
        if not found:
            return False
        who, operator, what = found.groups()
        for other in shut:
            if other in who or "a" in who or not who:
                if operator == "=":
                    shut[other] = "r" not in what and not set("ugo") & set(what)
                elif "r" in what:
                    shut[other] = operator == "-"
    return all(shut.values())
