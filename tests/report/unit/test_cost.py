# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a thousand hosts cost in memory and time, without Ansible around it.

Called with a folder, it writes the report of a fleet whose every change is one host's own there, for a browser.
"""

import json
import pathlib
import sys
import time
import tracemalloc
import unittest

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import file_diff, fleet, json_report
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


def fleet_of_names(files, content):
    """A thousand hosts with long names, each with a change to this many files."""
    model = fleet.Fleet()
    for number in range(1000):
        host = Host("pve%04d.dc1.example.com" % number, "10.0.%d.%d" % (number // 250, number % 250))
        for file in range(files):
            task = Task("Template %d" % file, "ansible.builtin.template")
            result = result_with("", content(host), "/etc/app/conf.d/%02d-service.conf" % file)
            model.add_success(task, host, result, model.add_diffs(task, host, result))
    return model


def own_content(host):
    """What is in no other host's files."""
    return "hostname=%s\naddress=%s\nid=%s\n" % (host.name, host.address, host.name[3:7])


class Comparing(unittest.TestCase):
    def test_files_of_equal_lines_are_compared_at_once(self):
        blank = ["".join("%s %d\n\n" % (side, number) for number in range(950)) for side in ("old", "new")]
        entries = [[{"a": n, "b": [1], "c": {"x": n * step}} for n in range(150)] for step in (1, 3)]
        rewritten = [json.dumps(entry, indent=2) + "\n" for entry in entries]
        for before, after in (blank, rewritten):
            started = time.thread_time()
            diff = file_diff.read({"before": before, "after": after}, "/etc/x")
            self.assertLess(time.thread_time() - started, 1)
            self.assertGreater(diff.added, 100)


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
        self.assertLess(each, 1)
        self.assertEqual([len(change["hosts"]) for change in found["changes"]], [1000, 1000, 1000])
        self.assertLess(len(page), 2_000_000)

    def test_a_page_of_many_changes_of_single_hosts(self):
        found, page = report(fleet_of_names(10, own_content))
        self.assertEqual(len(found["changes"]), 10_000)
        self.assertLess(len(page), 4_000_000)
        self.assertEqual(page.count('<li class="card change"'), 500)
        self.assertIn("950 more changes on 950 hosts: in report.json only.", page)

    def test_a_page_of_many_files_of_single_hosts(self):
        model = fleet.Fleet()
        for number in range(6000):
            host = Host("pve%d" % (number % 1000))
            model.add_diffs(Task(), host, result_with("", "%d\n" % number, "/etc/%d" % number))
        page = report(model)[1]
        self.assertLess(len(page), 4_000_000)
        self.assertEqual(page.count('<li class="card change"'), 1500)
        self.assertIn("4500 more changes of other files on 1000 hosts: in report.json only.", page)

    def test_a_page_of_many_changes_of_all_hosts(self):
        page = report(fleet_of_names(60, lambda host: "a=2\n"))[1]
        self.assertLess(len(page), 3_000_000)
        self.assertEqual(page.count('<li class="card change"'), 60)
        self.assertIn("and 50 more", page)
        self.assertIn("Which 1000 hosts: in report.json only.", page)

    def test_a_page_of_many_problems(self):
        model = fleet.Fleet()
        for number in range(1000):
            result = {"failed": True, "msg": "%d %s" % (number, "x" * 700)}
            model.add_failure(Task(), Host("pve%d" % number), result, False)
        page = report(model)[1]
        self.assertLess(len(page), 2_000_000)
        self.assertIn("700 more problems on 700 hosts: in report.json only.", page)


def write(directory):
    """Both files; one host has a device on vfio-pci and one on a VFIO driver of its maker."""
    model = fleet_of_names(10, own_content)
    made = facts(2)
    for device, driver in zip(made["devices"], ("vfio-pci", "mlx5_vfio_pci")):
        device["driver"] = driver
    task = Task("Facts", "pci.passthrough.iommu_facts")
    model.add_success(task, Host("pve0999.dc1.example.com"), {"ansible_facts": {"pci_passthrough": made}}, False)
    found, page = report(model)
    for name, text in (("report.json", json_report.dump(found)), ("report.html", page)):
        pathlib.Path(directory, name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        write(sys.argv[1])
    else:
        unittest.main()
