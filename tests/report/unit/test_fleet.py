# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of results: grouping, states, reboots, problems, maps."""

import collections
import json
import unittest

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import fleet, html_report, json_report

Task = collections.namedtuple(
    "Task", "name action delegate_to arguments check_mode looped delegated vaulted",
    defaults=("Task", "pci.passthrough.x", None, {}, False, False, False, lambda entry: False),
)
Host = collections.namedtuple("Host", "name address", defaults=("a", None))
Stats = collections.namedtuple("Stats", "failures dark")

RUN = {
    "status": "complete", "check_mode": True, "ansible_version": "2.19.0", "playbooks": ["site.yml"], "plays": ["all"],
    "started": "2026-01-01 00:00:00+00:00", "updated": "2026-01-01 00:01:00+00:00",
    "callback": {"seconds": 0.5, "cpu_seconds": 0.4, "writes": 1},
}


def result_with(before="quiet\n", after="quiet iommu=pt\n", header="/etc/default/grub", **more):
    return {"changed": True, "diff": [{"before": before, "after": after, "before_header": header}], **more}


def report(model, **run):
    built = json_report.build({**RUN, **run}, model, None)
    page = html_report.HtmlReport().render(built)
    return json.loads(json_report.dump(built)), page


class Grouping(unittest.TestCase):
    def group(self, *triples):
        model = fleet.Fleet()
        for task, host, result in triples:
            model.add_diffs(task, host, result)
        return [(change["path"], change["hosts"]) for change in report(model)[0]["changes"]]

    def test_outliers_first(self):
        many = [(Task(), Host("h%03d" % number), result_with()) for number in range(487)]
        few = [(Task(), Host("z%d" % number), result_with(after="quiet iommu=on\n")) for number in range(3)]
        found = self.group(*many, *few)
        self.assertEqual([len(hosts) for _path, hosts in found], [3, 487])

    def test_a_file_with_an_outlier_stands_before_one_without(self):
        triples = []
        for number in range(9):
            host = Host("h%d" % number)
            triples.append((Task(), host, result_with(header="/etc/a")))
            triples.append((Task(), host, result_with(header="/etc/b", after="other\n" if number == 4 else "same\n")))
        self.assertEqual([(path, len(hosts)) for path, hosts in self.group(*triples)], [("/etc/b", 1), ("/etc/b", 8), ("/etc/a", 9)])

    def test_the_root_of_a_tree_does_not_count(self):
        both = ["/etc/default/grub", ["a", "b"]]
        told = [
            (Task(), Host(name), result_with(
                header="/images/%s/etc/default/grub" % name, invocation={"module_args": {"root": "/images/%s/" % name}},
            ))
            for name in "ab"
        ]
        self.assertEqual([list(found) for found in self.group(*told)], [both])
        as_argument = [
            (Task(arguments={"root": "/images/" + name}), Host(name), result_with(header="/images/%s/etc/default/grub" % name))
            for name in "ab"
        ]
        self.assertEqual([list(found) for found in self.group(*as_argument)], [both])
        untold = [
            (Task(arguments={"root": "{{ root }}"}), Host(name), result_with(header="/etc/x/%s/etc/default/grub" % name))
            for name in "ab"
        ]
        self.assertEqual([list(found) for found in self.group(*untold)], [both])

    def test_other_modules_keep_their_paths(self):
        task = Task(action="ansible.builtin.copy")
        found = self.group((task, Host("a"), result_with(header="/srv/image/etc/passwd")))
        self.assertEqual(found, [("/srv/image/etc/passwd", ["a"])])

    def test_a_path_with_the_host_s_name(self):
        task = Task(action="ansible.builtin.template")
        triples = [(task, Host("web%d.lan" % n), result_with(header="/srv/web%d.lan.conf" % n)) for n in (1, 2, 11)]
        self.assertEqual(self.group(*triples), [("/srv/{host}.conf", ["web1.lan", "web11.lan", "web2.lan"])])

    def test_delegation(self):
        there = Task(action="ansible.builtin.copy", delegate_to="store")
        here = Task(action="ansible.builtin.copy")
        model = fleet.Fleet()
        for task in (there, here):
            model.add_diffs(task, Host("a"), result_with())
        found = report(model)[0]
        self.assertEqual(sorted(str(change["on"]) for change in found["changes"]), ["None", "store"])
        self.assertEqual(len(found["hosts"][0]["changes"]), 2)

    def test_each_item_of_a_loop(self):
        loop = {"changed": True, "results": [result_with(header="/etc/a"), result_with(header="/etc/b"), {"changed": False}]}
        self.assertEqual([path for path, _hosts in self.group((Task(looped=True), Host(), loop))], ["/etc/a", "/etc/b"])

    def test_a_module_with_results_of_its_own(self):
        result = result_with(results=[{"name": "a"}], reboot_required=True)
        self.assertEqual(self.group((Task(), Host(), result)), [("/etc/default/grub", ["a"])])
        model = fleet.Fleet()
        model.add_success(Task(), Host(), result, True)
        self.assertEqual(report(model)[0]["totals"]["would_reboot"], 1)

    def test_what_is_not_changed_is_not_shown(self):
        self.assertEqual(self.group((Task(), Host(), dict(result_with(), changed=False))), [])

    def test_without_a_name_the_task_is_the_subject(self):
        task = Task("Install", "ansible.builtin.apt")
        found = self.group((task, Host(), {"changed": True, "diff": {"prepared": "+grub2\n"}}))
        self.assertEqual(found, [("ansible.builtin.apt: Install", ["a"])])


class Made(unittest.TestCase):
    def test_what_a_task_makes_in_check_mode_says_so(self):
        model = fleet.Fleet()
        model.add_diffs(Task(), Host("a"), result_with())
        model.add_diffs(Task(check_mode=True), Host("b"), result_with())
        model.add_success(Task("Run"), Host("a"), {"changed": True}, False)
        found, page = report(model)
        self.assertEqual([(change["made"], change["hosts"]) for change in found["changes"]], [(True, ["a"]), (False, ["b"])])
        self.assertEqual(len({change["id"] for change in found["changes"]}), 2)
        self.assertEqual([change["made"] for change in found["changes_without_diff"]], [True])
        self.assertIn("check mode, but some tasks ran for real", page)
        self.assertEqual(page.count("was made"), 2)
        model = fleet.Fleet()
        model.add_diffs(Task(check_mode=True), Host("b"), result_with())
        self.assertIn("check mode, nothing was touched", report(model)[1])
        self.assertIn("would be made", report(model, check_mode=False)[1])

    def test_items_without_a_diff_beside_one_with(self):
        model = fleet.Fleet()
        loop = {"changed": True, "results": [result_with(), {"changed": True}]}
        model.add_success(Task(looped=True), Host(), loop, model.add_diffs(Task(looped=True), Host(), loop))
        found = report(model)[0]
        self.assertEqual((len(found["changes"]), len(found["changes_without_diff"])), (1, 1))


class Delegated(unittest.TestCase):
    FACTS = {"ansible_facts": {"pci_passthrough": {"verdict": {"state": "ready", "reasons": []}}}, "reboot_required": True}

    def test_facts_are_those_of_the_host_they_were_read_on(self):
        model = fleet.Fleet()
        for name in ("a", "b", "c"):
            model.host(name)
        there = Task(delegated=True, delegate_to="b")
        model.add_success(there, Host("a"), self.FACTS, False)
        items = [dict(self.FACTS, _ansible_delegated_vars={"ansible_host": name}) for name in ("c", "nobody")]
        model.add_success(Task(delegated=True, looped=True), Host("a"), {"results": items}, False)
        self.assertEqual(self.told(model), [("a", False, False), ("b", True, True), ("c", True, True)])

    def told(self, model):
        hosts = report(model)[0]["hosts"]
        return [(host["name"], bool(host["verdict"]), bool(host["reboot_reasons"])) for host in hosts]

    def test_the_address_of_the_host_they_were_read_on(self):
        model = fleet.Fleet()
        for name, address in (("b", "10.0.0.2"), ("c", "10.0.0.3")):
            model.add_success(Task(), Host(name, address), {}, False)
        named = Task(delegated=True, delegate_to="b")
        model.add_success(named, Host("a"), dict(self.FACTS, _ansible_delegated_vars={"ansible_host": "10.0.0.2"}), False)
        items = [dict(self.FACTS, _ansible_delegated_vars={"ansible_host": "10.0.0.3"})]
        model.add_success(Task(delegated=True, looped=True), Host("a"), {"results": items}, False)
        self.assertEqual(self.told(model), [("a", False, False), ("b", True, True), ("c", True, True)])


class NoLog(unittest.TestCase):
    def test_nothing_of_a_hidden_result_is_kept(self):
        model = fleet.Fleet()
        hidden = result_with(after="hunter2\n", _ansible_no_log=True, msg="hunter2", code="hunter2", ansible_facts={
            "pci_passthrough": {"verdict": {"state": "hunter2"}},
        })
        loop = {"changed": True, "results": [hidden]}
        for result in (hidden, loop, dict(hidden, _ansible_no_log=False, censored="x")):
            task = Task(looped=result is loop)
            model.add_diffs(task, Host(), result)
            model.add_success(task, Host(), result, False)
            model.add_failure(task, Host(), dict(result, failed=True), False)
            model.add_unreachable(Task(), Host("b"), {**result, "_ansible_no_log": True}, False)
        found, page = report(model)
        self.assertNotIn("hunter2", json.dumps(found) + page)
        self.assertIn("hidden by no_log", page)
        self.assertEqual(found["hosts"][0]["changed"], True)

    def test_arguments_are_never_written(self):
        model = fleet.Fleet()
        task = Task(arguments={"password": "hunter2"})
        result = result_with(invocation={"module_args": {"password": "hunter2"}}, stdout="hunter2")
        model.add_diffs(task, Host(), result)
        model.add_success(task, Host(), result, True)
        model.add_failure(task, Host(), dict(result, failed=True, msg="no"), False)
        found, page = report(model)
        self.assertNotIn("hunter2", json.dumps(found) + page)


class States(unittest.TestCase):
    GUARD = {
        "failed": True, "code": "root_disk", "msg": "no",
        "problems": [
            {"code": "root_disk", "severity": "error", "device": "0000:03:00.0", "message": "it drives /", "hint": "leave it"},
            {"code": "swap", "severity": "warning", "device": None, "message": "swap", "hint": ""},
        ],
    }

    def test_a_guard_refuses(self):
        model = fleet.Fleet()
        model.add_failure(Task("Blacklist"), Host(), self.GUARD, False)
        model.add_failure(Task("Bind"), Host("b"), {"failed": True, "code": "wrong_boot_loader", "msg": "use the other"}, False)
        found = report(model)[0]
        self.assertEqual([host["state"] for host in found["hosts"]], ["refused", "refused"])
        self.assertEqual(
            [(p["kind"], p["code"], p["device"], p["message"], p["hint"]) for p in found["problems"]],
            [("refused", "root_disk", "0000:03:00.0", "it drives /", "leave it"), ("refused", "wrong_boot_loader", None, "use the other", None)],
        )

    def test_another_module_s_code_is_no_guard(self):
        model = fleet.Fleet()
        model.add_failure(Task(action="ansible.builtin.uri"), Host(), self.GUARD, False)
        found = report(model)[0]
        self.assertEqual((found["hosts"][0]["state"], found["problems"][0]["code"]), ("failed", None))

    def test_unreachable_hosts_share_one_problem(self):
        model = fleet.Fleet()
        for number in range(20):
            host = Host("pve%d" % number, "10.0.0.%d" % number)
            if number == 1:
                self.assertEqual(report(model)[0]["problems"][0]["message"], "ssh: connect to host 10.0.0.0 (pve0) port 22: timed out")
            message = "ssh: connect to host 10.0.0.%d (pve%d) port 22: timed out" % (number, number)
            model.add_unreachable(Task(), host, {"unreachable": True, "msg": message}, False)
        found = report(model)[0]
        self.assertEqual([(len(p["hosts"]), p["message"]) for p in found["problems"]], [(20, "ssh: connect to host {address} ({host}) port 22: timed out")])
        self.assertEqual(found["totals"]["unreachable"], 20)

    def test_ignored_and_rescued(self):
        model = fleet.Fleet()
        model.add_failure(Task("Ignored"), Host(), self.GUARD, True)
        model.add_failure(Task("Rescued"), Host(), self.GUARD, False)
        model.add_failure(Task("Fatal"), Host("b"), {"failed": True, "msg": "no"}, False)
        model.settle(Stats({"b": 1}, {}))
        found = report(model)[0]
        self.assertEqual([host["state"] for host in found["hosts"]], ["ok", "failed"])
        self.assertEqual([problem["kind"] for problem in found["problems"]], ["failed", "ignored", "ignored"])

    def test_of_several_failures_the_last_ones_count(self):
        no = {"failed": True, "msg": "no"}
        model = fleet.Fleet()
        model.add_failure(Task("Rescued"), Host(), self.GUARD, False)
        model.add_failure(Task("Fatal"), Host(), no, False)
        model.add_failure(Task("Rescued"), Host("b"), no, False)
        model.add_failure(Task("Fatal"), Host("b"), self.GUARD, False)
        model.settle(Stats({"a": 1, "b": 1}, {}))
        # Another playbook of the same run: the count goes on.
        model.add_failure(Task("Rescued later"), Host(), self.GUARD, False)
        model.settle(Stats({"a": 1, "b": 1}, {}))
        found = report(model)[0]
        self.assertEqual([host["state"] for host in found["hosts"]], ["failed", "refused"])
        self.assertEqual([(p["kind"], p["task"], p["hosts"]) for p in found["problems"]], [
            ("failed", "Fatal", ["a"]), ("refused", "Fatal", ["b"]),
            ("ignored", "Rescued later", ["a"]), ("ignored", "Rescued", ["a"]), ("ignored", "Rescued", ["b"]),
        ])

    def test_messages_of_other_types(self):
        model = fleet.Fleet()
        for message in (["one", "two"], {"a": 1}, 7, [], "  "):
            model.add_failure(Task(), Host(), {"failed": True, "msg": message}, False)
        messages = [problem["message"] for problem in report(model)[0]["problems"]]
        self.assertEqual(sorted(messages), ["7", "no message", "one two", "{'a': 1}"])

    def test_a_reboot_in_check_mode(self):
        model = fleet.Fleet()
        model.add_success(Task("Set", "pci.passthrough.grub_iommu"), Host(), {"reboot_required": True}, False)
        rebooted = {"changed": True, "elapsed": 0, "rebooted": True}
        model.add_success(Task("Reboot", "ansible.builtin.reboot", check_mode=True), Host(), rebooted, False)
        reasons = report(model)[0]["hosts"][0]["reboot_reasons"]
        self.assertEqual([reason["message"] for reason in reasons], ["Set", "Reboot"])
        model.add_success(Task("Reboot", "ansible.builtin.reboot"), Host(), rebooted, False)
        self.assertEqual(report(model)[0]["totals"]["would_reboot"], 0)

    def test_reasons_of_all_items_and_tasks(self):
        model = fleet.Fleet()
        due = {"reboot_required": True, "reboot_reasons": [{"code": "driver_loaded", "message": "nouveau is loaded"}]}
        other = {"reboot_required": True, "reboot_reasons": [{"code": "driver_loaded", "message": "nvidia is loaded"}]}
        none = {"reboot_required": False}
        model.add_success(Task("One", looped=True), Host(), {"results": [due, other, none]}, False)
        model.add_success(Task("Two"), Host(), none, False)
        reasons = report(model)[0]["hosts"][0]["reboot_reasons"]
        self.assertEqual([reason["message"] for reason in reasons], ["nouveau is loaded", "nvidia is loaded"])
        model.add_success(Task("One"), Host(), none, False)
        self.assertEqual(report(model)[0]["totals"]["would_reboot"], 0)

    def test_reboot(self):
        model = fleet.Fleet()
        due = {"reboot_required": True, "reboot_reasons": [{"code": "parameter_not_in_force", "message": "not in force"}]}
        for action in ("pci.passthrough.grub_iommu", "pci.passthrough.vfio_modules"):
            model.add_success(Task(action=action), Host(), due, False)
        self.assertEqual(report(model)[0]["hosts"][0]["reboot_reasons"], due["reboot_reasons"])
        model.add_success(Task(action="pci.passthrough.grub_iommu"), Host(), {"reboot_required": False}, False)
        self.assertEqual(report(model)[0]["totals"]["would_reboot"], 1)
        model.add_success(Task("Reboot", "pci.passthrough.reboot"), Host(), {"changed": True, "rebooted": False}, False)
        self.assertIn({"code": "reboot_task", "message": "Reboot"}, report(model)[0]["hosts"][0]["reboot_reasons"])
        model.add_success(Task("Reboot", "pci.passthrough.reboot"), Host(), {"changed": True, "rebooted": True}, False)
        self.assertEqual(report(model)[0]["totals"]["would_reboot"], 0)

    def test_changes_without_a_diff(self):
        model = fleet.Fleet()
        task = Task("Run", "ansible.builtin.command")
        for name in "ab":
            model.add_success(task, Host(name), {"changed": True}, False)
        found = report(model)[0]
        self.assertEqual(found["changes_without_diff"], [{"task": "Run", "action": task.action, "made": True, "hosts": ["a", "b"]}])
        self.assertEqual(found["hosts"][0]["state"], "changed")


class Maps(unittest.TestCase):
    def facts(self, driver="nouveau"):
        devices = [
            {"address": "0000:01:00.0", "id": "10de:2484", "class_id": "030000", "driver": driver, "bridge": False,
             "uses": [{"kind": "display", "what": "fb0"}]},
            {"address": "0000:01:00.1", "id": "10de:228b", "class_name": "Audio device", "driver": None, "bridge": False},
            {"address": "0000:00:01.0", "id": "8086:1901", "class_id": "060400", "driver": "pcieport", "bridge": True},
            {"address": "0000:09:00.0", "id": "1:2", "class_id": "ff0000"},
        ]
        groups = [{"id": 14, "type": "DMA-FQ", "devices": ["0000:00:01.0", "0000:01:00.0", "0000:01:00.1", "platform"]}]
        return {"devices": devices, "groups": groups}

    def add(self, model, host, facts):
        model.add_success(Task(action="pci.passthrough.iommu_facts"), Host(host), {"ansible_facts": {"pci_passthrough": facts}}, False)

    def test_what_holds_a_group(self):
        model = fleet.Fleet()
        self.add(model, "a", self.facts())
        self.add(model, "b", self.facts("vfio-pci"))
        iommu = report(model)[0]["iommu"]
        held = [group["held"] for group in iommu["groups"] if group["number"] == 14]
        self.assertEqual(held, [["0000:01:00.0 is on nouveau (display fb0)"], []])
        self.assertEqual([d["class"] for d in iommu["devices"]][:3], ["PCI bridge", "VGA controller", "Audio device"])
        self.assertEqual([group["number"] for group in iommu["groups"]].count(None), 1)

    def test_vfio_drivers_of_single_makers(self):
        model = fleet.Fleet()
        drivers = ("mlx5_vfio_pci", "hisi_acc_vfio_pci", "vfio_pci", "vfio-pci", "nvgrace-gpu-vfio-pci")
        for driver in drivers:
            self.add(model, driver, self.facts(driver))
        groups = report(model)[0]["iommu"]["groups"]
        self.assertEqual([group["held"] for group in groups if group["number"] == 14], [[]] * len(drivers))

    def test_facts_of_wrong_types(self):
        odd = (None, 5, "abc", True, 1.5, [5], ["x", None], [[]], {}, {"a": 1}, [{}], [{"address": 5, "driver": []}])
        for value in odd:
            model = fleet.Fleet()
            facts = {
                "devices": [{"address": "x"}, {"address": value, "uses": value, "driver": value, "vendor_name": value}],
                "groups": [{"id": value, "type": value, "devices": value}],
                "verdict": {"state": "ready", "reasons": value},
            }
            for key in (None, "devices", "groups", "verdict"):
                self.add(model, "a", {**facts, key: value} if key else facts)
            self.assertEqual(report(model)[0]["hosts"][0]["verdict"]["state"], "ready")

    def test_a_thousand_equal_hosts_share_one_map(self):
        model = fleet.Fleet()
        for number in range(1000):
            self.add(model, "h%d" % number, self.facts())
        found, page = report(model)
        self.assertEqual((len(found["iommu"]["maps"]), len(found["iommu"]["devices"])), (1, 5))
        self.assertEqual({host["iommu_map"] for host in found["hosts"]}, {0})

    def test_parts_of_the_facts(self):
        model = fleet.Fleet()
        self.add(model, "a", self.facts())
        self.add(model, "a", {"verdict": {"state": "ready", "reasons": []}})
        self.add(model, "a", {"devices": None, "groups": "x", "verdict": {"state": 4}})
        host = report(model)[0]["hosts"][0]
        self.assertEqual((host["iommu_map"], host["verdict"]["state"]), (0, "ready"))

    def test_a_page_of_bounded_size(self):
        model = fleet.Fleet()
        for number in range(1000):
            facts = self.facts()
            for more in range(60):
                facts["devices"].append({"address": "%04x:%02x:00.0" % (number, more), "id": "1:2", "device_name": "n" * 40})
            self.add(model, "h%d" % number, facts)
            text = "".join("%d %d %s\n" % (number, line, "x" * 60) for line in range(40))
            model.add_diffs(Task(), Host("h%d" % number), result_with(after=text))
        found, page = report(model)
        self.assertLess(len(page.encode()), 5_000_000)
        self.assertEqual(len(found["changes"]), 1000)
        self.assertIn("in report.json only", page)


if __name__ == "__main__":
    unittest.main()
