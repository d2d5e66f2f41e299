# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hears what Ansible does and has it written down; what it means is in plugin_utils/diff_report."""

from __future__ import annotations

DOCUMENTATION = r"""
name: diff_report
type: notification
short_description: One page that shows what a run changes, or would change, on all hosts
version_added: 0.1.0
description:
  - Turns a run on any number of hosts into one report. C(report.html) is a page in one file, which needs no network
    and opens from disk. C(report.json) is the same as data. A summary stands at the end of the terminal output.
  - Hosts with the same change to the same file share one entry, those of the fewest hosts first. What is a host's own
    in a path or message, the root of its tree, its name and its address, does not set it apart.
  - Shows each host's state, whether a reboot is due and why, which guard refused what, the verdict, and the IOMMU
    groups as M(pci.passthrough.iommu_facts) found them.
  - The diffs are those of every module, and those that Ansible itself would show with C(--diff). What C(no_log) hides
    stays hidden. Of a task's arguments none is written but the path that a diff is about.
  - The lines of private files stay out, only their number is written. Those are files that the task's C(mode) leaves
    to their owner alone, files whose names speak of keys and passwords, and files and templates encrypted with Ansible
    Vault. Elsewhere a secret, such as the value of an encrypted variable, is known by C(no_log) only, as it is to
    Ansible, which shows it with C(--diff) too.
  - The files are written while the run goes on, each in one step, and are readable by their owner only when new. A run
    that is cut leaves a report of what was seen, which says so. Hosts that it did not come to, or that a play left
    because of other hosts, are in it as such.
options:
  directory:
    description:
      - Where C(report.html) and C(report.json) are written, the working directory by default. It is made where it is
        missing.
    type: path
    default: .
    env:
      - name: PCI_PASSTHROUGH_REPORT_DIRECTORY
    ini:
      - section: callback_diff_report
        key: directory
  previous:
    description:
      - An earlier C(report.json). The report then shows what is new, gone and changed since.
      - It may be the very file that this run writes, to compare each run with the one before. A missing file is no
        error.
      - In that case the last complete report is kept beside it as C(report.previous.json). After a run that was cut
        it is what the next run is compared with.
    type: path
    env:
      - name: PCI_PASSTHROUGH_REPORT_PREVIOUS
    ini:
      - section: callback_diff_report
        key: previous
  interval:
    description:
      - The seconds between two writes while the run goes on. A large report is written less often, so that writing
        takes no more than a fiftieth of the time.
      - With V(0) it is written when the first play starts, when a playbook ends, and when the run is interrupted.
    type: float
    default: 10
    env:
      - name: PCI_PASSTHROUGH_REPORT_INTERVAL
    ini:
      - section: callback_diff_report
        key: interval
requirements:
  - enabling it by name, with C(ANSIBLE_CALLBACKS_ENABLED=pci.passthrough.diff_report) or C(callbacks_enabled) in
    C(ansible.cfg)
  - for C(ansible -m) also C(ANSIBLE_LOAD_CALLBACK_PLUGINS=true) or C(bin_ansible_callbacks = true), without which
    Ansible loads no callback for a single module
notes:
  - C(report.json) keeps to the JSON Schema C(plugins/plugin_utils/diff_report/report.schema.json) of this collection.
    Its RV(ignore:version) is raised when a field changes its meaning or goes.
  - Control characters and characters that hide or reorder text are replaced by visible ones, in both files.
author:
  - The pci.passthrough authors (@pci-passthrough)
seealso:
  - module: pci.passthrough.iommu_facts
"""

EXAMPLES = r"""
- name: What the role would change on all hosts, as one page (in a shell)
  vars:
    command: >-
      ANSIBLE_CALLBACKS_ENABLED=pci.passthrough.diff_report
      ansible-playbook -i HOSTS --check --diff pci.passthrough.prepare

- name: The same for every run, compared with the one before (in ansible.cfg)
  vars:
    configuration: |
      [defaults]
      callbacks_enabled = pci.passthrough.diff_report
      [callback_diff_report]
      directory = reports
      previous = reports/report.json

- name: For a single module (in a shell)
  vars:
    command: >-
      ANSIBLE_CALLBACKS_ENABLED=pci.passthrough.diff_report ANSIBLE_LOAD_CALLBACK_PLUGINS=true
      ansible -i HOSTS all --become -m pci.passthrough.iommu_facts
"""

import atexit
import contextlib
import datetime
import functools
import os
import signal
import threading
import time

from ansible import constants, context
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__ as ansible_version

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import (
    ansible_objects,
    atomic_file,
    drift,
    fleet,
    html_report,
    json_report,
    terminal_summary,
    visible_text,
)

# Writing takes at most one part in this many of the time.
_SHARE = 50


def timed(hook):
    """Adds up the time that a hook takes."""

    @functools.wraps(hook)
    def measured(self, *args, **kwargs):
        started, processor = time.perf_counter(), time.thread_time()
        try:
            return hook(self, *args, **kwargs)
        finally:
            self._seconds += time.perf_counter() - started
            self._cpu_seconds += time.thread_time() - processor

    return measured


class CallbackModule(CallbackBase):
    """One for a whole run of ansible-playbook or ansible."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "pci.passthrough.diff_report"
    CALLBACK_NEEDS_ENABLED = True

    _last = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._fleet = fleet.Fleet()
        self._had_diff = set()
        self._failed_items, self._changed_items = {}, set()
        self._play, self._to_come, self._ended_playbooks = None, {}, 0
        self._html = None
        self._earlier = None
        self._status = "running"
        self._started = None
        self._playbooks, self._plays = [], []
        self._seconds, self._cpu_seconds = 0.0, 0.0
        self._writes, self._next_write = 0, 0.0
        self._process = os.getpid()

    @timed
    def v2_playbook_on_start(self, playbook):
        """A playbook; several may come one after the other."""
        name = os.path.basename(getattr(playbook, "_file_name", None) or "")
        if name and name != "__adhoc_playbook__":
            self._playbooks.append(visible_text.name(name))
        self._begin()
        self._to_come = ansible_objects.hosts_to_come(playbook)
        for names in self._to_come.values():
            for name in names:
                self._fleet.expect(name)

    @timed
    def v2_playbook_on_play_start(self, play):
        """A play, or with `serial` a batch of its hosts."""
        self._begin()
        self._play = play
        uuid = getattr(play, "_uuid", None)
        self._to_come.pop(uuid, None)
        self._fleet.begin_batch(uuid, ansible_objects.hosts_of(play), ansible_objects.batch_of(play))
        name = visible_text.name(play.get_name().strip() or "all")
        if name not in self._plays:
            self._plays.append(name)
        if not self._writes:
            # So that nobody takes the report of an earlier run for this one's.
            self._write()

    def v2_playbook_on_no_hosts_remaining(self):
        """The end of a play for all hosts, those that did not fail among them."""
        self._fleet.stop_batch()

    @timed
    def v2_playbook_on_task_start(self, task, is_conditional):
        """A good moment: the next results may be long in coming."""
        self._write_if_due()

    @timed
    def v2_on_file_diff(self, result):
        """Comes before the result it belongs to, and only where Ansible would show the diff."""
        if self._fleet.add_diffs(ansible_objects.task(result), ansible_objects.host(result), result._result):
            self._had_diff.add(_key(result))

    @timed
    def v2_runner_on_ok(self, result):
        """A success."""
        key = _key(result)
        task, host = ansible_objects.task(result), ansible_objects.host(result)
        self._fleet.add_success(task, host, result._result, key in self._had_diff)
        self._forget(key)
        self._write_if_due()

    @timed
    def v2_runner_item_on_ok(self, result):
        """An item of a loop, before the result of the whole."""
        if result._result.get("changed"):
            self._changed_items.add(_key(result))

    @timed
    def v2_runner_item_on_failed(self, result):
        """As above. In the result of the whole, newer ansible-core does not say which items failed."""
        self._failed_items.setdefault(_key(result), []).append(result._result)

    @timed
    def v2_runner_on_failed(self, result, ignore_errors=False):
        """A failure, a guard's refusal among them."""
        key = _key(result)
        items = self._failed_items.get(key, ())
        # Ansible counts a change of a failure that is ignored, too.
        changed = key in self._changed_items or (ignore_errors and result._result.get("changed") is True)
        task, host = ansible_objects.task(result), ansible_objects.host(result)
        rescued = not ignore_errors and ansible_objects.is_rescued(result)
        if changed and key in self._had_diff:
            self._fleet.host(host.name).changed, changed = True, False
        self._fleet.add_failure(task, host, result._result, ignore_errors, rescued, items, changed)
        if not (ignore_errors or rescued) and ansible_objects.ends_the_play(result, self._play):
            self._fleet.stop_batch()
        self._forget(key)
        self._write_if_due()

    def _forget(self, key):
        self._had_diff.discard(key)
        self._changed_items.discard(key)
        self._failed_items.pop(key, None)

    @timed
    def v2_runner_on_unreachable(self, result):
        """A host that did not answer."""
        ignored = bool(getattr(result._task, "ignore_unreachable", False))
        task, host = ansible_objects.task(result), ansible_objects.host(result)
        self._fleet.add_unreachable(task, host, result._result, ignored)
        if not ignored and ansible_objects.ends_the_play(result, self._play):
            self._fleet.stop_batch()
        self._write_if_due()

    @timed
    def v2_runner_on_skipped(self, result):
        """A host whose every task is skipped was there nevertheless."""
        self._fleet.host(result._host.get_name())

    @timed
    def v2_playbook_on_stats(self, stats):
        """The end of a playbook."""
        for names in self._to_come.values():
            self._fleet.leave(names)
        self._to_come = {}
        self._fleet.settle(stats)
        self._ended_playbooks += 1
        if self._ended_playbooks >= ansible_objects.playbooks_to_run():
            self._status = "complete"
        self._close()

    def _begin(self):
        # ansible-console starts plays, but no playbook, and tells of no end; it makes one of these for each command.
        CallbackModule._last = self
        self._status = "running"
        if self._started is None:
            self._started = _now()
            self._directory = self.get_option("directory")
            atexit.register(self._at_exit)
            if threading.current_thread() is threading.main_thread():
                # SIGHUP: the terminal is gone, as when a connection to the controller breaks.
                for number in (signal.SIGTERM, signal.SIGHUP):
                    self._catch(number)
            self._read_previous()

    def _catch(self, number):
        before = signal.getsignal(number)
        if before not in (None, signal.SIG_IGN):
            signal.signal(number, functools.partial(self._at_termination, before))

    def _at_termination(self, before, number, _frame):
        # The process, or a worker forked from it, ends as it would have: only the report is written before.
        signal.signal(number, before)
        if self._status == "running" and os.getpid() == self._process:
            self._status = "cut"
            with contextlib.suppress(Exception):
                self._write()
        os.kill(os.getpid(), number)

    def _at_exit(self):
        # Forked workers have this registered too.
        if self._status == "running" and os.getpid() == self._process and CallbackModule._last is self:
            self._status = "cut"
            self._close()

    def _close(self):
        report = self._write()
        if report is None:
            return
        title = "DIFF REPORT" + (" (of a run that was cut)" if self._status == "cut" else "")
        self._display.banner(title)
        page = os.path.join(self._directory, "report.html")
        for text, color in terminal_summary.lines(report, page):
            self._display.display(text, color=getattr(constants, color) if color else None)
        self._display.display("")

    def _read_previous(self):
        path = self.get_option("previous")
        if not path or not os.path.exists(path):
            return
        try:
            own = os.path.realpath(path) == os.path.realpath(os.path.join(self._directory, "report.json"))
            self._earlier = drift.keep(path) if own else drift.Earlier(path)
        except (OSError, ValueError) as error:
            self._display.warning("diff_report: cannot compare with %s: %s" % (path, visible_text.message(error)))

    def _write_if_due(self):
        interval = self.get_option("interval")
        if interval > 0 and time.monotonic() >= self._next_write:
            self._write()

    def _write(self):
        """Writes both files; returns the report, or None where that fails."""
        if self._html is None:
            self._html = html_report.HtmlReport()
        started = time.perf_counter()
        try:
            report = json_report.build(self._run(), self._fleet, self._earlier)
        except Exception as error:
            if self._earlier is None:
                raise
            # An earlier report may be anybody's file: it is not to cost this one.
            told = visible_text.message(repr(error))
            self._display.warning("diff_report: cannot compare with the earlier report: %s" % told)
            self._earlier = None
            report = json_report.build(self._run(), self._fleet, None)
        try:
            os.makedirs(self._directory, exist_ok=True)
            atomic_file.write(os.path.join(self._directory, "report.json"), json_report.dump(report))
            atomic_file.write(os.path.join(self._directory, "report.html"), self._html.render(report))
        except OSError as error:
            self._display.warning("diff_report: no report is written from here on: %s" % error)
            self.disabled = True
            self._status = "failed"
            return None
        self._writes += 1
        took = time.perf_counter() - started
        self._next_write = time.monotonic() + max(self.get_option("interval"), _SHARE * took)
        return report

    def _run(self):
        return {
            "status": self._status,
            "check_mode": bool(context.CLIARGS.get("check")),
            "ansible_version": ansible_version,
            "playbooks": self._playbooks,
            "plays": self._plays,
            "started": self._started,
            "updated": _now(),
            "callback": {
                "seconds": round(self._seconds, 3), "cpu_seconds": round(self._cpu_seconds, 3), "writes": self._writes,
            },
        }


def _key(result):
    return (result._host.get_name(), result._task._uuid)


def _now():
    return datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
