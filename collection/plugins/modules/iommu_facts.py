# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation only: the module is a static binary. Its argument spec is made from this text."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iommu_facts
short_description: Facts about IOMMU, PCI devices and what stands between them and a guest
version_added: 0.1.0
description:
  - Returns RV(ansible_facts.pci_passthrough), which tells what the host is, what its IOMMU groups and PCI devices
    are, what the host itself uses them for, and whether it is ready to pass devices to guests.
  - Reads only. What only root may read is null for other users.
  - The verdict goes by what the kernel shows, IOMMU units and groups, never by processor flags or log lines.
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
  facts:
    description: Action returns an C(ansible_facts) dictionary that will update existing host facts.
    support: full
  platform:
    description: Target OS families that can be operated against.
    platforms: linux
    support: full
options:
  gather_subset:
    description:
      - The parts to gather, V(all) or some of V(bootloader), V(cpu), V(devices), V(firmware), V(groups), V(iommu),
        V(kernel), V(verdict), V(vfio).
      - V(min) stands for everything but V(devices), V(groups) and V(vfio). It is always gathered, unless V(!min)
        is given.
      - A V(!) before a name leaves that part out. V(!all) leaves the minimum only.
    type: list
    elements: str
    default: [all]
  filter:
    description:
      - Return only those parts whose names match one of these shell-style wildcards.
      - Without any, everything that was gathered is returned.
    type: list
    elements: str
    default: []
seealso:
  - module: pci.passthrough.grub_iommu
  - module: pci.passthrough.driver_blacklist
  - module: ansible.builtin.setup
"""

EXAMPLES = r"""
- name: Learn all about passthrough on this host
  pci.passthrough.iommu_facts:

- name: Stop where the IOMMU is not on
  ansible.builtin.assert:
    that: ansible_facts.pci_passthrough.verdict.state == 'ready'
    fail_msg: "{{ ansible_facts.pci_passthrough.verdict.reasons | map(attribute='message') | join('; ') }}"

- name: Only the verdict and what it is concluded from
  pci.passthrough.iommu_facts:
    gather_subset: [min]

- name: Only the devices, quickly
  pci.passthrough.iommu_facts:
    gather_subset: ['!all', '!min', devices]

- name: The addresses of all NVIDIA devices that the host does not use
  ansible.builtin.debug:
    msg: >-
      {{ ansible_facts.pci_passthrough.devices | selectattr('id', 'match', '10de:')
         | selectattr('uses', 'equalto', []) | map(attribute='address') }}
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to the host's.
  returned: always
  type: dict
  contains:
    pci_passthrough:
      description: What was gathered. A part that was not gathered, or that O(filter) leaves out, is not there.
      returned: always
      type: dict
      contains:
        cpu:
          description: The processor; null where C(/proc/cpuinfo) is missing.
          returned: success
          type: dict
          contains:
            vendor:
              description: V(intel), V(amd) or V(arm), by the IOMMU that comes with it; null for others.
              type: str
              sample: intel
            vendor_id:
              description: The processor's own word.
              type: str
              sample: GenuineIntel
            model:
              description: Its model name.
              type: str
              sample: 12th Gen Intel(R) Core(TM) i5-12500
            virtualization:
              description: The flag V(vmx) or V(svm); null without. It says nothing about the IOMMU.
              type: str
              sample: vmx
            virtual_machine:
              description: Whether the processor is a virtual machine's.
              type: bool
              sample: false
        firmware:
          description: What the firmware announces.
          returned: success
          type: dict
          contains:
            dmar:
              description: Whether the ACPI table of Intel's VT-d is there; null where no table can be seen.
              type: bool
              sample: true
            ivrs:
              description: Whether the ACPI table of AMD-Vi is there; null where no table can be seen.
              type: bool
              sample: false
            iort:
              description: Whether the ACPI table of Arm's SMMU is there; null where no table can be seen.
              type: bool
              sample: false
            efi:
              description: Whether the host booted by EFI; null where that cannot be told.
              type: bool
              sample: true
            secure_boot:
              description: Whether Secure Boot is on; null where that cannot be told.
              type: bool
              sample: false
        bootloader:
          description: Which boot loader decides the kernel command line; null where its files may not be read.
          returned: success
          type: dict
          contains:
            kind:
              description: V(grub), V(systemd_boot), V(none) (a container, a kernel started from outside) or V(unknown).
              type: str
              sample: grub
            proxmox_boot_tool:
              description: Whether proxmox-boot-tool copies the kernels to EFI system partitions.
              type: bool
              sample: false
            evidence:
              description: What this was concluded from.
              type: list
              elements: str
              sample: [/boot/grub/grub.cfg exists, /sys/firmware/efi exists]
        kernel:
          description: The kernels and the command line.
          returned: success
          type: dict
          contains:
            release:
              description: The running kernel's release; null in a tree that is not running.
              type: str
              sample: 6.5.13-1-pve
            installed:
              description: The installed kernels; null where C(/boot) may not be read.
              type: list
              elements: dict
              contains:
                release:
                  description: Its release.
                  type: str
                  sample: 6.5.13-1-pve
                image:
                  description: The path of its image.
                  type: str
                  sample: /boot/vmlinuz-6.5.13-1-pve
                initrd:
                  description: The path of its initramfs; null without.
                  type: str
                  sample: /boot/initrd.img-6.5.13-1-pve
                default_on:
                  description: As RV(ansible_facts.pci_passthrough.kernel.default_on), for this kernel.
                  type: str
                  sample: 'off'
            default_on:
              description:
                - Whether the running kernel switches the IOMMU on without a parameter. V(on), V(on_except_igpu)
                  (not for Intel's integrated graphics) or V(off); null where its config is not there.
              type: str
              sample: 'off'
            cmdline:
              description: The command line in force; null in a tree that is not running.
              type: str
              sample: BOOT_IMAGE=/boot/vmlinuz-6.5.13-1-pve root=/dev/mapper/pve-root ro quiet
            parameters:
              description:
                - The same as a dictionary. A parameter without a value is V(true), the values of one that is there
                  more than once are a list.
              type: dict
              sample: {root: /dev/mapper/pve-root, quiet: true}
        iommu:
          description: What the kernel shows of the IOMMU.
          returned: success
          type: dict
          contains:
            active:
              description: Whether there are IOMMU units and groups; null in a tree without sysfs.
              type: bool
              sample: true
            driver:
              description: V(intel-iommu), V(amd-iommu), V(arm-smmu) or V(other); null without a unit.
              type: str
              sample: intel-iommu
            units:
              description: The names in C(/sys/class/iommu).
              type: list
              elements: str
              sample: [dmar0, dmar1]
            interrupt_remapping:
              description: Whether interrupts go through the IOMMU; null where that cannot be told.
              type: bool
              sample: true
            mode:
              description:
                - V(pt) where most groups have the host's own addresses (C(iommu=pt)), V(translated) where they do
                  not; null without groups.
              type: str
              sample: translated
            log:
              description: The kernel log's lines about the IOMMU, for people to read; null where it may not be read.
              type: list
              elements: str
              sample: ['DMAR: IOMMU enabled']
        groups:
          description: The IOMMU groups by number. A group is passed to a guest as a whole.
          returned: success
          type: list
          elements: dict
          contains:
            id:
              description: Its number.
              type: int
              sample: 14
            type:
              description: The type of its default domain, as the kernel calls it.
              type: str
              sample: DMA-FQ
            devices:
              description: Its devices, PCI addresses as a rule.
              type: list
              elements: str
              sample: ['0000:01:00.0', '0000:01:00.1']
            reserved_regions:
              description: Address ranges that a guest cannot use.
              type: list
              elements: dict
              contains:
                start:
                  description: The first address.
                  type: str
                  sample: '0x00000000fee00000'
                end:
                  description: The last address.
                  type: str
                  sample: '0x00000000feefffff'
                type:
                  description: V(direct) and V(direct-relaxable) are the firmware's own (RMRR), V(msi) is for interrupts.
                  type: str
                  sample: msi
        devices:
          description: The PCI functions by address.
          returned: success
          type: list
          elements: dict
          contains:
            address:
              description: Domain, bus, device and function.
              type: str
              sample: '0000:01:00.0'
            id:
              description: Vendor and device id.
              type: str
              sample: 10de:2484
            subsystem_id:
              description: Vendor and device id of the subsystem; null without.
              type: str
              sample: 1043:87b8
            class_id:
              description: The class code of base class, subclass and interface.
              type: str
              sample: '030000'
            revision:
              description: The revision.
              type: str
              sample: a1
            vendor_name:
              description: The vendor's name; null where the host has no C(pci.ids) or it is not in it.
              type: str
              sample: NVIDIA Corporation
            device_name:
              description: The device's name, found likewise.
              type: str
              sample: GA104 [GeForce RTX 3070]
            subsystem_name:
              description: The subsystem's name, found likewise.
              type: str
            class_name:
              description: The name of class and subclass, found likewise.
              type: str
              sample: VGA compatible controller
            driver:
              description: The driver that is bound to it; null without.
              type: str
              sample: nouveau
            candidates:
              description: The modules that the running kernel has for it; null where its tables are not there.
              type: list
              elements: str
              sample: [nouveau, nvidiafb]
            iommu_group:
              description: The number of its group; null without.
              type: int
              sample: 14
            boot_vga:
              description: Whether the firmware used it as the first display; null for what is no VGA controller.
              type: bool
              sample: false
            numa_node:
              description: Its NUMA node; null where the firmware names none.
              type: int
              sample: 0
            reset_methods:
              description:
                - How it can be reset, best first. Empty where it cannot; null where the kernel (before 5.15) does
                  not tell.
              type: list
              elements: str
              sample: [flr, bus]
            sriov:
              description: How many virtual functions it can have and has; null without SR-IOV.
              type: dict
              contains:
                total:
                  description: The most it can have.
                  type: int
                  sample: 63
                active:
                  description: How many it has.
                  type: int
                  sample: 0
            physfn:
              description: The address of the physical function where this is a virtual one.
              type: str
            bridge:
              description: Whether it is a bridge to another bus.
              type: bool
              sample: false
            enabled:
              description: Whether a driver has enabled it.
              type: bool
              sample: true
            uses:
              description: What the host itself uses it for, through volumes, arrays, bridges, bonds and VLANs.
              type: list
              elements: dict
              contains:
                kind:
                  description:
                    - V(root_disk) for a file system without which the host does not run, V(default_route), V(swap),
                      V(mount) for another file system, V(display).
                  type: str
                  sample: default_route
                what:
                  description: Which one.
                  type: str
                  sample: vmbr0 over enp2s0
                modules:
                  description: The kernel modules on the way from there to the device.
                  type: list
                  elements: str
                  sample: [igc]
        vfio:
          description: The state of VFIO.
          returned: success
          type: dict
          contains:
            modules:
              description: The modules vfio, vfio_iommu_type1, vfio_pci and vfio_virqfd.
              type: list
              elements: dict
              contains:
                name:
                  description: Its name.
                  type: str
                  sample: vfio_pci
                available:
                  description:
                    - V(loadable), V(builtin) or V(missing) in the running kernel; null where its tables are not there.
                  type: str
                  sample: loadable
                loaded:
                  description: Whether the running kernel has it; null in a tree that is not running.
                  type: bool
                  sample: false
            configured:
              description: What is set up for the next boot.
              type: dict
              contains:
                modules:
                  description: The VFIO modules that are listed to be loaded at boot.
                  type: list
                  elements: str
                  sample: [vfio, vfio_iommu_type1, vfio_pci]
                ids:
                  description: The ids that vfio-pci is told to take, by modprobe.d or the command line in force.
                  type: list
                  elements: str
                  sample: ['10de:2484', '10de:228b']
                addresses:
                  description: The addresses that M(pci.passthrough.vfio_bind) binds in the initramfs.
                  type: list
                  elements: str
                  sample: []
            bound:
              description: The addresses of the devices that vfio-pci has.
              type: list
              elements: str
              sample: []
        verdict:
          description: Whether the host can pass devices to guests.
          returned: success
          type: dict
          contains:
            state:
              description:
                - V(ready), V(reboot_required) (configured, not in force yet), V(not_configured), or V(unsupported)
                  (configuration cannot help).
              type: str
              sample: not_configured
            reasons:
              description: Why.
              type: list
              elements: dict
              contains:
                code:
                  description:
                    - A stable code. V(firmware_off), V(iommu_disabled_parameter), V(parameter_missing),
                      V(not_rebooted), V(boot_entries_out_of_date), V(no_groups), V(not_running), V(no_boot_loader),
                      V(vfio_modules_missing), V(no_interrupt_remapping) or V(wrong_vendor_parameter).
                  type: str
                  sample: parameter_missing
                message:
                  description: What is the matter and what to do.
                  type: str
                  sample: intel_iommu=on is not on the kernel command line
msg:
  description: What is wrong, where, and what to do.
  returned: on failure
  type: str
  sample: "/mnt/image: cannot open the root directory: No such file or directory (os error 2)"
"""
