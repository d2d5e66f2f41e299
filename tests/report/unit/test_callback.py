# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plugin makes of Ansible's events, without a run."""

import atexit
import json
import os
import signal
import tempfile
import types
import unittest
from unittest import mock

from ansible_collections.pci.passthrough.plugins.callback import diff_report
from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import ansible_objects, atomic_file, drift
from test_fleet import Stats


def named(name):
    return types.SimpleNamespace(get_name=lambda: name, vars={})


def play(*names):
    inventory = types.SimpleNamespace(get_hosts=lambda hosts, ignore_restrictions: [named(name) for name in names])
    manager = types.SimpleNamespace(_inventory=inventory)
    return types.SimpleNamespace(get_name=lambda: "Play", hosts="all", get_variable_manager=lambda: manager)


def result(host, **values):
    task = types.SimpleNamespace(
        delegate_to=None, action="ansible.builtin.copy", args={}, check_mode=True, loop=None, _uuid="1",
    )
    for key in [key for key in values if hasattr(task, key)]:
        setattr(task, key, values.pop(key))
    return types.SimpleNamespace(_host=named(host), _task=task, _result=values, task_name="Task of %s" % host)


class Callback(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "report.json")
        self.options = {"directory": folder.name, "previous": None, "interval": 0.0}
        self.addCleanup(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))

    def plugin(self):
        made = diff_report.CallbackModule()
        made.get_option = self.options.get
        made._display = mock.Mock()
        self.addCleanup(atexit.unregister, made._at_exit)
        return made

    def report(self):
        with open(self.path, encoding="utf-8") as file:
            return json.load(file)

    def run_of(self, how, changed=True):
        plugin = self.plugin()
        plugin.v2_playbook_on_start(None)
        plugin.v2_playbook_on_play_start(play("host1"))
        plugin.v2_runner_on_ok(result("host1", changed=changed))
        how(plugin)
        return self.report()

    def complete(self, plugin):
        plugin.v2_playbook_on_stats(Stats({}, {}))

    def test_a_play_without_a_playbook(self):
        self.plugin().v2_playbook_on_play_start(play("host1"))
        self.assertEqual(self.report()["status"], "running")

    def test_of_several_runs_in_one_process_the_last_one_has_the_report(self):
        plugins = [self.plugin(), self.plugin()]
        for number, plugin in enumerate(plugins):
            plugin.v2_playbook_on_play_start(play("host%d" % number))
        for plugin in reversed(plugins):
            plugin._at_exit()
        self.assertEqual([host["name"] for host in self.report()["hosts"]], ["host1"])

    def test_hosts_that_the_run_did_not_come_to(self):
        plugin = self.plugin()
        plugin.v2_playbook_on_start(None)
        plugin.v2_playbook_on_play_start(play("host1", "host2", "host3"))
        plugin.v2_runner_on_failed(result("host1", msg="no"))
        plugin.v2_playbook_on_stats(Stats({"host1": 1}, {}))
        report = self.report()
        self.assertEqual([host["state"] for host in report["hosts"]], ["failed", "not_reached", "not_reached"])
        self.assertEqual((report["totals"]["hosts"], report["totals"]["not_reached"]), (3, 2))

    def test_a_play_that_does_not_tell_its_hosts(self):
        odd = types.SimpleNamespace(get_name=lambda: "Play")
        plugin = self.plugin()
        plugin.v2_playbook_on_play_start(odd)
        self.assertEqual(self.report()["hosts"], [])

    def test_an_earlier_report_costs_no_report(self):
        self.run_of(self.complete)
        self.options["previous"] = self.path
        with mock.patch.object(drift, "compare", side_effect=RuntimeError("odd")):
            report = self.run_of(self.complete)
        self.assertEqual((report["status"], report["drift"]), ("complete", None))
        with mock.patch.object(drift, "keep", side_effect=RuntimeError("odd")):
            with mock.patch.object(atexit, "register") as register:
                self.assertRaises(RuntimeError, self.plugin()._begin)
        register.assert_called_once()

    def test_a_run_that_was_cut_is_no_measure(self):
        self.options["previous"] = self.path
        first = self.run_of(self.complete)
        self.assertEqual(self.run_of(lambda plugin: plugin._at_exit())["status"], "cut")
        self.assertEqual(self.run_of(lambda plugin: plugin._at_exit())["drift"]["since_complete"], True)
        third = self.run_of(self.complete, changed=False)["drift"]
        self.assertEqual((third["since"], third["since_complete"]), (first["updated"], True))
        self.assertIn(("gone", "change_without_diff"), [(entry["kind"], entry["what"]) for entry in third["entries"]])
        last = self.run_of(self.complete, changed=False)["drift"]
        self.assertEqual(last["entries"], [])

    def test_a_run_that_is_terminated(self):
        before = signal.getsignal(signal.SIGTERM)
        with mock.patch.object(os, "kill") as kill:
            report = self.run_of(lambda plugin: signal.raise_signal(signal.SIGTERM))
        self.assertEqual((report["status"], report["totals"]["changed"]), ("cut", 1))
        kill.assert_called_once_with(os.getpid(), signal.SIGTERM)
        self.assertEqual(signal.getsignal(signal.SIGTERM), before)

    def test_an_interruption_in_writing_stays_one(self):
        def interrupted(temporary, path):
            os.unlink(temporary)
            raise KeyboardInterrupt

        with mock.patch.object(os, "replace", interrupted):
            self.assertRaises(KeyboardInterrupt, atomic_file.write, self.path, "text")


class Objects(unittest.TestCase):
    def test_a_task(self):
        task = ansible_objects.task(result("host1", loop="{{ names }}"))
        self.assertEqual((task.name, task.check_mode, task.looped), ("Task of {host}", True, True))
        task = ansible_objects.task(result("web", check_mode="{{ x }}"))
        self.assertEqual((task.name, task.check_mode, task.looped), ("Task of web", False, False))


if __name__ == "__main__":
    unittest.main()
