# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is a host's own in a text, and what only looks so."""

import unittest

from ansible_collections.pci.passthrough.plugins.plugin_utils.diff_report import own_names
from test_fleet import Host, Task


class OwnNames(unittest.TestCase):
    def test_a_name_that_may_be_a_plain_word_stays_in_paths(self):
        hosts = [Host("pve", "10.0.0.1"), Host("vfio"), Host("default"), Host("a"), Host("other")]
        for path in ("/etc/pve/storage.cfg", "/etc/modprobe.d/vfio.conf", "/etc/default/a"):
            self.assertEqual({own_names.in_path(path, host, {}, Task()) for host in hosts}, {path})
        self.assertEqual(own_names.in_path("/srv/web1.lan.conf", Host("web1.lan"), {}, Task()), "/srv/{host}.conf")
        self.assertEqual(own_names.in_path("/tmp/h1.x", Host("h1"), {}, Task()), "/tmp/{host}.x")
        node = own_names.in_path("/etc/pve/nodes/pve01/config", Host("pve01.dc1.example.com"), {}, Task())
        self.assertEqual(node, "/etc/pve/nodes/{host}/config")

    def test_names_within_words_stay(self):
        reach = own_names.in_name("Reach web2 from web22 and farmweb2", Host("web2"))
        self.assertEqual(reach, "Reach {host} from web22 and farmweb2")
        install = "Install proxmox-ve on the webfarm"
        for name in ("web", "pro", "a", "on"):
            self.assertEqual(own_names.in_name(install, Host(name)), install)

    def test_messages(self):
        for text, expected in (
            ("connect to host web port 22", "connect to host {host} port 22"),
            ("web: gone", "{host}: gone"),
            ("nobody at web.", "nobody at {host}."),
            ("the webfarm of /etc/web.conf on web-1", "the webfarm of /etc/web.conf on web-1"),
        ):
            self.assertEqual(own_names.in_message(text, Host("web"), {}, Task()), expected)

    def test_only_paths_lose_their_front(self):
        message = "/usr/lib/modprobe.d/x.conf: modprobe reads /etc/modprobe.d/x.conf instead of it"
        for arguments in ({}, {"root": "/"}):
            self.assertEqual(own_names.in_message(message, Host(), {}, Task(arguments=arguments)), message)
        path = "/usr/share/etc/x"
        self.assertEqual(own_names.in_path(path, Host(), {}, Task(arguments={"root": "/"})), path)
        self.assertEqual(own_names.in_path(path, Host(), {}, Task()), "/etc/x")


if __name__ == "__main__":
    unittest.main()
