# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and attributes that several modules share. The build script reads them too."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared options, one constant per group."""

    # root: every module has it.
    DOCUMENTATION = r"""
options:
  root:
    description:
      - Work on the tree below this directory instead of the running system, as image builders do.
      - Paths and symbolic links resolve inside it and never lead out.
      - C(/proc) and C(/sys) of the tree count only if they are real files there; a mounted procfs or
        sysfs, which would show the builder's hardware, is ignored.
      - Commands run chrooted into it. Live actions, such as loading a module, are refused.
    type: path
    default: /
"""

    BACKUP = r"""
options:
  backup:
    description:
      - Keep a copy of each changed file beside it, named with the time, as other Ansible modules do.
    type: bool
    default: false
"""

    UPDATE = r"""
options:
  update:
    description:
      - Generate the boot loader's entries anew when they are out of date, and verify them.
      - With V(false) the run says in RV(ignore:actions) that this is due; M(pci.passthrough.boot_refresh) does it later.
    type: bool
    default: true
"""

    INITRAMFS = r"""
options:
  initramfs:
    description:
      - Rebuild the initramfs of every installed kernel when it is out of date.
      - With V(false) the run says in RV(ignore:actions) that this is due; M(pci.passthrough.boot_refresh) does it later.
    type: bool
    default: true
"""

    FORCE = r"""
options:
  force:
    description:
      - Go past a guard that refuses; its finding becomes a warning.
    type: bool
    default: false
"""

    # What the modules for each boot loader share.
    KERNEL_PARAMETERS = r"""
options:
  state:
    description:
      - V(present) puts the parameters in force, V(absent) makes sure that they are not there, whoever wrote them.
      - A contrary value that V(present) replaced, such as C(intel_iommu=off), is not brought back by V(absent).
    type: str
    choices: [present, absent]
    default: present
  vendor:
    description:
      - Whose IOMMU the host has. V(auto) reads C(/proc/cpuinfo).
    type: str
    choices: [auto, intel, amd, arm]
    default: auto
  enable_parameter:
    description:
      - Whether to add the parameter that enables the IOMMU (C(intel_iommu=on), C(amd_iommu=on); Arm has none).
      - V(when_needed) adds it only where an installed kernel does not switch the IOMMU on by itself, as its
        C(/boot/config-*) tells.
      - Values that switch the IOMMU off, such as C(intel_iommu=off) or C(iommu=off), are removed in each case.
    type: str
    choices: [always, when_needed, never]
    default: always
  passthrough_mode:
    description:
      - Add C(iommu=pt), which lets the host's own devices bypass translation.
    type: bool
    default: false
  parameters:
    description:
      - More kernel parameters to put in force, each one token such as C(pcie_acs_override=downstream).
    type: list
    elements: str
    default: []
  remove:
    description:
      - Kernel parameters to take out, each a whole token or a key (C(quiet), C(video=efifb:off), C(video)).
    type: list
    elements: str
    default: []
"""

    ATTRIBUTES = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check mode) when in diff mode.
    support: full
  platform:
    description: Target OS families that can be operated against.
    platforms: linux
    support: full
"""
