# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report needs of Ansible's own objects, as plain values."""

from __future__ import annotations

import collections

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import own_names, visible_text

Task = collections.namedtuple("Task", "name action delegate_to arguments check_mode looped")
Host = collections.namedtuple("Host", "name address")


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
    try:
        inventory = play.get_variable_manager()._inventory
        return [found.get_name() for found in inventory.get_hosts(play.hosts, ignore_restrictions=True)]
    except Exception:
        return []


def task(result):
    """The task that a result is of."""
    found, of_host = result._task, host(result)
    delegate_to = found.delegate_to
    if not isinstance(delegate_to, str) or delegate_to == of_host.name:
        delegate_to = None
    elif "{{" in delegate_to:
        delegated = result._result.get("_ansible_delegated_vars")
        delegate_to = delegated.get("ansible_host") if isinstance(delegated, dict) else None
    action = getattr(found, "resolved_action", None) or found.action
    return Task(
        # A name made of the host's own would set each host apart.
        name=own_names.in_name(visible_text.name(result.task_name), of_host),
        action=visible_text.name(action),
        delegate_to=delegate_to,
        arguments=found.args if isinstance(found.args, dict) else {},
        check_mode=found.check_mode is True,
        looped=bool(found.loop),
    )
