# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation only: the module is a static binary. Its argument spec is made from this text."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grub_iommu
short_description: Kernel parameters for PCI passthrough on hosts that boot by GRUB
version_added: 0.1.0
description:
  - Puts the parameters that switch the IOMMU on into the kernel command line of a host that boots by GRUB,
    or takes them out, and refreshes and verifies the boot entries.
  - Works on the effective value, C(/etc/default/grub.d) drop-ins included. Edits the winning assignment token by
    token where it is a plain literal; otherwise adds a drop-in of its own that sorts last.
  - Where proxmox-boot-tool keeps GRUB on the ESPs of C(/etc/kernel/proxmox-boot-uuids), C(proxmox-boot-tool refresh) makes
    the entries, and those of each ESP are read back.
  - Where GRUB reads entry files (Fedora and the RHEL family, C(GRUB_ENABLE_BLSCFG=true)), the parameters go where
    C(grubby --update-kernel=ALL) puts them. That is every file in C(/boot/loader/entries), the rescue entry among them, or
    C(kernelopts) in C(grubenv) where the entries use that; and for kernels to come C(GRUB_CMDLINE_LINUX) and
    C(/etc/kernel/cmdline) where it exists and is not blank. These are all settings, so O(update=false) edits them too.
  - A C(/etc/kernel/cmdline) from which no entry would boot is refused there, as M(pci.passthrough.systemd_boot_iommu) does.
  - Entry files are edited without C(/etc/default/grub) too, where C(grub.cfg) has C(blscfg).
  - Every byte outside the touched tokens stays as it was.
  - Fails with nothing changed if the result would not be in force.
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
  variable:
    description:
      - The variable that carries the parameters.
      - Recovery entries get C(GRUB_CMDLINE_LINUX) alone, so the default keeps a rescue way in.
      - Where GRUB reads entry files it is C(GRUB_CMDLINE_LINUX) in each case, as with C(grubby).
    type: str
    choices: [GRUB_CMDLINE_LINUX_DEFAULT, GRUB_CMDLINE_LINUX]
    default: GRUB_CMDLINE_LINUX_DEFAULT
  path:
    description:
      - The main file of GRUB's settings.
    type: path
    default: /etc/default/grub
  update_command:
    description:
      - The command that generates the entries, as a list of words; there is no shell.
      - Without it, C(grub-mkconfig) or C(grub2-mkconfig) writes a new file beside C(grub.cfg), which replaces it only
        when the entries in it carry the parameters; with proxmox-boot-tool it is C(proxmox-boot-tool refresh).
      - Not used where GRUB reads entry files, which nothing generates.
    type: list
    elements: str
seealso:
  - module: pci.passthrough.systemd_boot_iommu
  - module: pci.passthrough.boot_refresh
  - module: pci.passthrough.iommu_facts
"""

EXAMPLES = r"""
- name: Switch the IOMMU on
  pci.passthrough.grub_iommu:

- name: Switch it on, with identity mapping for the host's own devices
  pci.passthrough.grub_iommu:
    vendor: intel
    passthrough_mode: true

- name: Take the parameters out again
  pci.passthrough.grub_iommu:
    state: absent
"""

RETURN = r"""
bootloader:
  description: The boot loader of the host (V(grub), V(systemd_boot), V(none) or V(unknown)).
  returned: success
  type: str
  sample: grub
cmdline:
  description:
    - The effective kernel command line of a normal entry, as the settings and their drop-ins amount to.
    - Where GRUB reads entry files, that of the first entry that is no recovery entry, variables expanded.
  returned: success
  type: dict
  contains:
    before:
      description: Before the run; null where the settings compute it with code.
      returned: success
      type: str
      sample: quiet
    after:
      description: After the run; null where the settings compute it with code.
      returned: success
      type: str
      sample: quiet intel_iommu=on
    computed:
      description: Where and why the value is not plain text.
      returned: success
      type: list
      elements: str
      sample: ["/etc/default/grub:12: a command works it out"]
added:
  description: Parameters that are new; where GRUB reads entry files, in any of the places that change.
  returned: success
  type: list
  elements: str
  sample: [intel_iommu=on]
removed:
  description: Parameters that are gone, replaced values among them; with entry files, from any of the places.
  returned: success
  type: list
  elements: str
  sample: [intel_iommu=off]
files:
  description: Files that change.
  returned: success
  type: list
  elements: str
  sample: [/etc/default/grub]
entries:
  description: Each non-recovery entry of an installed kernel, on each ESP where proxmox-boot-tool keeps them.
  returned: success
  type: list
  elements: dict
  contains:
    title:
      description: The title in the boot menu.
      returned: success
      type: str
      sample: Debian GNU/Linux
    kernel:
      description: The release of its kernel.
      returned: success
      type: str
      sample: 6.1.0-44-amd64
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
      sample: /boot/grub/grub.cfg
    esp:
      description: The UUID of its ESP where proxmox-boot-tool lists it; null elsewhere.
      returned: success
      type: str
      sample: null
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
      sample: [grub-mkconfig, -o, /boot/grub/.grub.cfg.pci-passthrough]
    reason:
      description: What is out of date.
      returned: always
      type: str
      sample: /etc/default/grub changes
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
  description: The copy of the changed file; a list where several files were copied.
  returned: changed and O(backup=true)
  type: raw
  sample: /etc/default/grub.4711.2026-11-23@02:30:00~
code:
  description:
    - Why the module refuses (V(wrong_boot_loader), V(boot_loader_unknown), V(esp_unreadable), V(kernelopts_missing),
      V(grubenv_unusable), V(bls_entry_not_in_force), V(kernel_cmdline_quoted), V(kernel_cmdline_open_quote),
      V(kernel_cmdline_comment), V(kernel_cmdline_no_root), V(vendor_unknown), V(no_settings), V(invalid_value), V(cmdline_too_long),
      V(grub_default_syntax), V(grub_default_exits), V(grub_default_entangled), V(grub_default_cut_off),
      V(grub_default_not_in_force)).
  returned: on a refusal
  type: str
  sample: wrong_boot_loader
msg:
  description: What is wrong, where, and what to do; or that the machine has no boot loader.
  returned: on failure, or without a boot loader
  type: str
  sample: "no boot loader on this machine (/.dockerenv exists): nothing to configure"
"""
