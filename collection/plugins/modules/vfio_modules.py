# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation only: the module is a static binary. Its argument spec is made from this text."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vfio_modules
short_description: Kernel modules for PCI passthrough, loaded at boot
version_added: 0.1.0
description:
  - Lists the VFIO modules among those that are loaded at boot, or takes them off the list.
  - A module that any file read at boot lists already counts as listed, whichever of the C(modules-load.d)
    directories the file lies in.
  - Rebuilds the initramfs only where its generator copies C(modules-load.d) into it, as dracut does.
author:
  - The pci.passthrough authors (@pci-passthrough)
extends_documentation_fragment:
  - pci.passthrough.host
  - pci.passthrough.host.backup
  - pci.passthrough.host.initramfs
  - pci.passthrough.host.attributes
options:
  state:
    description:
      - V(present) makes sure that the modules are loaded at boot.
      - V(absent) takes them off every list under C(/etc), whoever wrote it. Lists elsewhere are left and
        reported as warnings.
    type: str
    choices: [present, absent]
    default: present
  modules:
    description:
      - The modules' names. C(-) and C(_) are equal.
      - Without it, C(vfio), C(vfio_iommu_type1) and C(vfio_pci), each unless no installed kernel has it, and
        C(vfio_virqfd) where every installed kernel has it; it is a part of C(vfio) since Linux 6.2.
        With O(state=absent), all four.
    type: list
    elements: str
  path:
    description:
      - The file to list them in, C(/etc/modules) or a C(.conf) file in a C(modules-load.d) directory.
      - Without it, C(/etc/modules) where that exists and is read at boot, else C(/etc/modules-load.d/vfio.conf).
    type: path
  load:
    description:
      - Also load them now, with C(modprobe).
    type: bool
    default: false
seealso:
  - module: pci.passthrough.driver_blacklist
  - module: pci.passthrough.boot_refresh
"""

EXAMPLES = r"""
- name: Load the VFIO modules at boot
  pci.passthrough.vfio_modules:

- name: Load them at boot and now, listed in a file of their own
  pci.passthrough.vfio_modules:
    path: /etc/modules-load.d/vfio.conf
    load: true

- name: Take them off the lists again
  pci.passthrough.vfio_modules:
    state: absent
"""

RETURN = r"""
modules:
  description: Each module that the task is about.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The module's name.
      type: str
    configured_in:
      description:
        - The files that list it, once the task is done; V(kernel command line) for C(modules_load=) on the running
          kernel's command line.
      type: list
      elements: str
    loaded:
      description: Whether it is in the running kernel; null where that cannot be known, as in another root.
      type: bool
    available:
      description: Whether every installed kernel has it, to load or built in; null where no kernel is known.
      type: bool
    builtin:
      description: Whether it is built into an installed kernel.
      type: bool
    kernels:
      description: For each installed kernel, V(loadable), V(builtin) or V(missing).
      type: dict
  sample:
    - name: vfio_pci
      configured_in: [/etc/modules]
      loaded: true
      available: true
      builtin: false
      kernels:
        6.8.12-4-pve: loadable
path:
  description: The file that the module writes to.
  returned: success
  type: str
  sample: /etc/modules
lint:
  description: Mistakes in the lists that are read at boot.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: A stable code, V(module_arguments) or V(module_not_available).
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
    - code: module_arguments
      file: /etc/modules
      line: 7
      message: systemd takes the whole line `vfio_pci ids=10de:1b80` for a name and loads nothing
      hint: "write `vfio_pci` alone, and its options into a modprobe.d file: options vfio_pci ..."
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
    - command: [modprobe, vfio_pci]
      reason: vfio_pci is not loaded
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
      description: V(module_not_loaded).
      type: str
    message:
      description: One sentence.
      type: str
  sample:
    - code: module_not_loaded
      message: vfio_pci is configured but not loaded
backup_file:
  description: The copy of the file as it was; a list where several files changed.
  returned: changed and O(backup=true)
  type: str
  sample: /etc/modules.1234.2026-01-31@12:00:00~
code:
  description:
    - Why the module refuses (V(invalid_value), V(path_not_read), V(path_masked), V(not_live), V(not_loadable)).
  returned: on a refusal
  type: str
  sample: path_not_read
msg:
  description: What is wrong, where, and what to do.
  returned: on failure
  type: str
  sample: "option path: /etc/modprobe.d/x.conf: systemd reads no lists of modules there; leave it out"
"""
