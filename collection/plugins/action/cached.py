# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of this collection from a verified copy on the target: one remote command a task.

ansible-core copies a binary module for every task. Here the target keeps it, and the arguments go over standard
input. Wherever that cannot be done (async, su, no pipelining, noexec, a cache that others could write to), the task
runs the ordinary way, with the binary of the target's architecture.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex

import ansible.constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.release import __version__
from ansible.utils.display import Display

display = Display()

# What `uname -m` says, by the name of the folder with the binaries.
MACHINES = {"x86_64": "x86_64|amd64", "aarch64": "aarch64|arm64"}
# Stands for the temporary folder that is not made.
NO_FOLDER = "/nonexistent/pci-passthrough"
# Exit statuses of the remote script; 126 and 127 are the shell's own, when it cannot execute the file.
STATUS = {"MISS": 88, "UNSUPPORTED": 87, "UNUSABLE": 86, "DAMAGED": 85}
NOT_EXECUTED = (126, 127)

# Goes to the cache, whose every parent must belong to root or to the user and be writable by nobody else, so that
# nobody else can put a file there or swap a folder. root's is never below $HOME, which sudo may have kept.
ENTER = r"""umask 077; set -f
no() { echo "pci.passthrough: $1"; exit "$2"; }
if [ -O / ]; then d=/var/lib/pci-passthrough/bin; elif [ -O "$HOME" ]; then d=$HOME/.cache/pci-passthrough/bin
else no "the user owns no home" UNUSABLE; fi
in_cache() {
cd -P "$d" 2>/dev/null || return 1
set --; p=$(pwd -P); while [ "$p" ]; do set -- "$@" "$p"; p=${p%/*}; done
s=$(stat -L -c '%u %A' /proc/self / "$@" 2>/dev/null) || no "cannot look at $d" UNUSABLE
u=${s%% *}
while read -r o; do case $o in "0 d"????-??-?*|"$u d"????-??-?*) ;; *) no "others can write to $d" UNUSABLE;; esac
done <<END
$s
END
}
"""

# The file is opened once: its owner, mode and content are verified, and it is executed, through that descriptor.
RUN = r"""case $(uname -m) in CASES*) no "$(uname -m)" UNSUPPORTED;; esac
f=NAME.$h
in_cache && [ -f "$f" ] && [ ! -L "$f" ] && command exec 9<"$f" || no "$a" MISS
case $(stat -L -c '%u %A %h' /proc/self/fd/9) in "$u -rwx------ 1") ;; *) no "$a" MISS;; esac
s=$(sha256sum <&9) && [ "${s%% *}" = "$h" ] || no "$a" MISS
exec /proc/self/fd/9 -"""

# Whatever stood at the name before is replaced. What other versions left goes once it is a day old: two controllers
# may take turns.
PUT = r"""mkdir -p "${d%/*}" 2>/dev/null; mkdir "$d" 2>/dev/null; in_cache || no "cannot make $d" UNUSABLE
t=.NAME.$$; trap 'rm -f "$t"' EXIT; rm -f "$t"; set -C
cat >"$t" || no "cannot write to $d" UNUSABLE
[ "$(wc -c <"$t")" -eq SIZE ] || no "the copy has another size" DAMAGED
s=$(sha256sum <"$t") || no "no sha256sum" UNUSABLE
[ "${s%% *}" = HASH ] || no "the copy has other content" DAMAGED
chmod 700 "$t" && [ ! -d NAME.HASH ] && mv -f "$t" NAME.HASH || no "cannot write to $d" UNUSABLE
find . -name 'NAME.*' ! -name NAME.HASH -mtime +0 -exec rm -f {} +"""


class Fallback(Exception):
    """The module did not run and has to run the ordinary way."""


class ActionModule(NormalAction):
    """Core's own action for modules, with another way to the target below it."""

    _binaries = None
    _cached = False
    _arguments = None

    def run(self, tmp=None, task_vars=None):
        """Run the module from the cache, else the ordinary way."""
        if version() < (2, 19):
            self._task.args = plain(self._task.args)
        self._binaries = self._find_binaries()
        self._cached = self._can_pipeline() and not C.DEFAULT_KEEP_REMOTE_FILES
        try:
            return super().run(tmp, task_vars)
        except Fallback as reason:
            display.vvv("%s runs the ordinary way: %s" % (self._task.action, reason), host=self._host())
        self._cached = False
        self._connection._shell.tmpdir = None
        return super().run(tmp, task_vars)

    def _find_binaries(self):
        """The path of the module for each architecture that is shipped."""
        loader = self._shared_loader_obj.module_loader
        found = loader.find_plugin_with_context(self._task.action, collection_list=self._task.collections)
        path = os.path.realpath(found.plugin_resolved_path)
        folder, name = os.path.dirname(os.path.dirname(path)), os.path.basename(path)
        paths = {machine: os.path.join(folder, machine, name) for machine in MACHINES}
        return {machine: path for machine, path in paths.items() if os.path.exists(path)}

    def _can_pipeline(self):
        become = self._connection.become
        # Older versions of core have no attribute for it: su takes standard input for itself.
        through = become is None or getattr(become, "pipelining", become.name != "su")
        return bool(self._binaries) and not self._task.async_val and self._connection.has_pipelining and through

    def _host(self):
        return self._connection._play_context.remote_addr

    # What core does between the arguments and the result. In the cached way nothing is copied for the task.

    def _make_tmp_path(self, remote_user=None):
        if not self._cached:
            return super()._make_tmp_path(remote_user)
        self._connection._shell.tmpdir = NO_FOLDER
        return NO_FOLDER

    def _remove_tmp_path(self, tmp_path, force=False):
        if not self._cached:
            return super()._remove_tmp_path(tmp_path, force)
        self._connection._shell.tmpdir = None

    def _update_module_args(self, module_name, module_args, task_vars, *args, **kwargs):
        super()._update_module_args(module_name, module_args, task_vars, *args, **kwargs)
        if self._cached:
            module_args["_ansible_tmpdir"] = None

    def _transfer_file(self, local_path, remote_path):
        if self._cached:
            return remote_path
        if os.path.realpath(local_path) in self._binaries.values():
            local_path = self._binaries[self._machine()]
        return super()._transfer_file(local_path, remote_path)

    def _transfer_data(self, remote_path, data):
        if not self._cached:
            return super()._transfer_data(remote_path, data)
        self._arguments = data
        return remote_path

    def _fixup_perms2(self, remote_paths, remote_user=None, execute=True):
        if self._cached:
            return remote_paths
        return super()._fixup_perms2(remote_paths, remote_user, execute)

    def _low_level_execute_command(self, cmd, *args, **kwargs):
        if not self._cached or NO_FOLDER not in cmd:
            return super()._low_level_execute_command(cmd, *args, **kwargs)
        kwargs["in_data"] = to_bytes(self._arguments)
        done = super()._low_level_execute_command(self._run_command(), *args, **kwargs)
        if done["rc"] == STATUS["MISS"]:
            self._put(said(done))
            done = super()._low_level_execute_command(self._run_command(), *args, **kwargs)
        return self._judged(done)

    def _judged(self, done):
        """The answer, if it is the module's own."""
        if done["rc"] == STATUS["UNSUPPORTED"]:
            raise self._unsupported(said(done))
        if done["rc"] in (STATUS["MISS"], STATUS["UNUSABLE"]):
            raise Fallback("the cache on the target: %s" % (said(done) or done["stderr"].strip()))
        # Nothing has run: a file system without execution, or sudo that insists on a terminal.
        silent = not done["stdout"].strip().startswith("{")
        if silent and (done["rc"] in NOT_EXECUTED or "you must have a tty" in done["stdout"] + done["stderr"]):
            raise Fallback(done["stderr"].strip() or "exit status %s" % done["rc"])
        return done

    def _unsupported(self, machine):
        shipped = ", ".join(sorted(self._binaries))
        message = "%s has no binary for the architecture %s; it ships %s" % (self._task.action, machine, shipped)
        return AnsibleActionFail(message)

    def _machine(self):
        """The target's architecture, asked for where the ordinary way needs it."""
        answer = super()._low_level_execute_command("uname -m", sudoable=False)["stdout"].strip()
        for machine, names in MACHINES.items():
            if answer in names.split("|") and machine in self._binaries:
                return machine
        raise self._unsupported(answer)

    def _run_command(self):
        cases = ["%s) a=%s h=%s;; " % (MACHINES[m], m, digest(path)) for m, path in sorted(self._binaries.items())]
        script = ENTER + RUN.replace("CASES", "".join(cases)).replace("NAME", self._name())
        return ("%s %s" % (self._compute_environment_string(), shell(script))).strip()

    def _put(self, machine):
        """Bring the binary to the target, whole or not at all."""
        path = self._binaries[machine]
        with open(path, "rb") as file:
            content = file.read()
        display.vvv("copying %s (%d bytes)" % (path, len(content)), host=self._host())
        script = PUT.replace("NAME", self._name()).replace("HASH", digest(path)).replace("SIZE", str(len(content)))
        done = super()._low_level_execute_command(shell(ENTER + script), in_data=content)
        if done["rc"] != 0:
            raise Fallback("the cache on the target: %s" % (said(done) or done["stderr"].strip()))

    def _name(self):
        return os.path.basename(next(iter(self._binaries.values())))


def shell(script):
    """A command that runs the script in the target's own shell."""
    for name, status in STATUS.items():
        script = script.replace(name, str(status))
    return "/bin/sh -c %s" % shlex.quote(script)


def said(done):
    """What the script told before it ended."""
    lines = [line for line in done["stdout"].splitlines() if line.startswith("pci.passthrough: ")]
    return lines[-1].split(": ", 1)[1] if lines else ""


def digest(path):
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def to_bytes(text):
    """Text as core hands it over, which may hold bytes that are no UTF-8."""
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def version():
    """The version of ansible-core, as far as it decides anything here."""
    return tuple(int(part) for part in __version__.split(".")[:2])


def plain(arguments):
    """Arguments without dates and vaulted values, on which ansible-core before 2.19 fails for binary modules."""
    from ansible.module_utils.common.json import AnsibleJSONEncoder

    return json.loads(json.dumps(arguments, cls=AnsibleJSONEncoder, vault_to_text=True))
