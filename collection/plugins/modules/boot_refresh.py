# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation only: the module is a static binary. Its argument spec is made from this text."""

from __future__ import annotations

DOCUMENTATION = r"""
module: boot_refresh
short_description: Bring boot entries and initramfs up to date if they are due
version_added: 0.1.0
description:
  - Generates the boot loader's entries anew and rebuilds the initramfs, each only if it is out of date, and
    verifies the result.
  - Run it once after the other modules of this collection, which then run with O(ignore:update=false) and
    O(ignore:initramfs=false), so that the price is paid once.
  - Boot entries are due when they differ from the configured kernel parameters. They are made anew by C(grub-mkconfig),
    by C(proxmox-boot-tool refresh) where that tool lists an ESP, by C(reinstall-kernels) or C(kernel-install) with
    systemd-boot, and read back, on every ESP.
  - Where GRUB reads entry files (Fedora and the RHEL family, C(GRUB_ENABLE_BLSCFG=true)) nothing generates them, and they
    may differ from C(/etc/default/grub) on purpose. There only the parameters about the IOMMU and VFIO are brought into
    the files, or out of them.
  - The initramfs is due when the files that it copies have changed since it was built.
  - Also finishes what an interrupted run left undone.
author:
  - The pci.passthrough authors (@pci-passthrough)
extends_documentation_fragment:
  - pci.passthrough.host
  - pci.passthrough.host.update
  - pci.passthrough.host.initramfs
  - pci.passthrough.host.attributes
seealso:
  - module: pci.passthrough.grub_iommu
  - module: pci.passthrough.systemd_boot_iommu
  - module: pci.passthrough.vfio_modules
  - module: pci.passthrough.driver_blacklist
"""

EXAMPLES = r"""
- name: Switch the IOMMU on, entries later
  pci.passthrough.grub_iommu:
    update: false

- name: Block the graphics driver, initramfs later
  pci.passthrough.driver_blacklist:
    drivers: [nouveau]
    initramfs: false

- name: Bring boot entries and initramfs up to date, once
  pci.passthrough.boot_refresh:
"""

RETURN = r"""
bootloader:
  description: The boot loader of the host (V(grub), V(systemd_boot), V(none) or V(unknown)).
  returned: success
  type: str
  sample: grub
boot_entries:
  description: The boot entries.
  returned: success
  type: dict
  contains:
    stale:
      description: Why they differ from what is configured; null where they do not.
      returned: success
      type: str
      sample: null
initramfs_images:
  description: The initramfs images of the installed kernels.
  returned: success
  type: dict
  contains:
    stale:
      description: Why they are out of date; null where they are not.
      returned: success
      type: str
      sample: null
    images:
      description: Their paths.
      returned: success
      type: list
      elements: str
      sample: [/boot/initrd.img-6.1.0-44-amd64]
actions:
  description: The commands that were run, or that are due (check mode, or switched off by an option).
  returned: always
  type: list
  elements: dict
  contains:
    command:
      description: The command, word by word.
      type: list
      elements: str
    reason:
      description: What is out of date.
      type: str
    rc:
      description: Its exit status; null where it was not run.
      type: int
  sample:
    - command: [update-initramfs, -u, -k, all]
      reason: /etc/modprobe.d/pci-passthrough-blacklist.conf is newer than the initramfs
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
  sample:
    - code: parameter_not_in_force
      message: intel_iommu=on is configured but not on the running kernel's command line
code:
  description:
    - Why the module refuses (V(esp_unreadable), V(esp_not_mounted), V(kernel_cmdline_quoted), V(kernel_cmdline_open_quote),
      V(kernel_cmdline_comment), V(kernel_cmdline_second_line), V(kernel_cmdline_no_root), V(kernelopts_missing),
      V(grubenv_unusable), V(grub_default_syntax), V(grub_default_exits)).
  returned: on a refusal
  type: str
  sample: esp_unreadable
msg:
  description: What is wrong, where, and what to do.
  returned: on failure
  type: str
  sample: >-
    /etc/kernel/cmdline:1: several parameters stand in one pair of quotes, which the kernel takes for a single parameter;
    take the quotes out
"""
