# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation only: the module is a static binary. Its argument spec is made from this text."""

from __future__ import annotations

DOCUMENTATION = r"""
module: passthrough_check
short_description: Check what stands between a host and passing its PCI devices to guests
version_added: 0.1.0
description:
  - Before the host is configured (O(phase=configure)) it finds what would go wrong with these devices, from an IOMMU
    that the firmware keeps off to a root disk that shares the group of a graphics card.
  - After the reboot (O(phase=ready)) it proves that a guest could start with them now, and after the next boot too.
  - Each problem has a stable code, a severity, a message and a hint. The task fails on an error whose code is
    not in O(accept).
  - Reads only. What a judgement needs and cannot be read is itself a problem, RV(problems[].code=cannot_tell), so
    that a user without the rights is never told that all is well.
author:
  - The pci.passthrough authors (@pci-passthrough)
extends_documentation_fragment:
  - pci.passthrough.host
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check mode) when in diff mode.
    support: none
    details:
      - The module changes nothing.
  platform:
    description: Target OS families that can be operated against.
    platforms: linux
    support: full
options:
  devices:
    description:
      - The devices to pass. Without any, only the host is checked.
      - Each is a string, or a dictionary with C(address) or C(id).
      - An address is C(0000:01:00.0), C(01:00.0) in domain 0000, or C(01:00) for every function of a slot. Write it
        in quotes, because YAML takes C(0000:01:00.0) for a number.
      - An id is C(10de:1b80). It means every device that has it.
      - Both take the wildcards C(*) and C(?), as in C(10de:*). Bridges are left out then.
      - With C(expect_id) beside one address the device there must have this id, C(10de:1b80) or, with the
        subsystem, C(10de:1b80:1043:87b8). That catches an address that has moved.
    type: list
    elements: raw
    default: []
  phase:
    description:
      - With V(configure), before the host is configured. What the other modules mend is a warning then.
      - With V(ready), after the reboot. What is not in force is an error.
    type: str
    choices: [configure, ready]
    default: configure
  accept:
    description:
      - Codes of errors that are no obstacle here. They are still in RV(problems).
      - A code that does not exist is refused.
    type: list
    elements: str
    default: []
seealso:
  - module: pci.passthrough.iommu_facts
  - module: pci.passthrough.vfio_bind
  - module: pci.passthrough.boot_refresh
"""

EXAMPLES = r"""
- name: Find what would go wrong, before anything is changed
  pci.passthrough.passthrough_check:
    devices: ['0000:01:00.0', '0000:01:00.1']

- name: Prove after the reboot that the card can go to a guest
  pci.passthrough.passthrough_check:
    phase: ready
    devices:
      - address: '0000:01:00.0'
        expect_id: 10de:2484
      - id: 10de:228b

- name: Check the host alone
  pci.passthrough.passthrough_check:
    phase: ready

- name: This host is reached by a serial console, so that its only display may go
  pci.passthrough.passthrough_check:
    devices: ['01:00']
    accept: [only_display]

- name: Look at the problems without stopping
  pci.passthrough.passthrough_check:
    devices: ['8086:1572']
  register: check
  failed_when: false

- name: Show them
  ansible.builtin.debug:
    msg: "{{ check.problems | map(attribute='message') }}"
"""

RETURN = r"""
problems:
  description: What was found, errors first.
  returned: always, unless an option is refused
  type: list
  elements: dict
  contains:
    code:
      description:
        - A stable code. In brackets is the severity in O(phase=configure) and in O(phase=ready).
        - 'V(firmware_off) [error, error]: the firmware announces no IOMMU.'
        - 'V(no_boot_loader) [error, error]: the kernel is started from outside, as in a container.'
        - 'V(no_groups) [error, error]: nothing switches the IOMMU off, and still there are no groups.'
        - 'V(not_running) [warning, error]: this tree is not running.'
        - 'V(parameter_missing) [warning, error]: the kernel needs C(intel_iommu=on).'
        - 'V(iommu_disabled_parameter) [warning, error]: a parameter switches the IOMMU off, now or at the next boot.'
        - 'V(not_rebooted) [warning, error]: the next boot switches the IOMMU on.'
        - 'V(reboot_required) [warning, error]: parameters or a binding wait for a reboot.'
        - 'V(boot_loader_unknown) [error, warning]: the evidence about the boot loader disagrees.'
        - 'V(wrong_boot_loader_file) [warning, warning]: parameters stand in the file of a loader that does not
          boot this host.'
        - 'V(wrong_vendor_parameter) [warning, warning]: a parameter is for the IOMMU of another maker.'
        - 'V(parameter_overridden) [warning, warning]: a later assignment in GRUB''s settings takes a parameter away.'
        - 'V(parameter_doubled) [warning, warning]: a parameter is there twice, in one of GRUB''s variables or in both.'
        - 'V(boot_entries_out_of_date) [warning, error]: the boot entries do not carry what the settings say.'
        - 'V(initramfs_out_of_date) [warning, error]: what goes into the initramfs changed since it was built.'
        - 'V(vfio_modules_missing) [error, error]: the running kernel has no vfio-pci.'
        - 'V(no_interrupt_remapping) [error, error]: interrupts are not remapped, so that VFIO refuses.'
        - 'V(unsafe_interrupts) [warning, warning]: C(allow_unsafe_interrupts) is set, now or for the next boot.'
        - 'V(config_mistake) [warning, warning]: a line in modprobe.d or in a list of modules does not do what it seems
          to; see RV(ignore:lint) of M(pci.passthrough.driver_blacklist) and M(pci.passthrough.vfio_modules).'
        - 'V(leftover_ids) [warning, warning]: C(ids=) of vfio-pci lists an id that no device has.'
        - 'V(leftover_override) [warning, warning]: an address is bound whose device is gone, another one by now, or a
          virtual function, which is made after boot.'
        - 'V(leftover_file) [warning, warning]: a file of this collection says nothing any more.'
        - 'V(nic_renamed) [warning, warning]: C(/etc/network/interfaces) names a network card that is not there.'
        - 'V(cannot_tell) [error, error]: something that a judgement needs cannot be read.'
        - 'V(device_not_found) [error, error]: no device is the one in O(devices).'
        - 'V(device_drifted) [error, error]: the device has not the id in C(expect_id).'
        - 'V(device_is_bridge) [error, error]: the device is a bridge, which vfio-pci does not take.'
        - 'V(host_driver_bound) [warning, error]: a driver of the host has the device, or would have it before
          vfio-pci.'
        - 'V(not_bound) [error, error]: the device is on no driver; only in O(phase=ready).'
        - 'V(group_incomplete) [error, error]: others go with the device and are not listed; only in
          O(phase=configure).'
        - 'V(group_not_viable) [error, error]: another member of the group is on a driver of the host.'
        - 'V(group_unknown) [warning, error]: the device is in no group.'
        - 'V(identical_devices) [error, error]: C(ids=) takes another device with the same id too.'
        - 'V(root_disk) [error, error]: the device or its group has the disk that the host runs from.'
        - 'V(default_route) [error, error]: the device or its group has the interface of the default route.'
        - 'V(swap) [warning, warning]: the device or its group has a swap area.'
        - 'V(mount) [warning, warning]: the device or its group has a mounted file system.'
        - 'V(only_display) [error, error]: no other display would be left to the host. It is a warning where vfio-pci
          has the display already.'
        - 'V(boot_framebuffer) [warning, error]: the firmware''s framebuffer holds the memory of the display.'
        - 'V(sriov_active) [error, error]: the device is a physical function with virtual functions in use.'
        - 'V(no_reset) [warning, warning]: the device cannot be reset.'
        - 'V(reset_unknown) [warning, warning]: the kernel is older than 5.15 and does not tell.'
        - 'V(rmrr) [error, error]: the firmware maps memory for the device, so that the kernel hands it to no guest.'
      type: str
    severity:
      description: V(error) or V(warning).
      type: str
    device:
      description: The PCI address it is about; null for the host.
      type: str
    message:
      description: What is the matter, and where.
      type: str
    hint:
      description: What to do.
      type: str
    accepted:
      description: Whether O(accept) has the code.
      type: bool
  sample:
    - code: group_incomplete
      severity: error
      device: "0000:01:00.0"
      message: "IOMMU group 14 goes to a guest as a whole: 0000:01:00.0 goes with 0000:01:00.1 (10de:228b, on
        snd_hda_intel)"
      hint: list these devices too; a device in another slot may have a group of its own
      accepted: false
verdict:
  description: Whether the host is ready for passthrough, as in M(pci.passthrough.iommu_facts).
  returned: always, unless an option is refused
  type: dict
  contains:
    state:
      description: V(ready), V(reboot_required), V(not_configured) or V(unsupported).
      type: str
      sample: ready
    reasons:
      description: Why, each with C(code) and C(message).
      type: list
      elements: dict
      sample: []
devices:
  description: The devices that O(devices) means, by address.
  returned: always, unless an option is refused
  type: list
  elements: dict
  contains:
    address:
      description: The PCI address.
      type: str
    id:
      description: Vendor and device.
      type: str
    group:
      description: The number of the IOMMU group; null where there is none.
      type: int
    members:
      description: The addresses of all that is in the group, bridges too; null without a group.
      type: list
      elements: str
    driver:
      description: The driver that has the device; null without one.
      type: str
    viable:
      description: Whether the group could go to a guest now; null without a group.
      type: bool
    problems:
      description: The codes of the problems that are about this device.
      type: list
      elements: str
  sample:
    - address: "0000:01:00.0"
      id: 10de:2484
      group: 14
      members: ["0000:00:01.0", "0000:01:00.0", "0000:01:00.1"]
      driver: vfio-pci
      viable: true
      problems: []
msg:
  description: The errors, each with its code and what to do.
  returned: failure
  type: str
code:
  description: The code of the first error; V(invalid_value) or V(unknown_code) where an option is refused.
  returned: failure
  type: str
  sample: group_incomplete
"""
