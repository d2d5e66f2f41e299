# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reboots a target that has no Python: two plain commands over the connection, no module."""

from __future__ import annotations

import time

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()

# The kernel makes a new one at each boot; systems without Linux have none.
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
# Given to the service manager, which does it after the answer: the command returns before the host goes down.
REBOOT = "systemctl reboot || shutdown -r now || reboot"
POLL_SECONDS = 2


class ActionModule(ActionBase):
    """The options are those of the documentation in plugins/modules/reboot.py."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset(("reboot_timeout",))

    def run(self, tmp=None, task_vars=None):
        """Reboot and wait for the next boot."""
        self._supports_check_mode = True
        result = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec({"reboot_timeout": {"type": "int", "default": 600}})
        result.update(changed=True, rebooted=False, elapsed=0)
        if self._connection.transport == "local":
            return failure(result, "this would reboot the controller: the connection is local")
        if self._task.check_mode:
            return result

        started = time.monotonic()
        try:
            boot_id = self._boot_id()
        except AnsibleError as error:
            return failure(result, "the host is not asked to reboot: it does not say which boot it is in: %s" % error)
        refused = self._ask_to_reboot()
        if refused:
            return failure(result, "the host refuses to reboot: %s" % refused)
        last = self._wait_for_other_boot(boot_id, started + options["reboot_timeout"])
        result["elapsed"] = int(time.monotonic() - started)
        if last:
            # It was asked and may be on its way, so changed stays.
            reason = "no new boot within %s s (reboot_timeout): %s" % (options["reboot_timeout"], last)
            result.update(failed=True, msg=reason)
            return result
        result["rebooted"] = True
        return result

    def _boot_id(self):
        answer = self._low_level_execute_command(BOOT_ID, sudoable=True)
        boot_id = answer["stdout"].strip()
        if answer["rc"] != 0 or not boot_id:
            raise AnsibleError("rc %s: %s" % (answer["rc"], answer["stderr"].strip()))
        return boot_id

    def _ask_to_reboot(self):
        """What the host has against it, or nothing."""
        try:
            answer = self._low_level_execute_command(REBOOT, sudoable=True)
        except AnsibleConnectionFailure as error:
            # A quick host is gone before the answer. Whether it is, the boot id tells.
            display.vvv("the connection ended with the reboot command: %s" % error)
            return None
        if answer["rc"] == 0:
            return None
        return "rc %s: %s" % (answer["rc"], (answer["stderr"] or answer["stdout"]).strip())

    def _wait_for_other_boot(self, boot_id, deadline):
        """Nothing once the host is in another boot, else what was last seen of it."""
        last = "the host is still in the boot it was in"
        while time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            try:
                # A kept connection (ControlPersist) belongs to the boot before.
                self._connection.reset()
                if self._boot_id() != boot_id:
                    return None
                last = "the host is still in the boot it was in"
            except AnsibleError as error:
                last = str(error)
        return last


def failure(result, message):
    """The result of a run that changed nothing."""
    result.update(failed=True, changed=False, msg=message)
    return result
