# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IOMMU groups of hosts, each distinct device, group and map kept once."""

from __future__ import annotations

import re

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import visible_text

# A group with one of these, with a VFIO driver or with a bridge can still be given to a guest.
_HARMLESS_DRIVERS = (None, "pci-stub", "pcieport")
_MOST_DEVICES = 8192
# pci.ids has the usual name in brackets: "Advanced Micro Devices, Inc. [AMD]".
_SHORT_VENDOR = re.compile(r"\[([^\[\]]+)\]$")


class IommuMaps:
    """Tables that refer to each other by position.

    A device is (address, class, name, id, driver, uses, bridge). A group is (number, type, devices, held), `held`
    being the reasons why it cannot be given to a guest as it is; the number is None for devices without a group. A
    map is a list of groups.
    """

    def __init__(self):
        self.devices = {}
        self.groups = {}
        self.maps = {}

    def add(self, facts):
        """The position of the host's map, or None where the facts hold neither groups nor devices."""
        devices, groups = _dicts(facts.get("devices")), _dicts(facts.get("groups"))
        if not devices:
            return None
        by_address, grouped = {}, set()
        for device in devices[:_MOST_DEVICES]:
            by_address[_text(device.get("address"))] = _device(device)
        found = []
        for group in groups:
            members = [_text(address) for address in _list(group.get("devices")) if isinstance(address, str)]
            grouped.update(members)
            found.append(self._group(group.get("id"), _text(group.get("type")), members, by_address))
        alone = [address for address in by_address if address not in grouped]
        if alone:
            found.append(self._group(None, None, alone, by_address))
        return _position(self.maps, tuple(found))

    def _group(self, number, kind, members, by_address):
        devices = [by_address.get(address) or (address, None, None, None, None, (), False) for address in members]
        held = tuple(reason for reason in map(_reason, devices) if reason) if number is not None else ()
        positions = tuple(_position(self.devices, device) for device in devices)
        number = number if isinstance(number, int) else None
        return _position(self.groups, (number, kind, positions, held))


def _reason(device):
    address, _class, _name, _id, driver, uses, bridge = device
    # Variants of single makers, mlx5_vfio_pci and others, are for guests as well.
    if bridge or driver in _HARMLESS_DRIVERS or driver.replace("-", "_").endswith("vfio_pci"):
        return None
    used = ", ".join(uses)
    return "%s is on %s%s" % (address, driver, " (%s)" % used if used else "")


def _device(device):
    uses = []
    for use in _dicts(device.get("uses")):
        kind, what = _text(use.get("kind")), _text(use.get("what"))
        if kind:
            uses.append("%s %s" % (kind.replace("_", " "), what) if what else kind.replace("_", " "))
    vendor = _text(device.get("vendor_name")) or ""
    short = _SHORT_VENDOR.search(vendor)
    name = " ".join(part for part in (short.group(1) if short else vendor, _text(device.get("device_name"))) if part)
    return (
        _text(device.get("address")),
        _text(device.get("class_name")) or _class_of(_text(device.get("class_id"))),
        name or None,
        _text(device.get("id")),
        _text(device.get("driver")),
        tuple(uses),
        device.get("bridge") is True,
    )


# For hosts without pci.ids: the base classes and subclasses that people look for.
_CLASSES = {
    "0300": "VGA controller", "0302": "3D controller", "0403": "Audio device", "0200": "Ethernet controller",
    "0280": "Network controller", "0108": "NVMe controller", "0106": "SATA controller", "0104": "RAID controller",
    "0107": "SAS controller", "0c03": "USB controller", "0c05": "SMBus", "0600": "Host bridge", "0601": "ISA bridge",
    "0604": "PCI bridge", "0806": "IOMMU", "1200": "Processing accelerator", "0b40": "Co-processor",
}


def _class_of(class_id):
    if not class_id:
        return None
    return _CLASSES.get(class_id[:4].lower(), "class %s" % class_id)


def _text(value):
    return visible_text.name(value) if isinstance(value, str) and value else None


def _list(value):
    return value if isinstance(value, list) else []


def _dicts(value):
    return [item for item in _list(value) if isinstance(item, dict)]


def _position(table, item):
    return table.setdefault(item, len(table))
