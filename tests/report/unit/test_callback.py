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


def play(*names, batch=None, uuid="play"):
    def get_hosts(_pattern, ignore_restrictions=False):
        return [named(name) for name in (names if ignore_restrictions or batch is None else batch)]

    inventory = types.SimpleNamespace(get_hosts=get_hosts, groups={"all": None}, hosts={})
    manager = types.SimpleNamespace(_inventory=inventory)
    return types.SimpleNamespace(get_name=lambda: "Play", hosts="all", get_variable_manager=lambda: manager, _uuid=uuid)


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
        for number in (signal.SIGTERM, signal.SIGHUP):
            # Whoever runs this in the background may ignore them.
            self.addCleanup(signal.signal, number, signal.signal(number, signal.SIG_DFL))

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
        plugin.v2_playbook_on_play_start(play("host1", "host2", "host3", batch=["host1"]))
        plugin.v2_runner_on_failed(result("host1", msg="no"))
        plugin.v2_playbook_on_stats(Stats({"host1": 1}, {}))
        report = self.report()
        self.assertEqual([host["state"] for host in report["hosts"]], ["failed", "not_reached", "not_reached"])
        self.assertEqual((report["totals"]["hosts"], report["totals"]["not_reached"]), (3, 2))

    def states(self, plugin, failures):
        plugin.v2_playbook_on_stats(Stats(failures, {}))
        return [host["state"] for host in self.report()["hosts"]]

    def test_a_batch_that_fails_leaves_the_others_not_finished(self):
        plugin = self.plugin()
        plugin.v2_playbook_on_start(None)
        names = ("host1", "host2", "host3")
        plugin.v2_playbook_on_play_start(play(*names, uuid="first"))
        for name in names:
            plugin.v2_runner_on_ok(result(name, changed=name == "host2"))
        plugin.v2_playbook_on_play_start(play(*names, batch=["host1"], uuid="second"))
        plugin.v2_runner_on_failed(result("host1", msg="no"))
        self.assertEqual(self.states(plugin, {"host1": 1}), ["failed", "not_finished", "not_finished"])
        self.assertEqual((self.report()["totals"]["not_finished"], self.report()["totals"]["changed"]), (2, 1))

    def test_a_play_that_is_stopped_leaves_the_others_not_finished(self):
        plugin = self.plugin()
        plugin.v2_playbook_on_play_start(play("host1", "host2"))
        for name in ("host1", "host2"):
            plugin.v2_runner_on_ok(result(name))
        plugin.v2_runner_on_failed(result("host1", msg="no"))
        plugin.v2_playbook_on_no_hosts_remaining()
        self.assertEqual(self.states(plugin, {"host1": 1}), ["failed", "not_finished"])

    def test_a_task_whose_failure_ends_the_play(self):
        for how in ("any_errors_fatal", "run_once"):
            for strategy, ignored, state in (
                ("linear", False, "not_finished"), ("ansible.builtin.free", False, "ok"), ("linear", True, "ok"),
            ):
                plugin = self.plugin()
                started = play("host1", "host2")
                started.strategy = strategy
                plugin.v2_playbook_on_play_start(started)
                failing = result("host1", msg="no")
                setattr(failing._task, how, True)
                plugin.v2_runner_on_failed(failing, ignored)
                plugin.v2_runner_on_ok(result("host2"))
                told = (how, strategy, ignored)
                self.assertEqual(self.states(plugin, {} if ignored else {"host1": 1})[1], state, told)

    def test_a_host_that_was_let_off_is_unchanged(self):
        plugin = self.plugin()
        plugin.v2_playbook_on_play_start(play("host1", "host2"))
        plugin.v2_runner_on_ok(result("host2", changed=True))
        self.assertEqual(self.states(plugin, {}), ["ok", "changed"])

    def test_a_playbook_that_never_ran(self):
        with mock.patch.object(ansible_objects.context, "CLIARGS", {"args": ("a.yml", "b.yml")}):
            plugin = self.plugin()
            plugin.v2_playbook_on_start(None)
            plugin.v2_playbook_on_play_start(play("host1"))
            plugin.v2_runner_on_ok(result("host1"))
            self.complete(plugin)
            self.assertEqual(self.report()["status"], "running")
            plugin._at_exit()
            self.assertEqual(self.report()["status"], "cut")

    def test_hosts_of_plays_to_come(self):
        plugin = self.plugin()
        to_come = [play("host1"), play("host2", uuid="later"), types.SimpleNamespace(hosts="{{ odd }}")]
        plugin.v2_playbook_on_start(types.SimpleNamespace(_file_name="site.yml", get_plays=lambda: to_come[:2]))
        plugin.v2_playbook_on_play_start(to_come[0])
        plugin.v2_runner_on_failed(result("host1", msg="no"))
        self.assertEqual(self.states(plugin, {"host1": 1}), ["failed", "not_reached"])
        told = ansible_objects.hosts_to_come(types.SimpleNamespace(get_plays=lambda: to_come))
        self.assertEqual(told, {"play": ["host1"], "later": ["host2"]})

    def test_a_play_that_never_starts_leaves_its_hosts_not_finished(self):
        plugin = self.plugin()
        plays = [play("host1", "host2"), play("host1", uuid="second"), play("host2", uuid="third")]
        plugin.v2_playbook_on_start(types.SimpleNamespace(_file_name="site.yml", get_plays=lambda: plays))
        plugin.v2_playbook_on_play_start(plays[0])
        for name in ("host1", "host2"):
            plugin.v2_runner_on_ok(result(name))
        plugin.v2_playbook_on_play_start(plays[1])
        plugin.v2_runner_on_failed(result("host1", msg="no"))
        self.assertEqual(self.states(plugin, {"host1": 1}), ["failed", "not_finished"])

    def test_batches_that_a_task_calls_off(self):
        plugin = self.plugin()
        names = ("host1", "host2")
        plugin.v2_playbook_on_play_start(play(*names, uuid="first"))
        for name in names:
            plugin.v2_runner_on_ok(result(name))
        plugin.v2_playbook_on_play_start(play(*names, batch=["host1"], uuid="second"))
        plugin.v2_runner_on_ok(result("host1"))
        self.assertEqual(self.states(plugin, {}), ["ok", "ok"])

    def test_a_rescue_that_never_comes(self):
        plugin = self.plugin()
        plugin.v2_playbook_on_play_start(play("host1"))
        failing = result("host1", msg="no")
        # What a tag leaves out is in the task's parent still.
        failing._task._parent = types.SimpleNamespace(_uuid="block", block=[failing._task], rescue=["left out"], _parent=None)
        plugin.v2_runner_on_failed(failing)
        self.assertEqual(self.states(plugin, {"host1": 1}), ["failed"])
        self.assertEqual([problem["kind"] for problem in self.report()["problems"]], ["failed"])

    def test_the_items_of_a_loop_that_failed(self):
        plugin = self.plugin()
        plugin.v2_playbook_on_play_start(play("host1"))
        plugin.v2_runner_item_on_ok(result("host1", changed=True))
        guard = {"code": "root_disk", "msg": "no", "problems": [
            {"severity": "error", "code": "root_disk", "message": "the root disk", "device": "0000:03:00.0"},
        ]}
        action = {"action": "pci.passthrough.driver_blacklist", "loop": "{{ x }}"}
        plugin.v2_runner_item_on_failed(result("host1", **action, **guard))
        whole = {"msg": "One or more items failed", "results": [{"changed": True}, {"changed": False, "exception": "x"}]}
        plugin.v2_runner_on_failed(result("host1", **action, **whole))
        self.assertEqual(self.states(plugin, {"host1": 1}), ["refused"])
        found = self.report()
        self.assertEqual([(p["code"], p["device"]) for p in found["problems"]], [("root_disk", "0000:03:00.0")])
        self.assertEqual((found["hosts"][0]["changed"], len(found["changes_without_diff"])), (True, 1))

    def test_a_change_of_an_ignored_failure(self):
        plugin = self.plugin()
        plugin.v2_playbook_on_play_start(play("host1", "host2"))
        plugin.v2_runner_on_failed(result("host1", changed=True, msg="no"), True)
        plugin.v2_runner_on_failed(result("host2", changed=True, msg="no"))
        self.assertEqual(self.states(plugin, {"host2": 1}), ["changed", "failed"])
        self.assertEqual([host["changed"] for host in self.report()["hosts"]], [True, False])

    def test_an_earlier_report_with_control_characters(self):
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump({"schema": "pci.passthrough.diff_report", "version": "\x1b]0;owned\x07"}, file)
        self.options["previous"] = self.path
        plugin = self.plugin()
        plugin.v2_playbook_on_play_start(play("host1"))
        told = plugin._display.warning.call_args.args[0]
        self.assertIn("\u241b]0;owned\u2407", told)
        self.assertNotIn("\x1b", told)

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
        for number in (signal.SIGTERM, signal.SIGHUP):
            before = signal.getsignal(number)
            with mock.patch.object(os, "kill") as kill:
                report = self.run_of(lambda plugin: signal.raise_signal(number))
            self.assertEqual((report["status"], report["totals"]["changed"]), ("cut", 1))
            kill.assert_called_once_with(os.getpid(), number)
            self.assertEqual(signal.getsignal(number), before)

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
        self.assertEqual((task.delegated, task.delegate_to), (False, None))
        there = result("web", delegate_to="{{ x }}", _ansible_delegated_vars={"ansible_host": "store"})
        self.assertEqual(ansible_objects.task(there)[2:4], (True, "store"))
        self.assertEqual(ansible_objects.task(result("web", delegate_to="web"))[2:4], (False, None))

    def test_a_rescue_is_that_of_a_block_around_the_failing_part(self):
        def block(rescue, *inside, parent=None):
            made = types.SimpleNamespace(_uuid=object(), _parent=parent, block=list(inside), rescue=rescue)
            for entry in inside:
                entry._parent = made
            return made

        def task():
            return types.SimpleNamespace(_uuid=object())

        def is_rescued(one):
            return ansible_objects.is_rescued(types.SimpleNamespace(_task=one))

        failing, inner, alone, beside = task(), task(), task(), task()
        # An outer block with a rescue holds a task and a block without one.
        block([task()], failing, block([], inner))
        # A block without a rescue; what rescues a block of its `always` is no rescue of its own.
        block([], alone).always = [block([task()], beside)]
        found = [is_rescued(one) for one in (failing, inner, alone, beside)]
        self.assertEqual(found, [True, True, False, True])
        imported, imports = task(), task()
        around = block([task()], inside := block([], imported))
        imports._parent, inside._parent = around, imports
        self.assertTrue(is_rescued(imported))
        lonely = block([task()])
        lonely.rescue = [first := task()]
        first._parent = lonely
        self.assertFalse(is_rescued(first))

    def test_what_a_vault_held(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "templates"))
            for name, text in (("a.j2", "$ANSIBLE_VAULT;1.1;AES256\n00\n"), ("b.j2", "plain\n")):
                with open(os.path.join(folder, "templates", name), "w", encoding="utf-8") as file:
                    file.write(text)
            for source, expected in (("a.j2", True), ("b.j2", False), ("none.j2", False), ("{{ x }}.j2", False)):
                of = result("web", action="ansible.builtin.template", args={"src": source})
                of._task.get_search_path = lambda: [folder]
                self.assertEqual(ansible_objects.task(of).vaulted({"after_header": "/tmp/x"}), expected, source)
        local = os.path.join(ansible_objects.constants.DEFAULT_LOCAL_TMP, "tmpx")
        for source, expected in ((local, True), ("/srv/files/motd", False)):
            self.assertEqual(ansible_objects.task(result("web")).vaulted({"after_header": source}), expected, source)


if __name__ == "__main__":
    unittest.main()
