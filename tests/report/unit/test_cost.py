# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a thousand hosts cost in memory and time, without Ansible around it."""

import time
import tracemalloc
import unittest

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import fleet
from test_fleet import Host, Task, report, result_with


def facts(functions):
    """Facts of a server with this many PCI functions, made anew for each host as Ansible does."""
    devices = [
        {
            "address": "0000:%02x:%02x.0" % (number // 32, number % 32), "id": "8086:%04x" % number,
            "vendor_name": "Intel Corporation", "device_name": "Device number %d of this server" % number,
            "class_name": "Ethernet controller", "class_id": "020000", "driver": "igc", "bridge": False,
            "uses": [], "candidates": ["igc"], "reset_methods": ["flr", "bus"], "subsystem_id": "8086:0000",
        }
        for number in range(functions)
    ]
    groups = [{"id": number, "type": "DMA-FQ", "devices": [d["address"]]} for number, d in enumerate(devices)]
    return {"devices": devices, "groups": groups, "verdict": {"state": "ready", "reasons": []}}


def results(name):
    yield Task("Facts", "pci.passthrough.iommu_facts"), {"ansible_facts": {"pci_passthrough": facts(100)}}
    text = "".join("# line %d of a long file\n" % number for number in range(1000))
    for path in ("/etc/default/grub", "/etc/modules", "/etc/modprobe.d/vfio.conf"):
        root = "/images/%s" % name
        result = result_with(text + "quiet\n", text + "quiet intel_iommu=on\n", root + path)
        yield Task("Set", "pci.passthrough.grub_iommu", None, {"root": root}), result


class Cost(unittest.TestCase):
    def test_a_thousand_hosts(self):
        model = fleet.Fleet()
        spent = 0.0
        tracemalloc.start()
        for number in range(1000):
            host = Host("pve%04d" % number)
            for task, result in results(host.name):
                if number >= 900:
                    started = time.thread_time()
                had_diff = model.add_diffs(task, host, result)
                model.add_success(task, host, result, had_diff)
                if number >= 900:
                    spent += time.thread_time() - started
            if number == 900:
                kept, _peak = tracemalloc.get_traced_memory()
                tracemalloc.stop()
        found, page = report(model)
        # Ansible itself takes some 20 milliseconds of processor time for a result at the least.
        each = 1000 * spent / 400
        print("%.0f KB for 900 hosts, %.2f ms a result, a page of %d KB" % (kept / 1000, each, len(page) / 1000))
        self.assertLess(kept, 5_000_000)
        self.assertLess(each, 5)
        self.assertEqual([len(change["hosts"]) for change in found["changes"]], [1000, 1000, 1000])
        self.assertLess(len(page), 2_000_000)


if __name__ == "__main__":
    unittest.main()
