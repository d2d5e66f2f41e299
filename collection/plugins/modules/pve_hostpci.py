# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation only: the module is a static binary. Its argument spec is made from this text."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pve_hostpci
short_description: Give a host's PCI device to a Proxmox VE machine
version_added: 0.1.0
description:
  - Sets or takes out a C(hostpciN) entry of a virtual machine of this Proxmox VE node.
  - On a node it works through C(qm set), which locks and checks; what C(qm) says on failure is in RV(msg), whole.
    On a tree (O(root)), and where there is no C(qm), it edits that one line of C(/etc/pve/qemu-server/VMID.conf); in a
    copy of the cluster's files without that folder, of C(/etc/pve/nodes/NODE/qemu-server/VMID.conf), where NODE is the
    tree's host name, or the only node where the tree has none. The description, snapshots and pending changes stay
    as they are.
  - An entry that means the same already is left, whatever the order of its sub-options, with or without C(host=) and
    the domain, and with defaults written out or not.
  - A machine that runs takes a change up when it is shut down and started again; RV(pending) says so.
  - Refuses what would keep the machine from starting, a device that another running machine holds, and a device
    whose IOMMU group has the root disk, the default route or the only display. For an entry that is there already
    the same finding is a warning.
  - A device that another machine has which does not run now is a warning only; two machines often share a device by
    turns. Machines on other nodes of the cluster use other devices and are not looked at.
  - The diff shows the file as C(qm) writes it, with sorted keys. In a file edited by hand, C(qm) may also spell other
    keys' values anew (V(yes) becomes V(1)), which the diff does not foresee.
author:
  - The pci.passthrough authors (@pci-passthrough)
extends_documentation_fragment:
  - pci.passthrough.host
  - pci.passthrough.host.backup
  - pci.passthrough.host.force
  - pci.passthrough.host.attributes
options:
  vmid:
    description:
      - The machine's number.
    type: int
    required: true
  state:
    description:
      - V(present) makes sure that the machine has the device.
      - V(absent) takes out the entry that is O(index), or that has exactly the device given by O(host) or O(mapping),
        whoever wrote it. A machine that is not there is a warning.
    type: str
    choices: [present, absent]
    default: present
  index:
    description:
      - The number of the entry, from 0 to 15. With another device in it, that device is replaced.
      - Without it, the entry that has this device, else the first free one. One that a pending change takes away is not
        free yet.
    type: int
  host:
    description:
      - The device's addresses, such as C(0000:01:00.0), or C(0000:01:00) for all functions of a device. Several become
        the functions of one device in the machine.
      - Put an address without a domain in quotes; YAML takes C(01:00) for a number.
      - One of O(host) and O(mapping) is needed with O(state=present).
    type: list
    elements: str
  mapping:
    description:
      - The name of a mapping of the cluster, instead of O(host). It must have a device on this node.
    type: str
  pcie:
    description:
      - Put the device on the machine's PCI Express bus, which needs the machine type q35.
      - This and the following options leave an existing entry of the same device as it is where they are not given.
    type: bool
  x_vga:
    description:
      - Make the device the machine's primary GPU.
    type: bool
  rombar:
    description:
      - Show the device's ROM to the guest, as Proxmox VE does unless told otherwise.
    type: bool
  romfile:
    description:
      - A file below C(/usr/share/kvm) to show as the device's ROM. An empty string takes the setting out.
    type: str
  legacy_igd:
    description:
      - Pass an Intel GPU at 00:02.0 in legacy mode, which needs a machine type other than q35 and C(vga=none).
    type: bool
  mdev:
    description:
      - The type of mediated device to make for the machine, such as V(i915-GVTg_V5_4). The device itself stays with
        its driver. An empty string takes the setting out.
    type: str
  driver:
    description:
      - V(vfio) binds the device to vfio-pci at the machine's start, as Proxmox VE does unless told otherwise.
      - V(keep) leaves it on the driver it has and resets nothing. Needs a Proxmox VE that knows this setting.
    type: str
    choices: [vfio, keep]
  vendor_id:
    description:
      - The vendor that the guest sees, C(0x) and four hexadecimal digits in quotes. An empty string takes the setting
        out, here and in the next three options.
    type: str
  device_id:
    description:
      - The device that the guest sees.
    type: str
  sub_vendor_id:
    description:
      - The subsystem vendor that the guest sees.
    type: str
  sub_device_id:
    description:
      - The subsystem device that the guest sees.
    type: str
  onboot:
    description:
      - V(keep) leaves the machine's start at boot as it is, with a warning where it is on.
      - V(off) switches it off. A device that takes the host down would do so at every boot.
      - Heeded with O(state=present) only.
    type: str
    choices: [keep, "off"]
    default: keep
seealso:
  - module: pci.passthrough.iommu_facts
  - name: PCI(e) Passthrough
    description: The chapter in Proxmox VE's administration guide.
    link: https://pve.proxmox.com/pve-docs/chapter-qm.html#qm_pci_passthrough
"""

EXAMPLES = r"""
- name: Give a graphics card with all its functions to machine 100
  pci.passthrough.pve_hostpci:
    vmid: 100
    host: "0000:01:00"
    pcie: true
    x_vga: true
    onboot: "off"

- name: Give two functions as one device, with a ROM file
  pci.passthrough.pve_hostpci:
    vmid: 101
    index: 1
    host: ["0000:41:00.0", "0000:41:00.1"]
    romfile: card.rom

- name: Use a mapping of the cluster
  pci.passthrough.pve_hostpci:
    vmid: 102
    mapping: fast-nic

- name: Take the card out again
  pci.passthrough.pve_hostpci:
    vmid: 100
    host: "0000:01:00"
    state: absent

- name: Take out whatever is hostpci0
  pci.passthrough.pve_hostpci:
    vmid: 100
    index: 0
    state: absent
"""

RETURN = r"""
vmid:
  description: The machine's number.
  returned: success
  type: int
  sample: 100
index:
  description: The entry's number; null where there was nothing to take out.
  returned: success
  type: int
  sample: 0
key:
  description: The entry's key in the machine's configuration, or null.
  returned: success
  type: str
  sample: hostpci0
value:
  description: The entry as it is once the task is done and the machine has started anew; null where it is taken out.
  returned: success
  type: str
  sample: 0000:01:00,pcie=1,x-vga=1
before:
  description: The entry as it was, pending changes included; null where there was none.
  returned: success
  type: str
  sample: 0000:01:00
running:
  description: Whether the machine runs.
  returned: success
  type: bool
  sample: true
pending:
  description: Whether the machine runs and takes the entry up only when it is shut down and started again.
  returned: success
  type: bool
  sample: true
onboot:
  description: Whether the machine starts at boot once the task is done; null where there is no such machine.
  returned: success
  type: bool
  sample: false
problems:
  description: What was found. An error without O(force) fails the task; the rest are warnings.
  returned: success, and when a guard refuses
  type: list
  elements: dict
  contains:
    code:
      description:
        - Errors are V(device_not_found), V(device_is_bridge), V(mapping_not_found), V(pcie_needs_q35), V(legacy_igd),
          V(mdev_functions), V(romfile_missing) (a warning where there is no C(/usr/share/kvm)), V(device_in_other_vm)
          (a warning where that machine does not run), V(root_disk), V(default_route), V(only_display) and
          V(sriov_active).
        - Warnings are V(onboot_enabled), V(x_vga_twice), V(swap) and V(mount).
      type: str
    severity:
      description: V(error) or V(warning).
      type: str
    device:
      description: The PCI address it is about, or null.
      type: str
    message:
      description: What is the matter.
      type: str
    hint:
      description: What to do about it.
      type: str
  sample:
    - code: pcie_needs_q35
      severity: error
      device: "0000:01:00"
      message: pcie needs the machine type q35, which machine 100 does not have
      hint: use qm set 100 --machine q35 (a guest may need new drivers), or leave pcie out
actions:
  description: The command that was run, or that is due in check mode.
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
    - command: [qm, set, "100", --hostpci0, "0000:01:00,pcie=1"]
      reason: hostpci0 changes
      rc: 0
reboot_required:
  description: Always false; a machine's configuration needs no reboot of the host.
  returned: always
  type: bool
  sample: false
reboot_reasons:
  description: Always empty.
  returned: always
  type: list
  elements: dict
  sample: []
backup_file:
  description:
    - The copy of the machine's configuration as it was. On a node it lies in C(/var/lib/pci-passthrough), because
      Proxmox VE's cluster file system is left to C(qm).
  returned: changed and O(backup=true)
  type: str
  sample: /var/lib/pci-passthrough/100.conf.1234.2026-01-31@12:00:00~
code:
  description:
    - Why the module refuses (V(invalid_value), V(vm_not_found), V(vm_locked), V(no_free_index), V(device_twice),
      V(pending_conflict)), whatever O(force) says, or the first error of RV(problems).
  returned: on a refusal
  type: str
  sample: pcie_needs_q35
msg:
  description: What is wrong, where, and what to do; what C(qm) said, where it failed.
  returned: on failure
  type: str
  sample: "/etc/pve/qemu-server/999.conf: no such file, so there is no machine 999 on this node; create it first, or give another vmid"
"""
