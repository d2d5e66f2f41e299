# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation only: the module is a static binary. Its argument spec is made from this text."""

from __future__ import annotations

DOCUMENTATION = r"""
module: driver_blacklist
short_description: Keep drivers from taking the devices that a guest is to have
version_added: 0.1.0
description:
  - Blacklists drivers in C(modprobe.d), or takes them off the blacklist, and rebuilds the initramfs, which holds
    a copy of these files.
  - What counts is the effective configuration, as modprobe itself puts it together from all its directories.
    A driver that another file blacklists already needs no line.
  - dracut takes C(/etc/modprobe.d) into host-only images alone. Where dracut builds the images, this module also
    writes C(/etc/dracut.conf.d/pci-passthrough-blacklist.conf), which takes it into each image, rescue images
    that are built later among them.
  - A blacklist binds no device to C(vfio-pci); it only keeps the driver from being loaded by itself.
  - Refuses for a driver that is built into a kernel, and for the one under the root disk, the default route or the
    only display. For a driver that is blacklisted already, the same finding is a warning.
author:
  - The pci.passthrough authors (@pci-passthrough)
extends_documentation_fragment:
  - pci.passthrough.host
  - pci.passthrough.host.backup
  - pci.passthrough.host.initramfs
  - pci.passthrough.host.force
  - pci.passthrough.host.attributes
options:
  drivers:
    description:
      - The drivers' names, each one module such as C(nouveau). C(-) and C(_) are equal.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(present) makes sure that the drivers are blacklisted.
      - V(absent) takes them out of O(path), whoever wrote them there. Lines in other files are left and reported as
        warnings.
    type: str
    choices: [present, absent]
    default: present
  path:
    description:
      - The file to write, a C(.conf) file in a directory that modprobe reads.
      - With O(state=absent) it is removed when nothing is left in it but what this module wrote.
    type: path
    default: /etc/modprobe.d/pci-passthrough-blacklist.conf
  block_explicit_load:
    description:
      - Also add C(install DRIVER /bin/false). A blacklist alone stops loading by device, not C(modprobe DRIVER) nor
        loading as a dependency of another module.
      - V(false) leaves existing C(install) lines alone.
    type: bool
    default: false
seealso:
  - module: pci.passthrough.vfio_modules
  - module: pci.passthrough.boot_refresh
  - name: modprobe.d(5)
    description: The manual page of modprobe's configuration files.
    link: https://man7.org/linux/man-pages/man5/modprobe.d.5.html
"""

EXAMPLES = r"""
- name: Keep the host's drivers off an NVIDIA card
  pci.passthrough.driver_blacklist:
    drivers:
      - nouveau
      - nvidia
      - nvidiafb

- name: Keep a driver out even when something asks for it by name
  pci.passthrough.driver_blacklist:
    drivers: [nouveau]
    block_explicit_load: true

- name: Give the drivers back
  pci.passthrough.driver_blacklist:
    drivers: [nouveau, nvidia, nvidiafb]
    state: absent
"""

RETURN = r"""
drivers:
  description: Each driver that the task is about.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The driver's name as the kernel spells it.
      type: str
    blacklisted_in:
      description:
        - The files that blacklist it, once the task is done; V(kernel command line) for C(modprobe.blacklist=) on the
          running kernel's command line.
      type: list
      elements: str
    install_blocked:
      description: Whether an C(install) line keeps it from being loaded by name.
      type: bool
    loaded:
      description: Whether it is in the running kernel; null where that cannot be known, as in another root.
      type: bool
    builtin:
      description: Whether it is built into an installed kernel.
      type: bool
    used_by:
      description: The addresses of the PCI devices that it drives now.
      type: list
      elements: str
  sample:
    - name: nouveau
      blacklisted_in: [/etc/modprobe.d/pci-passthrough-blacklist.conf]
      install_blocked: false
      loaded: true
      builtin: false
      used_by: ["0000:01:00.0"]
problems:
  description: What the guards found. An error without O(force) fails the task; the rest are warnings.
  returned: success, and when a guard refuses
  type: list
  elements: dict
  contains:
    code:
      description: V(driver_builtin), V(root_disk), V(default_route), V(only_display), V(swap) or V(mount).
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
    - code: root_disk
      severity: error
      device: "0000:00:17.0"
      message: ahci drives the disk that this host runs from (/ on sda2)
      hint: leave ahci alone and bind only the device to pass to vfio-pci, by its address
lint:
  description:
    - Mistakes in the modprobe.d files that count, lines that look right and do nothing, and files in
      C(/etc/modprobe.d) that modprobe passes over because of their names.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description:
        - 'One of V(blacklist_path), V(blacklist_pattern), V(blacklist_several), V(carriage_return),
          V(comment_continues), V(comment_in_options), V(file_not_read), V(line_ignored), V(options_as_on_cmdline),
          V(softdep_blank), V(softdep_empty), V(unknown_vfio_pci_option), V(vfio_pci_ids_address),
          V(vfio_pci_ids_blank), V(vfio_pci_ids_malformed), V(vfio_pci_ids_overridden), V(vfio_pci_option_blank).'
      type: str
    file:
      description: The file.
      type: str
    line:
      description: The line, counted from 1.
      type: int
    message:
      description: What is wrong.
      type: str
    hint:
      description: What to do.
      type: str
  sample:
    - code: unknown_vfio_pci_option
      file: /etc/modprobe.d/vfio.conf
      line: 2
      message: "vfio-pci has no option `diable_vga`: the kernel ignores it"
      hint: did you mean `disable_vga`?
actions:
  description: The commands that were run, or that are due (check mode, or O(initramfs=false)).
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
      reason: /etc/modprobe.d/pci-passthrough-blacklist.conf changes and goes into the initramfs
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
      description: V(driver_loaded).
      type: str
    message:
      description: One sentence.
      type: str
  sample:
    - code: driver_loaded
      message: nouveau is blacklisted but still loaded, on 0000:01:00.0
backup_file:
  description: The copy of the file as it was.
  returned: changed and O(backup=true)
  type: str
  sample: /etc/modprobe.d/pci-passthrough-blacklist.conf.1234.2026-01-31@12:00:00~
code:
  description:
    - Why the module refuses (V(invalid_value), V(path_not_read), V(path_masked), V(not_in_force)), or the first error
      of RV(problems).
  returned: on a refusal
  type: str
  sample: root_disk
msg:
  description: What is wrong, where, and what to do.
  returned: on failure
  type: str
  sample: "ahci drives the disk that this host runs from (/ on sda2) (root_disk); leave ahci alone"
"""
