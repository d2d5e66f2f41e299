# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report needs of Ansible's own objects, as plain values."""

from __future__ import annotations

import collections
import contextlib
import functools
import os

from ansible import constants, context

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import own_names, visible_text

#: `delegated`: runs for another host than the one it is of, which `delegate_to` names where that is known.
#: `vaulted(entry)`: whether what a diff's entry shows comes from an encrypted file.
Task = collections.namedtuple("Task", "name action delegated delegate_to arguments check_mode looped vaulted")
Host = collections.namedtuple("Host", "name address")
_VAULT = b"$ANSIBLE_VAULT"


def host(result):
    """The host that a result is of."""
    found = result._host
    address = found.vars.get("ansible_host")
    address = visible_text.plain(address) if isinstance(address, str) else None
    return Host(visible_text.plain(found.get_name()), address)


def hosts_of(play):
    """The names of all hosts that the play is for, whatever the batch: with `serial` and an early end some never come.

    What tells is not for plugins to rely on: without it the report lacks those hosts, and nothing else.
    """
    return _hosts(play, ignore_restrictions=True)


def batch_of(play):
    """The names of the hosts whose turn it is."""
    return _hosts(play)


def hosts_to_come(playbook):
    """The names of the hosts of each of its plays, by the play's id, as far as that is plain before they start."""
    found = {}
    with contextlib.suppress(Exception):
        for play in playbook.get_plays():
            inventory = play.get_variable_manager()._inventory
            patterns = play.hosts if isinstance(play.hosts, (list, tuple)) else [play.hosts]
            # A group that a task will make is not there yet, and asking for it would bring a warning.
            if all(pattern in inventory.groups or pattern in inventory.hosts for pattern in patterns):
                found[play._uuid] = hosts_of(play)
    return found


def _hosts(play, **how):
    try:
        inventory = play.get_variable_manager()._inventory
        return [found.get_name() for found in inventory.get_hosts(play.hosts, **how)]
    except Exception:
        return []


def playbooks_to_run():
    """How many playbooks the command line names; 1 for a single module."""
    names = context.CLIARGS.get("args")
    return len(names) if isinstance(names, (list, tuple)) and names else 1


def ends_the_play(result, play):
    """Whether a failure of the result's task, which nothing deals with, ends the play for all hosts.

    Where hosts do not wait for each other it does not, whatever the task says.
    """
    strategy = str(getattr(play, "strategy", "")).rsplit(".", 1)[-1]
    fatal = [getattr(result._task, key, None) for key in ("any_errors_fatal", "run_once")]
    return True in fatal and strategy not in ("free", "host_pinned")


def is_rescued(result):
    """Whether a failure of the result's task starts the rescue of a block around it."""
    inside, parent = {result._task._uuid}, getattr(result._task, "_parent", None)
    while parent is not None:
        guarded = getattr(parent, "block", None) if getattr(parent, "rescue", None) else None
        # What is imported stands in the block itself, and not the task that imports it.
        if any(entry._uuid in inside for entry in guarded or ()):
            return True
        inside.add(parent._uuid)
        parent = getattr(parent, "_parent", None)
    return False


def task(result):
    """The task that a result is of."""
    found, of_host = result._task, host(result)
    delegate_to = found.delegate_to
    delegated = isinstance(delegate_to, str) and delegate_to != of_host.name
    if not delegated:
        delegate_to = None
    elif "{{" in delegate_to:
        delegate_to = own_names.delegate_of(result._result)
    action = getattr(found, "resolved_action", None) or found.action
    return Task(
        # A name made of the host's own would set each host apart.
        name=own_names.in_name(visible_text.name(result.task_name), of_host),
        action=visible_text.name(action),
        delegated=delegated,
        delegate_to=delegate_to,
        arguments=found.args if isinstance(found.args, dict) else {},
        check_mode=found.check_mode if isinstance(found.check_mode, bool) else bool(context.CLIARGS.get("check")),
        looped=bool(found.loop),
        vaulted=functools.partial(_is_vaulted, found),
    )


def _is_vaulted(found, entry):
    source = entry.get("after_header")
    if found.action.rsplit(".", 1)[-1] == "copy" and isinstance(source, str):
        # What copy decrypts goes through a file of the controller's own.
        return source.startswith(os.path.join(constants.DEFAULT_LOCAL_TMP, ""))
    source = found.args.get("src") if isinstance(found.args, dict) else None
    if not isinstance(source, str) or "{{" in source:
        return False
    with contextlib.suppress(Exception):
        for folder in found.get_search_path():
            for place in ("", "files", "templates"):
                with contextlib.suppress(OSError), open(os.path.join(folder, place, source), "rb") as file:
                    return file.read(len(_VAULT)) == _VAULT
    return False
