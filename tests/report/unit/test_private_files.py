# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines stay out of a report."""

import json
import unittest

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import fleet
from test_fleet import Host, Task, report, result_with


class Private(unittest.TestCase):
    def kept(self, task, header="/etc/x", **more):
        model = fleet.Fleet()
        for name in ("hunter2", "hunter3"):
            model.add_diffs(task, Host(name[-1] * 4), result_with("", "password=%s\n" % name, header, **more))
        found, page = report(model)
        return found["changes"], "hunter" in json.dumps(found) + page

    def test_the_lines_of_private_files_stay_out(self):
        for task, header in (
            (Task(arguments={"mode": "0600"}), "/etc/x"), (Task(arguments={"mode": 0o400}), "/etc/x"),
            (Task(arguments={"mode": "u=rw,go="}), "/etc/x"), (Task(arguments={"mode": "u+rw,go-rwx"}), "/etc/x"),
            (Task(arguments={"mode": "go-r"}), "/etc/x"), (Task(arguments={"mode": "0o600"}), "/etc/x"),
            (Task(arguments={"mode": "u=rw,g-rwx,o="}), "/etc/x"), (Task(), "/etc/ssl/private/host.pem"),
            (Task(), "/root/.pgpass (content)"), (Task(), "/etc/app.key (content)"), (Task(), "secrets.yml"),
            (Task(), "/etc/shadow"), (Task(), "/root/.ssh/id_ed25519"), (Task(), "/etc/app/db-password.conf"),
            (Task(vaulted=lambda entry: True), "/etc/x"),
        ):
            changes, shown = self.kept(task, header)
            self.assertFalse(shown, header)
            told = [(c["private"], c["hunks"], c["added"], c["label"], len(c["hosts"])) for c in changes]
            self.assertEqual(told, [(True, [], 1, "new, 1 line", 2)], header)
        self.assertFalse(self.kept(Task(), mode="0600")[1])

    def test_other_files_keep_theirs(self):
        for task, header in (
            (Task(arguments={"mode": "0644"}), "/etc/x"), (Task(arguments={"mode": "{{ mode }}"}), "/etc/x"),
            (Task(arguments={"mode": "preserve"}), "/etc/x"), (Task(), "/etc/passwd"), (Task(), "/etc/default/grub"),
            (Task(arguments={"mode": "u=rw,g=r,o="}), "/etc/x"), (Task(arguments={"mode": "g=u,o="}), "/etc/x"),
            (Task(arguments={"mode": "a+r"}), "/etc/x"), (Task(), "/etc/passwd (content)"),
        ):
            changes, shown = self.kept(task, header)
            self.assertTrue(shown, header)
            self.assertEqual([change["private"] for change in changes], [False, False], header)

    def test_attributes_are_no_secret(self):
        model = fleet.Fleet()
        diff = {"before": {"path": "/etc/x", "mode": "0644"}, "after": {"path": "/etc/x", "mode": "0600"}}
        model.add_diffs(Task(arguments={"mode": "0600"}), Host(), {"changed": True, "diff": diff})
        self.assertEqual([change["private"] for change in report(model)[0]["changes"]], [False])


if __name__ == "__main__":
    unittest.main()
