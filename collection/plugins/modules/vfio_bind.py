# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation only: the module is a static binary. Its argument spec is made from this text."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vfio_bind
short_description: Give PCI devices to vfio-pci, from boot on or at once
version_added: 0.1.0
description:
  - Makes C(vfio-pci) own PCI devices, so that guests can have them, and takes that back.
  - A device is bound by its id (C(options vfio-pci ids=) in C(modprobe.d), with soft dependencies so that C(vfio-pci)
    is loaded before the device's own drivers), or by its address where the id does not do, as with two identical
    cards of which one stays with the host. Binding by address is done by a script in the initramfs, before any driver
    is loaded.
  - dracut takes C(/etc/modprobe.d) into host-only images alone. Where dracut builds the images and a device is bound
    by its id, this module also writes C(/etc/dracut.conf.d/pci-passthrough-vfio.conf), which takes it and C(vfio-pci)
    into each image, rescue images that are built later among them.
  - An IOMMU group goes to a guest as a whole. The module refuses while a member is missing from O(devices), and where
    the group has the root disk, the interface of the default route, the only display, or a physical function with
    active virtual functions. It does so even where the IOMMU is still off, as far as that can be told then.
  - The script for the initramfs compares vendor, device and subsystem with what was bound. Where addresses have moved,
    it leaves the device to the host and says so in the kernel log.
  - A reboot puts it in force, unless O(now=true).
author:
  - The pci.passthrough authors (@pci-passthrough)
extends_documentation_fragment:
  - pci.passthrough.host
  - pci.passthrough.host.backup
  - pci.passthrough.host.initramfs
  - pci.passthrough.host.force
  - pci.passthrough.host.attributes
options:
  devices:
    description:
      - The devices, each an address (V(0000:01:00.0), V(01:00.0); V(01:00) is every function of the slot), an id
        (V(10de:1b80)), a glob over addresses (V(0000:01:00.*)) or over ids (V(10de:*)), or a dictionary with
        C(address) or C(id), and with one C(address) optionally C(expect_id), the id that must be there (V(10de:1b80), or
        with the subsystem V(10de:1b80:1043:87b8)).
      - Put addresses in quotes. YAML reads C(0000:01:00.0) without them as a number.
      - With O(state=present) each must be on this host. Bridges are passed over in globs.
      - An address at which this module bound another id before is refused as V(device_drifted), as if that id had been
        given in C(expect_id).
    type: list
    elements: raw
    required: true
  state:
    description:
      - V(present) makes sure that C(vfio-pci) gets the devices.
      - V(absent) takes away what this module wrote for them. Ids in other files are left and reported as warnings. The
        devices need not be on this host.
    type: str
    choices: [present, absent]
    default: present
  method:
    description:
      - V(ids) binds by C(ids=), V(override) by address in the initramfs that initramfs-tools or dracut builds.
      - V(auto) binds by id unless a device that is not listed has the same id, a driver of the device is built into a
        kernel, or soft dependencies elsewhere come before those of this module; then by address.
      - A virtual function (SR-IOV) is made after boot, when the initramfs has done its work, so that it can be bound by
        its id alone. Without its siblings of the same id it is refused (V(id_shared)), and with V(override) too
        (V(method_unsupported)).
      - Where C(vfio-pci) is built into a kernel, ids belong on the kernel command line. The module then fails with the
        code V(vfio_pci_builtin) and returns RV(parameters) for M(pci.passthrough.grub_iommu), and succeeds once these
        are configured there. V(override) works with such a kernel as with any other.
    type: str
    choices: [auto, ids, override]
    default: auto
  group:
    description:
      - V(require) fails unless every member of the devices' IOMMU groups is listed. Bridges stay with the host, and so
        do host bridges without a driver.
      - V(expand) takes the members that are not listed too. With O(state=absent) it gives them back too.
    type: str
    choices: [require, expand]
    default: require
  softdep:
    description:
      - "Add C(softdep DRIVER pre: vfio-pci) for each driver that an installed kernel would offer a device that is bound
        by its id."
      - V(false) leaves existing lines alone.
    type: bool
    default: true
  disable_vga:
    description:
      - Also set C(disable_vga=1), which keeps devices of C(vfio-pci) out of VGA arbitration.
      - V(false) leaves an existing setting alone.
    type: bool
    default: false
  now:
    description:
      - Also rebind the devices of the running system through sysfs. If that fails for one, all get their old drivers
        back and the task fails.
      - With O(state=absent) they are given back to the host's drivers. A device that a virtual machine has open is
        refused.
      - Refused where a file system or swap area in use is on a device, and under another O(root).
    type: bool
    default: false
  path:
    description:
      - The file to write, a C(.conf) file in a directory that modprobe reads.
      - Of several C(ids=) the last one counts, so its name should sort after those of other files that have one. Its
        list repeats the ids of the others.
      - With O(state=absent) it is removed when nothing is left in it but what this module wrote.
    type: path
    default: /etc/modprobe.d/zz-pci-passthrough-vfio.conf
seealso:
  - module: pci.passthrough.vfio_modules
  - module: pci.passthrough.driver_blacklist
  - module: pci.passthrough.grub_iommu
  - module: pci.passthrough.boot_refresh
  - name: VFIO
    description: The kernel's documentation of VFIO.
    link: https://docs.kernel.org/driver-api/vfio.html
"""

EXAMPLES = r"""
- name: A graphics card with its audio function, by address
  pci.passthrough.vfio_bind:
    devices:
      - "0000:01:00.0"
      - "0000:01:00.1"

- name: The same, whatever else is in its group
  pci.passthrough.vfio_bind:
    devices:
      - "01:00.0"
    group: expand

- name: Every device with one of these ids
  pci.passthrough.vfio_bind:
    devices:
      - 10de:1b80
      - 10de:10f0

- name: One of two identical network cards, only if it is still there
  pci.passthrough.vfio_bind:
    devices:
      - address: "0000:02:00.0"
        expect_id: 8086:1533

- name: Give it back to the host without a reboot
  pci.passthrough.vfio_bind:
    devices: ["0000:02:00.0"]
    state: absent
    now: true
"""

RETURN = r"""
devices:
  description: The devices that the task is about, as they are once it is done.
  returned: success
  type: list
  elements: dict
  contains:
    address:
      description: The address.
      type: str
    id:
      description: Vendor and device.
      type: str
    group:
      description: The IOMMU group; null where the IOMMU is off.
      type: int
    members:
      description: The other devices of the group that go to a guest with it.
      type: list
      elements: str
    driver:
      description: The driver it is on; null where it is on none.
      type: str
    wanted_driver:
      description: The driver it is to be on from the next boot; with O(state=absent) the one that will most likely take it.
      type: str
    bound:
      description: Whether C(vfio-pci) has it now.
      type: bool
    viable:
      description: Whether the kernel would hand its group to a guest now; null where the IOMMU is off.
      type: bool
    method:
      description: V(ids) or V(override); null with O(state=absent).
      type: str
  sample:
    - address: "0000:01:00.0"
      id: 10de:1b80
      group: 14
      members: ["0000:01:00.1"]
      driver: nouveau
      wanted_driver: vfio-pci
      bound: false
      viable: false
      method: ids
files:
  description: The files that the task changes.
  returned: success
  type: list
  elements: str
  sample: [/etc/modprobe.d/zz-pci-passthrough-vfio.conf]
parameters:
  description:
    - Kernel parameters that have to be set for the devices because C(vfio-pci) is built into a kernel; empty where none
      is missing.
  returned: success, and when the code is V(vfio_pci_builtin)
  type: list
  elements: str
  sample: ["vfio-pci.ids=10de:1b80,10de:10f0"]
problems:
  description: What the guards found. An error without O(force) fails the task; the rest are warnings.
  returned: success, and when a guard refuses
  type: list
  elements: dict
  contains:
    code:
      description:
        - V(root_disk), V(default_route), V(only_display), V(sriov_active), V(group_incomplete), V(group_unknown),
          V(swap) or V(mount).
      type: str
    severity:
      description: V(error) or V(warning).
      type: str
    device:
      description: The PCI address it is about.
      type: str
    message:
      description: What is the matter.
      type: str
    hint:
      description: What to do about it.
      type: str
  sample:
    - code: group_incomplete
      severity: error
      device: "0000:01:00.0"
      message: >-
        0000:01:00.0 is in IOMMU group 14, which goes to a guest as a whole, with 0000:01:00.1 (10de:10f0, on
        snd_hda_intel)
      hint: "list these devices too, or take them with group: expand"
actions:
  description:
    - The commands that were run, or that are due (check mode, or O(initramfs=false)). C(rebind ADDRESS DRIVER) stands
      for a change through sysfs.
  returned: always
  type: list
  elements: dict
  contains:
    command:
      description: The command, word by word.
      type: list
      elements: str
    reason:
      description: Why.
      type: str
    rc:
      description: Its exit status; null where it was not run.
      type: int
  sample:
    - command: [update-initramfs, -u, -k, all]
      reason: /etc/modprobe.d/zz-pci-passthrough-vfio.conf changes and goes into the initramfs
      rc: 0
reboot_required:
  description: Whether what is in force differs from what is configured.
  returned: always
  type: bool
  sample: true
reboot_reasons:
  description: Why a reboot is required, each with a stable code.
  returned: always
  type: list
  elements: dict
  contains:
    code:
      description: V(device_not_bound) or V(device_still_bound).
      type: str
    message:
      description: One sentence.
      type: str
  sample:
    - code: device_not_bound
      message: 0000:01:00.0 is configured for vfio-pci but on nouveau
backup_file:
  description: The copy of the changed file as it was, or a list of copies.
  returned: changed and O(backup=true)
  type: raw
  sample: /etc/modprobe.d/zz-pci-passthrough-vfio.conf.1234.2026-01-31@12:00:00~
code:
  description:
    - Why the module refuses. The first error of RV(problems), or V(invalid_value), V(device_not_found),
      V(device_drifted), V(device_is_bridge), V(device_in_use), V(id_shared), V(driver_builtin), V(vfio_pci_builtin),
      V(method_unsupported), V(not_in_force), V(ids_too_long), V(path_not_read), V(path_masked), V(foreign_file) or
      V(not_executable).
  returned: on a refusal
  type: str
  sample: group_incomplete
msg:
  description: What is wrong, where, and what to do.
  returned: on failure
  type: str
  sample: "10de:1b81: no such device on this host; there are 0000:01:00.0 (10de:1b80), 0000:02:00.0 (8086:1533)"
"""
