# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation only: the module is a static binary. Its argument spec is made from this text."""

from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_boot_iommu
short_description: Kernel parameters for PCI passthrough on hosts that boot by systemd-boot
version_added: 0.1.0
description:
  - Puts the parameters that switch the IOMMU on into C(/etc/kernel/cmdline) of a host that boots by systemd-boot,
    or takes them out, makes the boot entries anew and reads each of them back, on every ESP.
  - Proxmox VE on EFI and ZFS without Secure Boot boots so. There C(proxmox-boot-tool refresh) brings the command line to
    every ESP of C(/etc/kernel/proxmox-boot-uuids); elsewhere C(kernel-install) writes the entries.
  - Every byte outside the touched tokens stays as it was.
  - Where there is no C(/etc/kernel/cmdline), the one that is made starts from what C(kernel-install) or
    C(proxmox-boot-tool) would take instead, C(/usr/lib/kernel/cmdline) or the command line in force. It stays there,
    without the parameters, after O(state=absent).
  - Refuses to edit a file from which no entry would boot - several parameters in quotes, comments, no C(root=) - and
    says how to mend it. With O(state=absent) and nothing to take out, it is left alone with a warning.
  - Refuses, in check mode too, where an entry that is not as wanted was written by hand, for neither C(kernel-install)
    nor C(proxmox-boot-tool) would change it; their files have the kernel's release in the name. With O(update=false) the
    file is edited all the same, and with O(update_command) it is for the command to see to it.
  - If the entries do not carry the parameters in the end, the file and the entries are brought back, and the
    module fails.
author:
  - The pci.passthrough authors (@pci-passthrough)
extends_documentation_fragment:
  - pci.passthrough.host
  - pci.passthrough.host.backup
  - pci.passthrough.host.update
  - pci.passthrough.host.force
  - pci.passthrough.host.kernel_parameters
  - pci.passthrough.host.attributes
options:
  path:
    description:
      - The file with the kernel command line.
    type: path
    default: /etc/kernel/cmdline
  update_command:
    description:
      - The command that makes the entries, as a list of words; there is no shell. It must be one that brings the
        old entries back when it runs again with the old file.
      - Without it, C(proxmox-boot-tool refresh) where that tool lists an ESP, else C(reinstall-kernels) where it is
        installed, else C(mkinitcpio -P) where every entry is a unified kernel image and that is installed, else
        C(kernel-install add) for each kernel that has an entry.
    type: list
    elements: str
seealso:
  - module: pci.passthrough.grub_iommu
  - module: pci.passthrough.boot_refresh
  - module: pci.passthrough.iommu_facts
"""

EXAMPLES = r"""
- name: Switch the IOMMU on
  pci.passthrough.systemd_boot_iommu:

- name: Switch it on, with identity mapping for the host's own devices
  pci.passthrough.systemd_boot_iommu:
    vendor: intel
    passthrough_mode: true

- name: Change the file now, make the entries later
  pci.passthrough.systemd_boot_iommu:
    update: false

- name: Take the parameters out again
  pci.passthrough.systemd_boot_iommu:
    state: absent
"""

RETURN = r"""
bootloader:
  description: The boot loader of the host (V(grub), V(systemd_boot), V(none) or V(unknown)).
  returned: success
  type: str
  sample: systemd_boot
cmdline:
  description: The command line that the entries are made from.
  returned: success
  type: dict
  contains:
    before:
      description: Before the run; null where nothing tells it.
      returned: success
      type: str
      sample: root=ZFS=rpool/ROOT/pve-1 boot=zfs
    after:
      description: After the run.
      returned: success
      type: str
      sample: root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on
    computed:
      description: Always empty; the module for GRUB tells here where code computes the value.
      returned: success
      type: list
      elements: str
      sample: []
    source:
      description: The file that RV(cmdline.before) is from, C(/proc/cmdline) where there was none; null where nothing tells it.
      returned: success
      type: str
      sample: /etc/kernel/cmdline
added:
  description: Parameters that are new.
  returned: success
  type: list
  elements: str
  sample: [intel_iommu=on]
removed:
  description: Parameters that are gone, replaced values among them.
  returned: success
  type: list
  elements: str
  sample: [intel_iommu=off]
files:
  description: Files that change, entries left out.
  returned: success
  type: list
  elements: str
  sample: [/etc/kernel/cmdline]
entries:
  description: Each entry of an installed kernel on each ESP, unified kernel images among them, recovery left out.
  returned: success
  type: list
  elements: dict
  contains:
    title:
      description: The title in the boot menu.
      returned: success
      type: str
      sample: Proxmox Virtual Environment
    kernel:
      description: The release of its kernel.
      returned: success
      type: str
      sample: 6.8.12-4-pve
    carries:
      description: Whether it carries all that is wanted and nothing that is not.
      returned: success
      type: bool
      sample: true
    missing:
      description: Wanted parameters that are not in force in it.
      returned: success
      type: list
      elements: str
      sample: []
    unwanted:
      description: Parameters that it should not carry.
      returned: success
      type: list
      elements: str
      sample: []
    file:
      description: The file that holds it; on an ESP that is not mounted, its UUID comes first.
      returned: success
      type: str
      sample: "1A2B-3C4D:/loader/entries/proxmox-6.8.12-4-pve.conf"
    esp:
      description: The UUID of its ESP where proxmox-boot-tool lists it; null elsewhere.
      returned: success
      type: str
      sample: 1A2B-3C4D
actions:
  description: The commands that were run, or that are due (check mode, or switched off by an option).
  returned: always
  type: list
  elements: dict
  contains:
    command:
      description: The command, word by word.
      returned: always
      type: list
      elements: str
      sample: [proxmox-boot-tool, refresh]
    reason:
      description: What is out of date.
      returned: always
      type: str
      sample: /etc/kernel/cmdline changes
    rc:
      description: Its exit status; null where it was not run.
      returned: always
      type: int
      sample: 0
reboot_required:
  description: Whether the command line in force differs from the configured one.
  returned: success
  type: bool
  sample: true
reboot_reasons:
  description: Why a reboot is required.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: A stable code, V(parameter_not_in_force) or V(parameter_still_in_force).
      returned: success
      type: str
      sample: parameter_not_in_force
    message:
      description: One sentence.
      returned: success
      type: str
      sample: intel_iommu=on is configured, but not on the command line in force
backup_file:
  description: The copy of the changed file.
  returned: changed and O(backup=true)
  type: raw
  sample: /etc/kernel/cmdline.4711.2026-11-23@02:30:00~
code:
  description:
    - Why the module refuses (V(wrong_boot_loader), V(boot_loader_unknown), V(kernel_cmdline_quoted),
      V(kernel_cmdline_open_quote), V(kernel_cmdline_comment), V(kernel_cmdline_second_line),
      V(kernel_cmdline_no_root), V(entry_by_hand), V(esp_not_mounted), V(esp_unreadable), V(vendor_unknown), V(no_settings), V(no_kernel),
      V(invalid_value), V(cmdline_too_long)).
  returned: on a refusal
  type: str
  sample: kernel_cmdline_quoted
msg:
  description: What is wrong, where, and what to do; or that the machine has no boot loader.
  returned: on failure, or without a boot loader
  type: str
  sample: >-
    /etc/kernel/cmdline:1: several parameters stand in one pair of quotes, which the kernel takes for a single parameter;
    take the quotes out
"""
