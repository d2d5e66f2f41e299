# Copyright (c) 2026, the pci.passthrough authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of this collection from a verified copy on the target: one remote command a task.

ansible-core copies a binary module for every task. Here the target keeps it, and the arguments go over standard
input. Wherever that cannot be done (async, su, no pipelining, noexec, a cache that others could write to), the task
runs the ordinary way, with the binary of the target's architecture.
"""

from __future__ import annotations

import functools
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
# The first line of standard input: it shows the script that the rest will reach the module.
GREETING = b"pci.passthrough\n"
# The script's last line before the module's own output. Without it the module has not run.
STARTED = "pci.passthrough: started"
# Exit statuses of the scripts; 126 and 127 are the shell's own, when it cannot execute the file.
STATUS = {"MISS": 88, "UNSUPPORTED": 87, "UNUSABLE": 86, "DAMAGED": 85}
NOT_EXECUTED = (126, 127)

# The cache belongs to root or to the user, and so does every folder above it, and nobody else can write there: nobody
# else can put a file into it or swap a folder. Root's is never below $HOME, which sudo may have kept. `look` judges the
# folders and the files given to it; a file that a copy of the same has just replaced has no name any more, and will do.
# The scripts have no single quotes: each would be quoted three times over.
# Each line ends a command, so that they can be sent as one: csh takes no line end between quotes.
CACHE = r"""set -f; _path=$PATH; PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH;
no() { [ -t 0 ] || cat >/dev/null; echo "pci.passthrough: $1"; exit "$2"; };
if [ -O / ]; then _dir=/var/lib/pci-passthrough/bin; elif [ -O "$HOME" ]; then _dir=$HOME/.cache/pci-passthrough/bin;
else no "the user owns no home" UNUSABLE; fi;
resolve() { _at=$(cd -P "$1" 2>/dev/null && pwd -P); };
look() { _up=$_at;
while [ "$_up" ]; do set -- "$@" "$_up"; _up=${_up%/*}; done;
_seen=$(stat -L -c "%u %A %h" /proc/self / "$@" 2>/dev/null) || no "cannot look at $_dir" UNUSABLE;
set -- $_seen; _me=$1;
while [ "$1" ]; do case "$1 $2 $3" in "0 d"????-??-?*|"$_me d"????-??-?*|"$_me -rwx------ "[01]) ;;
*" -"*) no "$_arch" MISS;;
*) no "others can write to $_dir" UNUSABLE;; esac; shift 3; done; };
near() { _up=$_dir; until [ -d "$_up/" ]; do _up=${_up%/*}; done;
resolve "$_up/" && look || no "cannot enter $_up" UNUSABLE; };
"""

# The file is opened once: its owner, mode and content are verified, and it is executed, through that descriptor. The
# module starts with the folder, the umask and the environment that it would have the ordinary way. What the task adds
# to the environment has no say in what runs before it.
RUN = r"""[ ! -t 0 ] && read -r _it && [ "$_it" = pci.passthrough ] || no "no standard input" UNUSABLE;
case $(uname -m) in CASES*) no "$(uname -m)" UNSUPPORTED;; esac;
resolve "$_dir" || { near; no "$_arch" MISS; };
_it=$_at/NAME.$_hash && [ -f "$_it" ] && [ ! -L "$_it" ] && command exec 9<"$_it" || no "$_arch" MISS;
look /proc/self/fd/9;
_it=$(sha256sum <&9) && [ "${_it%% *}" = "$_hash" ] || no "$_arch" MISS;
echo "STARTED"; PATH=$_path; """
EXECUTE = "exec /proc/self/fd/9 -"

# The folders that are there are judged before any is made. Whatever stood at the name before is replaced. What other
# versions left goes once it is a day old: two controllers may take turns. The folder above root's cache holds stamps
# that anyone may read.
PUT = r"""near;
umask 022; [ -O / ] || umask 077; mkdir -p "${_dir%/*}" 2>/dev/null; umask 077; mkdir "$_dir" 2>/dev/null;
resolve "$_dir" || no "cannot make $_dir" UNUSABLE;
look; cd "$_at" || no "cannot enter $_dir" UNUSABLE;
_it=.NAME.$$; trap "rm -f $_it" EXIT; rm -f "$_it"; set -C;
cat >"$_it" || no "cannot write to $_dir" UNUSABLE;
[ "$(wc -c <"$_it")" -eq SIZE ] || no "the copy has another size" DAMAGED;
_sum=$(sha256sum <"$_it") || no "no sha256sum" UNUSABLE;
[ "${_sum%% *}" = HASH ] || no "the copy has other content" DAMAGED;
chmod 700 "$_it" && [ ! -d NAME.HASH ] && mv -f "$_it" NAME.HASH || no "cannot write to $_dir" UNUSABLE;
find . ! -type d ! -name NAME.HASH \( -name "NAME.*" -o -name ".NAME.*" \) -mtime +0 -exec rm -f {} + 2>/dev/null;
exit 0"""


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
        reason = self._why_ordinary()
        self._cached = reason is None
        if self._cached:
            try:
                return super().run(tmp, task_vars)
            except Fallback as fallback:
                reason = fallback
            self._cached = False
            self._connection._shell.tmpdir = None
        display.vvv("%s runs the ordinary way: %s" % (self._task.action, reason), host=self._host())
        return super().run(tmp, task_vars)

    def _find_binaries(self):
        """The path of the module for each architecture that is shipped."""
        loader = self._shared_loader_obj.module_loader
        found = loader.find_plugin_with_context(self._task.action, collection_list=self._task.collections)
        path = os.path.realpath(found.plugin_resolved_path or "")
        folder, name = os.path.dirname(os.path.dirname(path)), os.path.basename(path)
        paths = {machine: os.path.join(folder, machine, name) for machine in MACHINES}
        return {machine: path for machine, path in paths.items() if os.path.exists(path)}

    def _why_ordinary(self):
        """What speaks against the cache before anything is asked of the target; None if nothing does."""
        become = self._connection.become
        # Older versions of core have no attribute for it: su takes standard input for itself.
        through = become is None or (not become.require_tty and getattr(become, "pipelining", become.name == "sudo"))
        against = {
            "the collection has no binary of it": not self._binaries,
            "async": self._task.async_val,
            "keep_remote_files": C.DEFAULT_KEEP_REMOTE_FILES,
            "the connection takes no standard input": not self._connection.has_pipelining,
            "become takes standard input for itself": not through,
            # A folder that is there is one that an earlier item of a loop could not remove: core would use it.
            "a temporary folder of an earlier item is left": self._connection._shell.tmpdir is not None,
        }
        return next((reason for reason, holds in against.items() if holds), None)

    def _host(self):
        return self._play_context.remote_addr

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
        kwargs["in_data"] = GREETING + to_bytes(self._arguments)
        done = super()._low_level_execute_command(self._run_command(), *args, **kwargs)
        if done["rc"] == STATUS["MISS"] and said(done) in self._binaries:
            self._put(said(done))
            done = super()._low_level_execute_command(self._run_command(), *args, **kwargs)
        return self._judged(done)

    def _judged(self, done):
        """What the module answered. If it has not run, the ordinary way is open, which tells what is wrong too."""
        _before, started, answer = done["stdout"].partition(STARTED + "\n")
        if not started and done["rc"] == STATUS["UNSUPPORTED"]:
            raise self._unsupported(said(done))
        if not started or (done["rc"] in NOT_EXECUTED and not answer.strip()):
            why = "" if started else said(done)
            raise Fallback(why or done["stderr"].strip() or "exit status %s" % done["rc"])
        return dict(done, stdout=answer, stdout_lines=answer.splitlines())

    def _unsupported(self, machine):
        shipped = ", ".join(sorted(self._binaries))
        message = "%s has no binary for the architecture %s; it ships %s" % (self._task.action, machine, shipped)
        return AnsibleActionFail(message)

    def _machine(self):
        """The target's architecture, asked for where the ordinary way needs it."""
        lines = super()._low_level_execute_command("uname -m", sudoable=False)["stdout"].split()
        # A login shell may have said something first.
        answer = lines[-1] if lines else "unknown"
        for machine, names in MACHINES.items():
            if answer in names.split("|") and machine in self._binaries:
                return machine
        raise self._unsupported(answer)

    def _run_command(self):
        shipped = sorted(self._binaries.items())
        cases = ["%s) _arch=%s _hash=%s;; " % (MACHINES[name], name, digest(path)) for name, path in shipped]
        script = filled(CACHE + RUN, CASES="".join(cases), NAME=self._name())
        environment = {}
        self._compute_environment_string(environment)
        prefix = ["%s=%s " % (name, shlex.quote(str(value))) for name, value in environment.items()]
        return shell(script + "".join(prefix) + EXECUTE)

    def _put(self, machine):
        """Bring the binary to the target, whole or not at all."""
        path = self._binaries[machine]
        with open(path, "rb") as file:
            content = file.read()
        display.vvv("copying %s (%d bytes)" % (path, len(content)), host=self._host())
        script = filled(CACHE + PUT, NAME=self._name(), HASH=digest(path), SIZE=len(content))
        done = super()._low_level_execute_command(shell(script), in_data=content)
        if done["rc"] != 0:
            raise Fallback(said(done) or done["stderr"].strip() or "exit status %s" % done["rc"])

    def _name(self):
        return os.path.basename(next(iter(self._binaries.values())))


def filled(script, **values):
    """The script with its words in capitals filled in."""
    for name, value in dict(STATUS, STARTED=STARTED, **values).items():
        script = script.replace(name, str(value))
    return script


def shell(script):
    """A command that runs the script in the target's own shell."""
    return "/bin/sh -c %s" % shlex.quote(script.replace(";\n", "; "))


def said(done):
    """What the script told before it ended."""
    _before, told, last = done["stdout"].rpartition("pci.passthrough: ")
    return last.split("\n")[0].strip() if told else ""


@functools.lru_cache(maxsize=None)
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
