# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is either its old self or its new self, whenever one looks."""

from __future__ import annotations

import contextlib
import os
import tempfile


def write(path, text):
    """Writes beside the file and renames. Only its owner may read a new one; an old one keeps its mode."""
    directory, base = os.path.split(os.path.abspath(path))
    os.makedirs(directory, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".%s." % base, dir=directory)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
        if os.path.exists(path):
            os.chmod(temporary, os.stat(path).st_mode & 0o7777)
        os.replace(temporary, path)
    except BaseException:
        # Ctrl-C may come after the rename; nothing is to take its place.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
