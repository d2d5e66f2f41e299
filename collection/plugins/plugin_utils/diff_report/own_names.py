# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts without what is a host's own, so that it sets no host apart: the root of its tree, its name, its address."""

from __future__ import annotations

import re

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import visible_text

#: Our modules' names begin with this.
OWN_MODULES = "pci.passthrough."
# Under any of these in a path of our modules begins what is the same on all hosts.
_SAME_ON_ALL_HOSTS = ("/etc/", "/boot/")
# Shorter names of hosts are parts of common words by chance.
_SHORTEST = 3
_SHORTEST_WITH_A_DIGIT = 2
# A name with none of these may be a plain word, as `pve`, `web` and `default` are.
_TELLING = re.compile(r"[0-9.:-]")


def in_path(path, host, item, task):
    """What a diff is about."""
    path = visible_text.plain(path)
    root = _root(item, task)
    if root:
        path = path.replace(root + "/", "/")
    elif root is None and task.action.startswith(OWN_MODULES) and path.startswith("/"):
        # Newer ansible-core does not tell the arguments: the tree's root ends where the path of all hosts begins.
        path = path[max(0, *(path.rfind(mark) for mark in _SAME_ON_ALL_HOSTS)):]
    return in_name(path, host)


def in_name(text, host):
    """A task's name, which may be made of the host's."""
    for own, word in _own(host):
        if _TELLING.search(own) and own in text:
            text = re.sub(r"(?<![A-Za-z0-9])%s(?![A-Za-z0-9])" % re.escape(own), word, text)
    return text


def in_message(text, host, item, task):
    """A problem's message. A name that may be a plain word counts where it stands alone, and is no part of a path."""
    text = visible_text.plain(text)
    root = _root(item, task)
    if root:
        text = text.replace(root + "/", "/")
    for own, word in _own(host):
        if not _TELLING.search(own) and own in text:
            text = re.sub(r"(?<![\w/.-])%s(?![\w/-]|\.\w)" % re.escape(own), word, text)
    return in_name(text, host)


def delegate_of(item):
    """The host that a result, or an item of a loop, says it was made on."""
    delegated = item.get("_ansible_delegated_vars")
    name = delegated.get("ansible_host") if isinstance(delegated, dict) else None
    return name if isinstance(name, str) else None


def _own(host):
    label = host.name.partition(".")[0]
    names = [(host.name, "{host}"), (host.address, "{address}")]
    if label != host.name and not label.isdigit():
        # The first label of a domain name is the machine's own name.
        names.append((label, "{host}"))
    for own, word in names:
        digit = own and any(letter.isdigit() for letter in own)
        if own and len(own) >= (_SHORTEST_WITH_A_DIGIT if digit else _SHORTEST):
            yield own, word


def _root(item, task):
    """The root of the host's tree, empty if that is /; None where nothing tells."""
    invocation = item.get("invocation")
    arguments = invocation.get("module_args") if isinstance(invocation, dict) else None
    for arguments in (arguments, task.arguments):
        root = arguments.get("root") if isinstance(arguments, dict) else None
        if isinstance(root, str) and root.startswith("/") and "{{" not in root:
            return root.rstrip("/")
    return None
