# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation only: the work is done on the controller, by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reboot
short_description: Reboot a host that needs no Python
version_added: 0.1.0
description:
  - Asks the host to reboot and waits until it answers in another boot, told by C(/proc/sys/kernel/random/boot_id).
  - Does what M(ansible.builtin.reboot) does with its defaults, by plain commands; that one needs Python on the target.
author:
  - The pci.passthrough authors (@pci-passthrough)
options:
  reboot_timeout:
    description:
      - Seconds to wait for the next boot.
    type: int
    default: 600
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the controller.
    support: full
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check mode) when in diff mode.
    support: none
    details:
      - There is no file to show.
  platform:
    description: Target OS families that can be operated against.
    platforms: linux
    support: full
seealso:
  - module: ansible.builtin.reboot
  - module: pci.passthrough.boot_refresh
"""

EXAMPLES = r"""
- name: Set the kernel parameters
  pci.passthrough.grub_iommu:
  register: parameters

- name: Reboot where they are not in force yet
  pci.passthrough.reboot:
    reboot_timeout: 900
  when: parameters.reboot_required
"""

RETURN = r"""
rebooted:
  description: Whether the host was rebooted and is back; false in check mode.
  returned: always
  type: bool
  sample: true
elapsed:
  description: Seconds from the first command to the first answer in the new boot.
  returned: always
  type: int
  sample: 47
"""
